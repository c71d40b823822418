"""The aiopg pools; the only place with a cursor, and where their failures get one meaning.

Pools of their own, so that no kind of work can starve another: `reads` (a session that cannot
write, so a writing function called by mistake fails at once), `writes`, `uploads` (batches, which
take long) and `upkeep` (health checks, rollups).

What aiopg and psycopg2 do when something breaks, and what becomes of it here:

- server-side `statement_timeout` (57014) arrives as a bare CancelledError: TookTooLong;
- OperationalError, InterfaceError, refused connections (sometimes RuntimeError on uvloop), silence:
  DatabaseUnavailable;
- a call that met a function being rebuilt (it rolled back whole): tried once more;
- a read whose connection broke: tried once more, on another connection;
- a cancelled handler would close the connection while the backend runs on and may commit: calls
  run in tasks of their own, which cancelling the caller does not reach;
- anything else is a defect and goes up as it is.
"""

import asyncio
import contextlib
import logging
import select
import time
from collections.abc import AsyncIterator, Coroutine, Sequence
from typing import Any, Final, TypeVar

import aiopg
import psycopg2
from aiohttp import web

from transit_api.settings import SETTINGS, Settings

T = TypeVar("T")
Row = dict[str, Any]

log = logging.getLogger(__name__)

# cache lookup failed, undefined function, invalid schema name: the function is being replaced.
REBUILT: Final = frozenset({"XX000", "42883", "3F000"})
# Deadlock and serialization failure: rolled back whole, and nobody's fault to answer for.
LOST_RACE: Final = frozenset({"40P01", "40001"})
# The statements of money look up single rows. Planned once and always by index: planning each
# call anew costs as much as running it, and a plan made while a table was still small would read
# all of it ever after.
BY_INDEX: Final = (
    "-c plan_cache_mode=force_generic_plan"
    " -c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off"
)
# The client waits this much longer than the server may take, so that the server speaks first.
SILENCE_MARGIN_S: Final = 0.5
# One call of an upload runs while the next one is being put together.
UPLOAD_CONNECTIONS: Final = 2
UPKEEP_CONNECTIONS: Final = 2
# Calls that may wait for a connection, for each one of the pool; the next one is refused.
WAITERS_PER_CONNECTION: Final = 64
LOGGED_STATEMENT: Final = 80
PING_TIMEOUT_S: Final = 0.9


class DatabaseUnavailable(Exception):
    """The database did not answer; what was asked for may or may not have been done."""

    def __init__(self) -> None:
        super().__init__("the database does not answer")


class ConnectionLost(DatabaseUnavailable):
    """The connection failed under a statement: a restart, or it had died of old age before."""


class TookTooLong(DatabaseUnavailable):
    """The server ended the statement at its time limit and rolled it back: nothing was done."""


