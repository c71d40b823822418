"""The simulated city is like the measured one, and says so only where it is."""

from dataclasses import replace

import pytest

from simulator.city import City, read_city, read_turnstiles
from simulator.realism import Day, apart, hour_rows, measures, simulate, station_rows
from simulator.vehicles import Fleet, Line, make_line
from simulator.world import Route, Station, parse_time


@pytest.fixture(scope="module")
def city() -> City:
    return read_city()


@pytest.fixture(scope="module")
def day(city: City) -> Day:
    return simulate(city, 8000, 2026, "weekday")


def test_every_figure_of_a_weekday_holds(city: City, day: Day) -> None:
    # a sample this small has noise of its own in 145 stations
    limits = {"trunk taps by station, misplaced": 0.12}
    found = [
        replace(measure, limit=limits.get(measure.name, measure.limit))
        for measure in measures(day, city, "weekday")
    ]
    assert [measure.name for measure in found if not measure.holds] == []
    assert {measure.basis for measure in found} == {"input", "estimate", "shaped", "check"}


def test_a_city_asleep_in_the_morning_does_not_hold(city: City, day: Day) -> None:
    day.by_hour["trunk"], kept = day.by_hour["zonal"].__class__({22: 100}), day.by_hour["trunk"]
    failing = [measure.name for measure in measures(day, city, "weekday") if not measure.holds]
    day.by_hour["trunk"] = kept
    assert failing == ["trunk taps by hour, misplaced"]


def test_the_measured_table_is_the_published_one(city: City) -> None:
    trunk = city.weekday.by_hour("trunk")
    assert sum(trunk) == pytest.approx(1_866_000, rel=0.001)
    assert max(range(24), key=lambda hour: trunk[hour]) == 6
    assert trunk[6] / sum(trunk) == pytest.approx(0.1143, abs=0.0005)
    assert city.places["02000"].taps == pytest.approx(70_260)
    assert {place.basis for place in city.places.values()} == {"measured", "estimate"}
    assert len(read_turnstiles()) == 136


def test_a_weekend_day_carries_its_share(city: City) -> None:
    weekday = sum(city.weekday.by_hour("trunk"))
    assert sum(city.saturday.by_hour("trunk")) / weekday == pytest.approx(0.65)
    assert sum(city.sunday.by_hour("trunk")) / weekday == pytest.approx(0.30)


def test_apart_is_the_share_that_would_have_to_move() -> None:
    assert apart({"a": 1, "b": 1}, {"a": 5, "b": 5}) == 0
    assert apart({"a": 1, "b": 1}, {"a": 4}) == 0.5


def test_rows_show_percent_of_the_day(city: City, day: Day) -> None:
    assert sum(real for _, real, _ in hour_rows(day, city.weekday)) == pytest.approx(100, abs=0.1)
    assert station_rows(day, city.weekday, 3)[0][0] == "06000"


def a_line() -> Line:
    stops = [Station(n, str(n), "", "trunk", 4.6 + n / 100, -74.1) for n in range(1, 5)]
    route = Route(9, "B1", "trunk", 240, tuple((n, n) for n in range(1, 5)))
    line = make_line(route, {stop.station_id: stop for stop in stops})
    assert line is not None
    return line


def test_buses_keep_their_headway_and_stay_between_their_stops() -> None:
    line = a_line()
    fleet = Fleet([line], 1000)
    assert len(fleet.buses) == round(line.length_s / 240)
    now = parse_time("2026-11-20T12:00:00Z")
    seen = [position for second in range(20) for position in fleet.report(second, now)]
    assert sorted(p["vehicle_id"] for p in seen) == [1000 + n for n in range(len(fleet.buses))]
    for position in seen:
        assert 1 <= position["stop_sequence"] <= 3
        assert 4.61 <= position["latitude"] <= 4.64


def test_a_bus_moves_on() -> None:
    fleet = Fleet([a_line()], 1)
    early = fleet.position(0, parse_time("2026-11-20T12:00:00Z"))
    late = fleet.position(0, parse_time("2026-11-20T12:01:00Z"))
    assert early != late


def test_a_route_off_the_map_has_no_buses() -> None:
    assert make_line(Route(1, "X", "trunk", 240, ((1, 1), (2, 2))), {}) is None
