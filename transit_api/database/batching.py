"""Many requests in flight, one procedure call: natural batching, which adds no wait.

A call starts at once while one of the batcher's slots is free; what arrives while all are busy
rides in the next call. A refusal is a row, so elements do not touch each other; if a whole call
fails because the database is away each element is told so (a retry with its key is safe), and if
it fails because of a defect it is halved until the poisonous element stands alone. An upload whose
call takes too long goes on in smaller calls.
"""

import asyncio
import collections
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, Final

import psycopg2
from aiohttp import web

from transit_api.database.array_functions import (
    BUY_MONTHLY_PASSES,
    CREATE_USERS,
    END_TRIPS,
    ISSUE_CARDS,
    READ_BALANCES,
    RECHARGE_CARDS,
    REPLACE_CARDS,
    START_TRIPS,
    ArrayFunction,
    Element,
)
from transit_api.database.pools import DB, DatabaseUnavailable, Row, TookTooLong
from transit_api.observe.metrics import METRICS, Metrics
from transit_api.settings import SETTINGS

# SQL and parameters in, rows out: one of the database's fetch_all and write_all.
Call = Callable[[str, Sequence[Any]], Awaitable[list[Row]]]

Waiting = tuple[Element, "asyncio.Future[Row]"]

# An element that no call took along for so long is refused: nothing was done.
LONGEST_WAIT_S: Final = 0.9
# While the first in line has waited so long, whoever comes is refused at once: it would wait as
# long. What is accepted under overload keeps a short wait, and what is refused does not wait.
STANDING_LINE_S: Final = 0.5
# Uploads go in pieces, so that a live tap waits for one piece and not for a thousand taps.
UPLOAD_CHUNK: Final = 100
# A piece that took longer is followed by smaller ones, which leave more of the machine to live taps
# and cost less: within one transaction each trip that is priced again leaves its former self.
LONG_CHUNK_S = 0.25
UPLOADS_AT_A_TIME: Final = 2
UPLOADS_WAITING: Final = 64
LONGEST_UPLOAD_WAIT_S: Final = 5.0


class Overloaded(Exception):
    """A bounded queue is full, or its wait too long; nothing was done."""

    def __init__(self) -> None:
        super().__init__("too many requests are waiting")


