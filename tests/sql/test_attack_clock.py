"""Attacks on the simulated clock: it must not begin before what already happened."""

from tests.sql.stories import NOON, at


def test_simulated_clock_begins_after_trips_that_are_not_folded_yet(story):
    story.stop_clock(at("2026-11-20 22:00"))
    assert story.tap(story.make_anonymous_card(10_000)).outcome == "accepted"
    for fold in (lambda: 0, story.fold):
        fold()
        story.decree("DELETE FROM transit.clock")
        with story.as_owner():
            started = story.ask_one("SELECT * FROM api.start_simulated_clock(%s)", NOON)
        assert started.now >= at("2026-11-21 00:00")
