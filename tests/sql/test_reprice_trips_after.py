"""api.reprice_trips_after: taps that arrive late, and the corrections that they cause."""

import itertools

import pytest

from tests.sql.stories import (
    DAY,
    FARE,
    HOUR,
    MINUTE,
    NOON,
    OTHER_TRUNK,
    OTHER_ZONAL,
    PASS_PRICE,
    ROUTE,
    TRUNK,
    ZONAL,
    Tap,
    at,
)

THIRD_ZONAL = 160


def corrections(story, card_id):
    return [amount for kind, amount in story.entries(card_id) if kind == "fare_correction"]


def test_late_tap_before_a_full_fare_makes_it_a_transfer_and_gives_it_back(story):
    card_id = story.make_card(balance=10_000)
    early = story.tap(card_id, TRUNK)
    late = story.tap(card_id, ZONAL, at=NOON - MINUTE)
    assert story.priced(late, early) == [("base", FARE), ("transfer", 0)]
    assert story.trip(early.trip_id).journey_id == late.trip_id
    assert story.entries(card_id)[1:] == [
        ("fare", -FARE), ("fare", -FARE), ("fare_correction", FARE),
    ]  # fmt: skip


def test_answer_to_the_late_tap_shows_the_balance_after_its_corrections(story):
    card_id = story.make_card(balance=10_000)
    story.tap(card_id, TRUNK)
    late = story.tap(card_id, ZONAL, at=NOON - MINUTE)
    assert late.balance == story.trip(late.trip_id).balance == 10_000 - FARE


def test_correction_names_the_trip_and_keeps_what_was_posted(story):
    card_id = story.make_card(balance=10_000)
    early = story.tap(card_id, TRUNK)
    before = story.ask("SELECT * FROM api.list_entries(%s, null, 100)", card_id)
    story.tap(card_id, ZONAL, at=NOON - MINUTE)
    after = story.ask("SELECT * FROM api.list_entries(%s, null, 100)", card_id)
    assert after[2:] == before
    assert (after[0].kind, after[0].reference_id) == ("fare_correction", early.trip_id)
    assert story.trip(early.trip_id).balance == 10_000 - FARE


def test_repriced_trip_without_a_new_fare_gets_a_new_journey_and_no_entry(story):
    card_id = story.make_card(balance=20_000)
    first = story.tap(card_id, ZONAL, at=NOON - 60 * MINUTE)
    last = story.tap(card_id, TRUNK, at=NOON - 20 * MINUTE)
    late = story.tap(card_id, ZONAL, at=NOON - 40 * MINUTE)
    assert story.priced(first, late, last) == [("base", FARE), ("base", FARE), ("transfer", 0)]
    assert story.trip(last.trip_id).journey_id == late.trip_id
    assert corrections(story, card_id) == []


def test_late_transfer_pushes_the_third_one_out_of_the_journey(story):
    card_id = story.make_card(balance=20_000)
    start = NOON - 2 * HOUR
    stations = [ZONAL, OTHER_ZONAL, THIRD_ZONAL]
    trips = [story.tap(card_id, s, at=start + 20 * MINUTE * i) for i, s in enumerate(stations)]
    late = story.tap(card_id, TRUNK, at=start + MINUTE)
    assert story.priced(trips[0], late, *trips[1:]) == [
        ("base", FARE), ("transfer", 0), ("transfer", 0), ("base", FARE),
    ]  # fmt: skip
    assert corrections(story, card_id) == [-FARE]


def test_corrections_are_posted_in_the_time_order_of_their_trips(story):
    card_id = story.make_card(balance=30_000)
    start = NOON - 2 * HOUR
    stations = [ZONAL, OTHER_ZONAL, THIRD_ZONAL, ZONAL]
    # The last arrives first, so that the order of arrival is not the order of time.
    trips = [
        story.tap(card_id, station, at=start + 20 * MINUTE * i)
        for i, station in reversed(list(enumerate(stations)))
    ]
    story.tap(card_id, TRUNK, at=start + MINUTE)
    rows = story.ask("SELECT * FROM api.list_entries(%s, null, 2)", card_id)
    assert [(row.reference_id, row.amount) for row in reversed(rows)] == [
        (trips[1].trip_id, -FARE), (trips[0].trip_id, FARE),
    ]  # fmt: skip


def test_late_free_trip_takes_the_one_that_was_given_to_a_later_trip(story):
    card_id = story.make_card(balance=10_000, profile="senior")
    early = story.tap(card_id)
    late = story.tap(card_id, at=NOON - 5 * HOUR)
    assert story.priced(late, early) == [("subsidy_pass", 0), ("base", FARE)]
    assert corrections(story, card_id) == [-FARE]


