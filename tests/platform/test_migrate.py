"""Migration: once each, rebuilt whole, safe to run twice and at once."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Database
from tests.sql.stories import TRUNK, Story
from transit_api import __main__ as main_module
from transit_api.database import migrate as migration
from transit_api.database.migrate import MigrationError, migrate
from transit_api.database.network_files import NetworkFileError


@pytest.fixture
def sql(tmp_path: Path) -> Path:
    """A copy of the SQL files that a test may change."""
    return Path(shutil.copytree(migration.SQL, tmp_path / "sql"))


def missing_parts(database: Database, sql: Path = migration.SQL) -> list[Any]:
    with database.connect("transit_service") as connection, connection.cursor() as cursor:
        cursor.execute(migration.READINESS_SQL, migration.readiness_parameters(sql))
        return [row.part for row in cursor.fetchall()]


def functions_of(database: Database) -> list[Any]:
    with database.connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT p.oid::regprocedure::text, pg_get_functiondef(p.oid), p.proacl::text"
            " FROM pg_proc AS p WHERE p.pronamespace = 'api'::regnamespace ORDER BY 1"
        )
        return list(cursor.fetchall())


def test_empty_database_is_filled_and_ready(empty_database: Database) -> None:
    outcome = migrate(empty_database.owner_url)
    assert outcome.applied[0] == "001_foundations"
    assert outcome.procedures_rebuilt and outcome.network_loaded
    assert missing_parts(empty_database) == []


def test_second_run_has_nothing_to_do(fresh_database: Database) -> None:
    assert str(migrate(fresh_database.owner_url)) == "nothing to do"


def test_two_at_once_on_an_empty_database_share_the_work(empty_database: Database) -> None:
    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(migrate, [empty_database.owner_url] * 4))
    assert sum(bool(outcome.applied) for outcome in outcomes) == 1
    assert sum(outcome.procedures_rebuilt for outcome in outcomes) == 1
    assert missing_parts(empty_database) == []


@pytest.fixture
def other_migration(fresh_database: Database) -> Iterator[Any]:
    """A connection that migrates, and takes its time."""
    connection = fresh_database.connect()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [migration.MIGRATION_LOCK])
    yield connection
    connection.close()


def test_who_waits_says_for_whom_and_goes_on_when_it_is_gone(
    fresh_database: Database, other_migration: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(migrate, fresh_database.owner_url)
        while not caplog.messages and not waiting.done():
            time.sleep(0.01)
        assert not waiting.done()
        (line,) = caplog.messages
        holder = f"process {other_migration.info.backend_pid} of transit_owner"
        assert line.startswith(f"waiting for the migration of {holder}")
        other_migration.close()
        assert str(waiting.result(20)) == "nothing to do"


def test_ctrl_c_ends_the_wait(fresh_database: Database, other_migration: Any) -> None:
    environment = {**os.environ, "DATABASE_URL": fresh_database.owner_url}
    with subprocess.Popen(
        [sys.executable, "-m", "transit_api", "migrate"],
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    ) as waiting:
        assert waiting.stderr is not None
        assert "waiting for the migration of process" in waiting.stderr.readline()
        waiting.send_signal(signal.SIGINT)
        assert waiting.wait(10) == 128 + signal.SIGINT
        assert waiting.stderr.read() == ""


def test_limits_and_defaults_of_the_database_do_not_reach_a_migration(
    empty_database: Database,
) -> None:
    with empty_database.connect() as connection, connection.cursor() as cursor:
        for name, value in (
            ("statement_timeout", "20ms"),
            ("lock_timeout", "1ms"),
            ("default_transaction_isolation", "serializable"),
            ("DateStyle", "German"),
        ):
            cursor.execute(f"ALTER DATABASE {empty_database.name} SET {name} = '{value}'")
    connection.close()
    assert migrate(empty_database.owner_url).procedures_rebuilt


def test_a_changed_applied_file_is_refused(fresh_database: Database, sql: Path) -> None:
    with (sql / "schema" / "001_foundations.sql").open("a") as file:
        file.write("-- changed\n")
    with pytest.raises(MigrationError, match="001_foundations.sql was changed after"):
        migrate(fresh_database.owner_url, sql)


def test_a_file_of_a_newer_release_is_refused(fresh_database: Database, sql: Path) -> None:
    newest = sql / "schema" / "999_newer.sql"
    newest.write_text("CREATE TABLE transit.newer (n integer)")
    assert migrate(fresh_database.owner_url, sql).applied == ("999_newer",)
    newest.unlink()
    with pytest.raises(MigrationError, match="999_newer.*a newer release has migrated it"):
        migrate(fresh_database.owner_url, sql)


def test_a_failing_file_leaves_nothing_behind(fresh_database: Database, sql: Path) -> None:
    (sql / "schema" / "999_wrong.sql").write_text("CREATE TABLE transit.half (n integer); SELEC;")
    with pytest.raises(MigrationError, match=r"999_wrong\.sql: syntax error"):
        migrate(fresh_database.owner_url, sql)
    with fresh_database.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('transit.half') AS half")
        assert cursor.fetchone().half is None
    assert str(migrate(fresh_database.owner_url)) == "nothing to do"


def test_a_broken_procedure_keeps_the_old_ones(fresh_database: Database, sql: Path) -> None:
    before = functions_of(fresh_database)
    (sql / "procedures" / "broken.sql").write_text("CREATE FUNCTION api.broken() RETURNS nothing")
    with pytest.raises(MigrationError, match=r"broken\.sql"):
        migrate(fresh_database.owner_url, sql)
    assert functions_of(fresh_database) == before


def test_rebuilding_twice_leaves_the_same_functions(fresh_database: Database) -> None:
    before = functions_of(fresh_database)
    with fresh_database.connect() as connection, connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA api CASCADE")
    assert migrate(fresh_database.owner_url).procedures_rebuilt
    assert functions_of(fresh_database) == before


def test_order_of_procedure_files_does_not_matter(fresh_database: Database, sql: Path) -> None:
    made = "CREATE FUNCTION api.{}({} api.late) RETURNS integer LANGUAGE sql AS 'SELECT 1'"
    (sql / "procedures" / "aaa_first.sql").write_text(made.format("aaa_first", "p"))
    (sql / "procedures" / "zzz_late.sql").write_text("CREATE TYPE api.late AS (n integer)")
    assert missing_parts(fresh_database, sql) == ["aaa_first"]
    assert migrate(fresh_database.owner_url, sql).procedures_rebuilt
    assert missing_parts(fresh_database, sql) == []


def test_readiness_names_what_a_newer_release_needs(fresh_database: Database, sql: Path) -> None:
    (sql / "schema" / "999_newer.sql").write_text("SELECT")
    (sql / "procedures" / "newer_function.sql").write_text("CREATE FUNCTION api.newer_function()")
    assert sorted(missing_parts(fresh_database, sql)) == ["999_newer", "newer_function"]


def test_older_release_stays_ready_on_a_newer_database(fresh_database: Database, sql: Path) -> None:
    (sql / "schema" / "999_newer.sql").write_text("SELECT")
    migrate(fresh_database.owner_url, sql)
    assert missing_parts(fresh_database) == []


def test_service_role_writes_no_table_reads_no_document_and_calls_what_it_needs(
    service_pg: Any,
) -> None:
    with service_pg.cursor() as cursor:
        cursor.execute(
            "SELECT c.oid::regclass::text AS name FROM pg_class AS c"
            " WHERE c.relnamespace = 'transit'::regnamespace AND c.relkind IN ('r', 'p', 'v')"
            " AND has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')"
        )
        assert cursor.fetchall() == []
        cursor.execute(
            "SELECT has_any_column_privilege('transit.users', 'SELECT') AS some,"
            " has_column_privilege('transit.users', 'document_id', 'SELECT') AS document"
        )
        assert tuple(cursor.fetchone()) == (True, False)
        cursor.execute(
            "SELECT p.oid::regprocedure::text AS name FROM pg_proc AS p"
            " WHERE p.pronamespace = 'api'::regnamespace"
            " AND (p.proname IN ('start_trips', 'recharge_cards', 'read_card')"
            "      AND NOT has_function_privilege(p.oid, 'EXECUTE')"
            "      OR p.proname IN ('audit', 'expire_cards', 'set_clock', 'post_entry')"
            "      AND has_function_privilege(p.oid, 'EXECUTE')"
            "      OR has_function_privilege('public', p.oid, 'EXECUTE'))"
        )
        assert cursor.fetchall() == []


def test_unreachable_database_is_one_line() -> None:
    with pytest.raises(MigrationError, match="cannot connect to the database") as caught:
        migrate("postgresql://nobody@/nowhere?host=/nonexistent")
    assert "\n" not in str(caught.value)


def test_row_that_something_stands_on_is_refused_and_nothing_is_half_done(
    fresh_database: Database, sql: Path
) -> None:
    with fresh_database.connect() as connection:
        story = Story(connection)
        card_id = story.make_card(balance=10_000)
        trip = story.tap(card_id, TRUNK)
        assert trip.outcome == "accepted"
    connection.close()
    tariffs = sql / "network" / "tariffs.csv"
    tariffs.write_text(tariffs.read_text().replace(",3550,3550,3550,", ",3650,3650,3650,"))
    channels = sql / "network" / "channels.csv"
    channels.write_text(
        channels.read_text().replace("machine,2023-01-10,50,", "machine,2023-01-10,60,")
    )
    with pytest.raises(NetworkFileError, match=f"tariffs 4 .*trip {trip.trip_id} stands on"):
        migrate(fresh_database.owner_url, sql)
    with fresh_database.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT min(c.min_amount) AS least FROM transit.channels AS c")
        assert cursor.fetchone().least == 50
    assert str(migrate(fresh_database.owner_url)) == "nothing to do"


def test_wrong_file_of_the_network_is_exit_code_2(monkeypatch, capsys) -> None:
    def refuse(*_: Any) -> None:
        raise NetworkFileError(Path("tariffs.csv"), 5, "what changes should be a new row")

    monkeypatch.setattr(main_module, "migrate", refuse)
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/nowhere")
    assert main_module.main(["migrate"]) == 2
    assert "tariffs.csv, line 5: what changes should be a new row" in capsys.readouterr().err
