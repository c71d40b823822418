"""api.write_decisions and api.write_late_trip: one call decides as one call for each tap would."""

import random

import pytest

from tests.sql.stories import (
    CABLE,
    DAY,
    FARE,
    MINUTE,
    NOON,
    OTHER_TRUNK,
    OTHER_ZONAL,
    TRUNK,
    ZONAL,
    Tap,
)

STATIONS = (TRUNK, OTHER_TRUNK, ZONAL, OTHER_ZONAL, CABLE)
PEOPLE = [("adult", 0), ("adult", 2 * FARE), ("senior", FARE), ("senior_a", 0), ("pass", FARE)]


def make_cards(story):
    cards = []
    for profile, balance in PEOPLE:
        if profile == "pass":
            cards.append(story.make_card_with_pass(balance))
        else:
            cards.append(story.make_card(balance, profile))
    # The last two are one account.
    return [*cards, story.make_anonymous_card(balance=4 * FARE), story.replace(cards[0]).card_id]


def upload(seed):
    """(which card, station, time, device) of a validator that was out of coverage, with repeats."""
    dice = random.Random(seed)
    taps = [
        (
            dice.randrange(7),
            dice.choice(STATIONS),
            dice.choice((None, NOON - MINUTE * dice.randrange(300), NOON - DAY * dice.random())),
            dice.choice(((None, None), (1, sequence))),
        )
        for sequence in range(1, 41)
    ]
    return taps + dice.sample([tap for tap in taps if tap[3][0]], 5)


def result(story, answers, cards):
    """What can be seen of it, with cards and trips by their place and not by their number."""
    trips = {answer.trip_id: i for i, answer in enumerate(answers) if not answer.replayed}
    return (
        [
            (answer.outcome, answer.replayed, trips.get(answer.trip_id), answer.fare,
             answer.fare_rule, trips.get(answer.journey_id), answer.balance)
            for answer in answers
        ],
        [story.money(card_id) for card_id in cards],
        [story.entries(card_id) for card_id in cards],
        story.ask_one("SELECT * FROM api.read_revenue(null, null)"),
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(6))
def test_one_call_with_many_taps_is_many_calls_with_one(story, seed):
    results = []
    for size in (1, 7, 45):
        story.ask("SAVEPOINT nobody_rode")
        cards = make_cards(story)
        taps = [Tap(cards[i], *more[:1], at=more[1], device=more[2]) for i, *more in upload(seed)]
        answers = [
            answer for i in range(0, len(taps), size) for answer in story.taps(*taps[i : i + size])
        ]
        results.append(result(story, answers, cards))
        assert story.offences() == []
        story.ask("ROLLBACK TO SAVEPOINT nobody_rode")
    assert results[0] == results[1] == results[2]


def test_two_cards_of_one_account_in_one_call_share_their_money(story):
    card_id = story.make_card(balance=FARE)
    new_id = story.replace(card_id).card_id
    first, second = story.taps(Tap(card_id, at=NOON - MINUTE), Tap(new_id))
    assert [(answer.fare_rule, answer.balance) for answer in (first, second)] == [
        ("base", 0), ("credit", 0),
    ]  # fmt: skip
    assert story.money(new_id) == (0, FARE)
