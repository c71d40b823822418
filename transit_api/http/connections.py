"""The connections of one worker: how many, how long each may stay silent, and who goes first.

Strangers open connections for nothing and send a request byte by byte. aiohttp bounds only the
time between two requests, so this bounds the time of a head and the number of connections.
"""

import asyncio
import contextlib
import errno
import heapq
import logging
import os
import resource
import socket
import time
from collections.abc import Iterator
from typing import Any, Final

from aiohttp import web
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader
from aiohttp.web_protocol import _ErrInfo

from transit_api.settings import Settings

log = logging.getLogger(__name__)

# Connections that wait for accept(); the kernel cuts it to net.core.somaxconn.
BACKLOG: Final = 1024
KEEP_ALIVE_S: Final = 75.0
LOOK_EVERY_S: Final = 0.5
# Above the limit so many newcomers are still heard: health is answered, the rest is refused.
HEARD_ABOVE_LIMIT: Final = 64
# Looking for the longest idle ones costs milliseconds, so several go at once: this share.
SHARE_TO_GO: Final = 64
# Of files, for the database, the cache, metrics and logs; the others may be clients.
FILES_OF_OUR_OWN: Final = 128
# More than any worker can use; a limit without an end makes some programs walk through it.
MOST_FILES: Final = 65_536
SAY_AGAIN_AFTER_S: Final = 60.0
_NO_FILE_LEFT: Final = (errno.EMFILE, errno.ENFILE)
_END_OF_HEAD: Final = b"\r\n\r\n"


class Connection(web.RequestHandler):
    """aiohttp's protocol, which also says when a head began and how often it came and went."""

    __slots__ = ("_arriving", "_guard", "head_began_at")

    def __init__(self, guard: "Connections", server: web.Server, **options: Any) -> None:
        super().__init__(server, loop=asyncio.get_running_loop(), **options)
        self._guard = guard
        # The body that is still to come, if one is.
        self._arriving: StreamReader = EMPTY_PAYLOAD
        self.head_began_at: float | None = None

    @property
    def is_idle(self) -> bool:
        """Whether it waits for a complete head."""
        return self._waiter is not None and not self._messages

    @property
    def has_asked(self) -> bool:
        """Whether it ever sent a complete head."""
        return self._request_count > 0

    @property
    def idle_since(self) -> float:
        """When it was opened, or its last answer went out, on the loop's clock."""
        return self._next_keepalive_close_time - self._keepalive_timeout

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._guard.add(self)

    def connection_lost(self, exc: BaseException | None) -> None:
        self._guard.forget(self)
        self._arriving = EMPTY_PAYLOAD
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        asked, body = self._request_count, self._arriving
        awaited, length = not body.is_eof(), -body.total_bytes
        super().data_received(data)
        if self._request_count > asked:
            body = self._messages[-1][1]
            awaited, length = True, data.find(_END_OF_HEAD) + len(_END_OF_HEAD)
        is_whole = body.is_eof()
        self._arriving = EMPTY_PAYLOAD if is_whole else body
        # Without data aiohttp reads on in what was counted when it came.
        if not data:
            return
        if awaited and (not is_whole or _is_all(data, length + body.total_bytes)):
            self.head_began_at = None
        elif awaited or self.head_began_at is None:
            self.head_began_at = self._loop.time()

    def give_up(self) -> None:
        """Let the head that does not come get an answer, after which aiohttp closes."""
        assert self._waiter is not None
        error = _ErrInfo(status=408, exc=TimeoutError(), message="")
        self._messages.append((error, EMPTY_PAYLOAD))
        if not self._waiter.done():
            self._waiter.set_result(None)


def _is_all(data: bytes, length: int) -> bool:
    """Whether nothing follows a request that ended in `data`, of which it takes `length` bytes.

    Known for one request at a time, and wherever none has a body of a length told before. What is
    not known counts as the beginning of a head: at worst a kept connection ends earlier.
    """
    return length == len(data) or data.endswith(_END_OF_HEAD) or _END_OF_HEAD.endswith(data)


