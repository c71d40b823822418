"""Roles and passwords of the embedded PostgreSQL: made once, kept in files of mode 0600."""

import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg2
import psycopg2.errors

from transit_api.database.migrate import SERVICE_ROLE

DATABASE = "transit"
# Owns the database and nothing else, as it would on a server that others run.
OWNER = "transit_owner"
# Made by initdb; only what the cluster as a whole needs is done as this role.
SUPERUSER = "transit_superuser"
# What the first role of a cluster of release 0.1 is called since: there the owner was superuser.
_OLD_SUPERUSER = "transit_bootstrap"

# Everything of ours that a superuser made belongs to the owner.
_GIVE_TO_OWNER = """
    SELECT format('ALTER SCHEMA %%I OWNER TO %%I', n.nspname, %(owner)s)
    FROM pg_namespace AS n WHERE n.nspname IN ('transit', 'api')
    UNION ALL
    SELECT format(
        'ALTER %%s %%s OWNER TO %%I',
        CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END,
        c.oid::regclass, %(owner)s
    )
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname IN ('transit', 'api') AND c.relkind IN ('r', 'p', 'v', 'S')
        -- A sequence of a column goes with its table.
        AND NOT EXISTS (
            SELECT FROM pg_depend AS d
            WHERE d.objid = c.oid AND c.relkind = 'S' AND d.deptype IN ('a', 'i')
        )
    UNION ALL
    SELECT format('ALTER ROUTINE %%s OWNER TO %%I', p.oid::regprocedure, %(owner)s)
    FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
    WHERE n.nspname IN ('transit', 'api')
    UNION ALL
    SELECT format('ALTER TYPE %%s OWNER TO %%I', t.oid::regtype, %(owner)s)
    FROM pg_type AS t JOIN pg_namespace AS n ON n.oid = t.typnamespace
    LEFT JOIN pg_class AS c ON c.oid = t.typrelid
    WHERE n.nspname IN ('transit', 'api') AND t.typelem = 0
        AND (t.typtype IN ('d', 'e') OR c.relkind = 'c')
"""


def password_file(data: Path, role: str) -> Path:
    """Where libpq finds the password of a role: the workers may read the service's alone."""
    return data / ("service.pgpass" if role == SERVICE_ROLE else "owner.pgpass")


def passwords_are_set(data: Path) -> bool:
    """Whether this cluster has its passwords, and the files say which."""
    return all(password_file(data, role).exists() for role in (OWNER, SERVICE_ROLE))


def is_up(url: str) -> bool:
    """Whether a server answers there, even if it does not know the role."""
    try:
        psycopg2.connect(url, connect_timeout=5).close()
    except psycopg2.OperationalError as error:
        return "does not exist" in str(error) and "role" in str(error)
    return True


def set_up(url: Callable[[str, str], str], data: Path, uid: int | None) -> None:
    """Make roles, passwords and the database through `url(role, database)`, which trusts us."""
    _free_the_name_of_the_owner(url)
    passwords = {role: secrets.token_urlsafe(32) for role in (SUPERUSER, OWNER, SERVICE_ROLE)}
    with _Session(url(SUPERUSER, "postgres")) as ask:
        for role, password in passwords.items():
            if not ask("SELECT FROM pg_catalog.pg_roles WHERE rolname = %s", role):
                ask(f"CREATE ROLE {role} LOGIN")
            ask(f"ALTER ROLE {role} PASSWORD %s", password)
        if ask("SELECT FROM pg_catalog.pg_database WHERE datname = %s", DATABASE):
            ask(f"ALTER DATABASE {DATABASE} OWNER TO {OWNER}")
        else:
            ask(f"CREATE DATABASE {DATABASE} OWNER {OWNER}")
    with _Session(url(SUPERUSER, DATABASE)) as ask:
        for (statement,) in ask(_GIVE_TO_OWNER, {"owner": OWNER}):
            ask(statement)
    # Last: a start that was interrupted before begins anew.
    service = {SERVICE_ROLE: passwords.pop(SERVICE_ROLE)}
    _write(password_file(data, SERVICE_ROLE), service, uid)
    _write(password_file(data, OWNER), passwords, None)


def _free_the_name_of_the_owner(url: Callable[[str, str], str]) -> None:
    """Have a cluster of release 0.1, whose superuser is the owner, get one like ours."""
    try:
        with _Session(url(OWNER, "postgres")) as ask:
            if not ask("SELECT FROM pg_catalog.pg_roles WHERE rolname = %s AND rolsuper", OWNER):
                return
            if not ask("SELECT FROM pg_catalog.pg_roles WHERE rolname = %s", SUPERUSER):
                ask(f"CREATE ROLE {SUPERUSER} LOGIN SUPERUSER REPLICATION")
    except psycopg2.OperationalError:
        # A new cluster has no owner yet.
        return
    with _Session(url(SUPERUSER, "postgres")) as ask:
        ask(f"ALTER ROLE {OWNER} RENAME TO {_OLD_SUPERUSER}")
        ask(f"ALTER ROLE {_OLD_SUPERUSER} NOLOGIN")


class _Session:
    """A connection on which each statement is for good at once."""

    def __init__(self, url: str) -> None:
        self._connection = psycopg2.connect(url)
        self._connection.autocommit = True

    def __enter__(self) -> "Callable[..., list[Any]]":
        return self._ask

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def _ask(self, statement: str, *values: Any) -> list[Any]:
        with self._connection.cursor() as cursor:
            named = values and isinstance(values[0], dict)
            cursor.execute(statement, values[0] if named else values or None)
            return cursor.fetchall() if cursor.description is not None else []


def _write(path: Path, passwords: dict[str, str], uid: int | None) -> None:
    path.unlink(missing_ok=True)
    number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(number, "w") as file:
        file.writelines(f"*:*:*:{role}:{password}\n" for role, password in passwords.items())
        if uid is not None:
            os.fchown(file.fileno(), uid, uid)
