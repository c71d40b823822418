"""`make bench`: measures the targets, prints one table, writes it as JSON."""

import argparse
import json
import platform
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

from tests.bench.big import measure_day, measure_growth
from tests.bench.late import measure_late_tap
from tests.bench.load import CLIENT, WRK
from tests.bench.neighbours import measure_deny_list, measure_refused_bodies
from tests.bench.population import SEED, make_population, top_up
from tests.bench.stack import connect, start_servers
from tests.bench.targets import NEEDS_WRK, QUICK_AND_FULL, Bench, Row
from tests.bench.yardsticks import Pgbench, describe_settings

MEASUREMENTS = (*QUICK_AND_FULL, measure_late_tap, measure_refused_bodies, measure_deny_list)


def main() -> int:
    """Exit code 0 only when every target is met and the books agree afterwards."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="about 2 minutes instead of 10")
    parser.add_argument("--only", default="", help="targets to measure, e.g. S1,S4")
    parser.add_argument(
        "--big", type=int, metavar="TRIPS", help="S5, S7 and S9, up to so many trips"
    )
    parser.add_argument("--day-scale", type=float, default=1.0, help="S9: 1.0 is 4 million taps")
    parser.add_argument("--json", type=Path, default=Path("reports/bench.json"))
    chosen = parser.parse_args()
    console = Console()
    if not console.is_terminal:
        # In a file nothing cuts a line off.
        console = Console(width=180)
    measurements: list[Callable[[Bench], list[Row]]] = [
        measure
        for measure in MEASUREMENTS
        if not chosen.only or title_of(measure) in chosen.only.split(",")
    ]
    cards = 20_000
    if chosen.big:
        measurements = [
            named("S5", partial(measure_growth, trips=chosen.big)),
            named("S9", partial(measure_day, scale=chosen.day_scale)),
        ]
    skipped = [] if WRK else [measure for measure in measurements if measure in NEEDS_WRK]
    measurements = [measure for measure in measurements if measure not in skipped]
    rows, about = run(measurements, chosen.quick, cards, console)
    about["skipped"] = [*map(title_of, skipped)]
    console.print(table_of(rows))
    for title in about["skipped"]:
        console.print(f"{title} skipped: wrk is not installed (apt-get install wrk)")
    console.print(about)
    chosen.json.parent.mkdir(exist_ok=True)
    chosen.json.write_text(
        json.dumps({"about": about, "rows": [as_json(r) for r in rows]}, indent=1)
    )
    console.print(f"written to {chosen.json}")
    missed = [row.number for row in rows if not row.met]
    if missed:
        console.print(f"missed: {', '.join(missed)}; `make profile` shows the costs")
    return bool(missed or about["offences"])


def title_of(measure: Callable[[Bench], list[Row]]) -> str:
    """The number of the target that a measurement is about."""
    return (measure.__doc__ or "").partition(":")[0]


def named(title: str, measure: Callable[[Bench], list[Row]]) -> Callable[[Bench], list[Row]]:
    """A measurement with its title as the others have it."""
    measure.__doc__ = f"{title}:"
    return measure


def run(
    measurements: list[Callable[[Bench], list[Row]]], quick: bool, cards: int, console: Console
) -> tuple[list[Row], dict[str, Any]]:
    """Measure on one new cluster; the audit comes last."""
    rows: list[Row] = []
    with start_servers() as servers, connect(servers) as cursor:
        people = make_population(cursor, cards, SEED)
        pgbench = Pgbench(servers, cards)
        pgbench.prepare()
        bench = Bench(servers, people, pgbench, quick)
        for measure in measurements:
            top_up(cursor, people)
            began = time.perf_counter()
            measured = measure(bench)
            rows += measured
            console.print(f"{title_of(measure)} measured in {time.perf_counter() - began:.0f} s")
            for row in measured:
                against = f" / {row.yardstick:,.1f} = {row.ratio:.2f}x" if row.yardstick else ""
                console.print(f"  {row.number} {row.ours:,.1f}{against} {row.unit}; {row.note}")
        cursor.execute("SELECT count(*) FROM transit.trips")
        trips = cursor.fetchone()[0]
        cursor.execute("SELECT invariant, subject, detail FROM api.audit()")
        offences = cursor.fetchall()
        cursor.execute("SHOW server_version")
        version = cursor.fetchone()[0]
    for offence in offences[:10]:
        console.print("audit:", *offence)
    return rows, {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{psutil.cpu_count()} cores, {psutil.virtual_memory().total >> 30} GiB, "
        + platform.platform(),
        "versions": f"Python {platform.python_version()}, PostgreSQL {version}",
        "client": CLIENT,
        "seed": SEED,
        "cards": cards,
        "trips at the end": trips,
        "offences": len(offences),
        "settings": describe_settings(),
    }


def table_of(rows: list[Row]) -> Table:
    """Target, ours, yardstick, ratio, met or not."""
    table = Table(title="Targets, measured side by side in this run")
    for heading in ("", "what", "ours", "yardstick", "ratio", "unit", "target", "met", "note"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(
            row.number,
            row.what,
            f"{row.ours:,.1f}",
            f"{row.yardstick:,.1f}" if row.yardstick else "",
            f"{row.ratio:.2f}x" if row.ratio else "",
            row.unit,
            row.target,
            "yes" if row.met else "NO",
            row.note,
        )
    return table


def as_json(row: Row) -> dict[str, Any]:
    """A row for the file."""
    return {**vars(row), "ratio": row.ratio}


if __name__ == "__main__":
    sys.exit(main())
