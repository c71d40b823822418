"""api.block_card and api.unblock_card (api.set_card_blocked, api.change_card_status)."""

import pytest

from tests.sql.stories import DAY, HOUR, NOON, NOWHERE


def periods(story, card_id):
    return story.ask(
        "SELECT i.status, i.reason, i.inactive_from,"
        " nullif(i.inactive_until, 'infinity') AS inactive_until"
        " FROM transit.card_inactive_periods AS i WHERE i.card_id = %s ORDER BY i.period_id",
        card_id,
    )


def test_blocked_card_is_answered_with_its_money(story):
    card_id = story.make_card(balance=700)
    answer = story.block(card_id)
    assert (answer.outcome, answer.card_id, answer.status, answer.balance) == (
        "accepted", card_id, "blocked", 700,
    )  # fmt: skip
    assert story.card(card_id) == answer[3:]


def test_card_that_is_blocked_already_is_answered_and_keeps_its_first_block(story):
    card_id = story.make_card()
    story.block(card_id, "stolen")
    story.go_to(NOON + HOUR)
    answer = story.block(card_id, "lost")
    assert (answer.outcome, answer.status) == ("accepted", "blocked")
    assert [(row.reason, row.inactive_from) for row in periods(story, card_id)] == [
        ("stolen", NOON)
    ]
    assert story.deny_list()[0] == 1


def test_card_that_is_active_already_is_answered(story):
    card_id = story.make_card()
    answer = story.unblock(card_id)
    assert (answer.outcome, answer.status) == ("accepted", "active")
    assert story.deny_list() == (0, [])


def test_unblock_ends_the_period_of_the_block(story):
    card_id = story.make_card()
    story.block(card_id)
    story.go_to(NOON + DAY)
    assert story.unblock(card_id).status == "active"
    story.go_to(NOON + 2 * DAY)
    story.block(card_id)
    (first, second) = periods(story, card_id)
    assert (first.inactive_from, first.inactive_until) == (NOON, NOON + DAY)
    assert second.inactive_from == NOON + 2 * DAY


@pytest.mark.parametrize("status", ["replaced", "expired"])
@pytest.mark.parametrize("verb", ["block", "unblock"])
def test_card_that_ended_stays_so_card_not_active(story, verb, status):
    user_id = story.make_user()
    card_id = story.make_card(user_id=user_id)
    {"replaced": story.replace, "expired": lambda _: story.erase(user_id)}[status](card_id)
    answer = getattr(story, verb)(card_id)
    assert (answer.outcome, answer.status) == ("card_not_active", status)
    assert status in answer.detail


@pytest.mark.parametrize("verb", ["block", "unblock"])
def test_unknown_card_is_neither_blocked_nor_unblocked_card_not_found(story, verb):
    answer = getattr(story, verb)(NOWHERE)
    assert (answer.outcome, answer.card_id) == ("card_not_found", None)


def test_block_keeps_its_reason(story):
    card_id = story.make_card()
    story.block(card_id, "left on the bus")
    assert periods(story, card_id)[0].reason == "left on the bus"
