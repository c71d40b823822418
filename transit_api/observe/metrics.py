"""What the service measures of itself, in prometheus-client's multiprocess mode.

Where PROMETHEUS_MULTIPROC_DIR is set each process writes to files of its own there and any of them
answers /metrics for all; without it (tests, one process) the process answers for itself.

Writing to such a file costs a tenth of a request, so requests only count in memory and `flush`
writes the sums: about once a second, and before a scrape. A process that dies loses that second.
"""

import bisect
import collections
import logging
import os
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import psutil
from aiohttp import web
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    multiprocess,
)
from prometheus_client.core import GaugeMetricFamily, Metric

log = logging.getLogger(__name__)

MULTIPROCESS_VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"
CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

DURATION_BUCKETS_S: Final = (
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
)  # fmt: skip
BATCH_BUCKETS: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_000)


# Kept as a gauge, whose file goes with its process, and told as the counter that it is: a counter's
# file stays, and would tell of dead workers for ever.
CPU_SECONDS: Final = "transit_worker_cpu_seconds"


class Tally:
    """What a histogram's child is still to be told."""

    def __init__(self, child: Histogram, bounds: Sequence[float]) -> None:
        self._child = child
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def add(self, value: float) -> None:
        """One observation."""
        self._counts[bisect.bisect_left(self._bounds, value)] += 1
        self._sum += value

    def flush(self) -> None:
        """Tell it. The library has no public way to add many observations at once."""
        if any(self._counts):
            for bucket, count in zip(self._child._buckets, self._counts, strict=True):
                if count:
                    bucket.inc(count)
            self._child._sum.inc(self._sum)
            self._counts = [0] * len(self._counts)
            self._sum = 0.0


