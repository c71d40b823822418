"""/stations/{station_id}/arrivals: which vehicles come next."""

from __future__ import annotations

from aiohttp import web

from transit_api.cache import Loaded, cached
from transit_api.db import DB
from transit_api.endpoint import Endpoint
from transit_api.errors import Problem
from transit_api.schemas.stations import ArrivalResponse, ArrivalsQuery, ArrivalsResponse
from transit_api.validation import QUERY, path_id

READ = "SELECT * FROM api.read_arrivals(%s, %s)"


@Endpoint(
    summary="Read the next arrivals at a station",
    tag="Stations",
    description="Predicted from the latest positions, soonest first; what has arrived is gone.",
    query=ArrivalsQuery,
    answer=ArrivalsResponse,
    refusals=("station_not_found",),
    cached=True,
)
async def read_arrivals(request: web.Request) -> web.Response:
    """What a screen on the platform shows."""
    station_id, limit = path_id(request, "station_id"), request[QUERY]["limit"]

    async def load() -> Loaded:
        rows = await request.app[DB].fetch_all(READ, (station_id, limit))
        if not rows:
            raise Problem("station_not_found")
        coming = [row for row in rows if row["vehicle_id"] is not None]
        body = {
            "station_id": station_id,
            "as_of": rows[0]["as_of"],
            "arrivals": [ArrivalResponse.shape(row) for row in coming],
        }
        # A copy that outlives its last prediction would tell of vehicles that are gone.
        last = max((row["seconds_away"] for row in coming), default=0)
        return Loaded(body, stale_for_s=last)

    return await cached(request, "arrivals", (station_id, limit), load)
