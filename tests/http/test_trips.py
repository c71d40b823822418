"""Taps, trips and what they cost."""

import asyncio
from datetime import UTC, datetime, timedelta

from tests.http.conftest import (
    FARE,
    OTHER_TRUNK,
    OTHER_ZONAL,
    TRUNK,
    UNKNOWN_ID,
    ZONAL,
    City,
    set_clock,
)


def ago(**duration: float) -> str:
    """A moment of the real past; negative durations are the future."""
    return (datetime.now(UTC) - timedelta(**duration)).isoformat()


async def test_tap_charges_the_fare_and_starts_a_trip(city: City) -> None:
    card = await city.make_card(balance=FARE)
    answer = await city.tap(card["card_id"])
    trip = answer.body
    assert answer.status == 201
    assert (trip["fare"], trip["fare_rule"], trip["balance"]) == (FARE, "base", 0)
    assert (trip["start_station_id"], trip["end_station_id"], trip["route_id"]) == (1, None, None)
    assert (trip["status"], trip["journey_id"]) == ("in_progress", trip["trip_id"])
    assert trip["started_at"].endswith("Z") and len(trip["started_at"]) == 27
    assert (await city.get(f"trips/{trip['trip_id']}")).body == trip


async def test_tap_is_refused_when_balance_is_short_insufficient_balance(city: City) -> None:
    card = await city.make_card(balance=FARE - 1)
    answer = await city.tap(card["card_id"])
    assert (answer.status, answer.code) == (402, "insufficient_balance")
    assert await city.balance(card["card_id"]) == (FARE - 1, 0)


async def test_personal_card_rides_twice_on_credit_insufficient_balance(city: City) -> None:
    card = await city.make_personal_card(balance=1000)
    first = (await city.tap(card["card_id"], TRUNK)).body
    second = (await city.tap(card["card_id"], OTHER_TRUNK)).body
    assert [(t["fare"], t["fare_rule"]) for t in (first, second)] == [(FARE, "credit")] * 2
    third = await city.tap(card["card_id"], TRUNK)
    assert (third.status, third.code) == (402, "insufficient_balance")
    assert await city.balance(card["card_id"]) == (0, 2 * FARE - 1000)


async def test_transfer_is_free_within_the_window(city: City) -> None:
    card = await city.make_personal_card(balance=10_000)
    paid = (await city.tap(card["card_id"], ZONAL, tapped_at=ago(minutes=20))).body
    free = (await city.tap(card["card_id"], TRUNK)).body
    assert (free["fare"], free["fare_rule"], free["journey_id"]) == (0, "transfer", paid["trip_id"])


async def test_unknown_things_are_named_card_not_found_station_not_found_route_not_found(
    city: City,
) -> None:
    card_id = (await city.make_card(balance=10_000))["card_id"]
    refusals = [
        await city.tap(UNKNOWN_ID, UNKNOWN_ID, route_id=UNKNOWN_ID, key="k"),
        await city.tap(card_id, UNKNOWN_ID, route_id=UNKNOWN_ID, key="k"),
        await city.tap(card_id, TRUNK, route_id=UNKNOWN_ID, key="k"),
    ]
    codes = ["card_not_found", "station_not_found", "route_not_found"]
    assert [(r.status, r.code, r.replayed) for r in refusals] == [(404, c, False) for c in codes]
    # What was not found is not remembered: the key is still free.
    assert (await city.tap(card_id, TRUNK, key="k")).status == 201


async def test_tap_ahead_of_the_clock_is_refused_tap_in_future(city: City) -> None:
    card = await city.make_card(balance=10_000)
    late = await city.tap(card["card_id"], tapped_at=ago(minutes=-6))
    assert (late.status, late.code) == (422, "tap_in_future")
    assert late.body["errors"] == {}
    assert (await city.tap(card["card_id"], tapped_at=ago(minutes=-4))).status == 201


async def test_tap_of_last_week_is_refused_tap_too_old(city: City) -> None:
    card = await city.make_card(balance=10_000)
    for moment in (ago(days=7, minutes=1), "1970-01-01T00:00:00Z"):
        answer = await city.tap(card["card_id"], tapped_at=moment)
        assert (answer.status, answer.code) == (422, "tap_too_old")
    assert (await city.tap(card["card_id"], tapped_at=ago(days=6.9))).status == 201


async def test_repeated_tap_is_answered_again_and_charged_once(city: City) -> None:
    card = await city.make_card(balance=10_000)
    first = await city.tap(card["card_id"], key="tap-1")
    again = await city.tap(card["card_id"], key="tap-1")
    assert (again.status, again.body, again.replayed) == (201, first.body, True)
    assert await city.balance(card["card_id"]) == (10_000 - FARE, 0)
    other = await city.tap(card["card_id"], OTHER_TRUNK, key="tap-1")
    assert (other.status, other.code) == (422, "idempotency_key_reused")


