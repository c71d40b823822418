"""The live view: what was promised is visible in a terminal of any width."""

import io
import re
from dataclasses import replace

import pytest
from rich.console import Console

from simulator.live import Progress, fold
from simulator.result import Tally
from simulator.scenario import load_scenario

WIDTHS = (60, 80, 120, 200)
PERCENTILES = ("p50", "p90", "p95", "p99", "p99.9", "p100")


def make_tally() -> Tally:
    """A long, busy run of which much went wrong: no figure of it is short."""
    latency = [
        {"endpoint": name, "count": 12_345} | dict.fromkeys(PERCENTILES, 1234.5)
        for name in ("start_trip", "start_trip (repeated)", "analytics/users/active")
    ]
    return Tally(
        scenario=replace(load_scenario("rush-hour"), duration_s=3600, seed=77), elapsed_s=1234.0,
        asked=1_234_567, requests=12_345_678, taps=1_234_567, failed=1_234, differences=56_789,
        refused={"insufficient_balance": 123_456, "balance_limit_exceeded": 12_345,
                 "card_not_active": 1_234, "trip_already_ended": 123},
        cache={"HIT": 999, "MISS": 1}, loaded=1_234_567_890, latency=latency,
    )  # fmt: skip


def shown(width: int) -> list[str]:
    """The lines that a terminal of this width and 24 lines has on it."""
    out = io.StringIO()
    console = Console(file=out, width=width, height=24, force_terminal=True, soft_wrap=True)
    progress = Progress(console)
    assert progress.live is not None
    with progress:
        progress.report("driving", [make_tally()])
        progress.live.refresh()
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", out.getvalue()).replace("\r", "\n").splitlines()


@pytest.mark.parametrize("width", WIDTHS)
def test_the_live_view_shows_the_promise_at_every_width(width: int) -> None:
    lines = shown(width)
    text = "\n".join(lines)
    assert max(map(len, lines)) <= width
    for promised in ("failed 1,234", "books differ 56,789", "requests 12,345,678", "seed 77",
                     "taps 1,234,567 of 1,234,567 due", "cache hits 100%", "$1.234.567.890",
                     "1234 of 3600 s", "insufficient_balance 123,456", "trip_already_ended 123",
                     "start_trip (repeated)", "analytics/users/active", "p99"):  # fmt: skip
        assert promised in text
    assert "…" not in text


@pytest.mark.parametrize("width", WIDTHS)
def test_the_bar_has_its_room_at_every_width(width: int) -> None:
    bars = [line for line in shown(width) if "━" in line]
    assert bars
    assert all(line.count("━") + line.count("╸") + line.count("╺") >= 40 for line in bars)


def test_a_figure_is_never_torn_from_its_name() -> None:
    assert fold(["failed 1", "books differ 2", "taps 3"], 24) == ["failed 1  books differ 2",
                                                                   "taps 3"]  # fmt: skip
    assert fold(["longer than the line"], 5) == ["longer than the line"]
    assert fold([], 5) == []
