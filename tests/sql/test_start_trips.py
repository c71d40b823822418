"""api.start_trips: who may ride, when, and what the full fare is paid from."""

from datetime import timedelta

import pytest

from tests.sql.stories import (
    CABLE,
    DAY,
    FARE,
    HOUR,
    MINUTE,
    NOON,
    NOWHERE,
    OTHER_TRUNK,
    OTHER_ZONAL,
    PASS_PRICE,
    ROUTE,
    TICK,
    TRUNK,
    ZONAL,
    Tap,
    at,
)


def test_accepted_tap_answers_the_trip_it_started(story):
    user_id = story.make_user()
    card_id = story.make_card(balance=10_000, user_id=user_id)
    answer = story.tap(card_id, TRUNK, route=ROUTE, at=NOON - HOUR)
    assert answer.trip_id == answer.journey_id > 0
    assert answer[1:] == (
        "accepted", None, None, False, answer.trip_id, card_id, user_id, TRUNK, None, ROUTE,
        NOON - HOUR, None, "in_progress", FARE, "base", answer.trip_id, 10_000 - FARE,
    )  # fmt: skip
    shown = story.trip(answer.trip_id)
    assert shown == answer[5:]


def test_trip_carries_the_slot_of_its_card(story):
    card_id = story.make_card(balance=FARE)
    assert story.tap(card_id).trip_id & 4095 == card_id & 4095


def test_tap_without_a_time_is_made_on_arrival(story):
    assert story.tap(story.make_card(balance=FARE)).started_at == NOON


def test_fare_stands_in_the_ledger(story):
    card_id = story.make_card(balance=10_000)
    story.tap(card_id)
    assert story.entries(card_id) == [("recharge", 10_000), ("fare", -FARE)]


@pytest.mark.parametrize(
    ("moment", "station", "fare"),
    [
        ("2023-01-10 00:00", TRUNK, 2950),
        ("2024-02-12 23:59:59.999999", ZONAL, 2750),
        ("2024-02-12 23:59:59.999999", CABLE, 2950),
        ("2024-02-13 00:00", ZONAL, 2950),
        ("2025-01-17 23:59:59.999999", TRUNK, 2950),
        ("2025-01-18 00:00", CABLE, 3200),
        ("2026-01-13 23:59:59.999999", TRUNK, 3200),
        ("2026-01-14 00:00", TRUNK, 3550),
    ],
)
def test_tap_is_priced_by_the_tariff_in_force_at_its_own_time(story, moment, station, fare):
    story.stop_clock(at(moment) + 3 * DAY)
    assert story.tap(story.make_card(balance=10_000), station, at=at(moment)).fare == fare


def test_new_decree_prices_taps_from_its_midnight_on(story):
    midnight = at("2026-11-20 00:00")
    story.decree(
        "INSERT INTO transit.tariffs (valid_from, trunk_fare, zonal_fare, cable_fare,"
        " transfer_window, max_transfers, zonal_to_trunk_transfer_fare, other_transfer_fare)"
        " VALUES (%s, 4000, 4000, 4000, '125 min', 2, 0, 0)",
        midnight,
    )
    card_id = story.make_card(balance=10_000)
    assert story.tap(card_id, at=midnight - TICK).fare == FARE
    assert story.tap(card_id, at=midnight).fare == 4000


# What is named and does not exist


def test_tap_of_an_unknown_card_is_refused_card_not_found(story):
    answer = story.tap(NOWHERE, NOWHERE, key="k")
    assert (answer.outcome, answer.trip_id, answer.fare, answer.balance, answer.replayed) == (
        "card_not_found", None, None, None, False,
    )  # fmt: skip


def test_tap_at_an_unknown_station_is_refused_station_not_found(story):
    answer = story.tap(story.make_card(balance=4000), NOWHERE, route=NOWHERE)
    assert (answer.outcome, answer.trip_id, answer.balance) == ("station_not_found", None, 4000)


def test_tap_on_an_unknown_route_is_refused_route_not_found(story):
    answer = story.tap(story.make_card(balance=4000), route=NOWHERE, at=NOON + HOUR)
    assert (answer.outcome, answer.trip_id, answer.balance) == ("route_not_found", None, 4000)


# Time


def test_tap_five_minutes_ahead_is_accepted(story):
    assert story.tap(story.make_card(FARE), at=NOON + 5 * MINUTE).outcome == "accepted"


