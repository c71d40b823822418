"""`make bench-big`: what grows with the data (S5, S7), and a whole day of the city (S9)."""

import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import psycopg2

from tests.bench.population import SEED, TRIPS_A_CARD, make_population
from tests.bench.stack import ROOT, Service, connect, start_servers, start_service
from tests.bench.targets import Bench, Row
from tests.bench.yardsticks import Pgbench
from transit_api.database.session import BY_INDEX, as_options
from transit_api.local.embedded import Servers

# The simulated months that are loaded, the few trips over the first and the many over the second,
# so that both sizes are asked for days like each other; the tariff of 2026 is in force all through.
FIRST_DAY = datetime(2026, 3, 1, 5, tzinfo=UTC)
DAYS = 30
FEW_DAYS, MANY_DAYS = range(DAYS), range(DAYS, 2 * DAYS)
CHUNK = 1_000
# Keys are left out: they go after 8 days.
STORED = """
    SELECT
        ((pg_total_relation_size('transit.trips')
            + pg_total_relation_size('transit.ledger_entries'))
            / (SELECT count(*) FROM transit.trips))::integer,
        ((pg_total_relation_size('transit.cards') + pg_total_relation_size('transit.accounts')
            + pg_total_relation_size('transit.users'))
            / (SELECT count(*) FROM transit.cards))::integer
"""
SMALL = 10_000
LOADERS = 2


def load_trips(servers: Servers, bench: Bench, wanted: int, days: Sequence[int]) -> None:
    """About `wanted` trips over simulated days, through api.start_trips like any other tap.

    Day after day the clock is set to the evening and each loader taps cards of its own in the
    order of the day, so the rollups, the ledger and the audit are what they would have been.
    """
    for day in days:
        evening = FIRST_DAY + timedelta(days=day, hours=18)
        with connect(servers) as cursor:
            cursor.execute("SELECT outcome FROM api.set_clock(%s, 0)", [evening])
        shares = [bench.people.cards[n::LOADERS] for n in range(LOADERS)]
        loaders = [
            threading.Thread(
                target=_load_day,
                args=(
                    servers,
                    cards,
                    bench.people.stations,
                    evening,
                    wanted // len(days) // LOADERS,
                ),
            )
            for cards in shares
        ]
        for loader in loaders:
            loader.start()
        for loader in loaders:
            loader.join()
        with connect(servers) as cursor:
            cursor.execute("SELECT api.fold_rollups(1000000)")
    with connect(servers) as cursor:
        cursor.execute("VACUUM ANALYZE")


def _load_day(
    servers: Servers, cards: Sequence[int], stations: Sequence[int], evening: datetime, wanted: int
) -> None:
    rng = Random(wanted + evening.day)
    connection = psycopg2.connect(servers.database_url, options=as_options(BY_INDEX))
    connection.autocommit = True
    step = timedelta(hours=16) / max(wanted, 1)
    at = evening - timedelta(hours=16)
    with connection.cursor() as cursor:
        for start in range(0, wanted, CHUNK):
            size = min(CHUNK, wanted - start)
            drawn = (
                sorted(rng.sample(cards, size))
                if size <= len(cards)
                else rng.choices(cards, k=size)
            )
            taps = [at + step * (start + n) for n in range(size)]
            cursor.execute(
                "SELECT count(*) FILTER (WHERE outcome <> 'accepted')"
                " FROM api.start_trips(%s, %s::bigint[], %s::bigint[], %s::bigint[],"
                " %s, %s::bigint[], %s::bigint[], %s::text[])",
                [list(range(size)), drawn, rng.choices(stations, k=size), [None] * size, taps,
                 [None] * size, [None] * size, [None] * size],
            )  # fmt: skip
            refused = cursor.fetchone()[0]
            if refused > size / 10:
                raise RuntimeError(
                    f"{refused} of {size} taps refused: the load is not what it says"
                )
    connection.close()


