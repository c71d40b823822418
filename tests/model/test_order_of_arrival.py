"""Any order, repetition and delay of the taps of accounts with money enough leaves the same trips,
the same fares (base and credit are one fare) and the same balance - debt.

TRANSIT_TEST_DEPTH=20 takes twenty times as many days and permutations, drawn anew in each run.
"""

import os
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.fares import Account
from simulator.tariffs import BOGOTA_TIME
from tests.conftest import Database, Server
from tests.model.machine import COMPONENTS, ROUTES
from tests.model.services import HttpService, Service, SqlService, TapRequest
from tests.model.test_service_against_model import assert_books_agree, clock_of

DEPTH = int(os.environ.get("TRANSIT_TEST_DEPTH", "1"))
FIRST_SEED = 0 if DEPTH == 1 else Random().randrange(10**9)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)

# A window of five days over a tariff's beginning, a month's end, or neither.
BEGINNINGS = [
    datetime.fromisoformat(text).replace(tzinfo=BOGOTA_TIME)
    for text in ("2024-02-10", "2025-01-16", "2026-01-12", "2024-01-29", "2024-02-27", "2026-03-02")
]
PROFILES = ("adult", "senior", "senior_c", "disability_a", "basic")


@dataclass(frozen=True)
class Week:
    """What one card does: its taps in time order, all at different times or devices."""

    profile: str
    has_pass: bool
    taps: tuple[TapRequest, ...]


def draw_week(random: Random, beginning: datetime, card_id: int = 0) -> Week:
    """Days of one to six taps in bunches, so that windows, counts and equal times are met."""
    profile = random.choice(PROFILES)
    taps: list[TapRequest] = []
    for day in range(5):
        at = beginning + day * DAY + random.randint(0, 20 * 60) * MINUTE
        for _ in range(random.randint(0, 6)):
            step = random.choice((0, 1, 10, 55, 109, 110, 111, 124, 125, 126, 200)) * MINUTE
            # Six a day at most: the limit of a pass goes by arrival, and would refuse.
            at = min(at + step, beginning + (day + 1) * DAY - timedelta(microseconds=1))
            station, route = random.choice(list(COMPONENTS)), random.choice((None, *ROUTES))
            taps.append(
                TapRequest(card_id, station, route, at, random.randint(8, 12), len(taps) + 1)
            )
    has_pass = profile != "basic" and random.random() < 0.3
    return Week(profile, has_pass, tuple(taps))


def deliver(
    random: Random, taps: Sequence[TapRequest], end: datetime
) -> list[tuple[datetime, TapRequest]]:
    """Each tap arrives live or up to days late, some twice: (arrival, tap) in order of arrival."""
    arrivals = []
    for tap in taps:
        assert tap.tapped_at is not None
        days = (end - tap.tapped_at) * random.random()
        delays = (timedelta(0), random.randint(0, 300) * MINUTE, days)
        chosen = random.choices(delays, k=random.choice((1, 1, 1, 2)))
        arrivals += [(tap.tapped_at + delay, random.random(), tap) for delay in chosen]
    return [(at, tap) for at, _, tap in sorted(arrivals, key=lambda arrival: arrival[:2])]


def result(account: Account) -> tuple[object, ...]:
    """What must not depend on the order of arrival."""
    trips = sorted(
        (
            trip.device_id, trip.device_seq, trip.fare,
            "full" if trip.rule in ("base", "credit") else trip.rule,
            next((p.device_seq for p in account.trips if p.token == trip.journey), None),
        )
        for trip in account.trips
    )  # fmt: skip
    return trips, account.net


def tap_model(account: Account, tap: TapRequest, now: datetime) -> None:
    assert tap.tapped_at is not None
    decision = account.tap(
        account.card, tap.station_id, COMPONENTS[tap.station_id], now, route=tap.route_id,
        tapped_at=tap.tapped_at, device_id=tap.device_id, device_seq=tap.device_seq,
    )  # fmt: skip
    assert decision.outcome == "accepted"


def make_rich(week: Week, beginning: datetime) -> Account:
    account = Account("card", beginning - DAY, week.profile, week.profile != "basic")
    account.recharge("card", 400_000, beginning - DAY)
    if week.has_pass:
        account.buy_pass("card", beginning)
    return account


