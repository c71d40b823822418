"""/cards/deny-list: what a validator must learn since it last asked."""

from __future__ import annotations

from aiohttp import web

from transit_api.db import DB
from transit_api.endpoint import Endpoint
from transit_api.schemas.cards import DenyListItem, DenyListQuery, DenyListResponse
from transit_api.validation import QUERY
from transit_api.wire import json_answer

READ = "SELECT * FROM api.read_deny_list(%s)"


@Endpoint(
    summary="Read the deny list",
    tag="Cards",
    description="What happened since the version `since`: one item a card, its last action. "
    "Blocked, replaced and expired cards are on the list; no version is skipped by a change "
    "that commits late.",
    query=DenyListQuery,
    answer=DenyListResponse,
)
async def read_deny_list(request: web.Request) -> web.Response:
    """The list, or what changed on it."""
    rows = await request.app[DB].fetch_all(READ, (request[QUERY]["since"],))
    items = [DenyListItem.shape(row) for row in rows if row["card_number"] is not None]
    return json_answer({"version": rows[0]["version"], "items": items})
