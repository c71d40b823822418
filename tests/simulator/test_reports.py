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

from simulator.charts import Axis, bar_chart, heat_chart, line_chart, nice_ticks
from simulator.city_map import map_chart
from simulator.html import write_html
from simulator.live import Progress
from simulator.report import print_result
from simulator.result import Result
from simulator.summary import summary
from simulator.thresholds import parse_threshold
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
    assert dom.count("<svg") == 8
    assert "Taps by station" in dom
    assert "Latency by percentile" in dom
    assert "they agree" in dom
    assert len(re.findall(r"<circle[^>]*>", dom)) == len(result.names)
    assert "NaN" not in dom


@pytest.mark.parametrize("width", [320, 390, 1280])
async def test_nothing_but_a_table_is_wider_than_the_screen(
    result: Result, tmp_path: Path, width: int
) -> None:
    result.url = "http://" + "a-long-name." * 20
    conditions = [parse_threshold("p99(analytics/stations/top) > 12345.678ms")]
    (tmp_path / "report.html").write_text(write_html(result, conditions), encoding="utf-8")
    frame = tmp_path / "frame.html"
    frame.write_text(
        f'<iframe id="page" src="report.html" style="border: 0; width: {width}px"></iframe>'
        "<script>onload = () => document.body.append('wide: ' + document.getElementById('page')"
        ".contentDocument.documentElement.scrollWidth)</script>"
    )
    dom = await asyncio.to_thread(render, frame)
    [told] = re.findall(r"wide: (\d+)<", dom)
    assert 250 < int(told) <= width


def render(page: Path) -> str:
    """The document as a browser that reaches nothing has it."""
    done = subprocess.run(
        [browser(), "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
         f"--user-data-dir={page.parent / 'profile'}", "--host-resolver-rules=MAP * ~NOTFOUND",
         "--allow-file-access-from-files", "--virtual-time-budget=2000", "--dump-dom",
         page.as_uri()],
        capture_output=True, text=True, timeout=60, env={**os.environ, "HOME": str(page.parent)},
        check=True,
    )  # fmt: skip
    return done.stdout


async def test_the_page_tells_the_verdict_first_and_with_what_was_measured(result: Result) -> None:
    conditions = ["p99(start_trip) > 1us", "errors > 0%"]
    page = write_html(result, [parse_threshold(text) for text in conditions])
    text = re.sub(r"<style>.*?</style>|<svg.*?</svg>", "", page)
    words = ("Failed", "not p99(start_trip) &gt; 1us", "FAILS", "Parameters", "seed",
             "Latency in ms", "Over the run", "Refusals", "Money", "busiest", "Books")  # fmt: skip
    told = [text.index(word) for word in words]
    assert told == sorted(told)
    assert re.search(r"not p99\(start_trip\) &gt; 1us</td><td>[\d.]+ ms", text)
    assert "Passed" in write_html(result)


async def test_the_page_is_made_for_telephones_and_for_the_dark(result: Result) -> None:
    page = write_html(result)
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in page
    assert "prefers-color-scheme: dark" in page
    assert not re.search(r"[^-](?:min-)?width: *\d+px", page)


async def test_the_busiest_stations_have_their_names_on_the_map(result: Result) -> None:
    [busiest] = [code for code, _ in result.recorder.taps_by_place.most_common(1)]
    assert re.search(f'<text class="name"[^>]*>{result.names[busiest].name}</text>',
                     write_html(result))  # fmt: skip


def test_names_on_the_map_do_not_cover_each_other() -> None:
    # three at one spot: a name to the right, a name to the left, no room for the third
    crowd = [("Here", 4.6, -74.2, 5.0)] * 3
    corners = [("South", 4.3, -74.6, 1.0), ("North", 4.9, -73.8, 1.0)]
    assert map_chart("t", [*crowd, *corners]).count('class="name"') == 4


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


def test_heat_is_strongest_where_most_of_a_second_s_values_are() -> None:
    seconds = [(0, [1.0] * 15 + [100.0]), (1, [1.0]), (500, [3.0])]
    chart = heat_chart("Heat", seconds, "ms")
    shades = re.findall(r'<path class="heat" fill-opacity="([\d.]+)" d="([^"]*)"', chart)
    assert len(shades) == 2
    weak, strong = shades
    assert float(weak[0]) < float(strong[0])
    # fifteen of sixteen, and a column that has one value alone; seconds 0 and 1 share a column
    assert (weak[1].count("M"), strong[1].count("M")) == (1, 2)
    assert "nothing to show" in heat_chart("Heat", [(0, [])], "ms")
