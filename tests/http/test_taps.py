"""Uploads of validators that were out of coverage."""

import asyncio
import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.conftest import Database
from tests.http.conftest import (
    FARE,
    OTHER_TRUNK,
    OTHER_ZONAL,
    TRUNK,
    UNKNOWN_ID,
    ZONAL,
    City,
    Contract,
    owner_cursor,
)
from transit_api.app import make_app
from transit_api.settings import Settings


def upload(*taps: tuple[int, int]) -> dict[str, Any]:
    """Card and station of each tap; the device counts them."""
    return {
        "taps": [
            {"card_id": card_id, "station_id": station_id, "device_id": 7, "device_seq": number}
            for number, (card_id, station_id) in enumerate(taps, start=1)
        ]
    }


async def test_upload_is_decided_in_array_order(city: City) -> None:
    card = await city.make_card(balance=2 * FARE)
    card_id = card["card_id"]
    taps = upload((card_id, TRUNK), (card_id, OTHER_TRUNK), (card_id, TRUNK), (UNKNOWN_ID, TRUNK))
    answer = await city.post("taps/batch", taps)
    assert answer.status == 200
    assert [(r["outcome"], r["fare"], r["balance"]) for r in answer.body["results"]] == [
        ("accepted", FARE, FARE),
        ("accepted", FARE, 0),
        ("insufficient_balance", None, 0),
        ("card_not_found", None, None),
    ]
    assert [r["trip_id"] is None for r in answer.body["results"]] == [False, False, True, True]
    counts = {k: answer.body[k] for k in ("accepted", "denied", "replayed")}
    assert counts == {"accepted": 2, "denied": 2, "replayed": 0}


async def test_upload_sent_again_is_answered_again(city: City) -> None:
    card = await city.make_card(balance=2 * FARE)
    taps = upload(
        (card["card_id"], TRUNK), (card["card_id"], OTHER_TRUNK), (card["card_id"], TRUNK)
    )
    first = (await city.post("taps/batch", taps)).body
    again = (await city.post("taps/batch", taps)).body
    assert [{**r, "replayed": False} for r in again["results"]] == first["results"]
    assert (again["accepted"], again["denied"], again["replayed"]) == (2, 1, 3)
    single = await city.tap(card["card_id"], TRUNK, device_id=7, device_seq=1)
    assert (single.replayed, single.body["trip_id"]) == (True, first["results"][0]["trip_id"])
    assert await city.balance(card["card_id"]) == (0, 0)


async def test_malformed_element_refuses_the_whole_validation_error(city: City) -> None:
    card = await city.make_card(balance=2 * FARE)
    taps = upload((card["card_id"], TRUNK), (card["card_id"], OTHER_TRUNK))
    del taps["taps"][1]["device_seq"]
    taps["taps"][1]["tapped_at"] = "noon"
    taps["taps"].append(5)
    answer = await city.post("taps/batch", taps)
    assert (answer.status, answer.code) == (422, "validation_error")
    errors = answer.body["errors"]["taps"]
    assert set(errors) == {"1", "2"}
    assert set(errors["1"]) == {"device_seq", "tapped_at"}
    assert await city.balance(card["card_id"]) == (2 * FARE, 0)


async def test_size_and_shape_of_an_upload_are_checked_validation_error(city: City) -> None:
    tap = upload((1, TRUNK))["taps"][0]
    for body in ({"taps": []}, {"taps": [tap] * 1001}, {"taps": {}}, {}, {"taps": None}):
        answer = await city.post("taps/batch", body)
        assert (answer.status, list(answer.body["errors"])) == (422, ["taps"])
    unknown = await city.post("taps/batch", {"taps": [tap], "tpas": []})
    assert (unknown.status, list(unknown.body["errors"])) == (422, ["tpas"])
    assert (await city.post("taps/batch", [tap])).status == 422


async def test_thousand_taps_go_at_once_while_others_are_served(city: City) -> None:
    cards = [await city.make_card(balance=FARE) for _ in range(4)]
    taps = upload(*[(cards[n % 4]["card_id"], TRUNK) for n in range(1000)])
    answer, health = await asyncio.gather(city.post("taps/batch", taps), city.get("/health/live"))
    assert health.status == 200
    assert (answer.body["accepted"], answer.body["denied"]) == (4, 996)
    assert len(answer.body["results"]) == 1000


