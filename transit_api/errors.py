"""The vocabulary of refusals: one table from code to HTTP status, and problem+json answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import orjson
from aiohttp import web

PROBLEM_JSON: Final = "application/problem+json"
RETRY_AFTER_S: Final = "1"
# Of many errors in one request so many are named, and the others counted.
TOLD_ERRORS: Final = 20
# A longer name of an unknown field is cut where it is told.
LONGEST_NAME: Final = 64

# A tap of the examples.
TAPPED: Final = "2026-11-20T11:42:07.000000Z"


class Refusal(NamedTuple):
    """What a client is told under one error code when nothing more precise is known.

    `facts` names the fields that a problem of this code may have besides, with example values: the
    numbers and times of its sentence. Which of them it has depends on what was asked.
    """

    status: int
    title: str
    detail: str
    facts: Mapping[str, Any] = MappingProxyType({})


# The same words are the outcomes of the SQL functions, the codes of the OpenAPI document and the
# names of tests.
REFUSALS: Final[dict[str, Refusal]] = {
    "card_not_found": Refusal(404, "Card not found", "There is no card with this identifier."),
    "user_not_found": Refusal(404, "User not found", "There is no user with this identifier."),
    "trip_not_found": Refusal(404, "Trip not found", "There is no trip with this identifier."),
    "station_not_found": Refusal(
        404, "Station not found", "There is no station with this identifier."
    ),
    "route_not_found": Refusal(404, "Route not found", "There is no route with this identifier."),
    "alert_not_found": Refusal(404, "Alert not found", "There is no alert with this identifier."),
    "pass_not_found": Refusal(
        404, "No monthly pass", "The card has no monthly pass that is in force."
    ),
    "insufficient_balance": Refusal(
        402,
        "Insufficient balance",
        "The balance, and credit where it is allowed, does not cover the price.",
        {"fare": 3550, "balance": 1200, "debt": 0, "missing": 2350},
    ),
    "card_not_active": Refusal(
        409,
        "Card not active",
        "The card is blocked, replaced or expired.",
        {"card_status": "blocked", "since_at": "2026-11-20T11:40:00.000000Z", "stamped_at": TAPPED},
    ),
    "card_not_personalised": Refusal(
        409, "Card not personalised", "This needs a card that belongs to a user."
    ),
    "amount_out_of_range": Refusal(
        422,
        "Amount out of range",
        "The amount lies outside the limits of the recharge channel.",
        {"minimum": 4000, "maximum": 200_000, "amount": 500},
    ),
    "balance_limit_exceeded": Refusal(
        409,
        "Balance limit exceeded",
        "The recharge would lift the balance above its ceiling.",
        {
            "maximum": 200_000,
            "balance": 190_000,
            "debt": 0,
            "balance_after": 210_000,
            "loadable": 10_000,
        },
    ),
    "pass_daily_limit": Refusal(
        409,
        "Daily limit of the pass",
        "The monthly pass was used 6 times on that service day.",
        {"limit": 6, "service_day": "2026-11-20"},
    ),
    "pass_in_force": Refusal(
        409, "Pass in force", "The card has a monthly pass in force; one at a time."
    ),
    "trip_already_ended": Refusal(
        409,
        "Trip already ended",
        "The trip has been ended before.",
        {"ended_at": "2026-11-20T12:20:00.000000Z"},
    ),
    "trip_expired": Refusal(
        409,
        "Trip expired",
        "A trip can be ended within 4 hours of its start.",
        {"started_at": TAPPED, "expired_at": "2026-11-20T15:42:07.000000Z"},
    ),
    "trip_ends_before_start": Refusal(
        422,
        "Trip ends before its start",
        "`ended_at` lies before the start of the trip.",
        {"started_at": TAPPED, "stamped_at": "2026-11-20T11:40:00.000000Z"},
    ),
    "tap_in_future": Refusal(
        422,
        "Time in the future",
        "The time lies more than 5 minutes ahead of the service's clock.",
        {
            "stamped_at": TAPPED,
            "arrived_at": "2026-11-20T11:32:07.000000Z",
            "latest_at": "2026-11-20T11:37:07.000000Z",
        },
    ),
    "tap_too_old": Refusal(
        422,
        "Tap too old",
        "A tap is accepted up to 7 days after it was made.",
        {
            "stamped_at": TAPPED,
            "arrived_at": "2026-11-28T11:42:07.000000Z",
            "earliest_at": "2026-11-21T11:42:07.000000Z",
        },
    ),
    "no_tariff": Refusal(
        422,
        "No tariff",
        "No tariff was in force at that time: it lies before the first one.",
        {"stamped_at": "2020-01-01T05:00:00.000000Z", "first_at": "2023-01-10T05:00:00.000000Z"},
    ),
    "user_exists": Refusal(409, "User exists", "A user with this `document_id` is registered."),
    "user_has_balance": Refusal(
        409,
        "User has balance",
        "A card of the user has a balance or a debt; settle it first.",
        {"balance": 12450, "debt": 0},
    ),
    "idempotency_key_reused": Refusal(
        422,
        "Idempotency key reused",
        "This key served a different request of the same card before; use a new one.",
    ),
    "database_unavailable": Refusal(
        503,
        "Database unavailable",
        "The database does not answer. Retry with the same key: it tells whether this was done.",
    ),
    "overloaded": Refusal(
        503, "Overloaded", "Too many requests are waiting; nothing was done. Retry later."
    ),
    "cache_unavailable": Refusal(503, "Cache unavailable", "The cache does not answer."),
    "malformed_json": Refusal(400, "Malformed JSON", "The body is not a JSON document."),
    "bad_request": Refusal(400, "Bad request", "The request is not well-formed HTTP."),
    "deny_list_restarted": Refusal(
        410,
        "Deny list restarted",
        "This list never gave that version: it was restored. Begin again without since.",
    ),
    "not_found": Refusal(404, "Not found", "There is nothing at this path."),
    "method_not_allowed": Refusal(
        405,
        "Method not allowed",
        "The path does not take this method; `Allow` names those it does.",
    ),
    "request_timeout": Refusal(
        408, "Request timeout", "The request did not arrive in time; nothing was done."
    ),
    "payload_too_large": Refusal(413, "Payload too large", "A body may have up to 1 MiB."),
    "unsupported_media_type": Refusal(
        415, "Unsupported media type", "Send the body as `application/json` in UTF-8."
    ),
    "validation_error": Refusal(
        422, "Validation error", "The request breaks the schema; `errors` names each field."
    ),
    "internal_error": Refusal(
        500, "Internal error", "A defect of the service; it was logged with this request id."
    ),
}


class Problem(Exception):
    """A refusal on its way to the client; `code` is a key of REFUSALS.

    `facts` are the numbers and times of `detail` by name.
    """

    def __init__(
        self,
        code: str,
        detail: str | None = None,
        *,
        facts: Mapping[str, Any] | None = None,
        errors: Mapping[Any, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(code)
        self.facts = facts
        self.code = code
        self.detail = detail
        self.errors = errors
        self.headers = headers


class Invalid(Problem):
    """The request breaks its schema, whatever is known about cards and people.

    `given` is the body as it was sent, where that is what breaks it; `more` counts errors that
    are not among `errors`.
    """

    def __init__(self, errors: Mapping[Any, Any], given: Any = None, more: int = 0) -> None:
        super().__init__("validation_error", errors=errors)
        self.given = given
        self.more = more

    def add(self, also: Invalid) -> None:
        """Name what else is wrong; a name that offends in two places has both reasons."""
        self.errors = merged(self.errors or {}, also.errors or {})
        self.given = also.given or self.given
        self.more += also.more


def invalid(field: str, message: str) -> Invalid:
    """One field of the request breaks the schema."""
    return Invalid({field: [message]})


def merged(errors: Mapping[Any, Any], more: Mapping[Any, Any]) -> dict[Any, Any]:
    """The reasons of both by name; what is nested by index stands for its name alone."""
    both = {**errors, **more}
    for name in errors.keys() & more.keys():
        if isinstance(errors[name], list) and isinstance(more[name], list):
            both[name] = list(dict.fromkeys([*errors[name], *more[name]]))
    return both


def problem_body(problem: Problem, request_id: str) -> dict[str, Any]:
    """The RFC 9457 object for a refusal."""
    refusal = REFUSALS[problem.code]
    body = {
        "type": f"/docs#{problem.code}",
        "title": refusal.title,
        "status": refusal.status,
        "detail": problem.detail or refusal.detail,
        "code": problem.code,
        **(problem.facts or {}),
        "request_id": request_id,
    }
    if refusal.status == 422:
        errors = problem.errors or {}
        more = max(count_errors(errors) - TOLD_ERRORS, 0)
        body["errors"] = _first_errors(errors, TOLD_ERRORS) if more else errors
        if isinstance(problem, Invalid):
            more += problem.more
        if more:
            body["more"] = more
    return body


def count_errors(errors: Any) -> int:
    """How many fields `errors` names, nested by location or index."""
    return sum(map(count_errors, errors.values())) if isinstance(errors, Mapping) else 1


def _first_errors(errors: Mapping[Any, Any], room: int) -> dict[Any, Any]:
    told: dict[Any, Any] = {}
    for name, reasons in errors.items():
        if room <= 0:
            break
        if isinstance(reasons, Mapping):
            reasons = _first_errors(reasons, room)
        told[name] = reasons
        room -= count_errors(reasons)
    return told


def problem_answer(problem: Problem, request_id: str) -> web.Response:
    """The answer for a refusal; a 503 says when to come back."""
    status = REFUSALS[problem.code].status
    answer = web.Response(
        status=status,
        body=_encode(problem_body(problem, request_id)),
        content_type=PROBLEM_JSON,
        headers=problem.headers,
    )
    if status == 503:
        answer.headers.setdefault("Retry-After", RETRY_AFTER_S)
    return answer


def _encode(body: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(body, option=orjson.OPT_NON_STR_KEYS)
    except orjson.JSONEncodeError:
        # The name of an unknown field may hold a lone surrogate, which UTF-8 cannot say.
        return json.dumps(body, ensure_ascii=False).encode(errors="replace")
