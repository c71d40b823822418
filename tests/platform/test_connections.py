"""Clients that open connections and ask for nothing: each is bounded, and so is their number."""

import http.client
import json
import resource
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import psutil
import pytest

from tests.conftest import Server
from tests.platform.test_serving import connect, status_of, wait_until, workers_of
from transit_api.http.connections import HEARD_ABOVE_LIMIT

Start = Callable[..., Server]

LIMIT = 16
ASK = b"GET /health/live HTTP/1.1\r\nHost: test\r\n\r\n"
BODY_HEAD = (
    b"POST /api/v1/users HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n"
    b"Content-Length: 60000\r\n\r\n{"
)


@contextmanager
def connections(
    server: Server, count: int, beginning: bytes = b""
) -> Iterator[list[socket.socket]]:
    with ExitStack() as opened:
        found = []
        for _ in range(count):
            one = opened.enter_context(connect(server))
            one.sendall(beginning)
            found.append(one)
        yield found


def is_closed(one: socket.socket, within_s: float = 0.0) -> bool:
    """Whether the service ended it; what it still sent is read over."""
    one.settimeout(max(within_s, 0.001))
    try:
        while one.recv(65_536):
            pass
    except TimeoutError:
        return False
    except ConnectionError:
        return True
    return True


def answer_on(one: socket.socket) -> tuple[int, Any]:
    one.settimeout(10)
    answer = http.client.HTTPResponse(one)
    answer.begin()
    return answer.status, json.loads(answer.read())


@pytest.mark.parametrize("beginning", [b"", ASK[:20]], ids=["silent", "half a head"])
def test_head_that_does_not_come_ends_its_connection(server: Start, beginning: bytes) -> None:
    running = server(head_seconds=0.3)
    with connections(running, 3, beginning) as slow:
        began = time.monotonic()
        assert all(is_closed(one, within_s=10) for one in slow)
        assert time.monotonic() - began < 5


def test_second_head_has_no_more_time_than_the_first(server: Start) -> None:
    running = server(head_seconds=0.3)
    with connections(running, 1, ASK) as (one,):
        assert answer_on(one)[0] == 200
        one.sendall(ASK[:20])
        assert is_closed(one, within_s=10)


ASK_TWICE = ASK.replace(b"\r\n\r\n", b"\r\nX-Filler: " + b"x" * 50 + b"\r\n\r\n") + ASK
USER_HEAD = b"POST /api/v1/users HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n"
WITH_LENGTH = USER_HEAD + b"Content-Length: 2\r\n\r\n{}"
IN_CHUNKS = USER_HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
WHOLE = pytest.mark.parametrize(
    "whole", [(ASK,), (ASK_TWICE,), (WITH_LENGTH,), (WITH_LENGTH[:-1], b"}"), (IN_CHUNKS,)],
    ids=["no body", "two", "a body", "a body apart", "chunks"],
)  # fmt: skip


def send_apart(one: socket.socket, pieces: tuple[bytes, ...], rest: bytes) -> None:
    """The last piece comes with the rest, and the others each in a packet of its own."""
    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for piece in pieces[:-1]:
        one.sendall(piece)
        time.sleep(0.2)
    one.sendall(pieces[-1] + rest)


@WHOLE
def test_half_a_head_behind_a_whole_request_has_no_more_time(
    server: Start, whole: tuple[bytes, ...]
) -> None:
    running = server(head_seconds=0.3)
    with connections(running, 1) as (one,):
        send_apart(one, whole, ASK[:20])
        assert is_closed(one, within_s=10)


@WHOLE
def test_connection_is_kept_behind_whole_requests(server: Start, whole: tuple[bytes, ...]) -> None:
    running = server(head_seconds=0.3)
    with connections(running, 1) as (one,):
        send_apart(one, whole, b"")
        assert not is_closed(one, within_s=1.5)


