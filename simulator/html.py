"""The report of a run as one HTML file that needs nothing else, the internet least of all."""

from collections.abc import Iterable, Sequence
from html import escape
from importlib import resources
from importlib.metadata import version

from simulator.figures import (
    by_hour,
    city_map,
    curves,
    heat_maps,
    latency_over_time,
    throughput,
)
from simulator.measure import EXPECTED_REFUSALS, Recorder, latency_rows, percentile_ms
from simulator.report import money
from simulator.result import Result
from simulator.thresholds import Threshold
from simulator.verdict import Verdict, judge_run

COLUMNS = ("count", "p50", "p90", "p95", "p99", "p99.9", "p100")
BUSIEST = 12  # stations in the table beside the map
SERIES_STYLE = "".join(
    f".line.s{n} {{ stroke: var(--c{n}); }} .bar.s{n} {{ fill: var(--c{n}); }} "
    f".dot.s{n} {{ background: var(--c{n}); }}\n"
    for n in range(8)
)


def write_html(result: Result, thresholds: Sequence[Threshold] = ()) -> str:
    """The whole page: the verdict first, then what it rests on."""
    verdict = judge_run(result, thresholds)
    title = f"{result.scenario.name}: {verdict.word}"
    style = resources.files("simulator").joinpath("data", "report.css").read_text("utf-8")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{escape(title)}</title><style>{style}{SERIES_STYLE}</style></head><body>"
        f"<h1>{escape(result.scenario.name)}</h1>"
        f'<p class="sub">{result.finished_at:%Y-%m-%d %H:%M} UTC, {escape(result.url)}</p>'
        f"{banner(result, verdict)}{cards(result)}{parameters(result)}"
        f"{latency(result.recorder)}{answers(result.recorder)}{money_section(result)}"
        f"{stations(result)}{books(result)}"
        "<p class=sub>Station demand: TRANSMILENIO S.A., Datos Abiertos Bogotá. Latency counts "
        "from the moment a request was due, not from when it was sent. "
        f"Written by transit-sim {version('transit-api')}.</p></body></html>"
    )


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table that scrolls by itself where it is wider than the screen. Cells are HTML."""
    names = "".join(f"<th>{escape(name)}</th>" for name in head)
    body = "".join("<tr>" + "".join(cell if cell.startswith("<td") else f"<td>{cell}</td>"
                                    for cell in row) + "</tr>" for row in rows)  # fmt: skip
    return f'<div class="wide"><table><tr>{names}</tr>{body}</table></div>'


def banner(result: Result, verdict: Verdict) -> str:
    """Passed or failed, and everything that was asked with what was measured."""
    rows = [
        (escape(check.name), escape(check.told),
         '<td class="good">holds</td>' if check.passed else '<td class="bad">FAILS</td>')
        for check in verdict.checks
    ]  # fmt: skip
    doubts = "".join(f"<p>Spoiled: {escape(why)}</p>" for why in verdict.spoiled)
    if not verdict.spoiled and (reasons := result.recorder.spoiled(result.workers)):
        doubts = f"<p>Latency says little, though nothing asked for it: {escape(reasons[0])}</p>"
    stopped = "<p>Stopped by Ctrl-C before the scenario's end.</p>" if result.stopped else ""
    return (
        f'<div class="verdict {verdict.word}"><b class="word">{verdict.word.capitalize()}</b>'
        f"{stopped}{doubts}{table(('asked', 'measured', ''), rows)}</div>"
    )


def cards(result: Result) -> str:
    """The figures to look at first."""
    recorder = result.recorder
    rate = recorder.requests() / max(recorder.wall_s, 1e-9)
    failures = sum(recorder.failures.values())
    spoiled = recorder.spoiled(result.workers)
    taps = recorder.latency.get("start_trip")
    items = [
        ("requests", f"{recorder.requests():,}", ""),
        ("requests a second", f"{rate:,.0f}", ""),
        ("taps", f"{sum(recorder.taps_by_place.values()):,}", ""),
        ("p99 of a tap", f"{percentile_ms(taps, 99):.1f} ms" if taps else "-", ""),
        ("failed", f"{failures:,}", "bad" if failures else "good"),
        ("books", "agree" if result.books_agree else "differ",
         "good" if result.books_agree else "bad"),
        ("generator", "spoiled" if spoiled else "honest", "doubt" if spoiled else "good"),
    ]  # fmt: skip
    return tiles(items)


def tiles(items: Iterable[tuple[str, str, str]]) -> str:
    """Figures in boxes: name, value and kind of each."""
    body = "".join(
        f'<div class="card {kind}"><b>{escape(value)}</b><span>{escape(name)}</span></div>'
        for name, value, kind in items
    )
    return f'<div class="cards">{body}</div>'


def parameters(result: Result) -> str:
    """What it takes to make the run again."""
    scenario, chances = result.scenario, result.scenario.chances
    pace = f"{scenario.speed:g} times real time" if scenario.speed else f"{scenario.rate:g} taps/s"
    bursts = [
        f"{b.factor:g} times from {b.at_s:g} s for {b.lasting_s:g} s" for b in scenario.bursts
    ]
    facts = {
        "seed": str(scenario.seed),
        "pace": f"{pace} for {scenario.duration_s:g} s",
        "ramp": f"{scenario.ramp_s:g} s" if scenario.ramp_s else "",
        "bursts": "; ".join(bursts),
        "day": f"{scenario.day_type}, {clock(scenario.from_s)} to {clock(scenario.to_s)}",
        "riders": f"{result.riders:,} with {result.cards:,} cards",
        "generator": f"{result.workers} process(es)",
        "chances": f"answers lost {chances.lost_answer:.1%}, taps sent twice "
        f"{chances.duplicate:.1%}, uploads in no order {chances.reorder:.1%}",
        "offline buses": f"{scenario.offline_buses:,}" if scenario.offline_buses else "",
        "checks": f"{scenario.checks:g} a second" if scenario.checks else "",
    }
    rows = "".join(
        f"<tr><th>{name}</th><td>{escape(value)}</td></tr>"
        for name, value in facts.items()
        if value
    )
    return f'<h2>Parameters</h2><table class="facts">{rows}</table>'


def clock(seconds: float) -> str:
    """A time of the day."""
    return f"{int(seconds // 3600):02d}:{int(seconds % 3600 // 60):02d}"


def latency(recorder: Recorder) -> str:
    """Percentiles of every endpoint, and how latency went over the run."""
    head = ("endpoint", *("max" if name == "p100" else name for name in COLUMNS))
    rows = [
        (escape(row["endpoint"]),
         *(f"{row[name]:,.{0 if name == 'count' else 1}f}" for name in COLUMNS))
        for row in latency_rows(recorder)
    ]  # fmt: skip
    drawn = [*heat_maps(recorder), throughput(recorder), *latency_over_time(recorder),
             curves(recorder)]  # fmt: skip
    return (
        f"<h2>Latency in ms, from the intended start</h2>{table(head, rows)}"
        f'<h2>Over the run</h2><div class="charts">{"".join(drawn)}</div>'
    )


def answers(recorder: Recorder) -> str:
    """Refusals and everything else that was answered."""
    total = max(1, recorder.requests())
    rows = [
        (escape(code), f"{count:,}", f"{count / total:.2%}", kind_of(code))
        for code, count in recorder.by_outcome().most_common()
    ]
    failed = [(escape(what), f"{count:,}") for what, count in recorder.failures.most_common()]
    body = table(("outcome", "answers", "share", "kind"), rows)
    if failed:
        body = f'<div class="pair">{body}{table(("failure", "times"), failed)}</div>'
    return f"<h2>Refusals and outcomes</h2>{body}"


def kind_of(code: str) -> str:
    """What an outcome is to the run."""
    if code in ("ok", "accepted"):
        return "done"
    return "refusal" if code in EXPECTED_REFUSALS else "failure"


def money_section(result: Result) -> str:
    """What was paid and what is left, by the riders' books."""
    totals = result.totals
    items = [
        ("loaded", money(totals["recharged"]), ""),
        ("fares", money(totals["revenue"]), ""),
        ("trips", f"{totals['total_trips']:,}", ""),
        ("transfers", f"{totals['transfers']:,}", ""),
        ("on the cards", money(totals["outstanding_balance"]), ""),
        ("lent", money(totals["outstanding_debt"]), ""),
    ]
    return f"<h2>Money</h2>{tiles(items)}"


def stations(result: Result) -> str:
    """The map, and the busiest stations by name where nobody can point at a circle."""
    counts = result.recorder.taps_by_place
    total = max(1, counts.total())
    rows = [
        (escape(result.names[code].name if code in result.names else code), f"{count:,}",
         f"{count / total:.1%}")
        for code, count in counts.most_common(BUSIEST)
    ]  # fmt: skip
    busiest = table(("busiest stations", "taps", "share"), rows)
    return (
        f'<h2>Stations</h2><div class="pair">{city_map(result)}'
        f"<div>{busiest}{by_hour(result)}</div></div>"
    )


def books(result: Result) -> str:
    """What was compared, and every difference."""
    lines = [
        f"{name} grew by {told:,}, by the riders' books {expected:,}"
        for name, told, expected in result.total_differences
    ]
    lines += result.unresolved
    lines += [str(difference) for difference in result.differences]
    lines += result.statements
    body = f"<pre>{escape(chr(10).join(lines))}</pre>" if lines else ""
    return (
        f"<h2>Books</h2><p>{result.riders:,} riders, {result.cards:,} cards and "
        f"{len(result.totals)} totals compared with the service to the peso: "
        f"{'they agree' if result.books_agree else 'they differ'}.</p>{body}"
    )
