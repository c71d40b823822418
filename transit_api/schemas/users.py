"""Users: the people whom personalised cards belong to."""

from __future__ import annotations

import re
import unicodedata
from typing import Any, Final

from marshmallow import ValidationError, fields

from transit_api.schemas.fields import Elements, Identifier, Instant, Text, Unclean, Word, optional
from transit_api.schemas.strict import BatchSchema, ResponseSchema, StrictSchema

# Dots, spaces and dashes of any script: what a document is kept without.
_SEPARATORS: Final = re.compile(
    r"[\u0009-\u000d\u0020\u002d\u002e\u0085\u00a0\u00ad\u00b7\u058a\u05be\u1400\u1680\u1806\u2000-\u200d"
    r"\u2010-\u2015\u2024\u2027-\u2029\u202f\u2043\u205f\u2060\u2212"
    r"\u2e17\u2e1a\u2e3a\u2e3b\u2e40\u2e5d\u3000\u3002\u301c\u3030\u30a0\ufe58\ufeff]"
)


def canonical_document(text: str) -> str:
    """What api.canonical_document makes of it, to tell what has no spelling; SQL alone respells."""
    plain = unicodedata.normalize("NFKD", text)
    raised = "".join(letter.upper() if letter.isascii() else letter for letter in plain)
    return unicodedata.normalize("NFKC", _SEPARATORS.sub("", raised))


class DocumentId(Text):
    """A document in any spelling that leaves something of it, and not too much."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        return self._checked(super()._deserialize(value, *args, **kwargs))

    def quick(self, value: Any) -> Any:
        text = super().quick(value)
        try:
            return self._checked(text)
        except ValidationError as error:
            raise Unclean from error

    def _checked(self, text: str) -> str:
        # A length that is refused anyway is not worth respelling.
        if 0 < len(text) <= self.longest and not 1 <= len(canonical_document(text)) <= self.longest:
            raise ValidationError(
                f"Must hold 1 to {self.longest} characters besides dots, spaces and dashes."
            )
        return text


EMAIL = r"^[^@\s]+@[^@\s]+$"
PHONE = r"^[0-9+() .-]+$"


class UserRequest(StrictSchema):
    """A person to be registered."""

    full_name = Text(200, required=True)
    document_id = DocumentId(
        40,
        required=True,
        metadata={"description": "Unique among users, whatever its case, dots, spaces and dashes."},
    )
    email = Text(254, pattern=EMAIL, **optional())
    phone = Text(40, pattern=PHONE, **optional())

    example = {
        "full_name": "Ana María Rojas",
        "document_id": "CC-52123456",
        "email": "ana.rojas@example.co",
        "phone": "+57 300 1234567",
    }


class UserChanges(StrictSchema):
    """What changes of a person; null empties an address or a number, what is absent stays."""

    full_name = Text(200)
    email = Text(254, pattern=EMAIL, allow_none=True)
    phone = Text(40, pattern=PHONE, allow_none=True)

    example = {"email": "ana.maria@example.co", "phone": None}


class UsersBatchRequest(BatchSchema):
    """1 to 1,000 people."""

    users = Elements(UserRequest, 1000)

    example = {"users": [UserRequest.example]}


class UserResponse(ResponseSchema):
    """A registered user."""

    user_id = Identifier()
    full_name = Text(200)
    created_at = Instant()

    example = {
        "user_id": 4200001,
        "full_name": "Ana María Rojas",
        "created_at": "2026-11-20T11:42:07.123456Z",
    }


class UserResult(ResponseSchema):
    """What became of one element; refused ones have null where the user would be."""

    outcome = Word("created", "user_exists")
    replayed = fields.Boolean()
    user_id = Identifier(allow_none=True)
    full_name = Text(200, allow_none=True)
    created_at = Instant(allow_none=True)

    example = {"outcome": "created", "replayed": False, **UserResponse.example}


class UsersBatchResponse(ResponseSchema):
    """One result an element, in their order."""

    results = fields.List(fields.Nested(UserResult))

    example = {"results": [UserResult.example]}
