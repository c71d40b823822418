"""Two reports of `transit-sim run --json` side by side: what became worse, and by how much."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from rich.console import Console
from rich.table import Table

from simulator.scenario import BadInput
from simulator.verdict import EXIT_FAILED, EXIT_SPOILED

# The slowest one in a thousand is a handful of requests in most runs: chance, not change.
JUDGED = ("p50", "p90", "p99")
_TOLERANCE = re.compile(r"\d+(\.\d+)?%|0?\.\d+|[01](\.0+)?")


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of both runs; `limit` is what the second may be at most, None if anything."""

    name: str
    first: float
    second: float
    unit: str
    limit: float | None = None

    @property
    def is_worse(self) -> bool:
        """Beyond what was tolerated."""
        return self.limit is not None and self.second > self.limit

    def cells(self) -> list[str]:
        """As a line of the table."""
        form = {"ms": "{:,.2f} ms", "%": "{:.3%}", "/s": "{:,.1f}/s"}[self.unit]
        ratio = f"{self.second / self.first:.2f}" if self.first else "-"
        verdict = "WORSE" if self.is_worse else "-" if self.limit is None else "holds"
        return [self.name, form.format(self.first), form.format(self.second), ratio, verdict]


@dataclass(frozen=True, slots=True)
class Tolerance:
    """What is no change: a share, anything below `floor_ms`, endpoints of too few requests."""

    share: float
    floor_ms: float = 0.0
    at_least: int = 1


def parse_tolerance(text: str) -> float:
    """`10%`, or a share from 0 to 1; ValueError for what could mean either."""
    if not _TOLERANCE.fullmatch(text):
        raise ValueError(f"{text!r} is not like 10% or 0.1")
    return float(text[:-1]) / 100 if text.endswith("%") else float(text)


def read_report(path: Path) -> dict[str, Any]:
    """A report, or BadInput in one line for whatever else the file holds."""
    try:
        report = orjson.loads(path.read_bytes())
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror}") from error
    except orjson.JSONDecodeError as error:
        raise BadInput(f"{path} is not a report of `transit-sim run --json`: not JSON") from error
    if not is_report(report):
        raise BadInput(f"{path} is not a report of `transit-sim run --json`")
    return dict(report)


def is_report(report: object) -> bool:
    """Whether everything that is compared is there, and of its type."""
    if not isinstance(report, dict):
        return False
    types = {"scenario": str, "seed": int, "requests": int, "wall_s": float | int,
             "latency_ms": list, "failures": dict, "spoiled": list, "books": dict}  # fmt: skip
    if not all(isinstance(report.get(name), kind) for name, kind in types.items()):
        return False
    rows, counts = report["latency_ms"], report["failures"].values()
    return (
        isinstance(report["books"].get("agree"), bool)
        and all(isinstance(count, int) for count in counts)
        and all(isinstance(row, dict) and isinstance(row.get("endpoint"), str) for row in rows)
        and all(isinstance(row.get(name), float | int) for row in rows
                for name in ("count", *JUDGED))
    )  # fmt: skip


def figures(first: dict[str, Any], second: dict[str, Any], within: Tolerance) -> Iterator[Figure]:
    """Everything that both runs have."""
    failed = failure_share(first)
    yield Figure("failed", failed, failure_share(second), "%", failed * (1 + within.share))
    yield Figure("requests", pace(first), pace(second), "/s")
    others = {row["endpoint"]: row for row in second["latency_ms"]}
    for row in first["latency_ms"]:
        other = others.get(row["endpoint"])
        if other is None:
            continue
        enough = min(row["count"], other["count"]) >= within.at_least
        for name in JUDGED:
            limit = max(row[name] * (1 + within.share), row[name] + within.floor_ms)
            label = f"{name} {row['endpoint']}"
            yield Figure(label, row[name], other[name], "ms", limit if enough else None)


def failure_share(report: dict[str, Any]) -> float:
    """Failures in each request."""
    return float(sum(report["failures"].values()) / max(1, report["requests"]))


def pace(report: dict[str, Any]) -> float:
    """Requests a second."""
    return float(report["requests"] / max(report["wall_s"], 1e-9))


def remarks(first: dict[str, Any], second: dict[str, Any]) -> Iterator[str]:
    """What makes the two less comparable than the table looks."""
    names = ("scenario", "seed", "workers", *first.get("parameters", {}))
    for name in dict.fromkeys(names):
        a, b = (report.get("parameters", report).get(name, report.get(name))
                for report in (first, second))  # fmt: skip
        if a != b:
            yield f"Differ in  {name}: {a} and {b}"
    told = [{row["endpoint"] for row in report["latency_ms"]} for report in (first, second)]
    for word, only in (("first", told[0] - told[1]), ("second", told[1] - told[0])):
        if only:
            yield f"Only       the {word} has {', '.join(sorted(only))}"


def compare(paths: tuple[Path, Path], within: Tolerance, console: Console) -> int:
    """Print the table; 1 if the second run is worse, 3 if one of them is no measurement."""
    first, second = (read_report(path) for path in paths)
    found = list(figures(first, second, within))
    title = f"The second run beside the first; {within.share * 100:g}% more is no change"
    table = Table(title=title, box=None)
    table.add_column("figure", no_wrap=True)
    for column in ("first", "second", "ratio", ""):
        table.add_column(column, justify="right", no_wrap=True)
    for figure in found:
        table.add_row(*figure.cells(), style="red" if figure.is_worse else "")
    console.print(table)
    for line in remarks(first, second):
        console.print(line, highlight=False, markup=False)
    return conclude(first, second, sum(figure.is_worse for figure in found), console)


def conclude(first: dict[str, Any], second: dict[str, Any], worse: int, console: Console) -> int:
    """The last lines and the exit code."""
    spoiled = [word for word, report in (("first", first), ("second", second)) if report["spoiled"]]
    for word in spoiled:
        console.print(f"[yellow]Spoiled    the {word} run measured its generator[/yellow]")
    differs = not second["books"]["agree"]
    if differs:
        console.print("[red]Books      of the second run DO NOT AGREE[/red]")
    if worse or differs:
        console.print(f"[red]Verdict    {worse} figures are worse[/red]", highlight=False)
        return EXIT_FAILED
    word = "nothing is worse, but a spoiled run proves little" if spoiled else "nothing is worse"
    console.print(f"Verdict    {word}", highlight=False)
    return EXIT_SPOILED if spoiled else 0
