"""`transit-sim compare`: what became worse, what is no change, what is no report."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import orjson
import pytest

from simulator.__main__ import main
from simulator.compare import is_report, parse_tolerance
from simulator.summary import summary
from tests.simulator.test_verdicts import make_result


def make_report() -> dict[str, Any]:
    """A run of two endpoints in which nothing failed."""
    result = make_result()
    for number in range(100):
        result.recorder.answered("start_trip", "ok", number, 0.010)
        result.recorder.answered("recharge", "ok", number, 0.004)
    result.recorder.wall_s = 10.0
    report: dict[str, Any] = orjson.loads(orjson.dumps(summary(result)))
    return report


@pytest.fixture
def code(tmp_path: Path) -> Any:
    """The exit code of a report beside what became of it."""

    def run(change: Any, *options: str, before: Any = lambda report: None) -> int:
        first, second = make_report(), deepcopy(make_report())
        before(first)
        change(second)
        paths = [tmp_path / "a.json", tmp_path / "b.json"]
        for path, report in zip(paths, (first, second), strict=True):
            path.write_bytes(orjson.dumps(report))
        return main(["compare", *map(str, paths), *options])

    return run


def slower(share: float, percentile: str = "p99") -> Any:
    def change(report: dict[str, Any]) -> None:
        for row in report["latency_ms"]:
            if row["endpoint"] == "start_trip":
                row[percentile] *= 1 + share

    return change


def failing(count: int) -> Any:
    return lambda report: report["failures"].update({"start_trip: 500": count})


def spoil(report: dict[str, Any]) -> None:
    report["spoiled"].append("send lag")


def differ(report: dict[str, Any]) -> None:
    report["books"]["agree"] = False


def test_a_run_beside_itself_is_code_0(code: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert code(lambda report: None, "--tolerance", "0%") == 0
    out = capsys.readouterr().out
    assert "nothing is worse" in out
    assert "p99 start_trip" in out
    assert "1.00" in out


@pytest.mark.parametrize(
    ("change", "options", "wanted"),
    [
        (slower(0.09), [], 0),
        (slower(0.11), [], 1),
        (slower(0.11, "p50"), [], 1),
        (slower(0.11, "p90"), [], 1),
        (slower(0.11), ["--tolerance", "12%"], 0),
        (slower(0.11), ["--tolerance", "0.12"], 0),
        (slower(0.11), ["--floor", "2"], 0),
        (slower(0.11), ["--at-least", "101"], 0),
        (slower(-0.5), ["--tolerance", "0%"], 0),
        (failing(1), [], 1),
        (failing(1), ["--tolerance", "100%"], 1),
        (differ, [], 1),
        (spoil, [], 3),
    ],
)
def test_what_is_worse_than_tolerated_is_code_1(
    code: Any, change: Any, options: list[str], wanted: int
) -> None:
    assert code(change, *options) == wanted


def test_failures_are_compared_as_a_share(code: Any) -> None:
    assert code(failing(10), before=failing(10)) == 0
    assert code(failing(12), before=failing(10)) == 1


def test_ratios_and_what_differs_are_printed(code: Any, capsys: pytest.CaptureFixture[str]) -> None:
    def change(report: dict[str, Any]) -> None:
        slower(1.0)(report)
        report["seed"] = report["parameters"]["seed"] = 7
        report["latency_ms"] = [row for row in report["latency_ms"]
                                if row["endpoint"] != "recharge"]  # fmt: skip

    assert code(change) == 1
    out = capsys.readouterr().out
    line = next(line for line in out.splitlines() if "p99 start_trip" in line)
    assert line.split()[-2:] == ["2.00", "WORSE"]
    assert "Differ in  seed: 2026 and 7" in out
    assert "Only       the first has recharge" in out


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"{}", b"null", b'{"scenario": "x"}', b"\xff\xfe", b"<html>"],
)
def test_what_is_no_report_is_refused_in_one_line(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_bytes(orjson.dumps(make_report()))
    bad.write_bytes(content)
    for order in ([good, bad], [bad, good]):
        assert main(["compare", *map(str, order)]) == 2
        complaint = capsys.readouterr().err
        assert "bad.json is not a report" in complaint
        assert complaint.count("\n") == 1


def test_a_file_that_cannot_be_read_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in (tmp_path, tmp_path / "nowhere.json"):
        assert main(["compare", str(path), str(path)]) == 2
        assert capsys.readouterr().err.startswith(f"transit-sim: cannot read {path}")


def test_a_report_that_lost_a_part_is_no_report() -> None:
    assert is_report(make_report())
    for name in ("scenario", "seed", "requests", "wall_s", "latency_ms", "failures", "spoiled",
                 "books"):  # fmt: skip
        report = make_report()
        report[name] = None
        assert not is_report(report)
    for name in ("endpoint", "count", "p99"):
        report = make_report()
        del report["latency_ms"][0][name]
        assert not is_report(report)


@pytest.mark.parametrize("text", ["ten", "10", "-1%", "", "%", "1e3%", "nan"])
def test_a_tolerance_is_a_share(text: str) -> None:
    with pytest.raises(ValueError, match="not like 10%"):
        parse_tolerance(text)
    with pytest.raises(SystemExit) as ended:
        main(["compare", "a.json", "b.json", f"--tolerance={text}"])
    assert ended.value.code == 2
