"""api.explain_trip: why this fare, from what was recorded (api.explain_rules and its parts)."""

import pytest

from tests.sql.stories import (
    FARE,
    HOUR,
    MINUTE,
    NOON,
    NOWHERE,
    OTHER_TRUNK,
    OTHER_ZONAL,
    PASS_PRICE,
    ROUTE,
    TRUNK,
    ZONAL,
    Tap,
    at,
)

RULES = ["monthly_pass", "transfer", "subsidy_pass", "base", "credit"]


def explain(story, answer):
    return story.ask_one("SELECT * FROM api.explain_trip(%s)", answer.trip_id)


def fact(explanation, rule):
    """The fact that decided a rule."""
    return next(step["fact"] for step in explanation.steps if step["rule"] == rule)


def check(story, answer):
    """The explanation, after what must hold for each: rules in order up to the applied one."""
    explanation = explain(story, answer)
    trip = story.trip(answer.trip_id)
    assert (explanation.trip_id, explanation.fare, explanation.fare_rule) == (
        trip.trip_id, trip.fare, trip.fare_rule,
    )  # fmt: skip
    steps = [(step["rule"], step["applied"]) for step in explanation.steps]
    place = RULES.index(trip.fare_rule)
    assert steps == [(rule, rule == trip.fare_rule) for rule in RULES[: place + 1]]
    return explanation


def test_explanation_names_the_tariff_of_the_trip(story):
    story.stop_clock(at("2023-06-01 12:00"))
    tariff = check(story, story.tap(story.make_card(balance=10_000))).tariff
    assert tariff.pop("tariff_id") == 1
    assert tariff == {
        "valid_from": "2023-01-10T05:00:00.000000Z",
        "trunk_fare": 2950,
        "zonal_fare": 2750,
        "cable_fare": 2950,
        "transfer_window_min": 110,
        "max_transfers": 2,
        "zonal_to_trunk_transfer_fare": 200,
        "other_transfer_fare": 0,
    }


def test_full_fare_is_explained(story):
    explanation = check(story, story.tap(story.make_card(balance=FARE), ZONAL))
    assert fact(explanation, "base") == f"The full fare of the component zonal is {FARE}."
    assert fact(explanation, "subsidy_pass") == (
        "The profile adult has 0 free trips a month; 0 were used before this trip."
    )
    assert fact(explanation, "monthly_pass").startswith("No monthly pass")
    assert explanation.corrections == []


def test_credit_is_explained_by_the_balance_on_arrival(story):
    explanation = check(story, story.tap(story.make_card(balance=1000)))
    assert "balance on arrival was 1000" in fact(explanation, "base")
    assert fact(explanation, "credit") == f"The balance of 1000 went first, {FARE - 1000} was lent."


def test_second_credit_trip_is_explained_by_no_balance_at_all(story):
    explanation = check(story, story.tap(story.make_card_in_debt()))
    assert "balance on arrival was 0" in fact(explanation, "base")
    assert fact(explanation, "credit") == f"The balance of 0 went first, {FARE} was lent."


def test_pass_is_explained(story):
    card_id = story.make_card_with_pass()
    assert "on monthly pass" in fact(check(story, story.tap(card_id)), "monthly_pass")


def test_free_trip_is_explained_by_those_used_before_it(story):
    card_id = story.make_card(profile="senior_c")
    story.tap(card_id)
    assert fact(check(story, story.tap(card_id)), "subsidy_pass") == (
        "The profile senior_c has 3 free trips a month; 1 were used before this trip."
    )


def test_transfer_is_explained_by_its_journey(story):
    card_id = story.make_card(balance=FARE)
    paid = story.tap(card_id, ZONAL)
    assert fact(check(story, story.tap(card_id, TRUNK)), "transfer") == (
        f"Transfer 1 of the journey that trip {paid.trip_id} paid, for 0."
    )


@pytest.mark.parametrize(
    ("before", "words"),
    [
        ([], "no journey before"),
        ([(ZONAL, None, 125)], "its window of 125 minutes ended at 2026-11-20T17:00:00.000000Z"),
        ([(ZONAL, None, 9), (OTHER_ZONAL, None, 8), (ZONAL, None, 7)], "already has 2 transfers"),
        ([(TRUNK, None, 1)], "at the same station"),
        ([(ZONAL, ROUTE, 1)], "on the same route"),
        ([(OTHER_TRUNK, None, 1)], "in the trunk too"),
    ],
)
def test_missing_transfer_is_explained_by_the_fact_that_ruled_it_out(story, before, words):
    card_id = story.make_card(balance=20_000)
    for station, route, minutes in before:
        story.tap(card_id, station, route=route, at=NOON - minutes * MINUTE)
    explanation = check(story, story.tap(card_id, TRUNK, route=ROUTE))
    assert words in fact(explanation, "transfer")
    assert explanation.fare_rule == "base"


def test_anonymous_card_is_told_why_it_has_no_transfer(story):
    explanation = check(story, story.tap(story.make_anonymous_card(balance=FARE)))
    assert "anonymous" in fact(explanation, "transfer")


def test_declined_priced_transfer_is_explained(story):
    story.stop_clock(at("2023-06-01 12:00"))
    card_id = story.make_card(balance=2750 + 199)
    story.tap(card_id, ZONAL)
    explanation = check(story, story.tap(card_id, TRUNK))
    assert "did not cover its price" in fact(explanation, "transfer")


