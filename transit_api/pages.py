"""Pages of a list: opaque cursors, and one row more than asked for to see if there is a next."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any

import orjson
from aiohttp import web

from transit_api.db import DB
from transit_api.errors import invalid
from transit_api.schemas.fields import IDENTIFIER_LIMIT, Instant, Unclean
from transit_api.schemas.strict import ResponseSchema
from transit_api.validation import QUERY
from transit_api.wire import instant, json_answer

Row = dict[str, Any]
Position = tuple[Any, ...]

_read_instant = Instant().quick


async def list_by_id(
    request: web.Request,
    list_name: str,
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
    after = after_id(list_name, query["cursor"])
    rows = await request.app[DB].fetch_all(sql, (*filters, after, query["limit"] + 1))
    if not rows and if_empty is not None:
        await if_empty(request)
    items = [item.shape(row) for row in rows]
    identifier = item.first_field()
    return json_answer(page(items, query["limit"], list_name, lambda one: (one[identifier],)))


def after_id(list_name: str, cursor: str | None) -> int | None:
    """The identifier that the page before ended with; None on the first page."""
    if cursor is None:
        return None
    (last,) = _unpack(list_name, cursor, (_identifier,))
    identifier: int = last
    return identifier


def after_moment(list_name: str, cursor: str | None) -> tuple[datetime | None, int | None]:
    """The time and the identifier that the page before ended with."""
    if cursor is None:
        return None, None
    moment, identifier = _unpack(list_name, cursor, (_read_instant, _identifier))
    return moment, identifier


def page(
    rows: Sequence[Row], limit: int, list_name: str, position: Callable[[Row], Position]
) -> Row:
    """The answer of a list; `rows` holds one more than `limit` where a next page exists."""
    items = rows[:limit]
    more = len(rows) > limit
    return {
        "items": items,
        "next_cursor": _pack(list_name, position(items[-1])) if more else None,
    }


def _pack(list_name: str, position: Position) -> str:
    spelt = [instant(part) if isinstance(part, datetime) else part for part in position]
    return base64.urlsafe_b64encode(orjson.dumps([list_name, *spelt])).decode().rstrip("=")


def _unpack(
    list_name: str, cursor: str, readers: tuple[Callable[[Any], Any], ...]
) -> tuple[Any, ...]:
    """The parts of a cursor; one of another list, or one that was tampered with, is refused."""
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        name, *parts = orjson.loads(base64.b64decode(padded, b"-_", validate=True))
        if name != list_name or len(parts) != len(readers):
            raise Unclean
        return tuple(read(part) for read, part in zip(readers, parts, strict=True))
    except (Unclean, ValueError, TypeError, OverflowError, binascii.Error):
        raise invalid("cursor", "Must be a next_cursor of this list.") from None


def _identifier(part: Any) -> int:
    if type(part) is not int or not 0 < part < IDENTIFIER_LIMIT:
        raise Unclean
    return part
