"""`from` and `to` of a card's history and statement and of a user's trips: service days."""

from typing import Any

import pytest

from tests.http.conftest import City, set_clock

DAYS = ("2026-11-20", "2026-11-21", "2026-11-22")


@pytest.fixture
async def lists(simulated_city: City) -> dict[str, list[Any]]:
    """Each list by its path, oldest first: one item of each of three days, late in the evening."""
    city = simulated_city
    user = await city.make_user()
    card = await city.make_card(user_id=user["user_id"])
    for day in DAYS:
        await set_clock(city, f"{day}T23:59:00-05:00")
        await city.recharge(card["card_id"], 10_000)
        assert (await city.tap(card["card_id"])).status == 201
    path = f"cards/{card['card_id']}"
    paths = (f"{path}/history", f"{path}/statement", f"trips/user/{user['user_id']}")
    return {path: (await city.walk(path, limit=200))[::-1] for path in paths}


async def test_range_is_of_service_days_inclusive(
    simulated_city: City, lists: dict[str, list[Any]]
) -> None:
    for path, items in lists.items():
        of_day = len(items) // len(DAYS)
        assert of_day in (1, 2)
        for query, days in [
            (f"from={DAYS[1]}", slice(1, 3)),
            (f"to={DAYS[1]}", slice(0, 2)),
            (f"from={DAYS[1]}&to={DAYS[1]}", slice(1, 2)),
            ("to=2026-11-19", slice(0, 0)),
            ("from=0001-01-01&to=9999-12-31", slice(0, 3)),
        ]:
            wanted = items[days.start * of_day : days.stop * of_day][::-1]
            assert await simulated_city.walk(f"{path}?{query}", limit=1) == wanted, (path, query)


async def test_range_that_runs_backwards_is_refused_validation_error(
    simulated_city: City, lists: dict[str, list[Any]]
) -> None:
    for path in lists:
        for query in ("from=2026-11-21&to=2026-11-20", "from=yesterday", "to=2026-02-30"):
            answer = await simulated_city.get(f"{path}?{query}")
            assert (answer.status, answer.code) == (422, "validation_error")
