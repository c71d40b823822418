"""The document of the service: aiohttp-apispec collects it from the routes and their contracts."""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import aiohttp_apispec  # type: ignore[import-untyped]
from aiohttp import hdrs, web

from transit_api.errors import PROBLEM_JSON, REFUSALS, Problem, problem_body
from transit_api.http.endpoint import Endpoint, contract_of
from transit_api.http.openapi3 import Json, to_openapi3
from transit_api.schemas.fields import IDENTIFIER_LIMIT
from transit_api.schemas.problems import InvalidResponse, ProblemResponse

TITLE: Final = "Transit fare-card back office"
SWAGGER_UI: Final = Path(aiohttp_apispec.__file__).parent / "static"
EXAMPLE_ID: Final = "b1946ac92492d2347c6235b4"

# What the operations of each tag have in common.
TAGS: Final = {
    "Users": "The people whom personalised cards belong to.",
    "Cards": "Issuing, blocking and replacing cards; what they hold; what validators must refuse.",
    "Recharges": "Money that is loaded onto cards.",
    "Monthly pass": "A bundle of trips, paid from the balance of a personalised card.",
    "Trips": "Taps that start trips, ends of trips, and why a trip costs what it costs.",
    "Stations": "Where to board, what arrives there and what riders must know.",
    "Routes": "The services and where they stop.",
    "Alerts": "News for riders, in the words of GTFS-Realtime.",
    "Vehicles": "Where the buses and cabins are.",
    "Analytics": "Totals for planners; cached.",
    "Operations": "Health, metrics and this document.",
}

_OF_EVERY_OPERATION: Final = ("validation_error", "internal_error")
_OF_A_BODY: Final = (
    "malformed_json",
    "bad_request",
    "request_timeout",
    "payload_too_large",
    "unsupported_media_type",
)
_OF_THE_DATABASE: Final = ("database_unavailable", "overloaded")

_ID_HEADER: Final = {"type": "string", "description": "The request's own id, or one made for it."}
_REPLAYED_HEADER: Final = {
    "type": "string",
    "enum": ["true"],
    "description": "Present when this was decided before and is answered again.",
}
_RETRY_HEADER: Final = {"type": "integer", "description": "Seconds."}
_CACHE_HEADERS: Final = {
    "X-Cache": {
        "type": "string",
        "enum": ["HIT", "MISS", "STALE", "BYPASS"],
        "description": "STALE and BYPASS: the database or the cache is in trouble.",
    },
    "Age": {"type": "integer", "description": "Seconds since the data was read."},
    "Cache-Control": {"type": "string", "description": "`max-age` is what is left."},
    "ETag": {"type": "string", "description": "Weak; over the whole body except `as_of`."},
}


def describe(routes: Iterable[web.AbstractRouteDef]) -> Json:
    """The OpenAPI 3 document of every operation of `routes` that has a contract."""
    operations = list(_operations(routes))
    with warnings.catch_warnings():
        # aiohttp-apispec keeps its state under string keys.
        warnings.simplefilter("ignore", web.NotAppKeyWarning)
        spec = aiohttp_apispec.setup_aiohttp_apispec(
            _shadow(operations),
            title=TITLE,
            version=version("transit-api"),
            url=None,
            in_place=True,
            schema_name_resolver=_name_of,
            info={"description": _introduction(), "license": {"name": "MIT"}},
            tags=[
                {"name": tag, "description": TAGS[tag]}
                for tag in dict.fromkeys(c.tag for _, _, _, c in operations)
            ],
        )
    swagger: Json = spec.swagger_dict()
    for key, name in spec.plugin.converter.refs.items():
        if key[0].example:
            swagger["definitions"][name]["example"] = key[0].example
    problems = {schema.__name__: PROBLEM_JSON for schema in (ProblemResponse, InvalidResponse)}
    return to_openapi3(swagger, problems)


def _operations(
    routes: Iterable[web.AbstractRouteDef],
) -> Iterator[tuple[str, str, str, Endpoint]]:
    """Method, path, handler name and contract; what HEAD answers follows from GET."""
    app = web.Application()
    app.add_routes(route for route in routes if isinstance(route, web.RouteDef))
    for route in app.router.routes():
        contract = contract_of(route.handler)
        if contract is not None and route.resource is not None and route.method != hdrs.METH_HEAD:
            yield route.method, route.resource.canonical, route.handler.__name__, contract


def _shadow(operations: list[tuple[str, str, str, Endpoint]]) -> web.Application:
    """The same surface with handlers that aiohttp-apispec may write on, and uses up."""
    shadow = web.Application()
    for method, path, name, contract in operations:

        async def stand_in(request: web.Request) -> web.Response:
            raise web.HTTPNotFound

        documented: Any = aiohttp_apispec.docs(**_documentation(name, path, contract))(stand_in)
        documented = aiohttp_apispec.querystring_schema(contract.query)(documented)
        if contract.body is not None:
            documented = aiohttp_apispec.json_schema(contract.body, required=True)(documented)
        shadow.router.add_route(method, path, documented)
    return shadow


