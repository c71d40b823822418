"""Brings a database to this release: sql/schema once each, sql/procedures rebuilt whole."""

import hashlib
import logging
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2
import psycopg2.errors

from transit_api.database import network

log = logging.getLogger(__name__)

SQL = Path(__file__).parents[2] / "sql"
SERVICE_ROLE = "transit_service"

# Any number will do, as long as every release uses the same one.
MIGRATION_LOCK = 7_265_011
LOOK_AGAIN_S = 0.25

# What the comment of a database says that a broken build of the lab made.
BROKEN_BY = "broken on purpose: "

_HOLDER = """
    SELECT concat('process ', l.pid, ' of ', coalesce(a.usename::text, 'another role'),
                  ', ' || nullif(a.application_name, ''), ' on ' || host(a.client_addr),
                  ', since ' || date_trunc('second', a.xact_start))
    FROM pg_catalog.pg_locks AS l
    LEFT JOIN pg_catalog.pg_stat_activity AS a ON a.pid = l.pid
    WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
          AND l.classid = 0 AND l.objid = %s
          AND l.database = (SELECT d.oid FROM pg_catalog.pg_database AS d
                            WHERE d.datname = pg_catalog.current_database())
"""

# Role and database may set limits that are meant for requests.
_NO_LIMITS = """
    SET LOCAL statement_timeout = 0;
    SET LOCAL lock_timeout = 0;
    SET LOCAL idle_in_transaction_session_timeout = 0;
"""

# What is missing for a release, by name; no row: the database is ready for it. A newer
# database lacks nothing, so the last release stays ready while the next one migrates.
READINESS_SQL = "SELECT part FROM api.read_missing_parts(%s::text[], %s::text[])"

_RECORDS = """
    CREATE TABLE IF NOT EXISTS transit.schema_migrations (
        version    text        PRIMARY KEY,
        checksum   text        NOT NULL,
        applied_at timestamptz NOT NULL DEFAULT pg_catalog.now()
    );
    COMMENT ON TABLE transit.schema_migrations IS
        'Files of sql/schema that were applied, once each';
    CREATE TABLE IF NOT EXISTS transit.rebuilt_parts (
        part       text        PRIMARY KEY,
        checksum   text        NOT NULL,
        rebuilt_at timestamptz NOT NULL DEFAULT pg_catalog.now()
    );
    COMMENT ON TABLE transit.rebuilt_parts IS
        'What is rebuilt whole when its files change: the procedures, the network';
"""

_FUNCTION = re.compile(r"^CREATE (?:OR REPLACE )?FUNCTION api\.(\w+)", re.MULTILINE)

# What a file meets when it comes before the one that it needs.
_NOT_YET = (
    psycopg2.errors.UndefinedFunction,
    psycopg2.errors.UndefinedObject,
    psycopg2.errors.UndefinedTable,
    psycopg2.errors.InvalidSchemaName,
)


class MigrationError(RuntimeError):
    """The database cannot be brought to this release; the message says why in one line."""


class DatabaseAway(MigrationError):
    """Nobody answers where the database should be, or not yet: trying again may help."""


# What a server says that is there but does not take us now; any other refusal is for good.
_NOT_NOW = (
    "the database system is",
    "too many clients",
    "remaining connection slots",
    # PgBouncer's words for the same.
    "cannot connect to server",
    "server login has been failing",
    "no more connections allowed",
    "query_wait_timeout",
)


@dataclass(frozen=True)
class Outcome:
    """What one run of migrate did."""

    applied: tuple[str, ...]
    procedures_rebuilt: bool
    network_loaded: bool

    def __str__(self) -> str:
        done = [f"applied {', '.join(self.applied)}"] if self.applied else []
        done += ["rebuilt the procedures"] if self.procedures_rebuilt else []
        done += ["loaded the network"] if self.network_loaded else []
        return "; ".join(done) or "nothing to do"


def migrate(dsn: str, sql: Path = SQL, broken: str = "") -> Outcome:
    """Migrate the database at `dsn` as its owner; MigrationError if that cannot be done.

    Safe to run twice and by several at once: one works, the others wait and find it done.
    `broken` names the defect of a build of the lab, which works on its own databases alone.
    """
    with (
        _turn(dsn),
        _owner_connection(dsn) as connection,
        connection.cursor() as cursor,
    ):
        _check_mark(connection, cursor, broken)
        _close_to_others(connection, cursor)
        applied = _apply_schema(connection, cursor, sql / "schema")
        return Outcome(
            applied=applied,
            procedures_rebuilt=_rebuild_procedures(connection, cursor, sql),
            network_loaded=_load_network(connection, cursor, sql / "network"),
        )


