"""The commands that study: the city, a whole day, the worth of each layer, two runs."""

import argparse
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import orjson
import uvloop
from rich.console import Console

from simulator.city import read_city
from simulator.commands import Group, above_zero, add_service, read_access, require_writable, share
from simulator.compare import JUDGED, Tolerance, compare, parse_tolerance
from simulator.demo import audit, time_base_tables
from simulator.latency import measure_latency
from simulator.realism import measures, simulate
from simulator.replay import replay_day
from simulator.report import print_city, print_latency, print_replay, replay_summary
from simulator.scenario import BadInput
from simulator.weekday import export_day, last_weekday, plan_weekday

DAY_TYPES = ("weekday", "saturday", "sunday")


def add_city(group: Group) -> None:
    """transit-sim city"""
    city = group.add_parser(
        "city",
        help="the simulated day beside the measured one",
        description="Simulate a day without a service and compare it with Bogotá. Exit code 1 "
        "when an error is beyond its limit.",
    )
    city.add_argument("--day-type", choices=DAY_TYPES, default="weekday", help="(%(default)s)")
    city.add_argument("--riders", type=int, default=40_000, help="(%(default)s)")
    city.add_argument("--seed", type=int, default=2026, help="(%(default)s)")
    city.add_argument("--top", type=int, default=15, help="stations shown (%(default)s)")
    city.add_argument(
        "--max-error", type=share, help="fail beyond this error, instead of each figure's own"
    )
    city.set_defaults(command=command_city)


def command_city(chosen: argparse.Namespace, console: Console) -> int:
    """Print every comparison; fail on those that do not hold."""
    if not 1000 <= chosen.riders <= 3_000_000:
        raise BadInput("--riders is 1,000 to 3,000,000: fewer riders are noise, not a city")
    city = read_city()
    day = simulate(city, chosen.riders, chosen.seed, chosen.day_type)
    found = list(measures(day, city, chosen.day_type))
    if chosen.max_error is not None:
        found = [replace(measure, limit=chosen.max_error) for measure in found]
    print_city(day, city.demand(chosen.day_type), found, chosen.top, console)
    return int(not all(measure.holds for measure in found))


def add_day(group: Group) -> None:
    """transit-sim day"""
    day = group.add_parser(
        "day",
        help="a whole weekday through the batch endpoints",
        description="Replay the latest working day of the city as fast as the batch endpoints go, "
        "then compare every card and total, and audit. --scale 1 is 4 million taps.",
    )
    add_service(day)
    day.add_argument("--scale", type=above_zero, default=0.01, help="(%(default)g)")
    day.add_argument("--seed", type=int, default=2026, help="(%(default)s)")
    day.add_argument("--audit", type=Path, metavar="DATA_DIR", help="audit the data of this `up`")
    day.add_argument("--export", type=Path, metavar="CSV", help="write the taps (UrbanTrips)")
    day.add_argument("--only-export", action="store_true", help="write the file, send nothing")
    day.add_argument("--json", type=Path, help="write the result here as JSON")
    day.set_defaults(command=command_day)


def command_day(chosen: argparse.Namespace, console: Console) -> int:
    """Plan, export, replay, compare, audit."""
    if chosen.scale > 2:
        raise BadInput("--scale is at most 2: Bogotá's weekday twice")
    if chosen.only_export and not chosen.export:
        raise BadInput("--only-export needs --export CSV")
    require_writable(chosen.export, chosen.json)
    access = read_access(chosen)
    if chosen.only_export:
        city = read_city()
        _, events = plan_weekday(city, chosen.scale, chosen.seed)
        written = export_day(chosen.export, events, city, last_weekday(datetime.now(UTC)))
        console.print(f"Exported   {written:,} taps to {chosen.export}", highlight=False)
        return 0
    result = uvloop.run(replay_day(chosen.url, chosen.scale, chosen.seed, chosen.export, access))
    print_replay(result, console)
    if chosen.json is not None:
        chosen.json.write_bytes(orjson.dumps(replay_summary(result), option=orjson.OPT_INDENT_2))
    audited = audit(chosen.audit, console) if chosen.audit else True
    return int(not (result.books_agree and audited))


def add_latency(group: Group) -> None:
    """transit-sim latency"""
    latency = group.add_parser(
        "latency",
        help="analytics cold and cached, and what is never cached",
        description="One request at a time: every analytics answer cold and cached, then the "
        "endpoints that are never cached.",
    )
    add_service(latency)
    latency.add_argument("--rounds", type=int, default=10, help="cold answers (%(default)s)")
    latency.add_argument("--samples", type=int, default=200, help="uncached (%(default)s)")
    latency.add_argument("--seed", type=int, default=2026, help="(%(default)s)")
    latency.add_argument(
        "--base", type=Path, metavar="JSON",
        help='ms from the base tables, as the service measured: {"trips/total": 41.5, ...}',
    )  # fmt: skip
    latency.add_argument(
        "--data-dir", type=Path, help="the data of that `up`: time the base tables there"
    )
    latency.add_argument("--json", type=Path, help="write the rows here as JSON")
    latency.set_defaults(command=command_latency)


def command_latency(chosen: argparse.Namespace, console: Console) -> int:
    """Measure and print."""
    if chosen.rounds < 1 or chosen.samples < 1:
        raise BadInput("--rounds and --samples are at least 1")
    require_writable(chosen.json)
    access = read_access(chosen)
    base = read_base(chosen.base) if chosen.base else {}
    if chosen.data_dir:
        base = time_base_tables(chosen.data_dir)
    rows = uvloop.run(
        measure_latency(chosen.url, chosen.rounds, chosen.samples, chosen.seed, base, access)
    )
    print_latency(rows, console)
    if chosen.json is not None:
        chosen.json.write_bytes(orjson.dumps(rows, option=orjson.OPT_INDENT_2))
    return 0


def read_base(path: Path) -> dict[str, float]:
    """What the service's side measured."""
    try:
        return {str(name): float(ms) for name, ms in orjson.loads(path.read_bytes()).items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise BadInput(f"--base {path}: {error}") from error


def add_compare(group: Group) -> None:
    """transit-sim compare"""
    parser = group.add_parser(
        "compare",
        help="two runs side by side",
        description="Compare the JSON reports of two runs. Exit code 1 when a latency percentile "
        f"({', '.join(JUDGED)}) or the share of failures of the second is worse than that of the "
        "first by more than the tolerance, or its books differ; 3 when nothing is worse but one "
        "of them was spoiled.",
    )
    parser.add_argument("reports", type=Path, nargs=2, metavar="JSON")
    parser.add_argument("--tolerance", type=tolerance, default=0.1, metavar="SHARE",
                        help="how much more is no change (10%%)")  # fmt: skip
    parser.add_argument("--floor", type=float, default=0.0, metavar="MS",
                        help="latency that grew by less is no change (%(default)g)")  # fmt: skip
    parser.add_argument("--at-least", type=int, default=1, metavar="N",
                        help="leave out endpoints of fewer requests (%(default)s)")  # fmt: skip
    parser.set_defaults(command=command_compare)


def command_compare(chosen: argparse.Namespace, console: Console) -> int:
    """Print and judge."""
    first, second = chosen.reports
    within = Tolerance(chosen.tolerance, chosen.floor, chosen.at_least)
    return compare((first, second), within, console)


def tolerance(text: str) -> float:
    """For argparse: a share, in percent or as a fraction."""
    try:
        return parse_tolerance(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
