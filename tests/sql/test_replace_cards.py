"""api.replace_cards: a new card takes over what the old one held."""

import pytest

from tests.sql.stories import DAY, FARE, MINUTE, NOON, NOWHERE, OTHER_TRUNK, ZONAL


def test_replacement_is_a_new_card_with_the_money_of_the_old_one(story):
    user_id = story.make_user()
    card_id = story.make_card(balance=5000, profile="senior", user_id=user_id)
    answer = story.replace(card_id)
    assert answer[1:] == (
        "created", None, None, False, answer.card_id, answer.card_number, user_id, True, "senior",
        "active", 5000, 0, NOON, None,
    )  # fmt: skip
    assert story.card(answer.card_id) == answer[5:]
    old = story.card(card_id)
    assert (old.status, old.balance, old.debt, old.replaced_by) == (
        "replaced", 0, 0, answer.card_id,
    )  # fmt: skip
    assert answer.card_id & 4095 == card_id & 4095
    assert answer.card_number != old.card_number


@pytest.mark.parametrize("balance", [5000, 0])
def test_replacement_moves_money_by_two_entries_that_name_the_other_card(story, balance):
    card_id = story.make_card(balance=balance)
    new_id = story.replace(card_id).card_id
    rows = story.ask("SELECT * FROM transit.ledger_entries WHERE kind = 'replacement' ORDER BY 1")
    assert [(row.card_id, row.amount, row.balance_after, row.reference_id) for row in rows] == [
        (card_id, -balance, 0, new_id), (new_id, balance, balance, card_id),
    ]  # fmt: skip


def test_replacement_takes_the_debt_over(story):
    card_id = story.make_card_in_debt()
    answer = story.replace(card_id)
    assert (answer.balance, answer.debt) == (0, FARE)
    assert story.money(answer.card_id) == (0, FARE)
    assert story.entries(card_id)[-1] == ("replacement", FARE)


def test_replacement_takes_the_count_of_credit_trips_over_insufficient_balance(story):
    card_id = story.make_card_in_debt()
    new_id = story.replace(card_id).card_id
    assert [story.tap(new_id).outcome for _ in range(2)] == ["accepted", "insufficient_balance"]


def test_blocked_card_can_be_replaced(story):
    card_id = story.make_card(balance=FARE)
    story.block(card_id)
    new_id = story.replace(card_id).card_id
    assert story.card(card_id).status == "replaced"
    assert story.tap(new_id).outcome == "accepted"


def test_replacement_can_be_replaced_again(story):
    card_id = story.make_card(balance=2 * FARE)
    story.tap(card_id, at=NOON - MINUTE)
    second = story.replace(card_id).card_id
    third = story.replace(second).card_id
    assert story.card(second).replaced_by == third
    assert story.money(third) == (FARE, 0)
    assert story.tap(card_id, at=NOON - MINUTE).balance == 0


def test_replaced_card_goes_on_the_deny_list(story):
    card_id = story.make_card()
    number = story.card(card_id).card_number
    story.replace(card_id)
    assert story.deny_list() == (1, [(number, "add")])


# Refusals


def test_replacement_of_an_unknown_card_is_refused_card_not_found(story):
    answer = story.replace(NOWHERE, key="k")
    assert (answer.outcome, answer.card_id, answer.replayed) == ("card_not_found", None, False)


def test_anonymous_card_is_not_replaced_card_not_personalised(story):
    card_id = story.make_anonymous_card(balance=FARE)
    assert story.replace(card_id).outcome == "card_not_personalised"
    assert story.card(card_id).status == "active"


@pytest.mark.parametrize("status", ["replaced", "expired"])
def test_card_is_replaced_once_card_not_active(story, status):
    user_id = story.make_user()
    card_id = story.make_card(user_id=user_id)
    {"replaced": story.replace, "expired": lambda _: story.erase(user_id)}[status](card_id)
    answer = story.replace(card_id)
    assert (answer.outcome, answer.card_number) == ("card_not_active", None)
    assert status in answer.detail


# Sent again


def test_replacement_sent_again_shows_the_new_card_as_it_was_issued(story):
    card_id = story.make_card(balance=5000)
    first = story.replace(card_id, key="k")
    story.tap(first.card_id)
    story.replace(first.card_id)
    story.go_to(NOON + DAY)
    again = story.replace(card_id, key="k")
    assert (first.replayed, again.replayed) == (False, True)
    assert first[1:4] + first[5:] == again[1:4] + again[5:]


def test_replacement_for_another_reason_is_refused_idempotency_key_reused(story):
    card_id = story.make_card()
    story.replace(card_id, reason="lost", key="k")
    answer = story.replace(card_id, reason="stolen", key="k")
    assert (answer.outcome, answer.card_id, answer.replayed) == (
        "idempotency_key_reused", None, False,
    )  # fmt: skip


def test_refused_replacement_is_refused_again_card_not_active(story):
    card_id = story.make_card()
    story.replace(card_id)
    answers = [story.replace(card_id, key="k") for _ in range(2)]
    assert [(answer.outcome, answer.replayed) for answer in answers] == [
        ("card_not_active", False), ("card_not_active", True),
    ]  # fmt: skip


def test_trips_of_the_old_card_stay_with_it(story):
    user_id = story.make_user()
    card_id = story.make_card(balance=10_000, user_id=user_id)
    first = story.tap(card_id, ZONAL)
    second = story.tap(story.replace(card_id).card_id, OTHER_TRUNK)
    rows = story.ask("SELECT * FROM api.list_user_trips(%s, null, null, 10)", user_id)
    assert [(row.trip_id, row.card_id) for row in rows] == [
        (second.trip_id, second.card_id), (first.trip_id, card_id),
    ]  # fmt: skip
