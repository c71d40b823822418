"""Large answers are packed where the client takes it; HEAD tells what GET would."""

import gzip
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from tests.http.conftest import City, Contract
from transit_api.http import packing
from transit_api.http.packing import takes_gzip

Api = TestClient[Any, Any]


async def ask(api: Api, path: str, method: str = "GET", accept: str = "gzip") -> tuple[Any, bytes]:
    """Status and headers, and the bytes as they came."""
    headers = {"Accept-Encoding": accept}
    async with api.request(method, path, headers=headers) as response:
        return response, await response.read()


@pytest.fixture
async def raw(api: Api) -> Api:
    """A client that leaves what is packed as it came."""
    api.session._auto_decompress = False
    return api


@pytest.mark.parametrize("path", ["/api/v1/stations", "/openapi.json", "/metrics", "/docs"])
async def test_large_answer_is_packed_where_the_client_takes_it(raw: Api, path: str) -> None:
    packed, body = await ask(raw, path)
    plain, whole = await ask(raw, path, accept="identity")
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Vary"] == plain.headers["Vary"] == "Accept-Encoding"
    assert packed.headers["Content-Type"] == plain.headers["Content-Type"]
    assert int(packed.headers["Content-Length"]) == len(body) < len(whole) / 2
    if path != "/metrics":
        assert gzip.decompress(body) == whole


async def test_small_and_cached_answers_and_problems_are_not_packed(
    raw: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    small, body = await ask(raw, "/api/v1/routes?limit=1")
    assert len(body) < packing.LARGE_BYTES
    monkeypatch.setattr(packing, "LARGE_BYTES", 1)
    cached, _ = await ask(raw, "/api/v1/analytics/trips/hourly")
    assert cached.headers["X-Cache"]
    refused, _ = await ask(raw, "/api/v1/cards/1")
    assert refused.status == 404
    for answer in (small, cached, refused):
        assert "Content-Encoding" not in answer.headers


@pytest.mark.parametrize(
    ("accepted", "taken"),
    [
        ("gzip", True),
        ("GZIP;q=0.5, br", True),
        ("br, *", True),
        ("", False),
        ("br", False),
        ("gzip;q=0", False),
        ("gzip; q=0.000, *", False),
        ("*;q=0", False),
    ],
)
def test_client_says_what_it_takes(accepted: str, taken: bool) -> None:
    assert takes_gzip(accepted) is taken


async def test_every_get_answers_head_with_the_same_head(
    raw: Api, city: City, contract: Contract
) -> None:
    card = await city.make_personal_card(balance=200_000)
    trip = (await city.tap(card["card_id"])).body
    await city.post(f"cards/{card['card_id']}/monthly-pass")
    names = {**dict.fromkeys(("station_id", "route_id"), 1), **trip, "alert_id": 1}
    asked = 0
    for template, methods in contract.document["paths"].items():
        if "get" not in methods or template.endswith("/clock"):
            continue
        path = template.format(**names)
        for accept in ("gzip", "identity"):
            got, body = await ask(raw, path, accept=accept)
            head, nothing = await ask(raw, path, "HEAD", accept)
            assert (head.status, nothing) == (got.status, b""), path
            for name in ("Content-Type", "Content-Encoding", "Vary", "ETag"):
                assert head.headers.get(name) == got.headers.get(name), (path, name)
            if not path.startswith(("/metrics", "/health")):
                assert int(head.headers["Content-Length"]) == len(body), path
        asked += 1
    assert asked > 25
