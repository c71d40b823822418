"""How a test knows that another connection waits for a lock, without sleeping for long."""

import time
from concurrent.futures import Future
from typing import Any

GIVE_UP_S = 20.0


def wait_until_blocked(watcher: Any, blocked: Any, answer: "Future[Any]") -> bool:
    """True once `blocked` waits for a lock of another; False if it got its answer without."""
    give_up = time.monotonic() + GIVE_UP_S
    while time.monotonic() < give_up:
        with watcher.cursor() as cursor:
            cursor.execute(
                "SELECT cardinality(pg_blocking_pids(%s)) > 0", (blocked.info.backend_pid,)
            )
            if cursor.fetchone()[0]:
                return True
        if answer.done():
            return False
        time.sleep(0.001)
    raise AssertionError("it neither waited nor answered")
