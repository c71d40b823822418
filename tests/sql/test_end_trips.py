"""api.end_trips: ending a trip moves no money (api.refuse_end, api.trip_status, api.read_trip)."""

import pytest

from tests.sql.stories import (
    DAY,
    FARE,
    HOUR,
    MINUTE,
    NOON,
    NOWHERE,
    OTHER_TRUNK,
    TICK,
    TRUNK,
    ZONAL,
)


@pytest.fixture
def trip(story):
    """A trip that started at noon."""
    return story.tap(story.make_card(balance=FARE))


def test_ended_trip_is_completed_and_costs_the_same(story, trip):
    answer = story.end(trip.trip_id, OTHER_TRUNK, NOON + TICK)
    assert (answer.outcome, answer.status, answer.end_station_id, answer.ended_at) == (
        "accepted", "completed", OTHER_TRUNK, NOON + TICK,
    )  # fmt: skip
    assert (answer.fare, answer.balance) == (FARE, 0)
    assert story.trip(trip.trip_id) == answer[4:]
    assert len(story.entries(trip.card_id)) == 2


def test_trip_ends_now_when_no_time_is_given(story, trip):
    story.go_to(NOON + HOUR)
    assert story.end(trip.trip_id).ended_at == NOON + HOUR


def test_trip_may_end_where_and_when_it_began(story, trip):
    assert story.end(trip.trip_id, TRUNK, NOON).outcome == "accepted"


def test_trip_may_end_four_hours_after_its_start_even_when_it_is_told_later(story, trip):
    story.go_to(NOON + 3 * DAY)
    assert story.end(trip.trip_id, at=NOON + 4 * HOUR).status == "completed"


def test_end_after_four_hours_is_refused_trip_expired(story, trip):
    story.go_to(NOON + 5 * HOUR)
    answer = story.end(trip.trip_id, at=NOON + 4 * HOUR + TICK)
    assert (answer.outcome, answer.status, answer.ended_at) == ("trip_expired", "expired", None)


def test_end_before_the_start_is_refused_trip_ends_before_start(story, trip):
    answer = story.end(trip.trip_id, at=NOON - TICK)
    assert (answer.outcome, answer.status) == ("trip_ends_before_start", "in_progress")


def test_end_five_minutes_ahead_is_accepted(story, trip):
    assert story.end(trip.trip_id, at=NOON + 5 * MINUTE).outcome == "accepted"


def test_end_further_ahead_is_refused_tap_in_future(story, trip):
    assert story.end(trip.trip_id, at=NOON + 5 * MINUTE + TICK).outcome == "tap_in_future"


def test_trip_ends_once_trip_already_ended(story, trip):
    story.end(trip.trip_id, OTHER_TRUNK)
    answer = story.end(trip.trip_id, ZONAL)
    assert (answer.outcome, answer.end_station_id) == ("trip_already_ended", OTHER_TRUNK)


def test_end_of_an_unknown_trip_is_refused_trip_not_found(story):
    answer = story.end(NOWHERE, NOWHERE)
    assert (answer.outcome, answer.trip_id) == ("trip_not_found", None)


def test_end_at_an_unknown_station_is_refused_station_not_found(story, trip):
    answer = story.end(trip.trip_id, NOWHERE)
    assert (answer.outcome, answer.status) == ("station_not_found", "in_progress")


def test_trip_in_progress_expires_after_four_hours(story, trip):
    story.go_to(NOON + 4 * HOUR)
    assert story.trip(trip.trip_id).status == "in_progress"
    story.go_to(NOON + 4 * HOUR + TICK)
    assert story.trip(trip.trip_id).status == "expired"


def test_end_changes_nothing_for_the_next_tap(story):
    card_id = story.make_card(balance=FARE)
    story.end(story.tap(card_id, ZONAL).trip_id)
    assert story.tap(card_id, TRUNK).fare_rule == "transfer"


def test_no_trip_is_read_where_there_is_none(story):
    assert story.ask("SELECT * FROM api.read_trip(%s)", NOWHERE) == []


def test_ends_of_one_call_are_answered_each_for_itself_in_their_order(story, trip):
    other = story.tap(story.make_card(balance=FARE), ZONAL)
    answers = story.ends(
        (other.trip_id, TRUNK, NOON + TICK),
        (NOWHERE, TRUNK, None),
        (trip.trip_id, NOWHERE, None),
        (trip.trip_id, OTHER_TRUNK, NOON - TICK),
        (trip.trip_id, OTHER_TRUNK, NOON),
    )
    assert [(answer.outcome, answer.trip_id) for answer in answers] == [
        ("accepted", other.trip_id),
        ("trip_not_found", None),
        ("station_not_found", trip.trip_id),
        ("trip_ends_before_start", trip.trip_id),
        ("accepted", trip.trip_id),
    ]
    ended = [story.trip(answer.trip_id) for answer in (other, trip)]
    assert [(row.end_station_id, row.ended_at) for row in ended] == [
        (TRUNK, NOON + TICK), (OTHER_TRUNK, NOON),
    ]  # fmt: skip


def test_trip_ends_once_in_one_call_trip_already_ended(story, trip):
    first, second = story.ends(
        (trip.trip_id, OTHER_TRUNK, NOON), (trip.trip_id, ZONAL, NOON + TICK)
    )
    assert (first.outcome, second.outcome) == ("accepted", "trip_already_ended")
    assert second.detail == "The trip ended at 2026-11-20T17:00:00.000000Z."
    assert [row.end_station_id for row in (first, second)] == [OTHER_TRUNK] * 2


def test_end_of_the_release_before_is_the_same(story, trip):
    answer = story.ask_one("SELECT * FROM api.end_trip(%s, %s, NULL)", trip.trip_id, OTHER_TRUNK)
    assert (answer.outcome, answer.ended_at) == ("accepted", NOON)
    assert answer[3:] == story.trip(trip.trip_id)
