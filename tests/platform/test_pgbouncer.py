"""Behind PgBouncer in transaction mode: every call works, and no setting reaches anybody else."""

import asyncio
import dataclasses
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import psycopg2
import pytest
from psycopg2.extensions import make_dsn, parse_dsn

from tests.compose.plain_processes import free_port
from tests.conftest import Database as Clone
from tests.conftest import Server, open_directory, skip_or_fail, with_password
from transit_api.database import migrate as migration
from transit_api.database.migrate import migrate
from transit_api.database.pools import Database
from transit_api.database.session import BY_INDEX, RELIED_ON
from transit_api.local.embedded import Servers
from transit_api.process.processes import as_user
from transit_api.settings import Settings

# Fewer than the service's own connections, so that its pools share them.
SERVER_CONNECTIONS = 3
START_LIMIT_S = 20.0

CONFIGURATION = """
[databases]
* = host={host} port={server_port}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {users}
pool_mode = transaction
default_pool_size = {size}
max_client_conn = 200
logfile = {log}
"""


@dataclasses.dataclass(frozen=True)
class Pooler:
    """A PgBouncer in front of the cluster."""

    port: int

    def url(self, url: str) -> str:
        """The same database by way of the pooler."""
        return make_dsn(**{**parse_dsn(url), "host": "127.0.0.1", "port": str(self.port)})


@pytest.fixture(scope="session")
def pooler(cluster: Servers) -> Iterator[Pooler]:
    with running_pooler(cluster, parse_dsn(cluster.owner_url)["host"]) as running:
        yield running


@contextmanager
def running_pooler(cluster: Servers, host: str) -> Iterator[Pooler]:
    """One that looks for its server in that directory."""
    program = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
    if program is None:
        skip_or_fail("pgbouncer", "PgBouncer")
    assert program is not None
    with open_directory() as directory:
        port = free_port()
        write_configuration(directory, cluster, host, port)
        # It refuses to run as root, and finds the socket of PostgreSQL only as the same user.
        process = subprocess.Popen(
            [program, directory / "pgbouncer.ini"],
            stderr=subprocess.DEVNULL,
            cwd=directory,
            **as_user(cluster.postgresql.uid),
        )
        try:
            await_port(process, port)
            yield Pooler(port)
        finally:
            process.terminate()
            process.wait()


def write_configuration(directory: Path, cluster: Servers, host: str, port: int) -> None:
    server = parse_dsn(cluster.owner_url)
    users = directory / "users"
    logins = [parse_dsn(with_password(url)) for url in (cluster.owner_url, cluster.database_url)]
    users.write_text("".join(f'"{one["user"]}" "{one.get("password", "")}"\n' for one in logins))
    (directory / "pgbouncer.ini").write_text(
        CONFIGURATION.format(
            host=host,
            server_port=server.get("port", "5432"),
            port=port,
            users=users,
            size=SERVER_CONNECTIONS,
            log=directory / "pgbouncer.log",
        )
    )
    # Its own user writes the log.
    directory.chmod(0o777)


def await_port(process: "subprocess.Popen[bytes]", port: int) -> None:
    deadline = time.monotonic() + START_LIMIT_S
    while True:
        assert process.poll() is None, "PgBouncer did not start"
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except ConnectionRefusedError:
            assert time.monotonic() < deadline
            time.sleep(0.02)


@pytest.fixture
def pooled(settings: Settings, pooler: Pooler) -> Settings:
    """Settings of a service whose every connection goes through the pooler."""
    return dataclasses.replace(
        settings,
        database_url=pooler.url(settings.database_url),
        owner_database_url=pooler.url(settings.owner_database_url),
        pool_wait_ms=10_000,
    )


@pytest.fixture
async def database(pooled: Settings) -> AsyncIterator[Database]:
    opened = Database(pooled)
    yield opened
    await opened.close()


async def test_each_statement_brings_its_settings(database: Database) -> None:
    expected = {
        **RELIED_ON,
        "client_connection_check_interval": "1s",
        "transaction_isolation": "read committed",
        "statement_timeout": "5s",
    }
    for _ in range(2):
        for pool, more in (
            (database.reads, {"transaction_read_only": "on"}),
            (database.writes, {"transaction_read_only": "off", **BY_INDEX}),
            (database.upkeep, {"transaction_read_only": "off", "plan_cache_mode": "auto"}),
        ):
            for name, value in {**expected, **more}.items():
                (row,) = await pool.run("SELECT current_setting(%s) AS value", (name,))
                assert row["value"] == value, (pool.name, name)


