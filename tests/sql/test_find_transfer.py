"""api.find_transfer, rule 5: which tap continues a journey, and for how much."""

import pytest

from tests.sql.stories import (
    CABLE,
    DAY,
    FARE,
    MINUTE,
    NOON,
    OTHER_CABLE,
    OTHER_ROUTE,
    OTHER_TRUNK,
    OTHER_ZONAL,
    ROUTE,
    TICK,
    TRUNK,
    ZONAL,
    at,
)

THIRD_ZONAL = 160
WINDOW = 125 * MINUTE


def ride(story, *stations, card_id=None, every=MINUTE, start=NOON - 5 * 60 * MINUTE):
    """Taps of one card at these stations; their answers."""
    card_id = card_id or story.make_card(balance=50_000)
    return [story.tap(card_id, station, at=start + every * i) for i, station in enumerate(stations)]


def rules(answers):
    return [answer.fare_rule for answer in answers]


def test_transfer_is_free_and_belongs_to_the_journey_that_paid(story):
    paid, transfer = ride(story, ZONAL, TRUNK)
    assert (transfer.fare_rule, transfer.fare, transfer.journey_id, transfer.balance) == (
        "transfer", 0, paid.trip_id, 50_000 - FARE,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("first", "second", "rule"),
    [
        (ZONAL, OTHER_ZONAL, "transfer"),
        (ZONAL, TRUNK, "transfer"),
        (TRUNK, ZONAL, "transfer"),
        (TRUNK, CABLE, "transfer"),
        (CABLE, TRUNK, "transfer"),
        (CABLE, OTHER_CABLE, "transfer"),
        (TRUNK, OTHER_TRUNK, "base"),
        (1, TRUNK, "base"),
        (ZONAL, ZONAL, "base"),
        (CABLE, CABLE, "base"),
    ],
)
def test_transfer_needs_another_station_and_not_trunk_to_trunk(story, first, second, rule):
    assert rules(ride(story, first, second)) == ["base", rule]


@pytest.mark.parametrize(
    ("first", "second", "rule"),
    [(ROUTE, OTHER_ROUTE, "transfer"), (ROUTE, ROUTE, "base"), (ROUTE, None, "transfer"),
     (None, ROUTE, "transfer"), (None, None, "transfer")],
)  # fmt: skip
def test_transfer_needs_another_route_where_both_taps_name_one(story, first, second, rule):
    card_id = story.make_card(balance=50_000)
    story.tap(card_id, ZONAL, route=first)
    assert story.tap(card_id, OTHER_ZONAL, route=second).fare_rule == rule


@pytest.mark.parametrize(
    ("gap", "rule"), [(0 * MINUTE, "transfer"), (WINDOW - TICK, "transfer"), (WINDOW, "base")]
)
def test_transfer_lies_within_the_window_of_the_paying_trip(story, gap, rule):
    assert rules(ride(story, ZONAL, TRUNK, every=gap)) == ["base", rule]


def test_window_counts_from_the_paying_trip_and_not_from_the_transfer(story):
    assert rules(ride(story, ZONAL, TRUNK, OTHER_ZONAL, every=100 * MINUTE)) == [
        "base", "transfer", "base",
    ]  # fmt: skip


def test_third_transfer_pays(story):
    answers = ride(story, ZONAL, OTHER_ZONAL, THIRD_ZONAL, ZONAL, OTHER_ZONAL)
    assert rules(answers) == ["base", "transfer", "transfer", "base", "transfer"]
    assert answers[4].journey_id == answers[3].trip_id


def test_trip_that_pays_closes_the_journey_before(story):
    answers = ride(story, ZONAL, ZONAL, OTHER_ZONAL)
    assert rules(answers) == ["base", "base", "transfer"]
    assert answers[2].journey_id == answers[1].trip_id


def test_last_trip_of_the_journey_decides_and_not_the_first(story):
    assert rules(ride(story, TRUNK, ZONAL, OTHER_TRUNK)) == ["base", "transfer", "transfer"]