class Pool:
    """One aiopg pool behind a gate of its own, which bounds who waits and for how long.

    The gate has as many places as the pool has connections: aiopg's own wait, which loses wake-ups
    when a waiter is cancelled and has no limit on waiters, is never used.
    """

    def __init__(self, name: str, settings: Settings, *, size: int, options: str = "") -> None:
        self.name = name
        self._name = {"pool": name}
        self.size = size
        # Calls that wait for a connection, and those that have one or are making it.
        self.waiting = 0
        self.in_use = 0
        self._lost_since: float | None = None
        self._free = asyncio.Semaphore(size)
        self._wait_s = settings.pool_wait_ms / 1000
        self._silence_s = settings.statement_timeout_ms / 1000 + SILENCE_MARGIN_S
        self._connect_s = settings.connect_timeout_seconds
        self._dsn = settings.database_url
        self._options = (
            f"-c TimeZone=UTC -c statement_timeout={settings.statement_timeout_ms}"
            f" -c client_connection_check_interval=1000 {options}"
        )
        self._pool: aiopg.Pool | None = None

    @property
    def open(self) -> int:
        """Connections to the server, busy or not."""
        return 0 if self._pool is None else self._pool.size

    async def run(self, sql: str, params: Sequence[Any]) -> list[Row]:
        """One statement on a connection of this pool."""
        pool, connection = await self._take()
        try:
            return await self._execute(connection, sql, params)
        finally:
            # Not awaited: it is done at once, and nothing here waits for the wake-up it answers.
            pool.release(connection)
            self._leave()

    async def _take(self) -> tuple[aiopg.Pool, aiopg.Connection]:
        """A living connection, within one bound for waiting and connecting together."""
        if self.waiting >= self.size * WAITERS_PER_CONNECTION:
            raise DatabaseUnavailable
        self.waiting += 1
        try:
            async with asyncio.timeout(self._wait_s):
                await self._free.acquire()
                return await self._connect()
        except TimeoutError:
            raise DatabaseUnavailable from None
        finally:
            self.waiting -= 1

    async def _connect(self) -> tuple[aiopg.Pool, aiopg.Connection]:
        self.in_use += 1
        try:
            pool = await self._opened()
            connection = await _acquire_living(pool)
        except (psycopg2.Error, OSError, RuntimeError) as error:
            self._leave()
            self._note_lost(error)
            raise DatabaseUnavailable from error
        except asyncio.CancelledError:
            self._leave()
            self._note_lost(TimeoutError("it does not answer"))
            raise
        except BaseException:
            # A defect must not keep a place of the pool for ever.
            self._leave()
            raise
        self._note_there()
        return pool, connection

    def _note_lost(self, error: Exception) -> None:
        """Say it once, and not for each request that meets it."""
        if self._lost_since is None:
            self._lost_since = time.monotonic()
            log.warning("no connection to the database: %s", str(error).strip(), extra=self._name)

    def _note_there(self) -> None:
        if self._lost_since is not None:
            seconds = round(time.monotonic() - self._lost_since, 1)
            self._lost_since = None
            log.warning("the database is back", extra={**self._name, "lost_for_s": seconds})

    def _leave(self) -> None:
        self.in_use -= 1
        self._free.release()

    async def _opened(self) -> aiopg.Pool:
        # minsize 0 connects to nothing yet: a service may start before its database.
        if self._pool is None:
            self._pool = await aiopg.create_pool(
                self._dsn,
                minsize=0,
                maxsize=self.size,
                timeout=self._connect_s,
                enable_json=True,
                enable_hstore=False,
                enable_uuid=False,
                options=self._options,
                application_name=f"transit-api {self.name}",
            )
        return self._pool

    async def _execute(
        self, connection: aiopg.Connection, sql: str, params: Sequence[Any]
    ) -> list[Row]:
        cursor = await connection.cursor(timeout=self._silence_s)
        try:
            await cursor.execute(sql, params)
            names = [column.name for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor.raw]
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            log.warning("a statement took too long", extra=self._about(sql))
            raise TookTooLong from None
        except TimeoutError:
            log.warning("the database fell silent under a statement", extra=self._about(sql))
            raise DatabaseUnavailable from None
        except (psycopg2.OperationalError, psycopg2.InterfaceError) as error:
            if error.pgcode in LOST_RACE:
                raise
            # With a code the server's words may quote values; without one they are libpq's.
            reason = error.pgcode or str(error).strip()
            log.warning("a statement failed: %s", reason, extra=self._about(sql))
            raise ConnectionLost from error
        finally:
            cursor.close()

    def _about(self, sql: str) -> dict[str, str]:
        """For whoever reads the log; no statement of ours holds a value."""
        return {**self._name, "statement": sql[:LOGGED_STATEMENT]}

    async def close(self) -> None:
        """Close every connection; those in use first finish what they do."""
        if self._pool is not None:
            self._pool.close()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._silence_s):
                    await self._pool.wait_closed()
            self._pool.terminate()


