"""The numbers of a refusal are fields of its problem, and the same again under the same key."""

from datetime import datetime, timedelta
from typing import Any

from tests.http.conftest import (
    FARE,
    OF_EVERY_PROBLEM,
    OTHER_TRUNK,
    TRUNK,
    Answer,
    City,
    set_clock,
)
from transit_api.errors import REFUSALS

PRICE = 160_000
SEVEN = "2026-11-20T12:00:00.000000Z"


def facts(answer: Answer) -> dict[str, Any]:
    """The fields that the problem has beside those of every problem."""
    return {name: value for name, value in answer.body.items() if name not in OF_EVERY_PROBLEM}


def test_no_fact_takes_the_name_of_a_field_of_every_problem() -> None:
    for refusal in REFUSALS.values():
        assert not refusal.facts.keys() & OF_EVERY_PROBLEM


async def test_short_balance_says_how_much_is_missing_insufficient_balance(city: City) -> None:
    card = await city.make_card(balance=FARE + 500)
    await city.tap(card["card_id"])
    refused = await city.tap(card["card_id"], key="t-1")
    told = {"fare": FARE, "balance": 500, "debt": 0, "missing": FARE - 500}
    assert (refused.code, facts(refused)) == ("insufficient_balance", told)
    await city.recharge(card["card_id"], 50_000)
    again = await city.tap(card["card_id"], key="t-1")
    assert (again.replayed, facts(again)) == (True, told)


async def test_results_of_an_upload_have_the_facts_of_refused_taps(city: City) -> None:
    rich, poor = await city.make_card(balance=FARE), await city.make_card()
    taps = [
        {"card_id": card["card_id"], "station_id": TRUNK, "device_id": 7, "device_seq": number}
        for number, card in enumerate((rich, poor), 1)
    ]
    told = [None, {"fare": FARE, "balance": 0, "debt": 0, "missing": FARE}]
    for _ in range(2):
        results = (await city.post("taps/batch", {"taps": taps})).body["results"]
        assert [result["facts"] for result in results] == told
        assert results[1]["fare"] is None


async def test_recharge_says_its_limits_amount_out_of_range_balance_limit_exceeded(
    city: City,
) -> None:
    card = await city.make_card(balance=400_000)
    key = {"headers": {"Idempotency-Key": "r-1"}}
    for replayed in (False, True):
        small = await city.recharge(card["card_id"], 1, **key)
        assert (small.code, small.replayed) == ("amount_out_of_range", replayed)
        assert facts(small)["minimum"] > 1
        assert facts(small)["maximum"] >= 400_000
        assert facts(small)["amount"] == 1
    body = {"card_id": card["card_id"], "amount": 400_000, "idempotency_key": "r-2"}
    answer = await city.post("cards/recharge/batch", {"recharges": [body]})
    told = answer.body["results"][0]["facts"]
    single = await city.recharge(card["card_id"], 400_000)
    assert (single.code, facts(single)) == ("balance_limit_exceeded", told)
    assert (told["balance"], told["balance_after"]) == (400_000, 800_000)
    assert told["loadable"] == told["maximum"] - 400_000


async def test_pass_says_its_price_insufficient_balance(city: City) -> None:
    card = await city.make_personal_card(balance=PRICE - 1)
    path, key = f"cards/{card['card_id']}/monthly-pass", {"Idempotency-Key": "p-1"}
    told = {"fare": PRICE, "balance": PRICE - 1, "debt": 0, "missing": 1}
    for _ in range(2):
        assert facts(await city.post(path, headers=key)) == told


