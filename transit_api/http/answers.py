"""How answers are spelt: JSON with UTC times, six digits of microseconds and integer pesos.

And how they leave: `Answer` writes the head of an ordinary one in one piece.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, Final

import orjson
from aiohttp import HttpVersion11, hdrs, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.helpers import rfc822_formatted_time
from aiohttp.http import SERVER_SOFTWARE
from aiohttp.web_request import BaseRequest

JSON: Final = "application/json"


class Answer(web.Response):
    """An answer with a body, whose headers are all our own (one with a line break is never sent).

    On a kept HTTP/1.1 connection its head is known but for the date, and written at once: on
    aiohttp's way a tenth of a cached read goes into a multidict. Every other request goes that way.
    """

    _length = 0

    def __init__(self, body: bytes, status: int, headers: Mapping[str, str]) -> None:
        # Past web.Response, which looks for what else a body could be.
        web.StreamResponse.__init__(self, status=status, headers=headers)
        self._body = body
        self._length = len(body)

    async def prepare(self, request: BaseRequest) -> AbstractStreamWriter | None:
        """Take the short way where nothing of this answer depends on the request."""
        if (
            self.prepared
            or self._keep_alive is False
            or not request.keep_alive
            or request.version != HttpVersion11
            or request.method == hdrs.METH_HEAD
        ):
            return await super().prepare(request)
        fields = "".join([f"{name}: {value}\r\n" for name, value in self._headers.items()])
        lines = len(self._headers)
        if fields.count("\r") != lines or fields.count("\n") != lines:
            # aiohttp refuses such a head: the connection ends, and nothing of it is sent.
            return await super().prepare(request)
        self._req = request
        self._keep_alive = True
        writer = self._payload_writer = request._payload_writer
        # Sent by write_eof together with the body.
        writer._headers_buf = (  # type: ignore[attr-defined]
            f"HTTP/1.1 {self._status} {self._reason}\r\n{fields}"
            f"Content-Length: {self._length}\r\n"
            f"Date: {rfc822_formatted_time()}\r\nServer: {SERVER_SOFTWARE}\r\n\r\n"
        ).encode()
        return writer


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
    fields = {"Content-Type": JSON, **(headers or {})}
    return Answer(encode(payload), status, fields)


def _spell(value: Any) -> str:
    if isinstance(value, datetime):
        return instant(value)
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"no JSON for {type(value).__name__}")
