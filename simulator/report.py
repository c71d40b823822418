"""A run told in the terminal: requests, refusals, latency, the generator's honesty, the money."""

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from simulator.books import SHOWN_DIFFERENCES, describe
from simulator.city import Demand
from simulator.measure import EXPECTED_REFUSALS, Recorder, latency_rows, percentile_ms
from simulator.realism import Day, Measure, hour_rows, station_rows
from simulator.replay import ReplayResult
from simulator.result import Result

TITLE = "Latency in ms, from the intended start of each request"
LATENCY_COLUMNS = ("base_tables_ms", "cold_p50_ms", "cold_p99_ms", "cached_p50_ms",
                   "cached_p99_ms", "base_over_cold", "cold_over_cached")  # fmt: skip
COLUMNS = ("p50", "p90", "p99", "p99.9", "p100")
NARROW_COLUMNS = ("p50", "p99")
FULL_WIDTH = 78  # below this the table leaves columns out, not letters


def money(pesos: int) -> str:
    """Pesos with thousands marked."""
    return f"${pesos:,}".replace(",", ".")


def latency_table(rows: list[dict[str, Any]], title: str = TITLE, width: int = FULL_WIDTH) -> Table:
    """Percentiles per endpoint, from the intended start; fewer of them where there is less room."""
    columns = COLUMNS if width >= FULL_WIDTH else NARROW_COLUMNS
    table = Table(title=title, box=None)
    table.add_column("endpoint", no_wrap=True)
    table.add_column("requests", justify="right")
    for column in columns:
        table.add_column("max" if column == "p100" else column, justify="right")
    for row in rows:
        values = [f"{row[column]:.1f}" for column in columns]
        table.add_row(row["endpoint"], str(row["count"]), *values)
    return table


def print_result(result: Result, console: Console) -> None:
    """The whole report."""
    recorder = result.recorder
    console.print(latency_table(latency_rows(recorder)))
    if result.stopped:
        console.print("\nStopped    by Ctrl-C before the scenario's end", highlight=False)
    print_outcomes(recorder, console)
    print_honesty(result, console)
    print_books(result, console)


def print_outcomes(recorder: Recorder, console: Console) -> None:
    """Requests, what was refused by the rules, what went wrong."""
    outcomes = recorder.by_outcome()
    total = recorder.requests()
    rate = total / recorder.wall_s if recorder.wall_s else 0.0
    console.print(f"\nRequests   {total:,} in {recorder.wall_s:.1f} s, {rate:,.0f} a second")
    uploaded = recorder.outcomes.get("uploaded tap")
    if uploaded:
        console.print(f"Uploaded   {sum(uploaded.values()):,} taps of buses back in coverage")
    for code, count in sorted(outcomes.items(), key=lambda item: -item[1]):
        if code in EXPECTED_REFUSALS:
            console.print(f"Refused    {count:,} {code}")
    for what, count in recorder.retries.most_common():
        console.print(f"Asked again {count:,} times: {what}")
    if recorder.strangers:
        strangers = recorder.strangers.most_common()
        told = ", ".join(f"{count:,} with status {status}" for status, count in strangers)
        console.print(f"Strangers  answers that were not the service's: {told}")
    if recorder.cache:
        hits = ", ".join(f"{name} {count:,}" for name, count in recorder.cache.most_common())
        console.print(f"Cache      {hits}")
    for what, count in recorder.failures.most_common():
        console.print(f"[red]Failed     {count:,} {what}[/red]", highlight=False)


def print_honesty(result: Result, console: Console) -> None:
    """What the generator did to the measurement."""
    recorder = result.recorder
    share = recorder.cpu_s / recorder.wall_s if recorder.wall_s else 0.0
    console.print(
        f"Generator  send lag p99 {recorder.lag_p99_ms():.1f} ms "
        f"(max {percentile_ms(recorder.lag, 100):.1f}), "
        f"CPU {share:.0%} of a core in {result.workers} process(es)"
    )
    for reason in recorder.spoiled(result.workers):
        console.print(f"[yellow]Spoiled    {reason}[/yellow]", highlight=False)


def print_books(result: Result, console: Console) -> None:
    """Every card and every total."""
    totals = result.totals
    console.print(
        f"Money      {money(totals['recharged'])} loaded, {money(totals['revenue'])} in fares of "
        f"{totals['total_trips']:,} trips ({totals['transfers']:,} transfers), "
        f"{money(totals['outstanding_balance'])} on the cards, "
        f"{money(totals['outstanding_debt'])} lent"
    )
    for name, told, expected in result.total_differences:
        console.print(
            f"[red]Differs    {name} grew by {told:,}, by the riders' books {expected:,} "
            f"({told - expected:+,})[/red]",
            highlight=False,
        )
    for line in result.unresolved:
        console.print(f"[red]Unknown    {line}[/red]", highlight=False)
    for line in [*describe(result.differences), *result.statements]:
        console.print(f"[red]{line}[/red]", highlight=False)
    verdict = "agree to the peso" if result.books_agree else "DO NOT AGREE"
    console.print(
        f"Books      {result.riders:,} riders, {result.cards:,} cards and "
        f"{len(totals)} totals compared: {verdict}"
    )


