"""What a run brings home: a worker's share, the whole, and how far it is."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from simulator.books import Difference
from simulator.measure import Recorder
from simulator.scenario import Scenario
from simulator.world import Station


@dataclass(frozen=True, slots=True)
class Tally:
    """A worker's run so far, small enough to be sent every second."""

    scenario: Scenario
    elapsed_s: float
    asked: int
    requests: int
    taps: int
    refused: dict[str, int]
    failed: int
    cache: dict[str, int]
    loaded: int
    differences: int
    latency: list[dict[str, Any]]


@dataclass(slots=True)
class Outcome:
    """What one worker brings home."""

    recorder: Recorder
    riders: int = 0
    cards: int = 0
    differences: list[Difference] = field(default_factory=list)
    statements: list[str] = field(default_factory=list)
    unresolved: list[str] = field(default_factory=list)
    expected: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Result:
    """A whole run: measurements, books and totals."""

    scenario: Scenario
    url: str
    run: int
    workers: int
    recorder: Recorder
    riders: int
    cards: int
    differences: list[Difference]
    statements: list[str]
    unresolved: list[str]
    totals: dict[str, int]
    total_differences: list[tuple[str, int, int]]
    names: dict[str, Station]
    stopped: bool = False  # Ctrl-C ended the driving before the scenario's end
    finished_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def books_agree(self) -> bool:
        """To the peso, every card and every total, nothing left unknown."""
        return not (self.differences or self.unresolved or self.total_differences)

    @property
    def failed(self) -> bool:
        """Something no client should see, or books that differ."""
        return bool(self.recorder.failures) or not self.books_agree
