"""What we are compared with: pgbench on the same cluster, and a bare aiohttp handler."""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psycopg2

from tests.bench.population import STATION_SLOTS
from tests.bench.stack import ROOT, START_LIMIT_S, Service
from transit_api.database.session import BY_INDEX, as_options
from transit_api.local.embedded import Servers
from transit_api.local.embedded_roles import OWNER, SUPERUSER, password_file
from transit_api.settings import Settings

# One live tap: the very procedure the service calls, with a card and a station drawn alike.
TAP_SCRIPT = """\
\\set card random(0, {last_card})
\\set station {station}
\\set device random(1, 1000000)
\\set seq random(1, 1000000000000)
SELECT outcome FROM api.start_trips(ARRAY[0], ARRAY[(SELECT id FROM bench.cards WHERE n = :card)],
    ARRAY[(SELECT id FROM bench.stations WHERE n = :station)], ARRAY[NULL]::bigint[],
    ARRAY[NULL]::timestamptz[], ARRAY[:device]::bigint[], ARRAY[:seq]::bigint[],
    ARRAY[NULL]::text[]);
"""
TPCB_SCALE = 20


class Pgbench:
    """pgbench of the cluster's own release, over its unix socket, one tap or update a call."""

    def __init__(self, servers: Servers, cards: int) -> None:
        assert servers.postgresql.binaries is not None
        self._program = servers.postgresql.binaries / "pgbench"
        self._socket = servers.postgresql.socket_directory
        self._servers = servers
        self._cards = cards

    def prepare(self) -> None:
        """A database of its own for pgbench's tables."""
        connection = psycopg2.connect(self._servers.postgresql.url(SUPERUSER, "postgres"))
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE pgbench OWNER {OWNER}")
        connection.close()
        self._run(["-i", "-q", "-s", str(TPCB_SCALE)], "pgbench")

    def taps(self, clients: int, seconds: float, *, one_station_a_client: bool = False) -> float:
        """Taps a second through api.start_trips, one a call.

        Stations have the skew of a weekday, unless each client has one of its own.
        """
        station = ":client_id" if one_station_a_client else f"random(0, {STATION_SLOTS - 1})"
        script = TAP_SCRIPT.format(last_card=self._cards - 1, station=station)
        with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
            file.write(script)
            file.flush()
            Path(file.name).chmod(0o644)
            return self._rate(["-f", file.name, "-M", "prepared"], clients, seconds, "transit")

    def simple_update(self, clients: int, seconds: float) -> float:
        """Transactions a second of pgbench's own simple-update."""
        return self._rate(["-N", "-M", "prepared"], clients, seconds, "pgbench")

    def _rate(self, options: list[str], clients: int, seconds: float, database: str) -> float:
        threads = ["-c", str(clients), "-j", "2", "-T", str(max(1, round(seconds))), "-n"]
        output = self._run([*options, *threads], database)
        found = re.search(r"tps = ([0-9.]+)", output)
        if found is None:
            raise RuntimeError(f"pgbench printed no rate: {output[-500:]}")
        return float(found[1])

    def _run(self, options: list[str], database: str) -> str:
        passwords = password_file(self._servers.data, OWNER)
        command = [self._program, *options, "-h", self._socket, "-U", OWNER, database]
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=600,
            # The plans that the service's own connections make.
            env={**os.environ, "PGOPTIONS": as_options(BY_INDEX), "PGPASSFILE": str(passwords)},
        )
        if done.returncode:
            raise RuntimeError(f"pgbench failed: {done.stderr[-1000:]}")
        return done.stdout


@contextmanager
def bare_handler(body: bytes, headers: Mapping[str, str]) -> Iterator[Service]:
    """A service with one aiohttp handler that answers these bytes and headers, on uvloop."""
    kept = {name: value for name, value in headers.items() if name.lower() not in _AIOHTTPS_OWN}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.bare"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
    )  # fmt: skip
    assert process.stdin is not None and process.stdout is not None
    try:
        process.stdin.write(repr((body, kept)) + "\n")
        process.stdin.flush()
        yield Service(process.stdout.readline().strip(), process)
    finally:
        process.terminate()
        process.wait(START_LIMIT_S)


_AIOHTTPS_OWN = frozenset({"content-length", "date", "server", "connection", "transfer-encoding"})


def describe_settings() -> dict[str, str]:
    """The settings the service ran with, for the report."""
    return {
        name: value
        for name, value in Settings().environment().items()
        if not name.endswith("URL") and value
    }
