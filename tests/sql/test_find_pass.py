"""api.find_pass, rule 4: which trips go on a monthly pass (api.count_pass_trips_of_day too)."""

import pytest

from tests.sql.stories import (
    DAY,
    FARE,
    HOUR,
    MINUTE,
    NOON,
    OTHER_ZONAL,
    PASS_PRICE,
    TICK,
    TRUNK,
    ZONAL,
    at,
)


def test_trip_on_a_pass_is_free_and_belongs_to_no_journey(story):
    answer = story.tap(story.make_card_with_pass(balance=FARE))
    assert (answer.fare_rule, answer.fare, answer.journey_id, answer.balance) == (
        "monthly_pass", 0, None, FARE,
    )  # fmt: skip


def test_free_trip_has_an_entry_of_zero(story):
    card_id = story.make_card_with_pass()
    story.tap(card_id)
    assert story.entries(card_id)[-1] == ("fare", 0)


def test_trip_on_a_pass_neither_makes_nor_continues_a_journey(story):
    card_id = story.make_card(balance=PASS_PRICE + 10_000)
    paid = story.tap(card_id, ZONAL, at=NOON - 30 * MINUTE)
    story.buy_pass(card_id)
    on_pass = story.tap(card_id, TRUNK)
    story.tap(card_id, TRUNK)
    story.decree("UPDATE transit.monthly_passes SET trips = 2")
    transfer = story.tap(card_id, OTHER_ZONAL)
    assert (on_pass.fare_rule, on_pass.journey_id) == ("monthly_pass", None)
    assert (transfer.fare_rule, transfer.journey_id) == ("transfer", paid.trip_id)


@pytest.mark.parametrize(("moment", "rule"), [(NOON, "monthly_pass"), (NOON - TICK, "base")])
def test_pass_is_in_force_from_its_purchase_on(story, moment, rule):
    card_id = story.make_card_with_pass(balance=FARE)
    assert story.tap(card_id, at=moment).fare_rule == rule


def test_tap_stamped_after_the_purchase_but_decided_before_it_pays(story):
    card_id = story.make_card(balance=PASS_PRICE + FARE)
    ahead = story.tap(card_id, at=NOON + 4 * MINUTE)
    story.go_to(NOON + MINUTE)
    story.buy_pass(card_id)
    late = story.tap(card_id, at=NOON + MINUTE)
    assert story.priced(ahead, late) == [("base", FARE), ("monthly_pass", 0)]


def test_pass_lasts_thirty_days_from_its_first_trip(story):
    card_id = story.make_card_with_pass(balance=FARE)
    story.go_to(NOON + 5 * DAY)
    assert story.tap(card_id).fare_rule == "monthly_pass"
    story.go_to(NOON + 35 * DAY)
    assert story.tap(card_id, at=NOON + 35 * DAY - TICK).fare_rule == "monthly_pass"
    assert story.tap(card_id, at=NOON + 35 * DAY).fare_rule == "base"


def test_sixty_fifth_trip_is_the_last(story):
    card_id = story.make_card_with_pass(balance=FARE)
    for _ in range(11):
        answers = [story.tap(card_id) for _ in range(6)]
        story.go_to(answers[0].started_at + DAY)
    assert [answer.fare_rule for answer in answers] == ["monthly_pass"] * 5 + ["base"]


def test_seventh_trip_of_a_day_is_refused_pass_daily_limit(story):
    card_id = story.make_card_with_pass(balance=10_000)
    answers = [story.tap(card_id) for _ in range(7)]
    assert [answer.outcome for answer in answers] == ["accepted"] * 6 + ["pass_daily_limit"]
    assert (answers[6].trip_id, answers[6].fare, answers[6].balance) == (None, None, 10_000)


def test_days_of_a_pass_change_at_midnight_in_bogota_pass_daily_limit(story):
    story.stop_clock(at("2026-11-20 08:00"))
    card_id = story.make_card_with_pass()
    story.go_to(at("2026-11-21 08:00"))
    midnight = at("2026-11-21 00:00")
    evening = [story.tap(card_id, at=midnight - TICK).outcome for _ in range(7)]
    assert evening == ["accepted"] * 6 + ["pass_daily_limit"]
    assert [story.tap(card_id, at=midnight).outcome for _ in range(6)] == ["accepted"] * 6


def test_daily_limit_counts_every_trip_of_the_day_on_arrival_pass_daily_limit(story):
    story.stop_clock(at("2026-11-20 08:00"))
    card_id = story.make_card_with_pass()
    story.go_to(NOON)
    for _ in range(6):
        story.tap(card_id)
    assert story.tap(card_id, at=NOON - HOUR).outcome == "pass_daily_limit"


def test_passes_are_used_in_the_order_of_their_purchase(story):
    card_id = story.make_card_with_pass(balance=PASS_PRICE)
    story.tap(card_id)
    story.go_to(NOON + 30 * DAY)
    assert story.buy_pass(card_id).outcome == "created"
    late, live = story.tap(card_id, at=NOON + 30 * DAY - TICK), story.tap(card_id)
    assert [late.fare_rule, live.fare_rule] == ["monthly_pass"] * 2
    by_pass = story.ask(
        "SELECT t.pass_id, count(*) AS trips FROM transit.trips AS t GROUP BY 1 ORDER BY 1"
    )
    assert [row.trips for row in by_pass] == [2, 1]


def test_pass_moves_to_the_replacement(story):
    card_id = story.make_card_with_pass()
    assert story.tap(story.replace(card_id).card_id).fare_rule == "monthly_pass"