def print_city(
    day: Day, demand: Demand, found: Sequence[Measure], top: int, console: Console
) -> None:
    """The simulated day beside the measured one."""
    hours = Table(title="Trunk taps by hour, % of the day", box=None)
    for column in ("hour", "measured", "simulated", "error"):
        hours.add_column(column, justify="right")
    for hour, real, ours in hour_rows(day, demand):
        hours.add_row(f"{hour:02d}", f"{real:.2f}", f"{ours:.2f}", f"{ours - real:+.2f}")
    stations = Table(title=f"The {top} busiest stations, % of the trunk's day", box=None)
    for column in ("station", "measured", "simulated", "error"):
        stations.add_column(column, justify="right")
    for code, real, ours in station_rows(day, demand, top):
        stations.add_row(code, f"{real:.2f}", f"{ours:.2f}", f"{ours - real:+.2f}")
    table = Table(title=f"{day.taps.total():,} taps against the city", box=None)
    table.add_column("figure", no_wrap=True)
    for column in ("basis", "measured", "simulated", "error", "limit", ""):
        table.add_column(column, justify="right")
    for measure in found:
        table.add_row(*measure_row(measure))
    for one in (hours, stations, table):
        console.print(one)
        console.print()
    console.print(
        "input: the generator draws from this table; estimate: so too, but nobody measured it;\n"
        "shaped: the riders' habits were set to give it; check: the generator does not know it.",
        highlight=False,
    )


def measure_row(measure: Measure) -> list[str]:
    """A figure as the cells of its line; an error without a measured value stands alone."""
    if measure.unit == "%":
        real, ours = f"{measure.measured:.1%}", f"{measure.simulated:.1%}"
    else:
        real, ours = f"{measure.measured:,.2f}", f"{measure.simulated:,.2f}"
    verdict = "holds" if measure.holds else "FAILS"
    return [measure.name, measure.basis, real, ours, f"{measure.error:.1%}",
            f"{measure.limit:.1%}", verdict]  # fmt: skip


def print_replay(result: ReplayResult, console: Console) -> None:
    """A replayed day: how much, how fast, and the books."""
    rate = result.taps / max(result.replayed_s, 1e-9)
    lines = [
        f"Planned    {result.riders:,} riders and their day in {result.planned_s:.1f} s",
        f"Settled    {result.riders:,} cards in {result.settled_s:.1f} s",
        f"Replayed   {result.taps:,} taps and {result.recharges:,} recharges in "
        f"{result.replayed_s:.1f} s, {rate:,.0f} taps a second",
        f"Generator  {result.batches:,} uploads, {result.cpu_s:.1f} s of CPU "
        f"({result.cpu_s / max(result.taps, 1) * 1e6:.0f} us a tap), "
        f"at most {result.peak_mb:,.0f} MB of memory",
    ]
    for outcome, count in result.outcomes.most_common():
        lines.append(f"Outcome    {count:,} {outcome}")
    for name, told, expected in result.total_differences:
        lines.append(f"Differs    {name} grew by {told:,}, by the riders' books {expected:,}")
    lines += result.differences[:SHOWN_DIFFERENCES]
    if len(result.differences) > SHOWN_DIFFERENCES:
        lines.append(f"... {len(result.differences):,} differences in all")
    verdict = "agree to the peso" if result.books_agree else "DO NOT AGREE"
    lines.append(f"Books      {result.riders:,} cards compared in {result.compared_s:.1f} s: "
                 f"{verdict}")  # fmt: skip
    for line in lines:
        console.print(line, highlight=False, markup=False)


def replay_summary(result: ReplayResult) -> dict[str, Any]:
    """A replayed day as data."""
    return {
        "riders": result.riders,
        "taps": result.taps,
        "recharges": result.recharges,
        "planned_s": round(result.planned_s, 1),
        "settled_s": round(result.settled_s, 1),
        "replayed_s": round(result.replayed_s, 1),
        "batches": result.batches,
        "generator_cpu_s": round(result.cpu_s, 1),
        "generator_peak_mb": round(result.peak_mb),
        "compared_s": round(result.compared_s, 1),
        "outcomes": dict(result.outcomes),
        "books_agree": result.books_agree,
        "differences": result.differences[:SHOWN_DIFFERENCES],
        "total_differences": result.total_differences,
    }


def print_latency(rows: Sequence[dict[str, Any]], console: Console) -> None:
    """Cold beside cached; a dash where there is no such figure."""
    table = Table(title="Latency in ms, one request at a time", box=None)
    table.add_column("endpoint", no_wrap=True)
    for column in LATENCY_COLUMNS:
        table.add_column(column.replace("_ms", "").replace("_", " "), justify="right")
    for row in rows:
        cells = ["-" if row[name] is None else f"{row[name]:.2f}" for name in LATENCY_COLUMNS]
        table.add_row(row["endpoint"], *cells)
    console.print(table)
    console.print(
        "base tables: computed within the database, a dash without --data-dir; cold: from the "
        "rollups, over HTTP;\ncached: over HTTP, without the database.",
        highlight=False,
    )