def test_half_a_head_is_told_that_it_took_too_long_request_timeout(server: Start) -> None:
    running = server(head_seconds=0.3)
    with connections(running, 1, ASK[:20]) as (one,):
        status, problem = answer_on(one)
        assert (status, problem["code"]) == (408, "request_timeout")
        assert is_closed(one, within_s=10)


def test_head_byte_by_byte_has_no_more_time_than_one_that_stops(server: Start) -> None:
    running = server(head_seconds=0.5)
    with connections(running, 1) as (one,):
        began = time.monotonic()
        with pytest.raises(ConnectionError):
            while time.monotonic() - began < 10:
                one.sendall(b"G")
                time.sleep(0.05)
        assert time.monotonic() - began < 5


def test_kept_connection_may_rest_longer_than_a_head(server: Start) -> None:
    running = server(head_seconds=0.3)
    with connections(running, 1, ASK) as (one,):
        assert answer_on(one)[0] == 200
        assert not is_closed(one, within_s=1.5)
        one.sendall(ASK)
        assert answer_on(one)[0] == 200


def test_longest_idle_connection_goes_first_and_one_that_asked_stays(server: Start) -> None:
    running = server(connection_limit=LIMIT)
    with connections(running, 1, ASK) as (asked,), connections(running, LIMIT) as silent:
        assert answer_on(asked)[0] == 200
        wait_until(lambda: is_closed(silent[0]), 10)
        assert not any(is_closed(one) for one in silent[2:])
        asked.sendall(ASK)
        assert answer_on(asked)[0] == 200


def test_crowd_of_silent_connections_keeps_nobody_out(server: Start) -> None:
    running = server(connection_limit=LIMIT)
    with connections(running, 20 * LIMIT) as silent:
        assert status_of(running, "/api/v1/stations") == 200
        wait_until(lambda: sum(not is_closed(one) for one in silent) <= LIMIT, 10)
    assert running.log.read_text().count("the longest idle ones are closed") == 1


def test_crowd_that_is_busy_is_told_and_health_answers_overloaded(server: Start) -> None:
    running = server(connection_limit=LIMIT)
    with connections(running, LIMIT + 2, BODY_HEAD):
        with connections(running, 1, ASK.replace(b"health/live", b"api/v1/stations")) as (one,):
            status, problem = answer_on(one)
            assert (status, problem["code"]) == (503, "overloaded")
        assert status_of(running, "/health/live") == 200
    with connections(running, LIMIT + HEARD_ABOVE_LIMIT + 8, BODY_HEAD) as busy:
        wait_until(lambda: is_closed(busy[-1]), 10)


def test_body_that_trickles_is_given_up_request_timeout(server: Start) -> None:
    running = server(body_pace_bytes=1_048_576)
    with connections(running, 1, BODY_HEAD) as (one,):
        status, problem = answer_on(one)
    assert (status, problem["code"]) == (408, "request_timeout")


def test_open_files_are_raised_to_what_is_allowed(server: Start) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 512), hard))
    try:
        (worker,) = workers_of(server())
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert worker.rlimit(psutil.RLIMIT_NOFILE)[0] == min(hard, 65_536)


def test_no_file_left_is_one_line_and_the_worker_goes_on(server: Start) -> None:
    running = server()
    (worker,) = workers_of(running)
    assert status_of(running, "/health") == 200
    allowed = worker.rlimit(psutil.RLIMIT_NOFILE)
    worker.rlimit(psutil.RLIMIT_NOFILE, (worker.num_fds() + 3, allowed[1]))
    with connections(running, 40):
        wait_until(lambda: "no file is left" in running.log.read_text(), 10)
    worker.rlimit(psutil.RLIMIT_NOFILE, allowed)
    wait_until(lambda: status_of(running, "/health/live") == 200, 10)
    assert workers_of(running) == [worker]
    lines = running.log.read_text().splitlines()
    assert sum("no file is left" in line for line in lines) == 1
    assert not any('"level":"error"' in line for line in lines), lines
