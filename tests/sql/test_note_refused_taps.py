"""api.note_refused_taps: a refused tap keeps its place and its time (api.prune_refused_taps)."""

from tests.sql.stories import (
    DAY,
    FARE,
    MINUTE,
    NOON,
    NOWHERE,
    ROUTE,
    TICK,
    TRUNK,
    ZONAL,
    Tap,
)


def refused(story):
    """What is kept of refused taps, oldest first."""
    return story.ask(
        "SELECT r.card_id, r.station_id, r.route_id, r.tapped_at, r.arrived_at, r.device_id,"
        " r.device_seq, r.outcome FROM transit.refused_taps AS r"
        " ORDER BY r.arrived_at, r.tapped_at, r.card_id"
    )


def outcomes(story):
    return sorted(row.outcome for row in refused(story))


def prune(story, limit=100):
    return story.ask_one("SELECT api.prune_refused_taps(%s) AS pruned", limit).pruned


def test_refused_tap_keeps_where_when_and_why(story):
    card_id = story.make_anonymous_card()
    story.tap(card_id, ZONAL, at=NOON - MINUTE, route=ROUTE, device=(7, 3))
    assert refused(story) == [
        (card_id, ZONAL, ROUTE, NOON - MINUTE, NOON, 7, 3, "insufficient_balance")
    ]


def test_refused_tap_without_a_stamp_or_a_device_keeps_its_arrival(story):
    card_id = story.make_anonymous_card()
    story.tap(card_id)
    assert refused(story) == [
        (card_id, TRUNK, None, NOON, NOON, None, None, "insufficient_balance")
    ]


def test_tap_of_an_unknown_card_is_kept_as_sent_card_not_found(story):
    story.tap(NOWHERE, TRUNK, at=NOON - MINUTE, device=(7, 3))
    assert refused(story) == [(NOWHERE, TRUNK, None, NOON - MINUTE, NOON, 7, 3, "card_not_found")]


def test_tap_at_an_unknown_place_is_kept_as_sent(story):
    card_id = story.make_card(balance=FARE)
    story.taps(Tap(card_id, NOWHERE), Tap(card_id, TRUNK, at=NOON - MINUTE, route=NOWHERE))
    assert [(row.station_id, row.route_id, row.outcome) for row in refused(story)] == [
        (TRUNK, NOWHERE, "route_not_found"), (NOWHERE, None, "station_not_found"),
    ]  # fmt: skip


def test_every_refusal_by_the_rules_is_kept(story):
    card_id = story.make_card(balance=10_000)
    stolen = story.make_card(balance=10_000)
    story.block(stolen)
    rider = story.make_card_with_pass()
    for _ in range(6):
        story.tap(rider)
    story.taps(
        Tap(card_id, at=NOON + DAY),
        Tap(card_id, at=NOON - 8 * DAY),
        Tap(stolen),
        Tap(rider),
        Tap(story.make_anonymous_card()),
    )
    assert outcomes(story) == [
        "card_not_active", "insufficient_balance", "pass_daily_limit", "tap_in_future",
        "tap_too_old",
    ]  # fmt: skip


def test_accepted_tap_leaves_no_refused_one(story):
    story.tap(story.make_card(balance=FARE), device=(7, 3))
    assert refused(story) == []


def test_refusal_that_is_answered_from_memory_is_kept_once(story):
    card_id = story.make_anonymous_card()
    tap = Tap(card_id, at=NOON, device=(7, 3))
    story.taps(tap, tap)
    assert story.taps(tap)[0].replayed
    assert outcomes(story) == ["insufficient_balance"]


def test_tap_under_the_key_of_another_is_kept_idempotency_key_reused(story):
    card_id = story.make_card(balance=FARE)
    story.tap(card_id, at=NOON, device=(7, 3))
    story.tap(card_id, at=NOON - MINUTE, device=(7, 3))
    assert [(row.tapped_at, row.outcome) for row in refused(story)] == [
        (NOON - MINUTE, "idempotency_key_reused")
    ]


def test_refused_taps_of_one_call_are_written_together_and_each_once(story):
    card_id = story.make_anonymous_card()
    other = story.make_card(balance=FARE)
    answers = story.taps(
        Tap(card_id), Tap(other), Tap(card_id, at=NOON - MINUTE), Tap(NOWHERE),
        Tap(card_id, at=NOON - 2 * MINUTE),
    )  # fmt: skip
    assert [answer.outcome for answer in answers].count("accepted") == 1
    assert [(row.card_id, row.tapped_at) for row in refused(story)] == [
        (card_id, NOON - 2 * MINUTE), (card_id, NOON - MINUTE), (card_id, NOON), (NOWHERE, NOON),
    ]  # fmt: skip


def test_refused_tap_is_kept_for_ninety_days(story):
    story.tap(story.make_anonymous_card())
    story.go_to(NOON + 90 * DAY)
    assert prune(story) == 0
    story.go_to(NOON + 90 * DAY + TICK)
    assert prune(story) == 1
    assert refused(story) == []


def test_no_more_than_the_limit_are_pruned_in_one_call(story):
    card_id = story.make_anonymous_card()
    story.taps(*[Tap(card_id) for _ in range(3)])
    story.go_to(NOON + 91 * DAY)
    assert [prune(story, 2), prune(story, 2), prune(story, 2)] == [2, 1, 0]
