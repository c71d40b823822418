"""A fake service on a port of its own, and runs against it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from simulator.result import Result
from simulator.scenario import Scenario, load_scenario
from simulator.session import run_here
from tests.simulator.fake_service import FakeService


@dataclass
class Fake:
    """The service, and where it serves."""

    service: FakeService
    url: str

    async def run(self, **changes: Any) -> Result:
        """A short rush hour against it."""
        return await run_here(self.url, replace(short_rush_hour(), **changes))


def short_rush_hour() -> Scenario:
    """Enough of everything in two seconds."""
    return replace(
        load_scenario("rush-hour"), rate=100, duration_s=2, riders=300, offline_buses=4000,
        offline_s=1.2, incidents_a_minute=60,
    )  # fmt: skip


@pytest.fixture
async def fake(aiohttp_server: Callable[..., Awaitable[Any]]) -> AsyncIterator[Fake]:
    service = FakeService()
    server = await aiohttp_server(service.app())
    yield Fake(service, f"http://127.0.0.1:{server.port}")
