"""Accounts that are folded between their events hold what accounts kept in full would."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from simulator.city import City, read_city
from simulator.day import Event
from simulator.fares import Account
from simulator.holders import CardIndex, Holders
from simulator.population import first_recharge
from simulator.replay import take_all
from simulator.riders import Rider
from simulator.weekday import plan_weekday

MORNING = datetime(2026, 11, 23, 10, tzinfo=UTC)


@pytest.fixture(scope="module")
def city() -> City:
    return read_city()


def card_of(rider: Rider) -> int:
    """A number that says nothing of the rider's own."""
    return 5_000_000 + rider.number * 7 % 1009


def settle(riders: list[Rider], holders: Holders) -> dict[int, Account]:
    """Cards and first money on both sides; some riders buy a pass."""
    accounts = {}
    for rider in riders:
        card_id, money = card_of(rider), first_recharge(rider)
        account = Account(card_id, MORNING, rider.profile, rider.named, bookkeeping=False)
        holders.add(rider, card_id, MORNING, money)
        if money:
            account.recharge(card_id, money, MORNING)
        if rider.kind == "pass_holder":
            account.buy_pass(card_id, MORNING)
            holders.account(rider.number).buy_pass(card_id, MORNING)
        accounts[rider.number] = account
    return accounts


def act(account: Account, card_id: int, event: Event, city: City) -> tuple[str, int]:
    """One event by the rules: outcome and balance."""
    now = MORNING + timedelta(seconds=event.at)
    if event.what == "recharge":
        recharged = account.recharge(card_id, event.amount, now, channel=event.place)
        return recharged.outcome, recharged.balance
    tapped = account.tap(card_id, int(event.place, 36), city.places[event.place].component, now)
    return tapped.outcome, tapped.balance


def test_a_folded_account_is_told_from_no_other(city: City) -> None:
    riders, events = plan_weekday(city, 0.0003, 7)
    holders = Holders(len(riders), events)
    accounts = settle(riders, holders)
    most = 0
    for event in events:
        card_id = card_of(riders[event.rider])
        expected = act(accounts[event.rider], card_id, event, city)
        assert act(holders.account(event.rider), card_id, event, city) == expected
        most = max(most, holders.in_full)
        holders.done(event.rider)
    holders.fold_all()
    assert holders.in_full == 0
    assert most < len(riders) / 2
    assert list(holders.nets) == [accounts[rider.number].net for rider in riders]
    trips = [trip for account in accounts.values() for trip in account.trips]
    assert holders.totals() == {
        "total_trips": len(trips),
        "paid_trips": sum(trip.fare > 0 for trip in trips),
        "transfers": sum(trip.rule == "transfer" for trip in trips),
        "revenue": sum(trip.fare for trip in trips),
        "outstanding_balance": sum(account.balance for account in accounts.values()),
        "outstanding_debt": sum(account.debt for account in accounts.values()),
    }
    assert Counter(trip.rule for trip in trips)["transfer"] > 0


def test_a_card_leads_to_its_rider_and_a_stranger_s_to_nobody() -> None:
    card_ids = Random(1).sample(range(0, 10_000, 2), 500)
    index = CardIndex(card_ids)
    assert [index.rider(card_id) for card_id in card_ids] == list(range(500))
    assert {index.rider(card_id) for card_id in (-1, 1, 5001, 10_001)} == {None}


def test_riders_are_taken_in_order_and_forgotten(city: City) -> None:
    riders, _ = plan_weekday(city, 0.00001, 7)
    wanted = list(riders)
    assert list(take_all(riders)) == wanted
    assert riders == []
