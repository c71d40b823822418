"""Recharges: money that is loaded onto a card."""

from __future__ import annotations

from marshmallow import fields

from transit_api.schemas.fields import Elements, Identifier, Instant, Pesos, Text, Word, optional
from transit_api.schemas.paging import PageOfDaysQuery, PageResponse, items, page_example
from transit_api.schemas.problems import facts_of_a_result
from transit_api.schemas.strict import BatchSchema, ResponseSchema, StrictSchema

CHANNELS = ("ticket_office", "machine", "retail", "online", "wallet")
DEFAULT_CHANNEL = "ticket_office"


class RechargeRequest(StrictSchema):
    """Money for one card; the limits of the channel are the fare rules' concern."""

    card_id = Identifier(required=True)
    amount = Pesos(required=True, metadata={"description": "Pesos."})
    channel = Word(*CHANNELS, load_default=DEFAULT_CHANNEL, allow_none=True)
    recharge_point_id = Identifier(**optional())

    example = {"card_id": 8400001, "amount": 16000, "channel": "machine", "recharge_point_id": 71}


class RechargeElement(RechargeRequest):
    """A recharge of a batch carries its key itself."""

    idempotency_key = Text(255, pattern=r"^[\x21-\x7e]+$", **optional())

    example = {**RechargeRequest.example, "idempotency_key": "receipt-000017"}


class RechargesBatchRequest(BatchSchema):
    """1 to 1,000 recharges."""

    recharges = Elements(RechargeElement, 1000)

    example = {"recharges": [RechargeElement.example]}


class RechargeResponse(ResponseSchema):
    """An accepted recharge; debt was repaid first."""

    recharge_id = Identifier()
    card_id = Identifier()
    amount = Pesos(1)
    debt_repaid = Pesos(0)
    balance = Pesos(0)
    recharged_at = Instant()

    example = {
        "recharge_id": 21000001,
        "card_id": 8400001,
        "amount": 16000,
        "debt_repaid": 3550,
        "balance": 12450,
        "recharged_at": "2026-11-20T11:42:07.123456Z",
    }


class RechargeResult(ResponseSchema):
    """What became of one element; refused ones have null where the recharge would be."""

    outcome = Word(
        "accepted",
        "card_not_found",
        "card_not_active",
        "amount_out_of_range",
        "balance_limit_exceeded",
        "idempotency_key_reused",
    )
    replayed = fields.Boolean()
    recharge_id = Identifier(allow_none=True)
    card_id = Identifier(allow_none=True)
    amount = Pesos(allow_none=True)
    debt_repaid = Pesos(0, allow_none=True)
    balance = Pesos(0, allow_none=True)
    recharged_at = Instant(allow_none=True)
    facts = facts_of_a_result()

    example = {"outcome": "accepted", "replayed": False, **RechargeResponse.example, "facts": None}


class RechargesBatchResponse(ResponseSchema):
    """One result an element, in their order."""

    results = fields.List(fields.Nested(RechargeResult))

    example = {"results": [RechargeResult.example]}


class RechargesQuery(PageOfDaysQuery):
    """Which recharges."""

    list_name = "recharges"


class RechargeHistoryItem(ResponseSchema):
    """A recharge as the history of its card shows it."""

    recharge_id = Identifier()
    card_id = Identifier()
    amount = Pesos(1)
    balance_after = Pesos(0)
    channel = Word(*CHANNELS)
    recharge_point_id = Identifier(allow_none=True)
    recharged_at = Instant()

    example = {
        "recharge_id": 21000001,
        "card_id": 8400001,
        "amount": 16000,
        "balance_after": 12450,
        "channel": "machine",
        "recharge_point_id": 71,
        "recharged_at": "2026-11-20T11:42:07.123456Z",
    }


class RechargeHistory(PageResponse):
    """A page of recharges, newest first."""

    items = items(RechargeHistoryItem)

    example = page_example(RechargeHistoryItem)
