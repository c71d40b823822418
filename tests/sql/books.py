"""The busy book: one story of everything that moves money, to be audited and corrupted."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from tests.sql.stories import OTHER_ZONAL, TRUNK, ZONAL, Story, at

ISSUED = at("2023-02-01 09:00")
MORNING = at("2028-03-01 07:00")
NEXT_DAY = MORNING + timedelta(days=1)
DAY, DAY_AFTER = MORNING.date(), NEXT_DAY.date()


@dataclass
class Book:
    """The cards, users and trips of the story, by the part they play in it."""

    story: Story
    card: dict[str, int] = field(default_factory=dict)
    user: dict[str, int] = field(default_factory=dict)
    trip: dict[str, int] = field(default_factory=dict)

    def person(self, name: str, profile: str | None = None) -> int:
        self.user[name] = self.story.make_user()
        self.card[name] = self.story.make_card(profile=profile, user_id=self.user[name])
        return self.card[name]

    def ride(self, trip: str, card_id: int, station: int, **how: Any) -> None:
        """A tap that is accepted."""
        answer = self.story.tap(card_id, station, **how)
        assert answer.outcome == "accepted", answer
        self.trip[trip] = answer.trip_id

    def names(self) -> dict[str, int]:
        """Everything that a corruption may name."""
        (recharge,) = self.story.ask(
            "SELECT r.recharge_id FROM transit.recharges AS r WHERE r.card_id = %s",
            self.card["usual"],
        )
        monthly_pass = self.story.ask_one("SELECT p.pass_id FROM transit.monthly_passes AS p")
        (late,) = self.story.ask(
            "SELECT r.recharge_id FROM transit.recharges AS r WHERE r.card_id = %s",
            self.card["late"],
        )
        entry = self.story.ask_one(
            "SELECT e.entry_id FROM transit.ledger_entries AS e WHERE e.reference_id = %s"
            " AND e.kind = 'fare'",
            self.trip["paid"],
        )
        return {
            "recharge_usual": recharge.recharge_id,
            "recharge_late": late.recharge_id,
            "entry_paid": entry.entry_id,
            "pass_commuter": monthly_pass.pass_id,
            "pass_second": monthly_pass.pass_id + 4096,
            "stop_paid": ZONAL,
            **{f"card_{name}": card_id for name, card_id in self.card.items()},
            **{f"user_{name}": user_id for name, user_id in self.user.items()},
            **{f"trip_{name}": trip_id for name, trip_id in self.trip.items()},
        }

    def audit(self, card_id: int | None = None, on: Any = None) -> list[Any]:
        with self.story.as_owner():
            return self.story.ask("SELECT * FROM api.audit(%s::bigint, %s::date)", card_id, on)


def write_busy_book(connection: Any) -> Book:
    """Recharges, transfers, late taps, credit, passes, free trips, replacements and an expiry."""
    story = Story(connection)
    book = Book(story)
    story.stop_clock(ISSUED)
    book.card["forgotten"] = story.make_anonymous_card()
    story.recharge(book.card["forgotten"], 7_000, "machine")
    story.go_to(MORNING)
    with story.as_owner():
        story.ask("SELECT api.expire_cards(10)")
    ride_as_usual(book)
    ride_late(book)
    story.fold()
    borrow(book)
    rest(book)
    ride_free(book)
    story.go_to(NEXT_DAY)
    replace(book)
    end_of_cards(book)
    return book


def ride_as_usual(book: Book) -> None:
    story, card_id = book.story, book.person("usual")
    story.recharge(card_id, 20_000, "retail", key="recharge-1")
    book.ride("paid", card_id, ZONAL, device=(12, 1), route=101)
    story.go_to(MORNING + timedelta(minutes=20))
    book.ride("transfer", card_id, TRUNK, device=(12, 2))
    story.go_to(MORNING + timedelta(minutes=40))
    book.ride("second_transfer", card_id, OTHER_ZONAL, key="tap-1")
    book.card["anonymous"] = story.make_anonymous_card(5_000)
    book.ride("anonymous", book.card["anonymous"], TRUNK)
    refused = story.tap(book.card["anonymous"], TRUNK, device=(12, 3))
    assert refused.outcome == "insufficient_balance"


def ride_late(book: Book) -> None:
    """The second tap arrives first; the one before it makes it a transfer."""
    card_id = book.person("late")
    book.story.recharge(card_id, 10_000, "wallet")
    now = MORNING + timedelta(minutes=40)
    earlier = now - timedelta(minutes=30)
    book.ride("corrected", card_id, ZONAL, device=(13, 2), at=now)
    book.ride("late", card_id, OTHER_ZONAL, device=(13, 1), at=earlier)


def borrow(book: Book) -> None:
    card_id = book.person("debtor")
    book.story.recharge(card_id, 4_000)
    book.ride("last_paid", card_id, TRUNK)
    book.ride("credit", card_id, TRUNK)
    book.ride("second_credit", card_id, TRUNK, device=(14, 1))
    refused = book.story.tap(card_id, TRUNK, device=(14, 2))
    assert refused.outcome == "insufficient_balance"


def rest(book: Book) -> None:
    """A debt is repaid with a recharge that leaves too little: no credit until a larger one."""
    card_id = book.person("resting")
    book.ride("rested", card_id, TRUNK)
    assert book.story.recharge(card_id, 3_600).debt_repaid == 3_550
    refused = book.story.tap(card_id, TRUNK)
    assert refused.outcome == "insufficient_balance"


def ride_free(book: Book) -> None:
    card_id = book.person("senior", "senior_c")
    book.story.recharge(card_id, 10_000, "online")
    for trip in ("free", "second_free", "third_free", "not_free"):
        book.ride(trip, card_id, TRUNK)
    card_id = book.person("commuter")
    book.story.recharge(card_id, 200_000)
    assert book.story.buy_pass(card_id, key="pass-1").outcome == "created"
    book.story.go_to(MORNING + timedelta(minutes=41))
    for trip in ("on_pass", "second_on_pass"):
        book.ride(trip, card_id, TRUNK)


def replace(book: Book) -> None:
    story, old = book.story, book.person("lost")
    story.recharge(old, 30_000, "retail")
    book.ride("before_loss", old, ZONAL)
    book.card["heir"] = story.replace(old, key="replace-1").card_id
    story.go_to(NEXT_DAY + timedelta(minutes=30))
    book.ride("after_loss", book.card["heir"], OTHER_ZONAL)
    in_between = NEXT_DAY - timedelta(minutes=5)
    book.ride("late_on_lost", old, OTHER_ZONAL, device=(15, 1), at=in_between)
    book.card["debtors_heir"] = story.replace(book.card["debtor"]).card_id


def end_of_cards(book: Book) -> None:
    story, blocked, unblocked = book.story, book.person("blocked"), book.person("unblocked")
    story.recharge(blocked, 8_000)
    for card_id in (blocked, unblocked):
        story.block(card_id)
    story.go_to(NEXT_DAY + timedelta(minutes=40))
    story.unblock(unblocked)
    book.person("erased")
    assert story.erase(book.user["erased"]).outcome == "accepted"
