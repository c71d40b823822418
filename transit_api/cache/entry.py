"""Finished answers of cached reads, as a process keeps them and as they are stored in Redis."""

import dataclasses
import hashlib
import math
import re
import time
import zlib
from typing import Any, Final

from transit_api.http.answers import encode

# Part of every key and value: another release's copies are misses. Raise it when a body changes.
SCHEMA: Final = 2
MAGIC: Final = b"transit/%d" % SCHEMA
LARGEST_BODY: Final = 1_048_576
# The line before the body holds moments, a tag and the name of the key: a few hundred bytes.
LARGEST_VALUE: Final = LARGEST_BODY + 4_096
# Weak, opaque and of our own making: narrower than what RFC 9110 lets a tag be.
ETAG: Final = re.compile(rb'W/"[0-9a-f]{24}"')


@dataclasses.dataclass(slots=True)
class Copy:
    """A finished answer; its three moments are on this process's monotonic clock."""

    body: bytes
    etag: str
    loaded: float
    fresh_until: float
    stale_until: float
    pause_until: float = 0.0

    @classmethod
    def make(
        cls, body: dict[str, Any], *, loaded: float, fresh_for_s: float, stale_for_s: float
    ) -> "Copy":
        """The answer of a load that began at `loaded`; its tag is over all but `as_of`."""
        tagged = {name: value for name, value in body.items() if name != "as_of"}
        digest = hashlib.blake2b(encode(tagged), digest_size=12).hexdigest()
        return cls(
            encode(body), f'W/"{digest}"', loaded, loaded + fresh_for_s, loaded + stale_for_s
        )

    def pack(self, name: str) -> bytes:
        """The value for Redis under the key `name`: a line that says what it is, then the body."""
        shift = time.time() - time.monotonic()
        moments = (self.loaded, self.fresh_until, self.stale_until)
        head = " ".join([*(f"{moment + shift:.6f}" for moment in moments), self.etag, name]) + "\n"
        content = head.encode() + self.body
        return b"%s %08x " % (MAGIC, zlib.crc32(content)) + content


def unpack(value: bytes, name: str, *, ttl_s: float, stale_s: float) -> Copy | None:
    """The copy in the value that Redis has under the key `name`; None if it cannot be served.

    Redis is shared and its values are claims: the checksum finds damage, not malice. So a value of
    another key, from the future or past all its uses is none, its moments can only shorten what
    `ttl_s` and `stale_s` allow from its load on, and its tag may go into a header as it is.
    """
    try:
        magic, checksum, content = value.split(b" ", 2)
        if magic != MAGIC or int(checksum, 16) != zlib.crc32(content):
            return None
        head, _, body = content.partition(b"\n")
        *moments, etag, named = head.split(b" ", 4)
        shift = time.monotonic() - time.time()
        loaded, fresh_until, stale_until = (float(moment) + shift for moment in moments)
    except ValueError:
        return None
    if not (named == name.encode() and ETAG.fullmatch(etag) and _is_object(body)):
        return None
    if not all(map(math.isfinite, (loaded, fresh_until, stale_until))):
        return None
    now = time.monotonic()
    fresh_until = min(fresh_until, loaded + ttl_s)
    stale_until = min(stale_until, loaded + stale_s)
    if loaded > now or max(fresh_until, stale_until) < now:
        return None
    return Copy(body, etag.decode("ascii"), loaded, fresh_until, stale_until)


def _is_object(body: bytes) -> bool:
    """Whether it could be one of our bodies; decoding it would cost what a copy saves."""
    return len(body) <= LARGEST_BODY and body.startswith(b"{") and body.endswith(b"}")
