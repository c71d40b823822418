"""How like Bogotá the riders are: the simulated day beside the measured one, figure by figure."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import fmean, pstdev
from typing import TypeVar

from simulator.city import City, Demand, read_turnstiles
from simulator.day import Event, Habits, Purse, plan_riders
from simulator.fares import Account
from simulator.riders import Rider, make_riders
from simulator.tariffs import bogota_midnight

SETTLING_DAYS = 4  # purses begin anywhere; after these they are as riders keep them
# The first working days of February 2026: a plain week under the present fares.
FIRST_DAY = bogota_midnight(2026, 2, 2)


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure of the city, measured and simulated; `basis` says what the generator was given.

    input: drawn from this very table; estimate: so too, and the table is no measurement; shaped:
    the riders' habits were set to give it; check: the generator does not know it.
    """

    name: str
    basis: str
    measured: float
    simulated: float
    error: float
    limit: float
    unit: str = ""

    @property
    def holds(self) -> bool:
        """Whether the error is within its limit."""
        return self.error <= self.limit


@dataclass(slots=True)
class Day:
    """One simulated day, counted."""

    taps: Counter[str] = field(default_factory=Counter)  # by component
    by_hour: dict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    by_place: Counter[str] = field(default_factory=Counter)
    trunk_times: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    transfers: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    named: int = 0
    paid: int = 0
    recharges: int = 0


def simulate(city: City, count: int, seed: int, day_type: str) -> Day:
    """A day of `count` riders, priced by the fare rules, after days that settle their purses."""
    demand = city.demand(day_type)
    riders = {rider.number: rider for rider in make_riders(city, count, seed)}
    accounts = {
        number: Account(number, FIRST_DAY, rider.profile, rider.named, bookkeeping=False)
        for number, rider in riders.items()
    }
    for number, rider in riders.items():
        if rider.purse:
            accounts[number].recharge(number, rider.purse, FIRST_DAY)
    ids = {code: number for number, code in enumerate(sorted(demand.components), 1)}
    purses: dict[int, Purse] = {}
    for day in range(SETTLING_DAYS + 1):
        events = plan_riders(riders.values(), purses, demand, Habits(), seed, day)
        counted = count_day(events, riders, accounts, demand, ids, FIRST_DAY + timedelta(days=day))
    return counted


def count_day(
    events: Iterable[Event],
    riders: Mapping[int, Rider],
    accounts: Mapping[int, Account],
    demand: Demand,
    ids: Mapping[str, int],
    midnight: datetime,
) -> Day:
    """The day's events through the accounts, counted."""
    day = Day()
    before: dict[int, str] = {}
    for event in events:
        now = midnight + timedelta(seconds=event.at)
        account = accounts[event.rider]
        if event.what == "recharge":
            account.recharge(event.rider, event.amount, now, channel=event.place)
            day.recharges += 1
        elif event.what == "tap":
            component = demand.components[event.place]
            decision = account.tap(event.rider, ids[event.place], component, now)
            day.outcomes[decision.outcome] += 1
            if decision.outcome == "accepted":
                day.paid += bool(decision.fare)
                note_tap(day, event, component, riders[event.rider].named)
                if decision.rule == "transfer":
                    day.transfers[direction(before[event.rider], component)] += 1
                before[event.rider] = component
    return day


