"""Recovery to a moment, step by step as compose/README.md tells it."""

import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from psycopg2.extras import NamedTupleCursor

from tests.conftest import let_owner_act_for_service
from tests.sql.books import write_busy_book
from transit_api.database.migrate import SERVICE_ROLE, migrate
from transit_api.local.embedded import Servers, start_embedded
from transit_api.local.embedded_roles import OWNER, SUPERUSER, password_file
from transit_api.local.postgresql import PostgreSQL, find_binaries

LIMIT_S = 30.0


def ask(server: PostgreSQL, sql: str) -> Any:
    connection = psycopg2.connect(server.url(SUPERUSER))
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchone()[0] if cursor.description else None
    finally:
        connection.close()


def wait_for(server: PostgreSQL, sql: str) -> None:
    deadline = time.monotonic() + LIMIT_S
    while not ask(server, sql):
        assert time.monotonic() < deadline, sql
        time.sleep(0.05)


def archive_to(servers: Servers, archive: Path) -> None:
    server = servers.postgresql
    ask(server, "ALTER SYSTEM SET archive_mode = on")
    ask(
        server, f"ALTER SYSTEM SET archive_command = 'test ! -f {archive}/%f && cp %p {archive}/%f'"
    )
    server.stop()
    server.start()


def recover_to(data: Path, archive: Path, moment: str) -> None:
    with (data / "postgresql.auto.conf").open("a") as settings:
        settings.write(f"restore_command = 'cp {archive}/%f %p'\n")
        settings.write(f"recovery_target_time = '{moment}'\n")
        settings.write("recovery_target_action = promote\narchive_mode = off\n")
    (data / "recovery.signal").touch()


@pytest.mark.long
def test_books_are_brought_back_to_a_moment(data_directory: Path) -> None:
    archive, base, run = (data_directory / name for name in ("archive", "base", "run"))
    with start_embedded(data_directory / "data") as servers:
        uid = servers.postgresql.uid
        for folder in (archive, base, run):
            folder.mkdir(mode=0o700)
            if uid is not None:
                os.chown(folder, uid, uid)
        let_owner_act_for_service(servers)
        migrate(servers.owner_url)
        for role in (OWNER, SERVICE_ROLE):
            shutil.copy2(password_file(servers.data, role), data_directory)
        archive_to(servers, archive)
        program = find_binaries(uid) / "pg_basebackup"
        subprocess.run(
            [
                program,
                f"--dbname={servers.postgresql.url(SUPERUSER)}",
                f"--pgdata={base}",
                "--checkpoint=fast",
            ],
            check=True,
        )
        with psycopg2.connect(servers.owner_url, cursor_factory=NamedTupleCursor) as connection:
            write_busy_book(connection)
        connection.close()
        entries = ask(servers.postgresql, "SELECT count(*) FROM transit.ledger_entries")
        moment = ask(servers.postgresql, "SELECT clock_timestamp()::text")
        # What must be as if it had never been.
        ask(servers.postgresql, "TRUNCATE transit.ledger_entries, transit.trips CASCADE")
        segment = ask(servers.postgresql, "SELECT pg_walfile_name(pg_switch_wal())")
        wait_for(
            servers.postgresql, f"SELECT last_archived_wal >= '{segment}' FROM pg_stat_archiver"
        )
        recover_to(base, archive, moment)
        recovered = PostgreSQL(base, run, data_directory / "recovered.log", uid)
        recovered.start()
        try:
            wait_for(recovered, "SELECT NOT pg_is_in_recovery()")
            assert entries > 0
            assert ask(recovered, "SELECT count(*) FROM transit.ledger_entries") == entries
            audit = "SELECT count(*) FROM api.audit(NULL::bigint, NULL::date)"
            assert ask(recovered, audit) == 0
        finally:
            recovered.stop()
