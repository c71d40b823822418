"""Pages of a list: one row more than asked for tells whether there is a next one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date
from typing import Any

from aiohttp import web

from transit_api.database.pools import DB
from transit_api.http.answers import json_answer
from transit_api.http.validation import QUERY
from transit_api.schemas.cursors import Position, write_cursor
from transit_api.schemas.paging import PageQuery
from transit_api.schemas.strict import ResponseSchema

Row = dict[str, Any]


async def list_by_id(
    request: web.Request,
    which: type[PageQuery],
    sql: str,
    filters: Sequence[Any],
    item: type[ResponseSchema],
    *,
    if_empty: Callable[[web.Request], Awaitable[object]] | None = None,
) -> web.Response:
    """One page of a list that is ordered by the first field of its items.

    The last two arguments of `sql` are the identifier to go on after and how many rows to read.
    `if_empty` refuses when there is nothing because there is no such owner of a list.
    """
    query = request[QUERY]
    (after,) = query["cursor"] or (None,)
    rows = await request.app[DB].fetch_all(sql, (*filters, after, query["limit"] + 1))
    if not rows and if_empty is not None:
        await if_empty(request)
    items = [item.shape(row) for row in rows]
    identifier = item.first_field()
    return json_answer(page(items, query, which, lambda one: (one[identifier],)))


def days_of(request: web.Request) -> tuple[date | None, date | None]:
    """The first and the last service day that a list is asked for."""
    query = request[QUERY]
    return query["from"], query["to"]


def page(
    rows: Sequence[Row],
    query: Mapping[str, Any],
    which: type[PageQuery],
    position: Callable[[Row], Position],
) -> Row:
    """The answer of a list; `rows` holds one more than was asked for where a next page exists."""
    items = rows[: query["limit"]]
    more = len(rows) > len(items)
    return {
        "items": items,
        "next_cursor": write_cursor(which.list_name, position(items[-1])) if more else None,
    }
