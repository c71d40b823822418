"""Whether this worker keeps up: an event loop that runs late for long means more than it can do.

Lines in front of the database are bounded where they stand (`batching`, `db`). What waits for the
processor stands in the sockets of its clients, where nobody counts it; its sign is the loop.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final

from aiohttp import web

TICK_S: Final = 0.05
LATE_S: Final = 0.25
# One late tick is a pause of the machine; so many in a row, over a second, are a crowd.
LATE_TICKS: Final = 4


class Pace:
    """How many ticks in a row the event loop was late for."""

    def __init__(self) -> None:
        self._late = 0

    @property
    def is_lost(self) -> bool:
        """Whether to refuse requests at once, which costs less than to answer them."""
        return self._late >= LATE_TICKS

    async def watch(self) -> None:
        """Tick until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + TICK_S
            await asyncio.sleep(TICK_S)
            self._late = self._late + 1 if loop.time() - due > LATE_S else 0


PACE: Final = web.AppKey("PACE", Pace)


async def pace_lifespan(app: web.Application) -> AsyncIterator[None]:
    """Watch while the application runs."""
    app[PACE] = pace = Pace()
    watch = asyncio.create_task(pace.watch())
    yield
    watch.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await watch
