"""The system that is broken: embedded servers, `transit-api serve`, and proxies between them."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import psycopg2

from tests.faults.proxy import Proxy
from transit_api.database.migrate import SERVICE_ROLE, SQL, migrate
from transit_api.local.embedded import Servers, start_embedded
from transit_api.local.embedded_roles import password_file
from transit_api.local.postgresql import DATABASE

START_LIMIT_S = 60.0
STOP_LIMIT_S = 30.0
PROCESS_LIMIT_S = 10.0
# Of the operator's settings, shortened so that a run of seconds can see their ends.
STATEMENT_TIMEOUT_MS = 1_500


@dataclass
class Stack:
    """The running system and the ways to hurt it."""

    servers: Servers
    database: Proxy
    cache: Proxy
    # A server dies with the thread that started it, so one thread starts them all.
    starter: ThreadPoolExecutor
    settings: dict[str, str] = field(default_factory=dict)
    python_path: Path | None = None
    service: "subprocess.Popen[str] | None" = None
    clients: Proxy | None = None
    url: str = ""
    own_url: str = ""
    log: Path = Path("service.log")
    recovery: "Future[None] | None" = None

    # -- the service ------------------------------------------------------------------------

    def environment(self) -> dict[str, str]:
        """The settings of the service: every way out leads through a proxy."""
        assert isinstance(self.database.listen, Path)
        folder = self.database.listen.parent
        found = {
            **os.environ,
            "DATABASE_URL": f"postgresql://{SERVICE_ROLE}@/{DATABASE}?host={folder}&port=5432"
            f"&passfile={password_file(self.servers.data, SERVICE_ROLE)}",
            "REDIS_URL": f"unix://{self.cache.listen}?db=0",
            "TRANSIT_OWNER_DATABASE_URL": self.servers.owner_url,
            "TRANSIT_LOG_FORMAT": "json",
            "TRANSIT_LOG_LEVEL": "warning",
            "TRANSIT_STATEMENT_TIMEOUT_MS": str(STATEMENT_TIMEOUT_MS),
            **self.settings,
        }
        if self.python_path is not None:
            found["PYTHONPATH"] = str(self.python_path)
        return found

    def start_service(self, workers: int = 2) -> None:
        """`transit-api serve`, and a proxy in front of it at `url`."""
        with self.log.open("a") as output:
            self.service = subprocess.Popen(
                [sys.executable, "-m", "transit_api", "serve", "--port", "0"]
                + ["--workers", str(workers)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=output,
                text=True,
                env=self.environment(),
                cwd=self.python_path,
            )
        assert self.service.stdout is not None
        words = self.service.stdout.readline().split()
        found = next((word for word in words if word.startswith("http://")), None)
        if found is None:
            raise RuntimeError(f"the service did not start: {self.log.read_text()[-2000:]}")
        self.own_url = found.rstrip("/.,")
        address = urlsplit(self.own_url)
        assert address.hostname and address.port
        self.clients = Proxy(("127.0.0.1", 0), (address.hostname, address.port))
        assert isinstance(self.clients.listen, tuple)
        self.url = f"http://127.0.0.1:{self.clients.listen[1]}"

    def stop_service(self) -> int:
        """In order; answers the exit code."""
        if self.clients is not None:
            self.clients.close()
            self.clients = None
        if self.service is None:
            return 0
        self.service.terminate()
        try:
            code = self.service.wait(STOP_LIMIT_S)
        finally:
            self.service.kill()
            assert self.service.stdout is not None
            self.service.stdout.close()
            self.service = None
        return code

    def workers(self) -> list[psutil.Process]:
        """The processes that answer requests, oldest first."""
        assert self.service is not None
        found = []
        for child in psutil.Process(self.service.pid).children():
            with contextlib.suppress(psutil.Error):
                if "transit_api.process.worker" in child.cmdline():
                    found.append(child)
        return sorted(found, key=lambda worker: worker.create_time())

    def kill_worker(self, number: int) -> None:
        """SIGKILL; the parent starts another."""
        workers = self.workers()
        if workers:
            workers[number % len(workers)].kill()

    # -- the database -----------------------------------------------------------------------

    def kill_database(self) -> None:
        """SIGKILL to every process of the server: what only its memory held is lost."""
        self.wait_for_database()
        postgresql = self.servers.postgresql
        assert postgresql.process is not None
        parent = psutil.Process(postgresql.process.pid)
        # Stopped first, or it would see its children die one by one and write to its log.
        parent.suspend()
        processes = [*parent.children(recursive=True), parent]
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self.database.refuse()
        postgresql.process.wait(PROCESS_LIMIT_S)
        _, alive = psutil.wait_procs(processes, timeout=PROCESS_LIMIT_S)
        assert not alive, alive
        postgresql.process = None

    def begin_database(self) -> None:
        """After a kill: crash recovery begins, during which clients already knock."""
        self.database.accept()
        self.recovery = self.starter.submit(self.servers.postgresql.start)

    def wait_for_database(self) -> None:
        """Until a recovery that was begun has ended."""
        if self.recovery is not None:
            self.recovery.result(START_LIMIT_S)
            self.recovery = None

    def start_database(self) -> None:
        """After a kill: back when it answers."""
        self.begin_database()
        self.wait_for_database()

    # -- the cache --------------------------------------------------------------------------

    def kill_cache(self) -> None:
        """SIGKILL; its memory is lost."""
        self.servers.valkey.kill()
        self.cache.cut()

    def start_cache(self) -> None:
        """Empty."""
        self.servers.valkey.start()

    def hang_cache(self) -> None:
        """SIGSTOP: it accepts connections and answers nothing."""
        assert self.servers.valkey.process is not None
        self.servers.valkey.process.send_signal(signal.SIGSTOP)

    def wake_cache(self) -> None:
        """SIGCONT."""
        assert self.servers.valkey.process is not None
        self.servers.valkey.process.send_signal(signal.SIGCONT)

    # -- looking ----------------------------------------------------------------------------

    def query(self, sql: str, parameters: Any = None) -> list[tuple[Any, ...]]:
        """As the owner, past the proxy."""
        connection = psycopg2.connect(self.servers.owner_url)
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql, parameters)
                return list(cursor.fetchall()) if cursor.description else []
        finally:
            connection.close()

    def audit(self) -> list[tuple[Any, ...]]:
        """The offences that the service's own audit finds."""
        return self.query("SELECT * FROM api.audit(NULL::bigint, NULL::date)")

    def get(self, path: str, timeout_s: float = 5.0) -> tuple[int, Any]:
        """Status and JSON of one GET on a new connection, past the proxy; 0 without an answer."""
        try:
            with urllib.request.urlopen(self.own_url + path, timeout=timeout_s) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)
        except (OSError, ValueError):
            return 0, None

    def wait_until_healthy(self, limit_s: float) -> float | None:
        """Seconds until both workers are up and three answers in a row say `ok`; None: too long."""
        started = time.monotonic()
        well = 0
        while time.monotonic() - started < limit_s:
            status, body = self.get("/health")
            well = well + 1 if status == 200 and body["status"] == "ok" else 0
            if well >= 3 and len(self.workers()) >= 2:
                return round(time.monotonic() - started, 2)
            time.sleep(0.05)
        return None


