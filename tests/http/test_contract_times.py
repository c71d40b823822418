"""Times far off: well-formed ones are decided by the fare rules, not turned away at the door."""

from tests.http.conftest import TRUNK, City, set_clock

LONG_AGO, FAR_AHEAD = "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"


async def test_any_well_formed_time_is_decided_tap_in_future_tap_too_old(city: City) -> None:
    card = await city.make_card(balance=10_000)
    for tapped_at, code in [
        (FAR_AHEAD, "tap_in_future"),
        ("2200-01-01T00:00:00+14:00", "tap_in_future"),
        (LONG_AGO, "tap_too_old"),
        ("1899-12-31T23:59:59-05:00", "tap_too_old"),
    ]:
        answer = await city.tap(card["card_id"], tapped_at=tapped_at, key=tapped_at)
        assert (answer.status, answer.code) == (422, code), tapped_at
        again = await city.tap(card["card_id"], tapped_at=tapped_at, key=tapped_at)
        assert (again.replayed, again.body["detail"]) == (True, answer.body["detail"])


async def test_validator_that_lost_its_clock_does_not_spoil_the_upload(city: City) -> None:
    card = await city.make_card(balance=10_000)
    tap = {"card_id": card["card_id"], "station_id": TRUNK, "device_id": 7}
    taps = [
        {**tap, "device_seq": 1, "tapped_at": FAR_AHEAD},
        {**tap, "device_seq": 2},
        {**tap, "device_seq": 3, "tapped_at": LONG_AGO},
    ]
    answer = await city.post("taps/batch", {"taps": taps})
    outcomes = [result["outcome"] for result in answer.body["results"]]
    assert outcomes == ["tap_in_future", "accepted", "tap_too_old"]


async def test_moment_that_no_calendar_has_is_refused_validation_error(city: City) -> None:
    card = await city.make_card(balance=10_000)
    for tapped_at in (
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "2026-02-30T00:00:00Z",
        "2026-11-20T23:59:60Z",
        "2026-11-20T24:00:00Z",
        "2026-11-20T06:00:00+05:60",
        "2026-11-20T06:00:00+24:00",
    ):
        answer = await city.tap(card["card_id"], tapped_at=tapped_at)
        assert (answer.status, answer.code) == (422, "validation_error"), tapped_at


async def test_trip_ends_at_no_impossible_time_trip_ends_before_start(city: City) -> None:
    card = await city.make_card(balance=10_000)
    trip_id = (await city.tap(card["card_id"])).body["trip_id"]
    end = {"trip_id": trip_id, "station_id": TRUNK}
    assert (await city.post("trips/end", {**end, "ended_at": FAR_AHEAD})).code == "tap_in_future"
    early = await city.post("trips/end", {**end, "ended_at": LONG_AGO})
    assert early.code == "trip_ends_before_start"


async def test_alert_lasts_until_the_end_of_time(city: City) -> None:
    alert = {"cause": "STRIKE", "effect": "NO_SERVICE", "severity_level": "SEVERE",
             "header": "Closed", "description": "For good.", "station_id": TRUNK,
             "active_from": LONG_AGO, "active_until": FAR_AHEAD}  # fmt: skip
    made = await city.post("alerts", alert)
    assert (made.status, made.body["active_until"]) == (201, FAR_AHEAD)
    (seen,) = (await city.get(f"stations/{TRUNK}/alerts")).body["alerts"]
    assert (seen["active_from"], seen["active_until"]) == ("0001-01-01T00:00:00.000000Z", FAR_AHEAD)


async def test_totals_of_all_time_are_asked_for_by_two_days(city: City) -> None:
    card = await city.make_card(balance=10_000)
    await city.tap(card["card_id"])
    ever = "from=0001-01-01&to=9999-12-31"
    assert (await city.get(f"analytics/trips/total?{ever}")).body["total_trips"] == 1
    revenue = (await city.get(f"analytics/revenue?{ever}")).body
    assert (revenue["revenue"], revenue["recharged"]) == (3550, 10_000)
    for day in ("0001-01-01", "9999-12-31"):
        for path in ("trips/hourly", "stations/top", "localities"):
            answer = await city.get(f"analytics/{path}?date={day}")
            assert (answer.status, answer.body["date"]) == (200, day)


async def test_simulated_clock_stays_within_the_calendar_validation_error(
    simulated_city: City,
) -> None:
    answer = await simulated_city.ask("PUT", "clock", body={"now": FAR_AHEAD})
    assert (answer.status, list(answer.body["errors"])) == (422, ["now"])
    old = await simulated_city.ask("PUT", "clock", body={"now": LONG_AGO})
    assert (old.status, list(old.body["errors"])) == (422, ["now"])


async def test_vehicle_that_lost_its_clock_shuts_nobody_out(simulated_city: City) -> None:
    stops = (await simulated_city.get("routes/1")).body["stations"]
    bus = {"vehicle_id": 1, "route_id": 1, "latitude": 4.6, "longitude": -74.1}
    path = f"stations/{stops[-1]['station_id']}/arrivals"
    old = {**bus, "stop_sequence": 1, "recorded_at": LONG_AGO}
    assert (await simulated_city.post("vehicles/positions", {"positions": [old]})).status == 202
    assert (await simulated_city.get(path)).body["arrivals"] == []
    ahead = {**bus, "stop_sequence": 2, "recorded_at": FAR_AHEAD}
    assert (await simulated_city.post("vehicles/positions", {"positions": [ahead]})).status == 202
    # Its clock is taken to be 5 minutes ahead at most, so that it is heard again after those.
    await set_clock(simulated_city, "2026-11-20T06:05:01-05:00")
    right = {**bus, "stop_sequence": 3, "recorded_at": "2026-11-20T06:05:01-05:00"}
    assert (await simulated_city.post("vehicles/positions", {"positions": [right]})).status == 202
    (seen,) = (await simulated_city.get(f"{path}?limit=3")).body["arrivals"]
    assert seen["stops_away"] == len(stops) - 3


async def test_alert_ends_with_the_calendar_of_any_zone(city: City) -> None:
    alert = {"cause": "HOLIDAY", "effect": "NO_EFFECT", "severity_level": "INFO",
             "header": "Siempre", "description": "Siempre"}  # fmt: skip
    answer = await city.post("alerts", {**alert, "active_until": "9999-12-31T23:59:59-05:00"})
    assert (answer.status, answer.body["active_until"]) == (201, FAR_AHEAD)
