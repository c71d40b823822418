"""/cards/recharge and /cards/{card_id}/history: money that is loaded onto cards."""

from __future__ import annotations

from aiohttp import web

from transit_api.database.array_functions import Element
from transit_api.database.batching import RECHARGES
from transit_api.handlers.cards import find_card
from transit_api.http.answers import json_answer
from transit_api.http.endpoint import Endpoint
from transit_api.http.outcomes import Row, decided, results
from transit_api.http.pagination import days_of, list_by_id
from transit_api.http.validation import BODY, idempotency_key, path_id
from transit_api.schemas.recharges import (
    DEFAULT_CHANNEL,
    RechargeHistory,
    RechargeHistoryItem,
    RechargeRequest,
    RechargeResponse,
    RechargeResult,
    RechargesBatchRequest,
    RechargesBatchResponse,
    RechargesQuery,
)

LIST = (
    "SELECT * FROM api.list_recharges(%s, p_from => %s, p_to => %s, p_after => %s, p_limit => %s)"
)


@Endpoint(
    summary="Recharge a card",
    tag="Recharges",
    description="Debt is repaid first, the rest is balance, usable by the very next tap.",
    body=RechargeRequest,
    answer=RechargeResponse,
    status=201,
    refusals=(
        "card_not_found",
        "card_not_active",
        "amount_out_of_range",
        "balance_limit_exceeded",
        "idempotency_key_reused",
    ),
    keyed=True,
)
async def recharge_card(request: web.Request) -> web.Response:
    """Money in."""
    recharge = _element(request[BODY], idempotency_key(request))
    row = await request.app[RECHARGES].submit(recharge)
    return decided(row, 201, RechargeResponse)


@Endpoint(
    summary="Recharge many cards",
    tag="Recharges",
    description="Each is decided for itself, in the order of the array, and has its own key.",
    body=RechargesBatchRequest,
    answer=RechargesBatchResponse,
)
async def recharge_cards(request: web.Request) -> web.Response:
    """1 to 1,000 recharges."""
    elements = [_element(r, r["idempotency_key"]) for r in request[BODY]["recharges"]]
    rows = await request.app[RECHARGES].submit_many(elements)
    return json_answer({"results": results(rows, RechargeResult)})


@Endpoint(
    summary="List the recharges of a card",
    tag="Recharges",
    description="Newest first; of a range of service days, if asked.",
    query=RechargesQuery,
    answer=RechargeHistory,
    refusals=("card_not_found",),
)
async def list_recharges(request: web.Request) -> web.Response:
    """The history of one card."""
    filters = (path_id(request, "card_id"), *days_of(request))
    return await list_by_id(
        request, RechargesQuery, LIST, filters, RechargeHistoryItem, if_empty=find_card
    )


def _element(recharge: Row, key: str | None) -> Element:
    channel = recharge["channel"] or DEFAULT_CHANNEL
    return recharge["card_id"], recharge["amount"], channel, recharge["recharge_point_id"], key
