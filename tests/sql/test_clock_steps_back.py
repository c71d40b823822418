"""A clock that is set back (NTP does it): nothing fails for it, and no audit blames anybody."""

import pytest

from tests.sql.stories import HOUR, MINUTE, NOON, PASS_PRICE

EARLIER = NOON - MINUTE


def test_card_that_was_just_blocked_is_unblocked_although_the_clock_stepped_back(story):
    card_id = story.make_card()
    story.block(card_id)
    story.stop_clock(EARLIER)
    assert story.unblock(card_id).status == "active"
    assert story.tap(card_id).outcome == "accepted"
    assert story.offences() == []


@pytest.mark.parametrize("blocked", [True, False])
def test_card_is_replaced_although_the_clock_stepped_back(story, blocked):
    card_id = story.make_card(balance=7000)
    story.tap(card_id)
    if blocked:
        story.block(card_id)
    story.stop_clock(EARLIER)
    new = story.replace(card_id)
    assert (new.outcome, new.balance) == ("created", 3450)
    assert story.card(card_id).status == "replaced"
    assert story.tap(card_id).outcome == "card_not_active"
    assert story.tap(new.card_id).outcome == "accepted"
    assert story.offences() == []


def test_user_is_erased_although_the_clock_stepped_back(story):
    user_id = story.make_user()
    card_id = story.make_card(user_id=user_id)
    story.block(card_id)
    story.stop_clock(EARLIER)
    assert story.erase(user_id).outcome == "accepted"
    assert story.card(card_id).status == "expired"
    assert story.offences() == []


def test_unused_card_expires_although_it_was_blocked_after_the_present_time(story):
    card_id = story.make_card(balance=500)
    story.go_to(NOON + 6 * 365 * 24 * HOUR)
    story.block(card_id)
    story.stop_clock(NOON + 6 * 365 * 24 * HOUR - MINUTE)
    with story.as_owner():
        assert story.ask_one("SELECT api.expire_cards(10) AS expired").expired == 1
    assert story.card(card_id).status == "expired"
    assert story.offences() == []


def test_money_moves_although_the_clock_stepped_back(story):
    card_id = story.make_card(balance=PASS_PRICE)
    story.tap(card_id)
    story.stop_clock(EARLIER)
    assert story.recharge(card_id, 10_000).outcome == "accepted"
    assert story.tap(card_id).outcome == "accepted"
    assert story.buy_pass(card_id).outcome == "created"
    assert story.tap(card_id).fare_rule == "monthly_pass"
    assert story.offences() == []


def test_alert_is_closed_although_it_began_after_the_present_time(story):
    alert = story.ask_one(
        "SELECT * FROM api.create_alert('OTHER_CAUSE', 'OTHER_EFFECT', 'INFO', 'x', 'y',"
        " null, null, null, null)"
    )
    story.stop_clock(EARLIER)
    closed = story.ask_one("SELECT * FROM api.close_alert(%s)", alert.alert_id)
    assert closed.active_until == closed.active_from == alert.active_from


def test_trip_is_ended_by_arrival_although_the_clock_stepped_back(story):
    trip = story.tap(story.make_card(balance=5000))
    story.stop_clock(EARLIER)
    ended = story.end(trip.trip_id)
    assert (ended.outcome, ended.ended_at) == ("accepted", trip.started_at)
