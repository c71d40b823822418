"""/vehicles: where the buses are; predictions follow from it."""

from __future__ import annotations

from aiohttp import web

from transit_api.database.array_functions import ArrayFunction
from transit_api.database.pools import DB
from transit_api.http.endpoint import Endpoint
from transit_api.http.outcomes import decided
from transit_api.http.validation import BODY
from transit_api.schemas.vehicles import PositionsRequest, PositionsResponse

RECORD = ArrayFunction(
    "record_vehicle_positions",
    ("bigint", "bigint", "integer", "float8", "float8", "timestamptz", "text"),
)


@Endpoint(
    summary="Report positions of vehicles",
    tag="Vehicles",
    description="An unknown route refuses the whole. An older `recorded_at` of a vehicle never "
    "overwrites a newer one.",
    body=PositionsRequest,
    answer=PositionsResponse,
    status=202,
    refusals=("route_not_found",),
)
async def record_vehicle_positions(request: web.Request) -> web.Response:
    """1 to 2,000 positions."""
    positions = [
        (
            seen["vehicle_id"],
            seen["route_id"],
            seen["stop_sequence"],
            seen["latitude"],
            seen["longitude"],
            seen["recorded_at"],
            seen["occupancy_status"],
        )
        for seen in request[BODY]["positions"]
    ]
    row = await request.app[DB].write_one(RECORD.sql, RECORD.parameters(positions))
    return decided(row, 202, PositionsResponse)
