"""The riders' own books: what each was told, what the rules say, and where the service differs."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from simulator.fares import Account
from simulator.tariffs import Component

KEPT_EVENTS = 60  # per rider, for the print of a difference
SHOWN_DIFFERENCES = 20


@dataclass(frozen=True, slots=True)
class Tap:
    """A tap as it was sent; `tapped_at` is None where the validator was online."""

    card_id: int
    station_id: int
    component: Component
    device_id: int
    device_seq: int
    tapped_at: datetime | None = None
    route_id: int | None = None


@dataclass(frozen=True, slots=True)
class Difference:
    """One fact on which a rider and the service disagree, with what led to it."""

    rider: int
    card_id: int
    what: str
    told: object
    expected: object
    events: tuple[str, ...] = ()

    def __str__(self) -> str:
        return (
            f"rider {self.rider}, card {self.card_id}: {self.what} is {self.told}, "
            f"by the rules {self.expected}"
        )


@dataclass(slots=True)
class Book:
    """One rider's accounts (the last is the one in use) and the events of late."""

    rider: int
    profile: str
    card_id: int
    accounts: list[Account]
    user_id: int | None = None
    lost_card_id: int | None = None
    events: deque[str] = field(default_factory=lambda: deque(maxlen=KEPT_EVENTS))
    last_trip: tuple[int, datetime] | None = None
    recharged: int = 0

    @property
    def account(self) -> Account:
        """The account of the card in the rider's hand."""
        return self.accounts[-1]

    def account_of(self, card_id: int) -> Account:
        """The account a card belongs to, lost ones included."""
        return next(account for account in self.accounts if card_id in account.cards)


class Books:
    """All riders' books and every difference met so far."""

    def __init__(self) -> None:
        self.by_rider: dict[int, Book] = {}
        self.differences: list[Difference] = []
        self.loaded = 0  # pesos, by all riders

    def open(
        self, rider: int, profile: str, card_id: int, user_id: int | None, at: datetime
    ) -> Book:
        """A rider's first card."""
        account = Account(card_id, at, profile, user_id is not None)
        book = Book(rider, profile, card_id, [account], user_id)
        self.by_rider[rider] = book
        return book

    def differ(self, book: Book, card_id: int, what: str, told: object, expected: object) -> None:
        """Note a disagreement with the events that led to it."""
        self.differences.append(
            Difference(book.rider, card_id, what, told, expected, tuple(book.events))
        )

    def note_tap(
        self, book: Book, tap: Tap, outcome: str, told: Mapping[str, Any], now: datetime
    ) -> None:
        """Decide the tap by the rules and compare with the answer."""
        trip_id = told.get("trip_id")
        decision = book.account_of(tap.card_id).tap(
            tap.card_id,
            tap.station_id,
            tap.component,
            now,
            token=trip_id,
            route=tap.route_id,
            tapped_at=tap.tapped_at,
            device_id=tap.device_id,
            device_seq=tap.device_seq,
        )
        late = f", tapped {tap.tapped_at:%H:%M:%S}" if tap.tapped_at else ""
        book.events.append(
            f"{now:%Y-%m-%d %H:%M:%S} tap at station {tap.station_id}{late}: {outcome}, "
            f"trip {trip_id}, fare {told.get('fare')}, balance {told.get('balance')}"
        )
        self._compare(book, tap.card_id, "outcome of a tap", outcome, decision.outcome)
        if outcome == decision.outcome == "accepted":
            self._compare(book, tap.card_id, f"fare of trip {trip_id}", told["fare"], decision.fare)
            self._compare(
                book,
                tap.card_id,
                f"balance after trip {trip_id}",
                told["balance"],
                decision.balance,
            )
            rule = told.get("fare_rule", decision.rule)
            self._compare(book, tap.card_id, f"rule of trip {trip_id}", rule, decision.rule)

    def note_recharge(
        self,
        book: Book,
        outcome: str,
        told: Mapping[str, Any],
        amount: int,
        channel: str,
        now: datetime,
    ) -> None:
        """Post the recharge by the rules and compare with the answer."""
        decision = book.account.recharge(
            book.card_id, amount, now, channel=channel, token=told.get("recharge_id", "")
        )
        book.events.append(
            f"{now:%Y-%m-%d %H:%M:%S} recharge of {amount} ({channel}): {outcome}, "
            f"balance {told.get('balance')}"
        )
        self._compare(book, book.card_id, "outcome of a recharge", outcome, decision.outcome)
        if outcome == decision.outcome == "accepted":
            book.recharged += amount
            self.loaded += amount
            told_balance = told.get("balance")
            self._compare(
                book, book.card_id, "balance after a recharge", told_balance, decision.balance
            )

    def note_pass(self, book: Book, outcome: str, told: Mapping[str, Any], now: datetime) -> None:
        """Buy the monthly pass by the rules and compare with the answer."""
        decision = book.account.buy_pass(book.card_id, now, token=told.get("pass_id", ""))
        book.events.append(f"{now:%Y-%m-%d %H:%M:%S} monthly pass: {outcome}")
        self._compare(book, book.card_id, "outcome of a pass", outcome, decision.outcome)

    def note_block(self, book: Book, now: datetime) -> None:
        """The card was reported lost."""
        book.account.block(book.card_id, now)
        book.lost_card_id = book.card_id
        book.events.append(f"{now:%Y-%m-%d %H:%M:%S} card {book.card_id} lost and blocked")

    def note_replacement(self, book: Book, card_id: int, balance: int, now: datetime) -> None:
        """A personalised card was replaced by a new one that holds the money."""
        decision = book.account.replace(book.card_id, card_id, now, reason="lost")
        book.events.append(
            f"{now:%Y-%m-%d %H:%M:%S} card {book.card_id} replaced by {card_id}: balance {balance}"
        )
        self._compare(book, card_id, "balance after a replacement", balance, decision.balance)
        book.card_id = card_id

    def note_new_card(self, book: Book, card_id: int, now: datetime) -> None:
        """An anonymous rider bought another card; the old one keeps its money."""
        book.accounts.append(Account(card_id, now, book.profile, False))
        book.events.append(f"{now:%Y-%m-%d %H:%M:%S} card {book.card_id} lost, bought {card_id}")
        book.card_id = card_id

    def check_balance(self, book: Book, told: Mapping[str, Any]) -> None:
        """A balance that was read while nothing of this rider was in flight."""
        account = book.account
        self._compare(book, book.card_id, "balance", told.get("balance"), account.balance)
        self._compare(book, book.card_id, "debt", told.get("debt"), account.debt)

    def _compare(self, book: Book, card_id: int, what: str, told: object, expected: object) -> None:
        if told != expected:
            self.differ(book, card_id, what, told, expected)

    def cards(self) -> Iterator[tuple[int, Book, int, int]]:
        """Every card ever held: id, book, expected balance and debt."""
        for book in self.by_rider.values():
            for account in book.accounts:
                for card_id in account.cards:
                    current = card_id == account.card
                    yield (
                        int(card_id),
                        book,
                        account.balance if current else 0,
                        account.debt if current else 0,
                    )

    def compare_cards(self, told: Mapping[int, tuple[int, int]]) -> int:
        """Every card's balance and debt against what the service lists; the number compared."""
        compared = 0
        for card_id, book, balance, debt in self.cards():
            compared += 1
            if card_id not in told:
                self.differ(book, card_id, "card", "missing", "listed")
                continue
            self._compare(book, card_id, "balance at the end", told[card_id][0], balance)
            self._compare(book, card_id, "debt at the end", told[card_id][1], debt)
        return compared

    def totals(self) -> dict[str, int]:
        """What the service's totals must have grown by."""
        trips = paid = transfers = revenue = recharged = balance = debt = 0
        for book in self.by_rider.values():
            recharged += book.recharged
            for account in book.accounts:
                balance += account.balance
                debt += account.debt
                for trip in account.trips:
                    trips += 1
                    revenue += trip.fare
                    paid += trip.fare > 0
                    transfers += trip.rule == "transfer"
        return {
            "total_trips": trips,
            "paid_trips": paid,
            "transfers": transfers,
            "revenue": revenue,
            "recharged": recharged,
            "outstanding_balance": balance,
            "outstanding_debt": debt,
        }


