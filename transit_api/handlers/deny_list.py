"""/cards/deny-list: what a validator must learn since it last asked."""

from __future__ import annotations

import orjson
from aiohttp import web

from transit_api.database.pools import DB
from transit_api.errors import Problem
from transit_api.http.answers import json_answer
from transit_api.http.endpoint import Endpoint
from transit_api.http.outcomes import SUCCESSES
from transit_api.http.validation import QUERY
from transit_api.schemas.cards import DenyListQuery, DenyListResponse

# What must a validator learn, as one text? A page has up to 10,000 cards: as rows they would keep
# the worker from its other requests for 0.1 s.
READ = """
    SELECT
        max(d.version) AS version, max(d.epoch) AS epoch, bool_or(d.more) AS more,
        max(d.outcome) AS outcome,
        '[' || coalesce(
            string_agg(row_to_json(i)::text, ',') FILTER (WHERE d.card_number IS NOT NULL), ''
        ) || ']' AS items
    FROM api.read_deny_list(%s, %s, %s) AS d
    CROSS JOIN LATERAL (SELECT d.card_number, d.action) AS i
"""


@Endpoint(
    summary="Read the deny list",
    tag="Cards",
    description="What happened since the version `since`: one item a card, its last action. "
    "Blocked, replaced and expired cards are on the list; no version is skipped by a change "
    "that commits late. While there is `more`, ask again with `version` as `since`. Pass the "
    "`epoch` of the last answer too: a list that was restored from a backup has another, and then "
    "a validator begins again without `since`.",
    query=DenyListQuery,
    answer=DenyListResponse,
    refusals=("deny_list_restarted",),
)
async def read_deny_list(request: web.Request) -> web.Response:
    """A page of the list, or of what changed on it."""
    query = request[QUERY]
    values = (query["since"], query["epoch"], query["limit"])
    (page,) = await request.app[DB].fetch_all(READ, values)
    if page["outcome"] not in SUCCESSES:
        raise Problem(page["outcome"])
    return json_answer(
        {
            "epoch": page["epoch"],
            "version": page["version"],
            "more": page["more"],
            "items": orjson.Fragment(page["items"]),
        }
    )