class Database:
    """What handlers call: `fetch_*` for questions, `write_*` for functions that change something.

    All raise DatabaseUnavailable; any other exception is a defect.
    """

    def __init__(self, settings: Settings) -> None:
        reads = max(1, settings.pool_size // 2)
        self.reads = Pool(
            "reads", settings, size=reads, options="-c default_transaction_read_only=on"
        )
        writes = max(1, settings.pool_size - reads)
        self.writes = Pool("writes", settings, size=writes, options=BY_INDEX)
        self.uploads = Pool("uploads", settings, size=UPLOAD_CONNECTIONS, options=BY_INDEX)
        self.upkeep = Pool("upkeep", settings, size=UPKEEP_CONNECTIONS)
        self.pools = (self.reads, self.writes, self.uploads, self.upkeep)
        self._calls: set[asyncio.Task[Any]] = set()
        self._ping: asyncio.Task[list[Row]] | None = None

    async def fetch_all(self, sql: str, params: Sequence[Any] = ()) -> list[Row]:
        """The rows of a question, at most some hundreds of them."""
        return await self._shielded(self._read(sql, params))

    async def fetch_one(self, sql: str, params: Sequence[Any] = ()) -> Row | None:
        """The first row of a question, None where there is none."""
        rows = await self.fetch_all(sql, params)
        return rows[0] if rows else None

    async def write_all(self, sql: str, params: Sequence[Any] = ()) -> list[Row]:
        """The rows that a changing function answers; runs to its end even if the caller is gone."""
        return await self._shielded(_repeat_if_rolled_back(self.writes, sql, params))

    async def write_one(self, sql: str, params: Sequence[Any] = ()) -> Row:
        """The one row that a changing function answers."""
        rows = await self.write_all(sql, params)
        return rows[0]

    async def upload_all(self, sql: str, params: Sequence[Any]) -> list[Row]:
        """The same as `write_all` for what may take long; holds up no other write."""
        return await self._shielded(_repeat_if_rolled_back(self.uploads, sql, params))

    async def run_upkeep(self, sql: str, params: Sequence[Any] = ()) -> list[Row]:
        """A call of the service's own, which competes with no request."""
        return await self._shielded(_repeat_if_rolled_back(self.upkeep, sql, params))

    async def ping(self) -> None:
        """Return once the database answered, within a second, however busy the pools are.

        Any number of callers share one question.
        """
        if self._ping is None or self._ping.done():
            self._ping = asyncio.create_task(self.ask_at_once("SELECT 1 AS one"))
        await asyncio.shield(self._ping)

    async def ask_at_once(self, sql: str, params: Sequence[Any] = ()) -> list[Row]:
        """A short question of the service's own, answered or given up within a second."""
        try:
            async with asyncio.timeout(PING_TIMEOUT_S):
                return await _repeat_if_rolled_back(self.upkeep, sql, params)
        except TimeoutError:
            raise DatabaseUnavailable from None

    async def _read(self, sql: str, params: Sequence[Any]) -> list[Row]:
        try:
            return await _repeat_if_rolled_back(self.reads, sql, params)
        except ConnectionLost:
            # A question may be asked again, and one with a new connection.
            return await _repeat_if_rolled_back(self.reads, sql, params)

    async def _shielded(self, call: Coroutine[Any, Any, T]) -> T:
        # Bounded: each of these tasks holds a place of a pool or waits in its bounded line.
        task = asyncio.create_task(call)
        self._calls.add(task)
        task.add_done_callback(self._forget)
        return await asyncio.shield(task)

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._calls.discard(task)
        if not task.cancelled():
            # Whoever asked may be gone; asking for the exception marks it as seen.
            task.exception()

    async def close(self) -> None:
        """Let calls in flight finish, then close the pools."""
        if self._calls:
            await asyncio.wait(self._calls)
        for pool in self.pools:
            await pool.close()


async def _acquire_living(pool: aiopg.Pool) -> aiopg.Connection:
    """A connection that the server has not ended, out of the pool or new."""
    while True:
        try:
            connection = await pool.acquire()
        except AssertionError:
            # aiopg looks for dead ones before it waits, and asserts that none died meanwhile; it
            # has dropped this one.
            continue
        if not _has_died(connection):
            return connection
        pool.release(connection)


def _has_died(connection: aiopg.Connection) -> bool:
    """Whether the server ended an idle connection: an idle socket has nothing to say but that."""
    if not connection.closed:
        poll = select.poll()
        poll.register(connection.raw.fileno(), select.POLLIN)
        if poll.poll(0):
            connection.close()
    return bool(connection.closed)


async def _repeat_if_rolled_back(pool: Pool, sql: str, params: Sequence[Any]) -> list[Row]:
    try:
        return await pool.run(sql, params)
    except psycopg2.Error as error:
        if error.pgcode not in REBUILT | LOST_RACE:
            raise
        log.warning("a call was rolled back with %s and is repeated", error.pgcode)
        return await pool.run(sql, params)


DB: Final = web.AppKey("DB", Database)


async def database_lifespan(app: web.Application) -> AsyncIterator[None]:
    """Open (lazily) before the first request, close after the last."""
    app[DB] = database = Database(app[SETTINGS])
    yield
    await database.close()
