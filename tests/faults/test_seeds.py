"""A short run of `make faults`, and that it would see a broken promise."""

from pathlib import Path

import pytest

from tests.faults.mutants import run_without_keys, was_seen
from tests.faults.run import run_seed
from tests.faults.schedule import KINDS, Fault, plan_faults
from tests.faults.stack import Stack

SECONDS = 4.0
EVERYTHING = [
    Fault(0.5, "database killed", 0.3, 0),
    Fault(1.2, "cache hung", 1.0, 0),
    Fault(1.6, "worker killed", 0.0, 0),
    Fault(2.2, "client answers swallowed", 0.2, 0),
    Fault(2.6, "database answers swallowed", 0.2, 0),
    Fault(3.0, "cache restarted empty", 0.0, 0),
]


def test_books_agree_when_everything_breaks_under_load(stack: Stack) -> None:
    verdict = run_seed(stack, 0, SECONDS, EVERYTHING)
    assert verdict.problems == []
    assert verdict.counts, verdict.faults
    assert verdict.journal["unknown_then_resolved"] > 0


@pytest.mark.long
def test_build_without_the_look_up_of_keys_is_seen(tmp_path: Path) -> None:
    verdict = run_without_keys(tmp_path, 2.5)
    assert was_seen(verdict, ("two effects",)), verdict


def test_schedule_is_the_same_for_the_same_seed_and_meets_every_kind() -> None:
    assert plan_faults(7, 8.0) == plan_faults(7, 8.0) != plan_faults(8, 8.0)
    met = {fault.what for seed in range(12) for fault in plan_faults(seed, 8.0)}
    assert met == set(KINDS)
