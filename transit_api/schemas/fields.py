"""Strict building blocks of the schemas: what a number, a text or a time has to look like."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, Final

from marshmallow import ValidationError, fields, validate

# JSON numbers are exact in every client up to here.
IDENTIFIER_LIMIT: Final = 2**53

_INSTANT = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:[0-5]\d)", re.ASCII | re.IGNORECASE
)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_DIGITS = re.compile(r"[0-9]{1,16}", re.ASCII)
# UTF-8 cannot say a lone surrogate; control characters (NUL, which PostgreSQL cannot store, is
# one) and those that turn the direction of writing make a text look like another one.
_CONTROLS: Final = r"\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
# In a text of several lines, tabs and line breaks are no offence.
_CONTROLS_OF_LINES: Final = _CONTROLS.replace(r"\u0000-\u001f", r"\u0000-\u0008\u000b-\u001f")
_SURROGATES: Final = r"\ud800-\udfff"
# Something that is not blank, and nowhere a control: for the document, we look more cheaply.
NOT_BLANK: Final = rf"^[^{_CONTROLS}]*[^\s{_CONTROLS}][^{_CONTROLS}]*$"
NOT_BLANK_LINES: Final = (
    rf"^[^{_CONTROLS_OF_LINES}]*[^\s{_CONTROLS_OF_LINES}][^{_CONTROLS_OF_LINES}]*$"
)
_REFUSED: Final = {
    False: re.compile(f"[{_CONTROLS}{_SURROGATES}]"),
    True: re.compile(f"[{_CONTROLS_OF_LINES}{_SURROGATES}]"),
}
# Any year that can be told in four digits and stored: whether a tap stamped 9999 is too far ahead
# is the fare rules' concern, and one such tap must not refuse the whole upload it came in.
_YEARS: Final = r"^(?!0000)[0-9]{4}-"


# A letter with its accents may come as several characters, which NFC makes one.
MOST_CHARACTERS_OF_ONE: Final = 4
# The last moment that can be told in four digits of a year.
LAST_INSTANT: Final = datetime.max.replace(tzinfo=UTC)


class Unclean(Exception):
    """Not plainly right: marshmallow decides, and words the error."""


class Quick:
    """A field that can also read a plainly right value without marshmallow's ceremony.

    `quick` answers the same as `deserialize` or raises `Unclean` (a ValueError or a TypeError do
    as well); a test compares the two. An upload of 1,000 taps is validated ten times faster so.
    """

    def quick(self, value: Any) -> Any:
        raise Unclean


class Whole(Quick, fields.Integer):
    """A JSON integer between two limits, inclusive; no strings, no floats, no booleans."""

    def __init__(self, minimum: int, maximum: int, **options: Any) -> None:
        super().__init__(
            strict=True,
            validate=validate.Range(
                min=minimum, max=maximum, error=f"Must be an integer from {minimum} to {maximum}."
            ),
            error_messages={"invalid": "Must be an integer."},
            **options,
        )
        self.minimum, self.maximum = minimum, maximum

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> int:
        # marshmallow's own strict integer takes "5000" and, through __int__, more.
        if type(value) is not int:
            raise self.make_error("invalid", input=value)
        return value

    def quick(self, value: Any) -> int:
        if type(value) is int and self.minimum <= value <= self.maximum:
            return value
        raise Unclean


class Identifier(Whole):
    """A positive integer below 2^53."""

    def __init__(self, **options: Any) -> None:
        super().__init__(1, IDENTIFIER_LIMIT - 1, **options)


class Pesos(Whole):
    """An amount of Colombian pesos."""

    def __init__(self, minimum: int = 1 - IDENTIFIER_LIMIT, **options: Any) -> None:
        super().__init__(minimum, IDENTIFIER_LIMIT - 1, **options)


class Text(Quick, fields.String):
    """A string of a limited length in NFC that is not blank, with no control characters.

    `lines` lets tabs and line breaks through.
    """

    def __init__(
        self, longest: int, *, pattern: str | None = None, lines: bool = False, **options: Any
    ) -> None:
        shown = pattern or (NOT_BLANK_LINES if lines else NOT_BLANK)
        metadata = {"pattern": shown, **options.pop("metadata", {})}
        super().__init__(validate=validate.Length(1, longest), metadata=metadata, **options)
        # Matches anywhere, which is what a pattern means in the document.
        # In the document `$` is the very end; here it would let a line break follow.
        self.pattern = re.compile(re.sub(r"\$$", r"\\Z", pattern)) if pattern else None
        self.longest = longest
        self.refused = _REFUSED[lines]

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        text: str = super()._deserialize(value, *args, **kwargs)
        if self.refused.search(text):
            raise ValidationError(
                "Must not hold control characters, marks of writing direction or lone surrogates."
            )
        if text.isspace():
            raise ValidationError("Must not be blank.")
        # What is too long is refused for its length, and costs no composing and no matching.
        if len(text) <= MOST_CHARACTERS_OF_ONE * self.longest:
            text = unicodedata.normalize("NFC", text)
        if 0 < len(text) <= self.longest and self.pattern and not self.pattern.search(text):
            raise ValidationError("Has a wrong form.")
        return text

    def quick(self, value: Any) -> str:
        if (
            type(value) is str
            and 0 < len(value) <= self.longest
            and not self.refused.search(value)
            and not value.isspace()
        ):
            text = value if value.isascii() else unicodedata.normalize("NFC", value)
            if len(text) <= self.longest and (self.pattern is None or self.pattern.search(text)):
                return text
        raise Unclean


class Word(Quick, fields.String):
    """One word of a closed list."""

    def __init__(self, *words: str, **options: Any) -> None:
        super().__init__(validate=validate.OneOf(words), **options)
        self.words = frozenset(words)

    def quick(self, value: Any) -> str:
        if type(value) is str and value in self.words:
            return value
        raise Unclean


class Degrees(Quick, fields.Float):
    """A latitude or longitude in degrees: a JSON number, finite, within its circle."""

    def __init__(self, limit: float, **options: Any) -> None:
        super().__init__(validate=validate.Range(-limit, limit), **options)
        self.limit = limit

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> float:
        if type(value) not in (int, float):
            raise self.make_error("invalid", input=value)
        if not abs(value) <= self.limit:
            raise ValidationError(f"Must be from {-self.limit} to {self.limit}.")
        return float(value)

    def quick(self, value: Any) -> float:
        if type(value) in (int, float) and -self.limit <= value <= self.limit:
            return float(value)
        raise Unclean


class Instant(Quick, fields.DateTime):
    """An RFC 3339 time with an offset; read as an aware datetime in UTC.

    `is_end`: one that lies beyond the year 9999 in UTC is its last moment: an end that is far.
    """

    default_error_messages = {
        "invalid": "Must be an RFC 3339 time with an offset, as 2026-11-20T06:42:07-05:00.",
    }

    def __init__(self, *, is_end: bool = False, **options: Any) -> None:
        metadata = {"pattern": _YEARS, **options.pop("metadata", {})}
        super().__init__(format="iso", metadata=metadata, **options)
        self.is_end = is_end

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> datetime:
        try:
            return self.quick(value)
        except (Unclean, ValueError, OverflowError) as error:
            raise self.make_error("invalid", input=value) from error

    def quick(self, value: Any) -> datetime:
        if type(value) is not str or not _INSTANT.fullmatch(value):
            raise Unclean
        moment = datetime.fromisoformat(value.upper())
        try:
            return moment.astimezone(UTC)
        except OverflowError:
            if self.is_end and moment.year == LAST_INSTANT.year:
                return LAST_INSTANT
            raise


class ServiceDay(Quick, fields.Date):
    """A day in America/Bogota, as 2026-11-20."""

    default_error_messages = {
        "invalid": "Must be a day, as 2026-11-20.",
    }

    def __init__(self, **options: Any) -> None:
        metadata = {"pattern": _YEARS, **options.pop("metadata", {})}
        super().__init__(metadata=metadata, **options)

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> date:
        try:
            return self.quick(value)
        except (Unclean, ValueError) as error:
            raise self.make_error("invalid", input=value) from error

    def quick(self, value: Any) -> date:
        if type(value) is not str or not _DAY.fullmatch(value):
            raise Unclean
        return date.fromisoformat(value)


class QueryWhole(Whole):
    """An integer in a query string: plain decimal digits."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> int:
        if not isinstance(value, str) or not _DIGITS.fullmatch(value):
            raise self.make_error("invalid", input=value)
        return int(value)

    def quick(self, value: Any) -> int:
        if not _DIGITS.fullmatch(value):
            raise Unclean
        return super().quick(int(value))


class Elements(fields.List[Any]):
    """A list of 1 to `most` objects, counted before any of them is looked at."""

    def __init__(self, element: Any, most: int, **options: Any) -> None:
        super().__init__(
            fields.Nested(element), required=True, validate=validate.Length(1, most), **options
        )
        self.most = most

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> list[Any]:
        self.count(value)
        return super()._deserialize(value, attr, data, **kwargs)

    def count(self, value: Any) -> None:
        """Refuse what is no list, or one of the wrong length."""
        if not isinstance(value, list):
            raise self.make_error("invalid")
        if not 1 <= len(value) <= self.most:
            raise ValidationError(f"Must hold 1 to {self.most} elements.")


def optional() -> dict[str, Any]:
    """Options of a field that may be absent; null says the same as absent."""
    return {"load_default": None, "allow_none": True}
