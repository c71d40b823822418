"""Routes and where they stop."""

from __future__ import annotations

from marshmallow import fields

from transit_api.schemas.fields import Identifier, Text, Whole, Word, optional
from transit_api.schemas.paging import PageQuery, PageResponse, items, page_example
from transit_api.schemas.stations import ROUTE_KINDS
from transit_api.schemas.strict import ResponseSchema


class RoutesQuery(PageQuery):
    """Which routes."""

    list_name = "routes"

    kind = Word(*ROUTE_KINDS, **optional())


class RouteResponse(ResponseSchema):
    """One direction of a service."""

    route_id = Identifier()
    code = Text(20)
    name = Text(200)
    kind = Word(*ROUTE_KINDS)
    headway_s = Whole(
        1, 86_400, allow_none=True, metadata={"description": "Null where none is published."}
    )

    example = {
        "route_id": 1,
        "code": "B10",
        "name": "Portal 80 - Portal Norte",
        "kind": "trunk",
        "headway_s": 300,
    }


class RouteList(PageResponse):
    """A page of routes in the order of their ids."""

    items = items(RouteResponse)

    example = page_example(RouteResponse)


class RouteStation(ResponseSchema):
    """A stop of the route."""

    station_id = Identifier()
    code = Text(20)
    name = Text(200)
    stop_sequence = Whole(1, 10_000)

    example = {"station_id": 1, "code": "02000", "name": "Portal Norte", "stop_sequence": 12}


class RouteDetail(RouteResponse):
    """A route with its stations in order."""

    stations = fields.List(fields.Nested(RouteStation))

    example = {**RouteResponse.example, "stations": [RouteStation.example]}
