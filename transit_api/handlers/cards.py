"""/cards: issuing, reading, blocking and replacing cards, and what their statements say."""

from __future__ import annotations

from aiohttp import web

from transit_api.database.array_functions import Element
from transit_api.database.batching import BALANCES, CARDS, REPLACEMENTS
from transit_api.database.pools import DB
from transit_api.errors import Problem
from transit_api.http.answers import json_answer
from transit_api.http.endpoint import Endpoint
from transit_api.http.outcomes import Row, decided, results
from transit_api.http.pagination import days_of, list_by_id
from transit_api.http.validation import BODY, QUERY, idempotency_key, path_id
from transit_api.schemas.cards import (
    BalanceResponse,
    CardList,
    CardRequest,
    CardResponse,
    CardResult,
    CardsBatchRequest,
    CardsBatchResponse,
    CardsQuery,
    EntriesQuery,
    EntryList,
    EntryResponse,
    ReasonRequest,
)

READ = "SELECT * FROM api.read_card(%s)"
LIST = "SELECT * FROM api.list_cards(%s, %s, %s)"
STATEMENT = (
    "SELECT * FROM api.list_entries(%s, p_from => %s, p_to => %s, p_after => %s, p_limit => %s)"
)
BLOCK = "SELECT * FROM api.block_card(%s, %s)"
UNBLOCK = "SELECT * FROM api.unblock_card(%s)"


@Endpoint(
    summary="Issue a card",
    tag="Cards",
    description="Without `user_id` the card is anonymous.",
    body=CardRequest,
    answer=CardResponse,
    status=201,
    refusals=("user_not_found",),
)
async def issue_card(request: web.Request) -> web.Response:
    """One card."""
    row = await request.app[CARDS].submit(_element(request[BODY]))
    if row["outcome"] == "validation_error":
        raise Problem("validation_error", row["detail"], errors={"profile": [row["detail"]]})
    return decided(row, 201, CardResponse)


@Endpoint(
    summary="Issue many cards",
    tag="Cards",
    description="Each is decided for itself, in the order of the array.",
    body=CardsBatchRequest,
    answer=CardsBatchResponse,
)
async def issue_cards(request: web.Request) -> web.Response:
    """1 to 1,000 cards."""
    wanted = [_element(card) for card in request[BODY]["cards"]]
    rows = await request.app[CARDS].submit_many(wanted)
    return json_answer({"results": results(rows, CardResult)})


@Endpoint(
    summary="List cards",
    tag="Cards",
    description="Newest first, with balance and debt.",
    query=CardsQuery,
    answer=CardList,
)
async def list_cards(request: web.Request) -> web.Response:
    """All cards, or the one with this number."""
    filters = (request[QUERY]["card_number"],)
    return await list_by_id(request, CardsQuery, LIST, filters, CardResponse)


@Endpoint(summary="Read a card", tag="Cards", answer=CardResponse, refusals=("card_not_found",))
async def read_card(request: web.Request) -> web.Response:
    """One card."""
    return json_answer(CardResponse.shape(await find_card(request)))


@Endpoint(
    summary="Read a balance",
    tag="Cards",
    answer=BalanceResponse,
    refusals=("card_not_found",),
)
async def read_balance(request: web.Request) -> web.Response:
    """What the card holds now; never cached."""
    row = await request.app[BALANCES].submit((path_id(request, "card_id"),))
    if not row:
        raise Problem("card_not_found")
    return json_answer(BalanceResponse.shape(row))


@Endpoint(
    summary="Read a statement",
    tag="Cards",
    description="Every ledger movement of the card in posting order, newest first; of "
    "a range of service days, if asked.",
    query=EntriesQuery,
    answer=EntryList,
    refusals=("card_not_found",),
)
async def list_entries(request: web.Request) -> web.Response:
    """The ledger of one card."""
    filters = (path_id(request, "card_id"), *days_of(request))
    return await list_by_id(
        request, EntriesQuery, STATEMENT, filters, EntryResponse, if_empty=find_card
    )


@Endpoint(
    summary="Block a card",
    tag="Cards",
    description="Takes effect at once; a card that is blocked already is answered alike.",
    body=ReasonRequest,
    answer=CardResponse,
    refusals=("card_not_found", "card_not_active"),
)
async def block_card(request: web.Request) -> web.Response:
    """Lost, stolen or misused."""
    arguments = (path_id(request, "card_id"), request[BODY]["reason"])
    row = await request.app[DB].write_one(BLOCK, arguments)
    return decided(row, 200, CardResponse)


@Endpoint(
    summary="Unblock a card",
    tag="Cards",
    description="A card that is active already is answered alike.",
    bodiless_post=True,
    answer=CardResponse,
    refusals=("card_not_found", "card_not_active"),
)
async def unblock_card(request: web.Request) -> web.Response:
    """Found again."""
    row = await request.app[DB].write_one(UNBLOCK, (path_id(request, "card_id"),))
    return decided(row, 200, CardResponse)


@Endpoint(
    summary="Replace a personalised card",
    tag="Cards",
    description="The new card holds balance, debt, pass and journey; the old one is `replaced`.",
    body=ReasonRequest,
    answer=CardResponse,
    status=201,
    refusals=(
        "card_not_found",
        "card_not_personalised",
        "card_not_active",
        "idempotency_key_reused",
    ),
    keyed=True,
)
async def replace_card(request: web.Request) -> web.Response:
    """A new card for the same account."""
    replacement = (
        path_id(request, "card_id"),
        request[BODY]["reason"],
        idempotency_key(request),
    )
    row = await request.app[REPLACEMENTS].submit(replacement)
    return decided(row, 201, CardResponse)


async def find_card(request: web.Request) -> Row:
    """The card of the path."""
    row = await request.app[DB].fetch_one(READ, (path_id(request, "card_id"),))
    if row is None:
        raise Problem("card_not_found")
    return row


def _element(card: Row) -> Element:
    return card["user_id"], card["profile"]
