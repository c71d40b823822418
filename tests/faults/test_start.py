"""`serve` started before its database: it comes up, says so, and works once the database does."""

import time
import urllib.error
import urllib.request

import pytest

from tests.faults.stack import start_stack

ANSWER_WITHIN_S = 1.0
BACK_WITHIN_S = 2.0


def test_serve_starts_without_its_database_and_recovers_by_itself() -> None:
    with start_stack(workers=1, serve=False) as stack:
        stack.kill_database()
        stack.start_service(workers=1)
        started = time.monotonic()
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(stack.own_url + "/api/v1/stations")
        assert time.monotonic() - started < ANSWER_WITHIN_S
        assert caught.value.code == 503
        assert caught.value.headers["Retry-After"] == "1"
        caught.value.close()
        assert stack.get("/health/live")[0] == 200
        stack.start_database()
        back = time.monotonic()
        while stack.get("/health/ready")[0] != 200:
            assert time.monotonic() - back < BACK_WITHIN_S
            time.sleep(0.02)
        assert stack.get("/api/v1/stations?limit=1")[0] == 200
        assert "answering 503 until it does" in stack.log.read_text()
        while "the database answers, and is as it should be" not in stack.log.read_text():
            assert time.monotonic() - back < BACK_WITHIN_S
            time.sleep(0.02)
        assert stack.stop_service() == 0
