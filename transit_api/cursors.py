"""Pages of a list: opaque cursors, and one row more than asked for to see if there is a next."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import orjson

from transit_api.errors import invalid
from transit_api.schemas.fields import IDENTIFIER_LIMIT, Instant, Unclean
from transit_api.wire import instant

Row = dict[str, Any]
Position = tuple[Any, ...]

_read_instant = Instant().quick


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
