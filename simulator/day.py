"""What riders do on a day: taps, recharges, lost cards, looks at the app; planned without I/O."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from simulator.city import Demand
from simulator.riders import BASE_FARE, KINDS, Rider, rng_for
from simulator.tariffs import BOGOTA, bogota_midnight

HOUR = 3600.0
DEVICES_A_PLACE = 64  # turnstiles of a station, or buses that serve a stop
OPENING = 3.5  # hours; nobody boards a bus before
TURNSTILES = 10
BUSES = 51  # about 8,600 buses with a validator over the 168 stops we know
LOST_A_DAY = 0.0009  # 63,599 blocks a month in early 2022, of about 2.3 million active cards
FOUND_AND_TRIED = 0.3  # of the lost cards (assumption)
COMPANION = 0.01  # taps paid for somebody behind, seconds later (seen in 2025; rate assumed)
_FREE_TRIPS = {
    code: BOGOTA.free_trips(code, bogota_midnight(2026, 2, 1)) for code in BOGOTA.profiles
}


class Event(NamedTuple):
    """One thing a rider does, `at` seconds of the service day.

    `what` is tap, recharge, balance, history, trips, arrivals, alerts, end, lose, replace or found;
    `place` a station code or a channel, `device` a validator at that place, `amount` pesos.
    """

    at: float
    what: str
    rider: int
    place: str = ""
    device: int = 0
    amount: int = 0


@dataclass(frozen=True, slots=True)
class Habits:
    """How often things happen beside taps; looks at the app are per tap (assumptions)."""

    arrivals: float = 0.30
    alerts: float = 0.04
    balance: float = 0.20
    history: float = 0.02
    trips: float = 0.02
    end: float = 0.05
    lost_factor: float = 1.0
    recharge_factor: float = 1.0
    extra_recharges: float = 0.0


class Leg(NamedTuple):
    """One boarding, `at` hours of the day."""

    at: float
    place: str


@dataclass(slots=True)
class Purse:
    """What a rider believes to have; below 0 is what the next recharge repays."""

    money: int
    free: int = 0
    prepaid: int = 0
    lost: bool = False


def open_purse(rider: Rider) -> Purse:
    """The purse of a rider with a fresh card."""
    prepaid = 65 if rider.kind == "pass_holder" else 0
    return Purse(rider.purse, _FREE_TRIPS[rider.profile], prepaid)


def plan_day(
    rider: Rider, purse: Purse, demand: Demand, habits: Habits, rng: Random
) -> list[Event]:
    """One rider's day in order of time; the purse is carried to the next day."""
    kind = KINDS[rider.kind]
    if rng.random() >= kind.days[demand.day_type]:
        return []
    events: list[Event] = []
    for legs in sorted(plan_journeys(rider, demand, rng)):
        pay_journey(rider, purse, legs, demand, habits, rng, events)
    if rng.random() < LOST_A_DAY * habits.lost_factor:
        lose_card(rider, purse, events[-1].at if events else 12 * HOUR, rng, events)
    events.sort()
    return events


def plan_journeys(rider: Rider, demand: Demand, rng: Random) -> list[list[Leg]]:
    """The day's journeys, each with its boardings."""
    kind = KINDS[rider.kind]
    count = rng.choices((1, 2, 3, 4), kind.journeys)[0]
    if count == 1:
        lead = demand.components[rider.home[-1]]
        out = rng.random() < demand.morning_share(lead)
        return [plan_out(rider, demand, rng) if out else plan_back(rider, demand, rng)]
    if count == 2 and rng.random() < kind.errands:
        return plan_errand(rider, demand, rng)
    extra = [plan_extra(rider, demand, rng) for _ in range(count - 2)]
    return [plan_out(rider, demand, rng), plan_back(rider, demand, rng), *extra]


def plan_out(rider: Rider, demand: Demand, rng: Random) -> list[Leg]:
    """From home in the morning; the last boarding is the one whose hour was measured."""
    if demand.day_type == "weekday":
        at = rider.out_at + rng.gauss(0, 0.1)
    else:
        at = demand.out_at(rider.home[-1], rng)
    legs = [Leg(at, rider.home[-1])]
    if len(rider.home) == 2:
        before = max(at - change_after(rng), OPENING + 0.5 * rng.random())
        legs.insert(0, Leg(min(before, at - 0.1), rider.home[0]))
    return legs


def plan_back(rider: Rider, demand: Demand, rng: Random) -> list[Leg]:
    """From work or study on a weekday, from anywhere at the weekend."""
    first = rider.away[0]
    at = rider.back_at + rng.gauss(0, 0.1)
    if demand.day_type != "weekday":
        first = demand.afternoon[demand.components[first]].draw(rng)
        at = demand.back_at(first, rng)
    legs = [Leg(at, first)]
    # 5.2 changes from bus to trunk meet 4.0 back (June 2024): some walk the last part home
    walks = rider.pattern == "ZT" and rng.random() < 0.23
    if len(rider.away) == 2 and not walks and rider.away[1] != first:
        legs.append(Leg(at + change_after(rng), rider.away[1]))
    return legs


def plan_errand(rider: Rider, demand: Demand, rng: Random) -> list[list[Leg]]:
    """Out and back within a few hours, at any time of the day."""
    first = rider.home[-1]
    at = demand.any_at(first, rng)
    stay = 0.5 + rng.random() * 3.0
    if at + stay > 22.5:
        at -= stay
    component = demand.components[first]
    half = demand.morning if at + stay < 12 else demand.afternoon
    return [[Leg(at, first)], [Leg(at + stay, half[component].draw(rng))]]


