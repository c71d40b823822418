"""How answers are spelt: JSON with UTC times, six digits of microseconds and integer pesos."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import orjson
from aiohttp import web


def encode(payload: object) -> bytes:
    """JSON bytes; times become `2026-11-20T11:42:07.123456Z`, dates `2026-11-20`."""
    return orjson.dumps(payload, default=_spell, option=orjson.OPT_PASSTHROUGH_DATETIME)


def instant(moment: datetime) -> str:
    """The spelling of one moment: UTC, always six digits of microseconds."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")[:26] + "Z"


def json_answer(
    payload: object, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """A JSON answer of any payload that `encode` understands."""
    return web.Response(
        status=status,
        body=encode(payload),
        headers=headers,
        content_type="application/json",
    )


def _spell(value: Any) -> str:
    if isinstance(value, datetime):
        return instant(value)
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"no JSON for {type(value).__name__}")