def test_transfer_needs_no_balance(story):
    assert rules(ride(story, ZONAL, TRUNK, card_id=story.make_card(balance=FARE))) == [
        "base", "transfer",
    ]  # fmt: skip


def test_journey_paid_on_credit_has_transfers(story):
    assert rules(ride(story, ZONAL, TRUNK, card_id=story.make_card())) == ["credit", "transfer"]


def test_journey_moves_to_the_replacement(story):
    card_id = story.make_card(balance=FARE)
    paid = story.tap(card_id, ZONAL)
    transfer = story.tap(story.replace(card_id).card_id, TRUNK)
    assert (transfer.fare_rule, transfer.journey_id) == ("transfer", paid.trip_id)


# The tariff in force at the tap


def test_window_is_the_one_in_force_at_the_transfer(story):
    story.stop_clock(at("2025-01-18 12:00"))
    card_id = story.make_card(balance=50_000)
    paid_at = at("2025-01-17 23:00")
    story.tap(card_id, ZONAL, at=paid_at)
    assert story.tap(card_id, TRUNK, at=paid_at + 124 * MINUTE).fare_rule == "transfer"


@pytest.fixture
def before_2024(story):
    """The tariff of 2023, whose transfers to the trunk and the cable have a price; 110 minutes."""
    story.stop_clock(at("2023-06-01 12:00"))
    return at("2023-06-01 08:00")


@pytest.mark.parametrize(
    ("first", "second", "fare"),
    [(ZONAL, TRUNK, 200), (ZONAL, CABLE, 200), (TRUNK, ZONAL, 0), (ZONAL, OTHER_ZONAL, 0),
     (CABLE, TRUNK, 0), (TRUNK, CABLE, 0)],
)  # fmt: skip
def test_transfer_costs_what_its_direction_costs(story, before_2024, first, second, fare):
    _, transfer = ride(story, first, second, start=before_2024)
    assert (transfer.fare_rule, transfer.fare) == ("transfer", fare)


def test_window_of_that_tariff_ends_after_110_minutes(story, before_2024):
    card_id = story.make_card(balance=50_000)
    moments = [before_2024, before_2024 + 110 * MINUTE - TICK, before_2024 + 110 * MINUTE]
    answers = [
        story.tap(card_id, place, at=when)
        for place, when in zip([ZONAL, TRUNK, OTHER_ZONAL], moments, strict=True)
    ]
    assert rules(answers) == ["base", "transfer", "base"]


def test_balance_of_exactly_the_transfer_fare_pays_it(story, before_2024):
    card_id = story.make_card(balance=2950)
    _, transfer = ride(story, ZONAL, TRUNK, card_id=card_id, start=before_2024)
    assert (transfer.fare_rule, transfer.fare, transfer.balance) == ("transfer", 200, 0)


def test_priced_transfer_that_the_balance_does_not_cover_goes_on_to_the_full_fare(
    story, before_2024
):
    card_id = story.make_card(balance=2949)
    _, second = ride(story, ZONAL, TRUNK, card_id=card_id, start=before_2024)
    assert (second.fare_rule, second.fare, second.journey_id) == ("credit", 2950, second.trip_id)
    assert story.money(card_id) == (0, 2950 - 199)


def test_priced_transfer_that_the_balance_does_not_cover_takes_a_free_trip(story, before_2024):
    card_id = story.make_card(profile="senior_c")
    answers = ride(story, ZONAL, TRUNK, card_id=card_id, start=before_2024)
    assert rules(answers) == ["subsidy_pass", "subsidy_pass"]


def test_transfer_over_midnight_and_month_end(story):
    story.stop_clock(at("2026-12-01 12:00"))
    start = at("2026-11-30 23:30")
    assert rules(ride(story, ZONAL, TRUNK, start=start, every=60 * MINUTE)) == ["base", "transfer"]


def test_journey_of_a_week_ago_is_over(story):
    assert rules(ride(story, ZONAL, TRUNK, start=NOON - 7 * DAY, every=7 * DAY)) == ["base", "base"]
