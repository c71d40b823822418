"""api.erase_user: what identifies a person goes, the books stay (Ley 1581)."""

import pytest

from tests.sql.stories import FARE, HOUR, MINUTE, NOON, NOWHERE


def test_erased_user_is_no_more_and_nothing_identifies_the_person(story):
    user_id = story.make_user("CC-1", full_name="Ana Gómez")
    assert story.erase(user_id) == ("accepted", None, None)
    assert story.ask("SELECT * FROM api.read_user(%s)", user_id) == []
    assert story.ask(
        "SELECT u.document_id, u.full_name, u.email, u.phone, u.erased_at FROM transit.users AS u"
    ) == [(None, None, None, None, NOON)]


def test_words_given_as_reasons_go_too(story):
    user_id = story.make_user()
    card_id = story.make_card(user_id=user_id)
    story.block(card_id, "Ana Gómez rang: stolen in Suba")
    story.replace(card_id, "Ana Gómez again")
    story.erase(user_id)
    rows = story.ask("SELECT i.reason FROM transit.card_inactive_periods AS i")
    assert {row.reason for row in rows} == {None}


def test_cards_expire_but_those_that_ended_before_stay_what_they_are(story):
    user_id = story.make_user()
    active, blocked, replaced = (story.make_card(user_id=user_id) for _ in range(3))
    story.block(blocked)
    heir = story.replace(replaced).card_id
    story.erase(user_id)
    assert [story.card(card_id).status for card_id in (active, blocked, replaced, heir)] == [
        "expired", "expired", "replaced", "expired",
    ]  # fmt: skip
    assert story.tap(active).outcome == "card_not_active"


def test_trips_ledger_and_analytics_stay(story):
    user_id = story.make_user()
    card_id = story.make_card(balance=FARE, user_id=user_id)
    trip_id = story.tap(card_id).trip_id
    before = story.ask_one("SELECT * FROM api.read_revenue(null, null)")
    story.erase(user_id)
    assert story.entries(card_id) == [("recharge", FARE), ("fare", -FARE)]
    assert story.trip(trip_id).user_id == user_id
    assert story.ask_one("SELECT * FROM api.read_revenue(null, null)") == before
    assert story.ask_one("SELECT * FROM api.read_active_users(1)").active_users == 1


def test_tap_from_before_the_erasure_is_still_charged(story):
    user_id = story.make_user()
    card_id = story.make_card(user_id=user_id)
    story.erase(user_id)
    assert story.tap(card_id, at=NOON - MINUTE).outcome == "accepted"


@pytest.mark.parametrize("balance", [FARE, 50])
def test_user_with_a_balance_stays_user_has_balance(story, balance):
    user_id = story.make_user()
    story.make_card(user_id=user_id)
    card_id = story.make_card(balance=balance, user_id=user_id)
    answer = story.erase(user_id)
    assert answer.outcome == "user_has_balance"
    assert f"a balance of {balance}" in answer.detail
    assert story.card(card_id).status == "active"


def test_user_with_a_debt_stays_user_has_balance(story):
    user_id = story.make_user()
    story.tap(story.make_card(user_id=user_id))
    answer = story.erase(user_id)
    assert answer.outcome == "user_has_balance"
    assert f"a debt of {FARE}" in answer.detail


def test_balance_of_one_card_and_debt_of_another_do_not_cancel_out_user_has_balance(story):
    user_id = story.make_user()
    story.tap(story.make_card(user_id=user_id))
    story.make_card(balance=FARE, user_id=user_id)
    assert story.erase(user_id).outcome == "user_has_balance"


def test_unknown_user_is_not_erased_user_not_found(story):
    assert story.erase(NOWHERE) == ("user_not_found", None, None)


def test_user_is_erased_once_user_not_found(story):
    user_id = story.make_user()
    story.erase(user_id)
    story.go_to(NOON + HOUR)
    assert story.erase(user_id).outcome == "user_not_found"
