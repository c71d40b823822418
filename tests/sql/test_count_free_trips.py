"""api.count_free_trips, rule 6: the free trips of a profile in a calendar month of Bogotá."""

import pytest

from tests.sql.stories import DAY, FARE, HOUR, NOON, OTHER_ZONAL, TICK, TRUNK, ZONAL, at

FREE_TRIPS = {
    "adult": 0, "minor": 0, "senior_a": 8, "senior_b": 6, "senior_c": 3, "senior": 1,
    "disability_a": 12, "disability_b": 11, "disability_c": 8, "disability": 1,
    "low_income_a": 7, "low_income_b": 5,
}  # fmt: skip


def rules(answers):
    return [answer.fare_rule for answer in answers]


@pytest.mark.parametrize(("profile", "free"), FREE_TRIPS.items())
def test_profile_has_its_free_trips_and_then_pays(story, profile, free):
    card_id = story.make_card(balance=FARE, profile=profile)
    answers = [story.tap(card_id) for _ in range(free + 1)]
    assert rules(answers) == ["subsidy_pass"] * free + ["base"]
    assert [answer.fare for answer in answers] == [0] * free + [FARE]


def test_free_trip_starts_a_journey_with_transfers(story):
    card_id = story.make_card(profile="senior")
    free, transfer = story.tap(card_id, ZONAL), story.tap(card_id, TRUNK)
    assert (free.fare_rule, free.journey_id) == ("subsidy_pass", free.trip_id)
    assert (transfer.fare_rule, transfer.journey_id) == ("transfer", free.trip_id)


def test_transfer_does_not_use_a_free_trip(story):
    card_id = story.make_card(profile="senior_c")
    answers = [story.tap(card_id, station) for station in (ZONAL, OTHER_ZONAL, OTHER_ZONAL)]
    assert rules(answers) == ["subsidy_pass", "transfer", "subsidy_pass"]


def test_month_begins_at_midnight_in_bogota(story):
    story.stop_clock(at("2026-12-01 12:00"))
    card_id = story.make_card(balance=10_000, profile="senior")
    midnight = at("2026-12-01 00:00")
    # In Greenwich all of these lie in December.
    moments = [midnight - HOUR, midnight - TICK, midnight, midnight + TICK]
    answers = [story.tap(card_id, at=moment) for moment in moments]
    assert rules(answers) == ["subsidy_pass", "base", "subsidy_pass", "base"]


def test_free_trips_are_those_in_force_at_the_tap(story):
    story.decree(
        "INSERT INTO transit.profiles VALUES ('senior', %s, 'Adulto mayor', true, 2)", NOON
    )
    card_id = story.make_card(balance=10_000, profile="senior")
    moments = [NOON - DAY, NOON - TICK, NOON, NOON + TICK]
    answers = [story.tap(card_id, at=moment) for moment in moments]
    assert rules(answers) == ["subsidy_pass", "base", "subsidy_pass", "base"]


def test_used_free_trips_move_to_the_replacement(story):
    card_id = story.make_card(balance=FARE, profile="senior")
    story.tap(card_id)
    assert story.tap(story.replace(card_id).card_id).fare_rule == "base"
