"""Ctrl-C in a terminal, where the whole process group gets it."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from tests.simulator.conftest import Fake

PATIENCE_S = 60.0


class Run:
    """A `transit-sim run` of a minute and more, in a process group of its own."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.printed = ""

    async def read_until(self, word: str) -> None:
        """Until a line with the word is printed."""
        assert self.process.stdout is not None
        async with asyncio.timeout(PATIENCE_S):
            while word not in self.printed:
                line = await self.process.stdout.readline()
                assert line, f"never printed {word!r}: {self.printed}"
                self.printed += line.decode()

    def ctrl_c(self) -> None:
        """To every process of it, as a terminal does."""
        os.killpg(self.process.pid, signal.SIGINT)

    async def end(self) -> int:
        """Its exit code, once it ended by itself."""
        assert self.process.stdout is not None
        async with asyncio.timeout(PATIENCE_S):
            self.printed += (await self.process.stdout.read()).decode()
            return await self.process.wait()


@pytest.fixture
async def start(fake: Fake) -> AsyncIterator[Callable[..., Awaitable[Run]]]:
    """Starts `transit-sim run` against the fake service."""
    running: list[Run] = []

    async def run(workers: int) -> Run:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "simulator", "run", "rush-hour", "--url", fake.url,
            "--rate", "60", "--duration", "900", "--riders", "300", "--workers", str(workers),
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
        running.append(Run(process))
        return running[-1]

    yield run
    for one in running:
        if one.process.returncode is None:
            os.killpg(one.process.pid, signal.SIGKILL)
            await one.process.wait()


@pytest.mark.parametrize("workers", [1, 2])
async def test_ctrl_c_ends_the_driving_and_every_book_is_compared(
    fake: Fake, start: Callable[..., Awaitable[Run]], workers: int
) -> None:
    run = await start(workers)
    await run.read_until("Driving rush-hour")
    await asyncio.wait_for(fake.service.busy.wait(), PATIENCE_S)
    run.ctrl_c()
    assert await run.end() == 0, run.printed
    assert "Comparing every rider's book" in run.printed
    assert "Books      300 riders" in run.printed
    assert "agree to the peso" in run.printed
    assert "Traceback" not in run.printed


@pytest.mark.parametrize("workers", [1, 2])
async def test_a_second_ctrl_c_ends_at_once(
    fake: Fake, start: Callable[..., Awaitable[Run]], workers: int
) -> None:
    run = await start(workers)
    await run.read_until("Driving rush-hour")
    await asyncio.wait_for(fake.service.busy.wait(), PATIENCE_S)
    # nothing is answered any more, so that the first one is not over at once
    fake.service.frozen_until = time.monotonic() + 30
    run.ctrl_c()
    await run.read_until("Ctrl-C again")
    run.ctrl_c()
    started = time.monotonic()
    assert await run.end() == 130, run.printed
    assert time.monotonic() - started < 10
    assert "interrupted" in run.printed
    assert "Traceback" not in run.printed


async def test_ctrl_c_before_anything_is_driven_ends_at_once(
    fake: Fake, start: Callable[..., Awaitable[Run]]
) -> None:
    run = await start(2)
    await run.read_until("Riders get their cards")
    run.ctrl_c()
    assert await run.end() == 130, run.printed
    assert "Traceback" not in run.printed
