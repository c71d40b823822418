"""api.replay_tap and api.recall: a tap that is sent again is answered again, word for word."""

import pytest

from tests.sql.stories import (
    DAY,
    FARE,
    HOUR,
    MINUTE,
    NOON,
    OTHER_TRUNK,
    ROUTE,
    TICK,
    TRUNK,
    ZONAL,
    Tap,
    at,
)

DEVICE = (7, 1)


def decided(answer):
    """Everything but `ref` and `replayed`."""
    return answer[1:4] + answer[5:]


@pytest.mark.parametrize("how", [{"key": "k-1"}, {"device": DEVICE}])
def test_tap_sent_again_is_answered_again_and_charged_once(story, how):
    card_id = story.make_card(balance=10_000)
    first = story.tap(card_id, **how)
    again = story.tap(card_id, **how)
    assert (first.replayed, again.replayed) == (False, True)
    assert decided(first) == decided(again)
    assert story.money(card_id) == (10_000 - FARE, 0)


def test_tap_without_a_key_is_another_tap(story):
    card_id = story.make_card(balance=10_000)
    assert story.tap(card_id).trip_id != story.tap(card_id).trip_id


def test_same_tap_twice_in_one_call_is_decided_once(story):
    tap = Tap(story.make_card(balance=10_000), device=DEVICE)
    first, again = story.taps(tap, tap)
    assert (first.replayed, again.replayed) == (False, True)
    assert decided(first) == decided(again)


@pytest.mark.parametrize(
    ("moment", "outcome"),
    [
        (NOON, "insufficient_balance"),
        (NOON + HOUR, "tap_in_future"),
        (NOON - 8 * DAY, "tap_too_old"),
    ],
)
def test_refusal_is_remembered_with_its_words(story, moment, outcome):
    card_id = story.make_anonymous_card()
    first = story.tap(card_id, at=moment, device=DEVICE)
    story.load(card_id, 10_000)
    story.go_to(NOON + DAY)
    again = story.tap(card_id, at=moment, device=DEVICE)
    assert (first.outcome, first.replayed, again.replayed) == (outcome, False, True)
    assert decided(first) == decided(again)


def test_refusal_of_a_blocked_card_is_remembered_after_the_unblock_card_not_active(story):
    card_id = story.make_card(balance=FARE)
    story.block(card_id)
    first = story.tap(card_id, key="k")
    story.unblock(card_id)
    assert story.tap(card_id, key="k").outcome == first.outcome == "card_not_active"


def test_refusal_for_a_used_up_day_is_remembered_pass_daily_limit(story):
    card_id = story.make_card_with_pass(balance=FARE)
    for _ in range(6):
        story.tap(card_id)
    assert story.tap(card_id, key="k").outcome == "pass_daily_limit"
    story.go_to(NOON + DAY)
    again = story.tap(card_id, key="k")
    assert (again.outcome, again.replayed) == ("pass_daily_limit", True)


def test_what_does_not_exist_is_not_remembered_station_not_found(story):
    card_id = story.make_card(balance=FARE)
    assert story.tap(card_id, 99_999, key="k").outcome == "station_not_found"
    assert story.tap(card_id, TRUNK, key="k").outcome == "accepted"


def test_what_does_not_exist_is_not_remembered_route_not_found(story):
    card_id = story.make_card(balance=FARE)
    assert story.tap(card_id, route=99_999, key="k").outcome == "route_not_found"
    assert story.tap(card_id, route=ROUTE, key="k").outcome == "accepted"


def test_replay_shows_what_was_answered_before_the_trip_was_repriced(story):
    card_id = story.make_card(balance=10_000)
    first = story.tap(card_id, TRUNK, key="k")
    story.tap(card_id, ZONAL, at=NOON - MINUTE)
    assert story.priced(first) == [("transfer", 0)]
    assert decided(story.tap(card_id, TRUNK, key="k")) == decided(first)


def test_replay_shows_the_corrections_that_the_tap_itself_caused(story):
    card_id = story.make_card(balance=10_000)
    story.tap(card_id, TRUNK)
    late = story.tap(card_id, ZONAL, at=NOON - MINUTE, key="k")
    assert decided(story.tap(card_id, ZONAL, at=NOON - MINUTE, key="k")) == decided(late)


