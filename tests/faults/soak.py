"""`make soak`: hours of rush hour, and what must not grow with them, as slopes a minute."""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import redis

from tests.faults.stack import Stack, start_stack

RATE = 60.0
SAMPLES = 60
# Riders settle, pools and caches fill, the first vacuum comes: not yet the steady state.
WARM_UP_SHARE = 0.3

# Tables whose rows are updated in place or deleted again: what grows there is bloat.
HOT_TABLES = """
    SELECT coalesce(sum(pg_total_relation_size(s.relid)), 0) / 1e6, coalesce(sum(s.n_dead_tup), 0)
    FROM pg_stat_user_tables AS s
    WHERE s.relname IN ('accounts', 'users', 'vehicles', 'activity_deltas', 'deny_list',
                        'deny_list_version', 'daily_totals', 'station_days', 'day_hours')
"""
CONNECTIONS = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'transit-api%'"


@dataclass(frozen=True)
class Measure:
    """What is sampled, and by how much it may grow a minute before the soak fails."""

    name: str
    unit: str
    bound: float
    why: str


MEASURES = (
    Measure("worker_memory", "MB", 0.5, "30 MB an hour is a leak that a week would show"),
    Measure("worker_files", "", 0.5, "a connection that is never closed"),
    Measure("database_connections", "", 0.2, "pools are bounded"),
    Measure("cache_memory", "MB", 0.5, "keys expire"),
    Measure("tap_latency", "ms", 0.5, "a tap costs the same after an hour"),
    Measure("hot_tables", "MB", 1.0, "vacuum keeps up with what is updated in place"),
    Measure("dead_rows", "", 1_000.0, "the same, sooner seen"),
)


@dataclass
class Taps:
    """Count and seconds of all taps so far, as the metrics tell."""

    count: float = 0.0
    seconds: float = 0.0


def read_taps(stack: Stack) -> Taps:
    """From /metrics of all workers."""
    taps = Taps()
    with urllib.request.urlopen(stack.own_url + "/metrics") as answer:
        for line in answer.read().decode().splitlines():
            if 'route="/api/v1/trips/start"' in line:
                if line.startswith("transit_http_request_duration_seconds_sum"):
                    taps.seconds += float(line.rsplit(" ", 1)[1])
                elif line.startswith("transit_http_request_duration_seconds_count"):
                    taps.count += float(line.rsplit(" ", 1)[1])
    return taps


def sample(stack: Stack, before: Taps, now: Taps) -> dict[str, float]:
    """One value of each measure."""
    workers = stack.workers()
    (size, dead) = stack.query(HOT_TABLES)[0]
    with redis.Redis.from_url(stack.servers.redis_url) as cache:
        memory = int(cache.info("memory")["used_memory"])
    taps = max(1.0, now.count - before.count)
    return {
        "worker_memory": max(worker.memory_info().rss for worker in workers) / 1e6,
        "worker_files": max(worker.num_fds() for worker in workers),
        "database_connections": float(stack.query(CONNECTIONS)[0][0]),
        "cache_memory": memory / 1e6,
        "tap_latency": 1000 * (now.seconds - before.seconds) / taps,
        "hot_tables": float(size),
        "dead_rows": float(dead),
    }


def slope(minutes: Sequence[float], values: Sequence[float]) -> float:
    """The median of the slopes of all pairs: a pause of the machine does not turn it."""
    slopes = sorted(
        (values[j] - values[i]) / (minutes[j] - minutes[i])
        for i in range(len(values))
        for j in range(i + 1, len(values))
    )
    return slopes[len(slopes) // 2] if slopes else 0.0


def soak(stack: Stack, minutes: float, report: Path) -> tuple[int, list[dict[str, float]]]:
    """Drive and sample; the simulator's exit code (its books) and the samples."""
    command = ["-m", "simulator", "run", "rush-hour", "--url", stack.url, "--rate", str(RATE)]
    command += ["--duration", str(minutes * 60), "--json", str(report)]
    load = subprocess.Popen([sys.executable, *command], stdout=subprocess.DEVNULL)
    started, samples = time.monotonic(), []
    before = Taps()
    while load.poll() is None:
        time.sleep(max(1.0, minutes * 60 / SAMPLES))
        elapsed = time.monotonic() - started
        now = read_taps(stack)
        if now.count > before.count and elapsed < minutes * 60:
            samples.append({"minute": elapsed / 60} | sample(stack, before, now))
        before = now
    return load.wait(), samples


def print_slopes(samples: list[dict[str, float]]) -> list[str]:
    """The table; answers what grows beyond its bound."""
    steady = samples[int(len(samples) * WARM_UP_SHARE) :]
    times = [one["minute"] for one in steady]
    grown = []
    print(f"{'measure':<22}{'first':>10}{'last':>10}{'a minute':>12}{'at most':>10}")
    for measure in MEASURES:
        values = [one[measure.name] for one in steady]
        change = slope(times, values)
        label = f"{measure.name} {measure.unit}".strip()
        mark = "" if change <= measure.bound else f"  GROWS: {measure.why}"
        print(f"{label:<22}{values[0]:>10.1f}{values[-1]:>10.1f}{change:>12.3f}"
              f"{measure.bound:>10g}{mark}")  # fmt: skip
        grown += [measure.name] if mark else []
    return grown


def main() -> int:
    """0 only if nothing grows, the books agree and the audit is clean."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=20.0, help="(%(default)g)")
    parser.add_argument("--json", type=Path, help="write the samples here")
    parser.add_argument("--log", type=Path, help="copy the service's log here")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, start_stack() as stack:
        try:
            code, samples = soak(stack, chosen.minutes, Path(folder) / "run.json")
            offences = stack.audit()
        finally:
            if chosen.log:
                shutil.copy(stack.log, chosen.log)
    if chosen.json:
        chosen.json.write_text(json.dumps(samples))
    if len(samples) < 5:
        print("too few samples: give it more minutes", file=sys.stderr)
        return 1
    grown = print_slopes(samples)
    print(f"simulator's exit code {code}, offences of the audit {len(offences)}, "
          f"grows: {', '.join(grown) or 'nothing'}")  # fmt: skip
    return 1 if code or offences or grown else 0


if __name__ == "__main__":
    sys.exit(main())