async def test_device_fields_are_the_key_and_a_header_beside_them_is_ignored(city: City) -> None:
    card = await city.make_card(balance=10_000)
    device = {"device_id": 9, "device_seq": 1}
    first = await city.tap(card["card_id"], key="a", **device)
    again = await city.tap(card["card_id"], key="b", **device)
    assert (again.body, again.replayed) == (first.body, True)
    malformed = {"Idempotency-Key": "not a key"}
    body = {"card_id": card["card_id"], "station_id": TRUNK, **device}
    assert (await city.post("trips/start", body, headers=malformed)).replayed
    # The header was never used: it still serves another request.
    assert (await city.tap(card["card_id"], key="a")).replayed is False


async def test_key_belongs_to_one_card(city: City) -> None:
    cards = [await city.make_card(balance=10_000) for _ in range(2)]
    answers = [await city.tap(card["card_id"], key="same") for card in cards]
    assert [(a.status, a.replayed) for a in answers] == [(201, False)] * 2


async def test_key_serves_one_request_whatever_the_endpoint_idempotency_key_reused(
    city: City,
) -> None:
    card = await city.make_card(balance=10_000)
    await city.tap(card["card_id"], key="k")
    answer = await city.recharge(card["card_id"], 5000, headers={"Idempotency-Key": "k"})
    assert (answer.status, answer.code) == (422, "idempotency_key_reused")


async def test_refused_tap_is_refused_again_with_the_same_words(city: City) -> None:
    card = await city.make_card()
    first = await city.tap(card["card_id"], key="k")
    await city.recharge(card["card_id"], 10_000)
    again = await city.tap(card["card_id"], key="k")
    assert (again.status, again.code, again.replayed) == (402, "insufficient_balance", True)
    assert {**again.body, "request_id": ""} == {**first.body, "request_id": ""}


async def test_fifty_taps_at_once_on_money_for_one_charge_once(city: City) -> None:
    card = await city.make_card(balance=FARE)
    answers = await asyncio.gather(*(city.tap(card["card_id"]) for _ in range(50)))
    assert sorted(answer.status for answer in answers) == [201] + [402] * 49
    assert await city.balance(card["card_id"]) == (0, 0)


async def test_the_same_tap_at_once_is_one_trip(city: City) -> None:
    card = await city.make_card(balance=10 * FARE)
    answers = await asyncio.gather(
        *(city.tap(card["card_id"], device_id=1, device_seq=1) for _ in range(20))
    )
    assert len({answer.body["trip_id"] for answer in answers}) == 1
    assert await city.balance(card["card_id"]) == (9 * FARE, 0)


async def test_device_fields_come_both_or_not_at_all(city: City) -> None:
    for given in ({"device_id": 5}, {"device_seq": 5}):
        answer = await city.tap(1, **given)
        missing = ({"device_id", "device_seq"} - set(given)).pop()
        assert (answer.status, list(answer.body["errors"])) == (422, [missing])


async def test_time_without_offset_or_sense_is_refused_validation_error(city: City) -> None:
    for moment in (
        "2026-11-20T06:00:00",
        "2026-11-20 06:00",
        "yesterday",
        "2026-13-01T00:00:00Z",
        1700000000,
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-12:00",
        "20261120T060000Z",
        "",
        "2026-11-20T06:00:00+25:00",
        "2026-02-30T00:00:00Z",
        "２026-11-20T06:00:00Z",
    ):
        answer = await city.tap(1, tapped_at=moment)
        assert (answer.status, list(answer.body["errors"])) == (422, ["tapped_at"])


async def test_any_offset_and_any_precision_name_the_same_moment(city: City) -> None:
    card = await city.make_card(balance=10 * FARE)
    hour_ago = datetime.now(UTC).replace(microsecond=120_000) - timedelta(hours=1)
    naive = hour_ago.replace(tzinfo=None)
    bogota = (naive - timedelta(hours=5)).isoformat(timespec="milliseconds") + "-05:00"
    spellings = [bogota, naive.isoformat() + "Z", naive.isoformat().lower() + "z"]
    answers = [await city.tap(card["card_id"], tapped_at=s, key="k") for s in spellings]
    assert [answer.replayed for answer in answers] == [False, True, True]
    assert answers[0].body["started_at"] == naive.isoformat(timespec="microseconds") + "Z"


async def test_trip_is_ended_once_trip_already_ended(city: City) -> None:
    card = await city.make_card(balance=FARE)
    trip = (await city.tap(card["card_id"])).body
    end = {"trip_id": trip["trip_id"], "station_id": OTHER_TRUNK}
    ended = await city.post("trips/end", end)
    assert (ended.status, ended.body["status"]) == (200, "completed")
    assert (ended.body["end_station_id"], ended.body["fare"]) == (OTHER_TRUNK, FARE)
    again = await city.post("trips/end", end)
    assert (again.status, again.code) == (409, "trip_already_ended")


