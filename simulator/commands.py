"""The commands that drive: demo and run."""

import argparse
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import uvloop
from rich.console import Console

from simulator.access import Access, parse_header
from simulator.demo import Demo, run_demo
from simulator.hdr import write_hdr
from simulator.html import write_html
from simulator.junit import write_junit
from simulator.live import Progress
from simulator.parallel import run_parallel
from simulator.report import print_result
from simulator.result import Result
from simulator.scenario import BadInput, Burst, Scenario, load_scenario
from simulator.session import run_here
from simulator.summary import summary
from simulator.thresholds import Threshold, parse_threshold
from simulator.verdict import judge_run

Group = Any  # argparse does not name the type that add_subparsers gives
Parser = argparse.ArgumentParser
URL = "http://127.0.0.1:8000"
REPORTS = {
    "json": "the report as JSON",
    "html": "the report as one HTML file",
    "junit": "the verdict as JUnit XML",
    "hdr": "the latencies as an HdrHistogram log",
}


def add_demo(group: Group) -> None:
    """transit-sim demo"""
    demo = group.add_parser("demo", help="a service and a rush hour on this machine")
    demo.add_argument("--duration", type=above_zero, default=60.0, help="seconds (%(default)g)")
    demo.add_argument("--rate", type=above_zero, default=60.0, help="taps/s (%(default)g)")
    demo.add_argument("--port", type=int, default=8000, help="port wanted (%(default)s)")
    demo.add_argument("--data-dir", type=Path, default=Path(".data"), help="(%(default)s)")
    demo.add_argument("--scenario", default="rush-hour", help="(%(default)s)")
    demo.add_argument(
        "--serve",
        choices=("0", "1"),
        default=os.environ.get("SERVE", "1"),
        help="in a terminal, keep serving afterwards (%(default)s)",
    )
    demo.set_defaults(command=command_demo)


def command_demo(chosen: argparse.Namespace, console: Console) -> int:
    """In a terminal it keeps serving afterwards, elsewhere there is nobody to end it."""
    interactive = sys.stdin.isatty() and console.is_terminal
    demo = Demo(
        duration_s=chosen.duration,
        rate=chosen.rate,
        port=chosen.port,
        data_dir=chosen.data_dir,
        scenario=chosen.scenario,
        serve=interactive and chosen.serve == "1",
        log=Path("reports") / "service.log",
    )
    return run_demo(demo, console)


def add_run(group: Group, names: list[str]) -> None:
    """transit-sim run"""
    run = group.add_parser(
        "run",
        help="drive a scenario against a running service",
        description="Drive a scenario: open model, latency from the intended start, every card "
        "and total compared at the end. Exit code 1 when the books differ, a --fail-if holds, or "
        "(without an errors threshold) any request failed; 3 when nothing failed but the generator "
        "was too late or too busy for a --fail-if on latency or rate, or left work unsent. Ctrl-C "
        "ends the driving, the books are compared all the same; a second one ends at once.",
    )
    run.add_argument("scenario", help=f"{', '.join(names)}, or a file of your own")
    add_service(run)
    add_pace(run)
    run.add_argument("--lost", type=share, help="share of answers lost and asked again")
    run.add_argument("--duplicates", type=share, help="share of taps sent twice")
    run.add_argument("--reorder", type=share, help="share of uploads in no order")
    run.add_argument("--offline-buses", type=int, help="buses that upload later")
    run.add_argument("--checks", type=above_zero, help="riders a second who check their balance")
    run.add_argument("--fail-if", action="append", default=[], metavar="CONDITION",
                     help="e.g. 'p99(start_trip) > 25ms', 'errors > 0.1%%'")  # fmt: skip
    for name, what in REPORTS.items():
        run.add_argument(f"--{name}", type=Path, metavar="FILE", help=f"write {what} here")
    run.set_defaults(command=command_run)


def add_service(parser: Parser) -> None:
    """Where the service is and how to get in; for every command that drives one."""
    parser.add_argument("--url", default=URL, help="the service, http or https (%(default)s)")
    parser.add_argument(
        "--ca", type=Path, metavar="FILE", help="trust this authority (PEM), not the system's"
    )
    parser.add_argument("--header", action="append", default=[], metavar="LINE",
                        help="on every request: 'Authorization: Bearer ...'")  # fmt: skip


def add_pace(run: Parser) -> None:
    """How much, how fast, by how many."""
    pace = run.add_mutually_exclusive_group()
    pace.add_argument("--rate", type=above_zero, help="taps a second")
    pace.add_argument("--speed", type=above_zero, help="times real time (simulated clock)")
    run.add_argument("--duration", type=above_zero, help="seconds")
    run.add_argument("--riders", type=int, help="how many riders (about one a tap)")
    run.add_argument("--seed", type=int, help="the same seed gives the same riders and events")
    run.add_argument("--workers", type=int, default=1, help="processes that drive (%(default)s)")
    run.add_argument("--ramp", type=above_zero, metavar="S", help="seconds to the full rate")
    run.add_argument("--burst", action="append", default=[], metavar="AT:LASTING:FACTOR",
                     help="e.g. 20:5:4 for four times the rate from second 20 to 25")  # fmt: skip


