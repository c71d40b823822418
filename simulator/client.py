"""A small HTTP/1.1 client: keep-alive connections, one request each, JSON in, JSON out."""

import asyncio
import ssl
from collections import deque
from collections.abc import Mapping
from typing import cast
from urllib.parse import urlsplit

import orjson

from simulator.access import ANYBODY, Access

IDLE_LIMIT_S = 10.0  # the service may close a connection that idled longer, just as we write to it
MAX_HEAD_BYTES = 64 * 1024
MAX_BODY_BYTES = 256 * 1024 * 1024
SERVICE_MEDIA_TYPES = frozenset({"application/json", "application/problem+json"})
NO_CONTENT = frozenset({204, 304})
PORTS = {"http": 80, "https": 443}


class NoAnswer(Exception):
    """The request may or may not have been carried out: the connection broke or time ran out."""


class Answer:
    """One answer: `status`, the raw `head` and the whole `body`."""

    __slots__ = ("status", "head", "body")

    def __init__(self, status: int, head: bytes, body: bytes) -> None:
        self.status = status
        self.head = head
        self.body = body

    def header(self, name: str) -> str | None:
        """The value of a header, whatever its case; None where it is absent."""
        start = self.head.lower().find(b"\r\n" + name.lower().encode() + b":")
        if start < 0:
            return None
        line = self.head[start + len(name) + 3 :].split(b"\r\n", 1)[0]
        return line.decode("latin-1").strip()

    @property
    def is_ours(self) -> bool:
        """Whether the service itself answered: a balancer's 502, a gateway's page and a portal's
        redirect carry no request id, or a content type that the service never answers."""
        kind = (self.header("Content-Type") or "").partition(";")[0].strip().lower()
        return self.header("X-Request-ID") is not None and (
            kind in SERVICE_MEDIA_TYPES or self.status in NO_CONTENT
        )

    def json(self) -> dict[str, object]:
        """The body as an object; `{}` where there is none or it is not JSON."""
        try:
            value = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return {}
        return value if isinstance(value, dict) else {}