class Batcher:
    """The line in front of one array function."""

    def __init__(
        self,
        function: ArrayFunction,
        call: Call,
        *,
        upload: Call | None = None,
        concurrency: int,
        max_batch: int,
        queue_limit: int,
        metrics: Metrics | None = None,
    ) -> None:
        self._function = function
        self._sql = function.sql
        self._call = call
        self._upload_call = upload or call
        self._free_slots = concurrency
        self._max_batch = max_batch
        self._queue_limit = queue_limit
        self._metrics = metrics
        self._queue: collections.deque[tuple[float, Element, asyncio.Future[Row]]] = (
            collections.deque()
        )
        self._runs: set[asyncio.Task[None]] = set()
        self._sweep: asyncio.TimerHandle | None = None
        # When a call last came back, on the loop's clock.
        self._moved_at = 0.0
        self._uploads = asyncio.Semaphore(UPLOADS_AT_A_TIME)
        self._uploads_waiting = 0

    @property
    def waiting(self) -> int:
        """Elements that no call has taken along yet."""
        return len(self._queue)

    async def submit(self, element: Element) -> Row:
        """The answer row of one element (arguments after p_ref, in their order).

        Raises Overloaded (nothing was done) and DatabaseUnavailable (ask again with the key). An
        empty row says that the function had nothing to say, where it may.
        """
        loop = asyncio.get_running_loop()
        now = loop.time()
        if self._queue and (
            len(self._queue) >= self._queue_limit or now - self._queue[0][0] > STANDING_LINE_S
        ):
            raise Overloaded
        answer: asyncio.Future[Row] = loop.create_future()
        self._queue.append((now, element, answer))
        if self._free_slots:
            self._free_slots -= 1
            run = loop.create_task(self._run())
            self._runs.add(run)
            run.add_done_callback(self._runs.discard)
        elif self._sweep is None:
            self._sweep = loop.call_later(LONGEST_WAIT_S, self._expire)
        return await answer

    async def submit_many(self, elements: Sequence[Element]) -> list[Row]:
        """The answer rows of an upload, in its order; decided in its order.

        It goes in chunks, one after the other, beside the live calls and never before them. If it
        raises, the chunks before the failure are done: ask again with the same keys. A chunk that
        takes too long is halved, down to one element, so that every try gets further; what
        follows a chunk that took long goes in smaller ones, until they are quick again.
        """
        if self._uploads_waiting >= UPLOADS_WAITING:
            raise Overloaded
        self._uploads_waiting += 1
        try:
            async with asyncio.timeout(LONGEST_UPLOAD_WAIT_S):
                await self._uploads.acquire()
        except TimeoutError:
            raise Overloaded from None
        finally:
            self._uploads_waiting -= 1
        try:
            return await self._upload(elements)
        finally:
            self._uploads.release()

    async def _upload(self, elements: Sequence[Element]) -> list[Row]:
        loop = asyncio.get_running_loop()
        rows: list[Row] = []
        size = largest = UPLOAD_CHUNK
        while len(rows) < len(elements):
            answers = [
                (element, loop.create_future())
                for element in elements[len(rows) : len(rows) + size]
            ]
            began = loop.time()
            await self._decide(answers, self._upload_call)
            taken_s = loop.time() - began
            # All are looked at, because asyncio complains of failures that nobody asked for.
            failures = [answer.exception() for _, answer in answers]
            # Rolled back whole, so that elements without a key may be asked again as well. What
            # follows is as dear as this, so the chunks stay small.
            if len(answers) > 1 and all(isinstance(error, TookTooLong) for error in failures):
                size = largest = len(answers) // 2
                continue
            for failure in filter(None, failures):
                raise failure
            rows.extend([answer.result() for _, answer in answers])
            if taken_s > LONG_CHUNK_S:
                size = max(1, len(answers) // 2)
            elif taken_s < LONG_CHUNK_S / 4:
                size = min(2 * size, largest)
        return rows

    async def _run(self) -> None:
        try:
            while self._queue:
                size = min(len(self._queue), self._max_batch)
                batch = [self._queue.popleft()[1:] for _ in range(size)]
                await self._decide(batch, self._call)
                self._moved_at = asyncio.get_running_loop().time()
        finally:
            self._free_slots += 1

    async def _decide(self, batch: list[Waiting], call: Call) -> None:
        """Call, and give every element its answer; a waiter that is gone is passed over."""
        try:
            rows = await self._ask([element for element, _ in batch], call)
        except asyncio.CancelledError:
            _fail(batch, DatabaseUnavailable())
            raise
        except Exception as error:
            if not _was_refused_whole(error) or len(batch) == 1:
                _fail(batch, error)
                return
            middle = len(batch) // 2
            await self._decide(batch[:middle], call)
            await self._decide(batch[middle:], call)
        else:
            for (_, answer), row in zip(batch, rows, strict=True):
                if not answer.done():
                    answer.set_result(row)

    async def _ask(self, elements: Sequence[Element], call: Call) -> list[Row]:
        rows = await call(self._sql, self._function.parameters(elements))
        answers: list[Row | None] = [None] * len(elements)
        for row in rows:
            answers[row["ref"]] = row
        if None in answers and not self._function.may_be_silent:
            raise LookupError(f"api.{self._function.name} left an element without an answer")
        self._count(rows, len(elements))
        return [row or {} for row in answers]

    def _count(self, rows: list[Row], size: int) -> None:
        if self._metrics is not None:
            self._metrics.observe_batch(self._function.name, size)
            if rows and "outcome" in rows[0]:
                self._metrics.count_outcomes(self._function.name, rows)

    def _expire(self) -> None:
        loop = asyncio.get_running_loop()
        too_old = loop.time() - LONGEST_WAIT_S
        while self._queue and self._queue[0][0] <= too_old:
            queued_at, _, answer = self._queue.popleft()
            # Where no call came back in all that time it is not the line that is too long.
            moving = self._moved_at > queued_at
            if not answer.done():
                answer.set_exception(Overloaded() if moving else DatabaseUnavailable())
        self._sweep = None
        if self._queue:
            self._sweep = loop.call_at(self._queue[0][0] + LONGEST_WAIT_S, self._expire)

    async def close(self) -> None:
        """Let the calls in flight and what waits for them finish."""
        if self._runs:
            await asyncio.wait(self._runs)
        if self._sweep is not None:
            self._sweep.cancel()


def _was_refused_whole(error: Exception) -> bool:
    """Whether the server refused the statement for a defect: rolled back, safe to ask again."""
    return isinstance(error, psycopg2.Error) and error.pgcode is not None


def _fail(batch: list[Waiting], error: Exception) -> None:
    for _, answer in batch:
        if not answer.done():
            answer.set_exception(error)


TAPS: Final = web.AppKey("TAPS", Batcher)
ENDS: Final = web.AppKey("ENDS", Batcher)
RECHARGES: Final = web.AppKey("RECHARGES", Batcher)
BALANCES: Final = web.AppKey("BALANCES", Batcher)
USERS: Final = web.AppKey("USERS", Batcher)
CARDS: Final = web.AppKey("CARDS", Batcher)
REPLACEMENTS: Final = web.AppKey("REPLACEMENTS", Batcher)
PASSES: Final = web.AppKey("PASSES", Batcher)

# What each line may hold of the pool at once; uploads come on top.
LINES: Final = {
    TAPS: (START_TRIPS, 2),
    ENDS: (END_TRIPS, 1),
    RECHARGES: (RECHARGE_CARDS, 1),
    BALANCES: (READ_BALANCES, 2),
    USERS: (CREATE_USERS, 1),
    CARDS: (ISSUE_CARDS, 1),
    REPLACEMENTS: (REPLACE_CARDS, 1),
    PASSES: (BUY_MONTHLY_PASSES, 1),
}


async def batching_lifespan(app: web.Application) -> AsyncIterator[None]:
    """Open the lines once the database's pools exist; at the end, answer all who wait."""
    settings, database = app[SETTINGS], app[DB]
    for key, (function, concurrency) in LINES.items():
        app[key] = Batcher(
            function,
            database.fetch_all if key is BALANCES else database.write_all,
            upload=database.upload_all,
            concurrency=concurrency,
            max_batch=settings.batch_limit,
            queue_limit=settings.queue_limit,
            metrics=app[METRICS],
        )
    yield
    for key in LINES:
        await app[key].close()
