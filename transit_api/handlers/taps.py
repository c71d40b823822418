"""/taps/batch: what a bus that was out of coverage brings along."""

from __future__ import annotations

from aiohttp import web

from transit_api.batching import TAPS
from transit_api.endpoint import Endpoint
from transit_api.outcomes import SUCCESSES, results
from transit_api.schemas.trips import TapResult, TapsBatchRequest, TapsBatchResponse
from transit_api.validation import BODY
from transit_api.wire import json_answer


@Endpoint(
    summary="Upload taps",
    tag="Trips",
    description="Each is decided for itself, in the order of the array; sent again, it is answered "
    "again. One malformed element refuses the whole and nothing is done.",
    body=TapsBatchRequest,
    answer=TapsBatchResponse,
)
async def upload_taps(request: web.Request) -> web.Response:
    """1 to 1,000 taps, days late and in any order."""
    elements = [
        (
            tap["card_id"],
            tap["station_id"],
            tap["route_id"],
            tap["tapped_at"],
            tap["device_id"],
            tap["device_seq"],
            None,
        )
        for tap in request[BODY]["taps"]
    ]
    rows = await request.app[TAPS].submit_many(elements)
    accepted = sum(row["outcome"] in SUCCESSES for row in rows)
    return json_answer(
        {
            "results": results(rows, TapResult),
            "accepted": accepted,
            "denied": len(rows) - accepted,
            "replayed": sum(bool(row["replayed"]) for row in rows),
        }
    )
