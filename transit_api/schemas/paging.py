"""Pages of a list and ranges of days: the queries that ask for them, the frame that answers."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from marshmallow import ValidationError, fields

from transit_api.schemas.cursors import CURSOR_LENGTH, Cursor, Readers, read_identifier
from transit_api.schemas.fields import QueryWhole, ServiceDay, Text, optional
from transit_api.schemas.strict import ResponseSchema, StrictSchema

PAGE: Final = 50
LONGEST_PAGE: Final = 200


class PageQuery(StrictSchema):
    """Which page of a list; `position` reads what its cursors hold of the last row."""

    list_name: ClassVar[str] = ""
    position: ClassVar[Readers] = (read_identifier,)

    limit = QueryWhole(
        1, LONGEST_PAGE, load_default=PAGE, metadata={"description": "Items of a page."}
    )
    cursor = Cursor()


class RangeQuery(StrictSchema):
    """Service days, inclusive; either may be given alone."""

    class Meta(StrictSchema.Meta):
        # `from` is a keyword of Python and cannot name an attribute.
        include = {"from": ServiceDay(**optional())}

    to = ServiceDay(**optional())

    def check(self, data: dict[str, Any]) -> None:
        """A range does not run backwards."""
        begin, end = data.get("from"), data.get("to")
        if begin is not None and end is not None and end < begin:
            raise ValidationError("Must not be before from.", "to")


class PageOfDaysQuery(PageQuery, RangeQuery):
    """Which page of a list of one owner, of which service days."""


class NoQuery(StrictSchema):
    """No query parameters at all."""


class PageResponse(ResponseSchema):
    """The frame of a page; the lists add `items`."""

    next_cursor = Text(
        CURSOR_LENGTH,
        allow_none=True,
        metadata={"description": "Where the next page starts; null on the last page."},
    )


def items(element: type[ResponseSchema]) -> Any:
    """The `items` of a page."""
    return fields.List(fields.Nested(element))


def page_example(element: type[ResponseSchema]) -> dict[str, Any]:
    """A page of one example item."""
    return {"items": [element.example], "next_cursor": "WyJjYXJkcyIsNDA5N10"}