def test_replay_shows_the_trip_in_progress_after_its_end(story):
    card_id = story.make_card(balance=10_000)
    first = story.tap(card_id, key="k")
    story.go_to(NOON + HOUR)
    story.end(first.trip_id)
    assert decided(story.tap(card_id, key="k")) == decided(first)


def test_replay_shows_the_trip_in_progress_after_it_expired(story):
    card_id = story.make_card(balance=10_000)
    first = story.tap(card_id, key="k")
    story.go_to(NOON + DAY)
    assert decided(story.tap(card_id, key="k")) == decided(first)


def test_replay_is_answered_while_the_card_is_blocked_or_replaced(story):
    card_id = story.make_card(balance=10_000)
    first = story.tap(card_id, key="k")
    story.replace(card_id)
    assert decided(story.tap(card_id, key="k")) == decided(first)


# Another request under the same key


@pytest.mark.parametrize(
    "other",
    [
        {"station": OTHER_TRUNK},
        {"route": ROUTE},
        {"at": NOON - TICK},
        {"at": None},
    ],
)
@pytest.mark.parametrize("how", [{"key": "k-1"}, {"device": DEVICE}])
def test_key_of_another_tap_is_refused_idempotency_key_reused(story, how, other):
    card_id = story.make_card(balance=10_000)
    story.tap(card_id, at=NOON, **how)
    answer = story.tap(card_id, **({"at": NOON} | other | how))
    assert (answer.outcome, answer.trip_id, answer.fare, answer.replayed) == (
        "idempotency_key_reused", None, None, False,
    )  # fmt: skip
    assert answer.balance == 10_000 - FARE
    assert len(story.entries(card_id)) == 2


def test_key_comes_before_station_and_time_idempotency_key_reused(story):
    card_id = story.make_card(balance=10_000)
    story.tap(card_id, key="k")
    outcome = story.tap(card_id, 99_999, at=NOON + DAY, key="k").outcome
    assert outcome == "idempotency_key_reused"


def test_same_time_in_another_offset_is_the_same_tap(story):
    card_id = story.make_card(balance=10_000)
    story.tap(card_id, at=at("2026-11-20 11:00"), key="k")
    assert story.tap(card_id, at=at("2026-11-20 11:00").astimezone(), key="k").replayed


def test_key_belongs_to_the_card_that_was_tapped(story):
    cards = [story.make_card(balance=FARE), story.make_card(balance=FARE)]
    assert [story.tap(card_id, key="k").replayed for card_id in cards] == [False, False]


def test_key_of_a_replaced_card_is_not_that_of_the_new_one(story):
    card_id = story.make_card(balance=10_000)
    story.tap(card_id, key="k")
    assert not story.tap(story.replace(card_id).card_id, ZONAL, key="k").replayed


def test_header_beside_device_fields_is_ignored(story):
    card_id = story.make_card(balance=10_000)
    first = story.tap(card_id, device=DEVICE, key="a")
    again = story.tap(card_id, device=DEVICE, key="b")
    assert (again.trip_id, again.replayed) == (first.trip_id, True)
    assert not story.tap(card_id, key="a").replayed


def test_header_that_looks_like_a_device_is_another_key(story):
    card_id = story.make_card(balance=10_000)
    story.tap(card_id, device=DEVICE)
    assert not story.tap(card_id, key="7/1").replayed
    assert not story.tap(card_id, key="d/7/1").replayed


def test_sequence_of_another_device_is_another_key(story):
    card_id = story.make_card(balance=10_000)
    taps = [story.tap(card_id, device=device) for device in [(1, 12), (11, 2), (1, 2)]]
    assert [tap.replayed for tap in taps] == [False] * 3


@pytest.mark.parametrize("first", ["recharge", "buy_pass", "replace", "tap"])
@pytest.mark.parametrize("second", ["recharge", "buy_pass", "replace", "tap"])
def test_key_serves_one_kind_of_request_idempotency_key_reused(story, first, second):
    card_id = story.make_card(balance=200_000)

    def do(what):
        if what == "recharge":
            return story.recharge(card_id, 10_000, key="k")
        if what == "replace":
            return story.replace(card_id, key="k")
        return {"tap": story.tap, "buy_pass": story.buy_pass}[what](card_id, key="k")

    before, after = do(first), do(second)
    assert before.outcome in ("accepted", "created")
    if first == second:
        assert (after.outcome, after.replayed) == (before.outcome, True)
    else:
        assert (after.outcome, after.replayed) == ("idempotency_key_reused", False)
