"""The database behind its one interface: what failures become, and that writes run to their end."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Iterator
from typing import Any

import psycopg2
import psycopg2.errors
import pytest

from tests.conftest import Database as Clone
from tests.http.waiting import until
from transit_api.database.pools import Database, DatabaseUnavailable, Pool
from transit_api.settings import Settings


@pytest.fixture
def quick(settings: Settings) -> Settings:
    """Limits short enough to be met in a test."""
    return dataclasses.replace(settings, statement_timeout_ms=300, pool_wait_ms=200, pool_size=4)


@pytest.fixture
async def database(quick: Settings) -> AsyncIterator[Database]:
    opened = Database(quick)
    yield opened
    await opened.close()


@pytest.fixture
def owner(fresh_database: Clone) -> Iterator[Any]:
    """An autocommitting cursor of the owner."""
    connection = fresh_database.connect()
    connection.autocommit = True
    with connection.cursor() as cursor:
        yield cursor
    connection.close()


async def test_rows_are_dicts_and_times_are_utc(database: Database) -> None:
    row = await database.fetch_one("SELECT 1 AS one, timestamptz '2026-01-01 00:00-05' AS at")
    assert row is not None
    assert row["one"] == 1
    assert row["at"].isoformat() == "2026-01-01T05:00:00+00:00"


async def test_no_row_is_none(database: Database) -> None:
    assert await database.fetch_one("SELECT 1 WHERE false") is None


async def test_connection_that_dies_while_it_is_handed_out_is_replaced(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Time enough to connect on a busy machine.
    database = Database(dataclasses.replace(settings, pool_wait_ms=10_000))
    await database.fetch_one("SELECT 1 AS one")
    (idle,) = database.reads._pool._free
    fill = type(database.reads._pool)._fill_free_pool

    async def fill_then_die(pool: Any, override_min: bool) -> None:
        await fill(pool, override_min)
        # As when the server ends it while another connection is being made.
        if not idle.closed:
            idle.close()

    monkeypatch.setattr(type(database.reads._pool), "_fill_free_pool", fill_then_die)
    assert await database.fetch_one("SELECT 2 AS two") == {"two": 2}
    await database.close()


async def test_reading_session_cannot_write(database: Database) -> None:
    with pytest.raises(psycopg2.errors.ReadOnlySqlTransaction):
        await database.fetch_all("SELECT * FROM api.create_users('{0}', '{D1}', '{A}', '{}', '{}')")


async def test_statement_timeout_is_database_unavailable(database: Database) -> None:
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    with pytest.raises(DatabaseUnavailable):
        await database.fetch_all("SELECT pg_sleep(10)")
    assert await database.fetch_one("SELECT 1 AS one") == {"one": 1}


async def test_wait_for_a_connection_is_bounded(quick: Settings) -> None:
    pool = Pool("tiny", quick, size=1)
    busy = asyncio.create_task(pool.run("SELECT pg_sleep(0.29)", ()))
    await until(lambda: pool.in_use)
    with pytest.raises(DatabaseUnavailable):
        await pool.run("SELECT 1 AS one", ())
    assert pool.waiting == 0
    await busy
    assert await pool.run("SELECT 1 AS one", ()) == [{"one": 1}]
    await pool.close()


async def test_refused_connection_is_database_unavailable(quick: Settings) -> None:
    nowhere = dataclasses.replace(quick, database_url="postgresql://nobody@127.0.0.1:1/none")
    database = Database(nowhere)
    for call in (database.fetch_all, database.write_all, database.run_upkeep):
        with pytest.raises(DatabaseUnavailable):
            await call("SELECT 1")
    with pytest.raises(DatabaseUnavailable):
        await database.ping()
    await database.close()


async def test_killed_backend_is_database_unavailable_for_a_write(
    database: Database, owner: Any
) -> None:
    writing = asyncio.create_task(database.write_all("SELECT pg_sleep(5)"))
    await _kill_when_running(owner, "writes")
    with pytest.raises(DatabaseUnavailable):
        await writing
    assert await database.write_one("SELECT 1 AS one") == {"one": 1}


async def test_write_is_not_sent_again_after_its_connection_broke(
    database: Database, owner: Any
) -> None:
    """It may have been done: without a key a second one would charge twice."""
    owner.execute("CREATE SEQUENCE transit.sent")
    owner.execute("GRANT USAGE, SELECT ON transit.sent TO transit_service")
    for write in (database.write_all, database.upload_all, database.run_upkeep):
        sql = "SELECT nextval('transit.sent') AS number, pg_sleep(5)"
        writing = asyncio.create_task(write(sql, ()))
        pool = {"write_all": "writes", "upload_all": "uploads", "run_upkeep": "upkeep"}
        await _kill_when_running(owner, pool[write.__name__])
        with pytest.raises(DatabaseUnavailable):
            await writing
    owner.execute("SELECT last_value FROM transit.sent")
    assert owner.fetchone().last_value == 3


async def test_read_is_asked_again_when_its_connection_had_died(
    database: Database, owner: Any
) -> None:
    question = "SELECT pg_sleep(0.1) IS NOT NULL AS done"
    reading = asyncio.create_task(database.fetch_all(question))
    await _kill_when_running(owner, "reads")
    assert await reading == [{"done": True}]


async def test_idle_connections_of_before_a_restart_are_not_used(
    database: Database, owner: Any
) -> None:
    await asyncio.gather(*[database.write_all("SELECT pg_sleep(0.05)") for _ in range(2)])
    owner.execute(KILL_ALL)
    assert await database.write_one("SELECT 1 AS one") == {"one": 1}


async def test_write_runs_to_its_end_when_its_caller_is_gone(
    database: Database, owner: Any
) -> None:
    owner.execute("CREATE TABLE transit.marks (mark text)")
    owner.execute("GRANT SELECT, INSERT ON transit.marks TO transit_service")
    writing = asyncio.create_task(
        database.write_all(
            "INSERT INTO transit.marks SELECT 'kept' FROM pg_sleep(0.1) RETURNING mark"
        )
    )
    await until(lambda: database.writes.in_use)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    await database.close()
    owner.execute("SELECT mark FROM transit.marks")
    assert owner.fetchall() == [("kept",)]


@pytest.mark.parametrize("code", ["XX000", "42883", "3F000", "40P01", "40001"])
async def test_call_is_repeated_once_when_it_was_rolled_back_for_no_fault_of_its_own(
    database: Database, owner: Any, code: str
) -> None:
    calls = "SELECT nextval('transit.calls')"
    owner.execute("CREATE SEQUENCE transit.calls")
    owner.execute("GRANT USAGE, SELECT ON transit.calls TO transit_service")
    owner.execute(
        f"""
        CREATE FUNCTION api.flicker() RETURNS integer LANGUAGE plpgsql AS $$
        BEGIN
            IF ({calls}) = 1 THEN RAISE SQLSTATE '{code}'; END IF;
            RETURN 7;
        END $$;
        """
    )
    assert await database.write_one("SELECT api.flicker() AS answer") == {"answer": 7}
    owner.execute("SELECT last_value FROM transit.calls")
    assert owner.fetchone().last_value == 2


async def test_missing_function_stays_a_defect(database: Database) -> None:
    with pytest.raises(psycopg2.errors.UndefinedFunction):
        await database.fetch_all("SELECT api.there_is_no_such_function()")


async def test_slow_writes_do_not_hold_up_reads_or_health(database: Database) -> None:
    slow = [asyncio.create_task(database.write_all("SELECT pg_sleep(0.2)")) for _ in range(2)]
    await until(lambda: database.writes.in_use == database.writes.size)
    assert await database.fetch_one("SELECT 1 AS one") == {"one": 1}
    await database.ping()
    assert not any(task.done() for task in slow)
    await asyncio.gather(*slow)


async def test_waiting_calls_are_counted_and_limited(quick: Settings) -> None:
    pool = Pool("tiny", quick, size=1)
    calls = [asyncio.create_task(pool.run("SELECT pg_sleep(0.25)", ())) for _ in range(70)]
    done, _ = await asyncio.wait(calls)
    refused = [task for task in done if isinstance(task.exception(), DatabaseUnavailable)]
    assert len(refused) == 69
    await pool.close()


async def test_calls_beyond_those_that_may_wait_are_refused_at_once(settings: Settings) -> None:
    patient = dataclasses.replace(settings, pool_wait_ms=20_000, statement_timeout_ms=20_000)
    pool = Pool("tiny", patient, size=1)
    calls = [asyncio.create_task(pool.run("SELECT pg_sleep(2) IS NOT NULL AS done", ()))]
    await until(lambda: pool.in_use and not pool.waiting)
    calls += [asyncio.create_task(pool.run("SELECT true AS done", ())) for _ in range(64)]
    await until(lambda: pool.waiting == 64)
    with pytest.raises(DatabaseUnavailable):
        await pool.run("SELECT true AS done", ())
    assert not calls[0].done()
    assert await asyncio.gather(*calls) == [[{"done": True}]] * 65
    await pool.close()


KILL_ALL = """
    SELECT pg_terminate_backend(a.pid, 5000) FROM pg_stat_activity AS a
    WHERE a.datname = current_database() AND a.application_name LIKE 'transit-api%'
"""


async def _kill_when_running(owner: Any, pool: str) -> None:
    for _ in range(1_000):
        owner.execute(
            "SELECT pg_terminate_backend(a.pid) FROM pg_stat_activity AS a"
            " WHERE a.datname = current_database() AND a.state = 'active'"
            " AND a.application_name = %s AND a.query LIKE '%%pg_sleep%%'",
            [f"transit-api {pool}"],
        )
        if owner.fetchall():
            return
        await asyncio.sleep(0.005)
    raise AssertionError(f"nothing ran in {pool}")


async def test_unexpected_answer_of_the_driver_is_not_hidden(database: Database) -> None:
    with pytest.raises(psycopg2.ProgrammingError):
        await database.fetch_all("SELECT syntax error")
