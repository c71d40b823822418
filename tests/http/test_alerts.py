"""News for riders."""

import asyncio
from typing import Any

from tests.http.conftest import UNKNOWN_ID, City

ALERT = {
    "cause": "DEMONSTRATION",
    "effect": "DETOUR",
    "severity_level": "WARNING",
    "header": "Desvíos",
    "description": "Los servicios no paran aquí.",
}


async def seen_at(city: City, station_id: int) -> list[Any]:
    """What riders see now: the cached answers of before have had their second."""
    await asyncio.sleep(1.1)
    return list((await city.get(f"stations/{station_id}/alerts")).body["alerts"])


async def test_alert_is_seen_at_its_station_and_nowhere_else(city: City) -> None:
    opened = await city.post("alerts", {**ALERT, "station_id": 1})
    assert opened.status == 201
    assert (opened.body["station_id"], opened.body["route_id"]) == (1, None)
    seen = (await city.get("stations/1/alerts")).body
    assert [alert["alert_id"] for alert in seen["alerts"]] == [opened.body["alert_id"]]
    assert (await city.get("stations/2/alerts")).body["alerts"] == []


async def test_alert_of_a_route_and_of_the_system_are_seen_at_its_stations(city: City) -> None:
    route = (await city.get("routes/1")).body
    served = route["stations"][0]["station_id"]
    await city.post("alerts", {**ALERT, "header": "Ruta", "route_id": 1})
    await city.post("alerts", {**ALERT, "header": "Sistema"})
    seen = (await city.get(f"stations/{served}/alerts")).body["alerts"]
    assert {alert["header"] for alert in seen} == {"Ruta", "Sistema"}
    elsewhere = (await city.get("stations/200/alerts")).body["alerts"]
    assert {alert["header"] for alert in elsewhere} == {"Sistema"}


async def test_closed_alert_is_gone_and_may_be_closed_again(city: City) -> None:
    alert_id = (await city.post("alerts", {**ALERT, "station_id": 1})).body["alert_id"]
    assert (await city.get("stations/1/alerts")).body["alerts"]
    closed = await city.post(f"alerts/{alert_id}/close")
    assert closed.status == 200
    assert closed.body["active_until"] is not None
    again = await city.post(f"alerts/{alert_id}/close", {})
    assert (again.status, again.body) == (200, closed.body)
    assert await seen_at(city, 1) == []


async def test_alert_is_in_force_only_in_its_time(city: City) -> None:
    for begin, end in [("2020", "2021"), ("2090", None), ("2020", None)]:
        body = {**ALERT, "header": f"{begin}-{end}", "active_from": f"{begin}-01-01T00:00:00Z"}
        if end:
            body["active_until"] = f"{end}-01-01T00:00:00Z"
        assert (await city.post("alerts", body)).status == 201
    seen = (await city.get("stations/1/alerts")).body["alerts"]
    assert [alert["header"] for alert in seen] == ["2020-None"]


async def test_unknown_things_are_named_alert_not_found(city: City) -> None:
    answer = await city.post(f"alerts/{UNKNOWN_ID}/close")
    assert (answer.status, answer.code) == (404, "alert_not_found")
    answer = await city.post("alerts", {**ALERT, "station_id": UNKNOWN_ID})
    assert (answer.status, answer.code) == (404, "station_not_found")
    answer = await city.post("alerts", {**ALERT, "route_id": UNKNOWN_ID})
    assert (answer.status, answer.code) == (404, "route_not_found")


async def test_alert_that_breaks_the_schema_is_refused_validation_error(city: City) -> None:
    for field, value in (
        ("cause", "demonstration"),
        ("effect", ""),
        ("severity_level", None),
        ("header", "x" * 201),
        ("description", "x" * 4001),
        ("header", "\x00"),
        ("header", "   "),
        ("active_until", "2019-01-01T00:00:00Z"),
    ):
        body = {**ALERT, "active_from": "2020-01-01T00:00:00Z", field: value}
        answer = await city.post("alerts", body)
        assert (answer.status, list(answer.body["errors"])) == (422, [field])


async def test_alert_that_ended_before_now_is_refused_validation_error(city: City) -> None:
    answer = await city.post("alerts", {**ALERT, "active_until": "2019-01-01T00:00:00Z"})
    assert (answer.status, list(answer.body["errors"])) == (422, ["active_until"])


async def test_alerts_in_force_are_listed_newest_first_and_by_what_they_name(city: City) -> None:
    opened = [
        (await city.post("alerts", {**ALERT, **about})).body
        for about in (
            {"station_id": 1},
            {"route_id": 1, "severity_level": "SEVERE"},
            {},
            {"active_from": "2099-01-01T00:00:00Z"},
        )
    ]
    of_station, of_route, of_all, later = opened
    assert await city.walk("alerts", limit=2) == [of_all, of_route, of_station]
    for query, found in [
        ("station_id=1", [of_station]),
        ("route_id=1", [of_route]),
        ("severity_level=SEVERE", [of_route]),
        ("station_id=1&route_id=1", []),
    ]:
        assert (await city.get(f"alerts?{query}")).body["items"] == found, query
    assert (await city.get(f"alerts/{later['alert_id']}")).body == later


async def test_closed_alert_is_read_and_no_longer_listed_alert_not_found(city: City) -> None:
    opened = (await city.post("alerts", ALERT)).body
    path = f"alerts/{opened['alert_id']}"
    assert (await city.get(path)).body == opened
    closed = (await city.post(f"{path}/close")).body
    assert (await city.get(path)).body == closed
    assert (await city.get("alerts")).body["items"] == []
    assert (await city.get(f"alerts/{UNKNOWN_ID}")).code == "alert_not_found"
