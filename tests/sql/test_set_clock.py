"""The one clock: api.clock_now, read_clock, set_clock, start_simulated_clock, and service days."""

from datetime import timedelta

import pytest

from tests.sql.stories import DAY, HOUR, NOON, TICK, Story, at


@pytest.fixture
def real(pg):
    """The service runs on real time."""
    return Story(pg)


def start(story, moment):
    with story.as_owner():
        return story.ask_one("SELECT * FROM api.start_simulated_clock(%s)", moment)


def set_clock(story, now, speed):
    with story.as_owner():
        return story.ask("SELECT * FROM api.set_clock(%s, %s)", now, speed)


def now(story):
    return story.ask_one("SELECT api.clock_now() AS now").now


def test_clock_is_real_unless_one_is_simulated(real):
    assert real.ask("SELECT * FROM api.read_clock()") == []
    late_by = real.ask_one("SELECT clock_timestamp() - api.clock_now() AS late_by").late_by
    assert abs(late_by) < timedelta(seconds=1)


def test_real_clock_cannot_be_set(real):
    assert set_clock(real, NOON, 1) == []


def test_clock_that_stands_still_is_the_same_twice(story):
    assert now(story) == now(story) == NOON
    assert story.ask("SELECT * FROM api.read_clock()") == [(NOON, 0.0)]


def test_clock_moves_forward(story):
    (answer,) = set_clock(story, NOON + DAY, None)
    assert answer == ("accepted", None, NOON + DAY, 0.0)
    assert now(story) == NOON + DAY


def test_clock_may_be_set_to_what_it_is(story):
    assert set_clock(story, NOON, None)[0].outcome == "accepted"


def test_clock_does_not_move_back_validation_error(story):
    (answer,) = set_clock(story, NOON - TICK, 5)
    assert (answer.outcome, answer.now, answer.speed) == ("validation_error", NOON, 0.0)
    assert "2026-11-20T17:00:00.000000Z" in answer.detail


def test_speed_changes_and_the_time_goes_on_from_where_it_was(story):
    (answer,) = set_clock(story, None, 100_000)
    assert NOON <= answer.now < NOON + DAY
    later = now(story)
    assert later > NOON
    (stopped,) = set_clock(story, None, 0)
    assert stopped.now >= later
    assert now(story) == stopped.now


def test_simulated_clock_starts_where_it_is_told(real):
    answer = start(real, NOON)
    assert answer.speed == 1
    assert NOON <= answer.now < NOON + HOUR


def test_simulated_clock_that_runs_is_kept(story):
    assert start(story, NOON + DAY) == (NOON, 0.0)
    assert start(story, NOON - DAY) == (NOON, 0.0)


@pytest.mark.parametrize("folded", [False, True])
def test_simulated_clock_starts_after_the_trips_that_are_there(story, folded):
    story.tap(story.make_card(), at=at("2026-11-19 23:30"))
    if folded:
        story.fold()
    story.decree("DELETE FROM transit.clock")
    assert start(story, at("2026-01-01 00:00")).now >= at("2026-11-20 00:00")


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        ("2026-11-20 00:00", "2026-11-20"),
        ("2026-11-20 23:59:59.999999", "2026-11-20"),
        ("2026-11-21 00:00", "2026-11-21"),
    ],
)
def test_service_day_is_that_of_bogota(story, moment, day):
    row = story.ask_one(
        "SELECT api.service_day(%s)::text AS day, api.start_of_day(api.service_day(%s)) AS start",
        at(moment), at(moment),
    )  # fmt: skip
    assert (row.day, row.start) == (day, at(f"{day} 00:00"))
