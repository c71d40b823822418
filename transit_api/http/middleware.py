"""The one layer around every handler: request id, errors as problems, metrics and the log line."""

from __future__ import annotations

import logging
import random
import re
import time
from typing import Final

from aiohttp import hdrs, web

from transit_api.database.batching import Overloaded
from transit_api.database.pools import DatabaseUnavailable
from transit_api.errors import Problem, problem_answer
from transit_api.http.connections import CONNECTIONS
from transit_api.http.cors import CORS
from transit_api.http.endpoint import Handler
from transit_api.http.outcomes import DECIDED
from transit_api.http.packing import pack
from transit_api.http.validation import BODY
from transit_api.observe.logs import REQUEST_LOG
from transit_api.observe.metrics import METRICS
from transit_api.process.draining import DRAINING
from transit_api.process.pace import PACE

log = logging.getLogger(__name__)

REQUEST_ID: Final = web.RequestKey("request_id", str)
HEADER: Final = "X-Request-ID"
UNMATCHED: Final = "unmatched"
# Health and metrics, beside it, are answered whatever happens.
V1: Final = "/api/v1/"

_REQUEST_ID = re.compile(r"[A-Za-z0-9_.-]{1,128}", re.ASCII)
_CODES: Final = {
    400: "bad_request",
    # A directory of static files: there is nothing to see.
    403: "not_found",
    404: "not_found",
    405: "method_not_allowed",
    413: "payload_too_large",
    415: "unsupported_media_type",
}


@web.middleware
async def answer_request(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every answer has its request id, every failure is a problem, everything is counted."""
    started = time.perf_counter()
    given = request.headers.get(HEADER)
    if given is None or not _REQUEST_ID.fullmatch(given):
        # Nobody has to be kept from guessing it, so it costs no system call.
        given = f"{random.getrandbits(96):024x}"
    request[REQUEST_ID] = given
    app = request.app
    code: str | None = None
    answer: web.StreamResponse
    try:
        crowded = app[PACE].is_lost or app[CONNECTIONS].is_full
        if crowded and request.raw_path.startswith(V1):
            raise Overloaded
        preflight = app[CORS].preflight(request) if app[CORS].is_on else None
        answer = preflight or await handler(request)
        if request.method in (hdrs.METH_GET, hdrs.METH_HEAD):
            answer = await pack(request, answer)
    except Exception as error:
        problem = _problem(error, request, given)
        answer, code = problem_answer(problem, given), problem.code
    answer.headers[HEADER] = given
    if app[CORS].is_on:
        app[CORS].mark(request, answer)
    if app[DRAINING].active:
        # The client comes back on another connection, which another worker takes.
        answer.headers[hdrs.CONNECTION] = "close"
        answer.force_close()
    method, route = _labels(request)
    seconds = time.perf_counter() - started
    app[METRICS].observe_request(method, route, answer.status, seconds, code)
    card_id, trip_id = _touched(request, answer)
    app[REQUEST_LOG].add(
        (time.time(), given, method, route, answer.status, seconds, code, card_id, trip_id)
    )
    return answer


def _touched(request: web.Request, answer: web.StreamResponse) -> tuple[int | None, int | None]:
    """The card and the trip of a request: what was decided knows best, then body and path."""
    decided = answer.get(DECIDED)
    if decided is not None:
        return decided.get("card_id"), decided.get("trip_id")
    body = request.get(BODY)
    if body is not None:
        return body.get("card_id"), body.get("trip_id")
    path = request.match_info
    if not path:
        return None, None
    return _identifier(path.get("card_id")), _identifier(path.get("trip_id"))


def _identifier(digits: str | None) -> int | None:
    # Longer ones are refused, and not worth a line in the log.
    return int(digits) if digits is not None and len(digits) <= 16 else None


def _problem(error: Exception, request: web.Request, request_id: str) -> Problem:
    """What to tell of a failure; a defect is logged, and told without its insides."""
    match error:
        case Problem():
            return error
        case Overloaded():
            return Problem("overloaded")
        case DatabaseUnavailable():
            return Problem("database_unavailable")
        case web.HTTPException() if error.status in _CODES:
            allow = error.headers.get(hdrs.ALLOW)
            return Problem(_CODES[error.status], headers={hdrs.ALLOW: allow} if allow else None)
    method, route = _labels(request)
    log.error(
        "defect while answering %s %s",
        method,
        route,
        exc_info=error,
        extra={"request_id": request_id},
    )
    return Problem("internal_error")


def _labels(request: web.Request) -> tuple[str, str]:
    """Method and route template; what a client made up is not a label."""
    resource = request.match_info.route.resource
    if resource is None:
        return "OTHER" if request.method not in hdrs.METH_ALL else request.method, UNMATCHED
    return request.method, resource.canonical
