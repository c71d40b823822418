"""A worker that gets more than its processor can do refuses at once, and recovers by itself."""

import asyncio
import time
from typing import Any

import pytest

from transit_api.process import pace

STATIONS = "/api/v1/stations?limit=1"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Late is what a test can afford to be."""
    monkeypatch.setattr(pace, "TICK_S", 0.002)
    monkeypatch.setattr(pace, "LATE_S", 0.03)


async def hold_up(loop_s: float, times: int) -> None:
    for _ in range(times):
        time.sleep(loop_s)  # noqa: ASYNC251 - the point: nobody else runs meanwhile
        await asyncio.sleep(0)


async def test_requests_are_refused_while_the_loop_is_late_overloaded(
    impatient: None, api: Any
) -> None:
    assert (await api.get(STATIONS)).status == 200
    crowd = asyncio.create_task(hold_up(0.05, 40))
    await asyncio.sleep(0.5)
    refused = await api.get(STATIONS)
    problem = await refused.json(content_type=None)
    live = await api.get("/health/live")
    await crowd

    assert (refused.status, problem["code"]) == (503, "overloaded")
    assert refused.headers["Retry-After"] == "1"
    assert live.status == 200
    await asyncio.sleep(0.05)
    assert (await api.get(STATIONS)).status == 200


async def test_one_pause_of_the_machine_refuses_nobody(impatient: None, api: Any) -> None:
    await hold_up(0.2, 1)
    assert (await api.get(STATIONS)).status == 200
