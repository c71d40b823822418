"""api.recharge_cards: limits, the ceiling, debt first (api.refuse_recharge too)."""

import pytest

from tests.sql.stories import DAY, FARE, MINUTE, NOON, NOWHERE


def test_recharge_answers_what_was_loaded(story):
    card_id = story.make_card(balance=1000)
    answer = story.recharge(card_id, 5000, "retail", point=17)
    assert answer[1:] == (
        "accepted", None, None, False, answer.recharge_id, card_id, 5000, 0, 6000, NOON,
    )  # fmt: skip
    assert story.money(card_id) == (6000, 0)
    assert answer.recharge_id & 4095 == card_id & 4095


def test_recharge_stands_in_history_and_ledger(story):
    card_id = story.make_card()
    answer = story.recharge(card_id, 5000, "retail", point=17)
    assert story.ask("SELECT * FROM api.list_recharges(%s, null, 10)", card_id) == [
        (answer.recharge_id, card_id, 5000, 5000, "retail", 17, NOON)
    ]
    (entry,) = story.ask("SELECT * FROM transit.ledger_entries")
    assert (entry.counterparty, entry.amount, entry.reference_id) == (
        "cash:retail", 5000, answer.recharge_id,
    )  # fmt: skip


def test_channel_is_the_ticket_office_when_none_is_named(story):
    card_id = story.make_card()
    story.recharge(card_id, 5000, key="k")
    assert story.ask_one("SELECT * FROM transit.recharges").channel == "ticket_office"
    assert story.recharge(card_id, 5000, "ticket_office", key="k").replayed


def test_loaded_money_pays_the_very_next_tap(story):
    card_id = story.make_anonymous_card()
    story.recharge(card_id, FARE)
    assert story.tap(card_id).outcome == "accepted"


def test_debt_is_repaid_first(story):
    card_id = story.make_card_in_debt()
    answer = story.recharge(card_id, FARE + 100)
    assert (answer.debt_repaid, answer.balance) == (FARE, 100)
    assert story.money(card_id) == (100, 0)


def test_part_of_a_debt_is_repaid(story):
    card_id = story.make_card_in_debt()
    answer = story.recharge(card_id, 50)
    assert (answer.debt_repaid, answer.balance) == (50, 0)
    assert story.money(card_id) == (0, FARE - 50)


# Refusals


def test_recharge_of_an_unknown_card_is_refused_card_not_found(story):
    answer = story.recharge(NOWHERE, 5000, key="k")
    assert (answer.outcome, answer.recharge_id, answer.replayed) == ("card_not_found", None, False)


@pytest.mark.parametrize("status", ["blocked", "replaced", "expired"])
def test_recharge_is_refused_unless_the_card_is_active_card_not_active(story, status):
    user_id = story.make_user()
    card_id = story.make_card(user_id=user_id)
    {"blocked": story.block, "replaced": story.replace, "expired": lambda _: story.erase(user_id)}[
        status
    ](card_id)
    answer = story.recharge(card_id, 1)
    assert (answer.outcome, answer.amount, answer.balance) == ("card_not_active", None, None)
    assert status in answer.detail
    assert story.entries(card_id) in ([], [("replacement", 0)])


LIMITS = {
    "ticket_office": (50, 418_000),
    "machine": (50, 418_000),
    "retail": (50, 418_000),
    "online": (10_000, 200_000),
    "wallet": (10_000, 200_000),
}


@pytest.mark.parametrize(("channel", "limits"), LIMITS.items())
def test_amount_at_a_limit_of_its_channel_is_accepted(story, channel, limits):
    assert [story.recharge(story.make_card(), amount, channel).outcome for amount in limits] == [
        "accepted", "accepted",
    ]  # fmt: skip


@pytest.mark.parametrize(("channel", "limits"), LIMITS.items())
def test_amount_beyond_a_limit_is_refused_amount_out_of_range(story, channel, limits):
    card_id = story.make_card()
    for amount in (limits[0] - 1, limits[1] + 1):
        answer = story.recharge(card_id, amount, channel)
        assert answer.outcome == "amount_out_of_range"
        assert f"takes {limits[0]} to {limits[1]} pesos, not {amount}" in answer.detail
    assert story.money(card_id) == (0, 0)


def test_limits_are_those_in_force_now_amount_out_of_range(story):
    story.decree("INSERT INTO transit.channels VALUES ('retail', %s, 100, 200)", NOON + DAY)
    card_id = story.make_card()
    assert story.recharge(card_id, 50, "retail").outcome == "accepted"
    story.go_to(NOON + DAY)
    assert story.recharge(card_id, 50, "retail").outcome == "amount_out_of_range"


def test_unknown_channel_is_refused_validation_error(story):
    assert story.recharge(story.make_card(), 5000, "carrier pigeon").outcome == "validation_error"


def test_balance_may_reach_the_ceiling(story):
    card_id = story.make_card(balance=400_000)
    assert story.recharge(card_id, 100_000).balance == 500_000


def test_balance_above_the_ceiling_is_refused_balance_limit_exceeded(story):
    card_id = story.make_card(balance=400_000)
    answer = story.recharge(card_id, 100_001)
    assert (answer.outcome, answer.amount) == ("balance_limit_exceeded", None)
    assert "at most 100000 can be loaded now" in answer.detail
    assert story.money(card_id) == (400_000, 0)


