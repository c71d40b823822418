"""Progress while a run goes on: a live view in a terminal, a plain line now and then elsewhere."""

import sys
import time
from collections import Counter
from collections.abc import Iterable
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
GAP = "  "
WIDEST_BAR = 60
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
            self.live.update(picture(tallies, self.console.width))
        elif time.monotonic() - self.printed_at >= PLAIN_EVERY_S:
            self.printed_at = time.monotonic()
            self.console.print(GAP.join(figures(tallies)), highlight=False)

    def _announce(self, stage: str, tallies: list[Tally]) -> None:
        if stage == "driving":
            scenario = tallies[0].scenario
            pace = (
                f"{scenario.rate:g} taps/s"
                if not scenario.speed
                else (f"{scenario.speed:g} times real time")
            )
            text = (
                f"Driving {scenario.name}: {pace} for {scenario.duration_s:g} s, "
                f"seed {scenario.seed}"
            )
        elif stage == "settling":
            text = "Riders get their cards and first money ..."
        elif stage == "stopping":
            text = (
                "Nothing more is sent, the last answers are waited for; Ctrl-C again ends at once"
            )
        else:
            text = "Comparing every rider's book with the service ..."
        self.console.print(text, highlight=False)


def picture(tallies: list[Tally], width: int) -> Group:
    """The whole live view. Nothing in it is wider than the terminal: what is, would be cut."""
    first = tallies[0]
    return Group(
        bar(first, width),
        Text("\n".join(fold(figures(tallies), width))),
        Text("\n".join(fold(refusals(tallies), width))),
        latency_table(first.latency, LIVE_TITLE, width),
    )


def bar(tally: Tally, width: int) -> Table:
    """How far the run is, drawn and in seconds."""
    whole, done = tally.scenario.duration_s, max(0.0, tally.elapsed_s)
    told = f"{done:.0f} of {whole:g} s"
    room = max(1, min(WIDEST_BAR, width - len(told) - len(GAP)))
    row = Table.grid(padding=(0, len(GAP), 0, 0))
    row.add_row(ProgressBar(whole, done, width=room), Text(told, no_wrap=True))
    return row


def fold(words: Iterable[str], width: int) -> list[str]:
    """Lines of whole words: a figure is never torn from its name."""
    lines: list[str] = []
    for word in words:
        if lines and len(lines[-1]) + len(GAP) + len(word) <= width:
            lines[-1] += GAP + word
        else:
            lines.append(word)
    return lines


def refusals(tallies: list[Tally]) -> list[str]:
    """Refusals by code."""
    counts: Counter[str] = Counter()
    for tally in tallies:
        counts.update(tally.refused)
    return [f"{code} {count:,}" for code, count in counts.most_common()]


def figures(tallies: list[Tally]) -> list[str]:
    """The run so far; what was promised comes first, where the eye and a small window look."""
    cache: Counter[str] = Counter()
    for tally in tallies:
        cache.update(tally.cache)
    hits = f"{cache['HIT'] / cache.total():.0%}" if cache.total() else "-"
    return [
        f"{max(tally.elapsed_s for tally in tallies):4.0f} s",
        f"failed {sum(tally.failed for tally in tallies):,}",
        f"books differ {sum(tally.differences for tally in tallies):,}",
        f"requests {sum(tally.requests for tally in tallies):,}",
        f"taps {sum(tally.taps for tally in tallies):,} of "
        f"{sum(tally.asked for tally in tallies):,} due",
        f"refused {sum(sum(tally.refused.values()) for tally in tallies):,}",
        f"cache hits {hits}",
        f"loaded {money(sum(tally.loaded for tally in tallies))}",
    ]
