"""The service while its PostgreSQL is killed, hangs and comes back: nothing lost, quick answers."""

import asyncio
import dataclasses
import os
import signal
from collections.abc import AsyncIterator, Iterator
from typing import Any

import psutil
import pytest

from tests.conftest import open_directory
from tests.http.conftest import FARE, Answer, City, Contract
from tests.http.waiting import until
from transit_api.app import make_app
from transit_api.database.migrate import migrate
from transit_api.local.embedded import Servers, start_embedded
from transit_api.settings import Settings

ANSWER_WITHIN_S = 1.0
BACK_WITHIN_S = 2.0


@pytest.fixture(scope="module")
def own_servers() -> Iterator[Servers]:
    """Servers that these tests may kill."""
    with open_directory() as directory, start_embedded(directory) as servers:
        migrate(servers.owner_url)
        yield servers


@pytest.fixture
async def own_city(
    own_servers: Servers, contract: Contract, aiohttp_client: Any
) -> AsyncIterator[City]:
    settings = Settings(database_url=own_servers.database_url, redis_url=own_servers.redis_url)
    quick = dataclasses.replace(settings, statement_timeout_ms=1_500)
    yield City(await aiohttp_client(make_app(quick)), contract)


async def timed(asking: Any) -> tuple[Answer, float]:
    loop = asyncio.get_running_loop()
    started = loop.time()
    answer = await asking
    return answer, loop.time() - started


async def assert_unavailable(city: City, method: str, path: str, body: Any = None) -> None:
    answer, seconds = await timed(city.ask(method, path, body=body))
    assert (answer.status, answer.code) == (503, "database_unavailable"), (path, answer)
    assert answer.headers["Retry-After"] == "1"
    assert seconds < ANSWER_WITHIN_S, path


async def test_outage_is_answered_quickly_and_ends_with_the_database(
    own_city: City, own_servers: Servers
) -> None:
    card = await own_city.make_card(balance=100_000)
    card_id = card["card_id"]
    assert (await own_city.get("analytics/revenue")).headers["X-Cache"] == "MISS"
    tap = {"card_id": card_id, "station_id": 1}
    await asyncio.to_thread(own_servers.postgresql.kill)
    try:
        for method, path, body in (
            ("POST", "trips/start", tap),
            ("POST", "cards/recharge", {"card_id": card_id, "amount": 5_000}),
            ("GET", f"cards/{card_id}/balance", None),
            ("GET", f"cards/{card_id}/history", None),
            ("GET", "stations", None),
            ("GET", "stations/1/alerts", None),
            ("GET", "/health/ready", None),
        ):
            await assert_unavailable(own_city, method, path, body)
        stale = await _wait_for_stale(own_city)
        assert int(stale.headers["Age"]) >= 5
        health, seconds = await timed(own_city.get("/health"))
        assert (health.status, health.body["status"]) == (503, "down")
        assert seconds < ANSWER_WITHIN_S
        assert (await own_city.get("/health/live")).status == 200
    finally:
        # Not in a thread: the kernel would stop the server when the thread that started it ends.
        own_servers.postgresql.start()
    await _is_back(own_city.post, "trips/start", tap)
    assert await own_city.balance(card_id) == (100_000 - FARE, 0)


async def _is_back(ask: Any, *arguments: Any) -> None:
    """The service answers again soon after its database, without being restarted."""
    async with asyncio.timeout(BACK_WITHIN_S):
        while (await ask(*arguments)).status == 503:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def _wait_for_stale(city: City) -> Answer:
    """The copy is fresh for its first seconds, whatever became of the database."""
    async with asyncio.timeout(10):
        while True:
            answer = await city.get("analytics/revenue")
            if answer.headers["X-Cache"] == "STALE":
                return answer
            assert answer.headers["X-Cache"] == "HIT"
            await asyncio.sleep(0.2)


async def test_taps_under_a_kill_are_done_once_and_none_acknowledged_is_lost(
    own_city: City, own_servers: Servers
) -> None:
    cards = [(await own_city.make_card(balance=400_000))["card_id"] for _ in range(10)]
    charged = dict.fromkeys(cards, 0)
    refused = 0

    async def ride(card_id: int) -> None:
        """Thirty taps one after the other, each repeated with its key until it is answered."""
        nonlocal refused
        for number in range(30):
            while True:
                answer = await own_city.tap(card_id, key=f"ride-{number}")
                if answer.status != 503:
                    break
                refused += 1
                await asyncio.sleep(0.05)
            assert answer.status == 201, answer
            charged[card_id] += answer.body["fare"]

    rides = [asyncio.create_task(ride(card_id)) for card_id in cards]
    await until(lambda: sum(charged.values()) > 20 * FARE)
    await asyncio.to_thread(own_servers.postgresql.kill)
    own_servers.postgresql.start()
    await asyncio.gather(*rides)
    assert refused > 0
    for card_id in cards:
        assert await own_city.balance(card_id) == (400_000 - charged[card_id], 0)


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="no SIGSTOP on this system")
async def test_hung_database_is_answered_in_bounded_time_and_used_again(
    own_city: City, own_servers: Servers
) -> None:
    card = await own_city.make_card(balance=100_000)
    process = own_servers.postgresql.process
    assert process is not None
    family = [process.pid, *[child.pid for child in psutil.Process(process.pid).children()]]
    for pid in family:
        os.kill(pid, signal.SIGSTOP)
    try:
        asking = [own_city.get(f"cards/{card['card_id']}/history") for _ in range(40)]
        timings = await asyncio.gather(*map(timed, asking))
        assert {answer.code for answer, _ in timings} == {"database_unavailable"}
        # Those that found a connection waited for its silence, the others for a connection.
        assert max(seconds for _, seconds in timings) < 1.5 + 0.5 + ANSWER_WITHIN_S
        assert sorted(seconds for _, seconds in timings)[30] < ANSWER_WITHIN_S + 0.5
        health, seconds = await timed(own_city.get("/health"))
        assert health.status == 503
        assert seconds < ANSWER_WITHIN_S + 0.2
    finally:
        for pid in family:
            os.kill(pid, signal.SIGCONT)
    await _is_back(own_city.get, f"cards/{card['card_id']}/history")