# A server on which pricing a trip again takes its time, however fast the machine is.
SLOW_REPRICING = """
    CREATE FUNCTION public.take_time() RETURNS trigger LANGUAGE plpgsql
    AS $$ BEGIN PERFORM pg_sleep(0.002); RETURN NEW; END $$;
    CREATE TRIGGER take_time BEFORE UPDATE OF fare ON transit.trips
    FOR EACH ROW EXECUTE FUNCTION public.take_time()
"""


async def test_upload_that_cannot_be_decided_in_one_call_is_taken(
    settings: Settings,
    fresh_database: Database,
    aiohttp_client: Any,
    contract: Contract,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Newest first at two stations in turn: each tap prices all those before it again."""
    with owner_cursor(fresh_database) as cursor:
        cursor.execute(SLOW_REPRICING)
    impatient = dataclasses.replace(settings, statement_timeout_ms=700)
    city = City(await aiohttp_client(make_app(impatient)), contract)
    card = await city.make_personal_card(balance=200_000)
    taps = upload(*[(card["card_id"], (ZONAL, OTHER_ZONAL)[n % 2]) for n in range(40)])
    now = datetime.now(UTC)
    for minutes, tap in enumerate(taps["taps"], start=1):
        tap["tapped_at"] = (now - timedelta(minutes=minutes)).isoformat()
    answers = [await city.post("taps/batch", taps)]
    while answers[-1].status == 503 and len(answers) < 3:
        answers.append(await city.post("taps/batch", taps))
    assert "a statement took too long" in caplog.messages
    assert (answers[-1].status, answers[-1].body.get("accepted")) == (200, 40)
    # Of each journey the first trip pays, and the two after it are transfers.
    fares = await city.walk(f"trips/user/{card['user_id']}", 50)
    assert sum(trip["fare"] for trip in fares) == 14 * FARE
    assert await city.balance(card["card_id"]) == (200_000 - 14 * FARE, 0)


async def test_tap_with_a_value_that_cannot_be_read_is_refused_alone_validation_error(
    city: City,
) -> None:
    card = await city.make_card(balance=2 * FARE)
    taps = upload(*[(card["card_id"], TRUNK)] * 5, (UNKNOWN_ID, TRUNK), (card["card_id"], TRUNK))
    for number, change in (
        (0, {"tapped_at": "9999-12-31T23:59:59-05:00"}),
        (2, {"tapped_at": "noon"}),
        (3, {"station_id": "1", "route_id": -1}),
        (4, {"tapped_at": 5}),
        (5, {"station_id": None}),
    ):
        taps["taps"][number] |= change
    for replayed in (0, 2):
        answer = await city.post("taps/batch", taps)
        assert answer.status == 200
        told = [(r["outcome"], r["fare"], r["balance"]) for r in answer.body["results"]]
        unread = ("validation_error", None)
        balance = 2 * FARE if not replayed else 0
        assert told[1] == ("accepted", FARE, FARE)
        assert told[6] == ("accepted", FARE, 0)
        assert [told[n][:2] for n in (0, 2, 3, 4, 5)] == [unread] * 5
        assert told[5][2] is None and told[0][2] in (balance, 0)
        counts = {name: answer.body[name] for name in ("accepted", "denied", "replayed")}
        assert counts == {"accepted": 2, "denied": 5, "replayed": replayed}
    assert await city.balance(card["card_id"]) == (0, 0)


async def test_tap_whose_identity_cannot_be_read_refuses_the_whole_validation_error(
    city: City,
) -> None:
    card = await city.make_card(balance=2 * FARE)
    for change in ({"card_id": "x"}, {"device_id": 0}, {"device_seq": 1.5}, {"strange": 1}):
        taps = upload((card["card_id"], TRUNK), (card["card_id"], TRUNK))
        taps["taps"][1] |= {"tapped_at": "noon", **change}
        answer = await city.post("taps/batch", taps)
        assert (answer.status, answer.code) == (422, "validation_error"), change
    assert await city.balance(card["card_id"]) == (2 * FARE, 0)
