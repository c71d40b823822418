"""The accounts of a whole city, each kept in full only while its day goes on."""

from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from simulator.day import Event
from simulator.fares import Account
from simulator.riders import Rider
from simulator.tariffs import BOGOTA

PROFILES = tuple(BOGOTA.profiles)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Holders:
    """Riders by number, with the card of each.

    Millions of accounts do not fit beside a database: an account is rebuilt from its first money
    at its first event of the day, and only what it holds is left of it after its last one. At most
    two in five are in full at a time.
    """

    def __init__(self, riders: int, events: Iterable[Event]) -> None:
        self.card_ids = array("q", bytes(8 * riders))
        self.nets = array("i", bytes(4 * riders))  # balance - debt, of the accounts not in full
        self._profiles = array("B", bytes(riders))
        self._first_money = array("i", bytes(4 * riders))
        self._began_us = array("q", bytes(8 * riders))
        self._events_left = array("H", bytes(2 * riders))
        self._in_full: dict[int, Account] = {}
        self._totals: Counter[str] = Counter()
        for event in events:
            self._events_left[event.rider] += 1

    def __len__(self) -> int:
        return len(self.card_ids)

    @property
    def in_full(self) -> int:
        """How many accounts are in full now."""
        return len(self._in_full)

    def add(self, rider: Rider, card_id: int, began_at: datetime, first_money: int) -> None:
        """A rider's card; `first_money` was loaded at `began_at`, 0 is a card without any."""
        number = rider.number
        self.card_ids[number] = card_id
        self._profiles[number] = PROFILES.index(rider.profile)
        self._first_money[number] = first_money
        self._began_us[number] = (began_at - _EPOCH) // _MICROSECOND
        self.nets[number] = self._open(number).net

    def account(self, rider: int) -> Account:
        """The account in full; to be given back with `done`, once for each event."""
        account = self._in_full.get(rider)
        if account is None:
            account = self._in_full[rider] = self._open(rider)
        return account

    def done(self, rider: int) -> None:
        """One event of the rider less; the last one folds the account."""
        self._events_left[rider] -= 1
        if self._events_left[rider] == 0:
            self._fold(rider)

    def fold_all(self) -> None:
        """Fold what no event has folded, such as a pass bought by somebody who stays at home."""
        for rider in list(self._in_full):
            self._fold(rider)

    def _open(self, rider: int) -> Account:
        profile = PROFILES[self._profiles[rider]]
        began_at = _EPOCH + self._began_us[rider] * _MICROSECOND
        card_id, money = self.card_ids[rider], self._first_money[rider]
        account = Account(card_id, began_at, profile, profile != "basic", bookkeeping=False)
        if money:
            account.recharge(card_id, money, began_at)
        return account

    def _fold(self, rider: int) -> None:
        account = self._in_full.pop(rider)
        self.nets[rider] = account.net
        for trip in account.trips:
            self._totals["total_trips"] += 1
            self._totals["paid_trips"] += trip.fare > 0
            self._totals["transfers"] += trip.rule == "transfer"
            self._totals["revenue"] += trip.fare

    def totals(self) -> dict[str, int]:
        """What the service's totals must have grown by, recharges apart; once all are folded."""
        names = ("total_trips", "paid_trips", "transfers", "revenue")
        return {
            **{name: self._totals[name] for name in names},
            "outstanding_balance": sum(net for net in self.nets if net > 0),
            "outstanding_debt": -sum(net for net in self.nets if net < 0),
        }


class CardIndex:
    """Riders by card, in a tenth of a dictionary's memory."""

    def __init__(self, card_ids: Sequence[int]) -> None:
        self._riders = array("I", sorted(range(len(card_ids)), key=card_ids.__getitem__))
        self._card_ids = array("q", (card_ids[rider] for rider in self._riders))

    def rider(self, card_id: int) -> int | None:
        """Whose card it is; None for nobody's."""
        at = bisect_left(self._card_ids, card_id)
        if at == len(self._card_ids) or self._card_ids[at] != card_id:
            return None
        return self._riders[at]