async def test_end_of_a_trip_has_its_limits(city: City) -> None:
    card = await city.make_card(balance=FARE)
    trip = (await city.tap(card["card_id"], tapped_at=ago(hours=3))).body
    end = {"trip_id": trip["trip_id"], "station_id": OTHER_TRUNK}
    before = await city.post("trips/end", {**end, "ended_at": ago(hours=3.1)})
    assert (before.status, before.code) == (422, "trip_ends_before_start")
    ahead = await city.post("trips/end", {**end, "ended_at": ago(minutes=-6)})
    assert (ahead.status, ahead.code) == (422, "tap_in_future")
    nowhere = await city.post("trips/end", {**end, "station_id": UNKNOWN_ID})
    assert (nowhere.status, nowhere.code) == (404, "station_not_found")
    nothing = await city.post("trips/end", {**end, "trip_id": UNKNOWN_ID})
    assert (nothing.status, nothing.code) == (404, "trip_not_found")


async def test_trip_expires_after_four_hours_trip_expired(simulated_city: City) -> None:
    city = simulated_city
    card = await city.make_card(balance=FARE)
    trip = (await city.tap(card["card_id"])).body
    await set_clock(city, "2026-11-20T10:00:01-05:00")
    assert (await city.get(f"trips/{trip['trip_id']}")).body["status"] == "expired"
    end = {"trip_id": trip["trip_id"], "station_id": OTHER_TRUNK}
    late = await city.post("trips/end", end)
    assert (late.status, late.code) == (409, "trip_expired")
    in_time = await city.post("trips/end", {**end, "ended_at": "2026-11-20T07:00:00-05:00"})
    assert (in_time.status, in_time.body["status"]) == (200, "completed")


async def test_unknown_trip_is_not_found_trip_not_found(city: City) -> None:
    for path in ("", "/explanation"):
        answer = await city.get(f"trips/{UNKNOWN_ID}{path}")
        assert (answer.status, answer.code) == (404, "trip_not_found")


async def test_trips_of_a_user_are_listed_over_all_cards_newest_first(city: City) -> None:
    user = await city.make_user()
    cards = [await city.make_card(balance=10_000, user_id=user["user_id"]) for _ in range(2)]
    await city.tap((await city.make_card(balance=FARE))["card_id"])
    now = datetime.now(UTC)
    for minutes in (30, 90, 60, 0):
        card = cards[minutes % 60 // 30]
        await city.tap(card["card_id"], tapped_at=(now - timedelta(minutes=minutes)).isoformat())
    trips = await city.walk(f"trips/user/{user['user_id']}", 3)
    assert len(trips) == 4
    assert [t["started_at"] for t in trips] == sorted(
        (t["started_at"] for t in trips), reverse=True
    )
    assert {t["card_id"] for t in trips} == {card["card_id"] for card in cards}


async def test_explanation_names_one_rule_and_it_is_that_of_the_fare(city: City) -> None:
    card = await city.make_personal_card(balance=10_000)
    trips = [(await city.tap(card["card_id"], s)).body for s in (ZONAL, TRUNK, OTHER_TRUNK)]
    for trip in trips:
        body = (await city.get(f"trips/{trip['trip_id']}/explanation")).body
        assert (body["fare"], body["fare_rule"]) == (trip["fare"], trip["fare_rule"])
        assert [s["rule"] for s in body["steps"] if s["applied"]] == [trip["fare_rule"]]
        assert body["corrections"] == []
    assert [trip["fare_rule"] for trip in trips] == ["base", "transfer", "base"]


async def test_late_tap_corrects_the_fare_of_a_later_one(city: City) -> None:
    card = await city.make_personal_card(balance=10_000)
    first = (await city.tap(card["card_id"], TRUNK)).body
    late = (await city.tap(card["card_id"], ZONAL, tapped_at=ago(minutes=30))).body
    assert (late["fare"], late["balance"]) == (FARE, 10_000 - FARE)
    corrected = (await city.get(f"trips/{first['trip_id']}")).body
    assert (corrected["fare"], corrected["fare_rule"]) == (0, "transfer")
    body = (await city.get(f"trips/{first['trip_id']}/explanation")).body
    assert [c["amount"] for c in body["corrections"]] == [FARE]


async def test_pass_pays_six_trips_a_day_pass_daily_limit(simulated_city: City) -> None:
    city = simulated_city
    card = await city.make_personal_card(balance=200_000)
    assert (await city.post(f"cards/{card['card_id']}/monthly-pass")).status == 201
    stations = [TRUNK, ZONAL, OTHER_TRUNK, OTHER_ZONAL, TRUNK, ZONAL]
    for station in stations:
        trip = (await city.tap(card["card_id"], station)).body
        assert (trip["fare"], trip["fare_rule"], trip["journey_id"]) == (0, "monthly_pass", None)
    seventh = await city.tap(card["card_id"])
    assert (seventh.status, seventh.code) == (409, "pass_daily_limit")
    await set_clock(city, "2026-11-21T06:00:00-05:00")
    assert (await city.tap(card["card_id"])).body["fare_rule"] == "monthly_pass"