def plan_extra(rider: Rider, demand: Demand, rng: Random) -> list[Leg]:
    """One more journey, somewhere."""
    component = demand.components[rider.home[-1]]
    place = demand.whole[component].draw(rng)
    return [Leg(demand.any_at(place, rng), place)]


def change_after(rng: Random) -> float:
    """Hours between two boardings of a journey; now and then longer than the transfer window."""
    return rng.triangular(0.2, 2.3, 0.6)


def pay_journey(
    rider: Rider,
    purse: Purse,
    legs: Sequence[Leg],
    demand: Demand,
    habits: Habits,
    rng: Random,
    events: list[Event],
) -> None:
    """The taps of a journey, the recharge a short purse asks for, and looks at the app."""
    top_up(rider, purse, legs[0].at * HOUR, habits, rng, events)
    for position, leg in enumerate(legs):
        at = leg.at * HOUR
        changed = position > 0 and rider.named and purse.prepaid == 0
        late = position > 0 and (leg.at - legs[0].at) * 60 >= 125
        paid = pay_tap(rider, purse, changed and not late)
        tap = Event(at, "tap", rider.number, leg.place, pick_device(leg.place, demand, rng))
        events.append(tap)
        look_at_app(tap, legs[-1].place, habits, rng, events)
        if not paid:
            # turned away: most load money and tap again
            recharge(rider, purse, at + 60, habits, rng, events)
            pay_tap(rider, purse, False)
            events.append(tap._replace(at=at + 120))
        elif rng.random() < COMPANION:
            pay_tap(rider, purse, False)
            events.append(tap._replace(at=at + 5 + 4 * rng.random()))


def pay_tap(rider: Rider, purse: Purse, free: bool) -> bool:
    """Take the expected fare; False when the validator will refuse."""
    if free:
        return True
    if purse.prepaid > 0:
        purse.prepaid -= 1
        return True
    if purse.free > 0:
        purse.free -= 1
        return True
    credit = 2 * BASE_FARE if rider.named else 0
    if purse.money - BASE_FARE < -credit:
        return False
    purse.money -= BASE_FARE
    return True


def top_up(
    rider: Rider, purse: Purse, at: float, habits: Habits, rng: Random, events: list[Event]
) -> None:
    """Before a journey: load money when it runs low, unless forgotten."""
    if rng.random() < habits.extra_recharges:
        recharge(rider, purse, at - 60 - 540 * rng.random(), habits, rng, events)
        return
    if purse.prepaid > 0 or purse.free > 0 or purse.money >= rider.low:
        return
    if rng.random() < rider.forgetful and purse.money >= 0:
        return
    recharge(rider, purse, at - 60 - 540 * rng.random(), habits, rng, events)


def recharge(
    rider: Rider, purse: Purse, at: float, habits: Habits, rng: Random, events: list[Event]
) -> None:
    """Load the usual amount, more where that does not pay the next fare."""
    amount = int(rider.amount * habits.recharge_factor)
    short = BASE_FARE - purse.money - amount
    if short > 0:
        amount += -(-short // 50) * 50
    if rider.channel in ("online", "wallet"):
        amount = max(10_000, min(amount, 200_000))
    purse.money += amount
    events.append(Event(at, "recharge", rider.number, rider.channel, 0, amount))


def pick_device(place: str, demand: Demand, rng: Random) -> int:
    """A turnstile of a station or a bus that serves a stop."""
    count = BUSES if demand.components[place] == "zonal" else TURNSTILES
    return rng.randrange(count)


def look_at_app(tap: Event, towards: str, habits: Habits, rng: Random, events: list[Event]) -> None:
    """What the rider reads around a tap, and the end of the trip where an app reports it."""
    who = tap.rider
    if rng.random() < habits.arrivals:
        events.append(Event(tap.at - 120 * rng.random(), "arrivals", who, tap.place))
    if rng.random() < habits.alerts:
        events.append(Event(tap.at - 300 * rng.random(), "alerts", who, tap.place))
    if rng.random() < habits.balance:
        events.append(Event(tap.at + 5 + 60 * rng.random(), "balance", who))
    if rng.random() < habits.history:
        events.append(Event(tap.at + 5 + 600 * rng.random(), "history", who))
    if rng.random() < habits.trips:
        events.append(Event(tap.at + 5 + 600 * rng.random(), "trips", who))
    if rng.random() < habits.end:
        events.append(Event(tap.at + 600 + 3000 * rng.random(), "end", who, towards))


def lose_card(rider: Rider, purse: Purse, after: float, rng: Random, events: list[Event]) -> None:
    """The card is lost after the last tap, blocked, replaced or bought anew; somebody tries it."""
    at = after + 600 + 1800 * rng.random()
    events.append(Event(at, "lose", rider.number))
    if rng.random() < FOUND_AND_TRIED:
        events.append(Event(at + 300, "found", rider.number, rider.home[0]))
    events.append(Event(at + 1800, "replace", rider.number))
    if not rider.named:
        # money on an anonymous card is gone with it
        purse.money = rider.amount
        events.append(Event(at + 1860, "recharge", rider.number, "ticket_office", 0, rider.amount))


def plan_riders(
    riders: Iterable[Rider],
    purses: dict[int, Purse],
    demand: Demand,
    habits: Habits,
    seed: int,
    day: int,
) -> list[Event]:
    """A whole day of many riders, in order of time."""
    events: list[Event] = []
    for rider in riders:
        purse = purses.get(rider.number)
        if purse is None:
            purse = purses[rider.number] = open_purse(rider)
        rng = rng_for(seed, rider.number, f"day{day}")
        events.extend(plan_day(rider, purse, demand, habits, rng))
    events.sort()
    return events


def within(events: Iterable[Event], start: float, end: float) -> Iterator[Event]:
    """The events of a part of the day, in seconds."""
    return (event for event in events if start <= event.at < end)
