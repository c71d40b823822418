"""Conditional reads, as RFC 9110 has them."""

from multidict import CIMultiDict

from tests.http.conftest import City

READS = (
    "analytics/trips/total",
    "analytics/revenue",
    "analytics/users/active",
    "analytics/trips/hourly",
    "analytics/stations/top",
    "analytics/localities",
    "stations/1/arrivals",
    "stations/1/alerts",
)


async def test_every_cached_read_is_conditional_by_weak_comparison(city: City) -> None:
    for path in READS:
        fresh = await city.get(path)
        etag = fresh.headers["ETag"]
        assert etag.startswith('W/"')
        assert {"X-Cache", "Age", "Cache-Control"} < set(fresh.headers)
        for known in (etag, etag.removeprefix("W/"), "*", f'"other", {etag}', f'{etag},W/"x"'):
            answer = await city.get(path, headers={"If-None-Match": known})
            assert (answer.status, answer.body) == (304, ""), (path, known)
            assert answer.headers["ETag"] == etag
            assert {"X-Cache", "Age", "Cache-Control"} < set(answer.headers)
        for other in ('"other"', 'W/"other"', etag[3:-1], ""):
            answer = await city.get(path, headers={"If-None-Match": other})
            assert (answer.status, answer.headers["ETag"]) == (200, etag), (path, other)


async def test_tags_may_come_in_several_headers(city: City) -> None:
    etag = (await city.get("analytics/revenue")).headers["ETag"]
    headers = CIMultiDict([("If-None-Match", '"other"'), ("If-None-Match", etag)])
    assert (await city.get("analytics/revenue", headers=headers)).status == 304
