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
from transit_api.database.migrate import SERVICE_ROLE
from transit_api.local import embedded, postgresql
from transit_api.local.embedded import Servers, running_url, start_embedded
from transit_api.local.embedded_roles import OWNER, SUPERUSER, password_file
from transit_api.local.postgresql import PostgreSQL, find_binaries
from transit_api.process.own_user import FREE_UIDS, NOBODY, choose_uid
from transit_api.process.processes import ProcessError, as_user
from transit_api.settings import SettingsError

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
    uid = choose_uid(data)
    binaries = find_binaries(uid)
    orphan = subprocess.Popen(
        [binaries / "postgres", "-D", data / "postgresql", "-k", data / "postgresql"],
        cwd=data / "postgresql",
        stderr=subprocess.DEVNULL,
        **as_user(uid),
    )
    pid_file = data / "postgresql" / "postmaster.pid"
    while not (pid_file.exists() and "ready" in pid_file.read_text()):
        assert orphan.poll() is None
        time.sleep(0.02)
    with start_embedded(data, durable=False) as servers:
        assert answers(servers)
        assert orphan.wait(5) == 0


def test_number_of_a_dead_server_that_another_program_has_now(data: Path) -> None:
    bystander = subprocess.Popen(["sleep", "60"], **as_user(choose_uid(data)))
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
        "from transit_api.local.embedded import start_embedded\n"
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
    binaries = find_binaries(choose_uid(data))
    assert binaries.is_relative_to(data / "system")
    with start_embedded(data, binaries=binaries, durable=False) as servers:
        assert answers(servers)
    assert find_binaries(choose_uid(data)) == binaries


def test_failure_to_start_shows_the_log(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgresql, "SETTINGS", [("shared_buffers", "many", "wrong")])
    assert re.match("PostgreSQL did not start:(.|\n)*shared_buffers", refusal(data))


def test_stop_leaves_no_child_behind(data: Path) -> None:
    before = set(psutil.Process().children(recursive=True))
    with start_embedded(data, durable=False) as servers:
        assert isinstance(servers.postgresql, PostgreSQL)
        os.kill(servers.valkey.process.pid, signal.SIGKILL)  # type: ignore[union-attr]
    assert set(psutil.Process().children(recursive=True)) <= before


# Who may do what


def ask(url: str, statement: str) -> list[tuple[object, ...]]:
    connection = psycopg2.connect(url)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


def test_owner_is_a_plain_role_that_owns_the_database(data: Path) -> None:
    with start_embedded(data, durable=False) as servers:
        assert ask(
            servers.owner_url,
            "SELECT r.rolsuper, r.rolcreaterole, r.rolcreatedb, r.rolbypassrls, r.rolreplication,"
            " pg_get_userbyid(d.datdba) FROM pg_roles AS r, pg_database AS d"
            " WHERE r.rolname = current_user AND d.datname = current_database()",
        ) == [(False, False, False, False, False, OWNER)]


@pytest.mark.parametrize("role", [SUPERUSER, OWNER, SERVICE_ROLE])
def test_nobody_gets_in_without_the_password(data: Path, role: str) -> None:
    with start_embedded(data, durable=False) as servers:
        url = servers.postgresql.url(role)
        assert ask(url, "SELECT current_user") == [(role,)]
        with pytest.raises(psycopg2.OperationalError, match="password"):
            psycopg2.connect(url.partition("&passfile")[0], passfile="/dev/null/none")
        assert "trust" not in (data / "postgresql" / "pg_hba.conf").read_text()


def test_passwords_stand_in_private_files_and_in_no_address(data: Path) -> None:
    with start_embedded(data, durable=False) as servers:
        addresses = servers.owner_url + servers.database_url
        for role in (OWNER, SERVICE_ROLE):
            file = password_file(servers.data, role)
            assert file.stat().st_mode & 0o777 == 0o600
            for line in file.read_text().splitlines():
                assert line.rpartition(":")[2] not in addresses
        assert OWNER not in password_file(servers.data, SERVICE_ROLE).read_text()