def test_tap_further_ahead_is_refused_tap_in_future(story):
    answer = story.tap(story.make_card(FARE), at=NOON + 5 * MINUTE + TICK)
    assert (answer.outcome, answer.fare, answer.balance) == ("tap_in_future", None, FARE)
    assert "2026-11-20T17:05:00.000001Z" in answer.detail


def test_tap_seven_days_late_is_accepted(story):
    assert story.tap(story.make_card(FARE), at=NOON - 7 * DAY).outcome == "accepted"


def test_older_tap_is_refused_tap_too_old(story):
    answer = story.tap(story.make_card(FARE), at=NOON - 7 * DAY - TICK)
    assert (answer.outcome, answer.fare, answer.balance) == ("tap_too_old", None, FARE)


# Status at the time of the tap


def test_tap_of_a_blocked_card_is_refused_card_not_active(story):
    card_id = story.make_card(balance=FARE)
    story.block(card_id)
    answer = story.tap(card_id)
    assert (answer.outcome, answer.balance) == ("card_not_active", FARE)
    assert "blocked since 2026-11-20T17:00:00.000000Z" in answer.detail


def test_block_counts_from_its_moment_up_to_the_unblock_card_not_active(story):
    card_id = story.make_card(balance=20_000)
    story.block(card_id)
    story.go_to(NOON + HOUR)
    story.unblock(card_id)
    moments = [NOON - TICK, NOON, NOON + HOUR - TICK, NOON + HOUR]
    assert [story.tap(card_id, at=moment).outcome for moment in moments] == [
        "accepted", "card_not_active", "card_not_active", "accepted",
    ]  # fmt: skip


def test_tap_before_the_block_is_accepted_while_the_card_is_blocked(story):
    card_id = story.make_card(balance=FARE)
    story.block(card_id)
    story.go_to(NOON + DAY)
    assert story.tap(card_id, at=NOON - MINUTE).outcome == "accepted"


def test_tap_before_the_issue_of_its_card_is_accepted(story):
    assert story.tap(story.make_card(balance=FARE), at=NOON - DAY).outcome == "accepted"


def test_tap_before_the_replacement_charges_the_account_and_shows_the_old_card(story):
    card_id = story.make_card(balance=10_000)
    new_id = story.replace(card_id).card_id
    answer = story.tap(card_id, at=NOON - MINUTE)
    assert (answer.outcome, answer.card_id, answer.balance) == ("accepted", card_id, 10_000 - FARE)
    assert story.entries(new_id) == [("replacement", 10_000), ("fare", -FARE)]
    assert story.money(card_id) == (0, 0)


def test_tap_of_a_replaced_card_is_refused_card_not_active(story):
    card_id = story.make_card(balance=10_000)
    story.replace(card_id)
    answer = story.tap(card_id)
    assert (answer.outcome, answer.balance) == ("card_not_active", 10_000)


# The full fare


def test_balance_of_exactly_the_fare_pays_it(story):
    answer = story.tap(story.make_anonymous_card(balance=FARE))
    assert (answer.fare_rule, answer.fare, answer.balance) == ("base", FARE, 0)


def test_anonymous_card_one_peso_short_is_refused_insufficient_balance(story):
    card_id = story.make_anonymous_card(balance=FARE - 1)
    answer = story.tap(card_id)
    assert (answer.outcome, answer.trip_id, answer.balance) == (
        "insufficient_balance", None, FARE - 1,
    )  # fmt: skip
    assert "recharge at least 1." in answer.detail
    assert story.entries(card_id) == [("recharge", FARE - 1)]


def test_anonymous_card_pays_every_time(story):
    card_id = story.make_anonymous_card(balance=10_000)
    rules = [story.tap(card_id, station).fare_rule for station in (ZONAL, TRUNK)]
    assert rules == ["base", "base"]


# Credit


def test_credit_takes_the_balance_first_and_lends_the_rest(story):
    card_id = story.make_card(balance=1000)
    answer = story.tap(card_id)
    assert (answer.fare_rule, answer.fare, answer.balance) == ("credit", FARE, 0)
    assert story.money(card_id) == (0, FARE - 1000)


