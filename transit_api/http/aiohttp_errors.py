"""Below the application: what aiohttp answers by itself, in the words of the other errors."""

from __future__ import annotations

import logging
import re
import secrets
from typing import Final

from aiohttp import hdrs, web
from aiohttp.http_exceptions import BadStatusLine
from aiohttp.web_protocol import RequestHandler
from aiohttp.web_request import BaseRequest

from transit_api.errors import Problem, problem_answer

log = logging.getLogger(__name__)

# Of the whole service: a request that was never read has no path to ask for its own.
ALLOW: Final = "DELETE,GET,HEAD,PATCH,POST,PUT"

# aiohttp's parser knows a list of methods and stops at any other; it quotes the line it stopped in.
_STRANGE_METHOD = re.compile(
    r"(?:method encountered|space after method|method for HTTP/x\.x request):\s+"
    r"b['\"][!#$%&'*+.^_`|~0-9A-Za-z-]+ \S+ HTTP/1\.[01]['\"]\s"
)


def answer_rubbish_as_problems() -> None:
    """Let what is not HTTP, and never becomes a request, get a problem for an answer.

    aiohttp has no hook for this: its protocol answers plain text, logged as an error of ours.
    """
    RequestHandler.handle_error = _handle_error  # type: ignore[method-assign]


async def continue_when_asked(request: web.Request) -> None:
    """`Expect: 100-continue` is met; aiohttp refuses any other expectation, HTTP lets us not."""
    if request.headers.get(hdrs.EXPECT, "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        # The line above is no part of the answer that is to come.
        request.writer.output_size = 0


def _handle_error(
    self: RequestHandler,
    request: BaseRequest,
    status: int = 500,
    exc: BaseException | None = None,
    message: str | None = None,
) -> web.StreamResponse:
    request_id = secrets.token_hex(12)
    if status == 400:
        # Its bytes may be a key or the number of a card, so only their kind and length are told.
        kind, length = type(exc).__name__, len(str(exc))
        log.info(
            "rubbish from %s: %s of %d characters",
            *(request.remote, kind, length),
            extra={"request_id": request_id},
        )
    elif status == 408:
        log.info("half a head from %s", request.remote, extra={"request_id": request_id})
    else:
        log.error("defect below the handlers", exc_info=exc, extra={"request_id": request_id})
    if request.writer.output_size > 0:
        raise ConnectionError("the answer has begun, so no other can be given")
    answer = problem_answer(_problem(status, exc), request_id)
    answer.headers["X-Request-ID"] = request_id
    answer.force_close()
    return answer


def _problem(status: int, error: BaseException | None) -> Problem:
    if status == 408:
        return Problem("request_timeout")
    if status != 400:
        return Problem("internal_error")
    if isinstance(error, BadStatusLine) and _STRANGE_METHOD.search(error.message):
        return Problem("method_not_allowed", headers={hdrs.ALLOW: ALLOW})
    return Problem("bad_request")
