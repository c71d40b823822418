"""The ladder of fixtures: real servers, a migrated template, a clone of it per test.

cluster         PostgreSQL and Valkey for the whole session, the template migrated
pg              a connection as the owner, in a transaction that is rolled back
service_pg      the same as role transit_service, which may read and call, and no more
fresh_database  a clone of its own: for tests that commit or need two connections
settings        Settings on such a clone, with an emptied cache
api             an aiohttp test client of the whole application on them
server          starts real `transit-api serve` processes on them
"""

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2
import pytest
import redis
from psycopg2.extensions import make_dsn, parse_dsn
from psycopg2.extras import NamedTupleCursor

# prometheus_client chooses its storage when it is imported, as in a worker.
METRICS = tempfile.mkdtemp(prefix="transit-test-metrics-")
os.environ["PROMETHEUS_MULTIPROC_DIR"] = METRICS

from transit_api.database.migrate import SERVICE_ROLE, migrate  # noqa: E402
from transit_api.local.embedded import Servers, start_embedded  # noqa: E402
from transit_api.local.embedded_roles import DATABASE, OWNER, SUPERUSER  # noqa: E402
from transit_api.settings import Settings  # noqa: E402

POSTGRESQL_15 = Path("/usr/lib/postgresql/15/bin")

# What is written in SQL is tested on every PostgreSQL that is supported.
ON_EVERY_POSTGRESQL = ("sql",)


def pytest_unconfigure() -> None:
    shutil.rmtree(METRICS, ignore_errors=True)


def skip_or_fail(package: str, what: str) -> None:
    """Skip, naming the Debian package that is missing; fail where REQUIRE names it."""
    reason = f"{what} is not installed (apt-get install {package})"
    if package in os.environ.get("REQUIRE", "").replace(",", " ").split():
        pytest.fail(f"REQUIRE names {package}: {reason}")
    pytest.skip(reason)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "cluster" in metafunc.fixturenames:
        room = Path(metafunc.module.__file__).parent.name
        versions = ["18", "15"] if room in ON_EVERY_POSTGRESQL else ["18"]
        chosen = os.environ.get("TRANSIT_TEST_POSTGRES")
        if chosen:
            versions = chosen.split(",")
        only = metafunc.definition.get_closest_marker("only_on")
        if only:
            versions = list(only.args)
        metafunc.parametrize("cluster", versions, indirect=True, scope="session")


@contextmanager
def open_directory() -> Iterator[Path]:
    """A temporary directory that the user PostgreSQL runs as can enter; pytest's own is closed."""
    directory = Path(tempfile.mkdtemp(prefix="transit-test-"))
    directory.chmod(0o755)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def data_directory() -> Iterator[Path]:
    """Where a test starts servers of its own."""
    with open_directory() as directory:
        yield directory


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest) -> Iterator[Servers]:
    """Both servers, database `transit` migrated as the template of every clone."""
    binaries = None
    if request.param == "15":
        binaries = POSTGRESQL_15
        if not (binaries / "postgres").exists():
            skip_or_fail("postgresql-15", "PostgreSQL 15")
    with (
        open_directory() as directory,
        start_embedded(directory, binaries=binaries, durable=False) as servers,
    ):
        let_owner_act_for_service(servers)
        migrate(servers.owner_url)
        yield servers


def let_owner_act_for_service(servers: Servers) -> None:
    """Let a story change between the two roles on one connection."""
    with administration(servers) as cursor:
        cursor.execute(f"GRANT {SERVICE_ROLE} TO {OWNER}")


@dataclass(frozen=True)
class Database:
    """A clone of the template, and how to reach it."""

    cluster: Servers
    name: str

    @property
    def owner_url(self) -> str:
        return self.cluster.postgresql.url(OWNER, self.name)

    @property
    def service_url(self) -> str:
        return self.cluster.postgresql.url(SERVICE_ROLE, self.name)

    def connect(self, role: str = OWNER) -> Any:
        """A new psycopg2 connection with rows as named tuples; closed with the database."""
        return psycopg2.connect(
            self.cluster.postgresql.url(role, self.name), cursor_factory=NamedTupleCursor
        )


def with_password(url: str) -> str:
    """The same address with its password in it, for a program that may not read our files."""
    parts = parse_dsn(url)
    for line in Path(parts.pop("passfile")).read_text().splitlines():
        *_, user, password = line.split(":")
        if user == parts["user"]:
            return make_dsn(**parts, password=password)
    raise LookupError(f"no password of {parts['user']}")


