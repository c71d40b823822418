"""No answer about alerts is older than 2 s, whatever the cache does."""

from tests.faults.coherence import OLDEST_S, measure_oldest
from tests.faults.stack import Stack


def test_no_worker_shows_alerts_older_than_promised(stack: Stack) -> None:
    sight = measure_oldest(stack, alerts=40, seconds=6.0)
    assert sight.errors == []
    assert len(sight.opened) == len(sight.closed) == 40
    assert len(sight.polls) == 2
    assert sight.oldest_s < OLDEST_S, sight.oldest
