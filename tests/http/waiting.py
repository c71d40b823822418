"""Waiting for what has no event of its own, in bounded time."""

import asyncio
from collections.abc import Callable


async def until(condition: Callable[[], object], seconds: float = 5.0) -> None:
    """Return once the condition holds; TimeoutError if it never does."""
    async with asyncio.timeout(seconds):
        # A counter of the code under test is no event: this has to look.
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.001)