def compare_statement(book: Book, card_id: int, told: Iterable[Mapping[str, Any]]) -> list[str]:
    """The entries that only the service or only the rider's book has."""
    ours = [
        (entry.kind, entry.amount, entry.reference)
        for entry in book.account_of(card_id).statement(card_id)
    ]
    lines = []
    for entry in reversed(list(told)):
        posted = (entry["kind"], entry["amount"], entry["reference_id"])
        if posted in ours:
            ours.remove(posted)
        else:
            lines.append(f"only the service has: {describe_entry(*posted)} at {entry['at']}")
    lines += [f"only the rider has: {describe_entry(*entry)}" for entry in ours]
    return [f"card {card_id}: {line}" for line in lines]


def describe_entry(kind: object, amount: object, reference: object) -> str:
    """An entry in words."""
    return f"{kind} of {amount}, reference {reference}"


def compare_totals(
    before: Mapping[str, int], after: Mapping[str, int], expected: Mapping[str, int]
) -> list[tuple[str, int, int]]:
    """Name, growth told and growth expected of each total that differs."""
    grown = {name: after[name] - before[name] for name in expected}
    return [(name, grown[name], want) for name, want in expected.items() if grown[name] != want]


def describe(differences: Iterable[Difference]) -> list[str]:
    """The differences as lines: each rider once, with the events that led there."""
    lines: list[str] = []
    seen: set[int] = set()
    for difference in differences:
        if len(seen) >= SHOWN_DIFFERENCES:
            lines.append("... more riders differ")
            break
        lines.append(str(difference))
        if difference.rider not in seen:
            seen.add(difference.rider)
            lines.extend(f"    {event}" for event in difference.events)
    return lines
