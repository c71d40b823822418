"""A request that breaks the schema in many places is told all of them at once."""

from typing import Any

import pytest

from tests.http.conftest import City


async def errors(city: City, method: str, path: str, body: Any = None, **options: Any) -> Any:
    answer = await city.ask(method, path, body=body, **options)
    assert (answer.status, answer.code) == (422, "validation_error"), answer
    return answer.body["errors"]


@pytest.mark.parametrize(
    "path",
    ["cards", "stations", "routes", "users/1/cards", "cards/1/history", "cards/1/statement",
     "trips/user/1"],
)  # fmt: skip
async def test_cursor_is_named_with_the_other_parameters_validation_error(
    city: City, path: str
) -> None:
    assert set(await errors(city, "GET", f"{path}?cursor=x&limit=0&x=1")) == {
        "cursor", "limit", "x",
    }  # fmt: skip


async def test_cursor_is_named_with_a_filter_validation_error(city: City) -> None:
    for thing in ("stations", "routes"):
        assert set(await errors(city, "GET", f"{thing}?cursor=x&kind=x")) == {"cursor", "kind"}
