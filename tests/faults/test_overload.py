"""More than the service can do, clients that hold it up, and rubbish: it stays what it is."""

import asyncio
import errno
import http.client
import json
import select
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from tests.faults.overload import Crowd, overload
from tests.faults.stack import Stack, start_stack
from transit_api.process import sockets as listening

# A call of the database takes 50 ms and takes along four taps: some 200 taps a second, which this
# machine can exceed three times over without being exhausted itself.
CALL_S = 0.05
SETTINGS = {"TRANSIT_BATCH_LIMIT": "4", "TRANSIT_BODY_LIMIT_BYTES": "65536"}
MEMORY_GROWTH_MB = 60
SLOW_CLIENTS = 200
ANSWER_WITHIN_S = 1.0
# Who is still sending when the refusal comes may lose it to the reset of the connection: the two
# pieces of rubbish that are larger than a socket's buffer.
MOST_UNANSWERED = 2


@pytest.fixture(scope="module")
def small() -> Iterator[Stack]:
    """A service of one worker that can do little."""
    with start_stack(workers=1, settings=SETTINGS) as stack:
        yield stack


@pytest.fixture
def hanging_up(small: Stack) -> Iterator[Stack]:
    """Its processes, at an address where everybody is hung up on."""

    def hang_up(listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                listener.accept()[0].close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        taker = threading.Thread(target=hang_up, args=(listener,))
        taker.start()
        yield replace(small, own_url=f"http://127.0.0.1:{listener.getsockname()[1]}")
        listener.shutdown(socket.SHUT_RDWR)
        taker.join()


def open_socket(stack: Stack) -> socket.socket:
    address = urlsplit(stack.own_url)
    assert address.hostname and address.port
    return socket.create_connection((address.hostname, address.port), timeout=5)


def seconds_of_an_answer(stack: Stack) -> float:
    started = time.monotonic()
    assert stack.get("/api/v1/stations?limit=1")[0] == 200
    return time.monotonic() - started


@pytest.mark.long
def test_overload_is_refused_quickly_and_over_when_it_is_over(small: Stack) -> None:
    (worker,) = small.workers()
    small.get("/api/v1/stations")
    before = worker.memory_info().rss / 1e6
    try:
        capacity, told = overload(small, factor=3, seconds=3, call_s=CALL_S)
    finally:
        small.database.resume()
    seen = told.summary()
    assert told.problems(capacity) == [], (capacity, seen)
    # The margins are those of a machine that others use as well; on a quiet one it is half.
    assert seen["accepted_p99_s"] < 2.0, seen
    assert seen["refused_p99_s"] < 2.0, seen
    assert told.normal_after_s is not None and told.normal_after_s < 5.0, seen
    assert told.memory_mb - before < MEMORY_GROWTH_MB, (before, seen)


def test_service_that_hangs_up_on_everything_is_no_overloaded_one(hanging_up: Stack) -> None:
    crowd = Crowd(hanging_up)
    crowd.cards = [1]
    told = asyncio.run(crowd.drive(rate=200, seconds=1, patience_s=0.2))
    assert told.unanswered == 200
    assert {"it hung up", "it refused few", "it did not recover"} <= set(told.problems(50))
    assert len(hang_ups(hanging_up)) == len(RUBBISH)


@pytest.mark.parametrize(
    "beginning",
    [
        b"",
        b"GET /api/v1/stations HTTP/1.1\r\nHost: te",
        b"POST /api/v1/users HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n"
        b"Content-Length: 60000\r\n\r\n{",
        # Asks for much, many times, and never reads.
        b"GET /api/v1/stations?limit=200 HTTP/1.1\r\nHost: test\r\n\r\n" * 50,
    ],
    ids=["silent", "slow head", "slow body", "never reading"],
)
def test_slow_clients_do_not_hold_the_service(small: Stack, beginning: bytes) -> None:
    (worker,) = small.workers()
    before = worker.memory_info().rss / 1e6
    with ExitStack() as open_ones:
        for _ in range(SLOW_CLIENTS):
            one = open_ones.enter_context(open_socket(small))
            one.setblocking(False)
            one.send(beginning)
        deadline = time.monotonic() + 10
        while seconds_of_an_answer(small) > ANSWER_WITHIN_S:
            assert time.monotonic() < deadline
        assert worker.memory_info().rss / 1e6 - before < MEMORY_GROWTH_MB
    assert small.get("/health/ready")[0] == 200


@pytest.mark.skipif(sys.platform != "linux", reason="other kernels know no such limit")
def test_client_that_never_reads_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "UNREAD_LIMIT_MS", 500)
    (listener,) = listening.open_sockets("127.0.0.1", 0)
    with listener, socket.create_connection(listener.getsockname()[:2]):
        accepted, _ = listener.accept()
        accepted.settimeout(10)
        started = time.monotonic()
        with accepted, pytest.raises(OSError, match="timed out") as caught:
            while time.monotonic() < started + 10:
                accepted.send(b"x" * 65_536)
        assert caught.value.errno == errno.ETIMEDOUT


def test_oversized_body_is_refused_before_it_is_read(small: Stack) -> None:
    head = (
        b"POST /api/v1/users HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n"
        b"Content-Length: 1000000000\r\n\r\n"
    )
    with open_socket(small) as client:
        client.sendall(head + b"x" * 1_000)
        answer = http.client.HTTPResponse(client)
        answer.begin()
        assert answer.status == 413
        assert json.loads(answer.read())["code"] == "payload_too_large"


def test_endless_body_is_refused_at_the_limit(small: Stack) -> None:
    chunk = b"4000\r\n" + b"x" * 0x4000 + b"\r\n"
    with open_socket(small) as client:
        client.sendall(
            b"POST /api/v1/users HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        # What is sent after the answer is dropped, for a while, so that the client can read it.
        for _ in range(200):
            client.sendall(chunk)
            if select.select([client], [], [], 0.01)[0]:
                break
        answer = http.client.HTTPResponse(client)
        answer.begin()
        assert answer.status == 413
    assert seconds_of_an_answer(small) < ANSWER_WITHIN_S


RUBBISH = [
    b"\x00" * 64,
    b"\xff\xfe\xfd" * 100,
    b"GET\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcde",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc",
    b"POST /api/v1/users HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
    b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 20_000 + b"\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nX-\x00: y\r\n\r\n",
    b"GET /api/v1/cards/\xff HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /api/v1/cards/%00%ff%c0%ae HTTP/1.1\r\nHost: a\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"CONNECT example.org:443 HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET http://example.org/ HTTP/1.1\r\nHost: a\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
]


def hang_ups(stack: Stack) -> list[bytes]:
    """The rubbish that got no answer; each answer refuses it as the client's fault."""
    unanswered = []
    for rubbish in RUBBISH:
        with open_socket(stack) as client:
            try:
                client.sendall(rubbish)
                answer = client.recv(65536)
            except ConnectionError:
                answer = b""
        if answer:
            assert answer[9:10] == b"4", (rubbish[:60], answer[:200])
        else:
            unanswered.append(rubbish[:60])
    return unanswered


def test_rubbish_on_the_port_is_refused_and_logged_as_no_defect(small: Stack) -> None:
    size = small.log.stat().st_size
    unanswered = hang_ups(small)
    assert len(unanswered) <= MOST_UNANSWERED, unanswered
    assert seconds_of_an_answer(small) < ANSWER_WITHIN_S
    assert '"defect ' not in small.log.read_text()[size:]
