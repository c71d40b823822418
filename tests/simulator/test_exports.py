"""What other programs read: the verdict as JUnit XML, the latencies as an HdrHistogram log."""

from collections import Counter, defaultdict
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hdrh.histogram import HdrHistogram  # type: ignore[import-untyped]
from hdrh.log import HistogramLogReader  # type: ignore[import-untyped]

from simulator.__main__ import main
from simulator.hdr import INTERVALS, tag, write_hdr
from simulator.junit import write_junit
from simulator.measure import new_histogram
from simulator.result import Result
from simulator.thresholds import parse_threshold
from tests.simulator.conftest import Fake
from tests.simulator.test_verdicts import DIFFERENCES, failed_result, late_result, make_result


def cases(result: Result, *conditions: str) -> dict[str, str]:
    """What became of each test case."""
    thresholds = [parse_threshold(text) for text in conditions]
    suite = ElementTree.fromstring(write_junit(result, thresholds)).find("testsuite")
    assert suite is not None
    found = {}
    for case in suite.iter("testcase"):
        failure, error = case.find("failure"), case.find("error")
        told = failure if failure is not None else error
        found[case.attrib["name"]] = "" if told is None else told.attrib["message"]
    assert int(suite.attrib["tests"]) == len(found)
    wrong = int(suite.attrib["failures"]) + int(suite.attrib["errors"])
    assert wrong == sum(bool(message) for message in found.values())
    return found


def test_a_run_in_which_all_was_well_fails_no_case() -> None:
    assert cases(make_result(), "errors > 0%") == {
        "books agree": "", "no request failed": "", "not errors > 0%": "", "run not spoiled": "",
    }  # fmt: skip


@pytest.mark.parametrize("wrong", DIFFERENCES)
def test_books_that_differ_fail_their_case(wrong: str) -> None:
    found = cases(make_result(**{wrong: DIFFERENCES[wrong]}))
    assert found["books agree"] == "measured: 1 cards, 1 differences"


def test_each_threshold_is_a_case_with_its_measured_value() -> None:
    found = cases(late_result(), "p99(start_trip) > 1ms", "requests < 5", "lag > 9s")
    assert found["not p99(start_trip) > 1ms"] == "measured: 10.0 ms"
    assert found["not requests < 5"] == found["not lag > 9s"] == ""


def test_failures_and_a_spoiled_run_fail_their_cases() -> None:
    assert cases(failed_result())["no request failed"] == "measured: 1 of 0"
    assert "send lag" in cases(late_result(), "p99 > 1s")["run not spoiled"]
    assert cases(late_result())["run not spoiled"] == ""


def test_letters_that_xml_cannot_hold_do_not_break_the_file() -> None:
    result = make_result()
    result.url = "http://x/\x00\x1b<&>"
    assert b"http://x/??&lt;&amp;&gt;" in write_junit(result)


def read_log(path: Path) -> tuple[dict[str, Any], list[float]]:
    """The log as HdrHistogram's own reader has it: a histogram for each tag, and the starts."""
    reader = HistogramLogReader(str(path), new_histogram())
    merged: dict[str, Any] = defaultdict(new_histogram)
    starts = []
    while (interval := reader.get_next_interval_histogram()) is not None:
        merged[interval.get_tag()].add(interval)
        starts.append(interval.get_start_time_stamp() / 1000 - reader.get_start_time_sec())
    reader.input_file.close()
    return merged, starts


async def test_the_log_holds_every_latency_under_its_endpoint(fake: Fake, tmp_path: Path) -> None:
    result = await fake.run()
    path = tmp_path / "run.hlog"
    path.write_text(write_hdr(result), encoding="utf-8")
    merged, starts = read_log(path)
    recorded: dict[str, HdrHistogram] = result.recorder.latency
    assert set(merged) == {tag(endpoint) for endpoint in recorded}
    for endpoint, histogram in recorded.items():
        told = merged[tag(endpoint)]
        assert told.get_total_count() == histogram.get_total_count()
        for percentile in (50, 99, 100):
            assert told.get_value_at_percentile(percentile) == (
                histogram.get_value_at_percentile(percentile)
            )
    assert starts == sorted(starts)
    assert max(Counter(starts).values()) <= len(recorded)


def test_a_long_run_has_longer_intervals_and_not_more(tmp_path: Path) -> None:
    result = make_result()
    for second in range(0, 4000, 2):
        result.recorder.answered("start_trip", "ok", second, 0.01)
    path = tmp_path / "long.hlog"
    path.write_text(write_hdr(result), encoding="utf-8")
    merged, starts = read_log(path)
    assert len(starts) <= INTERVALS
    assert merged["start_trip"].get_total_count() == 2000


def test_a_tag_has_nothing_that_separates_fields() -> None:
    assert tag("start_trip (repeated)") == "start_trip_repeated"
    assert tag("analytics/trips/total") == "analytics/trips/total"


@pytest.mark.parametrize("option", ["--json", "--html", "--junit", "--hdr"])
def test_a_report_that_cannot_be_written_is_refused_before_the_run(
    option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    # nothing serves there: a run that began would say so instead
    assert main(["run", "rush-hour", "--url", "http://127.0.0.1:9", option, "/dev/null/r"]) == 2
    assert "cannot write /dev/null/r" in capsys.readouterr().err


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.split()[0] == "transit-sim"
