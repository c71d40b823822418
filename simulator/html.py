"""The report of a run as one HTML file that needs nothing else, the internet least of all."""

from collections.abc import Sequence
from html import escape
from math import log10

from simulator.charts import bar_chart, line_chart, map_chart
from simulator.city import read_city
from simulator.measure import (
    EXPECTED_REFUSALS,
    Recorder,
    latency_rows,
    percentile_curve,
    percentile_ms,
)
from simulator.report import money
from simulator.result import Result
from simulator.thresholds import Threshold

CHARTED = 6  # endpoints that get a line
CURVE = (0, 10, 25, 50, 60, 70, 80, 90, 95, 97.5, 99, 99.5, 99.9, 99.95, 99.99)
CURVE_TICKS = ((0.0, "0"), (50.0, "50"), (90.0, "90"), (99.0, "99"), (99.9, "99.9"),
               (99.99, "99.99"))  # fmt: skip

STYLE = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1c2330; --soft: #667085; --rule: #e4e7ec;
  --c0: #2563eb; --c1: #e8590c; --c2: #0d9488; --c3: #9333ea; --c4: #ca8a04; --c5: #db2777;
  --c6: #4b5563; --c7: #65a30d; --good: #15803d; --bad: #b91c1c; }
@media (prefers-color-scheme: dark) { :root { --paper: #12161d; --ink: #e6e9ef; --soft: #9aa4b2;
  --rule: #2a313c; --c0: #6ea0ff; --c1: #ff9a5c; --c2: #4fd1c5; --c3: #c99bff; --c4: #f0c14b;
  --c5: #ff86c0; --c6: #a8b0bd; --c7: #a3d65c; --good: #4ade80; --bad: #ff7b72; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem; max-width: 1360px; background: var(--paper);
  color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
p.sub { color: var(--soft); margin: .2rem 0 1rem; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(148px, 1fr)); gap: .75rem; }
.card { border: 1px solid var(--rule); border-radius: 8px; padding: .6rem .8rem; }
.card b { display: block; font-size: 1.2rem; font-variant-numeric: tabular-nums; }
.card span { color: var(--soft); font-size: .85rem; }
.good b { color: var(--good); } .bad b { color: var(--bad); }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 520px), 1fr));
  gap: 1.25rem; }
figcaption small { color: var(--soft); font-weight: 400; }
figure { margin: 0; } figcaption { font-weight: 600; margin-bottom: .3rem; }
svg { width: 100%; height: auto; display: block; } .map svg { max-height: 640px; }
.grid { stroke: var(--rule); stroke-width: 1; }
.tick, .axis { fill: var(--soft); font-size: 11px; }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; }
.place { fill: var(--c0); fill-opacity: .55; stroke: var(--paper); stroke-width: .5; }
.place.quiet { fill: var(--soft); fill-opacity: .4; }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1rem; list-style: none; margin: .2rem 0 0;
  padding: 0 0 0 1rem; font-size: .85rem; color: var(--soft); }
.dot { display: inline-block; width: .7rem; height: .7rem; border-radius: 50%;
  margin-right: .35rem; }
