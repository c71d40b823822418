"""The shape of every error, RFC 9457."""

from __future__ import annotations

from typing import Any, Final

from marshmallow import fields

from transit_api.errors import REFUSALS, Problem, problem_body
from transit_api.schemas.fields import Instant, Pesos, ServiceDay, Text, Whole, Word
from transit_api.schemas.strict import ResponseSchema

FACTS: Final = frozenset(name for refusal in REFUSALS.values() for name in refusal.facts)


def facts_of_a_result() -> Any:
    """The field of a batch's result that holds what a problem of the same code has as fields."""
    return fields.Dict(
        allow_none=True,
        metadata={
            "description": "The numbers and times of a refusal by name: what a problem of this "
            "code has as fields. Null where there are none."
        },
    )


class ProblemResponse(ResponseSchema):
    """A refusal; `code` is for programs, `detail` for people.

    The numbers and times in `detail` are fields too, each where its code has it.
    """

    sometimes = FACTS

    type = Text(200)
    title = Text(200)
    status = Whole(400, 599)
    detail = Text(2000)
    code = Word(*REFUSALS)
    request_id = Text(128)

    fare = Pesos(0, metadata={"description": "What had to be paid: a fare or the price of a pass."})
    balance = Pesos(0)
    debt = Pesos(0)
    missing = Pesos(0, metadata={"description": "The least recharge that would suffice."})
    minimum = Pesos(0)
    maximum = Pesos(0)
    amount = Pesos(metadata={"description": "What was to be loaded."})
    balance_after = Pesos(metadata={"description": "What the balance would be."})
    loadable = Pesos(0, metadata={"description": "The most that can be loaded now."})
    limit = Whole(1, 1000, metadata={"description": "Trips of a service day."})
    service_day = ServiceDay()
    card_status = Word("blocked", "replaced", "expired")
    since_at = Instant(metadata={"description": "Since when the card is not active."})
    stamped_at = Instant(metadata={"description": "The time that was given, or the moment."})
    arrived_at = Instant(metadata={"description": "The time of the service's clock."})
    latest_at = Instant(metadata={"description": "The latest time that is accepted."})
    earliest_at = Instant(metadata={"description": "The earliest time that is accepted."})
    first_at = Instant(metadata={"description": "When the first tariff came into force."})
    started_at = Instant()
    ended_at = Instant()
    expired_at = Instant()

    example = problem_body(Problem("card_not_found"), "b1946ac92492d2347c6235b4")


class InvalidResponse(ProblemResponse):
    """A 422: `errors` names the first 20 offending fields, nested by index within a list."""

    sometimes = FACTS | {"more"}

    errors = fields.Dict()
    more = Whole(1, 2**31, metadata={"description": "How many more errors there are."})

    example = problem_body(
        Problem("validation_error", errors={"card_id": ["Must be an integer."]}),
        "b1946ac92492d2347c6235b4",
    )
