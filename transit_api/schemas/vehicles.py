"""Positions of vehicles, in the words of GTFS-Realtime."""

from __future__ import annotations

from transit_api.schemas.fields import (
    Degrees,
    Elements,
    Identifier,
    Instant,
    Whole,
    Word,
    optional,
)
from transit_api.schemas.strict import BatchSchema, ResponseSchema, StrictSchema

OCCUPANCY_STATUSES = (
    "EMPTY",
    "MANY_SEATS_AVAILABLE",
    "FEW_SEATS_AVAILABLE",
    "STANDING_ROOM_ONLY",
    "CRUSHED_STANDING_ROOM_ONLY",
    "FULL",
    "NOT_ACCEPTING_PASSENGERS",
    "NO_DATA_AVAILABLE",
    "NOT_BOARDABLE",
)


class PositionElement(StrictSchema):
    """Where a vehicle was, at or after which stop of its route."""

    vehicle_id = Identifier(required=True)
    route_id = Identifier(required=True)
    stop_sequence = Whole(1, 10_000, required=True)
    latitude = Degrees(90, required=True)
    longitude = Degrees(180, required=True)
    recorded_at = Instant(required=True)
    occupancy_status = Word(*OCCUPANCY_STATUSES, **optional())

    example = {
        "vehicle_id": 5012,
        "route_id": 1,
        "stop_sequence": 10,
        "latitude": 4.7103,
        "longitude": -74.0561,
        "recorded_at": "2026-11-20T06:42:07-05:00",
        "occupancy_status": "STANDING_ROOM_ONLY",
    }


class PositionsRequest(BatchSchema):
    """1 to 2,000 positions."""

    positions = Elements(PositionElement, 2000)

    example = {"positions": [PositionElement.example]}


class PositionsResponse(ResponseSchema):
    """How many were taken."""

    accepted = Whole(0, 2000)

    example = {"accepted": 1}