class Connections:
    """Every open connection of a worker, and the sockets that bring new ones."""

    def __init__(self, settings: Settings) -> None:
        self._head_s = settings.head_seconds
        self._limit = min(settings.connection_limit, _files() - FILES_OF_OUR_OWN)
        self._open: dict[Connection, None] = {}
        self._listeners: dict[socket.socket, asyncio.Server] = {}
        self._said_at = -SAY_AGAIN_AFTER_S

    @property
    def is_full(self) -> bool:
        """Whether more are open than there should be, none of them idle."""
        return len(self._open) > self._limit

    async def listen(self, server: web.Server, sockets: list[socket.socket]) -> None:
        """Take connections for `server`."""
        for one in sockets:
            # The loop closes its socket when accept() fails; ours remains.
            self._listeners[one] = await asyncio.get_running_loop().create_server(
                lambda: Connection(self, server, **server._kwargs), sock=one.dup(), backlog=BACKLOG
            )

    def stop_listening(self) -> None:
        """Take no more connections."""
        for taker in self._listeners.values():
            taker.close()
        self._listeners.clear()

    def add(self, one: Connection) -> None:
        """A new connection; above the limit others go for it."""
        self._open[one] = None
        if len(self._open) <= self._limit:
            return
        # Of those that never asked for anything and of the others, the longest idle ones.
        idle = (other for other in self._open if other.is_idle and other is not one)
        for other in heapq.nsmallest(
            1 + self._limit // SHARE_TO_GO, idle, key=lambda c: (c.has_asked, c.idle_since)
        ):
            self._close(other)
        if len(self._open) > self._limit + HEARD_ABOVE_LIMIT:
            self._close(one)
        self._say("more than %d connections: the longest idle ones are closed", self._limit)

    def forget(self, one: Connection) -> None:
        """It is gone."""
        self._open.pop(one, None)

    async def watch(self, server: web.Server) -> None:
        """Close what is silent for too long, and listen again, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            for one in list(self._overdue(asyncio.get_running_loop().time())):
                # Who said nothing waits for nothing: browsers open connections for later.
                if one.head_began_at is None:
                    self._close(one)
                else:
                    one.give_up()
            self._look_for_files()
            given_up = [one for one, taker in self._listeners.items() if not taker.is_serving()]
            # It may still be that no file is left; then the next look tries again.
            with contextlib.suppress(OSError):
                await self.listen(server, given_up)

    def _look_for_files(self) -> None:
        """Without a file left the loop drops newcomers and says nothing: this says it."""
        try:
            os.close(os.open(os.devnull, os.O_RDONLY))
        except OSError as error:
            self._say("no file is left for a connection: %s", error.strerror)

    def on_loop_error(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """What the loop reports: too many open files is a line a minute, not a line a client."""
        error = context.get("exception")
        if isinstance(error, OSError) and error.errno in _NO_FILE_LEFT:
            self._say("no file is left for a connection: %s", error.strerror)
        else:
            # The loop's own words hold the exception's, which may quote a request.
            log.error("the event loop reports: %s", context["message"], exc_info=error)

    def _overdue(self, now: float) -> Iterator[Connection]:
        for one in self._open:
            if one.is_idle:
                began = one.head_began_at if one.has_asked else one.idle_since
                if began is not None and now - began > self._head_s:
                    yield one

    def _close(self, one: Connection) -> None:
        self.forget(one)
        one.force_close()

    def _say(self, message: str, *values: object) -> None:
        now = time.monotonic()
        if now - self._said_at >= SAY_AGAIN_AFTER_S:
            self._said_at = now
            log.warning(message, *values)


def raise_file_limit() -> None:
    """Let this process open as many files as it is allowed to."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _files() -> int:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST_FILES if soft == resource.RLIM_INFINITY else soft


CONNECTIONS: Final = web.AppKey("CONNECTIONS", Connections)
