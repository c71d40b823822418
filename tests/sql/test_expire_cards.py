"""api.expire_cards: cards issued 5 years ago and unused for 2."""

import pytest

from tests.sql.stories import DAY, FARE, TICK, at

ISSUED = at("2023-03-01 12:00")
FIVE_YEARS_LATER = at("2028-03-01 12:00")


@pytest.fixture
def old(story):
    """It is March 2023."""
    story.stop_clock(ISSUED)
    return story


def expire(story, limit=100):
    with story.as_owner():
        return story.ask_one("SELECT api.expire_cards(%s) AS expired", limit).expired


def status_at(story, card_id, now):
    story.go_to(now)
    expire(story)
    return story.card(card_id).status


def test_card_expires_five_years_after_its_issue(old):
    card_id = old.make_card()
    assert status_at(old, card_id, FIVE_YEARS_LATER - TICK) == "active"
    assert status_at(old, card_id, FIVE_YEARS_LATER) == "expired"


def test_blocked_card_expires_too(old):
    card_id = old.make_card()
    old.block(card_id)
    assert status_at(old, card_id, FIVE_YEARS_LATER) == "expired"


def test_card_recharged_within_two_years_lives_on(old):
    card_id = old.make_card()
    old.go_to(at("2026-03-01 12:00") + TICK)
    old.load(card_id, FARE)
    assert status_at(old, card_id, FIVE_YEARS_LATER) == "active"
    assert status_at(old, card_id, FIVE_YEARS_LATER + TICK) == "expired"


def test_card_that_took_a_trip_within_two_years_lives_on(old):
    card_id = old.make_card(balance=FARE)
    old.go_to(at("2026-03-02 00:00"))
    old.tap(card_id)
    assert status_at(old, card_id, FIVE_YEARS_LATER) == "active"
    assert status_at(old, card_id, at("2028-03-02 00:00")) == "expired"


def test_what_an_expired_card_holds_goes_to_the_unclaimed_balances(old):
    card_id = old.make_card(balance=5000)
    old.go_to(FIVE_YEARS_LATER)
    assert expire(old) == 1
    assert old.money(card_id) == (0, 0)
    (entry,) = old.ask("SELECT * FROM transit.ledger_entries WHERE kind = 'unclaimed'")
    assert (entry.amount, entry.counterparty, entry.reference_id) == (-5000, "unclaimed", card_id)
    assert old.ask_one("SELECT * FROM api.read_revenue(null, null)").outstanding_balance == 0


def test_what_an_expired_card_owes_is_written_off_alike(old):
    card_id = old.make_card_in_debt()
    old.go_to(FIVE_YEARS_LATER)
    expire(old)
    assert old.entries(card_id)[-1] == ("unclaimed", 2950)
    assert old.money(card_id) == (0, 0)


def test_expired_card_is_on_the_deny_list_and_takes_no_trip_card_not_active(old):
    card_id = old.make_card()
    old.go_to(FIVE_YEARS_LATER)
    expire(old)
    assert old.deny_list()[1] == [(old.card(card_id).card_number, "add")]
    assert old.tap(card_id).outcome == "card_not_active"


def test_replaced_card_does_not_expire_and_its_heir_counts_from_its_own_issue(old):
    card_id = old.make_card()
    old.go_to(ISSUED + DAY)
    new_id = old.replace(card_id).card_id
    assert status_at(old, card_id, FIVE_YEARS_LATER) == "replaced"
    assert old.card(new_id).status == "active"


def test_no_more_than_the_limit_expire_in_one_call(old):
    for _ in range(3):
        old.make_card()
    old.go_to(FIVE_YEARS_LATER)
    assert [expire(old, 2), expire(old, 2), expire(old, 2)] == [2, 1, 0]


def test_young_cards_are_left_alone(story):
    story.make_card(balance=FARE)
    assert expire(story) == 0
