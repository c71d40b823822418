"""A request that breaks the schema in many places is told all of them at once."""

from typing import Any

import pytest

from tests.http.conftest import City


async def errors(city: City, method: str, path: str, body: Any = None, **options: Any) -> Any:
    answer = await city.ask(method, path, body=body, **options)
    assert (answer.status, answer.code) == (422, "validation_error"), answer
    return answer.body["errors"]


async def test_elements_and_what_is_beside_them_are_named_together_validation_error(
    city: City,
) -> None:
    body = {"taps": [{"card_id": "x", "station_id": 1}], "extra": 1}
    told = await errors(city, "POST", "taps/batch", body)
    assert set(told) == {"taps", "extra"}
    assert set(told["taps"]["0"]) == {"card_id", "device_id", "device_seq"}
    assert set(await errors(city, "POST", "taps/batch", {"extra": 1})) == {"taps", "extra"}


@pytest.mark.parametrize(
    "path",
    ["cards", "stations", "routes", "users/1/cards", "cards/1/history", "cards/1/statement",
     "trips/user/1"],
)  # fmt: skip
async def test_cursor_is_named_with_the_other_parameters_validation_error(
    city: City, path: str
) -> None:
    assert set(await errors(city, "GET", f"{path}?cursor=x&limit=0&x=1")) == {
        "cursor", "limit", "x",
    }  # fmt: skip


async def test_cursor_is_named_with_a_filter_validation_error(city: City) -> None:
    for thing in ("stations", "routes"):
        assert set(await errors(city, "GET", f"{thing}?cursor=x&kind=x")) == {"cursor", "kind"}


async def test_what_must_hold_between_fields_is_named_with_the_fields_validation_error(
    city: City,
) -> None:
    tap = {"card_id": "x", "station_id": 1, "device_id": 1}
    assert set(await errors(city, "POST", "trips/start", tap)) == {"card_id", "device_seq"}
    reversed_days = "analytics/revenue?from=2026-02-01&to=2026-01-01&x=1"
    assert set(await errors(city, "GET", reversed_days)) == {"to", "x"}
    window = {"active_from": "2026-11-20T06:00:00Z", "active_until": "2026-11-20T05:00:00Z"}
    assert "active_until" in await errors(city, "POST", "alerts", window)


async def test_field_that_cannot_be_read_is_not_taken_for_absent_validation_error(
    city: City,
) -> None:
    for bad, other in (("device_id", "device_seq"), ("device_seq", "device_id")):
        tap = {"card_id": 1, "station_id": 1, bad: "x", other: 1}
        told = await errors(city, "POST", "trips/start", tap)
        assert told == {bad: ["Must be an integer."]}


async def test_clock_beyond_the_calendar_is_named_with_the_speed_validation_error(
    simulated_city: City,
) -> None:
    body = {"now": "9999-01-01T00:00:00Z", "speed": "x"}
    assert set(await errors(simulated_city, "PUT", "clock", body)) == {"now", "speed"}
