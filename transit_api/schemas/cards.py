"""Cards, their balance, their statement, and the deny list of the validators."""

from __future__ import annotations

from marshmallow import fields

from transit_api.schemas.fields import (
    IDENTIFIER_LIMIT,
    Elements,
    Identifier,
    Instant,
    Pesos,
    QueryWhole,
    Text,
    Whole,
    Word,
    optional,
)
from transit_api.schemas.paging import (
    PAGE,
    PageOfDaysQuery,
    PageQuery,
    PageResponse,
    items,
    page_example,
)
from transit_api.schemas.strict import BatchSchema, ResponseSchema, StrictSchema

CARD_NUMBER = r"^[0-9]{16}$"
EPOCH = r"^[0-9a-f]{16}$"
# A card is 50 bytes of the answer, so the longest page is half a megabyte.
LONGEST_DENY_PAGE = 10_000
STATUSES = ("active", "blocked", "replaced", "expired")


class CardRequest(StrictSchema):
    """A card to be issued, anonymous without `user_id`."""

    user_id = Identifier(**optional())
    profile = Text(
        40,
        pattern=r"^[a-z][a-z0-9_]*$",
        **optional(),
        metadata={
            "description": "A profile of the fare rules; default `basic` without a user, `adult` "
            "with one. `basic` is for anonymous cards, all others need a user.",
        },
    )

    example = {"user_id": 4200001, "profile": "adult"}


class CardsBatchRequest(BatchSchema):
    """1 to 1,000 cards."""

    cards = Elements(CardRequest, 1000)

    example = {"cards": [CardRequest.example]}


class ReasonRequest(StrictSchema):
    """Why a card is blocked or replaced."""

    reason = Text(200, required=True)

    example = {"reason": "lost"}


class CardsQuery(PageQuery):
    """Which cards."""

    list_name = "cards"

    limit = QueryWhole(1, 1000, load_default=PAGE)
    card_number = Text(16, pattern=CARD_NUMBER, **optional())


class UserCardsQuery(PageQuery):
    """Which cards of a user."""

    list_name = "user_cards"


class CardResponse(ResponseSchema):
    """A card; `balance` is what is there, `debt` what was lent, never both above 0."""

    card_id = Identifier()
    card_number = Text(16, pattern=CARD_NUMBER, metadata={"description": "16 digits, Luhn."})
    user_id = Identifier(allow_none=True)
    personalised = fields.Boolean()
    profile = Text(40)
    status = Word(*STATUSES)
    balance = Pesos(0)
    debt = Pesos(0)
    issued_at = Instant()
    replaced_by = Identifier(allow_none=True, metadata={"description": "The new card_id."})

    example = {
        "card_id": 8400001,
        "card_number": "1010123456789014",
        "user_id": 4200001,
        "personalised": True,
        "profile": "adult",
        "status": "active",
        "balance": 12450,
        "debt": 0,
        "issued_at": "2026-11-20T11:42:07.123456Z",
        "replaced_by": None,
    }


class CardList(PageResponse):
    """A page of cards, newest first."""

    items = items(CardResponse)

    example = page_example(CardResponse)


class CardResult(ResponseSchema):
    """What became of one element; refused ones have null where the card would be."""

    outcome = Word("created", "user_not_found", "validation_error")
    replayed = fields.Boolean()
    card_id = Identifier(allow_none=True)
    card_number = Text(16, allow_none=True)
    user_id = Identifier(allow_none=True)
    personalised = fields.Boolean(allow_none=True)
    profile = Text(40, allow_none=True)
    status = Word(*STATUSES, allow_none=True)
    balance = Pesos(0, allow_none=True)
    debt = Pesos(0, allow_none=True)
    issued_at = Instant(allow_none=True)
    replaced_by = Identifier(allow_none=True)

    example = {"outcome": "created", "replayed": False, **CardResponse.example}


class CardsBatchResponse(ResponseSchema):
    """One result an element, in their order."""

    results = fields.List(fields.Nested(CardResult))

    example = {"results": [CardResult.example]}


class BalanceResponse(ResponseSchema):
    """What a card holds now."""

    card_id = Identifier()
    balance = Pesos(0)
    debt = Pesos(0)
    status = Word(*STATUSES)
    as_of = Instant()

    example = {
        "card_id": 8400001,
        "balance": 12450,
        "debt": 0,
        "status": "active",
        "as_of": "2026-11-20T11:42:07.123456Z",
    }


class EntriesQuery(PageOfDaysQuery):
    """Which ledger movements."""

    list_name = "entries"


class EntryResponse(ResponseSchema):
    """One ledger movement of a card; `amount` is the change of balance - debt."""

    entry_id = Identifier()
    kind = Word("recharge", "fare", "fare_correction", "monthly_pass", "replacement", "unclaimed")
    amount = Pesos()
    balance_after = Pesos(0)
    debt_after = Pesos(0)
    reference_id = Identifier(metadata={"description": "Trip, recharge, pass or card by cause."})
    at = Instant()

    example = {
        "entry_id": 12600001,
        "kind": "fare",
        "amount": -3550,
        "balance_after": 12450,
        "debt_after": 0,
        "reference_id": 16800001,
        "at": "2026-11-20T11:42:07.123456Z",
    }


class EntryList(PageResponse):
    """A page of a statement, newest first in posting order."""

    items = items(EntryResponse)

    example = page_example(EntryResponse)


class DenyListQuery(StrictSchema):
    """From where a validator catches up."""

    since = QueryWhole(
        0,
        IDENTIFIER_LIMIT - 1,
        load_default=0,
        metadata={
            "description": "The `version` of the last answer; without it, from the beginning."
        },
    )
    epoch = Text(
        16,
        pattern=EPOCH,
        load_default=None,
        metadata={"description": "The `epoch` of the last answer."},
    )
    limit = QueryWhole(
        1,
        LONGEST_DENY_PAGE,
        load_default=LONGEST_DENY_PAGE,
        metadata={"description": "Items of a page."},
    )


class DenyListItem(ResponseSchema):
    """The last thing that happened to a card."""

    card_number = Text(16, pattern=CARD_NUMBER)
    action = Word("add", "remove")

    example = {"card_number": "1010123456789014", "action": "add"}


class DenyListResponse(ResponseSchema):
    """What a validator must learn since its version."""

    epoch = Text(16, pattern=EPOCH)
    version = Whole(0, IDENTIFIER_LIMIT - 1)
    more = fields.Boolean()
    items = fields.List(fields.Nested(DenyListItem))

    example = {
        "epoch": "5f0c1e9a77b2d430",
        "version": 42,
        "more": False,
        "items": [DenyListItem.example],
    }
