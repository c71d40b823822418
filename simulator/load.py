"""When everything leaves: the riders' days laid out on the seconds of a run, without I/O."""

from collections.abc import Iterable, Iterator, Sequence
from heapq import merge
from random import Random
from typing import NamedTuple

from simulator.city import City
from simulator.day import DEVICES_A_PLACE, Event, Purse, plan_riders, within
from simulator.riders import Rider, make_riders, rng_for
from simulator.scenario import Scenario

POSITIONS_EVERY_S = 1.0
DASHBOARD_EVERY_S = 5.0
SAMPLE = 1000  # riders whose day says how often riders tap in the scenario's part of it
FEWEST_RIDERS, MOST_RIDERS = 200, 20_000
RIDERS_AT_SPEED = 5000  # of a run at a speed, where the rate follows from the riders
MAX_DAYS = 400  # a run longer than its riders' days in a year is a mistake
DASHBOARDS = ("trips/total", "revenue", "users/active", "trips/hourly", "stations/top",
              "localities")  # fmt: skip


class Departure(NamedTuple):
    """Something that leaves `due` seconds into the run.

    `what` is event (a rider's), upload (of validator `number`), positions (of share `number` of
    the fleet), dashboard (`number` of DASHBOARDS), open or close (incident `number`).
    """

    due: float
    what: str
    number: int = 0
    event: Event | None = None


def intensity(scenario: Scenario, at: float) -> float:
    """How many times the rate is asked for, `at` seconds into the run: ramp, then bursts."""
    factor = min(1.0, at / scenario.ramp_s) if scenario.ramp_s > 0 else 1.0
    for burst in scenario.bursts:
        if burst.at_s <= at < burst.at_s + burst.lasting_s:
            factor *= burst.factor
    return factor


