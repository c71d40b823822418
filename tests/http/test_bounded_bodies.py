"""What a stranger can make a worker do with one body: bounded, and told in a few lines."""

import json

import pytest

from tests.bench.bodies import GOOD, MIB, REFUSED, many_names, read_and_answer, schema_for
from tests.http.conftest import City
from transit_api.errors import LONGEST_NAME, TOLD_ERRORS
from transit_api.schemas.users import UserRequest
from transit_api.schemas.vehicles import PositionsRequest

JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize("name", REFUSED)
async def test_dearest_body_is_refused_with_a_short_answer_whatever_it_is_read_as(
    name: str,
) -> None:
    raw = REFUSED[name]
    assert len(raw) <= MIB
    assert {await read_and_answer(schema_for(good), good) for good in GOOD.values()} == {(200, 0)}
    for schema in (schema_for(raw), PositionsRequest(), UserRequest()):
        status, length = await read_and_answer(schema, raw)
        assert status in (400, 422) and length < 10_000, (schema, status, length)


async def test_first_errors_are_named_and_the_others_counted_validation_error(city: City) -> None:
    answer = await city.post("users", many_names(110))
    assert (answer.status, answer.code) == (422, "validation_error")
    named = answer.body["errors"]
    assert len(named) == TOLD_ERRORS and {"full_name", "document_id", "n0"} < set(named)
    assert len(named) + answer.body["more"] == 110 + 2

    right = {"card_id": 1, "station_id": 1, "device_id": 1, "device_seq": 1}
    wrong = {**right, "card_id": "x", "strange": 1}
    answer = await city.post("taps/batch?x=1", {"taps": [wrong, 5, right, {}] * 10, "y": 1})
    told = answer.body["errors"]
    assert {"x", "y"} <= set(told) and told["taps"]["0"].keys() == {"card_id", "strange"}
    assert told["taps"]["1"] == {"_schema": ["Invalid input type."]}
    named = 2 + sum(map(len, told["taps"].values()))
    assert named == TOLD_ERRORS
    assert named + answer.body["more"] == 2 + 10 * (2 + 1 + 4)


async def test_few_errors_are_all_named_and_nothing_is_more(city: City) -> None:
    answer = await city.post("users", many_names(TOLD_ERRORS - 2))
    assert len(answer.body["errors"]) == TOLD_ERRORS and "more" not in answer.body


async def test_long_name_is_cut_where_it_is_told_validation_error(city: City) -> None:
    for path in ("users", "cards/1/unblock"):
        answer = await city.post(path, {"n" * 100_000: 1})
        assert answer.status == 422
        assert "n" * LONGEST_NAME in answer.body["errors"]
        assert len(json.dumps(answer.body)) < 2_000
    answer = await city.get("stations?" + "&".join(f"p{n}" for n in range(500)))
    assert (len(answer.body["errors"]), answer.body["more"]) == (TOLD_ERRORS, 480)


async def test_body_of_too_many_lists_is_refused_malformed_json(city: City) -> None:
    answer = await city.post("users", data=REFUSED["lists"], headers=JSON)
    assert (answer.status, answer.code) == (400, "malformed_json")
