"""The shape of every error, RFC 9457."""

from __future__ import annotations

from marshmallow import fields

from transit_api.errors import REFUSALS, Problem, problem_body
from transit_api.schemas.fields import Text, Whole, Word
from transit_api.schemas.strict import ResponseSchema


class ProblemResponse(ResponseSchema):
    """A refusal; `code` is for programs, `detail` for people."""

    type = Text(200)
    title = Text(200)
    status = Whole(400, 599)
    detail = Text(2000)
    code = Word(*REFUSALS)
    request_id = Text(128)

    example = problem_body(Problem("card_not_found"), "b1946ac92492d2347c6235b4")


class InvalidResponse(ProblemResponse):
    """A 422: `errors` names the first 20 offending fields, nested by index within a list."""

    sometimes = frozenset({"more"})

    errors = fields.Dict()
    more = Whole(1, 2**31, metadata={"description": "How many more errors there are."})

    example = problem_body(
        Problem("validation_error", errors={"card_id": ["Must be an integer."]}),
        "b1946ac92492d2347c6235b4",
    )
