"""The command line: what it says when something is wrong, and its exit codes."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.conftest import Database, Server, skip_or_fail
from transit_api.__main__ import main
from transit_api.settings import Settings, list_settings


def run(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """The command with nothing of ours in its environment but what is given."""
    return subprocess.run(
        [sys.executable, "-m", "transit_api", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env={"PATH": "/usr/bin:/bin"} | environment,
    )


def test_help_names_every_command_and_every_setting(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    text = capsys.readouterr().out
    for word in ("up", "serve", "migrate", "audit", *(name for name, _, _ in list_settings())):
        assert word in text


@pytest.mark.parametrize(
    ("arguments", "environment", "complaint"),
    [
        (["serve"], {}, "DATABASE_URL is not set"),
        (["migrate"], {}, "neither TRANSIT_OWNER_DATABASE_URL nor DATABASE_URL is set"),
        (["up"], {"TRANSIT_PROT": "1"}, "TRANSIT_PROT is not a setting"),
        (["serve"], {"DATABASE_URL": "nonsense"}, "DATABASE_URL is no address"),
        (["migrate"], {"DATABASE_URL": "nonsense"}, "DATABASE_URL is no address"),
        (["serve"], {"REDIS_URL": "http://x"}, "REDIS_URL is no address"),
        (["up", "--port", "99999"], {}, "TRANSIT_PORT=99999 is not between 0 and 65535"),
        (["up", "--simulated-clock", "noon"], {}, "is no time like"),
        (["audit", "--on", "yesterday"], {}, "argument --on: invalid"),
        (["sreve"], {}, "invalid choice: 'sreve'"),
    ],
)
def test_wrong_input_is_exit_code_2_and_no_stack(
    arguments: list[str], environment: dict[str, str], complaint: str
) -> None:
    answer = run(*arguments, **environment)
    assert answer.returncode == 2
    assert complaint in answer.stderr
    assert "Traceback" not in answer.stderr


def test_unreachable_database_is_one_line() -> None:
    for command in ("migrate", "audit"):
        answer = run(command, DATABASE_URL="postgresql://x@/x?host=/nonexistent")
        assert answer.returncode == 1
        assert answer.stderr.startswith("transit-api: cannot ")
        assert len(answer.stderr.splitlines()) == 1


def test_database_that_refuses_for_good_ends_serve(settings: Settings) -> None:
    environment = settings.environment() | {
        "DATABASE_URL": settings.database_url.replace("/test_", "/no_such_"),
        "TRANSIT_OWNER_DATABASE_URL": "",
    }
    answer = run("serve", "--port", "0", **environment)
    assert answer.returncode == 1
    assert 'database "no_such_' in answer.stderr
    assert "Traceback" not in answer.stderr


def test_taken_port_is_named_before_anything_starts(data_directory: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        answer = run("up", "--port", str(port), "--data-dir", str(data_directory / "data"))
    assert answer.returncode == 1
    assert f"port {port} of 127.0.0.1 is taken; choose another with --port" in answer.stderr
    assert not (data_directory / "data").exists()


def test_unknown_host_is_one_line() -> None:
    answer = run("up", "--host", "no.such.host.invalid", "--port", "0")
    assert answer.returncode == 1
    assert "cannot listen on no.such.host.invalid" in answer.stderr


def test_migrate_says_what_it_did(empty_database: Database) -> None:
    first, second = (run("migrate", DATABASE_URL=empty_database.owner_url) for _ in range(2))
    assert "applied 001_foundations" in first.stdout
    assert second.stdout == "nothing to do\n"


def test_owners_address_alone_is_enough_to_migrate(fresh_database: Database) -> None:
    answer = run("migrate", TRANSIT_OWNER_DATABASE_URL=fresh_database.owner_url)
    assert (answer.returncode, answer.stdout) == (0, "nothing to do\n")


def test_audit_passes_on_untouched_books(fresh_database: Database) -> None:
    answer = run("audit", DATABASE_URL=fresh_database.owner_url)
    assert (answer.returncode, answer.stdout) == (0, "the books agree\n")


def test_audit_names_each_offence_and_fails(fresh_database: Database) -> None:
    with fresh_database.connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            "CREATE OR REPLACE FUNCTION api.audit(p_card_id bigint DEFAULT NULL,"
            " p_on date DEFAULT NULL)"
            " RETURNS TABLE (invariant text, subject text, detail text) LANGUAGE sql"
            " AS $$ SELECT 'ledger_sums_to_zero', 'card 7', 'off by 1' $$"
        )
    answer = run("audit", DATABASE_URL=fresh_database.owner_url)
    assert answer.returncode == 1
    assert answer.stdout == "ledger_sums_to_zero card 7 off by 1\n"


def test_audit_writes_its_outcome_for_prometheus(fresh_database: Database, tmp_path: Path) -> None:
    file = tmp_path / "transit.prom"
    options = ("--metrics", str(file))
    for amount, offences in ((0, "0"), (1, "1")):
        with fresh_database.connect() as connection, connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO transit.daily_totals (on_day, trips, paid_trips, transfers,"
                " active_users, active_cards, revenue, recharged, balance, debt)"
                " SELECT '2026-11-20', %s, 0, 0, 0, 0, 0, 0, 0, 0 WHERE %s > 0",
                [amount, amount],
            )
        connection.close()
        run("audit", *options, DATABASE_URL=fresh_database.owner_url)
        values = dict(
            line.split() for line in file.read_text().splitlines() if not line.startswith("#")
        )
        assert values.keys() == {
            "transit_audit_offences", "transit_audit_finished_timestamp_seconds",
        }  # fmt: skip
        assert values["transit_audit_offences"] == offences
        assert abs(float(values["transit_audit_finished_timestamp_seconds"]) - time.time()) < 120
    assert [path.name for path in tmp_path.iterdir()] == ["transit.prom"]
    refused = run("audit", *options, "--card", "5", DATABASE_URL=fresh_database.owner_url)
    assert (refused.returncode, "--metrics" in refused.stderr) == (2, True)


def test_psql_opens_the_database(fresh_database: Database) -> None:
    if not shutil.which("psql"):
        skip_or_fail("postgresql-client-15", "psql")
    asked = ("psql", "--", "-Atc", "SELECT count(*) > 0 FROM transit.stations")
    answer = run(*asked, DATABASE_URL=fresh_database.owner_url)
    assert (answer.returncode, answer.stdout) == (0, "t\n"), answer.stderr


def test_psql_that_is_not_installed_is_named_with_its_package(fresh_database: Database) -> None:
    answer = run("psql", DATABASE_URL=fresh_database.owner_url, PATH="/nowhere")
    assert answer.returncode == 1
    assert "apt-get install postgresql-client" in answer.stderr


def test_audit_without_a_running_service_says_so(data_directory: Path) -> None:
    answer = run("audit", "--data-dir", str(data_directory))
    assert answer.returncode == 1
    assert "nothing runs on" in answer.stderr


def test_serve_fills_an_empty_database(
    empty_database: Database, server: Callable[..., Server]
) -> None:
    serving = server(
        database_url=empty_database.service_url, owner_database_url=empty_database.owner_url
    )
    with urlopen(f"{serving.url}/health/ready") as answer:
        assert answer.status == 200


def test_serve_refuses_simulated_data_on_the_real_clock(
    fresh_database: Database, settings: Settings
) -> None:
    with fresh_database.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT FROM api.start_simulated_clock(now())")
    answer = run("serve", "--port", "0", **settings.environment())
    assert answer.returncode == 1
    assert "this database runs on a simulated clock" in answer.stderr


# Odd machines


def test_help_is_printed_on_a_stream_of_ascii() -> None:
    answer = run("--help", LC_ALL="C", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert answer.returncode == 0, answer.stderr
    assert "transit-api up" in answer.stdout


def test_closed_standard_streams_stop_nothing(settings: Settings, tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{(port := free_port())}"
    process = subprocess.Popen(
        ["sh", "-c", 'exec "$0" -m transit_api serve <&- >&- 2>&-', sys.executable],
        env={**os.environ, **settings.environment(), "TRANSIT_PORT": str(port)},
    )
    try:
        deadline = time.monotonic() + 60
        while not answers_ready(url):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
    finally:
        process.terminate()
        process.wait(20)


def answers_ready(url: str) -> bool:
    try:
        with urlopen(f"{url}/health/ready", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
