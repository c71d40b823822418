"""No answer about alerts is older than 2 s, whatever the cache does."""

import os

from tests.faults.coherence import OLDEST_S, measure_oldest
from tests.faults.stack import Stack

# How many are opened and closed, and in how many seconds.
ALERTS, SECONDS = (200, 24.0) if os.environ.get("TRANSIT_TEST_LONG") else (20, 3.0)


def test_no_worker_shows_alerts_older_than_promised(stack: Stack) -> None:
    sight = measure_oldest(stack, ALERTS, SECONDS)
    print(f"the oldest of {sum(sight.polls.values())} answers was {sight.oldest_s:.2f} s old")
    assert sight.errors == []
    assert len(sight.opened) == len(sight.closed) == ALERTS
    assert len(sight.polls) == 2
    assert sight.oldest_s < OLDEST_S, sight.oldest