class Metrics:
    """All metrics of a process; label children are looked up once and kept."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Histogram(
            "transit_http_request_duration_seconds",
            "Time to answer a request",
            ("method", "route", "status"),
            buckets=DURATION_BUCKETS_S,
            registry=self.registry,
        )
        self._cached_reads = Counter(
            "transit_cached_reads_total",
            "Cached reads by what answered them: hit, miss, stale or bypass",
            ("family", "result"),
            registry=self.registry,
        )
        self._batches = Histogram(
            "transit_batch_elements",
            "Elements that one procedure call took along",
            ("function",),
            buckets=BATCH_BUCKETS,
            registry=self.registry,
        )
        self._outcomes = Counter(
            "transit_outcomes_total",
            "Outcomes by function and code",
            ("function", "outcome"),
            registry=self.registry,
        )
        self._refusals = Counter(
            "transit_refusals_total",
            "Requests that were refused, by route and error code",
            ("route", "code"),
            registry=self.registry,
        )
        self._pool = Gauge(
            "transit_database_connections",
            "Database connections by pool: open, in use, and calls that wait for one",
            ("pool", "state"),
            multiprocess_mode="livesum",
            registry=self.registry,
        )
        self._memory = Gauge(
            "transit_worker_resident_memory_bytes",
            "Resident memory of a worker",
            ("worker",),
            multiprocess_mode="livemostrecent",
            registry=self.registry,
        )
        self._cpu = Gauge(
            CPU_SECONDS,
            "Processor time a worker has used since its start",
            ("worker",),
            multiprocess_mode="livemostrecent",
            registry=self.registry,
        )
        self._chore_finished = Gauge(
            "transit_chore_finished_timestamp_seconds",
            "When a chore of the workers, like folding the rollups, last ended without an error",
            ("chore",),
            multiprocess_mode="livemostrecent",
            registry=self.registry,
        )
        self._chore_rows = Counter(
            "transit_chore_rows_total",
            "Rows that a chore of the workers has folded or removed",
            ("chore",),
            registry=self.registry,
        )
        self._durations: dict[tuple[str, str, int], Tally] = {}
        self._batch_sizes: dict[str, Tally] = {}
        self._reads: dict[tuple[str, str], int] = collections.defaultdict(int)
        self._refused: dict[tuple[str, str], int] = collections.defaultdict(int)
        self._decided: dict[tuple[str, str], int] = collections.defaultdict(int)
        # Files that were said to be unreadable, each once.
        self._unreadable: set[str] = set()
        self._process = psutil.Process()
        self._started = time.monotonic()

    @property
    def uptime_s(self) -> float:
        """How long this application has been running."""
        return time.monotonic() - self._started

    def observe_request(
        self, method: str, route: str, status: int, seconds: float, code: str | None = None
    ) -> None:
        """One request answered; `route` is the template, never the path; `code` of a refusal."""
        if code is not None:
            self._refused[route, code] += 1
        tally = self._durations.get((method, route, status))
        if tally is None:
            child = self._requests.labels(method, route, str(status))
            tally = self._durations[method, route, status] = Tally(child, DURATION_BUCKETS_S)
        tally.add(seconds)

    def count_cached_read(self, family: str, result: str) -> None:
        """One cached read: HIT, MISS, STALE or BYPASS."""
        self._reads[family, result] += 1

    def observe_batch(self, function: str, elements: int) -> None:
        """One procedure call with so many elements."""
        tally = self._batch_sizes.get(function)
        if tally is None:
            child = self._batches.labels(function)
            tally = self._batch_sizes[function] = Tally(child, BATCH_BUCKETS)
        tally.add(elements)

    def count_outcomes(self, function: str, rows: Sequence[dict[str, Any]]) -> None:
        """The outcomes of the rows of one procedure call."""
        for outcome, count in collections.Counter([row["outcome"] for row in rows]).items():
            self._decided[function, outcome] += count

    def flush(self) -> None:
        """Write what was counted since the last time."""
        for tally in (*self._durations.values(), *self._batch_sizes.values()):
            tally.flush()
        for counter, counted in (
            (self._cached_reads, self._reads),
            (self._outcomes, self._decided),
            (self._refusals, self._refused),
        ):
            for labels, count in counted.items():
                counter.labels(*labels).inc(count)
            counted.clear()

    def set_pool(self, pool: str, *, size: int, in_use: int, waiting: int) -> None:
        """The state of one database pool of this process."""
        for state, value in (("open", size), ("in_use", in_use), ("waiting", waiting)):
            self._pool.labels(pool, state).set(value)

    def note_chore(self, chore: str, rows: int) -> None:
        """A chore ended, having worked off so many rows."""
        self._chore_finished.labels(chore).set_to_current_time()
        self._chore_rows.labels(chore).inc(rows)

    def set_resources(self) -> None:
        """Memory and processor time of this process, now."""
        worker = str(os.getpid())
        with self._process.oneshot():
            self._memory.labels(worker).set(self._process.memory_info().rss)
            times = self._process.cpu_times()
        self._cpu.labels(worker).set(times.user + times.system)

    def render(self) -> bytes:
        """Prometheus text for all processes of the service; reads files in multiprocess mode."""
        exposed = CollectorRegistry()
        exposed.register(self)
        return generate_latest(exposed)

    def collect(self) -> Iterator[Metric]:
        """What is told at /metrics; prometheus-client asks."""
        directory = os.environ.get(MULTIPROCESS_VARIABLE)
        if directory is None:
            yield from map(_told, self.registry.collect())
            return
        files = [str(path) for path in Path(directory).glob("*.db")]
        readable = files
        try:
            metrics = _merged(files)
        except Exception:
            readable = [file for file in files if _is_readable(file)]
            metrics = _merged(readable)
        self._say_unreadable(set(files) - set(readable))
        yield from map(_told, metrics)
        yield GaugeMetricFamily(
            "transit_metrics_files_unreadable",
            "Files of the workers' counts that cannot be read and are left out",
            value=len(files) - len(readable),
        )

    def _say_unreadable(self, files: set[str]) -> None:
        for file in files - self._unreadable:
            log.warning("metrics of %s cannot be read and are left out", Path(file).name)
        self._unreadable |= files


def _merged(files: list[str]) -> list[Metric]:
    return list(multiprocess.MultiProcessCollector.merge(files))  # type: ignore[no-untyped-call]


def _is_readable(file: str) -> bool:
    try:
        _merged([file])
    except Exception:
        return False
    return True


def _told(metric: Metric) -> Metric:
    if metric.name == CPU_SECONDS:
        told = Metric(CPU_SECONDS, metric.documentation, "counter")
        for sample in metric.samples:
            told.add_sample(f"{CPU_SECONDS}_total", sample.labels, sample.value)
        return told
    return metric


METRICS: Final = web.AppKey("METRICS", Metrics)


async def metrics_lifespan(app: web.Application) -> AsyncIterator[None]:
    """Have metrics before anything that counts starts."""
    app[METRICS] = metrics = Metrics()
    yield
    metrics.flush()
