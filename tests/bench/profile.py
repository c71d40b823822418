"""`make profile`: where the time of a request goes, in the worker and in the database."""

import argparse
import collections
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil

from tests.bench import load
from tests.bench.load import Target
from tests.bench.population import SEED, Population, make_population
from tests.bench.stack import ROOT, Service, connect, start_servers, start_service
from transit_api.local.embedded import Servers

CONNECTIONS = 64
SHOWN = 30
# Statistics are written at most once a second; a statement of the owner asks for its own only.
FUNCTIONS = """
    SELECT funcname, calls, total_time * 1000, self_time * 1000
    FROM pg_stat_user_functions WHERE schemaname = 'api' ORDER BY self_time DESC LIMIT 20
"""


def main() -> int:
    """Profile taps, balance reads and a cached read under saturation."""
    parser = argparse.ArgumentParser(prog="make profile", description=__doc__)
    parser.add_argument("--seconds", type=int, default=10)
    chosen = parser.parse_args()
    place = ROOT / "reports"
    place.mkdir(exist_ok=True)
    with start_servers() as servers, connect(servers) as cursor:
        people = make_population(cursor, 5_000, SEED)
        cursor.execute("ALTER ROLE transit_service SET track_functions = 'all'")
        for kind in ("tap", "balance", "/api/v1/analytics/trips/hourly"):
            cursor.execute("SELECT pg_stat_reset()")
            with start_service(servers) as service:
                requests = _profile(servers, service, people, kind, chosen.seconds, place)
            cursor.execute(FUNCTIONS)
            _print_functions(cursor.fetchall(), requests)
    return 0


def _profile(
    servers: Servers, service: Service, people: Population, kind: str, seconds: int, place: Path
) -> float:
    target = Target(service.url, kind, people.cards, people.stations)
    load.saturate(target, CONNECTIONS, 2)
    worker = service.workers()[0]
    raw = place / f"profile-{kind.rsplit('/', 1)[-1]}.txt"
    spy = Path(sys.executable).with_name("py-spy")
    sampler = subprocess.Popen(
        [spy, "record", "-p", str(worker.pid), "-d", str(seconds), "-r", "250",
         "-f", "raw", "-o", raw],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    backends = psutil.Process(servers.postgresql.process.pid).children()  # type: ignore[union-attr]
    before = _cpu_s([worker]), _cpu_s(backends)
    requests = load.saturate(target, CONNECTIONS, seconds) * seconds
    after = _cpu_s([worker]), _cpu_s(backends)
    sampler.wait(60)
    print(f"\n{kind}: {requests / seconds:,.0f} requests/s")
    print(f"  worker     {(after[0] - before[0]) / requests * 1e6:7.1f} us of CPU a request")
    print(f"  PostgreSQL {(after[1] - before[1]) / requests * 1e6:7.1f} us of CPU a request")
    _print_stacks(raw)
    return requests


def _cpu_s(processes: list[psutil.Process]) -> float:
    times = [process.cpu_times() for process in processes if process.is_running()]
    return float(sum(time.user + time.system for time in times))


def _print_stacks(raw: Path) -> None:
    within: collections.Counter[str] = collections.Counter()
    total = 0
    for line in raw.read_text().splitlines():
        stack, _, samples = line.rpartition(" ")
        total += int(samples)
        for frame in set(stack.split(";")):
            within[frame] += int(samples)
    print(f"  share of the worker's samples by frame, callees included ({raw}):")
    for frame, samples in within.most_common(SHOWN):
        print(f"  {samples / total:6.1%} {frame}")


def _print_functions(rows: list[tuple[Any, ...]], requests: float) -> None:
    if rows:
        print("  procedures, us a request (wall time, waiting included): total, self, calls")
    for name, calls, total, own in rows:
        print(f"  {total / requests:8.1f} {own / requests:8.1f} {calls / requests:6.2f} {name}")


if __name__ == "__main__":
    sys.exit(main())