def read_access(chosen: argparse.Namespace) -> Access:
    """How to get in, checked before anything is sent."""
    try:
        access = Access(chosen.ca, tuple(parse_header(text) for text in chosen.header))
        if chosen.ca is not None:
            if not chosen.url.startswith("https://"):
                raise BadInput("--ca is for an https:// address")
            access.tls()
    except ValueError as error:
        raise BadInput(str(error)) from error
    return access


def command_run(chosen: argparse.Namespace, console: Console) -> int:
    """Drive, report, judge."""
    thresholds = [parse_threshold(text) for text in chosen.fail_if]
    require_writable(*(getattr(chosen, name) for name in REPORTS))
    access = read_access(chosen)
    scenario = shape_scenario(load_scenario(chosen.scenario), chosen)
    if not 1 <= chosen.workers <= 16:
        raise BadInput("--workers is 1 to 16")
    with Progress(console) as progress:
        if chosen.workers == 1:
            run = run_here(chosen.url, scenario, progress.report, True, access)
        else:
            run = run_parallel(chosen.url, scenario, chosen.workers, progress.report, True, access)
        result = uvloop.run(run)
    print_result(result, console)
    write_reports(result, chosen, thresholds, console)
    return judge(result, thresholds, console)


def shape_scenario(scenario: Scenario, chosen: argparse.Namespace) -> Scenario:
    """The scenario with what the command line changes."""
    wanted = {
        "rate": chosen.rate, "speed": chosen.speed, "duration_s": chosen.duration,
        "riders": chosen.riders, "seed": chosen.seed, "ramp_s": chosen.ramp,
        "offline_buses": chosen.offline_buses, "checks": chosen.checks,
    }  # fmt: skip
    changes: dict[str, Any] = {name: value for name, value in wanted.items() if value is not None}
    for name in ("riders", "offline_buses"):
        if changes.get(name, 0) < 0:
            raise BadInput(f"{name} must not be below 0")
    if chosen.burst:
        changes["bursts"] = tuple(parse_burst(text) for text in chosen.burst)
    chances = {"lost_answer": chosen.lost, "duplicate": chosen.duplicates,
               "reorder": chosen.reorder}  # fmt: skip
    given = {name: value for name, value in chances.items() if value is not None}
    return replace(scenario, chances=replace(scenario.chances, **given), **changes)


def parse_burst(text: str) -> Burst:
    """AT:LASTING:FACTOR"""
    parts = text.split(":")
    try:
        at, lasting, factor = (float(part) for part in parts)
    except ValueError as error:
        raise BadInput(f"--burst {text!r} does not parse: write AT:LASTING:FACTOR") from error
    if at < 0 or lasting <= 0 or factor <= 0:
        raise BadInput(f"--burst {text!r}: the numbers must be above 0")
    return Burst(at, lasting, factor)


def above_zero(text: str) -> float:
    """For argparse: a number above 0."""
    value = float(text)
    if not 0 < value < 1e9:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return value


def share(text: str) -> float:
    """For argparse: a share, 0 to 1."""
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not a share from 0 to 1")
    return value


def require_writable(*paths: Path | None) -> None:
    """A report that cannot be written is refused before the run, not after it."""
    for path in paths:
        if path is None:
            continue
        was_there = path.exists()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.open("ab").close()
            if not was_there:
                path.unlink()
        except OSError as error:
            raise BadInput(f"cannot write {path}: {error.strerror}") from error


def write_reports(
    result: Result, chosen: argparse.Namespace, thresholds: list[Threshold], console: Console
) -> None:
    """The files that were asked for."""
    writers: dict[str, Callable[[], bytes]] = {
        "json": lambda: orjson.dumps(summary(result, thresholds), option=orjson.OPT_INDENT_2),
        "html": lambda: write_html(result, thresholds).encode(),
        "junit": lambda: write_junit(result, thresholds),
        "hdr": lambda: write_hdr(result).encode(),
    }
    for name, write in writers.items():
        path = getattr(chosen, name)
        if path is not None:
            path.write_bytes(write())
            console.print(f"{name.upper():<10} {path}", highlight=False, markup=False)


def judge(result: Result, thresholds: list[Threshold], console: Console) -> int:
    """The verdict's exit code, with what was met and what spoils it."""
    verdict = judge_run(result, thresholds)
    for threshold in thresholds:
        if threshold.fails(result.recorder):
            console.print(
                f"[red]Met        {threshold.text} ({threshold.told(result.recorder)})[/red]",
                highlight=False,
            )
    if verdict.word == "spoiled":
        console.print(
            "[yellow]Spoiled    nothing failed, but this run is no measurement: exit code "
            f"{verdict.code}[/yellow]",
            highlight=False,
        )
    return verdict.code