def test_data_and_logs_are_closed_to_other_users(data: Path) -> None:
    with start_embedded(data, durable=False) as servers:
        closed = [servers.data, servers.data / "postgresql", servers.postgresql.socket_directory]
        assert [path for path in closed if path.stat().st_mode & 0o007] == []
        logs = [servers.postgresql.log, servers.valkey.log]
        assert [path.stat().st_mode & 0o777 for path in logs] == [0o600, 0o600]


def test_lost_passwords_are_made_anew(data: Path) -> None:
    for role in (OWNER, SERVICE_ROLE):
        password_file(data, role).unlink()
    with start_embedded(data, durable=False) as servers:
        assert answers(servers)
        assert "trust" not in (data / "postgresql" / "pg_hba.conf").read_text()


@as_root
def test_root_hands_everything_to_a_user_that_nobody_else_is(data_directory: Path) -> None:
    with start_embedded(data_directory, durable=False) as servers:
        uid = servers.postgresql.uid
        assert uid in FREE_UIDS
        for server in (servers.postgresql.process, servers.valkey.process):
            assert server is not None
            assert set(psutil.Process(server.pid).uids()) == {uid}
            assert set(psutil.Process(server.pid).gids()) == {uid}
        others = [path for path in (data_directory / "postgresql").rglob("*")
                  if path.stat().st_uid != uid]  # fmt: skip
        assert others == []
        # Whoever comes later with other data gets another user.
        assert choose_uid(data_directory / "other") != uid
    assert choose_uid(data_directory) == uid


@as_root
def test_process_of_another_user_reads_nothing(data: Path) -> None:
    with start_embedded(data, durable=False) as servers:
        for path in (
            servers.postgresql.socket_directory / ".s.PGSQL.5432",
            servers.valkey.socket,
            password_file(servers.data, OWNER),
            password_file(servers.data, SERVICE_ROLE),
            servers.postgresql.log,
            servers.data / "postgresql" / "PG_VERSION",
        ):
            tried = subprocess.run(["cat", path], capture_output=True, **as_user(NOBODY))
            assert b"Permission denied" in tried.stderr, path


@as_root
def test_named_user_runs_the_servers(data: Path) -> None:
    with start_embedded(data, durable=False, user="daemon") as servers:
        assert servers.postgresql.process is not None
        assert psutil.Process(servers.postgresql.process.pid).username() == "daemon"
        assert answers(servers)


@pytest.mark.parametrize("name", ["no-such-user", "root"])
def test_user_who_cannot_run_the_servers_is_one_line(data: Path, name: str) -> None:
    with pytest.raises(SettingsError, match="user"), start_embedded(data, user=name):
        pass


# Odd machines


@pytest.mark.parametrize(
    "name", ["a b", "a'b", 'a"b', "100%41", "niño", "a,b", "a\\b", "a#b?&c=", "-D"]
)
def test_directory_may_have_any_name(data: Path, name: str) -> None:
    home = data / name
    home.mkdir()
    for path in list(data.iterdir()):
        if path != home:
            path.rename(home / path.name)
    with start_embedded(home, durable=False) as servers:
        assert answers(servers)
        assert running_url(home) == servers.database_url


def test_new_data_in_a_directory_with_an_odd_name(data_directory: Path) -> None:
    with start_embedded(data_directory / 'it\'s "100%" $HOME niño', durable=False) as servers:
        assert answers(servers)


def test_directory_with_a_line_break_is_one_line(data_directory: Path) -> None:
    with (
        pytest.raises(SettingsError, match="no line break"),
        start_embedded(data_directory / "a\nb"),
    ):
        pass


def test_server_starts_without_usable_shared_memory(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql, "SHARED_MEMORY", tmp_path / "missing")
    with start_embedded(data, durable=False) as servers:
        assert ask(servers.owner_url, "SHOW dynamic_shared_memory_type") == [("mmap",)]
