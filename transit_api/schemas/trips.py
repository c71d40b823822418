"""Trips and the taps that start them."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields

from transit_api.schemas.cursors import read_identifier, read_moment
from transit_api.schemas.fields import (
    Elements,
    Identifier,
    Instant,
    Pesos,
    Text,
    Whole,
    Word,
    optional,
)
from transit_api.schemas.paging import PageOfDaysQuery, PageResponse, items, page_example
from transit_api.schemas.problems import facts_of_a_result
from transit_api.schemas.strict import BatchSchema, ResponseSchema, StrictSchema

FARE_RULES = ("base", "transfer", "subsidy_pass", "monthly_pass", "credit")

TAP_REFUSALS = (
    "card_not_found",
    "station_not_found",
    "route_not_found",
    "tap_in_future",
    "tap_too_old",
    "no_tariff",
    "card_not_active",
    "pass_daily_limit",
    "insufficient_balance",
    "idempotency_key_reused",
)


# What a tap of an upload may get wrong without being taken for another tap.
UNREADABLE_ALONE = frozenset({"station_id", "route_id", "tapped_at"})


class TripStartRequest(StrictSchema):
    """A card shown to a validator; the device fields come both or not at all."""

    card_id = Identifier(required=True)
    station_id = Identifier(required=True)
    route_id = Identifier(**optional())
    tapped_at = Instant(
        **optional(), metadata={"description": "When the card was shown; default: now."}
    )
    device_id = Identifier(**optional())
    device_seq = Identifier(
        **optional(), metadata={"description": "The device's own number of this tap."}
    )

    example = {
        "card_id": 8400001,
        "station_id": 1,
        "device_id": 901,
        "device_seq": 17,
    }

    def check(self, data: dict[str, Any]) -> None:
        """A sequence number says nothing without its device, nor the other way round."""
        # One that is there but cannot be read is not absent.
        no_device, no_number = data.get("device_id", 0) is None, data.get("device_seq", 0) is None
        if no_device != no_number:
            name = "device_id" if no_device else "device_seq"
            raise ValidationError("device_id and device_seq come both or not at all.", name)


class TapElement(TripStartRequest):
    """A tap of an upload: its device and number are its key."""

    device_id = Identifier(required=True)
    device_seq = Identifier(required=True)

    example = TripStartRequest.example

    def set_aside(self, data: Any, error: ValidationError) -> dict[str, Any] | None:
        """A tap of a known card, device and number with a value that cannot be read.

        It is refused alone: its validator would send it again and again, and its neighbours too.
        """
        wrong = error.messages_dict.keys()
        # One that misses a field or has a strange one is malformed, and so is the upload.
        if wrong <= UNREADABLE_ALONE and wrong <= data.keys():
            return {"card_id": data["card_id"], "unreadable": True}
        return None


class TapsBatchRequest(BatchSchema):
    """1 to 1,000 taps."""

    taps = Elements(TapElement, 1000)

    example = {"taps": [TapElement.example]}


class TripEndRequest(StrictSchema):
    """Where and when a rider got off."""

    trip_id = Identifier(required=True)
    station_id = Identifier(required=True)
    ended_at = Instant(**optional())

    example = {"trip_id": 16800001, "station_id": 2}


class UserTripsQuery(PageOfDaysQuery):
    """Which trips of a user."""

    list_name = "user_trips"
    position = (read_moment, read_identifier)


class TripResponse(ResponseSchema):
    """A trip; `balance` is that after the tap, `fare` and `fare_rule` are the present ones."""

    trip_id = Identifier()
    card_id = Identifier(metadata={"description": "The card that was tapped."})
    user_id = Identifier(allow_none=True)
    start_station_id = Identifier()
    end_station_id = Identifier(allow_none=True)
    route_id = Identifier(allow_none=True)
    started_at = Instant()
    ended_at = Instant(allow_none=True)
    status = Word("in_progress", "completed", "expired")
    fare = Pesos(0)
    fare_rule = Word(*FARE_RULES)
    journey_id = Identifier(
        allow_none=True, metadata={"description": "The trip that paid; null on a monthly pass."}
    )
    balance = Pesos(0)

    example = {
        "trip_id": 16800001,
        "card_id": 8400001,
        "user_id": 4200001,
        "start_station_id": 1,
        "end_station_id": None,
        "route_id": None,
        "started_at": "2026-11-20T11:42:07.000000Z",
        "ended_at": None,
        "status": "in_progress",
        "fare": 3550,
        "fare_rule": "base",
        "journey_id": 16800001,
        "balance": 12450,
    }


class TripList(PageResponse):
    """A page of trips, newest first."""

    items = items(TripResponse)

    example = page_example(TripResponse)


class TapResult(ResponseSchema):
    """What became of one tap; `balance` is null when there is no such card."""

    outcome = Word("accepted", *TAP_REFUSALS, "validation_error")
    replayed = fields.Boolean()
    trip_id = Identifier(allow_none=True)
    fare = Pesos(0, allow_none=True)
    balance = Pesos(0, allow_none=True)
    facts = facts_of_a_result()

    example = {
        "outcome": "accepted",
        "replayed": False,
        "trip_id": 16800001,
        "fare": 3550,
        "balance": 12450,
        "facts": None,
    }


class TapsBatchResponse(ResponseSchema):
    """One result a tap, in their order; accepted and denied together are their number."""

    results = fields.List(fields.Nested(TapResult))
    accepted = Whole(0, 1000)
    denied = Whole(0, 1000)
    replayed = Whole(0, 1000)

    example = {"results": [TapResult.example], "accepted": 1, "denied": 0, "replayed": 0}


class TariffResponse(ResponseSchema):
    """A tariff version."""

    tariff_id = Identifier()
    valid_from = Instant()
    trunk_fare = Pesos(0)
    zonal_fare = Pesos(0)
    cable_fare = Pesos(0)
    transfer_window_min = Whole(0, 10_000)
    max_transfers = Whole(0, 100)
    zonal_to_trunk_transfer_fare = Pesos(0)
    other_transfer_fare = Pesos(0)

    example = {
        "tariff_id": 4,
        "valid_from": "2026-01-14T05:00:00.000000Z",
        "trunk_fare": 3550,
        "zonal_fare": 3550,
        "cable_fare": 3550,
        "transfer_window_min": 125,
        "max_transfers": 2,
        "zonal_to_trunk_transfer_fare": 0,
        "other_transfer_fare": 0,
    }


class StepResponse(ResponseSchema):
    """A rule that was looked at, and the fact that decided it."""

    rule = Word(*FARE_RULES)
    applied = fields.Boolean()
    fact = Text(1000)

    example = {
        "rule": "base",
        "applied": True,
        "fact": "The full fare of the component trunk is 3550.",
    }


class CorrectionResponse(ResponseSchema):
    """A later change of the fare, rule or journey; `amount` is the change of balance - debt.

    Without an entry where no peso moved, without rules where only the fare changed.
    """

    entry_id = Identifier(
        allow_none=True, metadata={"description": "Null, like what follows from it, at amount 0."}
    )
    card_id = Identifier(allow_none=True)
    amount = Pesos()
    balance_after = Pesos(0, allow_none=True)
    debt_after = Pesos(0, allow_none=True)
    at = Instant()
    old_rule = Word(*FARE_RULES, allow_none=True)
    new_rule = Word(*FARE_RULES, allow_none=True)
    old_journey_id = Identifier(allow_none=True)
    new_journey_id = Identifier(allow_none=True)

    example = {
        "entry_id": 12600002,
        "card_id": 8400001,
        "amount": 3550,
        "balance_after": 12450,
        "debt_after": 0,
        "at": "2026-11-20T11:42:07.123456Z",
        "old_rule": "base",
        "new_rule": "transfer",
        "old_journey_id": 16800001,
        "new_journey_id": 16700001,
    }


class ExplanationResponse(ResponseSchema):
    """Why a trip costs what it costs; exactly one step is applied, and it is the fare rule."""

    trip_id = Identifier()
    tariff = fields.Nested(TariffResponse)
    fare = Pesos(0)
    fare_rule = Word(*FARE_RULES)
    steps = fields.List(fields.Nested(StepResponse))
    corrections = fields.List(fields.Nested(CorrectionResponse))

    example = {
        "trip_id": 16800001,
        "tariff": TariffResponse.example,
        "fare": 3550,
        "fare_rule": "base",
        "steps": [StepResponse.example],
        "corrections": [],
    }
