"""Operations: whether the service is well, and what time it is in a simulation."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields, validate

from transit_api.schemas.fields import Instant, Quick, Text, Unclean, Word, optional
from transit_api.schemas.strict import ResponseSchema, StrictSchema

FASTEST = 100_000
# What follows from now, 5 years ahead for the life of a card, must still be a time.
LAST_YEAR = 2199


class Speed(Quick, fields.Float):
    """Simulated seconds per real second: a JSON number from 0 (stands still) to 100,000."""

    def __init__(self, **options: Any) -> None:
        super().__init__(validate=validate.Range(0, FASTEST), **options)

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> float:
        try:
            return self.quick(value)
        except Unclean as error:
            raise self.make_error("invalid", input=value) from error

    def quick(self, value: Any) -> float:
        # Written so that a NaN is refused as well.
        if type(value) in (int, float) and 0 <= value <= FASTEST:
            return float(value)
        raise Unclean


class ClockRequest(StrictSchema):
    """Where to set the simulated clock; what is absent stays as it is."""

    now = Instant(**optional(), metadata={"description": "Only moves forward."})
    speed = Speed(**optional())

    example = {"now": "2026-11-20T06:00:00-05:00", "speed": 60}

    def check(self, data: dict[str, Any]) -> None:
        """A simulation does not leave the calendar."""
        now = data.get("now")
        if now is not None and now.year > LAST_YEAR:
            raise ValidationError(f"Must not be after the year {LAST_YEAR}.", "now")


class ClockResponse(ResponseSchema):
    """The simulated clock."""

    now = Instant()
    speed = Speed()

    example = {"now": "2026-11-20T11:00:00.000000Z", "speed": 60.0}


class LivenessResponse(ResponseSchema):
    """The process answers, or is ready to serve."""

    status = Word("ok")

    example = {"status": "ok"}


class CheckResponse(ResponseSchema):
    """One part of the service, and how long it took to answer."""

    status = Word("ok", "down")
    latency_ms = fields.Float()

    example = {"status": "ok", "latency_ms": 0.62}


class ChecksResponse(ResponseSchema):
    """All parts."""

    database = fields.Nested(CheckResponse)
    cache = fields.Nested(CheckResponse)

    example = {"database": CheckResponse.example, "cache": CheckResponse.example}


class HealthResponse(ResponseSchema):
    """`degraded` without the cache, `down` without the database."""

    status = Word("ok", "degraded", "down")
    checks = fields.Nested(ChecksResponse)
    version = Text(50)
    uptime_seconds = fields.Float()

    example = {
        "status": "ok",
        "checks": ChecksResponse.example,
        "version": "0.1.0",
        "uptime_seconds": 86400.0,
    }
