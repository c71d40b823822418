"""Workers: a dead one is replaced, a reload and a stop lose no request."""

import contextlib
import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import urlopen

import aiohttp_apispec
import psutil
import psycopg2
import pytest

import transit_api
from tests.conftest import Database, Server, start_command
from tests.procedures import procedure_file
from transit_api.database.migrate import SQL, migrate
from transit_api.local.postgresql import can_use

Start = Callable[..., Server]

# Half of a request: the service has it in flight until the rest arrives.
BODY = b'{"full_name": "Ana Rojas", "document_id": "1020304050"}'
HEAD = (
    b"POST /api/v1/users HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\n\r\n" % len(BODY)
)


def workers_of(server: Server) -> list[psutil.Process]:
    found = []
    for child in psutil.Process(server.process.pid).children():
        # One that ends while we look is none.
        with contextlib.suppress(psutil.Error):
            if "transit_api.process.worker" in child.cmdline():
                found.append(child)
    return found


def still_running(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that have not ended; one that waits to be reaped by init has."""
    found = []
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def connect(server: Server) -> socket.socket:
    address = urlsplit(server.url)
    return socket.create_connection((address.hostname, address.port), timeout=20)


def wait_until(condition: Callable[[], bool], limit_s: float = 20.0) -> None:
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def status_of(server: Server, path: str) -> int:
    try:
        with urlopen(server.url + path) as answer:
            return int(answer.status)
    except HTTPError as error:
        return error.code


class Load:
    """Clients that ask without a pause, on kept and on new connections, and count what happens."""

    def __init__(self, server: Server) -> None:
        self.outcomes: Counter[str] = Counter()
        self._address = urlsplit(server.url)
        self._stop = threading.Event()
        self._clients = [
            threading.Thread(target=self._ask, args=[keep]) for keep in (True, True, False)
        ]

    def __enter__(self) -> "Load":
        for client in self._clients:
            client.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for client in self._clients:
            client.join()

    def _ask(self, keep: bool) -> None:
        connection = self._connection()
        while not self._stop.is_set():
            try:
                connection.request("GET", "/api/v1/stations?limit=1")
                answer = connection.getresponse()
                answer.read()
                self.outcomes[str(answer.status)] += 1
            except (OSError, http.client.HTTPException) as error:
                self.outcomes[repr(error)] += 1
                connection.close()
            if not keep:
                connection.close()
        connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        assert self._address.hostname
        return http.client.HTTPConnection(self._address.hostname, self._address.port, timeout=20)


def test_killed_worker_is_replaced(server: Start) -> None:
    serving = server(workers=2)
    before = workers_of(serving)
    assert len(before) == 2
    before[0].kill()
    wait_until(lambda: len(workers_of(serving)) == 2 and before[0] not in workers_of(serving))
    assert before[1] in workers_of(serving)
    assert status_of(serving, "/health/ready") == 200


def test_reload_replaces_every_worker_and_loses_no_request(server: Start) -> None:
    serving = server(workers=2)
    before = set(workers_of(serving))
    with Load(serving) as load:
        wait_until(lambda: load.outcomes["200"] > 20)
        serving.process.send_signal(signal.SIGHUP)
        wait_until(lambda: not before & set(workers_of(serving)) and len(workers_of(serving)) == 2)
        answered = load.outcomes["200"]
        wait_until(lambda: load.outcomes["200"] > answered + 20)
    assert set(load.outcomes) == {"200"}


def test_reload_whose_new_workers_do_not_start_keeps_the_old_ones(
    server: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The first place where Python looks for modules, here and in the workers.
    monkeypatch.chdir(tmp_path)
    serving = server(workers=2)
    before = set(workers_of(serving))
    broken = tmp_path / "transit_api"
    broken.mkdir()
    (broken / "__init__.py").write_text("raise SystemExit('this release does not start')")
    serving.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "the old ones stay" in serving.log.read_text())
    assert set(workers_of(serving)) == before
    assert status_of(serving, "/health/ready") == 200


def test_gauges_of_a_worker_that_died_are_gone(server: Start) -> None:
    serving = server(workers=2)
    wait_until(lambda: workers_told(serving) == {one.pid for one in workers_of(serving)})
    before = workers_of(serving)
    before[0].kill()
    wait_until(lambda: len(workers_of(serving)) == 2 and before[0] not in workers_of(serving))
    wait_until(lambda: workers_told(serving) == {one.pid for one in workers_of(serving)})


def workers_told(server: Server) -> set[int]:
    """The processes that /metrics tells the memory of."""
    with urlopen(server.url + "/metrics") as answer:
        lines = answer.read().decode().splitlines()
    found = [re.search(r'resident_memory_bytes\{.*worker="(\d+)"', line) for line in lines]
    return {int(one[1]) for one in found if one}


def test_procedures_are_rebuilt_under_load_and_no_request_notices(
    server: Start, fresh_database: Database, tmp_path: Path
) -> None:
    sql = Path(shutil.copytree(SQL, tmp_path / "sql"))
    serving = server(workers=2)
    with Load(serving) as load:
        for number in range(5):
            with procedure_file("list_stations", sql).open("a") as file:
                file.write(f"-- {number}\n")
            assert migrate(fresh_database.owner_url, sql).procedures_rebuilt
            answered = load.outcomes["200"]
            wait_until(lambda answered=answered: load.outcomes["200"] > answered + 20)
    assert set(load.outcomes) == {"200"}


def test_stop_answers_what_is_in_flight_and_says_goodbye(server: Start) -> None:
    serving = server()
    with connect(serving) as client:
        client.sendall(HEAD + BODY[:10])
        # Another request on the same loop, so that the first half has been read for sure.
        assert status_of(serving, "/health/live") == 200
        serving.process.terminate()
        wait_until(lambda: status_of_or_gone(serving) != 200)
        client.sendall(BODY[10:])
        answer = client.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 201 ")
    assert b"\r\nConnection: close\r\n" in answer
    assert serving.stop() == 0


def test_stop_waits_for_a_body_that_arrives_after_the_grace_period(server: Start) -> None:
    serving = server(idle_grace_seconds=0.1, drain_seconds=20)
    with connect(serving) as client:
        client.sendall(HEAD + BODY[:10])
        assert status_of(serving, "/health/live") == 200
        serving.process.terminate()
        # Longer than the grace period: what follows is left to the drain.
        time.sleep(1.0)
        client.sendall(BODY[10:])
        assert client.makefile("rb").read().startswith(b"HTTP/1.1 201 ")


def status_of_or_gone(server: Server) -> int:
    try:
        return status_of(server, "/health/ready")
    except OSError:
        return 0


def test_stopping_worker_is_not_ready_but_alive(server: Start) -> None:
    serving = server(idle_grace_seconds=5)
    with connect(serving) as idle:
        idle.sendall(b"GET /health/live HTTP/1.1\r\nHost: test\r\n\r\n")
        assert idle.recv(4096).startswith(b"HTTP/1.1 200 ")
        serving.process.terminate()
        wait_until(lambda: status_of(serving, "/health/ready") == 503)
        assert status_of(serving, "/health/live") == 200
        # The kept connection is answered once more, and told to go.
        idle.sendall(b"GET /health/live HTTP/1.1\r\nHost: test\r\n\r\n")
        assert b"\r\nConnection: close\r\n" in idle.makefile("rb").read()


def test_stop_is_bounded_when_a_client_never_ends_its_request(server: Start) -> None:
    serving = server(drain_seconds=0.5, idle_grace_seconds=0.1)
    with connect(serving) as client:
        client.sendall(HEAD + BODY[:10])
        assert status_of(serving, "/health/live") == 200
        assert serving.stop(wait_s=15) == 0


def test_stop_asked_twice_does_not_wait(server: Start) -> None:
    serving = server(drain_seconds=300)
    with connect(serving) as client:
        client.sendall(HEAD + BODY[:10])
        assert status_of(serving, "/health/live") == 200
        serving.process.terminate()
        wait_until(lambda: status_of_or_gone(serving) == 0)
        serving.process.terminate()
        assert serving.process.wait(10) == 0


def test_workers_end_when_their_parent_is_killed(server: Start) -> None:
    serving = server(workers=2)
    workers = workers_of(serving)
    serving.process.kill()
    _, alive = psutil.wait_procs(workers, timeout=10)
    assert alive == []


def test_counts_of_all_workers_are_in_the_metrics(server: Start) -> None:
    serving = server(workers=2)
    for _ in range(20):
        assert status_of(serving, "/health/live") == 200
    # A worker writes down what it counted a little later.
    wait_until(lambda: counted(serving, 'route="/health/live"') == 20)


def counted(server: Server, label: str) -> float:
    with urlopen(server.url + "/metrics") as answer:
        lines = answer.read().decode().splitlines()
    name = "transit_http_request_duration_seconds_count"
    return sum(
        float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name) and label in line
    )


@pytest.fixture
def up(data_directory: Path, tmp_path: Path) -> Iterator[Start]:
    """Starts `transit-api up` on one data directory; stopped at the end."""
    running: list[Server] = []

    def start(*options: str) -> Server:
        log = tmp_path / f"up-{len(running)}.log"
        running.append(
            start_command(log, "up", "--port", "0", "--data-dir", str(data_directory), *options)
        )
        return running[-1]

    yield start
    for one in running:
        one.stop()
        assert one.process.stdout is not None
        one.process.stdout.close()


def test_up_serves_stops_on_ctrl_c_and_serves_again(up: Start) -> None:
    for _ in range(2):
        serving = up("--workers", "1")
        assert status_of(serving, "/health") == 200
        assert status_of(serving, "/docs") == 200
        children = psutil.Process(serving.process.pid).children(recursive=True)
        assert len(children) >= 3
        serving.process.send_signal(signal.SIGINT)
        assert serving.process.wait(20) == 0
        assert not still_running(children)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root steps down")
def test_up_serves_everything_from_a_directory_that_only_root_enters(
    tmp_path: Path, data_directory: Path
) -> None:
    """As in root's own home: what a worker reads of our files, it reads before it steps down."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    root, swagger = Path(transit_api.__file__).parents[1], Path(aiohttp_apispec.__file__).parent
    for source in (root / "transit_api", root / "sql", swagger):
        shutil.copytree(source, closed / source.name)
    serving = start_command(
        data_directory / "log",
        *("up", "--port", "0", "--workers", "1", "--data-dir", str(closed / ".data")),
        directory=closed,
    )
    try:
        paths = (
            "/health/ready", "/openapi.json", "/docs", "/docs/static/swagger-ui.css",
            "/docs/static/swagger-ui-bundle.js", "/api/v1/stations?q=portal", "/metrics",
        )  # fmt: skip
        assert {path: status_of(serving, path) for path in paths} == dict.fromkeys(paths, 200)
    finally:
        serving.stop()
        assert serving.process.stdout is not None
        serving.process.stdout.close()


def test_up_starts_after_it_was_killed(up: Start) -> None:
    serving = up("--workers", "1")
    children = psutil.Process(serving.process.pid).children(recursive=True)
    serving.process.kill()
    serving.process.wait()
    assert status_of(up("--workers", "1"), "/health/ready") == 200
    assert not still_running(children)


def test_up_with_a_simulated_clock_lets_time_be_read(up: Start, data_directory: Path) -> None:
    serving = up("--workers", "1", "--simulated-clock", "2030-01-07T06:00:00-05:00")
    with urlopen(serving.url + "/api/v1/clock") as answer:
        assert b"2030-01-07T11:00:" in answer.read()
    serving.stop()
    # Its data lives in that time: the real clock would go back.
    with pytest.raises(AssertionError, match="simulated clock; start with --simulated-clock"):
        up("--workers", "1")


def test_up_interrupted_while_it_starts_leaves_nothing(data_directory: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "transit_api", "up", "--port", "0"],
        cwd=data_directory,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        cluster = data_directory / ".data" / "postgresql"
        wait_until(lambda: (cluster / "postmaster.pid").exists())
        children = psutil.Process(process.pid).children(recursive=True)
        process.terminate()
        assert process.wait(20) != 0
    assert not still_running(children)
    assert not (cluster / "postmaster.pid").exists()


NOBODY = 65534


def python_for_everybody() -> str:
    """A Python of our version that another user may run; ours can lie in root's home.

    Where the project itself lies in a directory that is closed to others, so does what it needs.
    """
    project = Path(transit_api.__file__)
    if not can_use(NOBODY, project) or not can_use(NOBODY, Path(psycopg2.__file__)):
        pytest.skip(f"{project.parent} is closed to other users")
    version = sys.version_info
    for place in (sys.executable, f"/usr/bin/python{version.major}.{version.minor}"):
        path = Path(place).resolve()
        if path.exists() and can_use(NOBODY, path):
            return place
    pytest.skip(f"{sys.executable} is closed to other users (apt-get install python3)")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_up_as_an_unprivileged_user(data_directory: Path) -> None:
    os.chown(data_directory, NOBODY, NOBODY)
    with subprocess.Popen(
        [python_for_everybody(), "-m", "transit_api", "up", "--port", "0"],
        cwd=data_directory,
        stdout=subprocess.PIPE,
        text=True,
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": ":".join(path for path in sys.path if path)},
    ) as process:
        assert process.stdout is not None
        url = next(word for word in process.stdout.readline().split() if word.startswith("http"))
        assert status_of(Server(process, url, data_directory), "/health/ready") == 200
        process.terminate()
        assert process.wait(20) == 0
