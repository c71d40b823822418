"""/alerts: opening and closing news for riders; what is in force in the city and at a station."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from transit_api.cache.cache import cached
from transit_api.database.pools import DB
from transit_api.errors import Invalid, Problem
from transit_api.http.answers import json_answer
from transit_api.http.endpoint import Endpoint
from transit_api.http.outcomes import decided
from transit_api.http.pagination import list_by_id
from transit_api.http.validation import BODY, QUERY, path_id
from transit_api.schemas.alerts import (
    NOT_AFTER_BEGIN,
    AlertInForce,
    AlertList,
    AlertRequest,
    AlertResponse,
    AlertsQuery,
    AlertsResponse,
)

CREATE = "SELECT * FROM api.create_alert(%s, %s, %s, %s, %s, %s, %s, %s, %s)"
CLOSE = "SELECT * FROM api.close_alert(%s)"
READ_AT_STATION = "SELECT * FROM api.read_alerts(%s)"
READ = "SELECT * FROM api.read_alert(%s)"
LIST = "SELECT * FROM api.list_alerts(%s, %s, %s, %s, %s)"


@Endpoint(
    summary="Open an alert",
    tag="Alerts",
    description="Of a station, of a route, of a route at a station or, naming neither, of the "
    "whole system. In the words of GTFS-Realtime.",
    body=AlertRequest,
    answer=AlertResponse,
    status=201,
    refusals=("station_not_found", "route_not_found"),
)
async def create_alert(request: web.Request) -> web.Response:
    """Riders see it within 2 s."""
    alert = request[BODY]
    row = await request.app[DB].write_one(
        CREATE,
        (
            alert["cause"],
            alert["effect"],
            alert["severity_level"],
            alert["header"],
            alert["description"],
            alert["station_id"],
            alert["route_id"],
            alert["active_from"],
            alert["active_until"],
        ),
    )
    if row["outcome"] == "validation_error":
        # With no begin of its own, only the service's clock could tell.
        raise Invalid({"active_until": [NOT_AFTER_BEGIN]})
    return decided(row, 201, AlertResponse)


@Endpoint(
    summary="Close an alert",
    tag="Alerts",
    description="An alert that is closed already is answered alike.",
    bodiless_post=True,
    answer=AlertResponse,
    refusals=("alert_not_found",),
)
async def close_alert(request: web.Request) -> web.Response:
    """It is over."""
    row = await request.app[DB].write_one(CLOSE, (path_id(request, "alert_id"),))
    return decided(row, 200, AlertResponse)


@Endpoint(
    summary="List the alerts in force",
    tag="Alerts",
    description="Newest first. The filters compare what an alert names; what concerns the riders "
    "of a station is read at the station.",
    query=AlertsQuery,
    answer=AlertList,
)
async def list_alerts(request: web.Request) -> web.Response:
    """Everywhere in the city."""
    query = request[QUERY]
    filters = (query["station_id"], query["route_id"], query["severity_level"])
    return await list_by_id(request, AlertsQuery, LIST, filters, AlertResponse)


@Endpoint(
    summary="Read an alert",
    tag="Alerts",
    description="Also one that is closed or yet to come.",
    answer=AlertResponse,
    refusals=("alert_not_found",),
)
async def read_alert(request: web.Request) -> web.Response:
    """One alert."""
    row = await request.app[DB].fetch_one(READ, (path_id(request, "alert_id"),))
    if row is None:
        raise Problem("alert_not_found")
    return json_answer(AlertResponse.shape(row))


@Endpoint(
    summary="Read the alerts in force at a station",
    tag="Stations",
    description="Its own, those of its routes and those of the whole system, newest first.",
    answer=AlertsResponse,
    refusals=("station_not_found",),
    cached=True,
)
async def read_alerts(request: web.Request) -> web.Response:
    """At most 1 s old."""
    station_id = path_id(request, "station_id")

    async def load() -> dict[str, Any]:
        rows = await request.app[DB].fetch_all(READ_AT_STATION, (station_id,))
        if not rows:
            raise Problem("station_not_found")
        return {
            "station_id": station_id,
            "as_of": rows[0]["as_of"],
            "alerts": [AlertInForce.shape(row) for row in rows if row["alert_id"] is not None],
        }

    return await cached(request, "alerts", (station_id,), load)
