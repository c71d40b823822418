"""Stations and what arrives there."""

from __future__ import annotations

from marshmallow import fields

from transit_api.schemas.fields import Identifier, Instant, QueryWhole, Text, Whole, Word, optional
from transit_api.schemas.paging import (
    LONGEST_PAGE,
    PAGE,
    PageQuery,
    PageResponse,
    items,
    page_example,
)
from transit_api.schemas.strict import ResponseSchema, StrictSchema
from transit_api.schemas.vehicles import OCCUPANCY_STATUSES

STATION_KINDS = ("portal", "trunk", "cable", "zonal")
ROUTE_KINDS = ("trunk", "zonal", "cable", "feeder")


class StationsQuery(PageQuery):
    """Which stations; what is not given lets everything through."""

    list_name = "stations"

    kind = Word(*STATION_KINDS, **optional())
    corridor = Text(1, pattern=r"^[A-Za-z]$", **optional())
    locality = Text(60, **optional())
    q = Text(60, **optional(), metadata={"description": "A part of the name or of the code."})


class StationResponse(ResponseSchema):
    """A place where a card can be tapped."""

    station_id = Identifier()
    code = Text(20)
    name = Text(200)
    kind = Word(*STATION_KINDS)
    corridor = Text(1, allow_none=True)
    locality = Text(60)
    latitude = fields.Float()
    longitude = fields.Float()
    active = fields.Boolean()

    example = {
        "station_id": 1,
        "code": "02000",
        "name": "Portal Norte",
        "kind": "portal",
        "corridor": "B",
        "locality": "Usaquén",
        "latitude": 4.754,
        "longitude": -74.046,
        "active": True,
    }


class StationList(PageResponse):
    """A page of stations in the order of their ids."""

    items = items(StationResponse)

    example = page_example(StationResponse)


class StationRoute(ResponseSchema):
    """A route that stops at the station."""

    route_id = Identifier()
    code = Text(20)
    name = Text(200)
    kind = Word(*ROUTE_KINDS)
    stop_sequence = Whole(1, 10_000)

    example = {
        "route_id": 1,
        "code": "B10",
        "name": "Portal 80 - Portal Norte",
        "kind": "trunk",
        "stop_sequence": 12,
    }


class StationDetail(StationResponse):
    """A station with the routes serving it."""

    routes = fields.List(fields.Nested(StationRoute))

    example = {**StationResponse.example, "routes": [StationRoute.example]}


class ArrivalsQuery(StrictSchema):
    """How many arrivals."""

    limit = QueryWhole(1, LONGEST_PAGE, load_default=PAGE)


class ArrivalResponse(ResponseSchema):
    """A vehicle on its way to the station."""

    route_id = Identifier()
    route_code = Text(20)
    headsign = Text(200)
    vehicle_id = Identifier()
    stop_sequence = Whole(1, 10_000)
    predicted_arrival_time = Instant()
    seconds_away = Whole(0, 86_400, metadata={"description": "Counted from `as_of`."})
    stops_away = Whole(1, 10_000)
    schedule_relationship = Word("SCHEDULED", "SKIPPED", "NO_DATA", "UNSCHEDULED")
    occupancy_status = Word(*OCCUPANCY_STATUSES)

    example = {
        "route_id": 1,
        "route_code": "B10",
        "headsign": "Portal Norte",
        "vehicle_id": 5012,
        "stop_sequence": 12,
        "predicted_arrival_time": "2026-11-20T11:44:37.000000Z",
        "seconds_away": 150,
        "stops_away": 2,
        "schedule_relationship": "SCHEDULED",
        "occupancy_status": "STANDING_ROOM_ONLY",
    }


class ArrivalsResponse(ResponseSchema):
    """What comes next, soonest first."""

    station_id = Identifier()
    as_of = Instant()
    arrivals = fields.List(fields.Nested(ArrivalResponse))

    example = {
        "station_id": 1,
        "as_of": "2026-11-20T11:42:07.123456Z",
        "arrivals": [ArrivalResponse.example],
    }
