"""The embedded servers: started from anything a killed run can leave, private, stopped whole."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg2
import pytest
import redis

from tests.conftest import open_directory
from transit_api import embedded, postgresql
from transit_api.embedded import Servers, running_url, start_embedded
from transit_api.postgresql import PostgreSQL, find_binaries, unprivileged_uid
from transit_api.processes import ProcessError, as_user

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has to step down")


def answers(servers: Servers) -> bool:
    with psycopg2.connect(servers.owner_url) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    connection.close()
    with redis.Redis.from_url(servers.redis_url) as cache:
        return bool(cache.ping())


def refusal(directory: Path) -> str:
    """Why the servers do not start there."""
    with pytest.raises(ProcessError) as caught, start_embedded(directory, durable=False):
        pass
    return str(caught.value)


def processes_of(data: Path) -> list[psutil.Process]:
    """Whatever still runs on that directory."""
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if process.pid != os.getpid() and str(data) in " ".join(process.info["cmdline"] or [])
    ]


@pytest.fixture(scope="session")
def used_data() -> Iterator[Path]:
    """A data directory that has been used once and stopped in order."""
    with open_directory() as directory:
        with start_embedded(directory, durable=False):
            pass
        yield directory


@pytest.fixture
def data(used_data: Path, data_directory: Path) -> Iterator[Path]:
    """A copy of it: ten times faster than a new one."""
    subprocess.run(["cp", "-a", f"{used_data}/.", data_directory], check=True)
    yield data_directory
    for process in processes_of(data_directory):
        process.kill()


def test_stops_whole_and_starts_again_on_its_data(data_directory: Path) -> None:
    with start_embedded(data_directory, durable=False) as servers:
        assert answers(servers)
        run = servers.postgresql.socket_directory
        assert running_url(data_directory) == servers.database_url
        with psycopg2.connect(servers.owner_url) as connection, connection.cursor() as cursor:
            cursor.execute("CREATE TABLE kept (n integer)")
        connection.close()
    assert processes_of(data_directory) == []
    assert not run.exists()
    with start_embedded(data_directory, durable=False) as servers:
        with psycopg2.connect(servers.owner_url) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM kept")
        connection.close()


def test_commits_are_durable_and_nothing_listens_on_tcp(data: Path) -> None:
    with start_embedded(data) as servers:
        with psycopg2.connect(servers.owner_url) as connection, connection.cursor() as cursor:
            for name, value in {
                "fsync": "on",
                "synchronous_commit": "on",
                "full_page_writes": "on",
                "listen_addresses": "",
                "TimeZone": "UTC",
            }.items():
                cursor.execute("SELECT current_setting(%s)", [name])
                assert cursor.fetchone() == (value,), name
        connection.close()
        mode = servers.postgresql.socket_directory.stat().st_mode
        assert mode & 0o077 == 0
        running = processes_of(data)
        assert servers.postgresql.process.pid in {process.pid for process in running}
        for process in running:
            assert not [one for one in process.net_connections("inet") if one.status == "LISTEN"]


def test_second_start_on_the_same_data_names_who_holds_it(data: Path) -> None:
    with start_embedded(data, durable=False):
        assert "in use by process" in refusal(data)
        assert str(os.getpid()) in refusal(data)


def test_orphaned_server_of_a_killed_run_is_stopped_first(data: Path) -> None:
    binaries = find_binaries(unprivileged_uid())
    orphan = subprocess.Popen(
        [binaries / "postgres", "-D", data / "postgresql", "-k", data / "postgresql"],
        cwd=data / "postgresql",
        stderr=subprocess.DEVNULL,
        **as_user(unprivileged_uid()),
    )
    pid_file = data / "postgresql" / "postmaster.pid"
    while not (pid_file.exists() and "ready" in pid_file.read_text()):
        assert orphan.poll() is None
        time.sleep(0.02)
    with start_embedded(data, durable=False) as servers:
        assert answers(servers)
        assert orphan.wait(5) == 0


def test_number_of_a_dead_server_that_another_program_has_now(data: Path) -> None:
    bystander = subprocess.Popen(["sleep", "60"], **as_user(unprivileged_uid()))
    try:
        (data / "postgresql" / "postmaster.pid").write_text(
            f"{bystander.pid}\n{data / 'postgresql'}\n"
        )
        with start_embedded(data, durable=False) as servers:
            assert answers(servers)
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_database_killed_under_load_recovers(data: Path) -> None:
    with start_embedded(data) as servers:
        servers.postgresql.kill()
    with start_embedded(data) as servers:
        assert answers(servers)


def test_interrupted_first_start_is_begun_anew(data_directory: Path) -> None:
    unfinished = data_directory / "postgresql.new"
    unfinished.mkdir(parents=True)
    (unfinished / "PG_VERSION").write_text("18\n")
    with start_embedded(data_directory, durable=False) as servers:
        assert answers(servers)


def test_cache_and_sockets_of_a_killed_run_are_cleared(data: Path, tmp_path: Path) -> None:
    run = tmp_path / "run-old"
    run.mkdir()
    valkey = embedded.Valkey(run / "valkey.sock", tmp_path / "valkey.log")
    valkey.start()
    assert valkey.process is not None
    embedded._remember(data, run, valkey)
    with start_embedded(data, durable=False) as servers:
        assert answers(servers)
        assert valkey.process.wait(5) is not None
        assert not run.exists()


def test_number_of_a_dead_cache_that_another_program_has_now(data: Path, tmp_path: Path) -> None:
    run = tmp_path / "run-old"
    run.mkdir()
    bystander = subprocess.Popen(["sleep", "60"])
    try:
        left = {"directory": str(run), "valkey": bystander.pid}
        (data / "run.json").write_text(json.dumps(left))
        with start_embedded(data, durable=False) as servers:
            assert answers(servers)
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_data_of_another_major_version_is_refused(data: Path) -> None:
    (data / "postgresql" / "PG_VERSION").write_text("14\n")
    assert "was made by PostgreSQL 14 and this one is 18" in refusal(data)


def test_foreign_files_are_not_overwritten(data_directory: Path) -> None:
    (data_directory / "postgresql").mkdir()
    (data_directory / "postgresql" / "thesis.txt").write_text("years of work")
    assert "is not empty and holds no PostgreSQL data" in refusal(data_directory)


def test_long_path_still_gets_a_short_socket(data_directory: Path) -> None:
    deep = data_directory / ("d" * 90) / ("e" * 90)
    with start_embedded(deep, durable=False) as servers:
        assert answers(servers)
        assert not servers.postgresql.socket_directory.is_relative_to(deep)


def test_unusable_directory_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert re.match("cannot use .* for data", refusal(tmp_path / "file" / "data"))


def test_servers_die_with_the_process_that_started_them(data: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path;"
        "from transit_api.embedded import start_embedded\n"
        "with start_embedded(Path(sys.argv[1]), durable=False):\n"
        "    print('up', flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(data)], stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"up\n"
        servers = psutil.Process(parent.pid).children()
        assert len(servers) == 2
        parent.kill()
    _, alive = psutil.wait_procs(servers, timeout=10)
    assert alive == []


@as_root
def test_directory_closed_to_others_sends_the_data_elsewhere(
    tmp_path: Path, data_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (embedded, postgresql):
        monkeypatch.setattr(module, "SYSTEM_DIRECTORY", data_directory / "system")
    tmp_path.chmod(0o700)
    closed = tmp_path / "data"
    with start_embedded(closed, durable=False) as servers:
        assert answers(servers)
        assert Path((closed / "location").read_text().strip()) == servers.data
        assert servers.data.is_relative_to(data_directory)
        assert running_url(closed) == servers.database_url


@as_root
def test_closed_environment_has_its_programs_copied(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql, "SYSTEM_DIRECTORY", data / "system")
    monkeypatch.setattr(postgresql, "can_use", lambda uid, path: False)
    binaries = find_binaries(unprivileged_uid())
    assert binaries.is_relative_to(data / "system")
    with start_embedded(data, binaries=binaries, durable=False) as servers:
        assert answers(servers)
    assert find_binaries(unprivileged_uid()) == binaries


def test_failure_to_start_shows_the_log(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgresql, "SETTINGS", [("shared_buffers", "many", "wrong")])
    assert re.match("PostgreSQL did not start:(.|\n)*shared_buffers", refusal(data))


def test_stop_leaves_no_child_behind(data: Path) -> None:
    before = set(psutil.Process().children(recursive=True))
    with start_embedded(data, durable=False) as servers:
        assert isinstance(servers.postgresql, PostgreSQL)
        os.kill(servers.valkey.process.pid, signal.SIGKILL)  # type: ignore[union-attr]
    assert set(psutil.Process().children(recursive=True)) <= before
