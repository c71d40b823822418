"""`transit-api backup` and `restore`: the books as they were, in a database that was empty."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Database, clone_database
from tests.sql.books import write_busy_book
from transit_api.database.backup import back_up
from transit_api.local.embedded import Servers
from transit_api.process.processes import ProcessError

COUNTS = """
    SELECT (SELECT count(*) FROM transit.ledger_entries) AS entries,
           (SELECT count(*) FROM transit.trips) AS trips,
           (SELECT sum(balance) FROM transit.accounts) AS balances,
           (SELECT count(*) FROM transit.stations) AS stations
"""


def run(*arguments: str | Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "transit_api", *map(str, arguments)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


def counts(database: Database) -> Any:
    with database.connect() as connection, connection.cursor() as cursor:
        cursor.execute(COUNTS)
        row = cursor.fetchone()
    connection.close()
    return row


def test_restored_database_has_the_same_books_and_serves(
    fresh_database: Database, cluster: Servers, tmp_path: Path
) -> None:
    with fresh_database.connect() as connection:
        write_busy_book(connection)
    connection.close()
    file = tmp_path / "night.dump"
    saved = run("backup", file, DATABASE_URL=fresh_database.owner_url)
    assert saved.returncode == 0, saved.stderr
    assert file.stat().st_mode & 0o077 == 0
    with clone_database(cluster, "template0") as empty:
        restored = run("restore", file, DATABASE_URL=empty.owner_url)
        assert (restored.returncode, restored.stdout) == (0, "the books agree\n"), restored.stderr
        assert counts(empty) == counts(fresh_database)
        # The release is the same, and the service's role has its rights.
        migrated = run("migrate", DATABASE_URL=empty.owner_url)
        assert migrated.stdout == "nothing to do\n"
        assert run("audit", DATABASE_URL=empty.owner_url).returncode == 0


@pytest.mark.long
def test_restore_and_backup_replace_nothing(fresh_database: Database, tmp_path: Path) -> None:
    file = tmp_path / "night.dump"
    url = fresh_database.owner_url
    assert run("backup", file, DATABASE_URL=url).returncode == 0
    again = run("backup", file, DATABASE_URL=url)
    assert again.returncode == 1
    assert "a backup never replaces another" in again.stderr
    refused = run("restore", file, DATABASE_URL=url)
    assert refused.returncode == 1
    assert "the database is not empty" in refused.stderr
    assert counts(fresh_database).entries == 0


def test_restore_of_a_cut_file_leaves_the_database_empty(
    fresh_database: Database, empty_database: Database, tmp_path: Path
) -> None:
    file = tmp_path / "night.dump"
    assert run("backup", file, DATABASE_URL=fresh_database.owner_url).returncode == 0
    cut = tmp_path / "cut.dump"
    cut.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    refused = run("restore", cut, DATABASE_URL=empty_database.owner_url)
    assert refused.returncode == 1
    assert "pg_restore failed" in refused.stderr
    with empty_database.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT to_regnamespace('transit') IS NULL AS empty")
        assert cursor.fetchone().empty
    connection.close()


def test_failed_backup_leaves_no_file(tmp_path: Path) -> None:
    file = tmp_path / "night.dump"
    failed = run("backup", file, DATABASE_URL="postgresql://x@/x?host=/nonexistent")
    assert failed.returncode == 1
    assert len(failed.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def unmarked(monkeypatch: pytest.MonkeyPatch) -> None:
    """No database is asked whether it is broken on purpose: there is none."""
    monkeypatch.setattr("transit_api.database.backup.read_mark", lambda url: None)


@pytest.mark.usefixtures("unmarked")
def test_password_is_in_no_argument(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    fake = tmp_path / "pg_dump"
    fake.write_text(f'#!/bin/sh\necho "$@ / $PGPASSWORD" > {seen}\n')
    fake.chmod(0o755)
    url = "postgresql://owner:s3cret@nowhere.invalid/transit"
    back_up(url, tmp_path / "night.dump", tmp_path)
    arguments, _, password = seen.read_text().partition(" / ")
    assert "s3cret" not in arguments
    assert "nowhere.invalid" in arguments
    assert password == "s3cret\n"


@pytest.mark.usefixtures("unmarked")
def test_backup_writes_through_nothing_that_lies_there(tmp_path: Path) -> None:
    treasure = tmp_path / "treasure"
    treasure.write_text("kept")
    (tmp_path / "night.dump.partial").symlink_to(treasure)
    with pytest.raises(ProcessError, match=r"partial exists"):
        back_up("postgresql://nowhere.invalid/transit", tmp_path / "night.dump", tmp_path)
    assert treasure.read_text() == "kept"
    assert (tmp_path / "night.dump.partial").is_symlink()
