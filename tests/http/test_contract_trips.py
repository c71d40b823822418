"""A trip at the edges of time, on a clock that stands still."""

from typing import Any

from tests.http.conftest import OTHER_TRUNK, TRUNK, UNKNOWN_ID, City, set_clock

NOW = "2026-11-20T07:00:00-05:00"


async def end(city: City, trip_id: int, ended_at: str | None = None) -> Any:
    """Get off at another station."""
    body = {"trip_id": trip_id, "station_id": OTHER_TRUNK}
    answer = await city.post("trips/end", {**body, "ended_at": ended_at} if ended_at else body)
    return answer.body["status"] if answer.status == 200 else answer.code


async def test_tap_is_taken_from_seven_days_back_to_five_minutes_ahead(
    simulated_city: City,
) -> None:
    await set_clock(simulated_city, NOW)
    card = await simulated_city.make_card(balance=50_000)
    for tapped_at, code in [
        ("2026-11-20T07:05:00-05:00", None),
        ("2026-11-20T07:05:00.000001-05:00", "tap_in_future"),
        ("2026-11-13T07:00:00-05:00", None),
        ("2026-11-13T06:59:59.999999-05:00", "tap_too_old"),
    ]:
        answer = await simulated_city.tap(card["card_id"], tapped_at=tapped_at)
        assert answer.status == 201 if code is None else answer.code == code, tapped_at


async def test_trip_ends_within_four_hours_of_its_start(simulated_city: City) -> None:
    await set_clock(simulated_city, NOW)
    card = await simulated_city.make_card(balance=100_000)

    async def start(tapped_at: str) -> Any:
        return (await simulated_city.tap(card["card_id"], tapped_at=tapped_at)).body

    trip = await start("2026-11-20T03:00:00-05:00")
    assert trip["status"] == "in_progress"
    assert await end(simulated_city, trip["trip_id"]) == "completed"
    trip = await start("2026-11-20T02:59:59.999999-05:00")
    assert trip["status"] == "expired"
    assert await end(simulated_city, trip["trip_id"]) == "trip_expired"
    # What counts is when the rider got off, not when we are told.
    assert await end(simulated_city, trip["trip_id"], "2026-11-20T06:00:00-05:00") == "completed"
    assert await end(simulated_city, trip["trip_id"]) == "trip_already_ended"
    trip = await start("2026-11-20T06:30:00-05:00")
    for ended_at, outcome in [
        ("2026-11-20T06:29:59.999999-05:00", "trip_ends_before_start"),
        ("2026-11-20T07:05:00.000001-05:00", "tap_in_future"),
        ("2026-11-20T07:05:00-05:00", "completed"),
    ]:
        assert await end(simulated_city, trip["trip_id"], ended_at) == outcome, ended_at


async def test_ending_moves_no_money_and_names_what_is_unknown(simulated_city: City) -> None:
    card = await simulated_city.make_card(balance=10_000)
    trip = (await simulated_city.tap(card["card_id"])).body
    unknown = {"trip_id": UNKNOWN_ID, "station_id": UNKNOWN_ID}
    assert (await simulated_city.post("trips/end", unknown)).code == "trip_not_found"
    nowhere = {"trip_id": trip["trip_id"], "station_id": UNKNOWN_ID}
    assert (await simulated_city.post("trips/end", nowhere)).code == "station_not_found"
    assert await end(simulated_city, trip["trip_id"]) == "completed"
    statement = (await simulated_city.get(f"cards/{card['card_id']}/statement")).body["items"]
    assert [entry["kind"] for entry in statement] == ["fare", "recharge"]


async def test_page_of_trips_is_stable_while_taps_arrive_late(city: City) -> None:
    user = await city.make_user()
    card = await city.make_card(balance=100_000, user_id=user["user_id"])
    for _ in range(7):
        await city.tap(card["card_id"])
    path = f"trips/user/{user['user_id']}"
    whole = [trip["trip_id"] for trip in (await city.get(path)).body["items"]]
    first = (await city.get(f"{path}?limit=3")).body
    await city.tap(card["card_id"])
    rest = (await city.get(f"{path}?limit=200&cursor={first['next_cursor']}")).body["items"]
    assert [trip["trip_id"] for trip in first["items"] + rest] == whole


async def test_late_tap_of_a_replaced_card_is_charged_to_the_new_one(simulated_city: City) -> None:
    old = await simulated_city.make_personal_card(balance=10_000)
    await set_clock(simulated_city, NOW)
    path = f"cards/{old['card_id']}/replace"
    new = (await simulated_city.post(path, {"reason": "lost"})).body
    await simulated_city.post(f"cards/{new['card_id']}/block", {"reason": "lost too"})
    late = await simulated_city.tap(
        old["card_id"], TRUNK, tapped_at="2026-11-20T06:59:59.999999-05:00"
    )
    assert (late.body["card_id"], late.body["balance"]) == (old["card_id"], 6450)
    assert await simulated_city.balance(old["card_id"]) == (0, 0)
    assert await simulated_city.balance(new["card_id"]) == (6450, 0)
    refused = await simulated_city.tap(old["card_id"], TRUNK, tapped_at=NOW)
    assert refused.code == "card_not_active"


async def test_every_rule_is_explained_by_the_one_step_that_applied(simulated_city: City) -> None:
    user = await simulated_city.make_user()
    body = {"user_id": user["user_id"], "profile": "senior"}
    card_id = (await simulated_city.post("cards", body)).body["card_id"]
    trips = [await simulated_city.tap(card_id, TRUNK), await simulated_city.tap(card_id, 200)]
    trips += [await simulated_city.tap(card_id, 200)]
    await simulated_city.recharge(card_id, 170_000)
    trips += [await simulated_city.tap(card_id, 200)]
    await set_clock(simulated_city, NOW)
    await simulated_city.post(f"cards/{card_id}/monthly-pass")
    trips += [await simulated_city.tap(card_id, TRUNK)]
    rules = [trip.body["fare_rule"] for trip in trips]
    assert rules == ["subsidy_pass", "transfer", "credit", "base", "monthly_pass"]
    # A ride that was uploaded late takes the free trip that was its due.
    await simulated_city.tap(card_id, TRUNK, tapped_at="2026-11-19T20:00:00-05:00")
    for trip in trips:
        trip_id = trip.body["trip_id"]
        present = (await simulated_city.get(f"trips/{trip_id}")).body
        told = (await simulated_city.get(f"trips/{trip_id}/explanation")).body
        assert [step["rule"] for step in told["steps"] if step["applied"]] == [present["fare_rule"]]
        assert (told["fare_rule"], told["fare"]) == (present["fare_rule"], present["fare"])
        corrected = present["fare"] - trip.body["fare"]
        assert sum(entry["amount"] for entry in told["corrections"]) == -corrected
    first = (await simulated_city.get(f"trips/{trips[0].body['trip_id']}")).body
    assert (first["fare_rule"], first["fare"]) == ("base", 3550)
