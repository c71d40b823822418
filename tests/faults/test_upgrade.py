"""Restarts and migrations under load, and migrations that are killed half way."""

import dataclasses
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Database, clone_database
from tests.faults.load import LIMIT_S, Load, make_scenario
from tests.faults.run import unexpected
from tests.faults.stack import Stack
from tests.procedures import procedure_file
from transit_api.database.migrate import SQL, MigrationError, migrate
from transit_api.local.embedded import Servers

SECONDS = 4.0
RATE = 100.0
# Seconds of work after which a migration is killed; a whole one takes about one.
KILLED_AFTER_S = (0.0, 0.02, 0.05, 0.1, 0.2, 0.4)
PROCESS_LIMIT_S = 30.0

CONNECTED = "SELECT FROM pg_stat_activity WHERE application_name = 'transit-migrate'" \
    " AND datname = current_database()"  # fmt: skip
SHAPE = """
    SELECT p.oid::regprocedure::text, md5(p.prosrc), p.proacl::text FROM pg_proc AS p
    WHERE p.pronamespace = 'api'::regnamespace
    UNION ALL
    SELECT c.oid::regclass::text, c.relkind::text, c.relacl::text FROM pg_class AS c
    WHERE c.relnamespace = 'transit'::regnamespace
    ORDER BY 1
"""


def run_during(stack: Stack, act: Callable[[], None]) -> Load:
    """Riders who never lose an answer by themselves, while something is done to the service."""
    scenario = make_scenario(5, SECONDS, RATE)
    patient = dataclasses.replace(scenario.chances, lost_answer=0.0)
    load = Load(stack.url, dataclasses.replace(scenario, chances=patient), tolerant=False)
    load.start()
    load.settled.wait(LIMIT_S)
    time.sleep(1.0)
    act()
    load.driven.wait(LIMIT_S)
    result = load.finish()
    assert load.journal is not None
    assert result.books_agree, (result.differences[:5], result.total_differences)
    assert unexpected(load.journal.statuses) == []
    return load


def assert_nothing_lost(load: Load) -> None:
    assert load.journal is not None
    lost = {
        status: count
        for status, count in load.journal.statuses.items()
        if status == "no answer" or status.startswith("5")
    }
    assert lost == {}


@pytest.mark.long
def test_rolling_restart_under_load_loses_no_request(stack: Stack) -> None:
    before = stack.workers()

    def replace_workers() -> None:
        assert stack.service is not None
        stack.service.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + PROCESS_LIMIT_S
        while set(before) & set(stack.workers()) or len(stack.workers()) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.05)

    assert_nothing_lost(run_during(stack, replace_workers))


def test_migration_under_the_last_release_loses_no_request(stack: Stack, tmp_path: Path) -> None:
    changed = tmp_path / "sql"
    shutil.copytree(SQL, changed)
    with procedure_file("read_station", changed).open("a") as file:
        file.write("-- of the next release\n")

    def migrate_twice() -> None:
        for sql in (changed, SQL):
            assert migrate(stack.servers.owner_url, sql).procedures_rebuilt
            time.sleep(0.5)

    assert_nothing_lost(run_during(stack, migrate_twice))


def shape_of(database: Database) -> Any:
    with database.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SET search_path = ''")
        cursor.execute(SHAPE)
        rows = [tuple(row) for row in cursor.fetchall()]
    connection.close()
    return rows


def is_migrating(database: Database) -> bool:
    with database.connect() as connection, connection.cursor() as cursor:
        cursor.execute(CONNECTED)
        found = bool(cursor.rowcount)
    connection.close()
    return found


@pytest.mark.long
def test_migration_killed_half_way_is_taken_up_again(
    cluster: Servers, fresh_database: Database
) -> None:
    with clone_database(cluster, "template0") as database:
        for delay in KILLED_AFTER_S:
            process = subprocess.Popen(
                [sys.executable, "-m", "transit_api", "migrate"],
                env={**os.environ, "DATABASE_URL": database.owner_url},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            deadline = time.monotonic() + PROCESS_LIMIT_S
            while process.poll() is None and not is_migrating(database):
                assert time.monotonic() < deadline
            time.sleep(delay)
            process.kill()
            process.wait(PROCESS_LIMIT_S)
        migrate(database.owner_url)
        assert shape_of(database) == shape_of(fresh_database)


def test_migration_that_fails_changes_nothing(fresh_database: Database, tmp_path: Path) -> None:
    before = shape_of(fresh_database)
    broken = tmp_path / "sql"
    shutil.copytree(SQL, broken)
    procedure_file("recall", broken).write_text("CREATE FUNCTION api.recall( nonsense")
    with pytest.raises(MigrationError, match="recall.sql"):
        migrate(fresh_database.owner_url, broken)
    assert shape_of(fresh_database) == before
