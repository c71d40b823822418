"""Large bodies wait for each other, and nobody else waits for them."""

import asyncio

import pytest

from transit_api.errors import Problem
from transit_api.http import large_bodies
from transit_api.http.large_bodies import LARGE_BYTES, LargeBodies


async def test_small_body_never_waits_and_large_ones_take_turns() -> None:
    line, order = LargeBodies(), []
    seen = asyncio.Event()

    async def read(name: str, length: int) -> None:
        async with line.turn(length):
            order.append(name)
            await seen.wait()

    first = asyncio.create_task(read("large", LARGE_BYTES))
    await asyncio.sleep(0)
    second = asyncio.create_task(read("second", LARGE_BYTES))
    await asyncio.sleep(0)
    small = asyncio.create_task(read("small", LARGE_BYTES - 1))
    await asyncio.sleep(0)
    assert order == ["large", "small"]
    seen.set()
    await asyncio.gather(first, second, small)
    assert order == ["large", "small", "second"]


async def test_refused_body_and_one_that_is_given_up_pass_the_turn_on() -> None:
    line = LargeBodies()
    for failure in (Problem("validation_error"), asyncio.CancelledError()):
        with pytest.raises(type(failure)):
            async with line.turn(LARGE_BYTES):
                raise failure
    async with asyncio.timeout(5), line.turn(LARGE_BYTES):
        pass


async def test_too_many_large_bodies_are_refused_overloaded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(large_bodies, "MOST_WAITING", 1)
    line = LargeBodies()

    async def read() -> None:
        async with line.turn(LARGE_BYTES):
            pass

    async with line.turn(LARGE_BYTES):
        waiting = asyncio.create_task(read())
        await asyncio.sleep(0)
        with pytest.raises(Problem) as refused:
            await read()
        assert refused.value.code == "overloaded"
    await waiting