def test_late_free_trip_changes_nothing_in_the_next_month(story):
    story.stop_clock(at("2026-12-01 12:00"))
    card_id = story.make_card(balance=10_000, profile="senior")
    december = story.tap(card_id)
    november = story.tap(card_id, at=at("2026-11-30 23:00"))
    assert story.priced(november, december) == [("subsidy_pass", 0), ("subsidy_pass", 0)]
    assert corrections(story, card_id) == []


def test_late_free_trip_is_taken_from_the_last_and_not_from_those_between(story):
    card_id = story.make_card(balance=10_000, profile="senior_c")
    trips = [story.tap(card_id, at=NOON - 3 * HOUR + HOUR * i) for i in range(3)]
    late = story.tap(card_id, at=NOON - 10 * HOUR)
    assert story.priced(late, *trips) == [("subsidy_pass", 0)] * 3 + [("base", FARE)]
    assert corrections(story, card_id) == [-FARE]


def test_correction_that_takes_uses_the_balance_first_and_then_makes_debt(story):
    card_id = story.make_card(balance=1000, profile="senior")
    early = story.tap(card_id)
    story.tap(card_id, at=NOON - 5 * HOUR)
    assert story.priced(early) == [("base", FARE)]
    assert story.money(card_id) == (0, FARE - 1000)


def test_debt_of_a_correction_is_no_credit_trip(story):
    card_id = story.make_card(profile="senior")
    story.tap(card_id, at=NOON - 10 * HOUR)
    story.tap(card_id, at=NOON - 20 * HOUR)
    assert story.money(card_id) == (0, FARE)
    answers = [story.tap(card_id, at=NOON - 2 * HOUR + HOUR * i) for i in range(3)]
    assert [answer.fare_rule for answer in answers] == ["credit", "credit", None]


def test_debt_of_a_correction_leaves_the_credit_trips_of_a_paid_debt_uncounted(story):
    card_id = story.make_card(profile="senior")
    answers = [story.tap(card_id, at=NOON - 20 * HOUR + 5 * HOUR * i) for i in range(3)]
    assert [answer.fare_rule for answer in answers] == ["subsidy_pass", "credit", "credit"]
    story.recharge(card_id, 3 * FARE)
    story.go_to(NOON + DAY)
    story.tap(card_id)
    assert story.money(card_id) == (0, 0)
    story.tap(card_id, at=NOON - 22 * HOUR)
    assert story.money(card_id) == (0, FARE)
    assert [story.tap(card_id).fare_rule for _ in range(3)] == ["credit", "credit", None]


def test_correction_that_gives_repays_debt_first(story):
    card_id = story.make_card(balance=FARE + 1000)
    story.tap(card_id, TRUNK)
    story.tap(card_id, OTHER_ZONAL, at=NOON - 5 * HOUR)
    assert story.money(card_id) == (0, FARE - 1000)
    story.tap(card_id, ZONAL, at=NOON - 5 * HOUR - MINUTE)
    assert story.money(card_id) == (0, FARE - 1000)


def test_debt_cleared_by_a_correction_clears_the_count_of_credit_trips(story):
    card_id = story.make_card(balance=FARE)
    later = story.tap(card_id, TRUNK, at=NOON)
    lent = story.tap(card_id, TRUNK, at=NOON - 5 * HOUR)
    assert (later.fare_rule, lent.fare_rule) == ("base", "credit")
    late = story.tap(card_id, ZONAL, at=NOON - MINUTE)
    assert late.fare_rule == "credit"
    assert story.money(card_id) == (0, FARE)
    assert story.priced(later) == [("transfer", 0)]


def test_credit_trip_that_stays_full_fare_keeps_its_rule(story):
    card_id = story.make_card()
    lent = story.tap(card_id, TRUNK)
    story.load(card_id, 2 * FARE)
    late = story.tap(card_id, TRUNK, at=NOON - MINUTE)
    assert story.priced(late, lent) == [("base", FARE), ("credit", FARE)]


def test_trip_that_becomes_full_fare_shows_base(story):
    card_id = story.make_card(profile="senior")
    free = story.tap(card_id)
    story.tap(card_id, at=NOON - 5 * HOUR)
    assert story.priced(free) == [("base", FARE)]
    assert story.money(card_id) == (0, FARE)


