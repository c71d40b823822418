"""The degradation table, cell by cell."""

import os

import pytest

from tests.faults.degradation import TABLE, run_row
from tests.faults.stack import Stack

# The table is a promise for a machine that has time; a busy one may take several times as long.
SLACK = float(os.environ.get("TRANSIT_TEST_SLACK", "3"))


# Those that most often come true; `make faults` runs the whole table.
SHORT = ("database down", "cache hung", "one worker gone")
STATES = [pytest.param(state, marks=() if state in SHORT else pytest.mark.long) for state in TABLE]


@pytest.mark.parametrize("state", STATES)
def test_every_endpoint_answers_as_the_table_says(stack: Stack, state: str) -> None:
    breaches = [told.breach(SLACK) for told in run_row(stack, state)]
    assert [breach for breach in breaches if breach] == []
