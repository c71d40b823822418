"""/stations: where a card can be tapped, what arrives there and what is wrong there."""

from __future__ import annotations

from aiohttp import web

from transit_api.database.pools import DB
from transit_api.errors import Problem
from transit_api.http.answers import json_answer
from transit_api.http.endpoint import Endpoint
from transit_api.http.pagination import list_by_id
from transit_api.http.validation import QUERY, path_id
from transit_api.schemas.stations import (
    StationDetail,
    StationList,
    StationResponse,
    StationsQuery,
)

LIST = "SELECT * FROM api.list_stations(%s, %s, %s, %s, %s, %s)"
READ = "SELECT * FROM api.read_station(%s)"


@Endpoint(
    summary="List stations",
    tag="Stations",
    description="In the order of their ids.",
    query=StationsQuery,
    answer=StationList,
)
async def list_stations(request: web.Request) -> web.Response:
    """Portals, trunk and cable stations, zonal stops."""
    query = request[QUERY]
    filters = (query["kind"], query["corridor"], query["locality"], query["q"])
    return await list_by_id(request, StationsQuery, LIST, filters, StationResponse)


@Endpoint(
    summary="Read a station",
    tag="Stations",
    answer=StationDetail,
    refusals=("station_not_found",),
)
async def read_station(request: web.Request) -> web.Response:
    """One station with the routes serving it."""
    row = await request.app[DB].fetch_one(READ, (path_id(request, "station_id"),))
    if row is None:
        raise Problem("station_not_found")
    return json_answer(StationDetail.shape(row))
