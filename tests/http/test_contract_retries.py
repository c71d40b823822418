"""Retries are safe: at every endpoint that moves money, long after, and in every spelling."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from tests.http.conftest import OTHER_TRUNK, TRUNK, ZONAL, Answer, City, set_clock

Attempt = Callable[[str], Awaitable[Answer]]


def told(answer: Answer) -> tuple[int, Any]:
    """Status and body; a refusal has a request id of its own each time."""
    return answer.status, {k: v for k, v in answer.body.items() if k != "request_id"}


def keyed(city: City, card_id: int) -> dict[str, Attempt]:
    """The four endpoints that take a key, on one card."""

    def header(key: str) -> dict[str, Any]:
        return {"headers": {"Idempotency-Key": key}}

    return {
        "recharge": lambda key: city.recharge(card_id, 5000, **header(key)),
        "tap": lambda key: city.tap(card_id, key=key),
        "pass": lambda key: city.post(f"cards/{card_id}/monthly-pass", **header(key)),
        "replace": lambda key: city.post(
            f"cards/{card_id}/replace", {"reason": "lost"}, **header(key)
        ),
    }


async def test_all_four_endpoints_answer_again_after_the_world_moved_on(
    simulated_city: City,
) -> None:
    card_id = (await simulated_city.make_personal_card(balance=200_000))["card_id"]
    attempts = keyed(simulated_city, card_id)
    device: dict[str, Any] = {"device_id": 9, "device_seq": 1}
    first = {name: await attempt(name) for name, attempt in attempts.items() if name != "replace"}
    by_device = await simulated_city.tap(card_id, OTHER_TRUNK, **device)
    assert by_device.body["fare_rule"] == "monthly_pass"
    first["replace"] = await attempts["replace"]("replace")
    new_id = first["replace"].body["card_id"]
    end = {"trip_id": first["tap"].body["trip_id"], "station_id": ZONAL}
    assert (await simulated_city.post("trips/end", end)).status == 200
    await simulated_city.recharge(new_id, 50)
    await simulated_city.post(f"cards/{new_id}/block", {"reason": "stolen"})
    await set_clock(simulated_city, "2026-11-26T06:00:00-05:00")
    money = await simulated_city.balance(new_id)
    for name, attempt in attempts.items():
        again = await attempt(name)
        assert again.replayed, name
        assert (again.status, again.body) == (201, first[name].body)
    assert (await simulated_city.tap(card_id, OTHER_TRUNK, **device)).body == by_device.body
    assert await simulated_city.balance(new_id) == money


async def test_key_of_one_endpoint_is_refused_by_the_others_idempotency_key_reused(
    city: City,
) -> None:
    for owner in ("recharge", "tap", "pass", "replace"):
        card_id = (await city.make_personal_card(balance=200_000))["card_id"]
        attempts = keyed(city, card_id)
        first = await attempts[owner]("k")
        assert first.status == 201
        for other in attempts.keys() - {owner}:
            assert (await attempts[other]("k")).code == "idempotency_key_reused", (owner, other)
        assert told(await attempts[owner]("k")) == told(first)


async def test_refusal_stays_when_its_reason_is_gone(city: City) -> None:
    card_id = (await city.make_personal_card(balance=160_000))["card_id"]
    await city.post(f"cards/{card_id}/block", {"reason": "found on a bus"})
    attempts = keyed(city, card_id)
    refused = {name: await attempts[name](name) for name in ("recharge", "tap", "pass")}
    assert {answer.code for answer in refused.values()} == {"card_not_active"}
    assert not any(answer.replayed for answer in refused.values())
    await city.post(f"cards/{card_id}/unblock")
    for name, first in refused.items():
        again = await attempts[name](name)
        assert again.replayed
        assert told(again) == told(first)
        assert (await attempts[name](f"{name} anew".replace(" ", "-"))).status == 201


async def test_fifty_at_once_have_one_effect_at_every_endpoint(city: City) -> None:
    card_id = (await city.make_personal_card(balance=300_000))["card_id"]
    for name, attempt in keyed(city, card_id).items():
        answers = await asyncio.gather(*(attempt(name) for _ in range(50)))
        assert {answer.status for answer in answers} == {201}
        assert all(answer.body == answers[0].body for answer in answers), name
        assert sum(answer.replayed for answer in answers) == 49, name
    entries = (await city.get(f"cards/{card_id}/statement")).body["items"]
    kinds = [entry["kind"] for entry in entries if entry["amount"] not in (300_000,)]
    assert kinds == ["replacement", "monthly_pass", "fare", "recharge"]


async def test_tap_refused_in_an_upload_is_refused_alike_alone(simulated_city: City) -> None:
    card_id = (await simulated_city.make_card())["card_id"]
    tap = {"card_id": card_id, "station_id": TRUNK, "device_id": 5, "device_seq": 1,
           "tapped_at": "2026-11-20T06:00:00-05:00"}  # fmt: skip
    upload = (await simulated_city.post("taps/batch", {"taps": [tap]})).body
    assert upload["results"][0]["outcome"] == "insufficient_balance"
    await simulated_city.recharge(card_id, 50_000)
    otherwise = {**tap, "route_id": None, "tapped_at": "2026-11-20T11:00:00.000000z"}
    alone = [await simulated_city.post("trips/start", body) for body in (tap, otherwise)]
    assert [(answer.code, answer.replayed) for answer in alone] == [
        ("insufficient_balance", True)
    ] * 2
    assert told(alone[0]) == told(alone[1])
    again = (await simulated_city.post("taps/batch", {"taps": [otherwise]})).body
    assert again["results"] == [{**upload["results"][0], "replayed": True}]
    assert (again["accepted"], again["denied"], again["replayed"]) == (0, 1, 1)
    changed = (await simulated_city.post("taps/batch", {"taps": [{**tap, "station_id": 2}]})).body
    assert changed["results"][0] == {
        "outcome": "idempotency_key_reused", "replayed": False, "trip_id": None, "fare": None,
        "balance": 50_000, "facts": None,
    }  # fmt: skip


async def test_unknown_thing_is_not_remembered(city: City) -> None:
    card_id = (await city.make_card(balance=10_000))["card_id"]
    for _ in range(2):
        missing = await city.tap(card_id, 999_999, key="k")
        assert (missing.code, missing.replayed) == ("station_not_found", False)
    assert (await city.tap(card_id, key="k")).status == 201
