"""The fare rules as a rider meets them: every decree on its day, every rule at its edge."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from tests.conftest import Database
from tests.http.conftest import (
    OTHER_TRUNK,
    OTHER_ZONAL,
    TRUNK,
    ZONAL,
    Answer,
    City,
    Contract,
    owner_cursor,
    set_clock,
)
from transit_api.app import make_app
from transit_api.settings import Settings

CABLE, OTHER_CABLE = 154, 155
THIRD_ZONAL = 202
FREE_TRIPS = {
    "adult": 0, "minor": 0, "senior_a": 8, "senior_b": 6, "senior_c": 3, "senior": 1,
    "disability_a": 12, "disability_b": 11, "disability_c": 8, "disability": 1,
    "low_income_a": 7, "low_income_b": 5,
}  # fmt: skip


@pytest.fixture
async def old_city(
    settings: Settings, fresh_database: Database, aiohttp_client: Any, contract: Contract
) -> AsyncIterator[City]:
    """On a clock that stands at 10 February 2024, 6:00 in Bogotá: the first tariff still holds."""
    with owner_cursor(fresh_database) as cursor:
        cursor.execute("SELECT api.start_simulated_clock('2024-02-10T06:00:00-05:00')")
        cursor.execute("SELECT api.set_clock(NULL, 0)")
    app = make_app(replace(settings, simulated_clock=True))
    yield City(await aiohttp_client(app), contract)


def decided(answer: Answer) -> tuple[str, int | None]:
    """By which rule and for how much, or why not."""
    if answer.status == 201:
        return answer.body["fare_rule"], answer.body["fare"]
    return answer.code, None


async def ride(city: City, card: Any, *taps: tuple[int, str]) -> list[tuple[str, int | None]]:
    """Tap at these stations at these times of Bogotá."""
    return [
        decided(await city.tap(card["card_id"], station, tapped_at=f"{when}-05:00"))
        for station, when in taps
    ]


async def test_every_decree_prices_the_taps_of_its_own_days(old_city: City) -> None:
    decrees: list[tuple[str, list[tuple[int, str | None, int]]]] = [
        ("2024-02-10T07:00:00-05:00", [(TRUNK, None, 2950), (ZONAL, None, 2750),
                                       (CABLE, None, 2950)]),
        ("2024-02-13T00:05:00-05:00", [(ZONAL, "2024-02-12T23:59:59.999999", 2750),
                                       (ZONAL, "2024-02-13T00:00:00", 2950)]),
        ("2025-01-18T00:00:00-05:00", [(CABLE, "2025-01-17T23:59:59.999999", 2950),
                                       (CABLE, None, 3200), (ZONAL, None, 3200)]),
        ("2026-01-14T00:00:00-05:00", [(TRUNK, "2026-01-13T23:59:59.999999", 3200),
                                       (TRUNK, None, 3550), (ZONAL, None, 3550)]),
    ]  # fmt: skip
    for now, taps in decrees:
        await set_clock(old_city, now)
        for station, when, fare in taps:
            card = await old_city.make_card(balance=10_000)
            stamp = f"{when}-05:00" if when else None
            trip = await old_city.tap(card["card_id"], station, tapped_at=stamp)
            assert decided(trip) == ("base", fare), (now, station, when)


async def test_transfer_from_a_bus_to_a_station_once_had_its_price(old_city: City) -> None:
    for first, second, price in [
        (ZONAL, TRUNK, 200), (ZONAL, CABLE, 200), (ZONAL, OTHER_ZONAL, 0), (TRUNK, ZONAL, 0),
        (CABLE, TRUNK, 0), (TRUNK, CABLE, 0), (CABLE, OTHER_CABLE, 0),
    ]:  # fmt: skip
        card = await old_city.make_personal_card(balance=10_000)
        taps = (first, "2024-02-10T04:00:00"), (second, "2024-02-10T05:49:59.999999")
        assert (await ride(old_city, card, *taps))[1] == ("transfer", price), (first, second)


async def test_transfer_that_cannot_be_paid_is_a_ride_on_credit_or_free(old_city: City) -> None:
    taps = (ZONAL, "2024-02-10T05:00:00"), (TRUNK, "2024-02-10T05:10:00")
    poor = await old_city.make_personal_card(balance=2750 + 199)
    assert await ride(old_city, poor, *taps) == [("base", 2750), ("credit", 2950)]
    assert await old_city.balance(poor["card_id"]) == (0, 2751)
    exact = await old_city.make_personal_card(balance=2750 + 200)
    assert await ride(old_city, exact, *taps) == [("base", 2750), ("transfer", 200)]
    user = await old_city.make_user()
    senior = (
        await old_city.post("cards", {"user_id": user["user_id"], "profile": "senior_b"})
    ).body
    await old_city.recharge(senior["card_id"], 199)
    assert await ride(old_city, senior, *taps) == [("subsidy_pass", 0), ("subsidy_pass", 0)]


async def test_window_is_that_of_the_second_tap(old_city: City) -> None:
    await set_clock(old_city, "2025-01-18T00:20:00-05:00")
    for when, rule in [
        ("2025-01-17T23:49:59.999999", "transfer"),  # 110 minutes until midnight
        ("2025-01-17T23:50:00", "base"),
        ("2025-01-18T00:04:59.999999", "transfer"),  # 125 from then on
        ("2025-01-18T00:05:00", "base"),
    ]:
        card = await old_city.make_personal_card(balance=10_000)
        _, second = await ride(old_city, card, (ZONAL, "2025-01-17T22:00:00"), (TRUNK, when))
        assert second[0] == rule, when


async def test_two_transfers_hang_on_a_journey(simulated_city: City) -> None:
    card = await simulated_city.make_personal_card(balance=50_000)
    day = "2026-11-20T"
    rules = await ride(
        simulated_city, card,
        (TRUNK, day + "03:00:00"), (ZONAL, day + "03:10:00"), (OTHER_ZONAL, day + "03:20:00"),
        (THIRD_ZONAL, day + "03:30:00"),  # the third would be one too many
        (ZONAL, day + "03:40:00"), (ZONAL, day + "03:41:00"),  # the same stop
        (TRUNK, day + "03:50:00"), (OTHER_TRUNK, day + "03:51:00"),  # from trunk to trunk
    )  # fmt: skip
    assert [rule for rule, _ in rules] == [
        "base", "transfer", "transfer", "base", "transfer", "base", "transfer", "base",
    ]  # fmt: skip


async def test_the_same_route_is_no_transfer_where_both_taps_name_it(simulated_city: City) -> None:
    for first, second, rule in [(1, 1, "base"), (1, 2, "transfer"), (1, None, "transfer"),
                                (None, 1, "transfer")]:  # fmt: skip
        card = await simulated_city.make_personal_card(balance=50_000)
        await simulated_city.tap(card["card_id"], ZONAL, route_id=first)
        trip = await simulated_city.tap(card["card_id"], OTHER_ZONAL, route_id=second)
        assert trip.body["fare_rule"] == rule, (first, second)


async def test_each_profile_has_its_free_trips_a_month(simulated_city: City) -> None:
    user = await simulated_city.make_user()
    for profile, free in FREE_TRIPS.items():
        body = {"user_id": user["user_id"], "profile": profile}
        card = (await simulated_city.post("cards", body)).body
        await simulated_city.recharge(card["card_id"], 5000)
        rules = await ride(
            simulated_city,
            card,
            *((TRUNK, f"2026-11-19T20:00:{second:02}") for second in range(free + 1)),
        )
        assert rules == [("subsidy_pass", 0)] * free + [("base", 3550)], profile


async def test_credit_rests_until_the_day_after_the_debt_was_cleared(simulated_city: City) -> None:
    card_id = (await simulated_city.make_personal_card())["card_id"]

    async def tap() -> str:
        return decided(await simulated_city.tap(card_id))[0]

    assert [await tap() for _ in range(3)] == ["credit", "credit", "insufficient_balance"]
    await simulated_city.recharge(card_id, 7099)
    assert await tap() == "insufficient_balance"
    # Cleared, but short of one fare: credit rests until more is loaded.
    await simulated_city.recharge(card_id, 3550)
    await set_clock(simulated_city, "2026-11-21T06:00:00-05:00")
    assert await tap() == "insufficient_balance"
    await simulated_city.recharge(card_id, 50)
    assert [await tap(), await tap()] == ["base", "insufficient_balance"]
    await set_clock(simulated_city, "2026-11-21T23:59:59.999999-05:00")
    assert await tap() == "insufficient_balance"
    await set_clock(simulated_city, "2026-11-22T00:00:00-05:00")
    assert [await tap() for _ in range(3)] == ["credit", "credit", "insufficient_balance"]


async def test_pass_lasts_30_days_from_its_first_trip(simulated_city: City) -> None:
    card = await simulated_city.make_personal_card(balance=200_000)
    path = f"cards/{card['card_id']}/monthly-pass"
    assert (await simulated_city.post(path)).body["expires_at"] is None
    await set_clock(simulated_city, "2027-01-10T06:00:00-05:00")
    assert (await simulated_city.tap(card["card_id"])).body["fare_rule"] == "monthly_pass"
    assert (await simulated_city.get(path)).body["expires_at"] == "2027-02-09T11:00:00.000000Z"
    await set_clock(simulated_city, "2027-02-09T05:59:59.999999-05:00")
    assert (await simulated_city.tap(card["card_id"])).body["fare_rule"] == "monthly_pass"
    await set_clock(simulated_city, "2027-02-09T06:00:00-05:00")
    assert (await simulated_city.get(path)).code == "pass_not_found"
    assert (await simulated_city.tap(card["card_id"])).body["fare_rule"] == "base"


async def test_pass_pays_65_trips_and_a_late_one_pushes_the_last_off(simulated_city: City) -> None:
    card = await simulated_city.make_personal_card(balance=200_000)
    path = f"cards/{card['card_id']}/monthly-pass"
    assert (await simulated_city.post(path)).body["trips_left"] == 65
    for number in range(65):
        day = f"2026-11-{20 + number // 6}"
        if number % 6 == 0:
            await set_clock(simulated_city, f"{day}T20:00:00-05:00")
        stamp = f"{day}T08:{number % 6}0:00-05:00"
        last = await simulated_city.tap(card["card_id"], tapped_at=stamp)
        assert last.body["fare_rule"] == "monthly_pass"
    assert (await simulated_city.get(path)).code == "pass_not_found"
    before = await simulated_city.balance(card["card_id"])
    late = await simulated_city.tap(card["card_id"], tapped_at="2026-11-30T05:00:00-05:00")
    assert late.body["fare_rule"] == "monthly_pass"
    trip = (await simulated_city.get(f"trips/{last.body['trip_id']}")).body
    assert (trip["fare_rule"], trip["fare"]) == ("base", 3550)
    assert await simulated_city.balance(card["card_id"]) == (before[0] - 3550, 0)
