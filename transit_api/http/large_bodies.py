"""Large bodies are read one at a time, so that the requests of others are served between them."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Final

from aiohttp import web

from transit_api.errors import Problem

# An upload of a few hundred taps; what is smaller is read in well under a millisecond.
LARGE_BYTES: Final = 65_536
# Each holds up to 1 MiB while it waits, and is read in some 30 ms at most.
MOST_WAITING: Final = 64


class LargeBodies:
    """The turn to read a large body."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._waiting = 0

    @contextlib.asynccontextmanager
    async def turn(self, length: int) -> AsyncIterator[None]:
        """Wait for it if the body is large; `overloaded` where too many wait.

        A body that is refused costs its sender little and us much: after it the next one waits as
        long as it took, so that refusing never takes more than half of the worker.
        """
        if length < LARGE_BYTES:
            yield
            return
        if self._waiting >= MOST_WAITING:
            raise Problem("overloaded")
        self._waiting += 1
        try:
            await self._turn.acquire()
        finally:
            self._waiting -= 1
        began, refused = time.perf_counter(), True
        try:
            yield
            refused = False
        finally:
            # The answer need not wait; only the next large body does.
            pause = time.perf_counter() - began if refused else 0.0
            asyncio.get_running_loop().call_later(pause, self._turn.release)


LARGE_BODIES: Final = web.AppKey("LARGE_BODIES", LargeBodies)