async def test_no_setting_stays_with_the_servers_connection(
    database: Database, pooled: Settings
) -> None:
    calls = [database.fetch_all("SELECT pg_sleep(0.05)") for _ in range(SERVER_CONNECTIONS)]
    calls += [database.write_all("SELECT pg_sleep(0.05)") for _ in range(SERVER_CONNECTIONS)]
    await asyncio.gather(*calls)
    # All of the server's connections at once, so that each has been looked at.
    others = [psycopg2.connect(pooled.database_url) for _ in range(SERVER_CONNECTIONS)]
    seen = set()
    for other in others:
        with other.cursor() as cursor:
            cursor.execute(
                "SELECT pg_backend_pid(), current_setting('default_transaction_read_only'),"
                " current_setting('statement_timeout'), current_setting('enable_seqscan')"
            )
            pid, *values = cursor.fetchone()
            assert values == ["off", "0", "on"]
            seen.add(pid)
    assert len(seen) == SERVER_CONNECTIONS
    for other in others:
        other.close()


async def test_reads_and_writes_share_the_servers_connections(database: Database) -> None:
    create = "SELECT count(*) AS made FROM api.create_users(%s, %s, %s, %s, %s)"
    slots, documents, names = [[n] for n in range(40)], [[f"P{n}"] for n in range(40)], ["Ana"]
    calls = [
        database.write_one(create, (slot, document, names, [None], [None]))
        for slot, document in zip(slots, documents, strict=True)
    ]
    reads = [database.fetch_one("SELECT count(*) AS n FROM transit.cards") for _ in range(40)]
    answers = await asyncio.gather(*calls, *reads)
    assert [answer["made"] for answer in answers[:40] if answer] == [1] * 40
    with pytest.raises(psycopg2.errors.ReadOnlySqlTransaction):
        await database.fetch_all(create, ([41], ["P41"], names, [None], [None]))


async def test_statement_that_takes_too_long_ends_on_the_server(
    pooled: Settings, fresh_database: Clone
) -> None:
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    database = Database(dataclasses.replace(pooled, statement_timeout_ms=200))
    with pytest.raises(Exception, match="the database does not answer"):
        await database.fetch_all("SELECT pg_sleep(30)")
    assert await database.fetch_one("SELECT 1 AS one") == {"one": 1}
    await database.close()
    with fresh_database.connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) AS still FROM pg_stat_activity AS a WHERE a.state = 'active'"
            " AND a.datname = current_database() AND a.query LIKE '%%pg_sleep(30)%%'"
            " AND a.pid <> pg_backend_pid()"
        )
        assert cursor.fetchone().still == 0
    connection.close()


def test_service_serves_and_commands_work(
    pooled: Settings, pooler: Pooler, server: Callable[..., Server]
) -> None:
    serving = server(database_url=pooled.database_url, owner_database_url=pooled.owner_database_url)
    with urlopen(f"{serving.url}/health/ready") as answer:
        assert answer.status == 200
    for command in ("migrate", "audit", "compute"):
        done = subprocess.run(
            [sys.executable, "-m", "transit_api", command],
            env=pooled.environment(),
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, (command, done.stderr)


def test_empty_database_is_migrated_by_several_at_once(
    empty_database: Clone, pooler: Pooler
) -> None:
    url = pooler.url(empty_database.owner_url)
    assert migrate(url).procedures_rebuilt
    assert str(migrate(url)) == "nothing to do"


def test_killed_migration_leaves_no_lock_behind(fresh_database: Clone, pooler: Pooler) -> None:
    url = pooler.url(fresh_database.owner_url)
    hold = (
        "import sys, time, transit_api.database.migrate as m\n"
        "with m._turn(sys.argv[1]):\n    print('held', flush=True)\n    time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", hold, url], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with migration._owner_connection(url) as connection, connection.cursor() as cursor:
            assert not migration._try_lock(cursor)
        holder.kill()
    assert str(migrate(url)) == "nothing to do"


def test_pooler_whose_server_is_away_is_an_outage(
    settings: Settings, cluster: Servers, server: Callable[..., Server]
) -> None:
    with running_pooler(cluster, "/nonexistent") as alone:
        url = alone.url(settings.database_url)
        serving = server(database_url=url, owner_database_url="")
        with pytest.raises(HTTPError) as caught:
            urlopen(f"{serving.url}/health/ready")
        assert caught.value.code == 503
        caught.value.close()
