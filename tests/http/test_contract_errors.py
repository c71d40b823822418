"""A request that breaks the schema in many places is told all of them at once."""

from typing import Any

import pytest

from tests.http.conftest import UNKNOWN_ID, City

BAD_KEY = {"Idempotency-Key": "a b"}
JSON = {"Content-Type": "application/json"}


async def errors(city: City, method: str, path: str, body: Any = None, **options: Any) -> Any:
    answer = await city.ask(method, path, body=body, **options)
    assert (answer.status, answer.code) == (422, "validation_error"), answer
    return answer.body["errors"]


async def test_parameters_and_fields_are_named_together_validation_error(city: City) -> None:
    for path, body, named in [
        ("trips/start?x=1", {"card_id": "x"}, {"x", "card_id", "station_id"}),
        ("trips/start?x=1", [], {"x", "_schema"}),
        ("users?x=1&x=2&y=3", {"full_name": 5}, {"x", "y", "full_name", "document_id"}),
        ("cards/1/unblock?x=1", {"reason": "found"}, {"x", "reason"}),
        ("taps/batch?x=1", {"taps": []}, {"x", "taps"}),
    ]:
        assert set(await errors(city, "POST", path, body)) == named, path


async def test_name_that_offends_in_two_places_has_both_reasons(city: City) -> None:
    told = await errors(city, "POST", "cards/recharge?amount=1", {"card_id": 1, "amount": "x"})
    assert told == {"amount": ["Unknown field.", "Must be an integer."]}


async def test_elements_and_what_is_beside_them_are_named_together_validation_error(
    city: City,
) -> None:
    body = {"taps": [{"card_id": "x", "station_id": 1}], "extra": 1}
    told = await errors(city, "POST", "taps/batch?x=1", body)
    assert set(told) == {"taps", "extra", "x"}
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


async def test_key_is_named_with_the_fields_validation_error(city: City) -> None:
    for path in ("cards/recharge", "trips/start"):
        told = await errors(city, "POST", f"{path}?x=1", {"card_id": 1}, headers=BAD_KEY)
        assert {"Idempotency-Key", "x"} < set(told), path
    told = await errors(city, "POST", "cards/0/replace?x=1", {"reason": ""}, headers=BAD_KEY)
    assert set(told) == {"card_id", "x", "reason", "Idempotency-Key"}
    told = await errors(city, "POST", "cards/0/monthly-pass", {"x": 1}, headers=BAD_KEY)
    assert set(told) == {"card_id", "x", "Idempotency-Key"}
    told = await errors(city, "POST", "cards/0/monthly-pass", headers=BAD_KEY)
    assert set(told) == {"card_id", "Idempotency-Key"}


async def test_key_beside_a_device_is_ignored_among_other_errors_too(city: City) -> None:
    tap = {"card_id": "x", "station_id": 1, "device_id": 1, "device_seq": 1}
    for path, named in (("trips/start", {"card_id"}), ("trips/start?x=1", {"card_id", "x"})):
        assert set(await errors(city, "POST", path, tap, headers=BAD_KEY)) == named
    tap["card_id"] = 1
    assert set(await errors(city, "POST", "trips/start?x=1", tap, headers=BAD_KEY)) == {"x"}


async def test_id_of_the_path_is_named_with_the_rest_validation_error(city: City) -> None:
    told = await errors(city, "POST", "cards/0/block?x=1", {"reason": 5, "y": 1})
    assert set(told) == {"card_id", "reason", "x", "y"}
    assert set(await errors(city, "GET", "stations/0/arrivals?limit=0")) == {"station_id", "limit"}
    assert set(await errors(city, "DELETE", "users/0?x=1")) == {"user_id", "x"}
    assert set(await errors(city, "GET", "users/0/cards?cursor=x")) == {"user_id", "cursor"}


async def test_body_that_cannot_be_read_is_told_first_whatever_else_is_wrong(city: City) -> None:
    for path in ("cards/recharge?x=1", "cards/0/block", "cards/0/unblock?x=1"):
        torn = await city.post(path, data=b"{", headers=JSON)
        assert (torn.status, torn.code) == (400, "malformed_json"), path
        plain = await city.post(path, data=b"{}", headers={"Content-Type": "text/plain"})
        assert (plain.status, plain.code) == (415, "unsupported_media_type"), path


async def test_refusal_by_the_rules_names_only_what_they_refused(city: City) -> None:
    told = await errors(city, "POST", "cards", {"profile": "of_no_kind"})
    assert set(told) == {"profile"}
    answer = await city.get(f"users/{UNKNOWN_ID}/cards")
    assert (answer.status, answer.code) == (404, "user_not_found")
