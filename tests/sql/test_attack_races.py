"""Attacks by many at once: whatever interleaves, each audit in between finds books that agree."""

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from tests.sql.stories import CABLE, OTHER_TRUNK, OTHER_ZONAL, PASS_PRICE, TRUNK, ZONAL, Story, Tap

WRITERS = 4
STEPS = 60
STATIONS = (TRUNK, OTHER_TRUNK, ZONAL, OTHER_ZONAL, CABLE)


class Crowd:
    """Riders, offices and validators that share a few cards; the clock runs as it does."""

    def __init__(self, database):
        self.database = database
        story = self.open()
        holders = [story.make_user() for _ in range(3)]
        self.cards = [
            *(story.make_card(10_000, user_id=user_id) for user_id in holders),
            *(story.make_card(10_000, "senior_a", user_id) for user_id in holders),
            story.make_card_with_pass(),
            story.make_anonymous_card(10_000),
        ]
        self.now = story.ask_one("SELECT api.clock_now() AS now").now
        story.connection.close()

    def open(self):
        connection = self.database.connect()
        connection.autocommit = True
        return Story(connection)

    def write(self, seed):
        """Random steps of one writer, each a call; new cards are known to everybody."""
        dice, story = random.Random(seed), self.open()
        steps = (self.upload, self.upload, self.upload, self.recharge, self.replace, self.block)
        for _ in range(STEPS):
            dice.choice(steps)(dice, story)
        story.connection.close()

    def upload(self, dice, story):
        """A few taps of any cards in any order, some late and some sent before."""
        story.taps(
            *(
                Tap(
                    dice.choice(self.cards),
                    dice.choice(STATIONS),
                    at=dice.choice(
                        (None, self.now - timedelta(minutes=dice.randrange(3 * 24 * 60)))
                    ),
                    device=(1, dice.randrange(1, 500)),
                )
                for _ in range(dice.randrange(1, 6))
            )
        )

    def recharge(self, dice, story):
        cards = dice.sample(self.cards, 3)
        story.recharges(
            *((card_id, 5_000, None, None, f"k{dice.randrange(50)}") for card_id in cards)
        )
        if dice.random() < 0.2:
            story.recharge(cards[0], PASS_PRICE)
            story.buy_pass(cards[0], key=f"k{dice.randrange(50)}")

    def replace(self, dice, story):
        answer = story.replace(dice.choice(self.cards), key=f"k{dice.randrange(50)}")
        if answer.outcome == "created":
            self.cards.append(answer.card_id)

    def block(self, dice, story):
        card_id = dice.choice(self.cards)
        (story.block if dice.random() < 0.3 else story.unblock)(card_id)

    def fold(self, writers):
        story = self.open()
        while not all(writer.done() for writer in writers):
            story.fold()
        story.connection.close()


@pytest.mark.parametrize("seed", [1, 2])
def test_books_agree_at_every_moment_while_everybody_writes(fresh_database, seed):
    crowd = Crowd(fresh_database)
    auditor = crowd.open()
    audits = []
    with ThreadPoolExecutor(WRITERS + 1) as pool:
        writers = [pool.submit(crowd.write, seed * 100 + i) for i in range(WRITERS)]
        folder = pool.submit(crowd.fold, writers)
        while not all(writer.done() for writer in writers):
            audits.append(auditor.offences())
        for one in (*writers, folder):
            one.result()
    audits.append(auditor.offences())
    auditor.connection.close()
    assert [offences for offences in audits if offences] == []
    assert len(audits) > 1
