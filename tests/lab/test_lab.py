"""The lab: each exercise shows its defect on the broken service, and none on the whole one."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.conftest import Database, Server, start_command
from transit_api.database.backup import back_up
from transit_api.database.migrate import BROKEN_BY, MigrationError, migrate
from transit_api.database.startup import prepare
from transit_api.lab.build import broken_build, environment_of, sql_of
from transit_api.lab.defects import DEFECTS
from transit_api.lab.exercises import EXERCISES, play
from transit_api.local.embedded import running_url
from transit_api.local.embedded_roles import OWNER
from transit_api.process.processes import ProcessError
from transit_api.settings import Settings

ROOT = Path(__file__).parents[2]
LAB = (ROOT / "LAB.md").read_text(encoding="utf-8")
SERVE_BUILD = Path(__file__).with_name("serve_build.py")

# What the audit finds after each exercise; the other defects leave books that agree.
OFFENCES = {
    "no-lock": "running_balances",
    "lost-update": "daily_totals",
    "unposted-correction": "card_balances",
}


def offences(database: Database) -> set[str]:
    with closing(database.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT invariant FROM api.audit(NULL, NULL)")
        return {row.invariant for row in cursor.fetchall()}


def mark(database: Database, defect: str | None) -> None:
    """Say that a broken build made the database, or that none did."""
    comment = "NULL" if defect is None else f"'{BROKEN_BY}{defect}'"
    with closing(database.connect()) as connection:
        connection.autocommit = True
        connection.cursor().execute(f"COMMENT ON DATABASE {database.name} IS {comment}")


@contextmanager
def serve_build(settings: Settings, build: Path) -> Iterator[str]:
    """Two workers of a build on the suite's servers; answers their address."""
    process = subprocess.Popen(
        [sys.executable, str(SERVE_BUILD)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        env={
            **os.environ,
            **settings.environment(),
            **environment_of(build),
            "TRANSIT_WORKERS": "2",
        },
    )
    assert process.stdout is not None
    try:
        yield process.stdout.readline().split()[1]
    finally:
        process.terminate()
        process.stdout.close()
        process.wait(30)


@pytest.mark.parametrize("name", DEFECTS)
async def test_exercise_shows_its_defect_on_the_broken_service(
    name: str, settings: Settings, fresh_database: Database
) -> None:
    with broken_build(DEFECTS[name]) as build:
        mark(fresh_database, name)
        migrate(fresh_database.owner_url, sql_of(build), name)
        with serve_build(settings, build) as url:
            seen = await play(name, url, fresh_database.owner_url)
    assert seen.broken, seen.line
    found = offences(fresh_database)
    assert OFFENCES.get(name, "") in found if name in OFFENCES else found == set()


async def test_no_exercise_shows_a_defect_on_the_whole_service(
    server: Callable[..., Server], fresh_database: Database
) -> None:
    running = server(workers=2)
    for name in EXERCISES:
        seen = await play(name, running.url, fresh_database.owner_url)
        assert not seen.broken, (name, seen.line)
    assert offences(fresh_database) == set()


def test_measured_requests_are_told_with_their_latency(server: Callable[..., Server]) -> None:
    running = server(workers=1)
    for name in ("no-lock", "no-idempotency-key", "stampede", "unordered-locks"):
        ran = lab(name, "--measure", "--url", running.url)
        assert re.fullmatch(r"\d+ requests, .* a second, median .* ms, p99 .* ms\n", ran.stdout), (
            ran
        )


def lab(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return command("lab", *arguments)


def command(*arguments: str, **options: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "transit_api", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, **options},
    )


# The fences


def test_broken_service_of_the_command_line_says_what_is_broken_and_is_fenced(
    data_directory: Path, tmp_path: Path
) -> None:
    data = data_directory / "data"
    arguments = ("--data-dir", str(data), "--port", "0")
    running = start_command(tmp_path / "log", "up", "--broken", "unposted-correction", *arguments)
    try:
        told = [line for line in running.log.read_text().splitlines() if "BROKEN" in line]
        assert len(told) == 1 and DEFECTS["unposted-correction"].taken_away in told[0]
        ran = lab("unposted-correction", "--url", running.url, "--data-dir", str(data))
        assert (ran.returncode, ran.stdout.splitlines()[-1]) == (1, "broken: the defect shows")
        assert command("audit", "--data-dir", str(data)).returncode == 1
        url = running_url(data, OWNER)
        refused = command("serve", "--port", "0", DATABASE_URL=url)
        assert (refused.returncode, "broken on purpose" in refused.stderr) == (1, True)
        refused = command("backup", str(tmp_path / "dump"), "--data-dir", str(data))
        assert (refused.returncode, "broken on purpose" in refused.stderr) == (1, True)
        assert not (tmp_path / "dump").exists()
    finally:
        running.stop()
        assert running.process.stdout is not None
        running.process.stdout.close()
    # Neither the whole service nor another defect takes what this one has made.
    whole = command("up", *arguments)
    assert (whole.returncode, "broken on purpose" in whole.stderr) == (1, True)
    other = command("up", "--broken", "no-lock", *arguments)
    assert (other.returncode, "other data" in other.stderr) == (2, True)


def test_broken_service_takes_no_directory_with_other_data(data_directory: Path) -> None:
    (data_directory / "precious").write_text("")
    ran = command("up", "--broken", "no-lock", "--port", "0", "--data-dir", str(data_directory))
    assert (ran.returncode, "other data" in ran.stderr) == (2, True)
    assert [path.name for path in data_directory.iterdir()] == ["precious"]


def test_broken_service_listens_on_loopback_only(data_directory: Path) -> None:
    where = data_directory / "data"
    ran = command(
        *("up", "--broken", "no-lock", "--host", "0.0.0.0", "--port", "0"),
        *("--data-dir", str(where)),
    )
    assert (ran.returncode, "loopback" in ran.stderr) == (2, True)
    assert not where.exists()


def test_broken_build_migrates_no_database_that_it_did_not_make(
    fresh_database: Database,
) -> None:
    with (
        broken_build(DEFECTS["no-lock"]) as build,
        pytest.raises(MigrationError, match="made itself"),
    ):
        migrate(fresh_database.owner_url, sql_of(build), "no-lock")


def test_whole_release_neither_migrates_nor_serves_nor_backs_up_a_broken_database(
    fresh_database: Database, settings: Settings, tmp_path: Path
) -> None:
    mark(fresh_database, "no-lock")
    url = fresh_database.owner_url
    for refused in (
        lambda: migrate(url),
        lambda: prepare(settings),
        lambda: back_up(url, tmp_path / "dump"),
    ):
        with pytest.raises((MigrationError, ProcessError), match="up --broken no-lock"):
            refused()


def test_only_up_has_the_option() -> None:
    for name in ("serve", "migrate", "restore", "audit"):
        assert "--broken" not in command(name, "--help").stdout


# The guide


def test_every_defect_has_an_exercise_and_a_chapter_of_the_guide() -> None:
    assert list(EXERCISES) == list(DEFECTS)
    assert re.findall(r"^transit-api up --broken (\S+)$", LAB, re.MULTILINE) == list(DEFECTS)
    assert LAB.count("\n## ") >= len(DEFECTS)


def commands_of_the_guide() -> list[str]:
    blocks = re.findall(r"^```sh\n(.*?)^```$", LAB, re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


def test_commands_of_the_guide_are_commands_that_exist() -> None:
    from transit_api.__main__ import make_parser

    found = commands_of_the_guide()
    assert len(found) > 3 * len(DEFECTS)
    for line in found:
        program, *arguments = line.split()
        assert program == "transit-api", line
        # Leaves the program where a word is wrong.
        make_parser().parse_args(arguments)
