"""The aiopg pools; the only place with a cursor, and where their failures get one meaning.

Pools of their own, so that no kind of work can starve another: `reads` (a session that cannot
write, so a writing function called by mistake fails at once), `writes`, `uploads` (batches, which
take long) and `upkeep` (health checks, rollups).

What aiopg and psycopg2 do when something breaks, and what becomes of it here:

- what the server says has its meaning in `sqlstates.py`: an outage is DatabaseUnavailable, and a
  call that was rolled back whole is tried once more;
- server-side `statement_timeout` (57014) arrives as a bare CancelledError: TookTooLong;
- refused connections (sometimes RuntimeError on uvloop), silence: DatabaseUnavailable;
- a read whose connection broke: tried once more, on another connection;
- with several hosts in the address aiopg never gets past the first: `hosts.py`;
- a cancelled handler would close the connection while the backend runs on and may commit: calls
  run in tasks of their own, which cancelling the caller does not reach;
- anything else is a defect and goes up as it is.
"""

import asyncio
import contextlib
import logging
import select
import time
import weakref
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from typing import Any, Final, TypeVar

import aiopg
import psycopg2
from aiohttp import web

from transit_api.database.hosts import Hosts
from transit_api.database.session import BY_INDEX, Session
from transit_api.database.sqlstates import Meaning, meaning_of
from transit_api.settings import SETTINGS, Settings

T = TypeVar("T")
Row = dict[str, Any]

log = logging.getLogger(__name__)

OUTAGES: Final = frozenset({Meaning.OUTAGE, Meaning.REFUSED})
# A statement that writes met a server that does not.
READ_ONLY: Final = "25006"
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

    def __init__(
        self,
        name: str,
        settings: Settings,
        *,
        size: int,
        more: Mapping[str, str] | None = None,
        read_only: bool = False,
    ) -> None:
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
        self._hosts = Hosts(self._dsn)
        self._read_only = read_only
        self._session = Session(settings.statement_timeout_ms, more or {}, read_only=read_only)
        self._behind_pooler: weakref.WeakSet[aiopg.Connection] = weakref.WeakSet()
        self._retiring: set[asyncio.Task[None]] = set()
        self._pool: aiopg.Pool | None = None

    @property
    def open(self) -> int:
        """Connections to the server, busy or not."""
        return 0 if self._pool is None else self._pool.size

    async def run(self, sql: str, params: Sequence[Any]) -> list[Row]:
        """One statement on a connection of this pool."""
        pool, connection = await self._take()
        try:
            return await self._execute(pool, connection, sql, params)
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
            pool, connection = await self._connect_anywhere()
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

    async def _connect_anywhere(self) -> tuple[aiopg.Pool, aiopg.Connection]:
        """To the host that answered last, or else to each other one in turn."""
        tried = 0
        while True:
            pool = await self._opened()
            try:
                return pool, await _acquire_living(pool)
            except (psycopg2.Error, OSError, RuntimeError):
                tried += 1
                if not self._leave_host(pool) or tried >= self._hosts.count:
                    raise
            except asyncio.CancelledError:
                # A host that is silent uses up the wait of this call, not of the next one.
                self._leave_host(pool)
                raise

    def _leave_host(self, pool: aiopg.Pool) -> bool:
        """Connect elsewhere from now on; False if there is no other host."""
        if pool is not self._pool:
            # Another call has left it.
            return True
        if not self._hosts.move_on():
            return False
        self._pool = None
        pool.close()
        # Its free connections; those in use are closed when they come back.
        task = asyncio.create_task(pool.clear())
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)
        return True

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
        if self._pool is None:
            host: dict[str, Any] = await self._hosts.choose()
            # Another call may have opened it while names were being looked up.
            if self._pool is None:
                # minsize 0 connects to nothing yet: a service may start before its database.
                self._pool = await aiopg.create_pool(
                    self._dsn,
                    minsize=0,
                    maxsize=self.size,
                    timeout=self._connect_s,
                    enable_json=True,
                    enable_hstore=False,
                    enable_uuid=False,
                    on_connect=self._prepare_session,
                    application_name=f"transit-api {self.name}",
                    client_encoding="UTF8",
                    **host,
                )
        return self._pool

    async def _prepare_session(self, connection: aiopg.Connection) -> None:
        """Set what we rely on; behind a pooler, where that would reach others, remember to."""
        try:
            cursor = await connection.cursor(timeout=self._connect_s)
            with contextlib.closing(cursor):
                await cursor.execute(self._session.keep_sql, (connection.raw.get_backend_pid(),))
                if not cursor.rowcount:
                    self._behind_pooler.add(connection)
        except BaseException:
            # aiopg forgets a connection that fails here, open as it is.
            connection.close()
            raise

    async def _execute(
        self, pool: aiopg.Pool, connection: aiopg.Connection, sql: str, params: Sequence[Any]
    ) -> list[Row]:
        cursor = await connection.cursor(timeout=self._silence_s)
        settings = self._session.for_one_statement if connection in self._behind_pooler else ""
        try:
            await cursor.execute(settings + sql, params)
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
        except psycopg2.Error as error:
            if meaning_of(error, read_only=self._read_only) not in OUTAGES:
                raise
            # With a code the server's words may quote values; without one they are libpq's.
            reason = error.pgcode or str(error).strip()
            log.warning("a statement failed: %s", reason, extra=self._about(sql))
            connection.close()
            if error.pgcode == READ_ONLY:
                # The server is there, and another one may be the primary now.
                self._leave_host(pool)
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
        if self._retiring:
            await asyncio.wait(self._retiring, timeout=self._silence_s)


class Database:
    """What handlers call: `fetch_*` for questions, `write_*` for functions that change something.

    All raise DatabaseUnavailable; any other exception is a defect.
    """

    def __init__(self, settings: Settings) -> None:
        reads = max(1, settings.pool_size // 2)
        self.reads = Pool("reads", settings, size=reads, read_only=True)
        writes = max(1, settings.pool_size - reads)
        self.writes = Pool("writes", settings, size=writes, more=BY_INDEX)
        self.uploads = Pool("uploads", settings, size=UPLOAD_CONNECTIONS, more=BY_INDEX)
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
        if meaning_of(error) not in (Meaning.LOST_RACE, Meaning.REBUILT):
            raise
        log.warning("a call was rolled back with %s and is repeated", error.pgcode)
    try:
        return await pool.run(sql, params)
    except psycopg2.Error as error:
        if meaning_of(error) is not Meaning.LOST_RACE:
            raise
        log.warning("a call was rolled back with %s again", error.pgcode)
        raise DatabaseUnavailable from error


DB: Final = web.AppKey("DB", Database)


async def database_lifespan(app: web.Application) -> AsyncIterator[None]:
    """Open (lazily) before the first request, close after the last."""
    app[DB] = database = Database(app[SETTINGS])
    yield
    await database.close()
