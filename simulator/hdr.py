"""The latencies of a run in HdrHistogram's log format, version 1.3: a line for each interval and
endpoint, the endpoint as its tag, microseconds within, the interval's maximum in milliseconds."""

import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta
from math import ceil

from simulator.measure import Recorder, new_histogram
from simulator.result import Result

INTERVALS = 600  # at most; a longer run has longer ones
LEGEND = '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"'


def write_hdr(result: Result) -> str:
    """The whole log."""
    started = result.finished_at - timedelta(seconds=result.recorder.wall_s)
    begun = started.timestamp()
    head = [
        f"#[transit-sim {result.scenario.name}, seed {result.scenario.seed}, values in us]",
        "#[Histogram log format version 1.3]",
        f"#[StartTime: {begun:.3f} (seconds since epoch), {started:%Y-%m-%d %H:%M:%S} UTC]",
        f"#[BaseTime: {begun:.3f} (seconds since epoch)]",
        LEGEND,
    ]
    return "\n".join([*head, *interval_lines(result.recorder)]) + "\n"


def interval_lines(recorder: Recorder) -> Iterator[str]:
    """The intervals in order of time."""
    length = max(1, ceil((max(recorder.seconds, default=0) + 1) / INTERVALS))
    intervals: dict[int, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for at, second in recorder.seconds.items():
        for endpoint, values in second.latencies_us.items():
            intervals[at // length * length][endpoint] += values
    histogram = new_histogram()
    for start, endpoints in sorted(intervals.items()):
        for endpoint, values in sorted(endpoints.items()):
            histogram.reset()
            for value in values:
                histogram.record_value(value)
            encoded = histogram.encode().decode()
            yield f"Tag={tag(endpoint)},{start:.3f},{length:.3f},{max(values) / 1000:.3f},{encoded}"


def tag(endpoint: str) -> str:
    """A name without what separates the fields of a line: no comma, no blank."""
    return re.sub(r"[^\w/.-]+", "_", endpoint).strip("_")