def measure_growth(bench: Bench, trips: int) -> list[Row]:
    """S5 and S7: cold analytics and the cost of a tap, at 10,000 trips and at many more."""
    with start_servers() as servers:
        with connect(servers) as cursor:
            cursor.execute("SELECT FROM api.start_simulated_clock(%s)", [FIRST_DAY])
            cursor.execute("SELECT outcome FROM api.set_clock(NULL, 0)")
            people = make_population(cursor, max(5_000, trips // TRIPS_A_CARD), SEED)
        pgbench = Pgbench(servers, len(people.cards))
        rows = _measure_growth(
            replace(bench, servers=servers, people=people, pgbench=pgbench), trips
        )
        with connect(servers) as cursor:
            began = time.perf_counter()
            cursor.execute("SELECT count(*), (SELECT count(*) FROM transit.trips) FROM api.audit()")
            offences, stored = cursor.fetchone()
    note = f"audit of {stored:,} trips in {time.perf_counter() - began:.0f} s, {offences} offences"
    return [replace(row, note=row.note or note, met=row.met and not offences) for row in rows]


def _measure_growth(bench: Bench, trips: int) -> list[Row]:
    servers = bench.servers
    load_trips(servers, bench, SMALL, FEW_DAYS)
    small_tap, small_reads = _tap_us(bench), _cold_reads(bench, FEW_DAYS)
    began = time.perf_counter()
    load_trips(servers, bench, trips, MANY_DAYS)
    note = f"{trips:,} trips loaded at {trips / (time.perf_counter() - began):,.0f}/s"
    big_tap, big_reads = _tap_us(bench), _cold_reads(bench, MANY_DAYS)
    worst = max(big_reads, key=lambda name: big_reads[name] / small_reads[name])
    slowest = max(big_reads, key=lambda name: big_reads[name])
    with connect(servers) as cursor:
        cursor.execute(STORED)
        bytes_a_trip, bytes_a_card = cursor.fetchone()
    return [
        Row("size", "bytes a trip on disk, with its ledger entry and their indexes", bytes_a_trip,
            None, "bytes", "shown", True, f"{bytes_a_card} bytes a card with its account and user"),
        Row("S5", f"cold analytics, slowest p50 ({slowest})", big_reads[slowest], None, "ms",
            "<= 5 ms", big_reads[slowest] <= 5),
        Row("S5b", f"its growth from {SMALL:,} to {trips:,} trips, worst ({worst})",
            big_reads[worst], small_reads[worst], "ms", "<= 1.5x",
            big_reads[worst] <= 1.5 * small_reads[worst]),
        Row("S7", f"cost of a tap, from {SMALL:,} to {trips:,} trips", big_tap, small_tap, "us",
            "<= 1.3x", big_tap <= 1.3 * small_tap, note),
    ]  # fmt: skip


def _tap_us(bench: Bench) -> float:
    rates = [bench.pgbench.taps(8, bench.seconds) for _ in range(bench.rounds)]
    return 1e6 / statistics.median(rates)


def _cold_reads(bench: Bench, of_days: Sequence[int]) -> dict[str, float]:
    """The p50 of each analytics endpoint when nothing is cached: every request differs."""
    days = [(FIRST_DAY + timedelta(days=n)).date() for n in of_days]
    paths: dict[str, Callable[[int], str]] = {
        "trips/total": lambda n: f"trips/total?from=2026-01-01&to={days[n]}",
        "revenue": lambda n: f"revenue?from=2026-01-01&to={days[n]}",
        "users/active": lambda n: f"users/active?days={n + 30}",
        "trips/hourly": lambda n: f"trips/hourly?date={days[n]}",
        "stations/top": lambda n: f"stations/top?limit={n + 1}",
        "localities": lambda n: f"localities?date={days[n]}",
    }
    with connect(bench.servers) as cursor:
        # What a running service does every second.
        cursor.execute("SELECT api.fold_rollups(1000000)")
        cursor.execute("VACUUM transit.activity_deltas")
    with start_service(bench.servers, TRANSIT_SIMULATED_CLOCK="1") as service:
        return {name: statistics.median(_timed(service, make)) for name, make in paths.items()}


def _timed(service: Service, make: Callable[[int], str]) -> list[float]:
    taken = []
    for n in range(DAYS):
        began = time.perf_counter()
        with urllib.request.urlopen(f"{service.url}/api/v1/analytics/{make(n)}") as answer:
            answer.read()
            if answer.headers["X-Cache"] not in ("MISS", "BYPASS"):
                raise RuntimeError(f"{make(n)} was {answer.headers['X-Cache']}, not a cold read")
        taken.append((time.perf_counter() - began) * 1000)
    return taken


def measure_day(bench: Bench, scale: float) -> list[Row]:
    """S9: a weekday of the city through the batch endpoints, on servers of its own, audited."""
    del bench
    with start_servers() as servers:
        settings = {"TRANSIT_SIMULATED_CLOCK": "1"}
        with start_service(servers, **settings) as service, tempfile.TemporaryDirectory() as place:
            report = Path(place) / "day.json"
            command = [sys.executable, "-m", "simulator", "day", "--url", service.url,
                       "--scale", str(scale), "--json", str(report)]  # fmt: skip
            done = subprocess.run(command, capture_output=True, text=True, timeout=7200, cwd=ROOT)
            if not report.exists():
                raise RuntimeError(f"the day failed: {done.stdout[-1500:]}{done.stderr[-1500:]}")
            day: dict[str, Any] = json.loads(report.read_text())
        with connect(servers) as cursor:
            began = time.perf_counter()
            cursor.execute("SELECT count(*) FROM api.audit()")
            offences = cursor.fetchone()[0]
            audited_s = time.perf_counter() - began
    minutes = (float(day["replayed_s"]) + audited_s) / 60
    clean = done.returncode == 0 and offences == 0
    return [
        Row("S9", f"a weekday at scale {scale:g}, population apart, audited", minutes, None, "min",
            f"<= {20 * scale:g} min, zero unexplained pesos", clean and minutes <= 20 * scale,
            f"{day['taps']:,} taps, {day['recharges']:,} recharges, audit {audited_s:.0f} s, "
            f"{offences} offences, books {'agree' if day['books_agree'] else 'DIFFER'}"),
    ]  # fmt: skip
