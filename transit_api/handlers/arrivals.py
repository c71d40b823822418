"""/stations/{station_id}/arrivals: which vehicles come next."""

from __future__ import annotations

import math

from aiohttp import web

from transit_api.cache.cache import Loaded, cached
from transit_api.database.pools import DB
from transit_api.errors import Problem
from transit_api.http.endpoint import Endpoint
from transit_api.http.validation import QUERY, path_id
from transit_api.schemas.stations import ArrivalResponse, ArrivalsQuery, ArrivalsResponse

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
        # A copy that outlives a prediction would tell of a vehicle that is gone: with the soonest
        # it is not fresh any more, with the last it is of no use.
        away_s = [(row["predicted_arrival_time"] - row["as_of"]).total_seconds() for row in coming]
        if not away_s:
            return Loaded(body, stale_for_s=math.inf)
        return Loaded(body, stale_for_s=max(away_s), fresh_for_s=min(away_s))

    return await cached(request, "arrivals", (station_id, limit), load)
