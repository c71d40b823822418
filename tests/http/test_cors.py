"""Pages of other origins read the answers where a setting names them, and else nowhere."""

from dataclasses import replace
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from transit_api.app import make_app
from transit_api.settings import Settings, SettingsError

PAGE, STRANGER = "https://board.example.co", "https://elsewhere.example.co"
CARDS = "/api/v1/cards"


@pytest.fixture
async def open_api(settings: Settings, aiohttp_client: Any) -> TestClient[Any, Any]:
    """The service for the pages of one origin."""
    client: TestClient[Any, Any] = await aiohttp_client(
        make_app(replace(settings, cors_origins=f"http://localhost:3000 {PAGE}"))
    )
    return client


async def ask(api: Any, method: str, path: str, origin: str, **headers: str) -> Any:
    async with api.request(method, path, headers={"Origin": origin, **headers}) as response:
        await response.read()
        return response


def cors_of(answer: Any) -> dict[str, str]:
    return {
        name: value for name, value in answer.headers.items() if name.startswith("Access-Control-")
    }


async def test_without_the_setting_no_page_of_another_origin_reads_anything(api: Any) -> None:
    answer = await ask(api, "GET", "/api/v1/stations/1", PAGE)
    assert (answer.status, cors_of(answer)) == (200, {})
    asked = await ask(api, "OPTIONS", CARDS, PAGE, **{"Access-Control-Request-Method": "POST"})
    assert (asked.status, cors_of(asked)) == (405, {})


async def test_named_origin_reads_answers_and_refusals(open_api: Any) -> None:
    for path, status in [("/api/v1/stations/1", 200), ("/api/v1/cards/1", 404), ("/nowhere", 404)]:
        answer = await ask(open_api, "GET", path, PAGE)
        assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (status, PAGE)
        assert "X-Request-ID" in answer.headers["Access-Control-Expose-Headers"]
        assert "Origin" in answer.headers.getall("Vary")


async def test_strange_origin_reads_nothing_and_caches_keep_them_apart(open_api: Any) -> None:
    for origin in (STRANGER, "null", f"{PAGE}.evil.co", PAGE.upper()):
        answer = await ask(open_api, "GET", "/api/v1/stations/1", origin)
        assert (answer.status, cors_of(answer)) == (200, {})
        assert "Origin" in answer.headers.getall("Vary")
        asked = {"Access-Control-Request-Method": "POST"}
        assert (await ask(open_api, "OPTIONS", CARDS, origin, **asked)).status == 405


async def test_browser_is_told_before_it_sends(open_api: Any) -> None:
    asked = {"Access-Control-Request-Method": "POST"}
    answer = await ask(open_api, "OPTIONS", CARDS, PAGE, **asked)
    assert answer.status == 204
    assert cors_of(answer)["Access-Control-Allow-Methods"] == "GET, HEAD, POST"
    assert "Idempotency-Key" in cors_of(answer)["Access-Control-Allow-Headers"]
    assert answer.headers["X-Request-ID"]
    assert (await ask(open_api, "OPTIONS", "/nowhere", PAGE, **asked)).status == 404
    # A question that no browser asks is a method like any other.
    assert (await ask(open_api, "OPTIONS", CARDS, PAGE)).status == 405


async def test_star_lets_every_page_read(settings: Settings, aiohttp_client: Any) -> None:
    api = await aiohttp_client(make_app(replace(settings, cors_origins="*")))
    answer = await ask(api, "GET", "/api/v1/stations/1", STRANGER)
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "Origin" not in answer.headers.getall("Vary", [])


@pytest.mark.parametrize("origins", ["board.example.co", f"{PAGE}/", "https://A.co", f"{PAGE},x"])
def test_what_is_no_origin_is_refused(origins: str) -> None:
    with pytest.raises(SettingsError, match="no origin"):
        Settings(cors_origins=origins)
