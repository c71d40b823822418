"""api.buy_monthly_passes and api.read_monthly_pass: a pass is sold, and what is left of it."""

import pytest

from tests.sql.stories import DAY, FARE, NOON, NOWHERE, PASS_PRICE, TICK


def read_pass(story, card_id):
    return story.ask_one("SELECT * FROM api.read_monthly_pass(%s)", card_id)


def test_pass_is_paid_from_the_balance(story):
    card_id = story.make_card(balance=PASS_PRICE + 500)
    answer = story.buy_pass(card_id)
    assert answer[1:] == (
        "created", None, None, False, answer.pass_id, card_id, PASS_PRICE, 65, None, 500,
    )  # fmt: skip
    assert story.entries(card_id)[-1] == ("monthly_pass", -PASS_PRICE)
    assert answer.pass_id & 4095 == card_id & 4095


def test_balance_of_exactly_the_price_buys_it(story):
    assert story.buy_pass(story.make_card(balance=PASS_PRICE)).balance == 0


def test_price_is_the_one_in_force_now(story):
    story.decree("INSERT INTO transit.pass_products VALUES (%s, 170000, 50, 20, 4)", NOON)
    answer = story.buy_pass(story.make_card(balance=PASS_PRICE + 10_000))
    assert (answer.price, answer.trips_left, answer.balance) == (170_000, 50, 0)


# Refusals


def test_pass_of_an_unknown_card_is_refused_card_not_found(story):
    answer = story.buy_pass(NOWHERE, key="k")
    assert (answer.outcome, answer.pass_id, answer.replayed) == ("card_not_found", None, False)


@pytest.mark.parametrize("status", ["blocked", "replaced"])
def test_pass_is_refused_unless_the_card_is_active_card_not_active(story, status):
    card_id = story.make_card(balance=PASS_PRICE)
    {"blocked": story.block, "replaced": story.replace}[status](card_id)
    assert story.buy_pass(card_id).outcome == "card_not_active"


def test_pass_of_an_anonymous_card_is_refused_card_not_personalised(story):
    card_id = story.make_anonymous_card(balance=PASS_PRICE)
    assert story.buy_pass(card_id).outcome == "card_not_personalised"
    assert story.money(card_id) == (PASS_PRICE, 0)


def test_pass_one_peso_short_is_refused_insufficient_balance(story):
    card_id = story.make_card(balance=PASS_PRICE - 1)
    answer = story.buy_pass(card_id)
    assert (answer.outcome, answer.price) == ("insufficient_balance", None)
    assert "recharge at least 1." in answer.detail
    assert story.money(card_id) == (PASS_PRICE - 1, 0)


def test_second_pass_is_refused_while_the_first_is_unused_pass_in_force(story):
    card_id = story.make_card_with_pass(balance=PASS_PRICE)
    story.go_to(NOON + 400 * DAY)
    assert story.buy_pass(card_id).outcome == "pass_in_force"


def test_pass_is_in_force_for_thirty_days_from_its_first_trip_pass_in_force(story):
    card_id = story.make_card_with_pass(balance=PASS_PRICE)
    story.tap(card_id)
    story.go_to(NOON + 30 * DAY - TICK)
    assert story.buy_pass(card_id).outcome == "pass_in_force"
    story.go_to(NOON + 30 * DAY)
    assert story.buy_pass(card_id).outcome == "created"


def test_next_pass_is_sold_when_the_trips_are_used_up(story):
    card_id = story.make_card_with_pass(balance=PASS_PRICE)
    story.decree("UPDATE transit.monthly_passes SET trips = 2")
    story.tap(card_id)
    assert story.buy_pass(card_id).outcome == "pass_in_force"
    story.tap(card_id)
    assert story.buy_pass(card_id).outcome == "created"


# Sent again


def test_purchase_sent_again_is_answered_again_and_paid_once(story):
    card_id = story.make_card(balance=2 * PASS_PRICE)
    first = story.buy_pass(card_id, key="k")
    story.tap(card_id)
    story.go_to(NOON + DAY)
    again = story.buy_pass(card_id, key="k")
    assert (first.replayed, again.replayed) == (False, True)
    assert first[1:4] + first[5:] == again[1:4] + again[5:]
    assert story.money(card_id) == (PASS_PRICE, 0)


def test_refused_purchase_is_refused_again_insufficient_balance(story):
    card_id = story.make_card(balance=1000)
    first = story.buy_pass(card_id, key="k")
    story.load(card_id, PASS_PRICE)
    again = story.buy_pass(card_id, key="k")
    assert (first.replayed, again.replayed) == (False, True)
    assert first[1:4] + first[5:] == again[1:4] + again[5:]


def test_purchases_of_one_call_are_decided_in_the_order_of_the_arrays(story):
    card_id = story.make_card(balance=2 * PASS_PRICE)
    rows = story.ask(
        "SELECT * FROM api.buy_monthly_passes('{1,2,3}', %s::bigint[], '{null,null,null}')",
        [card_id, card_id, NOWHERE],
    )
    assert sorted((row.ref, row.outcome) for row in rows) == [
        (1, "created"), (2, "pass_in_force"), (3, "card_not_found"),
    ]  # fmt: skip


# Reading


def test_pass_shows_what_is_left_of_it(story):
    card_id = story.make_card_with_pass(balance=FARE)
    story.go_to(NOON + DAY)
    story.tap(card_id)
    shown = read_pass(story, card_id)
    assert shown == (
        "accepted", shown.pass_id, card_id, PASS_PRICE, 64, NOON + 31 * DAY, FARE,
    )  # fmt: skip


def test_pass_that_is_over_is_not_shown_pass_not_found(story):
    card_id = story.make_card_with_pass()
    story.tap(card_id)
    story.go_to(NOON + 30 * DAY - TICK)
    assert read_pass(story, card_id).outcome == "accepted"
    story.go_to(NOON + 30 * DAY)
    assert read_pass(story, card_id)[:2] == ("pass_not_found", None)


def test_pass_of_an_unknown_card_is_not_shown_card_not_found(story):
    assert read_pass(story, NOWHERE).outcome == "card_not_found"


def test_pass_is_shown_on_the_replacement(story):
    card_id = story.make_card_with_pass()
    assert read_pass(story, story.replace(card_id).card_id).outcome == "accepted"


def test_blocked_anonymous_card_is_refused_for_what_it_is_card_not_personalised(story):
    card_id = story.make_anonymous_card(PASS_PRICE)
    story.block(card_id)
    assert story.buy_pass(card_id).outcome == "card_not_personalised"
    assert story.replace(card_id).outcome == "card_not_personalised"


def test_blocked_card_without_money_is_refused_for_its_status_card_not_active(story):
    card_id = story.make_card()
    story.block(card_id)
    assert story.buy_pass(card_id).outcome == "card_not_active"
