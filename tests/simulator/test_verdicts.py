"""Exit codes and last lines: nothing that went wrong may end as if all was well."""

import io
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from simulator import demo, studies
from simulator.__main__ import main
from simulator.books import Difference
from simulator.commands import judge
from simulator.demo import Demo, audit, conclude, run_demo
from simulator.measure import Recorder
from simulator.replay import ReplayResult
from simulator.report import print_result
from simulator.result import Result
from simulator.scenario import load_scenario
from simulator.thresholds import parse_threshold

TOTALS = dict.fromkeys(
    ("total_trips", "paid_trips", "transfers", "revenue", "recharged", "outstanding_balance",
     "outstanding_debt"), 0,
)  # fmt: skip
DIFFERENCES = {
    "differences": [Difference(1, 7, "balance at the end", 1, 2)],
    "total_differences": [("revenue", 3550, 0)],
    "unresolved": ["POST /cards/recharge key k-1: no answer"],
}
SAYS_YES = (sys.executable, "-c", "print('the books agree')")
SAYS_NO = (sys.executable, "-c", "print('ledger_sums_to_zero card 7'); raise SystemExit(1)")


def make_result(**wrong: Any) -> Result:
    """A run in which all was well but for what is given."""
    right: dict[str, Any] = {"differences": [], "unresolved": [], "total_differences": []}
    return Result(
        scenario=load_scenario("rush-hour"), url="http://x", run=1, workers=1, recorder=Recorder(),
        riders=1, cards=1, statements=[], totals=TOTALS, names={}, **{**right, **wrong},
    )  # fmt: skip


def failed_result() -> Result:
    result = make_result()
    result.recorder.failed("start_trip: 500 internal_error", 1.0)
    return result


@pytest.fixture
def console() -> Console:
    return Console(file=io.StringIO(), width=200)


def printed(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_run_in_which_all_was_well_is_code_0(console: Console) -> None:
    result = make_result()
    print_result(result, console)
    assert judge(result, [], console) == 0
    assert conclude(result, True, console) == 0
    assert "agree to the peso" in printed(console)


@pytest.mark.parametrize("wrong", DIFFERENCES)
def test_a_run_whose_books_are_not_known_to_agree_is_code_1(wrong: str, console: Console) -> None:
    result = make_result(**{wrong: DIFFERENCES[wrong]})
    print_result(result, console)
    assert judge(result, [], console) == 1
    # a threshold on errors is no leave to lose money
    assert judge(result, [parse_threshold("errors > 50%")], console) == 1
    assert conclude(result, True, console) == 1
    assert "DO NOT AGREE" in printed(console)
    assert "Failed: the riders' books differ" in printed(console)
    assert "agree to the peso" not in printed(console)


def test_a_failure_is_code_1_unless_a_threshold_judges_it(console: Console) -> None:
    result = failed_result()
    result.recorder.answered("start_trip", "ok", 1.0, 0.01)
    assert judge(result, [], console) == 1
    assert judge(result, [parse_threshold("p99 > 5s")], console) == 1
    assert judge(result, [parse_threshold("errors > 0%")], console) == 1
    assert judge(result, [parse_threshold("errors > 100%")], console) == 0
    assert conclude(result, True, console) == 1
    assert "Failed: 1 requests failed" in printed(console)


def test_offences_found_by_the_audit_are_code_1(console: Console) -> None:
    assert conclude(make_result(), False, console) == 1
    assert "the audit found offences" in printed(console)
    assert "agree to the peso" not in printed(console)


@pytest.mark.parametrize(("command", "clean"), [(SAYS_YES, True), (SAYS_NO, False)])
def test_the_audit_is_what_the_service_s_command_says(
    command: tuple[str, ...], clean: bool, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "SERVICE", command)
    assert audit(Path("nowhere"), console) is clean
    assert printed(console).startswith("Audit      ")


@pytest.fixture
def rush_hour(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Result], int]]:
    """`make run` whose service and driving are given: what is tested is what it makes of them."""
    before = signal.getsignal(signal.SIGTERM)

    def run(result: Result) -> int:
        async def driven(*_: object) -> Result:
            return result

        monkeypatch.setattr(demo, "service", lambda *_: nullcontext("http://x"))
        monkeypatch.setattr(demo, "run_here", driven)
        wanted = Demo(1.0, 1.0, 0, Path("nowhere"), "rush-hour", False, Path("log"))
        return run_demo(wanted, Console(file=io.StringIO()))

    yield run
    signal.signal(signal.SIGTERM, before)


def test_make_run_is_code_1_for_whatever_went_wrong(
    rush_hour: Callable[[Result], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "SERVICE", SAYS_YES)
    assert rush_hour(make_result()) == 0
    for wrong, value in DIFFERENCES.items():
        assert rush_hour(make_result(**{wrong: value})) == 1
    assert rush_hour(failed_result()) == 1
    monkeypatch.setattr(demo, "SERVICE", SAYS_NO)
    assert rush_hour(make_result()) == 1


@pytest.mark.parametrize(
    ("wrong", "auditor", "code"),
    [
        ({}, SAYS_YES, 0),
        ({}, SAYS_NO, 1),
        ({"differences": ["card 7: balance and debt are None"]}, SAYS_YES, 1),
        ({"total_differences": [("revenue", 3550, 0)]}, SAYS_YES, 1),
    ],
)
def test_a_day_is_code_1_for_whatever_went_wrong(
    wrong: dict[str, Any],
    auditor: tuple[str, ...],
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    async def replayed(*_: object) -> ReplayResult:
        return ReplayResult(**wrong)

    monkeypatch.setattr(studies, "replay_day", replayed)
    monkeypatch.setattr(demo, "SERVICE", auditor)
    assert main(["day", "--audit", str(tmp_path)]) == code


def late_result() -> Result:
    """Everything right, but one request in two left twenty milliseconds late."""
    result = make_result()
    for number in range(100):
        result.recorder.sent(number, 0.02 if number % 2 else 0.0001)
        result.recorder.answered("start_trip", "ok", number, 0.01)
    result.recorder.wall_s = 10.0
    return result


@pytest.mark.parametrize(
    ("thresholds", "code"),
    [
        ([], 0),
        (["errors > 0%"], 0),
        (["requests < 1"], 0),
        (["p99(start_trip) > 1s"], 3),
        (["rate < 1/s"], 3),
        # who says how late is late knows the machine
        (["p99 > 1s", "lag > 50ms"], 0),
        (["p99 > 1s", "lag > 15ms"], 1),
        (["p99 > 1ms"], 1),
    ],
)
def test_a_run_that_spoiled_its_thresholds_on_time_is_code_3(
    thresholds: list[str], code: int, console: Console
) -> None:
    judged = judge(late_result(), [parse_threshold(text) for text in thresholds], console)
    assert judged == code
    assert ("no measurement" in printed(console)) is (code == 3)


def test_work_that_was_never_sent_spoils_every_run(console: Console) -> None:
    result = make_result()
    result.recorder.dropped["event"] = 5
    assert judge(result, [], console) == 3


def test_what_failed_is_worse_than_what_was_spoiled(console: Console) -> None:
    result = late_result()
    result.total_differences = [("revenue", 3550, 0)]
    assert judge(result, [parse_threshold("p99 > 1s")], console) == 1


def test_a_demo_is_not_spoiled_by_a_machine_that_has_no_time(console: Console) -> None:
    assert conclude(late_result(), True, console) == 0