def test_credit_trip_that_became_a_transfer_is_no_credit_trip_any_more(story):
    card_id = story.make_card()
    lent = story.tap(card_id, TRUNK)
    late = story.tap(card_id, ZONAL, at=NOON - MINUTE)
    assert story.priced(late, lent) == [("credit", FARE), ("transfer", 0)]
    assert story.tap(card_id, TRUNK).outcome == "accepted"
    assert story.tap(card_id, TRUNK).outcome == "insufficient_balance"


def test_repriced_trip_keeps_the_tariff_it_was_made_under(story):
    card_id = story.make_card(balance=30_000, profile="senior")
    early = story.tap(card_id)
    story.decree(
        "INSERT INTO transit.tariffs (valid_from, trunk_fare, zonal_fare, cable_fare,"
        " transfer_window, max_transfers, zonal_to_trunk_transfer_fare, other_transfer_fare)"
        " VALUES (%s, 9000, 9000, 9000, '125 min', 2, 0, 0)",
        NOON - HOUR,
    )
    story.tap(card_id, at=NOON - 5 * HOUR)
    assert story.priced(early) == [("base", FARE)]


def test_each_correction_of_a_late_tap_shows_the_balance_after_it(story):
    card_id = story.make_card(balance=10 * FARE)
    for n in range(6):
        story.tap(card_id, (ZONAL, OTHER_ZONAL)[n % 2], at=NOON - MINUTE * (6 - n))
    late = story.tap(card_id, OTHER_ZONAL, at=NOON - HOUR / 2)
    rows = story.ask("SELECT * FROM api.list_entries(%s, null, 4)", card_id)
    assert [(row.amount, row.balance_after) for row in reversed(rows)] == [
        (FARE, 8 * FARE), (-FARE, 7 * FARE), (FARE, 8 * FARE), (-FARE, 7 * FARE),
    ]  # fmt: skip
    assert late.balance == 7 * FARE


# Monthly passes


def test_seventh_trip_of_a_pass_day_falls_through_to_the_next_rule(story):
    card_id = story.make_card_with_pass(balance=PASS_PRICE + 2 * FARE)
    story.decree("UPDATE transit.monthly_passes SET trips = 2")
    story.tap(card_id)
    # Stamped ahead, it uses the first pass up; the second can be bought.
    ahead = story.tap(card_id, at=NOON + 5 * MINUTE)
    story.go_to(NOON + MINUTE)
    assert story.buy_pass(card_id).outcome == "created"
    story.go_to(NOON + 2 * MINUTE)
    on_first_pass = story.tap(card_id)
    story.go_to(NOON + HOUR)
    on_second_pass = [story.tap(card_id) for _ in range(6)]
    assert story.priced(ahead, *on_second_pass) == [("base", FARE)] + [("monthly_pass", 0)] * 6
    # The first pass has room for one of these two only, so the other one joins the six.
    story.tap(card_id, at=NOON + MINUTE / 2)
    assert story.priced(on_first_pass, *on_second_pass) == (
        [("monthly_pass", 0)] * 6 + [("base", FARE)]
    )


def test_late_first_trip_of_a_pass_lets_it_end_earlier(story):
    card_id = story.make_card_with_pass(balance=10_000)
    story.decree("UPDATE transit.monthly_passes SET days = 3")
    story.go_to(NOON + DAY)
    story.tap(card_id)
    story.go_to(NOON + 3 * DAY + HOUR)
    last = story.tap(card_id)
    late = story.tap(card_id, at=NOON + HOUR)
    assert story.priced(late, last) == [("monthly_pass", 0), ("base", FARE)]


def test_late_tap_takes_the_last_trip_of_the_pass(story):
    card_id = story.make_card_with_pass(balance=10_000)
    story.decree("UPDATE transit.monthly_passes SET trips = 2")
    story.go_to(NOON + DAY)
    trips = [story.tap(card_id, at=NOON + DAY - MINUTE * i) for i in (2, 1)]
    late = story.tap(card_id, at=NOON + HOUR)
    assert story.priced(late, *trips) == [
        ("monthly_pass", 0), ("monthly_pass", 0), ("base", FARE),
    ]  # fmt: skip
    assert corrections(story, card_id) == [-FARE]


def test_trip_leaves_its_pass_and_joins_a_journey(story):
    card_id = story.make_card(balance=PASS_PRICE + 20_000)
    paid = story.tap(card_id, ZONAL, at=NOON - 10 * MINUTE)
    story.buy_pass(card_id)
    story.decree("UPDATE transit.monthly_passes SET trips = 1")
    story.go_to(NOON + 10 * MINUTE)
    on_pass = story.tap(card_id, TRUNK)
    late = story.tap(card_id, TRUNK, at=NOON)
    assert (on_pass.fare_rule, late.fare_rule) == ("monthly_pass", "monthly_pass")
    assert story.priced(on_pass) == [("transfer", 0)]
    assert story.trip(on_pass.trip_id).journey_id == paid.trip_id


