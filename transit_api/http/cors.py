"""Pages of other origins: which ones a browser lets read our answers (CORS)."""

from __future__ import annotations

from typing import Final

from aiohttp import hdrs, web

from transit_api.settings import Settings

ANY: Final = "*"
# What a page may send and read besides what browsers allow by themselves.
REQUEST_HEADERS: Final = "Content-Type, Idempotency-Key, If-None-Match, X-Request-ID"
ANSWER_HEADERS: Final = "Age, Allow, ETag, Idempotent-Replayed, Retry-After, X-Cache, X-Request-ID"
# So long a browser asks no second time what it may send; none keeps it longer than 2 hours.
MAX_AGE_S: Final = 7_200


class Cors:
    """The origins that TRANSIT_CORS_ORIGINS names; without any, answers say nothing of CORS."""

    def __init__(self, settings: Settings) -> None:
        self._origins = frozenset(settings.cors_origins.split())
        self.is_on = bool(self._origins)

    def preflight(self, request: web.Request) -> web.Response | None:
        """What a browser asks before it sends; None: it is no such question, or not our page's."""
        asked = (
            request.method == hdrs.METH_OPTIONS
            and hdrs.ACCESS_CONTROL_REQUEST_METHOD in request.headers
            and self._named(request) is not None
        )
        refused = request.match_info.http_exception
        if not asked or not isinstance(refused, web.HTTPMethodNotAllowed):
            return None
        return web.Response(
            status=204,
            headers={
                hdrs.ACCESS_CONTROL_ALLOW_METHODS: ", ".join(sorted(refused.allowed_methods)),
                hdrs.ACCESS_CONTROL_ALLOW_HEADERS: REQUEST_HEADERS,
                hdrs.ACCESS_CONTROL_MAX_AGE: str(MAX_AGE_S),
            },
        )

    def mark(self, request: web.Request, answer: web.StreamResponse) -> None:
        """Let the page that asked read the answer, a refusal too."""
        if ANY not in self._origins:
            answer.headers.add(hdrs.VARY, hdrs.ORIGIN)
        named = self._named(request)
        if named is not None:
            answer.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = named
            answer.headers[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = ANSWER_HEADERS

    def _named(self, request: web.Request) -> str | None:
        if ANY in self._origins:
            return ANY
        origin = request.headers.get(hdrs.ORIGIN)
        return origin if origin in self._origins else None


CORS: Final = web.AppKey("CORS", Cors)
