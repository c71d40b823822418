"""compose.yaml as plain processes: what the files say is done, by nobody, in its order."""

import asyncio
from collections.abc import AsyncIterator

import psutil
import psycopg2
import pytest
import redis
from aiohttp import ClientSession, TCPConnector

from tests.compose.compose_file import database_settings
from tests.compose.conftest import PASSWORDS
from tests.compose.plain_processes import PlainProcesses


def connect(stack: PlainProcesses, role: str, password: str) -> "psycopg2.extensions.connection":
    return psycopg2.connect(
        host="127.0.0.1",
        port=stack.ports["postgres", 5432],
        dbname="transit",
        user=role,
        password=password,
    )


def test_services_start_in_the_order_that_they_need(one_host: PlainProcesses) -> None:
    assert one_host.started == ["postgres", "migrate", "valkey", "api"]
    assert "loaded the network" in one_host.log("migrate")


def test_services_run_as_an_unprivileged_user(one_host: PlainProcesses) -> None:
    for name, process in one_host.running.items():
        assert 0 not in psutil.Process(process.pid).uids(), name


async def test_service_has_its_database_and_its_cache(one_host: PlainProcesses) -> None:
    async with ClientSession(one_host.url("api", 8000)) as client, client.get("/health") as answer:
        assert (await answer.json())["status"] == "ok"


def test_cache_asks_for_its_password_and_no_list_of_processes_shows_it(
    one_host: PlainProcesses,
) -> None:
    stranger = redis.Redis(port=one_host.ports["valkey", 6379])
    with pytest.raises(redis.AuthenticationError):
        stranger.ping()
    stranger.close()
    words = psutil.Process(one_host.running["valkey"].pid).cmdline()
    assert PASSWORDS["CACHE_PASSWORD"] not in " ".join(words)


def test_no_log_shows_a_password(one_host: PlainProcesses) -> None:
    for name in one_host.started:
        for password in PASSWORDS.values():
            assert password not in one_host.log(name), name


def test_migrate_once_more_finds_nothing_to_do(one_host: PlainProcesses) -> None:
    one_host.start("migrate")
    one_host.await_condition("migrate", "service_completed_successfully")

    assert one_host.log("migrate").rstrip().endswith("nothing to do")


def test_roles_have_the_passwords_of_the_environment_and_few_rights(
    one_host: PlainProcesses,
) -> None:
    for role, variable in (
        ("transit_owner", "OWNER_PASSWORD"),
        ("transit_service", "SERVICE_PASSWORD"),
    ):
        connection = connect(one_host, role, PASSWORDS[variable])
        with connection.cursor() as cursor:
            cursor.execute("SHOW is_superuser")
            assert cursor.fetchone() == ("off",)
        connection.close()
        with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
            connect(one_host, role, "another")


def test_service_role_may_not_write_a_table(one_host: PlainProcesses) -> None:
    connection = connect(one_host, "transit_service", PASSWORDS["SERVICE_PASSWORD"])
    with connection.cursor() as cursor, pytest.raises(psycopg2.errors.InsufficientPrivilege):
        cursor.execute("DELETE FROM transit.cards")
    connection.close()


def test_postgresql_took_every_setting_of_the_file(one_host: PlainProcesses) -> None:
    connection = connect(one_host, "transit_owner", PASSWORDS["OWNER_PASSWORD"])
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_catalog.lower(name) FROM pg_catalog.pg_settings"
            " WHERE source = 'command line'"
        )
        taken = {name for (name,) in cursor.fetchall()}
    connection.close()

    assert {name for name, _ in database_settings(one_host.document)} <= taken


def test_simulator_drives_the_service_and_finds_the_books_in_order(
    one_host: PlainProcesses,
) -> None:
    one_host.start("simulator")
    one_host.await_condition("simulator", "service_completed_successfully")


async def test_service_loses_no_request_when_it_is_stopped(one_host: PlainProcesses) -> None:
    """It ends by itself, in time, and its health check says so. Last here: it stays stopped."""
    connector = TCPConnector(force_close=True)
    async with ClientSession(one_host.url("api", 8000), connector=connector) as client:
        upload = asyncio.create_task(slow_post(client))
        await asyncio.sleep(0.2)
        stopping = asyncio.create_task(asyncio.to_thread(one_host.stop, "api"))
        assert await upload == 201
        assert await stopping == 0
    assert not one_host.is_healthy("api")


async def slow_post(client: ClientSession) -> int:
    """A card asked for by somebody on a bad line; answers the status."""

    async def body() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(0.8)
        yield b"}"

    headers = {"Content-Type": "application/json"}
    async with client.post("/api/v1/cards", data=body(), headers=headers) as answer:
        return answer.status