# Transfers with a price


@pytest.fixture
def before_2024(story):
    """The tariff of 2023, whose transfers to the trunk have a price."""
    story.stop_clock(at("2023-06-01 12:00"))
    return at("2023-06-01 11:00")


def test_trip_that_becomes_a_priced_transfer_is_simply_charged(story, before_2024):
    card_id = story.make_card(balance=2950)
    trunk = story.tap(card_id, TRUNK, at=before_2024)
    late = story.tap(card_id, ZONAL, at=before_2024 - MINUTE)
    assert (late.fare_rule, late.fare) == ("credit", 2750)
    assert story.priced(trunk) == [("transfer", 200)]
    assert story.money(card_id) == (0, 0)


def test_declined_priced_transfer_is_not_offered_again(story, before_2024):
    card_id = story.make_card(balance=2750 + 199)
    story.tap(card_id, ZONAL, at=before_2024)
    declined = story.tap(card_id, TRUNK, at=before_2024 + 20 * MINUTE)
    story.load(card_id, 20_000)
    story.tap(card_id, ZONAL, at=before_2024 + 10 * MINUTE)
    assert story.priced(declined) == [("credit", 2950)]


def test_declined_priced_transfer_takes_a_free_one(story, before_2024):
    card_id = story.make_card(balance=2750 + 199)
    story.tap(card_id, ZONAL, at=before_2024)
    declined = story.tap(card_id, TRUNK, at=before_2024 + 20 * MINUTE)
    story.load(card_id, 20_000)
    cable = story.tap(card_id, 155, at=before_2024 + 10 * MINUTE)
    assert cable.fare == 200
    assert story.priced(declined) == [("transfer", 0)]


# Several cards of one account, order, cost


def test_correction_of_an_old_trip_stands_on_the_newest_card(story):
    card_id = story.make_card(balance=10_000)
    early = story.tap(card_id, TRUNK)
    new_id = story.replace(card_id).card_id
    story.block(new_id)
    story.tap(card_id, ZONAL, at=NOON - MINUTE)
    assert story.priced(early) == [("transfer", 0)]
    assert story.entries(new_id)[1:] == [("fare", -FARE), ("fare_correction", FARE)]


def test_correction_may_lift_the_balance_above_the_ceiling(story):
    card_id = story.make_card(balance=2 * FARE)
    story.tap(card_id, ZONAL, at=NOON - 30 * MINUTE)
    story.tap(card_id, ZONAL)
    story.load(card_id, 500_000)
    assert story.tap(card_id, TRUNK, at=NOON - 15 * MINUTE).balance == 500_000 + FARE


def test_equal_times_are_ordered_without_device_first_then_by_numbers(story):
    card_id = story.make_card(balance=30_000)
    last, third, second, first = story.taps(
        Tap(card_id, OTHER_ZONAL, at=NOON, device=(10, 2)),
        Tap(card_id, TRUNK, at=NOON, device=(9, 10)),
        Tap(card_id, ZONAL, at=NOON, device=(9, 2)),
        Tap(card_id, THIRD_ZONAL, at=NOON),
    )
    assert story.priced(first, second, third, last) == [
        ("base", FARE), ("transfer", 0), ("transfer", 0), ("base", FARE),
    ]  # fmt: skip


DAY_OF_TAPS = [
    (ZONAL, None, 0), (TRUNK, None, 20), (OTHER_ZONAL, ROUTE, 60), (OTHER_ZONAL, ROUTE, 130),
    (OTHER_TRUNK, None, 131),
]  # fmt: skip


@pytest.mark.parametrize("profile", ["adult", "senior"])
def test_any_order_gives_the_same_fares(story, profile):
    outcomes = set()
    for order in itertools.permutations(range(len(DAY_OF_TAPS))):
        card_id = story.make_card(balance=50_000, profile=profile)
        fares = {}
        for i in order:
            station, route, minute = DAY_OF_TAPS[i]
            when = NOON - 6 * HOUR + minute * MINUTE
            fares[i] = story.tap(card_id, station, route=route, at=when, device=(1, i + 1))
        priced = story.priced(*(fares[i] for i in range(len(DAY_OF_TAPS))))
        outcomes.add((tuple(priced), story.money(card_id)))
    assert len(outcomes) == 1
