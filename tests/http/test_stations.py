"""The stations of Bogotá and what can be asked of them."""

from unicodedata import normalize
from urllib.parse import quote

from tests.http.conftest import UNKNOWN_ID, City


async def test_all_stations_are_listed_page_by_page(city: City) -> None:
    stations = await city.walk("stations", 100)
    ids = [station["station_id"] for station in stations]
    assert ids == sorted(set(ids))
    assert len(stations) > 300
    kinds = [station["kind"] for station in stations]
    assert {kind: kinds.count(kind) for kind in ("portal", "trunk", "cable")} == {
        "portal": 9, "trunk": 144, "cable": 4,
    }  # fmt: skip


async def test_stations_are_filtered(city: City) -> None:
    async def names(query: str) -> set[str]:
        return {s["name"] for s in (await city.get(f"stations?{query}")).body["items"]}

    assert len(await names("kind=portal")) == 9
    assert await names("q=portal+norte") == {"Portal Norte"}
    assert "Calle 187" in await names("corridor=B&locality=usaquen")
    assert await names("q=nowhere+at+all") == set()


async def test_station_is_read_with_its_routes(city: City) -> None:
    answer = await city.get("stations/1")
    assert (answer.status, answer.body["name"], answer.body["code"]) == (
        200,
        "Portal Norte",
        "02000",
    )
    assert answer.body["routes"]
    route = answer.body["routes"][0]
    stops = (await city.get(f"routes/{route['route_id']}")).body["stations"]
    assert (1, route["stop_sequence"]) in {(s["station_id"], s["stop_sequence"]) for s in stops}


async def test_unknown_station_is_not_found_station_not_found(city: City) -> None:
    for path in ("", "/arrivals", "/alerts"):
        answer = await city.get(f"stations/{UNKNOWN_ID}{path}")
        assert (answer.status, answer.code) == (404, "station_not_found")


async def test_filter_that_breaks_the_schema_is_refused_validation_error(city: City) -> None:
    for query in ("kind=tram", "corridor=BB", "q=", "q=%00", "locality=" + "x" * 61, "knd=trunk"):
        answer = await city.get(f"stations?{query}")
        assert (answer.status, list(answer.body["errors"])) == (422, [query.partition("=")[0]])


async def test_words_are_found_however_their_accents_are_spelt(city: City) -> None:
    for query in ("locality={}&limit=200", "q={}"):
        told = [
            (await city.get("stations?" + query.format(quote(normalize(form, word))))).body["items"]
            for form in ("NFC", "NFD")
            for word in ("Usaquén", "USAQUÉN")
        ]
        assert told[0] == told[1] == told[2] == told[3]
        assert told[0] or query.startswith("q=")