@contextmanager
def _turn(dsn: str) -> Iterator[None]:
    """Be the only one that migrates, by the lock of a transaction on a connection of its own.

    The lock of a session would stay with a pooler's connection to the server when we are gone.
    """
    with _owner_connection(dsn) as connection, connection.cursor() as cursor:
        told = None
        while not _try_lock(cursor):
            cursor.execute(_HOLDER, [MIGRATION_LOCK])
            (holder,) = cursor.fetchone() or (None,)
            connection.rollback()
            if holder and holder != told:
                log.warning("waiting for the migration of %s; Ctrl-C gives up", holder)
                told = holder
            # Asked again and again, because Ctrl-C ends a sleep and not a statement.
            time.sleep(LOOK_AGAIN_S)
        yield


def _try_lock(cursor: Any) -> bool:
    cursor.execute(_NO_LIMITS)
    cursor.execute("SELECT pg_catalog.pg_try_advisory_xact_lock(%s)", [MIGRATION_LOCK])
    return bool(cursor.fetchone()[0])


def readiness_parameters(sql: Path = SQL) -> tuple[list[str], list[str]]:
    """What READINESS_SQL asks for: this release's schema files and its functions."""
    texts = [path.read_text(encoding="utf-8") for path in _files(sql / "procedures")]
    functions = {name for text in texts for name in _FUNCTION.findall(text)}
    return [path.stem for path in _files(sql / "schema")], sorted(functions)


def is_empty(dsn: str) -> bool:
    """Whether nothing was ever migrated there."""
    with _owner_connection(dsn) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT pg_catalog.to_regnamespace('transit') IS NULL")
        return bool(cursor.fetchone()[0])


def cannot_connect(error: psycopg2.Error) -> MigrationError:
    """What a failed attempt to connect means."""
    text = _one_line(error)
    away = "FATAL:" not in text or any(words in text for words in _NOT_NOW)
    kind = DatabaseAway if away else MigrationError
    return kind(f"cannot connect to the database: {text}")


@contextmanager
def _owner_connection(dsn: str) -> Iterator[Any]:
    try:
        connection = psycopg2.connect(dsn, connect_timeout=10, application_name="transit-migrate")
    except psycopg2.Error as error:
        raise cannot_connect(error) from error
    # Who waited for a lock must see what was done meanwhile, whatever the role's default is.
    connection.set_session(isolation_level="READ COMMITTED")
    try:
        yield connection
    except psycopg2.Error as error:
        # Without a code the connection broke: the server did not say why.
        kind = DatabaseAway if connection.closed and error.pgcode is None else MigrationError
        raise kind(_one_line(error)) from error
    finally:
        connection.close()


def read_mark(dsn: str) -> str:
    """The defect of the lab that a database was made with; empty for every other database."""
    with _owner_connection(dsn) as connection, connection.cursor() as cursor:
        return _read_mark(cursor)


def _read_mark(cursor: Any) -> str:
    cursor.execute(
        "SELECT pg_catalog.shobj_description(d.oid, 'pg_database')"
        " FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database()"
    )
    comment = cursor.fetchone()[0] or ""
    return str(comment.removeprefix(BROKEN_BY)) if comment.startswith(BROKEN_BY) else ""


def _check_mark(connection: Any, cursor: Any, broken: str) -> None:
    """Keep broken builds and whole databases apart: the comment of a database names its defect."""
    mark = _read_mark(cursor)
    if mark and mark != broken:
        raise MigrationError(f"this database is broken on purpose, by `up --broken {mark}`")
    if broken and not mark:
        cursor.execute("SELECT pg_catalog.to_regnamespace('transit') IS NULL")
        if not cursor.fetchone()[0]:
            raise MigrationError("a broken build takes only a database that it made itself")
        cursor.execute(
            "SELECT pg_catalog.format('COMMENT ON DATABASE %%I IS %%L',"
            " pg_catalog.current_database(), %s::text)",
            [BROKEN_BY + broken],
        )
        cursor.execute(cursor.fetchone()[0])
    connection.commit()


def _apply_schema(connection: Any, cursor: Any, folder: Path) -> tuple[str, ...]:
    files = _files(folder)
    done = _recorded(connection, cursor, "schema_migrations", "version")
    unknown = sorted(set(done) - {path.stem for path in files})
    if unknown:
        raise MigrationError(
            f"the database has {', '.join(unknown)}, which this release does not know:"
            " a newer release has migrated it"
        )
    for path in files:
        if path.stem in done and done[path.stem] != _checksum([path]):
            raise MigrationError(
                f"{path.name} was changed after it had been applied;"
                " restore it and put the change into a new file"
            )
    pending = [path for path in files if path.stem not in done]
    for path in pending:
        cursor.execute(_NO_LIMITS)
        _run_file(cursor, path)
        cursor.execute(_RECORDS)
        cursor.execute(
            "INSERT INTO transit.schema_migrations (version, checksum) VALUES (%s, %s)",
            [path.stem, _checksum([path])],
        )
        connection.commit()
    return tuple(path.stem for path in pending)