def day_shape(city: City, scenario: Scenario) -> list[float]:
    """How busy each hour of the scenario's part of the day is, its mean being 1."""
    demand = city.demand(scenario.day_type)
    whole = [sum(column) for column in zip(*map(demand.by_hour, demand.codes), strict=True)]
    hours = range(int(scenario.from_s // 3600), min(24, -int(-scenario.to_s // 3600)))
    weights = [min(scenario.to_s, h * 3600 + 3600) - max(scenario.from_s, h * 3600) for h in hours]
    mean = sum(whole[h] * weight for h, weight in zip(hours, weights, strict=True)) / sum(weights)
    return [whole[hour] / mean if hour in hours else 0.0 for hour in range(24)]


def arrivals(
    scenario: Scenario, rate: float, rng: Random, shape: Sequence[float] = ()
) -> Iterator[float]:
    """Poisson arrivals whose rate follows the scenario (and the shape of the day), by thinning."""
    peak = rate * max([1.0] + [burst.factor for burst in scenario.bursts]) * max([1.0, *shape])
    stretch = (scenario.to_s - scenario.from_s) / scenario.duration_s
    at = 0.0
    while peak > 0:
        at += rng.expovariate(peak)
        if at >= scenario.duration_s:
            return
        wanted = rate * intensity(scenario, at)
        if shape:
            wanted *= shape[int((scenario.from_s + at * stretch) // 3600)]
        if rng.random() * peak < wanted:
            yield at


def riders_needed(city: City, scenario: Scenario) -> int:
    """As many riders as make the scenario's taps in their part of one day."""
    if scenario.speed > 0:
        return RIDERS_AT_SPEED
    sample = list(make_riders(city, SAMPLE, scenario.seed))
    taps = sum(event.what == "tap" for event in next(days(sample, city, scenario)))
    wanted = scenario.rate * scenario.duration_s * SAMPLE / max(1, taps)
    return max(FEWEST_RIDERS, min(MOST_RIDERS, int(wanted)))


def days(riders: Sequence[Rider], city: City, scenario: Scenario) -> Iterator[list[Event]]:
    """The riders' days one after another, each cut to the scenario's part of it."""
    purses: dict[int, Purse] = {}
    demand = city.demand(scenario.day_type)
    for day in range(MAX_DAYS):
        events = plan_riders(riders, purses, demand, scenario.habits, scenario.seed, day)
        yield list(within(events, scenario.from_s, scenario.to_s))


def at_rate(
    riders: Sequence[Rider], city: City, scenario: Scenario, rate: float, rng: Random
) -> Iterator[Departure]:
    """The riders' events in their order, taps at Poisson arrivals, the rest between them."""
    shape = day_shape(city, scenario) if scenario.follow_day else ()
    times = arrivals(scenario, rate, rng, shape)
    due = next(times, None)
    before = 0.0
    for events in days(riders, city, scenario):
        if not any(event.what == "tap" for event in events):
            return
        for event in events:
            if due is None:
                return
            if event.what == "tap":
                yield Departure(due, "event", 0, event)
                before, due = due, next(times, None)
            else:
                # somewhere before the next tap, in order
                before += (due - before) * rng.random()
                yield Departure(before, "event", 0, event)


def at_speed(riders: Sequence[Rider], city: City, scenario: Scenario) -> Iterator[Departure]:
    """One day at so many times real time."""
    for event in next(days(riders, city, scenario)):
        due = (event.at - scenario.from_s) / scenario.speed
        if due >= scenario.duration_s:
            return
        yield Departure(due, "event", 0, event)


def upkeep(scenario: Scenario) -> Iterator[Departure]:
    """Positions every second and dashboards that read the analytics."""
    for second in range(int(scenario.duration_s)):
        if scenario.vehicles:
            yield Departure(second * POSITIONS_EVERY_S, "positions", second)
        for screen in range(scenario.dashboards):
            if (second + screen) % DASHBOARD_EVERY_S == 0:
                for number in range(len(DASHBOARDS)):
                    yield Departure(second + number / 10, "dashboard", number)


def patrol(riders: Sequence[Rider], scenario: Scenario, rng: Random) -> Iterator[Departure]:
    """Riders drawn from all look at their balance, so that books are compared meanwhile."""
    at = 0.0
    while scenario.checks > 0 and riders:
        at += rng.expovariate(scenario.checks)
        if at >= scenario.duration_s:
            return
        yield Departure(at, "event", 0, Event(0.0, "balance", rng.choice(riders).number))


def incidents(scenario: Scenario, rng: Random) -> Iterator[Departure]:
    """Alerts that open at random moments and close before the run is over."""
    found: list[Departure] = []
    at, number = 0.0, 0
    while scenario.incidents_a_minute > 0:
        at += rng.expovariate(scenario.incidents_a_minute / 60)
        if at >= scenario.duration_s * 0.8:
            break
        end = min(at + scenario.duration_s * (0.1 + 0.4 * rng.random()), scenario.duration_s - 1)
        found += [Departure(at, "open", number), Departure(max(end, at), "close", number)]
        number += 1
    return iter(sorted(found))


def offline_windows(city: City, scenario: Scenario, rng: Random) -> list[tuple[float, float, int]]:
    """Start, end and number of each bus that is out of coverage for a while."""
    stops = sorted(city.weekday.codes["zonal"])
    ordinal = {code: number for number, code in enumerate(sorted(city.places))}
    windows = []
    for number in range(scenario.offline_buses):
        stop = stops[number % len(stops)]
        bus = number // len(stops)
        start = rng.random() * max(0.0, scenario.duration_s - scenario.offline_s)
        if scenario.offline_from_s >= 0:
            start = scenario.offline_from_s
        end = min(start + scenario.offline_s, scenario.duration_s)
        windows.append((start, end, ordinal[stop] * DEVICES_A_PLACE + bus))
    return sorted(windows)


def coverage(windows: Iterable[tuple[float, float, int]]) -> Iterator[Departure]:
    """Validators leave coverage and come back to upload."""
    steps = []
    for start, end, device in windows:
        steps.append(Departure(start, "vanish", device))
        steps.append(Departure(end, "upload", device))
    return iter(sorted(steps))


def plan_load(
    riders: Sequence[Rider], city: City, scenario: Scenario, rate: float, worker: int = 0
) -> Iterator[Departure]:
    """Everything one worker sends, in order; the first worker also runs the city itself."""
    rng = rng_for(scenario.seed, worker, "load")
    windows = offline_windows(city, scenario, rng_for(scenario.seed, 0, "offline"))
    parts: list[Iterator[Departure]] = [coverage(windows)]
    if scenario.speed > 0:
        parts.append(at_speed(riders, city, scenario))
    else:
        parts.append(at_rate(riders, city, scenario, rate, rng))
    parts.append(patrol(riders, scenario, rng_for(scenario.seed, worker, "patrol")))
    if worker == 0:
        parts.append(upkeep(scenario))
        parts.append(incidents(scenario, rng_for(scenario.seed, 0, "incidents")))
    return merge(*parts, key=lambda departure: departure.due)