async def test_status_of_a_card_is_a_field_card_not_active(city: City) -> None:
    card = await city.make_personal_card(balance=FARE)
    path = f"cards/{card['card_id']}"
    await city.post(f"{path}/block", {"reason": "lost"})
    tap = facts(await city.tap(card["card_id"]))
    assert tap.keys() == {"card_status", "since_at", "stamped_at"}
    assert tap["card_status"] == "blocked"
    assert facts(await city.recharge(card["card_id"], 10_000)) == {"card_status": "blocked"}
    assert facts(await city.post(f"{path}/monthly-pass")) == {"card_status": "blocked"}
    await city.post(f"{path}/replace", {"reason": "lost"})
    key = {"headers": {"Idempotency-Key": "x-1"}}
    for _ in range(2):
        replaced = await city.post(f"{path}/replace", {"reason": "lost"}, **key)
        assert facts(replaced) == {"card_status": "replaced"}
    assert facts(await city.post(f"{path}/unblock")) == {"card_status": "replaced"}


async def test_money_of_a_user_is_in_fields_user_has_balance(city: City) -> None:
    user = await city.make_user()
    await city.make_card(balance=12_450, user_id=user["user_id"])
    refused = await city.ask("DELETE", f"users/{user['user_id']}")
    assert (refused.code, facts(refused)) == ("user_has_balance", {"balance": 12_450, "debt": 0})


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


async def test_times_of_a_tap_are_fields_tap_in_future_tap_too_old(simulated_city: City) -> None:
    city = simulated_city
    card = (await city.make_card(balance=FARE))["card_id"]
    told = facts(await city.tap(card, tapped_at=SEVEN))
    assert told["stamped_at"] == SEVEN
    assert moment(told["latest_at"]) - moment(told["arrived_at"]) == timedelta(minutes=5)
    assert told.keys() == {"stamped_at", "arrived_at", "latest_at"}
    told = facts(await city.tap(card, tapped_at="2026-11-12T00:00:00Z"))
    assert told["stamped_at"] == "2026-11-12T00:00:00.000000Z"
    assert moment(told["arrived_at"]) - moment(told["earliest_at"]) == timedelta(days=7)
    assert told.keys() == {"stamped_at", "arrived_at", "earliest_at"}


async def test_times_of_a_trip_are_fields_trip_expired_trip_already_ended_trip_ends_before_start(
    simulated_city: City,
) -> None:
    city = simulated_city
    card = (await city.make_card(balance=2 * FARE))["card_id"]
    trips = [(await city.tap(card, station_id)).body for station_id in (TRUNK, OTHER_TRUNK)]
    ends = [{"trip_id": trip["trip_id"], "station_id": TRUNK} for trip in trips]
    begun = trips[0]["started_at"]
    early = await city.post("trips/end", {**ends[0], "ended_at": "2026-11-20T10:00:00Z"})
    assert facts(early) == {"started_at": begun, "stamped_at": "2026-11-20T10:00:00.000000Z"}
    late = await city.post("trips/end", {**ends[0], "ended_at": SEVEN})
    assert late.code == "tap_in_future"
    assert facts(late).keys() == {"stamped_at", "arrived_at", "latest_at"}
    ended = await city.post("trips/end", ends[0])
    again = await city.post("trips/end", ends[0])
    assert facts(again) == {"ended_at": ended.body["ended_at"]}
    await set_clock(city, "2026-11-20T21:00:00Z")
    told = facts(await city.post("trips/end", ends[1]))
    assert told["started_at"] == trips[1]["started_at"]
    assert moment(told["expired_at"]) - moment(told["started_at"]) == timedelta(hours=4)


async def test_limit_of_a_pass_is_a_field_pass_daily_limit(simulated_city: City) -> None:
    city = simulated_city
    card = (await city.make_personal_card(balance=PRICE))["card_id"]
    await city.post(f"cards/{card}/monthly-pass")
    for hour in range(12, 18):
        await set_clock(city, f"2026-11-20T{hour}:30:00Z")
        assert (await city.tap(card)).status == 201
    for _ in range(2):
        refused = await city.tap(card, key="seventh")
        assert facts(refused) == {"limit": 6, "service_day": "2026-11-20"}