@contextmanager
def clone_database(cluster: Servers, template: str = DATABASE) -> Iterator[Database]:
    """A copy of the migrated template (`template0` gives an empty database), dropped again."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    with administration(cluster) as cursor:
        # Copying the files takes 10 ms; the default writes every page to the log first.
        cursor.execute(
            f"CREATE DATABASE {name} OWNER {OWNER} TEMPLATE {template} STRATEGY FILE_COPY"
        )
        # What migrate says about the database itself is not copied with it.
        cursor.execute(f"REVOKE TEMPORARY ON DATABASE {name} FROM PUBLIC")
    try:
        yield Database(cluster, name)
    finally:
        with administration(cluster) as cursor:
            cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def administration(cluster: Servers) -> Iterator[Any]:
    """A cursor for what cannot run inside a transaction."""
    connection = psycopg2.connect(cluster.postgresql.url(SUPERUSER, "postgres"))
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            yield cursor
    finally:
        connection.close()


@pytest.fixture(scope="session")
def shared_database(cluster: Servers) -> Iterator[Database]:
    """One clone for every test that rolls back what it did."""
    with clone_database(cluster) as database:
        yield database


@pytest.fixture
def pg(shared_database: Database) -> Iterator[Any]:
    """A connection as the owner, in a transaction that is rolled back."""
    connection = shared_database.connect()
    yield connection
    connection.close()


@pytest.fixture
def service_pg(shared_database: Database) -> Iterator[Any]:
    """A connection as the service's role, in a transaction that is rolled back."""
    connection = shared_database.connect(SERVICE_ROLE)
    yield connection
    connection.close()


@pytest.fixture
def fresh_database(cluster: Servers) -> Iterator[Database]:
    """A database of its own, migrated and with the network; nothing else in it."""
    with clone_database(cluster) as database:
        yield database


@pytest.fixture
def empty_database(cluster: Servers) -> Iterator[Database]:
    """A database of its own with nothing in it."""
    with clone_database(cluster, "template0") as database:
        yield database


@pytest.fixture
def settings(cluster: Servers, fresh_database: Database) -> Settings:
    """Settings of a service on a clone of its own; use dataclasses.replace for others."""
    with redis.Redis.from_url(cluster.redis_url) as cache:
        cache.flushall()
    return Settings(
        database_url=fresh_database.service_url,
        owner_database_url=fresh_database.owner_url,
        redis_url=cluster.redis_url,
        port=0,
        workers=1,
        log_level="warning",
    )


@pytest.fixture
async def api(settings: Settings, aiohttp_client: Any) -> AsyncIterator[Any]:
    """A client of the whole application, in this process."""
    from transit_api.app import make_app

    yield await aiohttp_client(make_app(settings))


@dataclass
class Server:
    """A running `transit-api`, its address and its output."""

    process: "subprocess.Popen[str]"
    url: str
    log: Path

    def stop(self, wait_s: float = 20.0) -> int:
        """Stop it as an operator would; answers its exit code."""
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(wait_s)


def start_command(
    log: Path,
    *arguments: str,
    environment: dict[str, str] | None = None,
    directory: Path | None = None,
) -> Server:
    """Run `transit-api` until it says where it serves; AssertionError with its log if not."""
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "transit_api", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=output,
            text=True,
            env={**os.environ, "TRANSIT_LOG_FORMAT": "json", **(environment or {})},
            cwd=directory,
        )
    assert process.stdout is not None
    for line in process.stdout:
        word = next((word for word in line.split() if word.startswith("http://")), None)
        if word:
            # Its request log goes on: a full pipe would hold it up when it stops.
            threading.Thread(target=process.stdout.read, daemon=True).start()
            return Server(process, word.rstrip("/.,"), log)
    process.stdout.close()
    raise AssertionError(f"exit code {process.wait()}: {log.read_text()}")


@pytest.fixture
def server(settings: Settings, tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Starts `transit-api serve` on the clone: `server(workers=2)`; stopped at the end."""
    running: list[Server] = []

    def start(**changes: Any) -> Server:
        import dataclasses

        chosen = dataclasses.replace(settings, **changes)
        log = tmp_path / f"server-{len(running)}.log"
        running.append(start_command(log, "serve", environment=chosen.environment()))
        return running[-1]

    yield start
    for one in running:
        one.stop()
        assert one.process.stdout is not None
        one.process.stdout.close()