@contextlib.contextmanager
def start_stack(
    sql: Path = SQL,
    *,
    workers: int = 2,
    settings: dict[str, str] | None = None,
    python_path: Path | None = None,
    serve: bool = True,
    before_serve: Callable[[Stack], None] = lambda stack: None,
) -> Iterator[Stack]:
    """Durable servers, migrated with `sql`, and the service; all stopped and removed at the end."""
    directory = Path(tempfile.mkdtemp(prefix="transit-faults-"))
    directory.chmod(0o755)
    with contextlib.ExitStack() as exits:
        exits.callback(shutil.rmtree, directory, ignore_errors=True)
        starter = exits.enter_context(ThreadPoolExecutor(1))
        servers = exits.enter_context(start_embedded(directory))
        migrate(servers.owner_url, sql)
        doors = directory / "doors"
        doors.mkdir()
        socket = servers.postgresql.socket_directory / ".s.PGSQL.5432"
        database = Proxy(doors / ".s.PGSQL.5432", socket)
        exits.callback(database.close)
        cache = Proxy(doors / "valkey.sock", servers.valkey.socket)
        exits.callback(cache.close)
        stack = Stack(
            servers,
            database,
            cache,
            starter,
            settings or {},
            python_path,
            log=directory / "service.log",
        )
        exits.callback(stack.wait_for_database)
        before_serve(stack)
        exits.callback(stack.stop_service)
        if serve:
            stack.start_service(workers)
        yield stack
