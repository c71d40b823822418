"""What the service measures of itself, in prometheus-client's multiprocess mode.

Where PROMETHEUS_MULTIPROC_DIR is set each process writes to files of its own there and any of them
answers /metrics for all; without it (tests, one process) the process answers for itself.
"""

import collections
import os
import time
from collections.abc import AsyncIterator, Sequence
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

MULTIPROCESS_VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"
CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

DURATION_BUCKETS_S: Final = (
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
)  # fmt: skip
BATCH_BUCKETS: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_000)


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
            "transit_worker_cpu_seconds",
            "Processor time a worker has used since its start",
            ("worker",),
            multiprocess_mode="livemostrecent",
            registry=self.registry,
        )
        self._request_children: dict[tuple[str, str, int], Histogram] = {}
        self._read_children: dict[tuple[str, str], Counter] = {}
        self._process = psutil.Process()
        self._started = time.monotonic()

    @property
    def uptime_s(self) -> float:
        """How long this application has been running."""
        return time.monotonic() - self._started

    def observe_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """One request answered; `route` is the template, never the path."""
        key = (method, route, status)
        child = self._request_children.get(key)
        if child is None:
            child = self._requests.labels(method, route, str(status))
            self._request_children[key] = child
        child.observe(seconds)

    def count_cached_read(self, family: str, result: str) -> None:
        """One cached read: HIT, MISS, STALE or BYPASS."""
        key = (family, result)
        child = self._read_children.get(key)
        if child is None:
            child = self._read_children[key] = self._cached_reads.labels(family, result.lower())
        child.inc()

    def observe_batch(self, function: str, elements: int) -> None:
        """One procedure call with so many elements."""
        self._batches.labels(function).observe(elements)

    def count_outcomes(self, function: str, rows: Sequence[dict[str, Any]]) -> None:
        """The outcomes of the rows of one procedure call."""
        for outcome, count in collections.Counter(row["outcome"] for row in rows).items():
            self._outcomes.labels(function, outcome).inc(count)

    def count_outcome(self, function: str, outcome: str) -> None:
        """One outcome of a call that is not batched."""
        self._outcomes.labels(function, outcome).inc()

    def set_pool(self, pool: str, *, size: int, in_use: int, waiting: int) -> None:
        """The state of one database pool of this process."""
        for state, value in (("open", size), ("in_use", in_use), ("waiting", waiting)):
            self._pool.labels(pool, state).set(value)

    def set_resources(self) -> None:
        """Memory and processor time of this process, now."""
        worker = str(os.getpid())
        with self._process.oneshot():
            self._memory.labels(worker).set(self._process.memory_info().rss)
            times = self._process.cpu_times()
        self._cpu.labels(worker).set(times.user + times.system)

    def render(self) -> bytes:
        """Prometheus text for all processes of the service; reads files in multiprocess mode."""
        if MULTIPROCESS_VARIABLE not in os.environ:
            return generate_latest(self.registry)
        merged = CollectorRegistry()
        multiprocess.MultiProcessCollector(merged)  # type: ignore[no-untyped-call]
        return generate_latest(merged)


METRICS: Final = web.AppKey("METRICS", Metrics)


async def metrics_lifespan(app: web.Application) -> AsyncIterator[None]:
    """Have metrics before anything that counts starts."""
    app[METRICS] = Metrics()
    yield
