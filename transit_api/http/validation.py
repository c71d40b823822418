"""Reads what a client sent: path, query, headers and body, each strictly against its schema."""

from __future__ import annotations

import asyncio
import collections
import json
import math
import re
from typing import Any, Final

import orjson
from aiohttp import web
from marshmallow import ValidationError

from transit_api.errors import TOLD_ERRORS, Invalid, Problem, count_errors, invalid
from transit_api.http.large_bodies import LARGE_BODIES
from transit_api.schemas.fields import IDENTIFIER_LIMIT
from transit_api.schemas.strict import (
    BatchSchema,
    ManyErrors,
    StrictSchema,
    more_of,
    unknown_fields,
)
from transit_api.settings import SETTINGS

BODY: Final = web.RequestKey("body", dict[str, Any])
QUERY: Final = web.RequestKey("query", dict[str, Any])

BODY_TIMEOUT_S: Final = 20.0
# So long the pace of a body is not looked at.
BODY_GRACE_S: Final = 5.0
# 50 elements take about 0.2 ms when they are right and 2 ms when each has an error to word.
SLICE: Final = 50
# The largest good body has 2,002 lists and objects. A body of 1 MiB could open 350,000, which cost
# 0.1 s to make; each opening bracket is counted, also one in a text, because that is cheap.
MOST_CONTAINERS: Final = 20_000
# Python's own reader is slower than orjson: it gets a second look at bodies with fewer values.
MOST_VALUES_READ_AGAIN: Final = 20_000

_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_JSON_TYPE = re.compile(
    r"application/json\s*(;\s*charset\s*=\s*\"?utf-?8\"?\s*)?;?\s*", re.IGNORECASE
)


def path_id(request: web.Request, name: str) -> int:
    """An identifier of the path; routes let only digits pass."""
    digits = request.match_info[name]
    number = int(digits) if len(digits) <= 16 else 0
    if not 0 < number < IDENTIFIER_LIMIT:
        raise invalid(name, "Must be a positive integer below 2^53.")
    return number


def idempotency_key(request: web.Request) -> str | None:
    """The `Idempotency-Key` header: 1 to 255 visible ASCII characters, or None without one."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not _KEY.fullmatch(key) or len(request.headers.getall("Idempotency-Key")) > 1:
        raise invalid("Idempotency-Key", "Must be one value of 1 to 255 visible ASCII characters.")
    return key


def read_query(request: web.Request, schema: StrictSchema) -> dict[str, Any]:
    """The query parameters; each at most once."""
    query = request.query
    values = dict(query)
    twice = {}
    if len(values) != len(query):
        given = collections.Counter(name for name, _ in query.items())
        twice = {name: ["Must be given once."] for name, times in given.items() if times > 1}
    try:
        read = schema.read(values)
    except ValidationError as error:
        refused = Invalid(twice)
        refused.add(_invalid(error))
        raise refused from None
    if twice:
        raise Invalid(twice)
    return read


async def read_body(request: web.Request, schema: StrictSchema) -> dict[str, Any]:
    """The JSON body; elements of a batch are read in slices so that others are served between."""
    if not _JSON_TYPE.fullmatch(request.headers.get("Content-Type", "")):
        raise Problem("unsupported_media_type")
    raw = await _receive(request)
    async with request.app[LARGE_BODIES].turn(len(raw)):
        data = _parse(raw)
        try:
            if isinstance(schema, BatchSchema):
                return await _read_batch(schema, data)
            return schema.read(data)
        except ValidationError as error:
            raise _invalid(error) from None


async def read_no_body(request: web.Request) -> None:
    """A POST without request fields: nothing, or `{}`."""
    if not request.can_read_body:
        return
    raw = await _receive(request)
    if not raw:
        return
    content_type = request.headers.get("Content-Type")
    if content_type is not None and not _JSON_TYPE.fullmatch(content_type):
        raise Problem("unsupported_media_type")
    async with request.app[LARGE_BODIES].turn(len(raw)):
        data = _parse(raw)
        if not isinstance(data, dict):
            raise invalid("_schema", "Must be an empty object.")
        if data:
            raise _invalid(unknown_fields(data))


async def _read_batch(schema: BatchSchema, data: Any) -> dict[str, Any]:
    elements, around, more = schema.envelope(data)
    element, name = schema.element, schema.list_name
    read: list[dict[str, Any]] = []
    errors: dict[int, Any] = {}
    told = count_errors(around)
    for position, value in enumerate(elements):
        if position % SLICE == SLICE - 1:
            await asyncio.sleep(0)
        if told >= TOLD_ERRORS:
            # To word an error costs ten times what it costs to see one.
            more += element.count_errors(value)
            continue
        try:
            read.append(element.read(value))
        except ValidationError as error:
            aside = element.set_aside(value, error)
            if aside is not None:
                read.append(aside)
                continue
            errors[position] = error.messages
            told += count_errors(error.messages)
            more += more_of(error)
    if errors:
        around[name] = errors
    if around:
        raise ManyErrors(around, more)
    return {name: read}


def _invalid(error: ValidationError) -> Invalid:
    return Invalid(error.messages_dict, error.data, more_of(error))


async def _receive(request: web.Request) -> bytes:
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Problem("unsupported_media_type", "Send the body as it is, not packed.")
    if (request.content_length or 0) > request.client_max_size:
        raise Problem("payload_too_large")
    try:
        if request.content.is_eof():
            return await request.read()
        return await _receive_at_pace(request, request.app[SETTINGS].body_pace_bytes)
    except TimeoutError:
        raise Problem("request_timeout", headers={"Connection": "close"}) from None
    except (web.RequestPayloadError, ConnectionError) as error:
        raise Problem("bad_request", headers={"Connection": "close"}) from error


async def _receive_at_pace(request: web.Request, bytes_per_s: int) -> bytes:
    """The body, if it arrives in time and never slower than a trickle; else TimeoutError."""
    began = asyncio.get_running_loop().time()
    body = bytearray()
    async with asyncio.timeout(BODY_GRACE_S) as limit:
        while piece := await request.content.readany():
            body += piece
            if len(body) > request.client_max_size:
                raise Problem("payload_too_large")
            in_time = min(BODY_GRACE_S + len(body) / bytes_per_s, BODY_TIMEOUT_S)
            limit.reschedule(began + in_time)
    return bytes(body)


def _parse(raw: bytes) -> Any:
    if raw.count(b"[") + raw.count(b"{") > MOST_CONTAINERS:
        raise Problem(
            "malformed_json", f"A body may open {MOST_CONTAINERS} lists and objects, not more."
        )
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        reason = f"The body is not a JSON document: {error}."
    if raw.count(b",") + raw.count(b":") > MOST_VALUES_READ_AGAIN:
        raise Problem("malformed_json", reason)
    try:
        # A lone surrogate and a huge number are JSON that orjson does not read; they get as far
        # as the schema, which words the refusal.
        return json.loads(raw.decode(), parse_int=_integer, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise Problem("malformed_json", reason) from None


def _integer(digits: str) -> int | float:
    # Python reads no integer of more than 4,300 digits, and takes long for hundreds; no field
    # takes one of more than 16.
    return int(digits) if len(digits) < 20 else math.inf


def _refuse_constant(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