def _documentation(name: str, path: str, contract: Endpoint) -> Json:
    refusals = _refusals(contract)
    examples: Json = {
        str(status): {code: {"value": _problem_example(code)} for code in codes}
        for status, codes in refusals.items()
    }
    if contract.body is not None:
        examples["request"] = {"example": {"value": contract.body.example}}
    for status, answer in {contract.status: contract.answer, **contract.also}.items():
        if answer is not None and answer.example:
            examples.setdefault(str(status), {})["example"] = {"value": answer.example}
    return {
        "operationId": name,
        "summary": contract.summary,
        "description": contract.description,
        "tags": [contract.tag],
        "produces": [contract.media_type],
        "parameters": list(_parameters(path, contract)),
        "responses": _responses(contract, refusals),
        "x-examples": examples,
    }


def _parameters(path: str, contract: Endpoint) -> Iterator[Json]:
    for segment in path.split("/"):
        if segment.startswith("{"):
            limits = {"type": "integer", "minimum": 1, "maximum": IDENTIFIER_LIMIT - 1}
            yield {"in": "path", "name": segment.strip("{}"), "required": True, **limits}
    header: Json = {"in": "header", "required": False, "type": "string"}
    yield {
        **header,
        "name": "X-Request-ID",
        "description": "1 to 128 letters, digits, `-`, `_`, `.`: answered and logged. "
        "A malformed one is passed over and another is made.",
    }
    if contract.keyed:
        yield {
            **header,
            "name": "Idempotency-Key",
            "minLength": 1,
            "maxLength": 255,
            "pattern": "^[\\x21-\\x7e]+$",
            "description": "Scoped to the card: the same key and request get the same answer, for "
            "at least 8 days.",
        }
    if contract.cached:
        description = "An `ETag` that is known; 304 while it still holds."
        yield {**header, "name": "If-None-Match", "description": description}


def _responses(contract: Endpoint, refusals: dict[int, list[str]]) -> Json:
    replayed = {"Idempotent-Replayed": _REPLAYED_HEADER} if contract.keyed else {}
    cache = _CACHE_HEADERS if contract.cached else {}
    responses: Json = {}
    for status, answer in {contract.status: contract.answer, **contract.also}.items():
        responses[str(status)] = {
            "description": (answer.__doc__ or "") if answer else "Done.",
            "headers": {"X-Request-ID": _ID_HEADER, **replayed, **cache},
            **({"schema": answer()} if answer else {}),
        }
    if contract.cached:
        responses["304"] = {
            "description": "What the client has is still so.",
            "headers": {"X-Request-ID": _ID_HEADER, **cache},
        }
    for status, codes in refusals.items():
        retry = {"Retry-After": _RETRY_HEADER} if status == 503 else {}
        responses[str(status)] = {
            "description": " or ".join(f"`{code}`" for code in codes),
            "headers": {"X-Request-ID": _ID_HEADER, **replayed, **retry},
            "schema": InvalidResponse() if status == 422 else ProblemResponse(),
        }
    return responses


def _refusals(contract: Endpoint) -> dict[int, list[str]]:
    """Every code that the operation can answer, by status."""
    codes = [*contract.refusals, *_OF_EVERY_OPERATION]
    if contract.body is not None or contract.bodiless_post:
        codes += _OF_A_BODY
    if contract.uses_database:
        codes += _OF_THE_DATABASE
    by_status: dict[int, list[str]] = defaultdict(list)
    for code in codes:
        by_status[REFUSALS[code].status].append(code)
    return dict(sorted(by_status.items()))


def _problem_example(code: str) -> Json:
    errors = {"card_id": ["Must be an integer."]} if code == "validation_error" else None
    return problem_body(Problem(code, facts=REFUSALS[code].facts, errors=errors), EXAMPLE_ID)


def _name_of(schema: Any) -> str:
    name: str = (schema if isinstance(schema, type) else type(schema)).__name__
    return name


def _introduction() -> str:
    """What holds for all operations, with the table of error codes."""
    rows = "\n".join(
        f"| `{code}` | {refusal.status} | {refusal.detail} |" for code, refusal in REFUSALS.items()
    )
    return (
        "Money is an integer number of Colombian pesos. Times are RFC 3339 with an offset on the "
        "way in, UTC on the way out; a service day is a day in America/Bogota. Unknown fields and "
        "query parameters are refused. A POST that moves money takes `Idempotency-Key`: sent "
        "again, it is answered again. Lists are pages: hand `next_cursor` back as `cursor`. "
        "Errors are `application/problem+json`; every operation with GET answers HEAD too.\n\n"
        "**Answers that are not ours.** Every answer of this service carries `X-Request-ID`, and a "
        "body is `application/json` or `application/problem+json` where an operation says no other "
        "type. A 502, a 504, a page of HTML or a redirect comes from a balancer or a proxy on the "
        "way and says nothing about the request: it may have been carried out. A client believes "
        "no such answer, whatever its status. It asks a request that moves money again with the "
        "same `Idempotency-Key` and the same body, after a pause that grows, until an answer of "
        "this service comes; the same goes for no answer at all and for a 503, after its "
        "`Retry-After`. A request that moves money without a key cannot be asked again safely.\n\n"
        f"| code | status | meaning |\n|---|---|---|\n{rows}\n"
    )
