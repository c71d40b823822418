"""The services and where they stop."""

from tests.http.conftest import UNKNOWN_ID, City


async def test_routes_are_listed_and_filtered(city: City) -> None:
    routes = await city.walk("routes", 30)
    assert [r["route_id"] for r in routes] == sorted({r["route_id"] for r in routes})
    cables = (await city.get("routes?kind=cable")).body["items"]
    assert cables and {route["kind"] for route in cables} == {"cable"}
    assert (await city.get("routes?kind=tram")).status == 422


async def test_route_is_read_with_its_stations_in_order(city: City) -> None:
    answer = await city.get("routes/1")
    assert answer.status == 200
    sequence = [stop["stop_sequence"] for stop in answer.body["stations"]]
    assert sequence == sorted(sequence) and len(sequence) > 1


async def test_unknown_route_is_not_found_route_not_found(city: City) -> None:
    answer = await city.get(f"routes/{UNKNOWN_ID}")
    assert (answer.status, answer.code) == (404, "route_not_found")
