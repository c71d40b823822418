"""A proxy between two parties of the suite that cuts, stalls, delays or swallows what passes."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

Address = Path | tuple[str, int]
CALL_LIMIT_S = 10.0


class Half(asyncio.Protocol):
    """One side of a connection; what it receives goes to the other side."""

    def __init__(self, link: "Link", receives_answers: bool) -> None:
        self.link = link
        self.receives_answers = receives_answers
        self.transport: asyncio.Transport | None = None
        self.other: Half
        self.early: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        if not self.receives_answers:
            self.link.connect()
            return
        if self.link.proxy.stalled:
            transport.pause_reading()
        for data in self.early:
            transport.write(data)

    def data_received(self, data: bytes) -> None:
        self.link.pass_on(self, data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.link.abort()

    def write(self, data: bytes) -> None:
        if self.transport is None:
            self.early.append(data)
        else:
            self.transport.write(data)


class Link:
    """A client's connection and the one made for it; `asking` while an answer is owed."""

    def __init__(self, proxy: "Proxy") -> None:
        self.proxy = proxy
        self.client = Half(self, receives_answers=False)
        self.server = Half(self, receives_answers=True)
        self.client.other, self.server.other = self.server, self.client
        self.asking = False
        self.connecting: asyncio.Task[None] | None = None

    def connect(self) -> None:
        self.proxy.links.add(self)
        if self.proxy.stalled:
            assert self.client.transport is not None
            self.client.transport.pause_reading()
        self.connecting = asyncio.get_running_loop().create_task(self._connect())

    async def _connect(self) -> None:
        loop, target = asyncio.get_running_loop(), self.proxy.target
        try:
            if isinstance(target, Path):
                await loop.create_unix_connection(lambda: self.server, str(target))
            else:
                await loop.create_connection(lambda: self.server, *target)
        except OSError:
            self.abort()

    def pass_on(self, half: Half, data: bytes) -> None:
        self.asking = not half.receives_answers
        if half.receives_answers and self.proxy.mute:
            return
        if half.receives_answers and self.proxy.delay_s:
            loop = asyncio.get_running_loop()
            loop.call_later(self.proxy.delay_s, self._write, half.other, data)
        else:
            half.other.write(data)

    @staticmethod
    def _write(half: Half, data: bytes) -> None:
        if half.transport is not None and not half.transport.is_closing():
            half.transport.write(data)

    def each_transport(self) -> list[asyncio.Transport]:
        return [half.transport for half in (self.client, self.server) if half.transport]

    def abort(self) -> None:
        self.proxy.links.discard(self)
        if self.connecting is not None:
            self.connecting.cancel()
        for transport in self.each_transport():
            transport.abort()


class Proxy:
    """Listens on a socket of its own and passes everything on; faults by method calls.

    It runs on a thread and a loop of its own, so that neither the faults' schedule nor the load
    generator is in its way; every method is for other threads.
    """

    def __init__(self, listen: Address, target: Address) -> None:
        self.listen = listen
        self.target = target
        self.stalled = False
        self.mute = False
        self.delay_s = 0.0
        self.links: set[Link] = set()
        self._server: asyncio.Server | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.accept()

    @property
    def asking(self) -> int:
        """Connections on which an answer is owed right now."""
        return sum(link.asking for link in list(self.links))

    def accept(self) -> None:
        """Take new connections (again)."""
        self._run(self._accept())

    def refuse(self) -> None:
        """Close the listening socket, so that connecting is refused."""
        self._run(self._refuse())

    def cut(self) -> int:
        """End every connection at once; answers how many were waiting for an answer."""
        asking = self.asking
        self._call(self._cut)
        return asking

    def stall(self) -> None:
        """Pass nothing on, either way, until `resume`; nothing is lost."""
        self._call(self._stall)

    def resume(self) -> None:
        """The end of every fault that lasts; swallowed answers are lost, so these links break."""
        self._call(self._resume)

    def swallow_answers(self) -> None:
        """Let requests through and drop what comes back, until `resume`."""
        self.mute = True

    def slow(self, delay_s: float) -> None:
        """Hold every answer back for so long, until `resume`."""
        self.delay_s = delay_s

    def close(self) -> None:
        """Stop the proxy and its thread."""
        self.refuse()
        self._call(self._cut)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(CALL_LIMIT_S)
        self._loop.close()

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        if isinstance(self.listen, Path):
            self.listen.unlink(missing_ok=True)
            self._server = await loop.create_unix_server(
                lambda: Link(self).client, str(self.listen), backlog=1024
            )
        else:
            self._server = await loop.create_server(
                lambda: Link(self).client, *self.listen, backlog=1024
            )
            self.listen = self._server.sockets[0].getsockname()[:2]

    async def _refuse(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        if isinstance(self.listen, Path):
            self.listen.unlink(missing_ok=True)

    def _cut(self) -> None:
        for link in list(self.links):
            link.abort()

    def _stall(self) -> None:
        self.stalled = True
        for transport in self._transports():
            transport.pause_reading()

    def _resume(self) -> None:
        if self.mute:
            self._cut()
        self.stalled, self.mute, self.delay_s = False, False, 0.0
        for transport in self._transports():
            transport.resume_reading()

    def _transports(self) -> list[asyncio.Transport]:
        found = [one for link in list(self.links) for one in link.each_transport()]
        return [transport for transport in found if not transport.is_closing()]

    def _call(self, function: Callable[[], T]) -> T:
        async def call() -> T:
            return function()

        return self._run(call())

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(CALL_LIMIT_S)