def test_third_credit_trip_is_refused_insufficient_balance(story):
    card_id = story.make_card()
    answers = [story.tap(card_id, at=NOON - 3 * HOUR + HOUR * i) for i in range(3)]
    assert [answer.outcome for answer in answers] == ["accepted"] * 2 + ["insufficient_balance"]
    assert f"with a debt of {2 * FARE}" in answers[2].detail
    assert f"recharge at least {3 * FARE}" in answers[2].detail
    assert story.money(card_id) == (0, 2 * FARE)


def test_second_credit_trip_is_the_last_even_after_a_part_is_repaid_insufficient_balance(story):
    card_id = story.make_card()
    for _ in range(2):
        story.tap(card_id)
    story.recharge(card_id, 2 * FARE - 1)
    assert story.tap(card_id).outcome == "insufficient_balance"


def test_credit_comes_back_in_full_when_the_debt_was_cleared(story):
    card_id = story.make_card_in_debt()
    story.recharge(card_id, 3 * FARE)
    story.go_to(NOON + DAY)
    answers = [story.tap(card_id) for _ in range(5)]
    assert [answer.fare_rule for answer in answers] == ["base", "base", "credit", "credit", None]


# Many at once


def test_taps_of_one_call_are_decided_in_the_order_of_the_arrays(story):
    card_id, other_id = story.make_card(balance=2 * FARE), story.make_anonymous_card(balance=FARE)
    answers = story.taps(
        Tap(card_id, TRUNK), Tap(other_id), Tap(NOWHERE), Tap(card_id, OTHER_TRUNK), Tap(other_id)
    )
    assert [(answer.outcome, answer.balance) for answer in answers] == [
        ("accepted", FARE), ("accepted", 0), ("card_not_found", None), ("accepted", 0),
        ("insufficient_balance", 0),
    ]  # fmt: skip


def test_call_without_taps_answers_nothing(story):
    assert story.taps() == []


@pytest.mark.parametrize(
    ("hours", "status"), [(4, "in_progress"), (4 + 1e-6 / 3600, "expired"), (7 * 24, "expired")]
)
def test_trip_is_answered_expired_when_it_arrives_after_its_four_hours(story, hours, status):
    moment = NOON - timedelta(hours=hours)
    assert story.tap(story.make_card(FARE), at=moment).status == status


def test_pass_and_journey_of_another_card_do_not_matter(story):
    story.tap(story.make_card(balance=FARE), ZONAL)
    assert story.tap(story.make_card(balance=FARE), OTHER_ZONAL).fare_rule == "base"


FIRST_TARIFF = at("2023-01-10 00:00")


def test_tap_before_the_first_tariff_is_refused_alone_in_words_no_tariff(story):
    story.stop_clock(FIRST_TARIFF + HOUR)
    card_id = story.make_card(balance=50_000)
    early, late = story.taps(
        Tap(card_id, at=FIRST_TARIFF - TICK, device=(1, 1)),
        Tap(card_id, at=FIRST_TARIFF, device=(1, 2)),
    )
    assert (early.outcome, early.fare, early.balance) == ("no_tariff", None, 50_000)
    assert early.detail == (
        "No tariff was in force at 2023-01-10T04:59:59.999999Z, when the tap is stamped;"
        " the first began at 2023-01-10T05:00:00.000000Z."
    )
    assert early.facts == {
        "stamped_at": "2023-01-10T04:59:59.999999Z", "first_at": "2023-01-10T05:00:00.000000Z",
    }  # fmt: skip
    assert (late.outcome, late.fare) == ("accepted", 2950)
    again = story.tap(card_id, at=FIRST_TARIFF - TICK, device=(1, 1))
    assert (again.outcome, again.replayed, again.detail) == ("no_tariff", True, early.detail)
    assert again.facts == early.facts
    assert story.offences() == []


def test_pass_before_the_first_is_on_sale_is_refused_no_tariff(story):
    story.stop_clock(FIRST_TARIFF)
    card_id = story.make_card(PASS_PRICE)
    story.stop_clock(FIRST_TARIFF - HOUR)
    answer = story.buy_pass(card_id)
    assert answer.outcome == "no_tariff"
    assert answer.detail == "No monthly pass is on sale yet at 2023-01-10T04:00:00.000000Z."
    assert answer.facts == {"stamped_at": "2023-01-10T04:00:00.000000Z"}
    assert story.money(card_id) == (PASS_PRICE, 0)
