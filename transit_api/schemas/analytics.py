"""Totals of the city, as planners ask for them."""

from __future__ import annotations

from marshmallow import fields

from transit_api.schemas.fields import (
    IDENTIFIER_LIMIT,
    Identifier,
    Instant,
    Pesos,
    QueryWhole,
    ServiceDay,
    Text,
    Whole,
    Word,
    optional,
)
from transit_api.schemas.paging import LONGEST_PAGE, PAGE
from transit_api.schemas.strict import ResponseSchema, StrictSchema

MOST = IDENTIFIER_LIMIT - 1


class DayQuery(StrictSchema):
    """One service day."""

    date = ServiceDay(**optional(), metadata={"description": "Default: today."})


class TopStationsQuery(DayQuery):
    """How many stations of which day."""

    limit = QueryWhole(1, LONGEST_PAGE, load_default=PAGE)


class ActiveUsersQuery(StrictSchema):
    """How far back."""

    days = QueryWhole(1, 366, load_default=30)


class TripTotalsResponse(ResponseSchema):
    """Trips on their service days; paid ones have a present fare above 0."""

    total_trips = Whole(0, MOST)
    paid_trips = Whole(0, MOST)
    transfers = Whole(0, MOST)
    as_of = Instant()

    example = {
        "total_trips": 4012345,
        "paid_trips": 3254012,
        "transfers": 722221,
        "as_of": "2026-11-20T11:42:07.123456Z",
    }


class RevenueResponse(ResponseSchema):
    """Money of the range; what is outstanding is the present, whatever the range."""

    revenue = Pesos(metadata={"description": "Fares charged."})
    recharged = Pesos(0, metadata={"description": "Pesos loaded."})
    outstanding_balance = Pesos(0)
    outstanding_debt = Pesos(0)
    currency = Word("COP")
    as_of = Instant()

    example = {
        "revenue": 11551742600,
        "recharged": 12840550000,
        "outstanding_balance": 24010500000,
        "outstanding_debt": 310450000,
        "currency": "COP",
        "as_of": "2026-11-20T11:42:07.123456Z",
    }


class ActiveUsersResponse(ResponseSchema):
    """Distinct users and cards with a trip in the last `days`."""

    active_users = Whole(0, MOST)
    active_cards = Whole(0, MOST)
    days = Whole(1, 366)
    as_of = Instant()

    example = {
        "active_users": 1830211,
        "active_cards": 2301119,
        "days": 30,
        "as_of": "2026-11-20T11:42:07.123456Z",
    }


class HourItem(ResponseSchema):
    """One hour of a service day."""

    hour = Whole(0, 23)
    trips = Whole(0, MOST)
    revenue = Pesos()

    example = {"hour": 6, "trips": 412330, "revenue": 1180402500}


class HourlyResponse(ResponseSchema):
    """24 hours of a service day."""

    date = ServiceDay()
    as_of = Instant()
    items = fields.List(fields.Nested(HourItem))

    example = {
        "date": "2026-11-20",
        "as_of": "2026-11-20T11:42:07.123456Z",
        "items": [HourItem.example],
    }


class TopStationItem(ResponseSchema):
    """A station and its trips that day."""

    station_id = Identifier()
    name = Text(200)
    trips = Whole(0, MOST)

    example = {"station_id": 1, "name": "Portal Norte", "trips": 61230}


class TopStationsResponse(ResponseSchema):
    """The stations where most trips started, busiest first."""

    date = ServiceDay()
    as_of = Instant()
    items = fields.List(fields.Nested(TopStationItem))

    example = {
        "date": "2026-11-20",
        "as_of": "2026-11-20T11:42:07.123456Z",
        "items": [TopStationItem.example],
    }


class LocalityItem(ResponseSchema):
    """A locality, its trips and their fares."""

    locality = Text(60)
    trips = Whole(0, MOST)
    revenue = Pesos()

    example = {"locality": "Usaquén", "trips": 301220, "revenue": 905120050}


class LocalitiesResponse(ResponseSchema):
    """Trips and fares by the locality of the start."""

    date = ServiceDay()
    as_of = Instant()
    items = fields.List(fields.Nested(LocalityItem))

    example = {
        "date": "2026-11-20",
        "as_of": "2026-11-20T11:42:07.123456Z",
        "items": [LocalityItem.example],
    }
