"""What was decided, as an answer: the row of a writing function becomes a success or a refusal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from transit_api.errors import Problem
from transit_api.http.answers import json_answer
from transit_api.schemas.strict import ResponseSchema

SUCCESSES: Final = frozenset({"accepted", "created"})
REPLAYED: Final = {"Idempotent-Replayed": "true"}

Row = dict[str, Any]

# What was decided, on its answer: the log line names the card and the trip of it.
DECIDED: Final = web.ResponseKey("decided", Row)


def decided(row: Row, status: int, answer: type[ResponseSchema]) -> web.Response:
    """The answer to one decided request; a refusal is raised, a replay is marked."""
    headers = REPLAYED if row.get("replayed") else None
    if row["outcome"] not in SUCCESSES:
        raise refusal(row, headers)
    told = json_answer(answer.shape(row), status, headers)
    told[DECIDED] = row
    return told


def refusal(row: Row, headers: Mapping[str, str] | None = None) -> Problem:
    """The refusal that a row tells of, with the numbers of its sentence as fields."""
    return Problem(row["outcome"], row.get("detail"), facts=row.get("facts"), headers=headers)


def results(rows: list[Row], result: type[ResponseSchema]) -> list[Row]:
    """The results of a batch in the order of its elements; what has no key is never a replay."""
    return [result.shape({"replayed": False, **row}) for row in rows]
