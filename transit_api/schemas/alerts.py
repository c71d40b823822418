"""Alerts: news for riders, in the words of GTFS-Realtime."""

from __future__ import annotations

from typing import Any, Final

from marshmallow import ValidationError, fields

from transit_api.schemas.fields import (
    IDENTIFIER_LIMIT,
    Identifier,
    Instant,
    QueryWhole,
    Text,
    Word,
    optional,
)
from transit_api.schemas.paging import PageQuery, PageResponse, items, page_example
from transit_api.schemas.strict import ResponseSchema, StrictSchema

CAUSES = (
    "UNKNOWN_CAUSE",
    "OTHER_CAUSE",
    "TECHNICAL_PROBLEM",
    "STRIKE",
    "DEMONSTRATION",
    "ACCIDENT",
    "HOLIDAY",
    "WEATHER",
    "MAINTENANCE",
    "CONSTRUCTION",
    "POLICE_ACTIVITY",
    "MEDICAL_EMERGENCY",
)
EFFECTS = (
    "NO_SERVICE",
    "REDUCED_SERVICE",
    "SIGNIFICANT_DELAYS",
    "DETOUR",
    "ADDITIONAL_SERVICE",
    "MODIFIED_SERVICE",
    "OTHER_EFFECT",
    "UNKNOWN_EFFECT",
    "STOP_MOVED",
    "NO_EFFECT",
    "ACCESSIBILITY_ISSUE",
)
SEVERITY_LEVELS = ("UNKNOWN_SEVERITY", "INFO", "WARNING", "SEVERE")
NOT_AFTER_BEGIN: Final = "Must be after active_from, which is now unless it is given."


class AlertRequest(StrictSchema):
    """News of a station, of a route, of a route at a station or, with neither, of the system."""

    cause = Word(*CAUSES, required=True)
    effect = Word(*EFFECTS, required=True)
    severity_level = Word(*SEVERITY_LEVELS, required=True)
    header = Text(200, required=True)
    description = Text(4000, lines=True, required=True)
    station_id = Identifier(**optional())
    route_id = Identifier(**optional())
    active_from = Instant(**optional(), metadata={"description": "Default: now."})
    active_until = Instant(
        is_end=True, **optional(), metadata={"description": "Default: until closed."}
    )

    example = {
        "cause": "DEMONSTRATION",
        "effect": "DETOUR",
        "severity_level": "WARNING",
        "header": "Desvíos en la Avenida Caracas",
        "description": "Los servicios no paran entre Calle 45 y Calle 26.",
        "station_id": 1,
    }

    def check(self, data: dict[str, Any]) -> None:
        """An alert ends after it begins."""
        begin, end = data.get("active_from"), data.get("active_until")
        if begin is not None and end is not None and end <= begin:
            raise ValidationError(NOT_AFTER_BEGIN, "active_until")


class AlertInForce(ResponseSchema):
    """An alert as the riders of a station see it."""

    alert_id = Identifier()
    cause = Word(*CAUSES)
    effect = Word(*EFFECTS)
    severity_level = Word(*SEVERITY_LEVELS)
    header = Text(200)
    description = Text(4000, lines=True)
    active_from = Instant()
    active_until = Instant(allow_none=True)

    example = {
        "alert_id": 7,
        "cause": "DEMONSTRATION",
        "effect": "DETOUR",
        "severity_level": "WARNING",
        "header": "Desvíos en la Avenida Caracas",
        "description": "Los servicios no paran entre Calle 45 y Calle 26.",
        "active_from": "2026-11-20T11:42:07.123456Z",
        "active_until": None,
    }


class AlertResponse(AlertInForce):
    """An alert with what it is about."""

    station_id = Identifier(allow_none=True)
    route_id = Identifier(allow_none=True)

    example = {**AlertInForce.example, "station_id": 1, "route_id": None}


class AlertsQuery(PageQuery):
    """Which of the alerts in force; what an alert names counts."""

    list_name = "alerts"

    station_id = QueryWhole(1, IDENTIFIER_LIMIT - 1, **optional())
    route_id = QueryWhole(1, IDENTIFIER_LIMIT - 1, **optional())
    severity_level = Word(*SEVERITY_LEVELS, **optional())


class AlertList(PageResponse):
    """A page of the alerts in force, newest first."""

    items = items(AlertResponse)

    example = page_example(AlertResponse)


class AlertsResponse(ResponseSchema):
    """The alerts in force of a station, its routes and the system, newest first."""

    station_id = Identifier()
    as_of = Instant()
    alerts = fields.List(fields.Nested(AlertInForce))

    example = {
        "station_id": 1,
        "as_of": "2026-11-20T11:42:07.123456Z",
        "alerts": [AlertInForce.example],
    }
