"""/trips: a tap starts one, a rider may end it, and anyone may ask why it costs what it costs."""

from __future__ import annotations

from aiohttp import web

from transit_api.database.batching import ENDS, TAPS
from transit_api.database.pools import DB
from transit_api.errors import Problem
from transit_api.handlers.users import find_user
from transit_api.http.answers import json_answer
from transit_api.http.endpoint import Endpoint
from transit_api.http.outcomes import decided
from transit_api.http.pagination import days_of, page
from transit_api.http.validation import BODY, QUERY, idempotency_key, path_id
from transit_api.schemas.trips import (
    TAP_REFUSALS,
    ExplanationResponse,
    TripEndRequest,
    TripList,
    TripResponse,
    TripStartRequest,
    UserTripsQuery,
)

READ = "SELECT * FROM api.read_trip(%s)"
LIST_USER_TRIPS = "SELECT * FROM api.list_user_trips(%s, %s, %s, %s, %s, %s)"
EXPLAIN = "SELECT * FROM api.explain_trip(%s)"


@Endpoint(
    summary="Tap a card: start a trip",
    tag="Trips",
    description="The fare is charged now. With `device_id` and `device_seq` the tap has its key "
    "from these two and a header beside them is ignored.",
    body=TripStartRequest,
    answer=TripResponse,
    status=201,
    refusals=TAP_REFUSALS,
    keyed=True,
    own_key="device_id",
)
async def start_trip(request: web.Request) -> web.Response:
    """The one that must be fast."""
    tap = request[BODY]
    device_id = tap["device_id"]
    row = await request.app[TAPS].submit(
        (
            tap["card_id"],
            tap["station_id"],
            tap["route_id"],
            tap["tapped_at"],
            device_id,
            tap["device_seq"],
            idempotency_key(request) if device_id is None else None,
        )
    )
    return decided(row, 201, TripResponse)


@Endpoint(
    summary="End a trip",
    tag="Trips",
    description="Optional, and moves no money.",
    body=TripEndRequest,
    answer=TripResponse,
    refusals=(
        "trip_not_found",
        "station_not_found",
        "trip_already_ended",
        "trip_expired",
        "trip_ends_before_start",
        "tap_in_future",
    ),
)
async def end_trip(request: web.Request) -> web.Response:
    """Where the rider got off."""
    end = request[BODY]
    row = await request.app[ENDS].submit((end["trip_id"], end["station_id"], end["ended_at"]))
    return decided(row, 200, TripResponse)


@Endpoint(summary="Read a trip", tag="Trips", answer=TripResponse, refusals=("trip_not_found",))
async def read_trip(request: web.Request) -> web.Response:
    """One trip at its present fare."""
    row = await request.app[DB].fetch_one(READ, (path_id(request, "trip_id"),))
    if row is None:
        raise Problem("trip_not_found")
    return json_answer(TripResponse.shape(row))


@Endpoint(
    summary="Explain a fare",
    tag="Trips",
    description="Each rule looked at, in order, with the fact that decided it; exactly one is "
    "applied, and it is the trip's `fare_rule`.",
    answer=ExplanationResponse,
    refusals=("trip_not_found",),
)
async def explain_trip(request: web.Request) -> web.Response:
    """From what was recorded, not guessed."""
    row = await request.app[DB].fetch_one(EXPLAIN, (path_id(request, "trip_id"),))
    if row is None:
        raise Problem("trip_not_found")
    return json_answer(ExplanationResponse.shape(row))


@Endpoint(
    summary="List the trips of a user",
    tag="Trips",
    description="Over all cards of the user, newest first; of a range of service days, if asked.",
    query=UserTripsQuery,
    answer=TripList,
    refusals=("user_not_found",),
)
async def list_user_trips(request: web.Request) -> web.Response:
    """Everywhere the user went."""
    query = request[QUERY]
    started_at, trip_id = query["cursor"] or (None, None)
    user = await find_user(request)
    rows = await request.app[DB].fetch_all(
        LIST_USER_TRIPS,
        (user["user_id"], started_at, trip_id, query["limit"] + 1, *days_of(request)),
    )
    trips = [TripResponse.shape(row) for row in rows]
    return json_answer(
        page(trips, query, UserTripsQuery, lambda trip: (trip["started_at"], trip["trip_id"]))
    )
