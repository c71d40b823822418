"""The targets S1 to S11, each a function that measures both sides in turn."""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvloop

from tests.bench import load
from tests.bench.load import Target
from tests.bench.population import Population
from tests.bench.stack import ROOT, Service, start_command, start_service
from tests.bench.yardsticks import Pgbench, bare_handler
from transit_api.local.embedded import Servers

TAP_CONNECTIONS = 64
# More that wait make larger calls, as long as none waits for long.
MANY_CONNECTIONS = 256
READ_CONNECTIONS = 32


@dataclass(frozen=True)
class Row:
    """One line of the table: what was reached, what it is compared with, whether that suffices."""

    number: str
    what: str
    ours: float
    yardstick: float | None
    unit: str
    target: str
    met: bool
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """Ours over the yardstick, of one run."""
        return self.ours / self.yardstick if self.yardstick else None


@dataclass(frozen=True)
class Bench:
    """What all measurements share."""

    servers: Servers
    people: Population
    pgbench: Pgbench
    quick: bool

    @property
    def rounds(self) -> int:
        """How often the sides take turns."""
        return 1 if self.quick else 3

    @property
    def seconds(self) -> float:
        """How long one side is measured in one turn."""
        return 4.0 if self.quick else 6.0

    def target(self, service: Service, kind: str) -> Target:
        """What the load asks of a service."""
        return Target(service.url, kind, self.people.cards, self.people.stations)

    def medians(self, *sides: Callable[[], float]) -> list[float]:
        """A B A B ...: the median of each side."""
        taken: list[list[float]] = [[] for _ in sides]
        for _ in range(self.rounds):
            for side, values in zip(sides, taken, strict=True):
                values.append(side())
        return [statistics.median(values) for values in taken]


def measure_live_taps(bench: Bench) -> list[Row]:
    """S1: taps at saturation against pgbench calling the same procedure, and simple-update."""
    with start_service(bench.servers) as service:
        target = bench.target(service, "tap")
        load.saturate(target, TAP_CONNECTIONS, 2)
        few, crowd, eight, many, update = bench.medians(
            lambda: load.saturate(target, TAP_CONNECTIONS, bench.seconds),
            lambda: load.saturate(target, MANY_CONNECTIONS, bench.seconds),
            lambda: bench.pgbench.taps(8, bench.seconds),
            lambda: bench.pgbench.taps(32, bench.seconds),
            lambda: bench.pgbench.simple_update(32, bench.seconds),
        )
    ours, best = max(few, crowd), max(eight, many)
    return [
        Row("S1", "live taps at saturation, one worker, against pgbench, one tap a call",
            ours, best, "taps/s", ">= 1.0x, aim 1.5x", ours >= best,
            f"with {TAP_CONNECTIONS} connections {few:.0f}/s, {MANY_CONNECTIONS} {crowd:.0f}/s; "
            f"pgbench with 8 clients {eight:.0f}/s, 32 {many:.0f}/s"),
        Row("S1b", "the same against pgbench's simple-update (-N)",
            ours, update, "taps/s", ">= 1.0x", ours >= update),
    ]  # fmt: skip


def measure_open_loop(bench: Bench) -> list[Row]:
    """S2: the mixed rush hour at 350 and 1,000 taps/s; latency from the intended start."""
    rows = []
    for rate, p50_limit, p99_limit in ((350, 5.0, 25.0), (1000, None, 60.0)):
        with start_service(bench.servers) as service:
            report = _simulate(service, rate, 8 if bench.quick else 20)
        taps = next(row for row in report["latency_ms"] if row["endpoint"] == "start_trip")
        failures = sum(report["failures"].values())
        met = taps["p99"] <= p99_limit and not failures
        limits = f"p99 <= {p99_limit:g} ms"
        if p50_limit is not None:
            met = met and taps["p50"] <= p50_limit
            limits = f"p50 <= {p50_limit:g} ms, {limits}, no error"
        failed = ", ".join(f"{n} {what}" for what, n in report["failures"].items())
        note = f"p50 {taps['p50']:.1f} ms, {failed or 'none'} failed, "
        note += f"send lag p99 {report['lag_p99_ms']:.1f} ms"
        if report["spoiled"]:
            note += f"; spoiled: {'; '.join(report['spoiled'])}"
        rows.append(Row("S2", f"p99 of taps, open loop at {rate} taps/s with reads and recharges",
                        taps["p99"], None, "ms", limits, met, note))  # fmt: skip
    return rows


