"""Progress while a run goes on: a live table in a terminal, a plain line now and then elsewhere."""

import time
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.text import Text

from simulator.measure import EXPECTED_REFUSALS, Recorder
from simulator.report import latency_table, money
from simulator.session import Worker

PLAIN_EVERY_S = 10.0


class Progress:
    """Watches a worker; use as a context manager."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.live = Live(console=console, refresh_per_second=4) if console.is_terminal else None
        self.printed_at = 0.0
        self.stage = ""

    def __enter__(self) -> Self:
        if self.live:
            self.live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.live:
            self.live.update("")
            self.live.stop()

    def watch(self, stage: str, worker: Worker) -> None:
        """Show where the run is."""
        if stage != self.stage:
            self.stage = stage
            self._announce(stage, worker)
        if stage != "driving":
            return
        if self.live:
            self.live.update(self._table(worker))
        elif time.monotonic() - self.printed_at >= PLAIN_EVERY_S:
            self.printed_at = time.monotonic()
            self.console.print(line(worker), highlight=False)

    def _announce(self, stage: str, worker: Worker) -> None:
        scenario = worker.scenario
        words = {
            "settling": "Riders get their cards and first money ...",
            "driving": f"Driving {scenario.name}: {scenario.rate:g} taps/s "
            f"for {scenario.duration_s:g} s",
            "comparing": "Comparing every rider's book with the service ...",
        }
        self.console.print(words[stage], highlight=False)

    def _table(self, worker: Worker) -> Group:
        bar = ProgressBar(worker.scenario.duration_s, elapsed_s(worker.recorder), width=60)
        return Group(bar, Text(line(worker)), latency_table(worker.recorder))


def elapsed_s(recorder: Recorder) -> float:
    """Seconds of the run that have something to show."""
    return float(max(recorder.seconds, default=0))


def line(worker: Worker) -> str:
    """The run so far in one line."""
    recorder = worker.recorder
    done = elapsed_s(recorder)
    outcomes = recorder.by_outcome()
    refused = sum(count for code, count in outcomes.items() if code in EXPECTED_REFUSALS)
    looks = sum(recorder.cache.values())
    hits = f"{recorder.cache['HIT'] / looks:.0%}" if looks else "-"
    taps = sum(recorder.taps_by_place.values())
    asked = worker.scenario.rate * done
    loaded = sum(book.recharged for book in worker.books.by_rider.values())
    return (
        f"{done:4.0f} s  {recorder.requests():,} requests  taps {taps:,} (asked {asked:,.0f})  "
        f"refused {refused:,}  failed {sum(recorder.failures.values()):,}  cache hits {hits}  "
        f"loaded {money(loaded)}  books differ {len(worker.books.differences)}"
    )
