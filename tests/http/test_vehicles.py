"""Positions in, arrivals out."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.http.conftest import UNKNOWN_ID, City


def now(**shift: float) -> str:
    return (datetime.now(UTC) + timedelta(**shift)).isoformat()


async def first_stops(city: City, route_id: int = 1) -> list[Any]:
    """Stops of a route with where they are, in order."""
    stops = (await city.get(f"routes/{route_id}")).body["stations"][:4]
    return [{**(await city.get(f"stations/{s['station_id']}")).body, **s} for s in stops]


def position(stop: Any, **fields: Any) -> dict[str, Any]:
    return {
        "vehicle_id": 77,
        "route_id": 1,
        "stop_sequence": stop["stop_sequence"],
        "latitude": stop["latitude"],
        "longitude": stop["longitude"],
        "recorded_at": now(),
        **fields,
    }


async def test_vehicle_arrives_at_the_stations_ahead_of_it(city: City) -> None:
    stops = await first_stops(city)
    seen = position(stops[1], occupancy_status="FULL")
    taken = await city.post("vehicles/positions", {"positions": [seen]})
    assert (taken.status, taken.body) == (202, {"accepted": 1})
    behind, ahead = [
        (await city.get(f"stations/{stop['station_id']}/arrivals")).body["arrivals"]
        for stop in (stops[0], stops[3])
    ]
    assert behind == []
    (arrival,) = ahead
    assert (arrival["vehicle_id"], arrival["route_id"], arrival["stops_away"]) == (77, 1, 2)
    assert arrival["stop_sequence"] == stops[3]["stop_sequence"]
    assert arrival["occupancy_status"] == "FULL"
    assert arrival["seconds_away"] > 0


async def test_arrivals_come_soonest_first_and_within_the_limit(city: City) -> None:
    stops = await first_stops(city)
    seen = [
        position(stops[0], vehicle_id=1),
        position(stops[2], vehicle_id=2),
        position(stops[1], vehicle_id=3),
    ]
    await city.post("vehicles/positions", {"positions": seen})
    path = f"stations/{stops[3]['station_id']}/arrivals"
    assert [a["vehicle_id"] for a in (await city.get(path)).body["arrivals"]] == [2, 3, 1]
    limited = (await city.get(f"{path}?limit=1")).body["arrivals"]
    assert [a["vehicle_id"] for a in limited] == [2]
    for limit in (0, 201, "x"):
        assert (await city.get(f"{path}?limit={limit}")).status == 422


async def test_older_position_never_overwrites_a_newer_one(city: City) -> None:
    stops = await first_stops(city)
    newer = position(stops[2])
    older = position(stops[0], recorded_at=now(seconds=-30))
    await city.post("vehicles/positions", {"positions": [newer]})
    assert (await city.post("vehicles/positions", {"positions": [older]})).status == 202
    (arrival,) = (await city.get(f"stations/{stops[3]['station_id']}/arrivals")).body["arrivals"]
    assert arrival["stops_away"] == 1


async def test_unknown_route_refuses_the_whole_route_not_found(city: City) -> None:
    stops = await first_stops(city)
    seen = [position(stops[1]), position(stops[1], vehicle_id=78, route_id=UNKNOWN_ID)]
    answer = await city.post("vehicles/positions", {"positions": seen})
    assert (answer.status, answer.code) == (404, "route_not_found")
    arrivals = (await city.get(f"stations/{stops[3]['station_id']}/arrivals")).body["arrivals"]
    assert arrivals == []


async def test_position_that_breaks_the_schema_is_refused_validation_error(city: City) -> None:
    for field, value in (
        ("latitude", 90.1),
        ("latitude", "4.7"),
        ("longitude", -181),
        ("longitude", 10**400),
        ("latitude", True),
        ("vehicle_id", 0),
        ("stop_sequence", 0),
        ("stop_sequence", 2**40),
        ("recorded_at", "2026-11-20T06:00:00"),
        ("occupancy_status", "full"),
        ("speed", 30),
    ):
        stop = {"stop_sequence": 1, "latitude": 4.7, "longitude": -74.1}
        answer = await city.post(
            "vehicles/positions", {"positions": [position(stop, **{field: value})]}
        )
        assert answer.status == 422
        assert list(answer.body["errors"]["positions"]["0"]) == [field]


async def test_two_thousand_positions_are_taken_at_once(city: City) -> None:
    stop = (await first_stops(city))[0]
    seen = [position(stop, vehicle_id=n) for n in range(1, 2002)]
    taken = await city.post("vehicles/positions", {"positions": seen[:2000]})
    assert (taken.status, taken.body) == (202, {"accepted": 2000})
    assert (await city.post("vehicles/positions", {"positions": seen})).status == 422


async def test_vehicle_that_has_arrived_is_gone_from_cached_answers_too(city: City) -> None:
    stops = await first_stops(city)
    path = f"stations/{stops[3]['station_id']}/arrivals"
    start = datetime.now(UTC)
    seen = position(stops[1], recorded_at=start.isoformat())
    await city.post("vehicles/positions", {"positions": [seen]})
    (arrival,) = (await city.get(f"{path}?limit=1")).body["arrivals"]
    on_the_way = datetime.fromisoformat(arrival["predicted_arrival_time"]) - start
    almost_there = datetime.now(UTC) - on_the_way + timedelta(seconds=0.7)
    soon = position(stops[1], vehicle_id=78, recorded_at=almost_there.isoformat())
    await city.post("vehicles/positions", {"positions": [soon]})
    cached = 0
    while True:
        asked_at = datetime.now(UTC)
        answer = await city.get(path)
        coming = {a["vehicle_id"]: a["predicted_arrival_time"] for a in answer.body["arrivals"]}
        if 78 not in coming:
            break
        cached += answer.headers["X-Cache"] == "HIT"
        assert datetime.fromisoformat(coming[78]) > asked_at
    assert cached > 0
    assert set(coming) == {77}
