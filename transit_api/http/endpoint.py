"""What an endpoint takes and answers, said once: it validates with it and is documented by it."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web

from transit_api.errors import Invalid
from transit_api.http.validation import (
    BODY,
    QUERY,
    idempotency_key,
    path_id,
    read_body,
    read_no_body,
    read_query,
)
from transit_api.schemas.paging import NoQuery
from transit_api.schemas.strict import ResponseSchema, StrictSchema

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
    # A field of the body that is the key instead of the header.
    own_key: str | None = None
    cached: bool = False
    uses_database: bool = True

    def __call__(self, handler: Handler) -> Handler:
        """Decorate a handler; it finds what came in under request[BODY] and request[QUERY]."""
        body_schema = self.body() if self.body else None
        query_schema = self.query()
        no_query = query_schema.read({})

        @functools.wraps(handler)
        async def validated(request: web.Request) -> web.StreamResponse:
            try:
                # Parsing an absent query string costs more than the whole of this.
                has_query = "?" in request.raw_path
                request[QUERY] = read_query(request, query_schema) if has_query else no_query
                if body_schema is not None:
                    request[BODY] = await read_body(request, body_schema)
                elif self.bodiless_post:
                    await read_no_body(request)
                return await handler(request)
            except Invalid as refused:
                if QUERY not in request:
                    await self._add_body(refused, request, body_schema)
                self._add_path_and_key(refused, request)
                raise

        setattr(validated, _ATTRIBUTE, self)
        return validated

    async def _add_body(
        self, refused: Invalid, request: web.Request, schema: StrictSchema | None
    ) -> None:
        """What is wrong with the body too; one that cannot be read at all is the answer instead."""
        try:
            if schema is not None:
                request[BODY] = await read_body(request, schema)
            elif self.bodiless_post:
                await read_no_body(request)
        except Invalid as more:
            refused.add(more)

    def _add_path_and_key(self, refused: Invalid, request: web.Request) -> None:
        checks: list[Callable[[web.Request], object]] = [
            functools.partial(path_id, name=name) for name in request.match_info
        ]
        if self.keyed and not self._has_own_key(request.get(BODY) or refused.given):
            checks.append(idempotency_key)
        for check in checks:
            try:
                check(request)
            except Invalid as more:
                refused.add(more)

    def _has_own_key(self, body: Any) -> bool:
        return isinstance(body, dict) and body.get(self.own_key) is not None


def contract_of(handler: object) -> Endpoint | None:
    """The contract of a handler that was given one."""
    contract = getattr(handler, _ATTRIBUTE, None)
    return contract if isinstance(contract, Endpoint) else None