def note_tap(day: Day, event: Event, component: str, named: bool) -> None:
    """Count where and when."""
    day.taps[component] += 1
    day.by_hour[component][int(event.at // 3600)] += 1
    day.by_place[event.place] += 1
    day.named += named
    if component == "trunk":
        day.trunk_times[event.rider].append(event.at / 60)


def direction(origin: str, target: str) -> str:
    """A transfer as the statistics name it."""
    if origin == target == "zonal":
        return "zonal to zonal"
    return "zonal to trunk" if origin == "zonal" else "trunk to zonal"


def measures(day: Day, city: City, day_type: str) -> Iterator[Measure]:
    """Every comparison that the day allows."""
    demand = city.demand(day_type)
    yield from shapes(day, demand, city)
    if day_type != "weekday":
        return
    yield from habits_of_cards(day)
    yield from habits_of_paying(day)


def shapes(day: Day, demand: Demand, city: City) -> Iterator[Measure]:
    """Hours and stations: the share of taps that would have to move to match."""
    for component, basis, limit in (("trunk", "input", 0.05), ("zonal", "estimate", 0.10)):
        real = dict(enumerate(demand.by_hour(component)))
        error = apart(real, day.by_hour[component])
        yield Measure(f"{component} taps by hour, misplaced", basis, 0, error, error, limit, "%")
    stations = {code: sum(demand.hours[code]) for code in demand.codes["trunk"]}
    found = {code: day.by_place[code] for code in stations}
    error = apart(stations, found)
    # the weekend's stations are not published: a weekday's share in the weekend's shape
    basis, limit = ("input", 0.08) if demand is city.weekday else ("estimate", 0.15)
    yield Measure("trunk taps by station, misplaced", basis, 0, error, error, limit, "%")
    if demand is city.weekday:
        turnstiles = {code: taps for code, taps in read_turnstiles().items() if code in stations}
        error = apart(turnstiles, {code: day.by_place[code] for code in turnstiles})
        yield Measure("the same against August's turnstiles", "check", 0, error, error, 0.15, "%")
    real_share = sum(stations.values()) / sum(sum(h) for h in demand.hours.values())
    share = day.taps["trunk"] / day.taps.total()
    yield absolute("trunk share of taps", "shaped", real_share, share, 0.06)


Key = TypeVar("Key", str, int)


def apart(real: Mapping[Key, float], found: Mapping[Key, int]) -> float:
    """Half the summed difference of two distributions: the share that lies in a wrong place."""
    whole, counted = sum(real.values()), sum(found.values())
    return 0.5 * sum(
        abs(value / whole - found.get(key, 0) / counted) for key, value in real.items()
    )


def habits_of_cards(day: Day) -> Iterator[Measure]:
    """Trunk taps per card and the time between them (1,139,258 cards of 14 October 2025)."""
    counts = Counter(len(times) for times in day.trunk_times.values())
    cards = counts.total()
    yield relative("trunk taps per card", "shaped", 1.69, day.taps["trunk"] / cards, 0.10)
    yield absolute("cards with one trunk tap", "shaped", 0.43, counts[1] / cards, 0.05)
    more = [count for times in day.trunk_times.values() if (count := len(times)) > 1]
    yield relative("trunk taps of the others", "check", 2.20, fmean(more), 0.10)
    gaps = [times[1] - times[0] for times in day.trunk_times.values() if len(times) == 2]
    yield relative("minutes between two trunk taps", "shaped", 473, fmean(gaps), 0.10)
    yield relative("standard deviation of it", "check", 235, pstdev(gaps), 0.15)


def habits_of_paying(day: Day) -> Iterator[Measure]:
    """Transfers (June 2024), personalised cards (working value of 2023), recharges (estimate)."""
    taps = day.taps.total()
    yield absolute("transfers of all taps", "shaped", 0.18, day.transfers.total() / taps, 0.02)
    for name, share in (("zonal to zonal", 0.49), ("zonal to trunk", 0.29),
                        ("trunk to zonal", 0.22)):  # fmt: skip
        found = day.transfers[name] / day.transfers.total()
        yield absolute(f"of them {name}", "shaped", share, found, 0.05)
    yield absolute("taps of personalised cards", "shaped", 0.62, day.named / taps, 0.04)
    yield relative("paid taps per recharge", "shaped", 3.5, day.paid / day.recharges, 0.2)


def relative(name: str, basis: str, measured: float, simulated: float, limit: float) -> Measure:
    """An error as a share of the measured value."""
    error = abs(simulated - measured) / measured
    return Measure(name, basis, measured, simulated, error, limit)


def absolute(name: str, basis: str, measured: float, simulated: float, limit: float) -> Measure:
    """A share whose error is a difference of shares."""
    return Measure(name, basis, measured, simulated, abs(simulated - measured), limit, "%")


def hour_rows(day: Day, demand: Demand) -> Iterator[tuple[int, float, float]]:
    """Hour, measured and simulated percent of the trunk's day."""
    real = demand.by_hour("trunk")
    found = day.by_hour["trunk"]
    for hour in range(3, 24):
        yield hour, 100 * real[hour] / sum(real), 100 * found[hour] / found.total()


def station_rows(day: Day, demand: Demand, top: int) -> Sequence[tuple[str, float, float]]:
    """Code, measured and simulated percent of the trunk's day, busiest first."""
    real = {code: sum(demand.hours[code]) for code in demand.codes["trunk"]}
    whole, counted = sum(real.values()), day.taps["trunk"]
    busiest = sorted(real, key=lambda code: -real[code])[:top]
    return [
        (code, 100 * real[code] / whole, 100 * day.by_place[code] / counted) for code in busiest
    ]