@settings(max_examples=150 * DEPTH, deadline=None, database=None, derandomize=DEPTH == 1)
@given(seed=st.integers(0, 2**64), orders=st.lists(st.integers(0, 2**64), min_size=2, max_size=3))
def test_model_comes_to_the_same_whatever_the_order_of_arrival(
    seed: int, orders: list[int]
) -> None:
    random = Random(seed)
    beginning = random.choice(BEGINNINGS)
    week = draw_week(random, beginning)
    in_order = make_rich(week, beginning)
    for tap in week.taps:
        tap_model(in_order, tap, beginning + 6 * DAY)
    for order in orders:
        account = make_rich(week, beginning)
        for now, tap in deliver(Random(order), week.taps, beginning + 6 * DAY):
            tap_model(account, tap, now)
        assert result(account) == result(in_order)


@dataclass(frozen=True)
class Rider:
    """One card at the service, and what its week must come to."""

    card_id: int
    expected: Account
    taps: tuple[TapRequest, ...]


def make_rider(service: Service, random: Random, week: Week, now: datetime) -> Rider:
    document = None if week.profile == "basic" else f"{random.getrandbits(64):x}"
    card_id = service.make_card(document, week.profile)
    assert service.recharge(card_id, 400_000, None, None).outcome == "accepted"
    if week.has_pass:
        assert service.buy_pass(card_id, None).outcome == "created"
    expected = make_rich(week, now)
    return Rider(card_id, expected, tuple(replace(tap, card_id=card_id) for tap in week.taps))


def send_in_batches(
    service: Service, random: Random, arrivals: list[tuple[datetime, TapRequest]]
) -> dict[TapRequest, int]:
    """Everything in its order, in calls of 1 to 60 taps; answers the trip of each tap."""
    trips: dict[TapRequest, int] = {}
    while arrivals:
        size = random.choice((1, 7, 60))
        batch, arrivals = arrivals[:size], arrivals[size:]
        service.set_clock(batch[-1][0])
        requests = [tap for _, tap in batch]
        for request, answer in zip(requests, service.tap_batch(requests), strict=True):
            assert answer.outcome == "accepted"
            assert answer.trip_id is not None
            assert answer.replayed == (request in trips)
            assert trips.setdefault(request, answer.trip_id) == answer.trip_id
    return trips


def assert_as_expected(service: Service, rider: Rider, trips: dict[TapRequest, int]) -> None:
    card = service.read_card(rider.card_id)
    assert card.balance - card.debt == rider.expected.net
    of_device = {(tap.device_id, tap.device_seq): trips[tap] for tap in rider.taps}
    for trip in rider.expected.trips:
        now = service.read_trip(of_device[trip.device_id, trip.device_seq])
        payer = trip.payer and of_device[trip.payer.device_id, trip.payer.device_seq]
        rule = "base" if now.fare_rule == "credit" else now.fare_rule
        assert (now.fare, rule, now.journey_id) == (trip.fare, trip.rule, payer)


def compare_weeks(service: Service, database: Database, cards: int, permutations: int) -> None:
    """The weeks of many cards, delivered in several orders, against the model in time order."""
    owner = database.connect()
    restart = clock_of(owner)
    for seed in range(FIRST_SEED, FIRST_SEED + 2 * DEPTH):
        random = Random(seed)
        beginning = random.choice(BEGINNINGS)
        weeks = [draw_week(random, beginning) for _ in range(cards)]
        for _ in range(permutations):
            restart(beginning)
            riders = [make_rider(service, random, week, beginning) for week in weeks]
            for rider in riders:
                for tap in rider.taps:
                    tap_model(rider.expected, tap, beginning + 6 * DAY)
            taps = [tap for rider in riders for tap in rider.taps]
            arrivals = deliver(random, taps, beginning + 6 * DAY)
            trips = send_in_batches(service, random, arrivals)
            for rider in riders:
                assert_as_expected(service, rider, trips)
    assert_books_agree(owner)


def test_procedures_come_to_the_same_whatever_the_order_of_arrival(
    fresh_database: Database,
) -> None:
    service = SqlService(fresh_database.connect("transit_service"))
    compare_weeks(service, fresh_database, cards=20, permutations=3)


def test_batches_over_http_come_to_the_same_whatever_the_order_of_arrival(
    fresh_database: Database, server: Callable[..., Server]
) -> None:
    running = server(simulated_clock=True, workers=1)
    with closing(HttpService(running.url)) as service:
        compare_weeks(service, fresh_database, cards=10, permutations=2)