def _simulate(service: Service, rate: int, seconds: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as place:
        report = Path(place) / "report.json"
        command = [
            sys.executable, "-m", "simulator", "run", "steady", "--url", service.url,
            "--rate", str(rate), "--duration", str(seconds), "--json", str(report),
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, timeout=600, cwd=ROOT)
        if not report.exists():
            raise RuntimeError(
                f"the simulator left no report: {done.stdout[-800:]}{done.stderr[-800:]}"
            )
        found: dict[str, Any] = json.loads(report.read_text())
        return found


def measure_uploads(bench: Bench) -> list[Row]:
    """S3: uploads of 1,000 taps beside live taps at 50/s, against pgbench one at a time."""
    seconds = bench.seconds
    latencies: list[float] = []

    async def uploads(service: Service) -> float:
        stop = asyncio.Event()
        live = asyncio.create_task(load.at_rate(bench.target(service, "tap"), 50, stop))
        rate, _ = await load.upload(bench.target(service, "tap"), 2, seconds)
        stop.set()
        latencies.extend(await live)
        return rate

    with start_service(bench.servers) as service:
        ours, single = bench.medians(
            lambda: uvloop.run(uploads(service)), lambda: bench.pgbench.taps(8, seconds)
        )
    p99 = statistics.quantiles(latencies, n=100)[98]
    return [
        Row("S3", "uploads of 1,000 taps, against pgbench one tap a call", ours, single, "taps/s",
            ">= 2.5x, aim 12,000/s", ours >= 2.5 * single),
        Row("S3b", "p99 of live taps at 50/s beside them", p99, None, "ms", "<= 50 ms", p99 <= 50),
    ]  # fmt: skip


def measure_cached_reads(bench: Bench) -> list[Row]:
    """S4: cached reads against a bare handler that answers the same bytes."""
    rows = []
    station = bench.people.stations[0]
    paths = {
        "analytics": "/api/v1/analytics/trips/hourly",
        "arrivals": f"/api/v1/stations/{station}/arrivals",
        "alerts": f"/api/v1/stations/{station}/alerts",
    }
    with start_service(bench.servers) as service:
        for name, path in paths.items():
            ours, bare = _against_bare(bench, service, path, path)
            rows.append(Row("S4", f"cached read: {name}", ours, bare, "requests/s",
                            ">= 0.7x, aim 0.85x", ours >= 0.7 * bare))  # fmt: skip
    return rows


def measure_balance_reads(bench: Bench) -> list[Row]:
    """S6: balance reads, never cached, against a bare handler."""
    with start_service(bench.servers) as service:
        path = f"/api/v1/cards/{bench.people.cards[0]}/balance"
        ours, bare = _against_bare(bench, service, path, "balance")
    return [Row("S6", "balance reads at saturation, against a bare handler", ours, bare,
                "requests/s", ">= 0.5x", ours >= 0.5 * bare)]  # fmt: skip


def _against_bare(bench: Bench, service: Service, path: str, kind: str) -> tuple[float, float]:
    body, headers = service.get(path)
    with bare_handler(body, headers) as bare:
        connections = TAP_CONNECTIONS if kind == "balance" else READ_CONNECTIONS
        for warm in (bench.target(service, kind), bench.target(bare, path)):
            load.saturate(warm, connections, 1)
        ours, yardstick = bench.medians(
            lambda: load.saturate(bench.target(service, kind), connections, bench.seconds),
            lambda: load.saturate(bench.target(bare, path), connections, bench.seconds),
        )
    return ours, yardstick


def measure_generator(bench: Bench) -> list[Row]:
    """S8: the simulator's own client at saturation against a bare handler."""
    with bare_handler(b'{"trip_id":1}', {"Content-Type": "application/json"}) as bare:
        target = bench.target(bare, "tap")
        before = time.process_time()
        (rate,) = bench.medians(
            lambda: uvloop.run(load.closed_loop(target, TAP_CONNECTIONS, bench.seconds))
        )
        share = (time.process_time() - before) / (bench.seconds * bench.rounds)
    return [
        Row("S8", "the simulator's client, one core, against a bare handler", rate, None,
            "requests/s", ">= 3,000/s", rate >= 3000, f"{share:.0%} of a core its own"),
    ]  # fmt: skip


def measure_memory(bench: Bench) -> list[Row]:
    """S10: memory of a worker after many requests; flat."""
    wanted = 60_000 if bench.quick else 1_000_000
    with start_service(bench.servers) as service:
        target = bench.target(service, "/api/v1/analytics/trips/total")
        taps = bench.target(service, "tap")
        done = load.saturate(taps, TAP_CONNECTIONS, 5) * 5
        early = service.resident_mb()
        while done < wanted:
            seconds = 10 if bench.quick else 30
            done += load.saturate(target, READ_CONNECTIONS, seconds) * seconds
        done += load.saturate(taps, TAP_CONNECTIONS, 5) * 5
        late = service.resident_mb()
    return [
        Row("S10", f"memory of a worker after {done / 1e6:.2f} million requests", late, None, "MB",
            "<= 150 MB, flat", late <= 150 and late - early <= 15,
            f"{early:.0f} MB after the first taps"),
    ]  # fmt: skip


def measure_start(bench: Bench) -> list[Row]:
    """S11: from a fresh clone to the first answer, and again; packages come from pip's cache."""
    with tempfile.TemporaryDirectory(prefix="transit-clone-") as place:
        clone = Path(place) / "clone"
        Path(place).chmod(0o755)
        subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
        began = time.perf_counter()
        subprocess.run(["make", "install"], cwd=clone, check=True, capture_output=True)
        first = time.perf_counter() - began + _time_to_answer(clone)
        second = _time_to_answer(clone)
        subprocess.run(["make", "clean"], cwd=clone, check=True, capture_output=True)
    return [
        Row("S11", "fresh clone to first answer", first, None, "s", "<= 60 s", first <= 60),
        Row("S11b", "second start to first answer", second, None, "s", "<= 5 s", second <= 5),
    ]


def _time_to_answer(clone: Path) -> float:
    began = time.perf_counter()
    python = str(clone / ".venv" / "bin" / "python")
    with start_command(["up", "--port", "0"], dict(os.environ), python, clone) as service:
        service.get("/api/v1/stations?limit=1")
        return time.perf_counter() - began


def measure_contention(bench: Bench) -> list[Row]:
    """hot: the skew of real stations must not cost the rollups throughput, at 8 clients."""
    skewed, apart = bench.medians(
        lambda: bench.pgbench.taps(8, bench.seconds),
        lambda: bench.pgbench.taps(8, bench.seconds, one_station_a_client=True),
    )
    return [Row("hot", "taps with the skew of real stations, against a station for each client",
                skewed, apart, "taps/s", ">= 0.9x", skewed >= 0.9 * apart)]  # fmt: skip


def measure_lone_tap(bench: Bench) -> list[Row]:
    """lone: batching must not make a tap wait when nobody else is there."""

    def median_ms(service: Service) -> float:
        return uvloop.run(load.lone_median_ms(bench.target(service, "tap"), bench.seconds / 2))

    with (
        start_service(bench.servers) as batched,
        start_service(bench.servers, TRANSIT_BATCH_LIMIT="1") as single,
    ):
        ours, unbatched = bench.medians(lambda: median_ms(batched), lambda: median_ms(single))
    return [Row("lone", "p50 of a lone tap, against the same with one tap a call allowed",
                ours, unbatched, "ms", "<= 1.1x", ours <= 1.1 * unbatched)]  # fmt: skip


def measure_workers(bench: Bench) -> list[Row]:
    """workers: what a second worker adds where the load and the database share the cores."""
    rows = []
    path = "/api/v1/analytics/trips/total"
    with start_service(bench.servers) as one, start_service(bench.servers, workers=2) as two:
        for kind, what in ((path, "cached reads"), ("tap", "live taps")):
            double, single = bench.medians(
                lambda kind=kind: load.saturate(bench.target(two, kind), 64, bench.seconds),
                lambda kind=kind: load.saturate(bench.target(one, kind), 64, bench.seconds),
            )
            rows.append(Row("workers", f"{what}: two workers against one", double, single,
                            "requests/s", "shown", True))  # fmt: skip
    return rows


# Their yardstick is a C client, or both sides cost less than a client in Python does: measured
# without wrk they would say how fast the client is.
NEEDS_WRK = (measure_live_taps, measure_cached_reads, measure_balance_reads)

QUICK_AND_FULL = (
    measure_live_taps,
    measure_open_loop,
    measure_uploads,
    measure_cached_reads,
    measure_balance_reads,
    measure_generator,
    measure_contention,
    measure_lone_tap,
    measure_workers,
    measure_memory,
    measure_start,
)