def _close_to_others(connection: Any, cursor: Any) -> None:
    """Nobody but the owner makes temporary objects: a name in pg_temp is found where ours is."""
    cursor.execute(
        "SELECT pg_catalog.format("
        "'REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', d.datname)"
        " FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database()"
        " AND pg_catalog.pg_has_role(d.datdba, 'USAGE') AND EXISTS ("
        "SELECT FROM pg_catalog.aclexplode("
        "coalesce(d.datacl, pg_catalog.acldefault('d', d.datdba))) AS granted"
        " WHERE granted.grantee = 0 AND granted.privilege_type = 'TEMPORARY')"
    )
    for (statement,) in cursor.fetchall():
        cursor.execute(statement)
    connection.commit()


def _rebuild_procedures(connection: Any, cursor: Any, sql: Path) -> bool:
    files = _files(sql / "procedures")
    # The grants are part of what is rebuilt.
    checksum = _checksum([*files, sql / "grants.sql"])
    cursor.execute("SELECT pg_catalog.to_regnamespace('api') IS NOT NULL")
    (exists,) = cursor.fetchone()
    if exists and _recorded(connection, cursor, "rebuilt_parts", "part").get("api") == checksum:
        return False
    cursor.execute(_NO_LIMITS)
    if exists:
        # Dropping locks the types that running calls use, so it comes last: the old release serves
        # while the new one is being made.
        cursor.execute("ALTER SCHEMA api RENAME TO api_replaced")
    cursor.execute("CREATE SCHEMA api")
    # A body may name a function whose file comes later.
    cursor.execute("SET LOCAL check_function_bodies = off")
    _run_in_any_order(cursor, files)
    _run_file(cursor, sql / "grants.sql")
    if exists:
        cursor.execute("DROP SCHEMA api_replaced CASCADE")
    _record_part(connection, cursor, "api", checksum)
    return True


def _run_in_any_order(cursor: Any, files: list[Path]) -> None:
    """Run every file; one that needs what a later one makes is tried again after it."""
    while files:
        postponed: list[Path] = []
        reason: MigrationError | None = None
        for path in files:
            cursor.execute("SAVEPOINT before_file")
            try:
                _run_file(cursor, path)
            except MigrationError as error:
                if not isinstance(error.__cause__, _NOT_YET):
                    raise
                cursor.execute("ROLLBACK TO SAVEPOINT before_file")
                postponed.append(path)
                reason = reason or error
            cursor.execute("RELEASE SAVEPOINT before_file")
        if reason and len(postponed) == len(files):
            raise reason
        files = postponed


def _load_network(connection: Any, cursor: Any, folder: Path) -> bool:
    loader = Path(network.__file__)
    checksum = _checksum(sorted(folder.iterdir()), loader.read_text(encoding="utf-8"))
    if _recorded(connection, cursor, "rebuilt_parts", "part").get("network") == checksum:
        return False
    cursor.execute(_NO_LIMITS)
    network.load_network(cursor, folder)
    _record_part(connection, cursor, "network", checksum)
    return True


def _recorded(connection: Any, cursor: Any, table: str, key: str) -> dict[str, str]:
    """Name and checksum of what the database has; nothing if it is empty."""
    cursor.execute("SELECT pg_catalog.to_regclass(%s) IS NOT NULL", [f"transit.{table}"])
    if not cursor.fetchone()[0]:
        connection.commit()
        return {}
    cursor.execute(f"SELECT {key}, checksum FROM transit.{table}")
    recorded = dict(cursor.fetchall())
    connection.commit()
    return recorded


def _record_part(connection: Any, cursor: Any, part: str, checksum: str) -> None:
    cursor.execute(
        "INSERT INTO transit.rebuilt_parts AS parts (part, checksum) VALUES (%s, %s)"
        " ON CONFLICT (part) DO UPDATE"
        " SET checksum = excluded.checksum, rebuilt_at = pg_catalog.now()",
        [part, checksum],
    )
    connection.commit()


def _run_file(cursor: Any, path: Path) -> None:
    try:
        cursor.execute(path.read_text(encoding="utf-8"))
    except psycopg2.Error as error:
        raise MigrationError(f"{path.name}: {_one_line(error)}") from error


def _files(folder: Path) -> list[Path]:
    # A folder that may not be read looks empty: what is missing then must not be what is wanted.
    files = sorted(folder.rglob("*.sql"))
    if not files:
        raise MigrationError(f"{folder} holds no SQL that can be read")
    return files


def _checksum(files: Iterable[Path], *more: str) -> str:
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    for text in more:
        digest.update(text.encode() + b"\0")
    return digest.hexdigest()


def _one_line(error: psycopg2.Error) -> str:
    primary = error.diag.message_primary if error.diag else None
    lines = (primary or str(error)).strip().splitlines()
    return " ".join(line.strip() for line in lines) or type(error).__name__
