"""Servers, databases and roles with settings of their own, and addresses with several hosts."""

import dataclasses
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from psycopg2.extensions import make_dsn, parse_dsn

from tests.conftest import Database as Clone
from tests.http.conftest import City
from transit_api.database.hosts import Hosts
from transit_api.database.pools import Database, DatabaseUnavailable
from transit_api.database.session import BY_INDEX, RELIED_ON
from transit_api.settings import Settings

HOSTILE = {
    "default_transaction_isolation": "serializable",
    "default_transaction_deferrable": "on",
    "TimeZone": "America/Bogota",
    "DateStyle": "German",
    "IntervalStyle": "iso_8601",
    "extra_float_digits": "-10",
    "standard_conforming_strings": "off",
    "array_nulls": "off",
    "transform_null_equals": "on",
    "row_security": "off",
    "search_path": "nowhere",
    "lock_timeout": "1ms",
    # Long enough for the statement that sets ours, also on a busy machine.
    "statement_timeout": "400ms",
    "client_connection_check_interval": "0",
    "client_encoding": "LATIN1",
    "plan_cache_mode": "force_custom_plan",
}


@pytest.fixture
def owner(fresh_database: Clone) -> Iterator[Any]:
    """An autocommitting cursor of the owner."""
    connection = fresh_database.connect()
    connection.autocommit = True
    with connection.cursor() as cursor:
        yield cursor
    connection.close()


@pytest.fixture
def hostile_database(fresh_database: Clone, owner: Any) -> None:
    for name, value in HOSTILE.items():
        setting = value if name == "search_path" else f"'{value}'"
        owner.execute(f"ALTER DATABASE {fresh_database.name} SET {name} = {setting}")


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    opened = Database(settings)
    yield opened
    await opened.close()


async def test_session_sets_what_it_relies_on(hostile_database: None, database: Database) -> None:
    expected = {
        **RELIED_ON,
        "client_connection_check_interval": "1s",
        "default_transaction_isolation": "read committed",
        "transaction_isolation": "read committed",
        "default_transaction_deferrable": "off",
        "statement_timeout": "5s",
        "client_encoding": "UTF8",
    }
    for pool, more in (
        (database.reads, {"transaction_read_only": "on"}),
        (database.writes, {"transaction_read_only": "off", **BY_INDEX}),
        (database.uploads, {"transaction_read_only": "off", **BY_INDEX}),
        (database.upkeep, {"transaction_read_only": "off"}),
    ):
        for name, value in {**expected, **more}.items():
            (row,) = await pool.run("SELECT current_setting(%s) AS value", (name,))
            assert row["value"] == value, (pool.name, name)


def test_every_setting_that_is_relied_on_was_tried() -> None:
    assert set(RELIED_ON) <= set(HOSTILE)


async def test_service_works_whatever_the_database_sets(hostile_database: None, city: City) -> None:
    card = await city.make_card(balance=20_000)
    assert (await city.tap(card["card_id"])).status == 201
    history = await city.get(f"cards/{card['card_id']}/history")
    assert history.body["items"][0]["recharged_at"].endswith("Z")


async def test_read_only_database_is_an_outage_for_writes_and_ends_without_a_restart(
    fresh_database: Clone, owner: Any, city: City
) -> None:
    card = await city.make_card(balance=20_000)
    owner.execute(f"ALTER DATABASE {fresh_database.name} SET default_transaction_read_only = on")
    owner.execute(
        "SELECT pg_terminate_backend(a.pid, 5000) FROM pg_stat_activity AS a"
        " WHERE a.datname = current_database() AND a.application_name LIKE 'transit-api%'"
    )
    for _ in range(2):
        answer = await city.tap(card["card_id"])
        assert (answer.status, answer.code) == (503, "database_unavailable")
        assert answer.headers["Retry-After"] == "1"
    assert await city.balance(card["card_id"]) == (20_000, 0)
    # This very session is read-only by now as well.
    owner.execute("SET default_transaction_read_only = off")
    owner.execute(f"ALTER DATABASE {fresh_database.name} RESET default_transaction_read_only")
    assert (await city.tap(card["card_id"])).status == 201


async def test_call_that_loses_every_race_is_an_outage(database: Database, owner: Any) -> None:
    owner.execute(
        "CREATE FUNCTION api.lose() RETURNS integer LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE SQLSTATE '40001'; END $$; GRANT EXECUTE ON FUNCTION api.lose() TO public"
    )
    with pytest.raises(DatabaseUnavailable):
        await database.write_one("SELECT api.lose() AS answer")


def with_hosts(url: str, *hosts: tuple[str, int], **more: str) -> str:
    """The same address, but on those servers."""
    parts = parse_dsn(url)
    parts["host"] = ",".join([host for host, _ in hosts])
    parts["port"] = ",".join([str(port) for _, port in hosts])
    return make_dsn(**{**parts, **more})


@pytest.mark.parametrize("refusing", [("127.0.0.1", 1), ("/nonexistent", 5432), ("localhost", 1)])
async def test_host_that_refuses_is_passed_over(
    settings: Settings, refusing: tuple[str, int]
) -> None:
    directory = parse_dsn(settings.database_url)["host"]
    url = with_hosts(settings.database_url, refusing, (directory, 5432))
    database = Database(dataclasses.replace(settings, database_url=url, pool_wait_ms=5_000))
    for ask in (database.fetch_all, database.write_all, database.run_upkeep):
        for _ in range(2):
            assert await ask("SELECT 1 AS one") == [{"one": 1}]
    await database.close()


async def test_hosts_are_tried_in_turn_and_names_are_looked_up_again() -> None:
    hosts = Hosts("postgresql://localhost:1,[::1]:2,%2Frun%2Fpostgresql:3/x")
    first = await hosts.choose()
    assert first == await hosts.choose()
    assert first["host"] == "localhost" and first["port"] == "1"
    assert first["hostaddr"] in ("127.0.0.1", "::1")
    seen = [first]
    for _ in range(hosts.count):
        assert hosts.move_on()
        seen.append(await hosts.choose())
    assert seen[-1] == first
    assert {"host": "/run/postgresql", "port": "3"} in seen


async def test_one_host_without_a_name_has_no_other() -> None:
    for dsn in ("host=/run/postgresql", "hostaddr=127.0.0.1 port=1", "dbname=x", ""):
        hosts = Hosts(dsn)
        await hosts.choose()
        assert not hosts.move_on()


async def test_unknown_name_is_an_outage(settings: Settings) -> None:
    url = with_hosts(settings.database_url, ("no.such.host.invalid", 5432))
    database = Database(dataclasses.replace(settings, database_url=url))
    with pytest.raises(DatabaseUnavailable):
        await database.fetch_all("SELECT 1 AS one")
    await database.close()