class _Connection(asyncio.Protocol):
    """One socket: the request in flight and the bytes of its answer so far."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.answer: asyncio.Future[Answer] | None = None
        self.buffer = bytearray()
        self.head = b""
        self.status = 0
        self.length = -1  # of the body; -1: until the connection closes, -2: chunked
        self.closing = False
        self.idle_since = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports have the methods but not the base class
        self.transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self.closing = True
        if self.answer is None or self.answer.done():
            return
        if self.head and self.length == -1 and exc is None:
            self._finish(bytes(self.buffer))
        else:
            self.answer.set_exception(NoAnswer("the connection broke before the answer"))

    def data_received(self, data: bytes) -> None:
        if self.answer is None or self.answer.done():
            self.drop()  # nobody asked: out of step, not to be trusted again
            return
        self.buffer += data
        try:
            self._read()
        except ValueError:
            self._refuse("the answer is not HTTP/1.1")

    def _read(self) -> None:
        while not self.head:
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                if len(self.buffer) > MAX_HEAD_BYTES:
                    raise ValueError("endless head")
                return
            self._read_head(bytes(self.buffer[: end + 2]))
            del self.buffer[: end + 4]
        if len(self.buffer) > MAX_BODY_BYTES:
            raise ValueError("endless body")
        if self.length >= 0 and len(self.buffer) >= self.length:
            self._finish(bytes(self.buffer[: self.length]))
        elif self.length == -2:
            body = join_chunks(self.buffer)
            if body is not None:
                self._finish(body)

    def _read_head(self, head: bytes) -> None:
        if not head.startswith(b"HTTP/1."):
            raise ValueError("not HTTP/1")
        self.status = int(head[9:12])
        if self.status < 200:
            return  # an interim answer; the real one follows
        self.head = head
        lower = head.lower()
        if b"\r\nconnection: close" in lower or head.startswith(b"HTTP/1.0"):
            self.closing = True
        self.length = -1
        if self.status in (204, 304):
            self.length = 0
        elif b"\r\ntransfer-encoding: chunked" in lower:
            self.length = -2
        else:
            at = lower.find(b"\r\ncontent-length:")
            if at >= 0:
                self.length = int(lower[at + 17 : lower.index(b"\r\n", at + 17)])

    def _finish(self, body: bytes) -> None:
        answer, self.answer = self.answer, None
        if answer is not None and not answer.done():
            answer.set_result(Answer(self.status, self.head, body))

    def _refuse(self, why: str) -> None:
        if self.answer is not None and not self.answer.done():
            self.answer.set_exception(NoAnswer(why))
        self.drop()

    def send(self, data: bytes, answer: asyncio.Future[Answer]) -> None:
        """Write one request whose answer will resolve the future."""
        assert self.transport is not None
        if self.closing:
            answer.set_exception(NoAnswer("the connection broke before the request"))
            return
        self.buffer.clear()
        self.head = b""
        self.answer = answer
        self.transport.write(data)

    def expire(self) -> None:
        """Give up on the request in flight."""
        self._refuse("no answer in time")

    def drop(self) -> None:
        """Close at once, whatever is in flight."""
        self.closing = True
        if self.transport is not None:
            self.transport.abort()


def join_chunks(buffer: bytearray) -> bytes | None:
    """The body of a chunked answer, or None while it is not all there."""
    parts: list[bytes] = []
    at = 0
    while True:
        line = buffer.find(b"\r\n", at)
        if line < 0:
            return None
        size = int(buffer[at:line].split(b";")[0], 16)
        start = line + 2
        if size == 0:
            # trailers, if any, end in an empty line
            end = buffer.find(b"\r\n\r\n", line)
            return b"".join(parts) if end >= 0 else None
        if len(buffer) < start + size + 2:
            return None
        parts.append(bytes(buffer[start : start + size]))
        at = start + size + 2


class ApiClient:
    """Requests to one service over at most `connections` sockets; more wait their turn."""

    def __init__(
        self,
        url: str,
        connections: int = 256,
        timeout_s: float = 30.0,
        access: Access = ANYBODY,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in PORTS or not parts.hostname:
            raise ValueError("not an http:// or https:// address")
        if parts.username is not None:
            raise ValueError("credentials go into --header, an address is printed in reports")
        self.host, self.port = parts.hostname, parts.port or PORTS[parts.scheme]
        self.prefix = parts.path.rstrip("/")
        self.timeout_s = timeout_s
        self._tls = access.tls() if parts.scheme == "https" else None
        host = f"[{self.host}]" if ":" in self.host else self.host
        self._own_lines = f"Host: {host}:{self.port}\r\n{access.lines()}"
        self._idle: list[_Connection] = []
        self._open: set[_Connection] = set()
        self._slots = connections
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def request(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        lose_answer: bool = False,
    ) -> Answer:
        """Send and wait; with `lose_answer` the connection is cut once the request is out."""
        data = self.encode(method, path, body, headers)
        await self._take_slot()
        try:
            connection = await self._connect()
            return await self._exchange(connection, data, lose_answer)
        finally:
            self._give_slot()

    def encode(
        self, method: str, path: str, body: object, headers: Mapping[str, str] | None
    ) -> bytes:
        """The bytes of a request."""
        head = f"{method} {self.prefix}{path} HTTP/1.1\r\n{self._own_lines}"
        if headers:
            head += "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        if body is None:
            return (
                f"{head}Content-Length: 0\r\n\r\n".encode()
                if method != "GET"
                else (f"{head}\r\n".encode())
            )
        raw = body if isinstance(body, bytes) else orjson.dumps(body)
        head += f"Content-Type: application/json\r\nContent-Length: {len(raw)}\r\n\r\n"
        return head.encode() + raw

    async def _exchange(self, connection: _Connection, data: bytes, lose_answer: bool) -> Answer:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Answer] = loop.create_future()
        connection.send(data, answer)
        if lose_answer:
            answer.cancel()
            # one turn of the loop lets the bytes out, so that the service has work to do
            await asyncio.sleep(0.001)
            connection.drop()
            self._open.discard(connection)
            raise NoAnswer("the answer was lost on purpose")
        timer = loop.call_later(self.timeout_s, connection.expire)
        try:
            return await answer
        except asyncio.CancelledError:
            connection.drop()
            raise
        finally:
            timer.cancel()
            if connection.closing:
                connection.drop()
                self._open.discard(connection)
            else:
                connection.idle_since = loop.time()
                self._idle.append(connection)

    async def _connect(self) -> _Connection:
        loop = asyncio.get_running_loop()
        while self._idle:
            connection = self._idle.pop()
            if not connection.closing and loop.time() - connection.idle_since < IDLE_LIMIT_S:
                return connection
            connection.drop()
            self._open.discard(connection)
        try:
            _, connection = await asyncio.wait_for(
                loop.create_connection(_Connection, self.host, self.port, ssl=self._tls),
                self.timeout_s,
            )
        except ssl.SSLError as error:
            why = getattr(error, "verify_message", None) or error.reason or error
            raise NoAnswer(f"no TLS with {self.host}:{self.port}: {why}") from error
        except (OSError, TimeoutError) as error:
            raise NoAnswer(f"{self.host}:{self.port} does not accept connections") from error
        self._open.add(connection)
        return connection

    async def _take_slot(self) -> None:
        if self._slots > 0:
            self._slots -= 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        await turn

    def _give_slot(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._slots += 1

    def close(self) -> None:
        """Close every connection."""
        for connection in self._open:
            connection.drop()
        self._open.clear()
        self._idle.clear()
