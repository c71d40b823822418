"""Progress while a run goes on: a live table in a terminal, a plain line now and then elsewhere."""

import sys
import time
from collections import Counter
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from simulator.report import latency_table, money
from simulator.result import Tally

PLAIN_EVERY_S = 10.0
SWITCH_S = 0.0005
LIVE_TITLE = "Latency in ms over the last seconds, from the intended start"


class Progress:
    """Shows the tallies of a run's workers; use as a context manager."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.live = Live(console=console, refresh_per_second=1) if console.is_terminal else None
        self.printed_at = 0.0
        self.stage = ""

    def __enter__(self) -> Self:
        if self.live:
            # the thread that draws must not keep requests waiting for the interpreter
            sys.setswitchinterval(SWITCH_S)
            self.live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.live:
            self.live.update("")
            self.live.stop()

    def report(self, stage: str, tallies: list[Tally]) -> None:
        """Show where the run is."""
        if stage != self.stage:
            self.stage = stage
            self._announce(stage, tallies)
        if stage != "driving":
            return
        if self.live:
            self.live.update(self._table(tallies))
        elif time.monotonic() - self.printed_at >= PLAIN_EVERY_S:
            self.printed_at = time.monotonic()
            self.console.print(line(tallies), highlight=False)

    def _announce(self, stage: str, tallies: list[Tally]) -> None:
        if stage == "driving":
            scenario = tallies[0].scenario
            pace = (
                f"{scenario.rate:g} taps/s"
                if not scenario.speed
                else (f"{scenario.speed:g} times real time")
            )
            text = f"Driving {scenario.name}: {pace} for {scenario.duration_s:g} s"
        elif stage == "settling":
            text = "Riders get their cards and first money ..."
        elif stage == "stopping":
            text = (
                "Nothing more is sent, the last answers are waited for; Ctrl-C again ends at once"
            )
        else:
            text = "Comparing every rider's book with the service ..."
        self.console.print(text, highlight=False)

    def _table(self, tallies: list[Tally]) -> Group:
        first = tallies[0]
        bar = ProgressBar(first.scenario.duration_s, max(0.0, first.elapsed_s), width=60)
        return Group(
            bar, Text(line(tallies)), refusals(tallies), latency_table(first.latency, LIVE_TITLE)
        )


def refusals(tallies: list[Tally]) -> Table:
    """Refusals by code, in one row."""
    counts: Counter[str] = Counter()
    for tally in tallies:
        counts.update(tally.refused)
    table = Table(box=None, show_header=False)
    table.add_row(*(f"{code} {count:,}" for code, count in counts.most_common()))
    return table


def line(tallies: list[Tally]) -> str:
    """The run so far in one line."""
    done = max(tally.elapsed_s for tally in tallies)
    taps = sum(tally.taps for tally in tallies)
    cache: Counter[str] = Counter()
    for tally in tallies:
        cache.update(tally.cache)
    hits = f"{cache['HIT'] / cache.total():.0%}" if cache.total() else "-"
    return (
        f"{done:4.0f} s  {sum(tally.requests for tally in tallies):,} requests  "
        f"taps {taps:,} of {sum(tally.asked for tally in tallies):,} due  "
        f"refused {sum(sum(tally.refused.values()) for tally in tallies):,}  "
        f"failed {sum(tally.failed for tally in tallies):,}  cache hits {hits}  "
        f"loaded {money(sum(tally.loaded for tally in tallies))}  "
        f"books differ {sum(tally.differences for tally in tallies)}"
    )
