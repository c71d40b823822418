"""/taps/batch: what a bus that was out of coverage brings along."""

from __future__ import annotations

from aiohttp import web

from transit_api.database.array_functions import Element
from transit_api.database.batching import BALANCES, TAPS
from transit_api.http.answers import json_answer
from transit_api.http.endpoint import Endpoint
from transit_api.http.outcomes import SUCCESSES, Row, results
from transit_api.http.validation import BODY
from transit_api.schemas.trips import TapResult, TapsBatchRequest, TapsBatchResponse


@Endpoint(
    summary="Upload taps",
    tag="Trips",
    description="Each is decided for itself, in the order of the array; sent again, it is answered "
    "again. One whose station, route or time cannot be read is refused alone; one that misses a "
    "field, has a strange one, or whose card, device or number cannot be read refuses the whole, "
    "and nothing is done.",
    body=TapsBatchRequest,
    answer=TapsBatchResponse,
)
async def upload_taps(request: web.Request) -> web.Response:
    """1 to 1,000 taps, days late and in any order."""
    taps = request[BODY]["taps"]
    readable = [tap for tap in taps if "unreadable" not in tap]
    decided = iter(await request.app[TAPS].submit_many(list(map(_element, readable))))
    refused = iter(await _refuse(request.app, [tap for tap in taps if "unreadable" in tap]))
    rows = [next(refused if "unreadable" in tap else decided) for tap in taps]
    accepted = sum(row["outcome"] in SUCCESSES for row in rows)
    return json_answer(
        {
            "results": results(rows, TapResult),
            "accepted": accepted,
            "denied": len(rows) - accepted,
            "replayed": sum(bool(row["replayed"]) for row in rows),
        }
    )


def _element(tap: Row) -> Element:
    return (
        tap["card_id"],
        tap["station_id"],
        tap["route_id"],
        tap["tapped_at"],
        tap["device_id"],
        tap["device_seq"],
        None,
    )


async def _refuse(app: web.Application, unreadable: list[Row]) -> list[Row]:
    """The rows of taps that could not be read, with what their cards hold."""
    balances = await app[BALANCES].submit_many([(tap["card_id"],) for tap in unreadable])
    nothing = {
        "outcome": "validation_error",
        "replayed": False,
        "trip_id": None,
        "fare": None,
        "facts": None,
    }
    return [{**nothing, "balance": row.get("balance")} for row in balances]
