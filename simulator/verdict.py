"""The verdict of a run: what was asked of it, what was measured, and the exit code they make."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

from simulator.measure import LAG_LIMIT_MS
from simulator.result import Result
from simulator.thresholds import Threshold

EXIT_FAILED = 1
EXIT_SPOILED = 3  # the measurement failed, not the service: worth another run


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was asked of a run, with what was measured."""

    name: str
    told: str
    passed: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """Every check, and why the run is no measurement (empty where it is one)."""

    checks: tuple[Check, ...]
    spoiled: tuple[str, ...]

    @property
    def word(self) -> str:
        """The verdict in one word."""
        if not all(check.passed for check in self.checks):
            return "failed"
        return "spoiled" if self.spoiled else "passed"

    @property
    def code(self) -> int:
        """The exit code. What failed is worse than a measurement that says nothing."""
        return {"failed": EXIT_FAILED, "spoiled": EXIT_SPOILED, "passed": 0}[self.word]


def judge_run(result: Result, thresholds: Sequence[Threshold] = ()) -> Verdict:
    """Passed only if the books agree, no threshold is met, nothing failed that should not, and the
    run is the measurement that its thresholds ask for."""
    judged = any(threshold.measure == "errors" for threshold in thresholds)
    failures = sum(result.recorder.failures.values())
    told = f"{failures:,} of {result.recorder.requests():,}"
    checks = [
        Check("books agree", f"{result.cards:,} cards, {count_differences(result):,} differences",
              result.books_agree),
        Check("no request failed", told + (", judged by the threshold on errors" if judged else ""),
              judged or not failures),
    ]  # fmt: skip
    for threshold in thresholds:
        met = threshold.fails(result.recorder)
        checks.append(Check(f"not {threshold.text}", threshold.told(result.recorder), not met))
    return Verdict(tuple(checks), tuple(spoiling(result, thresholds)))


def count_differences(result: Result) -> int:
    """Everything that keeps the books from agreeing."""
    return len(result.differences) + len(result.total_differences) + len(result.unresolved)


def spoiling(result: Result, thresholds: Sequence[Threshold]) -> list[str]:
    """Why the verdict would be on the generator. A late or busy one falsifies latency and rate, so
    it counts where a threshold asks for these; books and refusals do not depend on the pace. Work
    that was never sent counts always. A threshold on lag takes the place of the usual limit."""
    timed = any(threshold.is_timed for threshold in thresholds)
    if not (timed or result.recorder.dropped):
        return []
    lag_is_judged = any(threshold.measure == "lag" for threshold in thresholds)
    return result.recorder.spoiled(result.workers, inf if lag_is_judged else LAG_LIMIT_MS)
