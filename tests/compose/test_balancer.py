"""compose.cluster.yaml as plain processes: the balancer, two services, and one of them leaving."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp import ClientSession

from tests.compose.plain_processes import PlainProcesses

RECHARGE = 5_000
RIDERS = 4


@pytest.fixture
async def front(cluster_of_two: PlainProcesses) -> AsyncIterator[ClientSession]:
    """A client of the published address; both services are up."""
    for name in ("api-1", "api-2"):
        if name not in cluster_of_two.running:
            cluster_of_two.start(name)
            cluster_of_two.await_health(name)
    await wait_until_balanced(cluster_of_two, ["api-1", "api-2"])
    async with ClientSession(cluster_of_two.url("balancer", 8000)) as client:
        yield client


async def wait_until_balanced(stack: PlainProcesses, names: list[str]) -> None:
    """Until exactly these are taken for ready by the balancer."""
    async with ClientSession(stack.url("balancer", 8405)) as client:
        for _ in range(200):
            async with client.get("/metrics") as answer:
                lines = (await answer.text()).splitlines()
            up = [
                name
                for name in ("api-1", "api-2")
                if f'haproxy_server_status{{proxy="api",server="{name}",state="UP"}} 1' in lines
            ]
            if up == names:
                return
            await asyncio.sleep(0.05)
    raise AssertionError(f"the balancer sees {up} and not {names}")


async def test_requests_are_shared_between_the_services(
    front: ClientSession, cluster_of_two: PlainProcesses
) -> None:
    for _ in range(20):
        async with front.get("/health/live") as answer:
            assert answer.status == 200

    for name in ("api-1", "api-2"):
        url = cluster_of_two.url(name, 8000)
        async with ClientSession(url) as client, client.get("/metrics") as answer:
            assert 'route="/health/live"' in await answer.text(), name


async def test_request_id_is_the_clients_own_or_one_made_at_the_front(
    front: ClientSession,
) -> None:
    async with front.get("/health/live", headers={"X-Request-ID": "mine.1"}) as answer:
        assert answer.headers["X-Request-ID"] == "mine.1"
    async with front.get("/health/live", headers={"X-Request-ID": "not mine"}) as answer:
        assert answer.headers["X-Request-ID"] != "not mine"


async def test_no_request_is_lost_when_a_service_is_stopped(
    front: ClientSession, cluster_of_two: PlainProcesses
) -> None:
    async def stop() -> None:
        assert await asyncio.to_thread(cluster_of_two.stop, "api-1") == 0

    statuses = await recharge_while(front, stop)

    assert set(statuses) == {200, 201}


async def test_no_money_is_lost_or_doubled_when_a_service_is_killed(
    front: ClientSession, cluster_of_two: PlainProcesses
) -> None:
    """Who is answered 502 or loses the connection tries again with the same key."""

    async def kill() -> None:
        await asyncio.to_thread(cluster_of_two.kill, "api-2")
        await wait_until_balanced(cluster_of_two, ["api-1"])

    statuses = await recharge_while(front, kill)

    assert set(statuses) <= {200, 201, 502}


async def test_front_says_itself_that_no_service_is_left_overloaded(
    front: ClientSession, cluster_of_two: PlainProcesses
) -> None:
    for name in ("api-1", "api-2"):
        await asyncio.to_thread(cluster_of_two.kill, name)
    await wait_until_balanced(cluster_of_two, [])

    async with front.get("/health/live", headers={"X-Request-ID": "late.1"}) as answer:
        problem = await answer.json(content_type="application/problem+json")
        assert answer.status == 503
        assert answer.headers["Retry-After"] == "1"
        assert problem["code"] == "overloaded"
        assert problem["request_id"] == "late.1"


async def recharge_while(front: ClientSession, happens: Callable[[], Any]) -> list[int]:
    """Riders recharge and look at their balance until `happens` is over; answers the statuses.

    In the end each has on the card what was acknowledged, to the peso.
    """
    over = asyncio.Event()
    statuses: list[int] = []

    async def ride(rider: int) -> None:
        async with front.post("/api/v1/cards", json={}) as answer:
            card_id = (await answer.json())["card_id"]
        balance = 0
        while not over.is_set():
            await recharge(card_id, f"{card_id}-{balance}")
            balance += RECHARGE
            async with front.get(f"/api/v1/cards/{card_id}/balance") as answer:
                statuses.append(answer.status)
                assert (await answer.json())["balance"] == balance

    async def recharge(card_id: int, key: str) -> None:
        body = {"card_id": card_id, "amount": RECHARGE}
        headers = {"Idempotency-Key": key}
        status = 0
        while status != 201:
            async with front.post("/api/v1/cards/recharge", json=body, headers=headers) as answer:
                status = answer.status
                statuses.append(status)

    async with asyncio.TaskGroup() as riders:
        for rider in range(RIDERS):
            riders.create_task(ride(rider))
        await asyncio.sleep(0.2)
        try:
            await happens()
            await asyncio.sleep(0.2)
        finally:
            over.set()
    return statuses
