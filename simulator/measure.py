"""What a run measures: latency from the intended start, outcomes, send lag, dropped work, CPU."""

import resource
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from hdrh.histogram import HdrHistogram  # type: ignore[import-untyped]

HIGHEST_US = 600_000_000  # ten minutes; slower is recorded as this
LAG_LIMIT_MS = 5.0  # send lag p99 beyond this spoils a run
CPU_LIMIT = 0.9  # of one core; a generator busier than this measures itself
RECENT_S, RECENT_ENDPOINTS = 5, 8  # what the live view shows
PERCENTILES = (50.0, 90.0, 95.0, 99.0, 99.9, 100.0)
# Answers that a run is expected to bring: refusals of the rules, not failures.
EXPECTED_REFUSALS = frozenset(
    {
        "insufficient_balance",
        "card_not_active",
        "pass_daily_limit",
        "balance_limit_exceeded",
        "trip_already_ended",
        "trip_expired",
        "pass_not_found",
    }
)


# Every endpoint that a run measures, as --fail-if names it.
ENDPOINTS = frozenset(
    {
        "start_trip", "start_trip (repeated)", "upload_taps", "end_trip", "recharge",
        "read_balance", "list_recharges", "list_user_trips", "block_card", "replace_card",
        "create_card", "read_arrivals", "read_alerts", "create_alert", "close_alert",
        "post_positions", "analytics/trips/total", "analytics/revenue", "analytics/users/active",
        "analytics/trips/hourly", "analytics/stations/top", "analytics/localities",
    }
)  # fmt: skip
_COUNTERS = (
    "cache", "failures", "taps_by_place", "taps_by_hour", "dropped", "retries", "strangers",
)  # fmt: skip


def new_histogram() -> HdrHistogram:
    """Microseconds, three digits."""
    return HdrHistogram(1, HIGHEST_US, 3)


@dataclass(slots=True)
class Second:
    """One second of the run: what was asked, what came back, and how slow per endpoint."""

    asked: int = 0
    answered: int = 0
    failed: int = 0
    latencies_us: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))


class Recorder:
    """The measurements of one worker; `merge` adds another's."""

    def __init__(self) -> None:
        self.latency: dict[str, HdrHistogram] = defaultdict(new_histogram)
        self.outcomes: dict[str, Counter[str]] = defaultdict(Counter)
        self.cache: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()
        self.lag = new_histogram()
        self.seconds: dict[int, Second] = defaultdict(Second)
        self.taps_by_place: Counter[str] = Counter()
        self.taps_by_hour: Counter[int] = Counter()
        self.dropped: Counter[str] = Counter()
        self.retries: Counter[str] = Counter()
        self.strangers: Counter[int] = Counter()  # answers that were not the service's, by status
        self.cpu_s = 0.0
        self.wall_s = 0.0
        self.started = 0.0

    def __getstate__(self) -> dict[str, Any]:
        """For the way from a worker to its parent: histograms travel encoded."""
        state = dict(self.__dict__)
        state["latency"] = {name: h.encode() for name, h in self.latency.items()}
        state["lag"] = self.lag.encode()
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.lag = HdrHistogram.decode(state["lag"])
        self.latency = defaultdict(new_histogram)
        for name, encoded in state["latency"].items():
            self.latency[name] = HdrHistogram.decode(encoded)

    def sent(self, due_s: float, lag_s: float) -> None:
        """A request due at a second of the run left `lag_s` later."""
        self.lag.record_value(max(1, min(HIGHEST_US, int(lag_s * 1e6))))
        self.seconds[int(due_s)].asked += 1

    def answered(self, endpoint: str, outcome: str, due_s: float, latency_s: float) -> None:
        """An endpoint's final answer to a request that was due at a second of the run."""
        micros = max(1, min(HIGHEST_US, int(latency_s * 1e6)))
        self.latency[endpoint].record_value(micros)
        self.outcomes[endpoint][outcome] += 1
        second = self.seconds[int(due_s)]
        second.answered += 1
        second.latencies_us[endpoint].append(micros)

    def failed(self, what: str, offset_s: float) -> None:
        """Something no client should see."""
        self.failures[what] += 1
        self.seconds[int(offset_s)].failed += 1

    def merge(self, other: "Recorder") -> None:
        """Add the measurements of another worker."""
        for endpoint, histogram in other.latency.items():
            self.latency[endpoint].add(histogram)
        for endpoint, outcomes in other.outcomes.items():
            self.outcomes[endpoint].update(outcomes)
        self.lag.add(other.lag)
        for name in _COUNTERS:
            getattr(self, name).update(getattr(other, name))
        for offset, second in other.seconds.items():
            mine = self.seconds[offset]
            mine.asked += second.asked
            mine.answered += second.answered
            mine.failed += second.failed
            for endpoint, values in second.latencies_us.items():
                mine.latencies_us[endpoint].extend(values)
        self.cpu_s += other.cpu_s
        self.wall_s = max(self.wall_s, other.wall_s)

    def requests(self) -> int:
        """Answers of all endpoints."""
        return sum(sum(outcomes.values()) for outcomes in self.outcomes.values())

    def by_outcome(self) -> Counter[str]:
        """Answers of all endpoints by status or code."""
        total: Counter[str] = Counter()
        for outcomes in self.outcomes.values():
            total.update(outcomes)
        return total

    def lag_p99_ms(self) -> float:
        """The send lag that one request in a hundred exceeded."""
        return percentile_ms(self.lag, 99)

    def spoiled(self, workers: int = 1, lag_limit_ms: float = LAG_LIMIT_MS) -> list[str]:
        """Why the run says more of its generator than of the service; empty when it is fine."""
        reasons = []
        if self.lag_p99_ms() > lag_limit_ms:
            reasons.append(
                f"send lag p99 was {self.lag_p99_ms():.1f} ms, over {lag_limit_ms:g} ms: requests "
                "left late, this machine had no time for the generator"
            )
        share = self.cpu_s / self.wall_s / workers if self.wall_s else 0.0
        if share > CPU_LIMIT:
            reasons.append(f"the generator used {share:.0%} of its core: give it --workers")
        if self.dropped:
            reasons.append(f"{sum(self.dropped.values())} pieces of work were dropped unsent")
        return reasons


