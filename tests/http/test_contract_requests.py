"""What may be left out, said as null, or asked of a service that does not have it."""

from typing import Any

from aiohttp.test_utils import TestClient

from tests.http.conftest import City


async def test_null_says_the_same_as_absent(city: City) -> None:
    user = await city.post(
        "users", {"full_name": "Ana", "document_id": "1", "email": None, "phone": None}
    )
    assert user.status == 201
    card = await city.post("cards", {"user_id": None, "profile": None})
    assert (card.status, card.body["profile"]) == (201, "basic")
    card_id = card.body["card_id"]
    blank = {"channel": None, "recharge_point_id": None}
    once = await city.recharge(card_id, 5000, headers={"Idempotency-Key": "k"})
    again = await city.post(
        "cards/recharge",
        {"card_id": card_id, "amount": 5000, **blank},
        headers={"Idempotency-Key": "k"},
    )
    assert again.replayed and again.body == once.body
    batch = {"card_id": card_id, "amount": 50, "idempotency_key": None, **blank}
    answer = await city.post("cards/recharge/batch", {"recharges": [batch]})
    assert answer.body["results"][0]["outcome"] == "accepted"
    history = (await city.get(f"cards/{card_id}/history")).body["items"]
    assert [item["channel"] for item in history] == ["ticket_office", "ticket_office"]
    tap: dict[str, Any] = dict.fromkeys(("route_id", "tapped_at", "device_id", "device_seq"))
    assert (await city.tap(card_id, **tap)).status == 201


async def test_line_break_at_the_end_is_no_part_of_a_key_or_an_address(city: City) -> None:
    card = await city.make_card()
    recharge = {"card_id": card["card_id"], "amount": 5000, "idempotency_key": "k\n"}
    refused = await city.post("cards/recharge/batch", {"recharges": [recharge]})
    assert list(refused.body["errors"]["recharges"]["0"]) == ["idempotency_key"]
    for field in ("email", "phone"):
        body = {
            "full_name": "Ana",
            "document_id": "1",
            field: "1@b\n" if field == "email" else "1\n",
        }
        answer = await city.post("users", body)
        assert (answer.status, list(answer.body["errors"])) == (422, [field])


async def test_number_of_any_length_is_json_and_too_large_validation_error(city: City) -> None:
    for digits in ("9" * 16, "9" * 30, "9" * 5000, "-" + "9" * 5000, "9" * 5000 + ".5"):
        raw = f'{{"card_id": 1, "amount": {digits}}}'
        answer = await city.post(
            "cards/recharge", data=raw, headers={"Content-Type": "application/json"}
        )
        assert (answer.status, list(answer.body["errors"])) == (422, ["amount"]), digits[:20]


async def test_without_a_simulation_no_clock_is_asked_about_its_request_not_found(
    city: City, api: TestClient[Any, Any]
) -> None:
    assert (await city.get("clock?when=now")).code == "not_found"
    bodies: list[Any] = [{"now": "tomorrow"}, {"when": 1}, []]
    for body in bodies:
        assert (await city.ask("PUT", "clock", body=body)).code == "not_found"
    async with api.put("/api/v1/clock", data=b"{", headers={"Content-Type": "text/plain"}) as raw:
        assert raw.status == 404


async def test_without_a_simulation_the_clock_takes_no_method_at_all_not_found(city: City) -> None:
    for method in ("GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS"):
        answer = await city.ask(method, "clock")
        assert (answer.status, answer.code) == (404, "not_found"), method
        assert "Allow" not in answer.headers
    assert (await city.ask("HEAD", "clock")).status == 404


async def test_in_a_simulation_the_clock_takes_its_methods_only_method_not_allowed(
    simulated_city: City,
) -> None:
    answer = await simulated_city.post("clock", {"speed": 0})
    assert (answer.status, answer.code) == (405, "method_not_allowed")
    assert set(answer.headers["Allow"].split(",")) == {"GET", "HEAD", "PUT"}
