"""The end of a card's life, as its rider, a validator and an accountant see it."""

from typing import Any

from tests.conftest import Database
from tests.http.conftest import City, owner_cursor, set_clock


async def test_forgotten_card_expires_and_its_money_is_unclaimed(
    simulated_city: City, fresh_database: Database
) -> None:
    card = await simulated_city.make_card(balance=5000)
    version = (await simulated_city.get("cards/deny-list")).body["version"]
    await set_clock(simulated_city, "2031-11-20T06:00:01-05:00")
    with owner_cursor(fresh_database) as cursor:
        cursor.execute("SELECT api.expire_cards(10)")
    path = f"cards/{card['card_id']}"
    assert (await simulated_city.get(path)).body["status"] == "expired"
    assert await simulated_city.balance(card["card_id"]) == (0, 0)
    entry = (await simulated_city.get(f"{path}/statement")).body["items"][0]
    assert (entry["kind"], entry["amount"], entry["balance_after"]) == ("unclaimed", -5000, 0)
    assert entry["reference_id"] == card["card_id"]
    listed = (await simulated_city.get(f"cards/deny-list?since={version}")).body["items"]
    assert listed == [{"card_number": card["card_number"], "action": "add"}]
    for refused in (
        await simulated_city.recharge(card["card_id"], 5000),
        await simulated_city.tap(card["card_id"]),
        await simulated_city.post(f"{path}/block", {"reason": "late"}),
        await simulated_city.post(f"{path}/unblock"),
    ):
        assert refused.code == "card_not_active"


async def test_account_goes_on_through_two_replacements(simulated_city: City) -> None:
    user = await simulated_city.make_user()
    body = {"user_id": user["user_id"], "profile": "senior"}
    first = (await simulated_city.post("cards", body)).body["card_id"]
    assert (await simulated_city.tap(first)).body["fare_rule"] == "subsidy_pass"
    second = await replaced(simulated_city, first)
    # The journey goes on, the free trip of the month is used, and credit is counted on.
    rules = [(await simulated_city.tap(second, 200)).body["fare_rule"] for _ in range(2)]
    assert rules == ["transfer", "credit"]
    third = await replaced(simulated_city, second)
    assert await simulated_city.balance(third) == (0, 3550)
    assert (await simulated_city.tap(third, 200)).body["fare_rule"] == "credit"
    assert (await simulated_city.tap(third, 200)).code == "insufficient_balance"
    cards = (await simulated_city.get(f"users/{user['user_id']}/cards")).body["items"]
    assert [(card["card_id"], card["status"], card["replaced_by"]) for card in cards] == [
        (third, "active", None),
        (second, "replaced", third),
        (first, "replaced", second),
    ]
    entry = (await simulated_city.get(f"cards/{second}/statement")).body["items"][0]
    assert (entry["kind"], entry["amount"], entry["debt_after"]) == ("replacement", 3550, 0)
    for card_id in (first, second):
        for action, request in (("block", {"reason": "x"}), ("replace", {"reason": "x"}),
                                ("unblock", None), ("monthly-pass", None)):  # fmt: skip
            answer = await simulated_city.post(f"cards/{card_id}/{action}", request)
            assert (answer.status, answer.code) == (409, "card_not_active"), action


async def test_pass_goes_to_the_new_card_pass_not_found(city: City) -> None:
    old = (await city.make_personal_card(balance=160_000))["card_id"]
    bought = (await city.post(f"cards/{old}/monthly-pass")).body
    new = await replaced(city, old)
    assert (await city.get(f"cards/{old}/monthly-pass")).code == "pass_not_found"
    moved = (await city.get(f"cards/{new}/monthly-pass")).body
    assert moved == {**bought, "card_id": new}


async def test_card_is_refused_for_the_time_it_was_blocked(simulated_city: City) -> None:
    card_id = (await simulated_city.make_card(balance=50_000))["card_id"]
    await set_clock(simulated_city, "2026-11-20T08:00:00-05:00")
    await simulated_city.post(f"cards/{card_id}/block", {"reason": "lost"})
    await set_clock(simulated_city, "2026-11-20T09:00:00-05:00")
    await simulated_city.post(f"cards/{card_id}/unblock")
    for tapped_at, active in [
        ("2026-11-19T08:00:00-05:00", True),  # before it was issued
        ("2026-11-20T07:59:59.999999-05:00", True),
        ("2026-11-20T08:00:00-05:00", False),
        ("2026-11-20T08:59:59.999999-05:00", False),
        ("2026-11-20T09:00:00-05:00", True),
    ]:
        answer = await simulated_city.tap(card_id, tapped_at=tapped_at)
        assert (answer.status == 201) is active, tapped_at


async def test_correction_may_lift_a_balance_above_the_ceiling(simulated_city: City) -> None:
    card_id = (await simulated_city.make_personal_card(balance=400_000))["card_id"]
    taps = [(200, "05:00"), (200, "05:10")]
    trips = [await tap_at(simulated_city, card_id, *tap) for tap in taps]
    assert [trip["fare_rule"] for trip in trips] == ["base", "base"]
    await simulated_city.recharge(card_id, 107_100)
    assert await simulated_city.balance(card_id) == (500_000, 0)
    late = await tap_at(simulated_city, card_id, 201, "05:05")
    assert (late["fare_rule"], late["balance"]) == ("transfer", 503_550)
    assert await simulated_city.balance(card_id) == (503_550, 0)
    refused = await simulated_city.recharge(card_id, 50)
    assert refused.code == "balance_limit_exceeded"


async def replaced(city: City, card_id: int) -> int:
    """The card that a lost one is replaced by."""
    answer = await city.post(f"cards/{card_id}/replace", {"reason": "lost"})
    assert answer.status == 201
    return int(answer.body["card_id"])


async def tap_at(city: City, card_id: int, station_id: int, time: str) -> Any:
    """A tap of this morning."""
    return (await city.tap(card_id, station_id, tapped_at=f"2026-11-20T{time}:00-05:00")).body
