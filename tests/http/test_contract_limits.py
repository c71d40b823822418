"""One limit everywhere: 1 to 200, and 50 where nobody says."""

from tests.http.conftest import City

NOW = "2026-11-20T06:00:00-05:00"


async def test_arrivals_and_top_stations_keep_the_limits_of_every_list(city: City) -> None:
    for path in ("stations/1/arrivals", "analytics/stations/top", "stations", "routes"):
        for limit, status in ((1, 200), (200, 200), (0, 422), (201, 422)):
            answer = await city.get(f"{path}?limit={limit}")
            assert answer.status == status, (path, limit)
    assert len((await city.get("stations")).body["items"]) == 50


async def test_fifty_arrivals_are_told_unasked(simulated_city: City) -> None:
    route = (await simulated_city.get("routes/1")).body
    last = route["stations"][-1]["station_id"]
    bus = {"route_id": 1, "stop_sequence": 1, "latitude": 4.6, "longitude": -74.1,
           "recorded_at": NOW}  # fmt: skip
    buses = [{**bus, "vehicle_id": number} for number in range(1, 61)]
    assert (await simulated_city.post("vehicles/positions", {"positions": buses})).status == 202
    arrivals = (await simulated_city.get(f"stations/{last}/arrivals")).body["arrivals"]
    assert len(arrivals) == 50
