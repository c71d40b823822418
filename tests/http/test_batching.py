"""The line in front of an array function: what rides together, what is refused, who gets what."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any

import psycopg2
import psycopg2.errors
import pytest

from tests.http.waiting import until
from transit_api.database import batching
from transit_api.database.array_functions import (
    CREATE_USERS,
    ISSUE_CARDS,
    READ_BALANCES,
    ArrayFunction,
    array_literal,
)
from transit_api.database.batching import Batcher, Call, Overloaded
from transit_api.database.pools import Database, DatabaseUnavailable, TookTooLong
from transit_api.settings import Settings

ECHO = ArrayFunction("echo", ("bigint",))


class Server:
    """Answers each element with itself, one call at a time released by the test."""

    def __init__(self, *, held: bool = False) -> None:
        self.calls: list[list[int]] = []
        self.released = asyncio.Event()
        self.poison: set[int] = set()
        # How many elements of one call it can bear.
        self.most = 1_000
        self.error: Exception = DatabaseUnavailable()
        if not held:
            self.released.set()

    async def __call__(self, sql: str, params: Sequence[Any]) -> list[dict[str, Any]]:
        refs, values = (_numbers(literal) for literal in params)
        self.calls.append(values)
        await self.released.wait()
        if self.poison & set(values) or len(values) > self.most:
            raise self.error
        rows = [{"ref": ref, "value": value} for ref, value in zip(refs, values, strict=True)]
        # The order of rows is not promised.
        return rows[::-1]


def _numbers(literal: str) -> list[int]:
    return [int(word) for word in literal.strip("{}").split(",")]


def make_batcher(server: Server, **limits: int) -> Batcher:
    chosen = {"concurrency": 1, "max_batch": 10, "queue_limit": 20, **limits}
    return Batcher(ECHO, server, **chosen)


async def make_busy(batcher: Batcher, server: Server) -> asyncio.Task[dict[str, Any]]:
    """Element 0 is in a call that the server holds."""
    first = asyncio.create_task(batcher.submit((0,)))
    await until(lambda: server.calls)
    return first


def submit(batcher: Batcher, *values: int) -> list[asyncio.Task[dict[str, Any]]]:
    return [asyncio.create_task(batcher.submit((value,))) for value in values]


async def values_of(tasks: Sequence[asyncio.Task[dict[str, Any]]]) -> list[int]:
    return [row["value"] for row in await asyncio.gather(*tasks)]


async def test_lone_element_goes_at_once() -> None:
    server = Server()
    row = await make_batcher(server).submit((7,))
    assert row == {"ref": 0, "value": 7}
    assert server.calls == [[7]]


async def test_what_arrives_during_a_call_rides_in_the_next_one() -> None:
    server = Server(held=True)
    batcher = make_batcher(server)
    first = await make_busy(batcher, server)
    waiting = submit(batcher, 1, 2, 3)
    await until(lambda: batcher.waiting == 3)
    server.released.set()
    assert await values_of([first, *waiting]) == [0, 1, 2, 3]
    assert server.calls == [[0], [1, 2, 3]]


async def test_each_free_slot_makes_a_call() -> None:
    server = Server(held=True)
    batcher = make_batcher(server, concurrency=2)
    first = await make_busy(batcher, server)
    second = submit(batcher, 1)
    await until(lambda: len(server.calls) == 2)
    server.released.set()
    assert await values_of([first, *second]) == [0, 1]


async def test_call_takes_no_more_than_its_limit() -> None:
    server = Server(held=True)
    batcher = make_batcher(server, max_batch=2)
    first = await make_busy(batcher, server)
    waiting = submit(batcher, 1, 2, 3)
    await until(lambda: batcher.waiting == 3)
    server.released.set()
    await values_of([first, *waiting])
    assert server.calls == [[0], [1, 2], [3]]


async def test_full_queue_refuses_overloaded() -> None:
    server = Server(held=True)
    batcher = make_batcher(server, queue_limit=2)
    first = await make_busy(batcher, server)
    waiting = submit(batcher, 1, 2)
    await until(lambda: batcher.waiting == 2)
    with pytest.raises(Overloaded):
        await batcher.submit((3,))
    server.released.set()
    assert await values_of([first, *waiting]) == [0, 1, 2]


async def test_wait_behind_a_call_that_does_not_end_is_bounded_database_unavailable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(batching, "LONGEST_WAIT_S", 0.02)
    server = Server(held=True)
    batcher = make_batcher(server)
    first = await make_busy(batcher, server)
    for waiting in submit(batcher, 1, 2):
        with pytest.raises(DatabaseUnavailable):
            await waiting
    server.released.set()
    assert await values_of([first]) == [0]
    assert await values_of(submit(batcher, 3)) == [3]
    assert server.calls == [[0], [3]]


async def test_line_that_stands_refuses_who_comes_overloaded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(batching, "STANDING_LINE_S", 0.02)
    server = Server(held=True)
    batcher = make_batcher(server)
    first = await make_busy(batcher, server)
    waiting = submit(batcher, 1)
    await asyncio.sleep(0.03)
    with pytest.raises(Overloaded):
        await batcher.submit((2,))
    server.released.set()
    assert await values_of([first, *waiting]) == [0, 1]
    assert await values_of(submit(batcher, 3)) == [3]


async def test_wait_of_each_in_line_is_bounded_and_not_of_the_first_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(batching, "LONGEST_WAIT_S", 0.05)
    server = Server(held=True)
    batcher = make_batcher(server)
    first = await make_busy(batcher, server)
    waiting = submit(batcher, 1)
    await asyncio.sleep(0.03)
    waiting += submit(batcher, 2)
    async with asyncio.timeout(5):
        outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [DatabaseUnavailable] * 2
    server.released.set()
    assert await values_of([first]) == [0]


async def test_wait_in_a_line_that_moves_too_slowly_is_bounded_overloaded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(batching, "LONGEST_WAIT_S", 0.05)
    calls = 0

    async def slow(sql: str, params: Sequence[Any]) -> list[dict[str, Any]]:
        nonlocal calls
        calls += 1
        await asyncio.sleep(0.02)
        return [{"ref": 0}]

    batcher = Batcher(ECHO, slow, concurrency=1, max_batch=1, queue_limit=100)
    outcomes = await asyncio.gather(*submit(batcher, *range(50)), return_exceptions=True)
    refused = [outcome for outcome in outcomes if isinstance(outcome, Overloaded)]
    # One that came a moment later may still be served where the one before it was not.
    assert not isinstance(outcomes[0], Overloaded)
    assert isinstance(outcomes[-1], Overloaded)
    assert calls == len(outcomes) - len(refused) > 0


async def test_element_of_a_waiter_that_is_gone_stays_in_its_call() -> None:
    server = Server(held=True)
    batcher = make_batcher(server)
    first = await make_busy(batcher, server)
    gone, stays = submit(batcher, 1, 2)
    await until(lambda: batcher.waiting == 2)
    gone.cancel()
    server.released.set()
    assert await values_of([first, stays]) == [0, 2]
    assert server.calls == [[0], [1, 2]]


async def test_outage_is_told_to_each_element() -> None:
    server = Server()
    server.poison = {1}
    for task in submit(make_batcher(server), 1, 2):
        with pytest.raises(DatabaseUnavailable):
            await task
    assert server.calls == [[1, 2]]


async def test_defect_hits_only_the_poisonous_element() -> None:
    server = Server()
    server.poison, server.error = {3}, Refused()
    tasks = submit(make_batcher(server), 1, 2, 3, 4)
    with pytest.raises(Refused):
        await tasks[2]
    assert await values_of([tasks[0], tasks[1], tasks[3]]) == [1, 2, 4]


async def test_defect_on_our_side_is_not_asked_again() -> None:
    """Whether the call was done is not known, so a second one could charge twice."""
    # An error that the server did not word has no code.
    for error in (ValueError("unreadable answer"), psycopg2.ProgrammingError("unreadable result")):
        server = Server()
        server.poison, server.error = {2}, error
        for task in submit(make_batcher(server), 1, 2):
            with pytest.raises(type(error), match="unreadable"):
                await task
        assert server.calls == [[1, 2]]


async def test_upload_is_answered_in_its_order_in_chunks_one_after_the_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(batching, "UPLOAD_CHUNK", 4)
    server = Server()
    rows = await make_batcher(server).submit_many([(value,) for value in range(10)])
    assert [row["value"] for row in rows] == list(range(10))
    assert server.calls == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


async def test_live_element_does_not_wait_for_an_upload() -> None:
    server = Server(held=True)
    batcher = make_batcher(server)
    uploads = [asyncio.create_task(batcher.submit_many([(n,)])) for n in range(5)]
    await until(lambda: len(server.calls) == batching.UPLOADS_AT_A_TIME)
    live = submit(batcher, 99)
    await until(lambda: [99] in server.calls)
    server.released.set()
    assert await values_of(live) == [99]
    await asyncio.gather(*uploads)


async def test_upload_that_fails_tells_so_and_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "UPLOAD_CHUNK", 1)
    server = Server()
    server.poison = {1}
    with pytest.raises(DatabaseUnavailable):
        await make_batcher(server).submit_many([(0,), (1,), (2,)])
    assert server.calls == [[0], [1]]


async def test_chunks_grow_small_while_they_take_long_and_large_again_when_quick(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(batching, "UPLOAD_CHUNK", 4)
    # Each chunk takes longer than that, until the fourth is through.
    monkeypatch.setattr(batching, "LONG_CHUNK_S", -1.0)
    server = Server()

    async def call(sql: str, params: Sequence[Any]) -> list[dict[str, Any]]:
        if len(server.calls) == 3:
            monkeypatch.setattr(batching, "LONG_CHUNK_S", 3_600.0)
        return await server(sql, params)

    rows = await Batcher(
        ECHO, server, upload=call, concurrency=1, max_batch=10, queue_limit=20
    ).submit_many([(value,) for value in range(16)])
    assert [row["value"] for row in rows] == list(range(16))
    assert [len(values) for values in server.calls] == [4, 2, 1, 1, 2, 4, 2]


async def test_chunk_that_takes_too_long_is_halved_and_stays_small() -> None:
    server = Server()
    server.most, server.error = 3, TookTooLong()
    batcher = make_batcher(server)
    rows = await batcher.submit_many([(value,) for value in range(8)])
    assert [row["value"] for row in rows] == list(range(8))
    assert server.calls == [list(range(8)), [0, 1, 2, 3], [0, 1], [2, 3], [4, 5], [6, 7]]


async def test_element_that_takes_too_long_alone_ends_its_upload() -> None:
    server = Server()
    server.poison, server.error = {2}, TookTooLong()
    with pytest.raises(DatabaseUnavailable):
        await make_batcher(server).submit_many([(value,) for value in range(5)])
    assert server.calls == [[0, 1, 2, 3, 4], [0, 1], [2, 3], [2]]


async def test_outage_of_which_nobody_knows_what_was_done_is_not_asked_again() -> None:
    server = Server()
    server.poison = {2}
    with pytest.raises(DatabaseUnavailable):
        await make_batcher(server).submit_many([(value,) for value in range(5)])
    assert server.calls == [[0, 1, 2, 3, 4]]


async def test_live_call_that_takes_too_long_is_not_asked_again() -> None:
    """Those who wait behind it would wait for its halves as well."""
    server = Server()
    server.most, server.error = 1, TookTooLong()
    for task in submit(make_batcher(server), 1, 2):
        with pytest.raises(DatabaseUnavailable):
            await task
    assert server.calls == [[1, 2]]


async def test_uploads_that_wait_are_limited_overloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "UPLOADS_WAITING", 1)
    server = Server(held=True)
    batcher = make_batcher(server)
    uploads = [
        asyncio.create_task(batcher.submit_many([(n,)]))
        for n in range(batching.UPLOADS_AT_A_TIME + 1)
    ]
    await until(lambda: len(server.calls) == batching.UPLOADS_AT_A_TIME)
    with pytest.raises(Overloaded):
        await batcher.submit_many([(9,)])
    server.released.set()
    await asyncio.gather(*uploads)


async def test_wait_of_an_upload_is_bounded_overloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "LONGEST_UPLOAD_WAIT_S", 0.02)
    server = Server(held=True)
    batcher = make_batcher(server)
    uploads = [
        asyncio.create_task(batcher.submit_many([(n,)])) for n in range(batching.UPLOADS_AT_A_TIME)
    ]
    await until(lambda: len(server.calls) == batching.UPLOADS_AT_A_TIME)
    with pytest.raises(Overloaded):
        await batcher.submit_many([(9,)])
    server.released.set()
    await asyncio.gather(*uploads)


async def test_element_without_an_answer_is_a_defect() -> None:
    async def silent(sql: str, params: Sequence[Any]) -> list[dict[str, Any]]:
        return []

    batcher = Batcher(ECHO, silent, concurrency=1, max_batch=10, queue_limit=10)
    with pytest.raises(LookupError):
        await batcher.submit((1,))


async def test_closing_answers_all_who_wait() -> None:
    server = Server(held=True)
    batcher = make_batcher(server)
    tasks = [await make_busy(batcher, server), *submit(batcher, 1, 2)]
    await until(lambda: batcher.waiting == 2)
    server.released.set()
    await batcher.close()
    assert await values_of(tasks) == [0, 1, 2]


class Refused(psycopg2.errors.DataException):
    """What the server says of a statement that it rolled back."""

    pgcode = "22000"  # type: ignore[assignment]


AWKWARD = ['"', "\\", "{}", "a,b", "NULL", "", " ", "ñandú", "'; --", "\n\t", "%s", "\x7f"]


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    opened = Database(settings)
    yield opened
    await opened.close()


async def test_array_literals_say_what_was_meant(database: Database) -> None:
    moment = datetime(2026, 11, 20, 11, 42, 7, 123456, UTC)
    row = await database.fetch_one(
        "SELECT %s::text[] AS words, %s::bigint[] AS numbers, %s::timestamptz[] AS times,"
        " %s::float8[] AS degrees",
        [
            array_literal([*AWKWARD, None]),
            array_literal([2**53, -1, None]),
            array_literal([moment, None]),
            array_literal([-74.0721, 1e-7, 4]),
        ],
    )
    assert row == {
        "words": [*AWKWARD, None],
        "numbers": [2**53, -1, None],
        "times": [moment, None],
        "degrees": [-74.0721, 1e-7, 4.0],
    }


async def test_boolean_does_not_pass_for_a_number() -> None:
    with pytest.raises(TypeError):
        array_literal([True])


async def test_refusal_of_one_element_leaves_its_neighbours_alone(database: Database) -> None:
    users = make_line(CREATE_USERS, database.write_all)
    people = [("1001", "Ana"), ("1001", "Ana"), ("1002", "Luz")]
    rows = await users.submit_many([(document, name, None, None) for document, name in people])
    assert [row["outcome"] for row in rows] == ["created", "user_exists", "created"]


async def test_poison_in_the_database_spoils_only_itself(database: Database) -> None:
    cards = make_line(ISSUE_CARDS, database.write_all)
    # Validation keeps such an identifier away; here it stands for a defect nobody foresaw.
    owners = [None, 2**63, None]
    tasks = [asyncio.create_task(cards.submit((owner, None))) for owner in owners]
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert [isinstance(outcome, psycopg2.Error) for outcome in outcomes] == [False, True, False]


async def test_absent_card_has_no_balance_and_is_no_defect(database: Database) -> None:
    assert await make_line(READ_BALANCES, database.fetch_all).submit((4096,)) == {}


def make_line(function: ArrayFunction, call: Call) -> Batcher:
    return Batcher(function, call, concurrency=1, max_batch=10, queue_limit=10)
