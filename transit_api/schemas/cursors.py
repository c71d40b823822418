"""Opaque cursors of lists: which list they are of, and the position of the last row of a page."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import orjson
from marshmallow import ValidationError

from transit_api.http.answers import instant
from transit_api.schemas.fields import IDENTIFIER_LIMIT, Instant, Text, Unclean, optional

CURSOR_LENGTH: Final = 200

Position = tuple[Any, ...]
Readers = tuple[Callable[[Any], Any], ...]

read_moment: Final = Instant().quick


def read_identifier(part: Any) -> int:
    """A part of a cursor that is an identifier."""
    if type(part) is not int or not 0 < part < IDENTIFIER_LIMIT:
        raise Unclean
    return part


def write_cursor(list_name: str, position: Position) -> str:
    """The cursor that leads on after `position`."""
    spelt = [instant(part) if isinstance(part, datetime) else part for part in position]
    return base64.urlsafe_b64encode(orjson.dumps([list_name, *spelt])).decode().rstrip("=")


def read_cursor(list_name: str, readers: Readers, cursor: str) -> Position:
    """The position in a cursor; another list's raises Unclean, a stranger's that or worse."""
    padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
    name, *parts = orjson.loads(base64.b64decode(padded, b"-_", validate=True))
    if name != list_name or len(parts) != len(readers):
        raise Unclean
    return tuple(read(part) for read, part in zip(readers, parts, strict=True))


class Cursor(Text):
    """The cursor of a PageQuery, read as the position that it holds."""

    def __init__(self) -> None:
        super().__init__(
            CURSOR_LENGTH,
            **optional(),
            metadata={"description": "`next_cursor` of the page before; opaque."},
        )

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return self.quick(value)
        except (Unclean, ValueError, TypeError, OverflowError) as error:
            raise ValidationError("Must be a next_cursor of this list.") from error

    def quick(self, value: Any) -> Any:
        query: Any = self.parent
        return read_cursor(query.list_name, query.position, super().quick(value))
