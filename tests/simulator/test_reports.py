"""What is shown: terminal, JSON, and the HTML page in a real browser."""

import asyncio
import io
import os
import re
import shutil
import subprocess
from pathlib import Path

import orjson
import pytest
from rich.console import Console

from simulator.charts import Axis, bar_chart, line_chart, map_chart, nice_ticks
from simulator.html import write_html
from simulator.live import Progress
from simulator.report import print_result
from simulator.result import Result
from simulator.summary import summary
from tests.conftest import skip_or_fail
from tests.simulator.conftest import Fake


@pytest.fixture
async def result(fake: Fake) -> Result:
    return await fake.run(duration_s=3)


def browser() -> str:
    """Chromium, or a visible skip."""
    path = shutil.which("chromium")
    if path is None:
        skip_or_fail("chromium", "Chromium")
    assert path is not None
    return path


async def test_the_page_renders_in_a_browser_without_internet(
    result: Result, tmp_path: Path
) -> None:
    page = tmp_path / "report.html"
    page.write_text(write_html(result), encoding="utf-8")
    dom = await asyncio.to_thread(render, page)
    assert dom.count("<svg") == 6
    assert "Taps by station" in dom
    assert "Latency by percentile" in dom
    assert "they agree" in dom
    assert len(re.findall(r"<circle[^>]*>", dom)) == len(result.names)
    assert "NaN" not in dom


def render(page: Path) -> str:
    """The document as a browser that reaches nothing has it."""
    done = subprocess.run(
        [browser(), "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
         f"--user-data-dir={page.parent / 'profile'}", "--host-resolver-rules=MAP * ~NOTFOUND",
         "--virtual-time-budget=2000", "--dump-dom", page.as_uri()],
        capture_output=True, text=True, timeout=60, env={**os.environ, "HOME": str(page.parent)},
        check=True,
    )  # fmt: skip
    return done.stdout


async def test_the_page_asks_for_nothing_from_elsewhere(result: Result) -> None:
    page = write_html(result)
    assert not re.search(r"(src|href)=|@import|url\(", page)
    assert "<script" not in page


async def test_the_terminal_report_and_the_json_say_the_same(result: Result) -> None:
    out = io.StringIO()
    print_result(result, Console(file=out, width=120))
    data = orjson.loads(orjson.dumps(summary(result)))
    text = out.getvalue()
    assert f"{data['requests']:,} in" in text
    assert "agree to the peso" in text
    assert data["books"]["agree"] is True
    assert data["books"]["cards"] == result.cards
    assert {row["endpoint"] for row in data["latency_ms"]} >= {"start_trip", "recharge"}
    assert data["seed"] == 2026


async def test_progress_is_plain_lines_where_there_is_no_terminal(fake: Fake) -> None:
    out = io.StringIO()
    console = Console(file=out, width=120)
    with Progress(console) as progress:
        from dataclasses import replace

        from simulator.session import run_here
        from tests.simulator.conftest import short_rush_hour

        await run_here(fake.url, replace(short_rush_hour(), duration_s=1), progress.report)
    text = out.getvalue()
    assert "Riders get their cards" in text
    assert "  taps " in text
    assert "failed 0  books differ 0" in text
    assert "seed 2026" in text
    assert "\x1b" not in text


def test_ticks_are_round_and_reach_the_top() -> None:
    assert nice_ticks(97) == [0, 20, 40, 60, 80, 100]
    assert nice_ticks(0) == [0, 1]
    assert nice_ticks(0.03)[-1] >= 0.03
    assert Axis(0, 10, 100, 0).at(5) == 50


def test_names_in_charts_are_escaped_and_empty_charts_say_so() -> None:
    chart = line_chart("<t>", [("<b>", [(0.0, 1.0), (1.0, 2.0)])], "x", "y")
    assert "<b>" not in chart
    assert "&lt;b&gt;" in chart
    assert "nothing to show" in line_chart("t", [], "x", "y")
    assert "nothing to show" in map_chart("t", [])
    assert "<rect" in bar_chart("t", [("5", 3.0)], [2.0], ("a", "b"), "x", "y")
