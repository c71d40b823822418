"""Random riders with passes of a few trips and transfers with a price: the books always agree.

The terms are small, so that the ends of passes, days and free trips come up in every story.
"""

import random
from datetime import timedelta

import pytest

from tests.sql.stories import (
    CABLE,
    OTHER_ROUTE,
    OTHER_TRUNK,
    OTHER_ZONAL,
    ROUTE,
    TRUNK,
    ZONAL,
    Tap,
    at,
)

STATIONS = (TRUNK, OTHER_TRUNK, ZONAL, OTHER_ZONAL, CABLE)
# Before a new tariff, around the end of a month, and on a plain day.
BEGINNINGS = ("2024-02-10 06:00", "2025-01-15 06:00", "2026-10-29 05:00", "2023-03-30 20:00")
LATENESS_MIN = (0, 0, 0, 5, 15, 40, 90, 130, 200, 600, 1440, 2880, 10079)
STEPS = 40


class Rider:
    """One account, its taps in whatever order its validators send them."""

    def __init__(self, story, seed):
        self.story, self.dice, self.sent = story, random.Random(seed), []
        self.now = at(self.dice.choice(BEGINNINGS))
        story.stop_clock(self.now)
        story.decree(
            "UPDATE transit.pass_products SET price = 1000, trips = %s, days = %s,"
            " max_trips_per_day = %s",
            *(self.dice.choice(terms) for terms in ((3, 5, 9), (1, 2, 3), (1, 2, 3))),
        )
        story.decree(
            "UPDATE transit.tariffs SET other_transfer_fare = %s", self.dice.choice((0, 0, 300))
        )
        profile = self.dice.choice((None, "senior", "senior_c", "low_income_b"))
        self.cards = [story.make_card(self.dice.choice((0, 3_000, 10_000, 400_000)), profile)]

    def live(self):
        self.now += timedelta(minutes=self.dice.choice((1, 7, 20, 60, 300)))
        self.story.go_to(self.now)
        chance = self.dice.random()
        if chance < 0.75:
            self.story.taps(*(self.tap() for _ in range(self.dice.randrange(1, 5))))
        elif chance < 0.87:
            self.story.recharge(self.cards[-1], self.dice.choice((50, 1_000, 3_550, 20_000)))
        elif chance < 0.97:
            self.story.buy_pass(self.cards[-1])
        else:
            self.cards.append(self.story.replace(self.cards[-1]).card_id)

    def tap(self):
        if self.sent and self.dice.random() < 0.1:
            return self.dice.choice(self.sent)
        device = (self.dice.choice((1, 2, 10)), len(self.sent) + 1)
        late = timedelta(minutes=self.dice.choice(LATENESS_MIN))
        ahead = timedelta(minutes=self.dice.choice((0, 0, 0, 4)))
        tap = Tap(
            self.dice.choice(self.cards),
            self.dice.choice(STATIONS),
            at=self.now - late + ahead,
            route=self.dice.choice((None, ROUTE, OTHER_ROUTE)),
            device=device if self.dice.random() < 0.8 else (None, None),
        )
        self.sent.append(tap)
        return tap


@pytest.mark.parametrize("seed", range(15))
def test_books_agree_after_taps_in_any_order(story, seed):
    rider = Rider(story, seed)
    for _ in range(STEPS):
        rider.live()
    assert story.offences() == []