def test_trip_beyond_the_daily_limit_of_its_pass_is_explained(story):
    card_id = story.make_card_with_pass(balance=PASS_PRICE + 2 * FARE)
    story.decree("UPDATE transit.monthly_passes SET trips = 2")
    story.tap(card_id)
    story.tap(card_id, at=NOON + 5 * MINUTE)
    story.go_to(NOON + MINUTE)
    story.buy_pass(card_id)
    story.go_to(NOON + 2 * MINUTE)
    story.tap(card_id)
    story.go_to(NOON + HOUR)
    *_, last = [story.tap(card_id) for _ in range(6)]
    story.tap(card_id, at=NOON + MINUTE / 2)
    assert "as often as a day allows" in fact(check(story, last), "monthly_pass")


def test_corrections_are_listed_oldest_first(story):
    card_id = story.make_card(balance=20_000, profile="senior")
    trip = story.tap(card_id, TRUNK)
    story.tap(card_id, at=NOON - 5 * HOUR)
    story.go_to(NOON + HOUR)
    story.tap(card_id, ZONAL, at=NOON - MINUTE)
    explanation = check(story, trip)
    amounts = [correction["amount"] for correction in explanation.corrections]
    assert amounts == [-FARE, FARE]
    assert [correction["at"] for correction in explanation.corrections] == [
        "2026-11-20T17:00:00.000000Z", "2026-11-20T18:00:00.000000Z",
    ]  # fmt: skip
    assert explanation.corrections[1]["balance_after"] == 20_000 - FARE


def changes(explanation):
    """Amount, rules and journeys of the corrections."""
    return [
        tuple(
            correction[name]
            for name in ("amount", "old_rule", "new_rule", "old_journey_id", "new_journey_id")
        )
        for correction in explanation.corrections
    ]


def test_correction_says_what_the_rule_and_the_journey_became(story):
    card_id = story.make_card(balance=20_000)
    trip = story.tap(card_id, TRUNK)
    late = story.tap(card_id, ZONAL, at=NOON - MINUTE)
    assert changes(check(story, trip)) == [
        (FARE, "base", "transfer", trip.trip_id, late.trip_id)
    ]  # fmt: skip


def test_free_trip_that_becomes_a_paid_one_keeps_its_journey(story):
    card_id = story.make_card(balance=20_000, profile="senior")
    trip = story.tap(card_id, TRUNK)
    story.tap(card_id, TRUNK, at=NOON - 5 * HOUR)
    assert changes(check(story, trip)) == [
        (-FARE, "subsidy_pass", "base", trip.trip_id, trip.trip_id)
    ]


def test_free_trip_that_becomes_a_transfer_is_listed_though_no_peso_moved(story):
    card_id = story.make_card(balance=20_000, profile="senior_c")
    trip = story.tap(card_id, TRUNK)
    late = story.tap(card_id, ZONAL, at=NOON - MINUTE)
    explanation = check(story, trip)
    assert (trip.fare_rule, explanation.fare_rule, explanation.fare) == (
        "subsidy_pass", "transfer", 0,
    )  # fmt: skip
    assert changes(explanation) == [(0, "subsidy_pass", "transfer", trip.trip_id, late.trip_id)]
    (correction,) = explanation.corrections
    assert [correction[name] for name in ("entry_id", "card_id", "balance_after")] == [None] * 3
    assert correction["at"] == "2026-11-20T17:00:00.000000Z"
    assert "fare_correction" not in dict(story.entries(card_id))


def test_transfer_that_moves_to_another_journey_is_listed(story):
    card_id = story.make_card(balance=20_000)
    first = story.tap(card_id, ZONAL, at=NOON - 60 * MINUTE)
    last = story.tap(card_id, TRUNK, at=NOON - 20 * MINUTE)
    late = story.tap(card_id, ZONAL, at=NOON - 40 * MINUTE)
    assert changes(check(story, last)) == [(0, "transfer", "transfer", first.trip_id, late.trip_id)]


def test_changes_of_one_call_are_listed_in_the_order_in_which_they_were_made(story):
    card_id = story.make_card(balance=20_000)
    trip = story.tap(card_id, TRUNK)
    journeys = story.taps(
        Tap(card_id, ZONAL, at=NOON - 20 * MINUTE), Tap(card_id, ZONAL, at=NOON - 10 * MINUTE)
    )
    first, second = (answer.trip_id for answer in journeys)
    assert changes(check(story, trip)) == [
        (FARE, "base", "transfer", trip.trip_id, first), (0, "transfer", "transfer", first, second),
    ]  # fmt: skip


def test_trip_that_leaves_its_pass_is_listed_without_a_journey_before(story):
    card_id = story.make_card(balance=PASS_PRICE + 20_000)
    paid = story.tap(card_id, ZONAL, at=NOON - 10 * MINUTE)
    story.buy_pass(card_id)
    story.decree("UPDATE transit.monthly_passes SET trips = 1")
    story.go_to(NOON + 10 * MINUTE)
    on_pass = story.tap(card_id, TRUNK)
    story.tap(card_id, TRUNK, at=NOON)
    assert changes(explain(story, on_pass)) == [(0, "monthly_pass", "transfer", None, paid.trip_id)]


def test_explanation_outlives_a_new_decree(story):
    trip = story.tap(story.make_card(balance=FARE))
    story.decree("UPDATE transit.tariffs SET valid_from = valid_from + interval '5 years'"
                 " WHERE tariff_id = 4")  # fmt: skip
    assert explain(story, trip).tariff["trunk_fare"] == FARE


def test_unknown_trip_is_not_explained_trip_not_found(story):
    assert story.ask("SELECT * FROM api.explain_trip(%s)", NOWHERE) == []
