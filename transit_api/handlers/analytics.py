"""/analytics: totals of the city out of rollups, cached."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aiohttp import web

from transit_api.cache.cache import cached
from transit_api.database.pools import DB
from transit_api.http.endpoint import Endpoint
from transit_api.http.pagination import days_of
from transit_api.http.validation import QUERY
from transit_api.schemas.analytics import (
    ActiveUsersQuery,
    ActiveUsersResponse,
    DayQuery,
    HourItem,
    HourlyResponse,
    LocalitiesResponse,
    LocalityItem,
    RevenueResponse,
    TopStationItem,
    TopStationsQuery,
    TopStationsResponse,
    TripTotalsResponse,
)
from transit_api.schemas.paging import RangeQuery
from transit_api.schemas.strict import ResponseSchema

TRIP_TOTALS = "SELECT * FROM api.read_trip_totals(%s, %s)"
REVENUE = "SELECT *, 'COP' AS currency FROM api.read_revenue(%s, %s)"
ACTIVE_USERS = "SELECT *, %s AS days FROM api.read_active_users(%s)"
TRIPS_HOURLY = "SELECT * FROM api.read_trips_hourly(%s)"
TOP_STATIONS = "SELECT * FROM api.read_top_stations(%s, %s)"
LOCALITIES = "SELECT * FROM api.read_localities(%s)"


@Endpoint(
    summary="Count trips",
    tag="Analytics",
    query=RangeQuery,
    answer=TripTotalsResponse,
    cached=True,
)
async def read_trip_totals(request: web.Request) -> web.Response:
    """Of all time, or of a range of service days."""
    days = days_of(request)
    return await _one_row(request, "trip_totals", TRIP_TOTALS, days, TripTotalsResponse)


@Endpoint(
    summary="Sum the money",
    tag="Analytics",
    query=RangeQuery,
    answer=RevenueResponse,
    cached=True,
)
async def read_revenue(request: web.Request) -> web.Response:
    """Fares charged, pesos loaded, and what is outstanding now."""
    days = days_of(request)
    return await _one_row(request, "revenue", REVENUE, days, RevenueResponse)


@Endpoint(
    summary="Count active users",
    tag="Analytics",
    query=ActiveUsersQuery,
    answer=ActiveUsersResponse,
    cached=True,
)
async def read_active_users(request: web.Request) -> web.Response:
    """Distinct, with a trip in the last `days` service days."""
    days = request[QUERY]["days"]
    return await _one_row(request, "active_users", ACTIVE_USERS, (days, days), ActiveUsersResponse)


@Endpoint(
    summary="Count the trips of each hour",
    tag="Analytics",
    query=DayQuery,
    answer=HourlyResponse,
    cached=True,
)
async def read_trips_hourly(request: web.Request) -> web.Response:
    """The profile of a day."""
    day = request[QUERY]["date"]
    return await _items(request, "trips_hourly", TRIPS_HOURLY, (day,), HourItem)


@Endpoint(
    summary="Name the busiest stations",
    tag="Analytics",
    query=TopStationsQuery,
    answer=TopStationsResponse,
    cached=True,
)
async def read_top_stations(request: web.Request) -> web.Response:
    """Where most trips of a day started."""
    which = (request[QUERY]["date"], request[QUERY]["limit"])
    return await _items(request, "top_stations", TOP_STATIONS, which, TopStationItem)


@Endpoint(
    summary="Count trips by locality",
    tag="Analytics",
    query=DayQuery,
    answer=LocalitiesResponse,
    cached=True,
)
async def read_localities(request: web.Request) -> web.Response:
    """Where the trips of a day started, by locality."""
    day = request[QUERY]["date"]
    return await _items(request, "localities", LOCALITIES, (day,), LocalityItem)


async def _one_row(
    request: web.Request,
    family: str,
    sql: str,
    params: Sequence[Any],
    answer: type[ResponseSchema],
) -> web.Response:
    async def load() -> dict[str, Any]:
        row = await request.app[DB].fetch_one(sql, params)
        assert row is not None
        return answer.shape(row)

    return await cached(request, family, params, load)


async def _items(
    request: web.Request,
    family: str,
    sql: str,
    params: Sequence[Any],
    item: type[ResponseSchema],
) -> web.Response:
    async def load() -> dict[str, Any]:
        rows = await request.app[DB].fetch_all(sql, params)
        items = [item.shape(row) for row in rows]
        # A day without trips is one row that has only the day.
        named = [i for i in items if None not in i.values()]
        return {"date": rows[0]["date"], "as_of": rows[0]["as_of"], "items": named}

    return await cached(request, family, params, load)
