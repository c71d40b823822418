"""api.rest_credit: credit rests after a recharge that clears a debt, and returns."""

import pytest

from tests.sql.stories import DAY, FARE, HOUR, NOON, OTHER_ZONAL, TICK, TRUNK, ZONAL, at

NEXT_DAY = at("2026-11-21 00:00")


@pytest.fixture
def debtor(story):
    """A card in debt of 3,550, on Friday noon."""
    return story.make_card_in_debt()


def drain(story, card_id):
    """Ride until the balance is gone."""
    while story.money(card_id)[0] >= FARE:
        story.tap(card_id, TRUNK)


def test_credit_rests_on_the_day_of_the_clearing_recharge_insufficient_balance(story, debtor):
    story.recharge(debtor, 2 * FARE)
    drain(story, debtor)
    story.go_to(NEXT_DAY - TICK)
    assert story.tap(debtor).outcome == "insufficient_balance"


def test_credit_returns_on_the_next_service_day(story, debtor):
    story.recharge(debtor, 2 * FARE)
    drain(story, debtor)
    story.go_to(NEXT_DAY)
    assert story.tap(debtor).fare_rule == "credit"


def test_credit_rests_on_until_a_fare_is_loaded_insufficient_balance(story, debtor):
    story.recharge(debtor, 2 * FARE - 1)
    story.go_to(NEXT_DAY + 3 * DAY)
    assert story.tap(debtor).outcome == "insufficient_balance"


def test_recharge_that_leaves_one_fare_later_ends_the_rest_on_its_next_day(story, debtor):
    story.recharge(debtor, FARE + 50)
    story.go_to(NOON + 3 * DAY)
    story.recharge(debtor, FARE - 50)
    drain(story, debtor)
    assert story.tap(debtor).outcome == "insufficient_balance"
    story.go_to(NEXT_DAY + 3 * DAY)
    assert story.tap(debtor).fare_rule == "credit"


def test_part_of_the_debt_repaid_makes_nothing_rest(story, debtor):
    story.recharge(debtor, FARE - 1)
    assert story.tap(debtor).fare_rule == "credit"


def test_recharge_without_a_debt_makes_nothing_rest(story):
    card_id = story.make_card(balance=FARE - 1)
    assert story.tap(card_id).fare_rule == "credit"


def test_debt_cleared_by_a_correction_makes_nothing_rest_and_counts_no_credit_trip(story):
    card_id = story.make_card(balance=2 * FARE)
    story.tap(card_id, TRUNK, at=NOON - 8 * HOUR)
    story.tap(card_id, ZONAL, at=NOON - 5 * HOUR)
    assert story.tap(card_id, ZONAL, at=NOON - 4 * HOUR).fare_rule == "credit"
    story.tap(card_id, OTHER_ZONAL, at=NOON - 4.5 * HOUR)
    assert story.money(card_id) == (0, 0)
    assert [story.tap(card_id).fare_rule for _ in range(3)] == ["credit", "credit", None]


def test_rest_goes_by_arrival_and_not_by_the_time_of_the_tap(story, debtor):
    story.recharge(debtor, 2 * FARE)
    drain(story, debtor)
    story.go_to(NEXT_DAY)
    assert story.tap(debtor, at=NEXT_DAY - HOUR).fare_rule == "credit"


def test_rest_moves_to_the_replacement_insufficient_balance(story, debtor):
    story.recharge(debtor, FARE + 50)
    assert story.tap(story.replace(debtor).card_id).outcome == "insufficient_balance"


def test_second_clearing_recharge_makes_credit_rest_again_insufficient_balance(story, debtor):
    story.recharge(debtor, 2 * FARE)
    drain(story, debtor)
    story.go_to(NOON + DAY)
    story.tap(debtor)
    story.recharge(debtor, 2 * FARE)
    drain(story, debtor)
    assert story.tap(debtor).outcome == "insufficient_balance"
