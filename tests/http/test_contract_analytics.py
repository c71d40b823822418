"""Totals of the city, when taps come late and days turn."""

from typing import Any

from tests.http.conftest import FARE, OTHER_ZONAL, TRUNK, ZONAL, City, set_clock


async def read(city: City, path: str) -> Any:
    """An answer without its time."""
    body = (await city.get(f"analytics/{path}")).body
    return {name: value for name, value in body.items() if name != "as_of"}


async def test_correction_counts_on_the_day_of_its_trip(simulated_city: City) -> None:
    city = simulated_city
    card_id = (await city.make_personal_card(balance=20_000))["card_id"]
    for station_id, time in ((ZONAL, "08:00"), (ZONAL, "08:50"), (OTHER_ZONAL, "08:20")):
        # The last one arrives late and makes the second a transfer.
        answer = await city.tap(card_id, station_id, tapped_at=f"2026-11-19T{time}:00-05:00")
        assert answer.status == 201
    day = "from=2026-11-19&to=2026-11-19"
    assert await read(city, f"trips/total?{day}") == {
        "total_trips": 3, "paid_trips": 1, "transfers": 2,
    }  # fmt: skip
    assert await read(city, f"revenue?{day}") == {
        "revenue": FARE, "recharged": 0, "outstanding_balance": 20_000 - FARE,
        "outstanding_debt": 0, "currency": "COP",
    }  # fmt: skip
    hours = (await read(city, "trips/hourly?date=2026-11-19"))["items"]
    assert [hour for hour in hours if hour["trips"]] == [{"hour": 8, "trips": 3, "revenue": FARE}]
    places = (await read(city, "localities?date=2026-11-19"))["items"]
    assert sum(place["revenue"] for place in places) == FARE
    assert (await read(city, "revenue?from=2026-11-20&to=2026-11-20"))["recharged"] == 20_000


async def test_today_is_a_day_of_bogota(simulated_city: City) -> None:
    await set_clock(simulated_city, "2026-11-20T23:59:59.999999-05:00")
    card_id = (await simulated_city.make_card(balance=20_000))["card_id"]
    await simulated_city.tap(card_id, TRUNK)
    today = await read(simulated_city, "trips/hourly")
    assert (today["date"], today["items"][23]["trips"]) == ("2026-11-20", 1)
    top = await read(simulated_city, "stations/top")
    assert [(item["station_id"], item["trips"]) for item in top["items"]] == [(TRUNK, 1)]
    await set_clock(simulated_city, "2026-11-21T00:00:00-05:00")
    places = await read(simulated_city, "localities")
    assert (places["date"], places["items"]) == ("2026-11-21", [])


async def test_debt_and_credit_are_outstanding_apart(simulated_city: City) -> None:
    city = simulated_city
    poor, rich = await city.make_personal_card(), await city.make_card(balance=9000)
    for card in (poor, rich):
        assert (await city.tap(card["card_id"])).status == 201
    assert await read(city, "revenue") == {
        "revenue": 2 * FARE, "recharged": 9000, "outstanding_balance": 9000 - FARE,
        "outstanding_debt": FARE, "currency": "COP",
    }  # fmt: skip


async def test_sale_of_a_pass_is_no_fare(simulated_city: City) -> None:
    card_id = (await simulated_city.make_personal_card(balance=200_000))["card_id"]
    await simulated_city.post(f"cards/{card_id}/monthly-pass")
    assert (await simulated_city.tap(card_id)).body["fare_rule"] == "monthly_pass"
    assert await read(simulated_city, "trips/total") == {
        "total_trips": 1, "paid_trips": 0, "transfers": 0,
    }  # fmt: skip
    revenue = await read(simulated_city, "revenue")
    assert (revenue["revenue"], revenue["outstanding_balance"]) == (0, 40_000)
