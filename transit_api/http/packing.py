"""Large answers leave packed with gzip where the client takes it."""

from __future__ import annotations

import asyncio
import gzip
import re
from typing import Final

from aiohttp import hdrs, web

from transit_api.http.answers import Answer

# Below it a packet is a packet, and packing saves nothing.
LARGE_BYTES: Final = 1_024
# Longer ones are packed in a thread, which the event loop need not wait for.
SLOW_BYTES: Final = 32_768
# Half the size for a tenth of the time of the best level.
LEVEL: Final = 1

_NOT_TAKEN: Final = re.compile(r"\s*q\s*=\s*0(\.0{0,3})?\s*", re.IGNORECASE)


async def pack(request: web.Request, answer: web.StreamResponse) -> web.StreamResponse:
    """The answer to a GET or HEAD, packed where it is large and the client takes gzip.

    What is cached is small and asked for most: packing each copy would cost more than the cache
    saves. What a POST answers is not packed either: an upload of taps has no time to lose.
    """
    if not isinstance(answer, web.Response) or answer.status != 200 or "X-Cache" in answer.headers:
        return answer
    body = answer.body
    if not isinstance(body, bytes) or len(body) < LARGE_BYTES:
        return answer
    answer.headers.add(hdrs.VARY, hdrs.ACCEPT_ENCODING)
    if not takes_gzip(request.headers.get(hdrs.ACCEPT_ENCODING, "")):
        return answer
    if len(body) < SLOW_BYTES:
        packed = gzip.compress(body, LEVEL, mtime=0)
    else:
        packed = await asyncio.to_thread(gzip.compress, body, LEVEL, mtime=0)
    return Answer(packed, 200, {**answer.headers, hdrs.CONTENT_ENCODING: "gzip"})


def takes_gzip(accepted: str) -> bool:
    """Whether an Accept-Encoding header lets gzip through."""
    named = {}
    for part in accepted.lower().split(","):
        name, _, weight = part.partition(";")
        named[name.strip()] = not _NOT_TAKEN.fullmatch(weight)
    return named.get("gzip", named.get("*", False))
