"""Attacks on the expiry of cards: money that its rider is using must not become unclaimed."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest

from tests.sql.stories import BOGOTA, PASS_PRICE, Story
from tests.sql.waiting import wait_until_blocked

ISSUED = datetime(2023, 2, 1, 9, tzinfo=BOGOTA)
LONG_AFTER = ISSUED + timedelta(days=6 * 365)


@pytest.fixture
def story(fresh_database):
    """Each call commits; the clock stands at a day of 2023."""
    connection = fresh_database.connect()
    connection.autocommit = True
    story = Story(connection)
    story.stop_clock(ISSUED)
    yield story
    assert story.offences() == []
    connection.close()


def test_card_recharged_while_others_expire_keeps_its_money(story, fresh_database):
    cards = sorted(story.make_anonymous_card(7_000) for _ in range(30))
    last = cards[-1]
    story.go_to(LONG_AFTER)

    maintenance, holder = fresh_database.connect(), fresh_database.connect()
    with ThreadPoolExecutor(1) as pool, maintenance.cursor() as expiry, holder.cursor() as lock:
        # The first card to expire waits here for the deny list, and the run with it.
        lock.execute("SELECT 1 FROM transit.deny_list_version FOR UPDATE")
        run = pool.submit(expiry.execute, "SELECT api.expire_cards(100)")
        assert wait_until_blocked(story.connection, maintenance, run)
        assert story.recharge(last, 5_000).outcome == "accepted"
        holder.rollback()
        run.result(timeout=30)
        maintenance.commit()
    maintenance.close()
    holder.close()

    assert story.card(last).status == "active"
    assert story.money(last) == (12_000, 0)
    assert story.card(cards[0]).status == "expired"


def test_card_with_a_pass_bought_lately_is_not_unused(story):
    card_id = story.make_card(PASS_PRICE)
    story.go_to(LONG_AFTER - timedelta(days=30))
    assert story.buy_pass(card_id).outcome == "created"
    story.go_to(LONG_AFTER)
    with story.as_owner():
        assert story.ask_one("SELECT api.expire_cards(10) AS expired").expired == 0
    assert story.card(card_id).status == "active"
