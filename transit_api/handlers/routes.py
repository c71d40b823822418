"""/routes: the services and where they stop."""

from __future__ import annotations

from aiohttp import web

from transit_api.database.pools import DB
from transit_api.errors import Problem
from transit_api.http.answers import json_answer
from transit_api.http.endpoint import Endpoint
from transit_api.http.pagination import list_by_id
from transit_api.http.validation import QUERY, path_id
from transit_api.schemas.routes import RouteDetail, RouteList, RouteResponse, RoutesQuery

LIST = "SELECT * FROM api.list_routes(%s, %s, %s)"
READ = "SELECT * FROM api.read_route(%s)"


@Endpoint(
    summary="List routes",
    tag="Routes",
    description="In the order of their ids.",
    query=RoutesQuery,
    answer=RouteList,
)
async def list_routes(request: web.Request) -> web.Response:
    """Trunk, zonal, cable and feeder services."""
    filters = (request[QUERY]["kind"],)
    return await list_by_id(request, RoutesQuery, LIST, filters, RouteResponse)


@Endpoint(summary="Read a route", tag="Routes", answer=RouteDetail, refusals=("route_not_found",))
async def read_route(request: web.Request) -> web.Response:
    """One route with its stations in order."""
    row = await request.app[DB].fetch_one(READ, (path_id(request, "route_id"),))
    if row is None:
        raise Problem("route_not_found")
    return json_answer(RouteDetail.shape(row))
