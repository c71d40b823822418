"""Variables for programs of PostgreSQL: they never reach the embedded server or its clients."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import Server, start_command

# Each alone keeps a program of libpq, or PostgreSQL itself, from doing what it should.
HOSTILE = {
    "PGHOST": "nowhere.invalid",
    "PGHOSTADDR": "192.0.2.1",
    "PGPORT": "1",
    "PGDATABASE": "nothing",
    "PGUSER": "nobody",
    "PGPASSWORD": "wrong",
    "PGPASSFILE": "/nonexistent",
    "PGSERVICE": "no_such_service",
    "PGSERVICEFILE": "/nonexistent",
    "PGSYSCONFDIR": "/nonexistent",
    "PGOPTIONS": "-c default_transaction_read_only=on -c search_path=nowhere",
    "PGAPPNAME": "somebody",
    "PGSSLMODE": "verify-full",
    "PGREQUIRESSL": "1",
    "PGGSSENCMODE": "require",
    "PGREQUIREPEER": "nobody",
    "PGREQUIREAUTH": "md5",
    "PGCHANNELBINDING": "require",
    "PGTARGETSESSIONATTRS": "standby",
    "PGLOADBALANCEHOSTS": "often",
    "PGCONNECT_TIMEOUT": "never",
    "PGCLIENTENCODING": "LATIN1",
    "PGDATESTYLE": "German",
    "PGTZ": "Mars/Olympus",
    "PGGEQO": "maybe",
    "PGDATA": "/nonexistent",
}


@contextmanager
def running_up(data: Path, log: Path) -> Iterator[Server]:
    """`transit-api up` in an environment full of them."""
    service = start_command(
        log, "up", "--port", "0", "--workers", "1", "--data-dir", str(data), environment=HOSTILE
    )
    try:
        yield service
    finally:
        service.stop()
        assert service.process.stdout is not None
        service.process.stdout.close()


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-m", "transit_api", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        env=environment | HOSTILE,
    )


def test_everything_on_one_machine_works_whatever_is_set_for_other_servers(
    data_directory: Path, tmp_path: Path
) -> None:
    data, copy = data_directory / "data", data_directory / "copy"
    backup = tmp_path / "transit.dump"
    with running_up(data, tmp_path / "up.log"):
        for command in (["audit"], ["compute"], ["url"], ["backup", str(backup)]):
            answer = run(*command, "--data-dir", str(data))
            assert answer.returncode == 0, (command, answer.stderr)
    answer = run("restore", str(backup), "--data-dir", str(copy))
    assert (answer.returncode, answer.stdout) == (0, "the books agree\n"), answer.stderr