.wide { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { padding: .25rem .6rem; border-bottom: 1px solid var(--rule); text-align: right;
  font-variant-numeric: tabular-nums; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; } th { color: var(--soft); font-weight: 600; }
pre { white-space: pre-wrap; border: 1px solid var(--rule); border-radius: 8px; padding: .8rem; }
""" + "".join(
    f".line.s{n} {{ stroke: var(--c{n}); }} .bar.s{n} {{ fill: var(--c{n}); }} "
    f".dot.s{n} {{ background: var(--c{n}); }}\n"
    for n in range(8)
)


def write_html(result: Result, thresholds: Sequence[Threshold] = ()) -> str:
    """The whole page."""
    scenario = result.scenario
    title = f"{scenario.name}: {result.recorder.requests():,} requests"
    finished = f"{result.finished_at:%Y-%m-%d %H:%M} UTC"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>"
        f"<h1>{escape(title)}</h1>"
        f'<p class="sub">{escape(result.url)}, {finished}, seed {scenario.seed}, '
        f"{result.workers} generator process(es), {scenario.day_type}</p>"
        f"{cards(result)}{charts(result)}{tables(result.recorder)}{books(result)}"
        "<p class=sub>Station demand: TRANSMILENIO S.A., Datos Abiertos Bogotá. Latency counts "
        "from the moment a request was due, not from when it was sent.</p></body></html>"
    )


def cards(result: Result) -> str:
    """The figures to look at first."""
    recorder = result.recorder
    rate = recorder.requests() / max(recorder.wall_s, 1e-9)
    failures = sum(recorder.failures.values())
    spoiled = recorder.spoiled(result.workers)
    taps = recorder.latency.get("start_trip")
    p99 = f"{percentile_ms(taps, 99):.1f} ms" if taps else "-"
    items = [
        ("requests a second", f"{rate:,.0f}", ""),
        ("taps", f"{sum(recorder.taps_by_place.values()):,}", ""),
        ("p99 of a tap", p99, ""),
        ("failed", f"{failures:,}", "bad" if failures else "good"),
        ("money loaded", money(result.totals["recharged"]), ""),
        ("fares", money(result.totals["revenue"]), ""),
        ("books", "agree" if result.books_agree else "differ",
         "good" if result.books_agree else "bad"),
        ("generator", "spoiled" if spoiled else "honest", "bad" if spoiled else "good"),
    ]  # fmt: skip
    body = "".join(
        f'<div class="card {kind}"><b>{escape(value)}</b><span>{escape(name)}</span></div>'
        for name, value, kind in items
    )
    return f'<div class="cards">{body}</div>' + "".join(f"<p>{escape(why)}</p>" for why in spoiled)


def charts(result: Result) -> str:
    """Everything that is drawn."""
    recorder = result.recorder
    drawn = [throughput(recorder), *latency_over_time(recorder), curves(recorder),
             outcomes(recorder), by_hour(result), city_map(result)]  # fmt: skip
    return f'<h2>Over the run</h2><div class="charts">{"".join(drawn)}</div>'


def busiest(recorder: Recorder) -> list[str]:
    """The endpoints that get a line."""
    return [row["endpoint"] for row in latency_rows(recorder)[:CHARTED]]


def throughput(recorder: Recorder) -> str:
    """Asked, answered and failed each second."""
    seconds = sorted(recorder.seconds.items())
    series = [
        ("asked", [(float(at), float(second.asked)) for at, second in seconds]),
        ("answered", [(float(at), float(second.answered)) for at, second in seconds]),
        ("failed", [(float(at), float(second.failed)) for at, second in seconds]),
    ]
    return line_chart("Requests by the second they were due in", series, "seconds", "a second")


def latency_over_time(recorder: Recorder) -> list[str]:
    """p50 and p99 of the requests due in each second, for the busiest endpoints."""
    return [
        line_chart(
            f"{name} latency over time",
            [(endpoint, over_time(recorder, endpoint, share)) for endpoint in busiest(recorder)],
            "seconds",
            "ms",
        )
        for name, share in (("Median", 0.5), ("99th percentile of", 0.99))
    ]


def over_time(recorder: Recorder, endpoint: str, share: float) -> list[tuple[float, float]]:
    """One percentile of one endpoint, second by second, in ms."""
    points = []
    for at, second in sorted(recorder.seconds.items()):
        values = sorted(second.latencies_us.get(endpoint, ()))
        if values:
            rank = min(len(values) - 1, int(share * len(values)))
            points.append((float(at), values[rank] / 1000))
    return points


def curves(recorder: Recorder) -> str:
    """Latency by percentile, the tail spread out."""
    series: list[tuple[str, Sequence[tuple[float, float]]]] = []
    for endpoint in busiest(recorder):
        curve = percentile_curve(recorder.latency[endpoint], CURVE)
        series.append((endpoint, [(step, value) for step, value in curve]))
    return line_chart("Latency by percentile", series, "percentile", "ms", spread, CURVE_TICKS)


def spread(percentile: float) -> float:
    """An axis on which 90, 99 and 99.9 are equally far apart."""
    return -log10(1 - min(percentile, 99.999) / 100)


def outcomes(recorder: Recorder) -> str:
    """Answers by outcome, the ordinary one apart."""
    counts = recorder.by_outcome()
    rows = "".join(
        f"<tr><td>{escape(code)}</td><td>{count:,}</td><td>{kind_of(code)}</td></tr>"
        for code, count in counts.most_common()
    )
    return (
        "<figure><figcaption>Outcomes</figcaption><div class=wide><table><tr><th>outcome</th>"
        f"<th>answers</th><th>kind</th></tr>{rows}</table></div></figure>"
    )


def kind_of(code: str) -> str:
    """What an outcome is to the run."""
    if code in ("ok", "accepted"):
        return "done"
    return "refused by the rules" if code in EXPECTED_REFUSALS else "failure"


def by_hour(result: Result) -> str:
    """Taps by the hour of the riders' day beside the measured day, where the run touched it."""
    counts = result.recorder.taps_by_hour
    demand = read_city().demand(result.scenario.day_type)
    whole = [sum(column) for column in zip(*map(demand.by_hour, demand.codes), strict=True)]
    first, last = int(result.scenario.from_s // 3600), int(-(-result.scenario.to_s // 3600))
    hours = range(first, min(24, last))
    taps = max(1, sum(counts[hour] for hour in hours))
    # only the scenario's part of its first and last hour counts
    parts = {hour: whole[hour] * overlap(result, hour) for hour in hours}
    total = sum(parts.values()) or 1.0
    bars = [(str(hour), 100 * counts[hour] / taps) for hour in hours]
    line = [100 * parts[hour] / total for hour in hours]
    names = ("this run", "the measured day (zonal part estimated)")
    return bar_chart("Taps by hour of the riders' day", bars, line, names, "hour", "% of taps")


def overlap(result: Result, hour: int) -> float:
    """The share of an hour that lies in the scenario's part of the day."""
    start, end = result.scenario.from_s / 3600, result.scenario.to_s / 3600
    return max(0.0, min(end, hour + 1) - max(start, hour))


def city_map(result: Result) -> str:
    """Every station, as large as its taps."""
    counts = result.recorder.taps_by_place
    places = [
        (station.name, station.latitude, station.longitude, float(counts[code]))
        for code, station in result.names.items()
    ]
    return map_chart("Taps by station", places)


def tables(recorder: Recorder) -> str:
    """Percentiles of every endpoint."""
    columns = ("count", "p50", "p90", "p95", "p99", "p99.9", "p100")
    head = "".join(f"<th>{'max' if name == 'p100' else name}</th>" for name in columns)
    rows = ""
    for row in latency_rows(recorder):
        cells = "".join(
            f"<td>{row[name]:,.{0 if name == 'count' else 1}f}</td>" for name in columns
        )
        rows += f"<tr><td>{escape(row['endpoint'])}</td>{cells}</tr>"
    return (
        "<h2>Latency in ms, from the intended start</h2><div class=wide><table>"
        f"<tr><th>endpoint</th>{head}</tr>{rows}</table></div>"
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
