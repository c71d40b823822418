"""What an endpoint takes and answers, said once: it validates with it and is documented by it."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

from transit_api.schemas.paging import NoQuery
from transit_api.schemas.strict import ResponseSchema, StrictSchema
from transit_api.validation import BODY, QUERY, read_body, read_no_body, read_query

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_ATTRIBUTE: Final = "__endpoint__"


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """The contract of one operation, a decorator of its handler; `answer` None: no JSON body."""

    summary: str
    tag: str
    answer: type[ResponseSchema] | None
    status: int = 200
    description: str = ""
    body: type[StrictSchema] | None = None
    bodiless_post: bool = False
    query: type[StrictSchema] = NoQuery
    refusals: tuple[str, ...] = ()
    # Other statuses that answer something else than a problem.
    also: Mapping[int, type[ResponseSchema]] = field(default_factory=dict)
    media_type: str = "application/json"
    keyed: bool = False
    cached: bool = False
    uses_database: bool = True

    def __call__(self, handler: Handler) -> Handler:
        """Decorate a handler; it finds what came in under request[BODY] and request[QUERY]."""
        body_schema = self.body() if self.body else None
        query_schema = self.query()
        no_query = query_schema.read({})

        @functools.wraps(handler)
        async def validated(request: web.Request) -> web.StreamResponse:
            # Parsing an absent query string costs more than the whole of this.
            has_query = "?" in request.raw_path
            request[QUERY] = read_query(request, query_schema) if has_query else no_query
            if body_schema is not None:
                request[BODY] = await read_body(request, body_schema)
            elif self.bodiless_post:
                await read_no_body(request)
            return await handler(request)

        setattr(validated, _ATTRIBUTE, self)
        return validated


def contract_of(handler: object) -> Endpoint | None:
    """The contract of a handler that was given one."""
    contract = getattr(handler, _ATTRIBUTE, None)
    return contract if isinstance(contract, Endpoint) else None