@pytest.fixture
def low_ceiling(story):
    """A ceiling of 10,000, within reach of one recharge on a debt."""
    story.decree("INSERT INTO transit.card_limits VALUES (%s, 10000)", NOON - DAY)


def test_ceiling_looks_at_the_balance_after_the_debt_is_repaid(story, low_ceiling):
    card_id = story.make_card_in_debt()
    assert story.recharge(card_id, FARE + 10_000).balance == 10_000


def test_nothing_is_repaid_when_the_ceiling_is_passed_balance_limit_exceeded(story, low_ceiling):
    card_id = story.make_card_in_debt()
    assert story.recharge(card_id, FARE + 10_001).outcome == "balance_limit_exceeded"
    assert story.money(card_id) == (0, FARE)


def test_status_comes_before_the_amount_and_the_amount_before_the_ceiling(story, low_ceiling):
    card_id = story.make_card()
    assert story.recharge(card_id, 500_000).outcome == "amount_out_of_range"
    story.block(card_id)
    assert story.recharge(card_id, 500_000).outcome == "card_not_active"


# Sent again


def test_recharge_sent_again_is_answered_again_and_loaded_once(story):
    card_id = story.make_card_in_debt()
    first = story.recharge(card_id, 5000, "retail", point=17, key="k")
    story.go_to(NOON + DAY)
    story.load(card_id, 1000)
    story.block(card_id)
    again = story.recharge(card_id, 5000, "retail", point=17, key="k")
    assert (first.replayed, again.replayed) == (False, True)
    assert first[1:4] + first[5:] == again[1:4] + again[5:]
    assert story.money(card_id) == (6000 - FARE, 0)


@pytest.mark.parametrize(
    ("amount", "outcome"), [(1, "amount_out_of_range"), (418_000, "balance_limit_exceeded")]
)
def test_refused_recharge_is_refused_again(story, amount, outcome):
    card_id = story.make_card(balance=100_000)
    first = story.recharge(card_id, amount, key="k")
    story.decree("INSERT INTO transit.card_limits VALUES (%s, 900000)", NOON)
    story.decree("INSERT INTO transit.channels VALUES ('ticket_office', %s, 1, 900000)", NOON)
    again = story.recharge(card_id, amount, key="k")
    assert first.outcome == again.outcome == outcome
    assert (first.detail, first.replayed, again.replayed) == (again.detail, False, True)
    assert story.recharge(card_id, amount).outcome == "accepted"


@pytest.mark.parametrize("other", [{"amount": 5001}, {"channel": "machine"}, {"point": 18}])
def test_key_of_another_recharge_is_refused_idempotency_key_reused(story, other):
    card_id = story.make_card()
    request = {"amount": 5000, "channel": "retail", "point": 17, "key": "k"}
    story.recharge(card_id, **request)
    answer = story.recharge(card_id, **(request | other))
    assert (answer.outcome, answer.recharge_id, answer.replayed) == (
        "idempotency_key_reused", None, False,
    )  # fmt: skip
    assert story.money(card_id) == (5000, 0)


def test_recharges_of_one_call_are_decided_in_the_order_of_the_arrays(story):
    card_id = story.make_card(balance=300_000)
    answers = story.recharges(
        (card_id, 200_000, None, None, "a"),
        (NOWHERE, 5000, None, None, "a"),
        (card_id, 1000, None, None, "b"),
        (card_id, 200_000, None, None, "a"),
    )
    assert [(answer.outcome, answer.balance, answer.replayed) for answer in answers] == [
        ("accepted", 500_000, False), ("card_not_found", None, False),
        ("balance_limit_exceeded", None, False), ("accepted", 500_000, True),
    ]  # fmt: skip


def test_order_of_refusals_is_channel_then_status_then_amount(story):
    card_id = story.make_card()
    story.block(card_id)
    assert story.recharge(card_id, 1, "stall").outcome == "validation_error"
    assert story.recharge(card_id, 1).outcome == "card_not_active"
    story.unblock(card_id)
    assert story.recharge(card_id, 1).outcome == "amount_out_of_range"


def test_newest_100_refusals_of_a_card_are_kept_and_every_success_and_tap(story):
    """Keys are free to choose: a flood of refused recharges must not fill the disk."""
    card_id, other_id = story.make_anonymous_card(), story.make_anonymous_card()
    assert story.tap(card_id, at=NOON, device=(7, 1)).outcome == "insufficient_balance"
    assert story.tap(card_id, key="tap").outcome == "insufficient_balance"
    assert story.recharge(card_id, 5000, key="good").outcome == "accepted"
    story.block(card_id)
    story.block(other_id)
    story.recharge(other_id, 5000, key="other")
    for i in range(103):
        story.go_to(NOON + i * MINUTE)
        assert story.recharge(card_id, 5000, key=f"bad-{i}").outcome == "card_not_active"
    kept = {
        row.key
        for row in story.ask(
            "SELECT r.key FROM transit.idempotency_records AS r WHERE r.card_id = %s", card_id
        )
    }
    assert kept >= {"d/7/1", "k/tap", "k/good"}
    assert {key for key in kept if key.startswith("k/bad")} == {f"k/bad-{i}" for i in range(3, 103)}
    assert story.recharge(card_id, 5000, key="good").replayed
    assert story.recharge(card_id, 5000, key="bad-102").replayed
    assert story.recharge(other_id, 5000, key="other").replayed
    assert story.tap(card_id, at=NOON, device=(7, 1)).replayed
