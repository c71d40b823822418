"""Users: the people whom personalised cards belong to."""

from __future__ import annotations

from marshmallow import fields

from transit_api.schemas.fields import Elements, Identifier, Instant, Text, Word, optional
from transit_api.schemas.strict import BatchSchema, ResponseSchema, StrictSchema

EMAIL = r"^[^@\s]+@[^@\s]+$"
PHONE = r"^[0-9+() .-]+$"


class UserRequest(StrictSchema):
    """A person to be registered."""

    full_name = Text(200, required=True)
    document_id = Text(40, required=True, metadata={"description": "Unique among users."})
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