def percentile_ms(histogram: HdrHistogram, percentile: float) -> float:
    """A percentile in milliseconds; 0 for an empty histogram."""
    if not histogram.get_total_count():
        return 0.0
    return float(histogram.get_value_at_percentile(percentile)) / 1000


def cpu_seconds() -> float:
    """User and system time of this process so far."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def peak_mb() -> float:
    """The most memory this process has had, in MB (10^6 bytes)."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6


def latency_rows(recorder: Recorder) -> list[dict[str, Any]]:
    """Count and percentiles in ms of each endpoint, busiest first."""
    rows = []
    for endpoint, histogram in recorder.latency.items():
        row: dict[str, Any] = {"endpoint": endpoint, "count": histogram.get_total_count()}
        for percentile in PERCENTILES:
            row[f"p{percentile:g}"] = round(percentile_ms(histogram, percentile), 3)
        rows.append(row)
    return sorted(rows, key=lambda row: -int(row["count"]))


def recent_rows(recorder: Recorder, elapsed_s: float) -> list[dict[str, Any]]:
    """The same of the last seconds, for the busiest endpoints, out of the raw values: asking the
    histograms every second would hold up the requests that are due meanwhile."""
    values: dict[str, list[int]] = defaultdict(list)
    for second in range(int(elapsed_s) - RECENT_S, int(elapsed_s) + 1):
        if second in recorder.seconds:
            for endpoint, latencies in recorder.seconds[second].latencies_us.items():
                values[endpoint] += latencies
    rows = []
    for endpoint in sorted(values, key=lambda name: -len(values[name]))[:RECENT_ENDPOINTS]:
        ranked = sorted(values[endpoint])
        row: dict[str, Any] = {"endpoint": endpoint, "count": len(ranked)}
        for percentile in PERCENTILES:
            rank = min(len(ranked) - 1, int(percentile / 100 * len(ranked)))
            row[f"p{percentile:g}"] = ranked[rank] / 1000
        rows.append(row)
    return rows


def percentile_curve(histogram: HdrHistogram, steps: Iterable[float]) -> list[list[float]]:
    """Pairs of percentile and milliseconds."""
    return [[step, round(percentile_ms(histogram, step), 3)] for step in steps]
