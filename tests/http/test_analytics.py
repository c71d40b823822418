"""Totals of the city."""

from typing import Any

from tests.http.conftest import FARE, OTHER_TRUNK, TRUNK, ZONAL, City, set_clock

TODAY = "2026-11-20"
PATHS = (
    "trips/total", "revenue", "users/active", "trips/hourly", "stations/top", "localities",
)  # fmt: skip


async def busy_day(city: City) -> Any:
    """One rider pays, transfers and pays again; an anonymous one pays the day after."""
    card = await city.make_personal_card(balance=20_000)
    for station in (ZONAL, TRUNK, OTHER_TRUNK):
        assert (await city.tap(card["card_id"], station)).status == 201
    await set_clock(city, "2026-11-21T07:30:00-05:00")
    anonymous = await city.make_card(balance=10_000)
    assert (await city.tap(anonymous["card_id"], TRUNK)).status == 201
    return card


async def read(city: City, path: str) -> Any:
    answer = await city.get(f"analytics/{path}")
    assert answer.status == 200
    return {name: value for name, value in answer.body.items() if name != "as_of"}


async def test_empty_city_counts_to_nothing(city: City) -> None:
    assert await read(city, "trips/total") == {"total_trips": 0, "paid_trips": 0, "transfers": 0}
    assert (await read(city, "revenue"))["currency"] == "COP"
    assert await read(city, "users/active") == {"active_users": 0, "active_cards": 0, "days": 30}
    assert [i["trips"] for i in (await read(city, "trips/hourly"))["items"]] == [0] * 24
    assert (await read(city, "stations/top"))["items"] == []
    assert all(item["trips"] == 0 for item in (await read(city, "localities"))["items"])


async def test_trips_are_counted_by_service_day(simulated_city: City) -> None:
    city = simulated_city
    await busy_day(city)
    assert await read(city, "trips/total") == {"total_trips": 4, "paid_trips": 3, "transfers": 1}
    first = {"total_trips": 3, "paid_trips": 2, "transfers": 1}
    second = {"total_trips": 1, "paid_trips": 1, "transfers": 0}
    assert await read(city, f"trips/total?from={TODAY}&to={TODAY}") == first
    assert await read(city, f"trips/total?to={TODAY}") == first
    assert await read(city, "trips/total?from=2026-11-21") == second


async def test_money_is_summed_to_the_peso(simulated_city: City) -> None:
    city = simulated_city
    await busy_day(city)
    outstanding = {
        "outstanding_balance": 30_000 - 3 * FARE,
        "outstanding_debt": 0,
        "currency": "COP",
    }
    assert await read(city, "revenue") == {
        "revenue": 3 * FARE, "recharged": 30_000, **outstanding,
    }  # fmt: skip
    assert await read(city, "revenue?from=2026-11-21&to=2026-11-21") == {
        "revenue": FARE, "recharged": 10_000, **outstanding,
    }  # fmt: skip


async def test_day_has_its_profile_its_stations_and_its_localities(simulated_city: City) -> None:
    city = simulated_city
    await busy_day(city)
    hourly = await read(city, f"trips/hourly?date={TODAY}")
    assert hourly["date"] == TODAY
    assert [item["hour"] for item in hourly["items"]] == list(range(24))
    assert hourly["items"][6] == {"hour": 6, "trips": 3, "revenue": 2 * FARE}
    today = await read(city, "trips/hourly")
    assert (today["date"], today["items"][7]["trips"]) == ("2026-11-21", 1)
    top = await read(city, f"stations/top?date={TODAY}&limit=2")
    assert len(top["items"]) == 2
    assert all(item["trips"] == 1 for item in top["items"])
    localities = await read(city, f"localities?date={TODAY}")
    assert sum(item["trips"] for item in localities["items"]) == 3
    assert sum(item["revenue"] for item in localities["items"]) == 2 * FARE


async def test_active_users_are_distinct(simulated_city: City) -> None:
    city = simulated_city
    await busy_day(city)
    assert await read(city, "users/active") == {"active_users": 1, "active_cards": 2, "days": 30}
    assert await read(city, "users/active?days=1") == {
        "active_users": 0, "active_cards": 1, "days": 1,
    }  # fmt: skip


async def test_answer_is_cached_and_confirmed_by_its_tag(city: City) -> None:
    for path in PATHS:
        first = await city.get(f"analytics/{path}")
        assert first.headers["X-Cache"] == "MISS"
        second = await city.get(f"analytics/{path}")
        assert (second.headers["X-Cache"], second.body) == ("HIT", first.body)
        assert second.headers["ETag"] == first.headers["ETag"]
        assert second.headers["ETag"].startswith('W/"')
        assert second.headers["Cache-Control"].startswith("max-age=")
        same = await city.get(f"analytics/{path}", headers={"If-None-Match": first.headers["ETag"]})
        assert (same.status, same.body) == (304, "")


async def test_query_that_breaks_the_schema_is_refused_validation_error(city: City) -> None:
    for query in (
        "trips/total?from=2026-11-21&to=2026-11-20",
        "trips/total?to=yesterday",
        "revenue?from=2026-13-01",
        "revenue?from=20261120",
        "users/active?days=0",
        "users/active?days=367",
        "users/active?days=1.5",
        "trips/hourly?date=",
        "stations/top?limit=0",
        "localities?day=2026-11-20",
    ):
        answer = await city.get(f"analytics/{query}")
        assert (answer.status, answer.code) == (422, "validation_error")
        assert len(answer.body["errors"]) == 1
