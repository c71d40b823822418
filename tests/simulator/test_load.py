"""When everything leaves: Poisson within the shape of a run, in order, from a seed."""

from dataclasses import replace
from itertools import pairwise
from random import Random
from statistics import fmean, pstdev

import pytest

from simulator.city import City, read_city
from simulator.load import (
    Departure,
    arrivals,
    day_shape,
    incidents,
    intensity,
    offline_windows,
    plan_load,
    riders_needed,
)
from simulator.riders import make_riders
from simulator.scenario import Burst, Scenario

STEADY = Scenario("steady", from_s=5 * 3600, to_s=22 * 3600, rate=100, duration_s=100)


@pytest.fixture(scope="module")
def city() -> City:
    return read_city()


def test_arrivals_are_poisson_at_the_rate_asked() -> None:
    times = list(arrivals(STEADY, 100, Random(1)))
    gaps = [b - a for a, b in pairwise(times)]
    assert len(times) == pytest.approx(10_000, rel=0.04)
    # of an exponential distribution mean and deviation are the same
    assert pstdev(gaps) == pytest.approx(fmean(gaps), rel=0.05)


def test_a_burst_multiplies_and_a_ramp_begins_slowly() -> None:
    shaped = replace(STEADY, ramp_s=20, bursts=(Burst(50, 10, 3.0),))
    assert intensity(shaped, 5) == pytest.approx(0.25)
    assert intensity(shaped, 55) == pytest.approx(3.0)
    times = list(arrivals(shaped, 100, Random(1)))
    assert sum(50 <= at < 60 for at in times) == pytest.approx(3000, rel=0.08)
    assert sum(at < 20 for at in times) == pytest.approx(1000, rel=0.12)


def test_a_run_that_follows_the_day_has_its_peak_and_its_mean(city: City) -> None:
    scenario = replace(STEADY, follow_day=True)
    shape = day_shape(city, scenario)
    assert max(range(24), key=lambda hour: shape[hour]) == 6
    times = list(arrivals(scenario, 100, Random(1), shape))
    assert len(times) == pytest.approx(10_000, rel=0.04)


def test_a_load_is_in_order_and_the_same_for_a_seed(city: City) -> None:
    scenario = replace(STEADY, rate=20, duration_s=20, offline_buses=5, incidents_a_minute=6)
    riders = list(make_riders(city, 400, 7))
    first = list(plan_load(riders, city, scenario, 20))
    assert first == list(plan_load(riders, city, scenario, 20))
    assert [departure.due for departure in first] == sorted(d.due for d in first)
    assert {departure.what for departure in first} >= {
        "event", "positions", "dashboard", "vanish", "upload", "open", "close",
    }  # fmt: skip


def test_only_the_first_worker_runs_the_city_itself(city: City) -> None:
    riders = list(make_riders(city, 200, 7))
    second = plan_load(riders, city, replace(STEADY, duration_s=10), 10, worker=1)
    assert {departure.what for departure in second} == {"event"}


def test_at_a_speed_events_keep_their_times(city: City) -> None:
    scenario = replace(STEADY, speed=600, duration_s=1000)
    riders = list(make_riders(city, 200, 7))
    load = [d for d in plan_load(riders, city, scenario, 0) if d.event is not None]
    assert load
    for departure in load:
        assert departure.event is not None
        expected = (departure.event.at - scenario.from_s) / 600
        assert departure.due == pytest.approx(expected)


def test_every_incident_opens_before_it_closes() -> None:
    steps = list(incidents(replace(STEADY, incidents_a_minute=30), Random(1)))
    opened: set[int] = set()
    for step in steps:
        if step.what == "open":
            opened.add(step.number)
        else:
            assert step.number in opened
    assert len(steps) == 2 * len(opened) > 20


def test_buses_come_back_before_the_run_is_over(city: City) -> None:
    windows = offline_windows(city, replace(STEADY, offline_buses=400, offline_s=30), Random(1))
    assert len({device for _, _, device in windows}) == 400
    assert all(0 <= start < end <= STEADY.duration_s for start, end, _ in windows)


def test_as_many_riders_as_make_the_taps(city: City) -> None:
    scenario = replace(STEADY, rate=50, duration_s=60)
    count = riders_needed(city, scenario)
    riders = list(make_riders(city, count, scenario.seed))
    load = list(plan_load(riders, city, scenario, 50))
    taps = [d for d in load if d.event is not None and d.event.what == "tap"]
    assert len(taps) == pytest.approx(3000, rel=0.1)


def test_checks_draw_from_all_riders(city: City) -> None:
    riders = list(make_riders(city, 50, 7))
    scenario = replace(STEADY, rate=1, duration_s=60, checks=20, vehicles=False, dashboards=0)
    looked = [d.event for d in plan_load(riders, city, scenario, 1) if d.event is not None]
    checks = [event for event in looked if event.what == "balance" and event.at == 0.0]
    assert len(checks) == pytest.approx(1200, rel=0.15)
    assert len({event.rider for event in checks}) == 50


def test_departures_sort_by_their_time() -> None:
    assert Departure(1.0, "upload", 3) < Departure(2.0, "event")
