"""What a report draws: which figures of a run become which chart."""

from collections.abc import Sequence
from math import log10

from simulator.charts import bar_chart, heat_chart, line_chart, rank
from simulator.city import read_city
from simulator.city_map import map_chart
from simulator.measure import Recorder, latency_rows, percentile_curve
from simulator.result import Result

CHARTED = 6  # endpoints that get a line
CURVE = (0, 10, 25, 50, 60, 70, 80, 90, 95, 97.5, 99, 99.5, 99.9, 99.95, 99.99)
CURVE_TICKS = ((0.0, "0"), (50.0, "50"), (90.0, "90"), (99.0, "99"), (99.9, "99.9"),
               (99.99, "99.99"))  # fmt: skip


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
    return line_chart("Requests", series, "seconds", "by the second they were due in")


def latency_over_time(recorder: Recorder) -> list[str]:
    """p50 and p99 of the requests due in each second, for the busiest endpoints."""
    return [
        line_chart(
            f"{name}, by endpoint",
            [(endpoint, over_time(recorder, endpoint, share)) for endpoint in busiest(recorder)],
            "seconds",
            "ms",
        )
        for name, share in (("Median", 0.5), ("99th percentile", 0.99))
    ]


def over_time(recorder: Recorder, endpoint: str, share: float) -> list[tuple[float, float]]:
    """One percentile of one endpoint, second by second, in ms."""
    points = []
    for at, second in sorted(recorder.seconds.items()):
        values = second.latencies_us.get(endpoint, ())
        if values:
            points.append((float(at), rank(values, share) / 1000))
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


def heat_maps(recorder: Recorder) -> list[str]:
    """How latency was spread in each second: of the taps, and of everything."""
    seconds = sorted(recorder.seconds.items())
    taps = [
        (at, [us / 1000 for us in second.latencies_us.get("start_trip", ())])
        for at, second in seconds
    ]
    every = [
        (at, [us / 1000 for values in second.latencies_us.values() for us in values])
        for at, second in seconds
    ]
    return [
        heat_chart("Latency of taps", taps, "ms, second by second"),
        heat_chart("Latency of every request", every, "ms, second by second"),
    ]
