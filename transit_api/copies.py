"""Finished answers of cached reads, as a process keeps them and as they are stored in Redis."""

import dataclasses
import hashlib
import time
import zlib
from typing import Any, Final

from transit_api.wire import encode

# Part of every key and value: another release's copies are misses. Raise it when a body changes.
SCHEMA: Final = 1
MAGIC: Final = b"transit/%d" % SCHEMA


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

    def pack(self) -> bytes:
        """The value for Redis: a line that says what it is, then the body as it goes out."""
        shift = time.time() - time.monotonic()
        moments = (self.loaded, self.fresh_until, self.stale_until)
        head = " ".join([*(f"{moment + shift:.6f}" for moment in moments), self.etag]) + "\n"
        content = head.encode() + self.body
        return b"%s %08x " % (MAGIC, zlib.crc32(content)) + content


def unpack(value: bytes) -> Copy | None:
    """The copy in a value from Redis; None if it is not ours, cut short or from the future."""
    try:
        magic, checksum, content = value.split(b" ", 2)
        if magic != MAGIC or int(checksum, 16) != zlib.crc32(content):
            return None
        head, _, body = content.partition(b"\n")
        *moments, etag = head.split(b" ")
        shift = time.monotonic() - time.time()
        loaded, fresh_until, stale_until = (float(moment) + shift for moment in moments)
        if loaded > time.monotonic():
            return None
        return Copy(body, etag.decode("ascii"), loaded, fresh_until, stale_until)
    except ValueError:
        return None
