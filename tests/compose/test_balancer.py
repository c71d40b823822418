"""compose.cluster.yaml as plain processes: the balancer, two services, and one of them leaving."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from aiohttp import ClientConnectionError, ClientSession

from tests.compose.plain_processes import PlainProcesses

# The least that a channel takes: a rider on a fast machine stays below the ceiling of a balance.
RECHARGE = 50
RIDERS = 4
# Connections of one address at the balancer (haproxy.cfg).
ONE_SOURCE = 1_000
# Of the riding, which asks again and again: a stop, or a kill that is noticed, takes seconds.
LIMIT_S = 60
# Stands among the statuses for an answer that never came.
DISCONNECTED = 0
# The outcome is unknown, or nothing was done: asked again with the same key.
ASK_AGAIN = (502, 503, 504)


@pytest.fixture
async def front(cluster_of_two: PlainProcesses) -> AsyncIterator[ClientSession]:
    """A client of the published address."""
    async with ClientSession(cluster_of_two.url("balancer", 8000)) as client:
        yield client


@pytest.fixture
async def both_services(cluster_of_two: PlainProcesses) -> PlainProcesses:
    """The cluster with both services up, whatever a test before did to them."""
    for name in ("api-1", "api-2"):
        if name not in cluster_of_two.running:
            cluster_of_two.start(name)
    await wait_until_balanced(cluster_of_two, ["api-1", "api-2"])
    return cluster_of_two


async def wait_until_balanced(stack: PlainProcesses, names: list[str]) -> None:
    """Until exactly these are taken for ready by the balancer."""
    async with ClientSession(stack.url("balancer", 8405)) as client:
        for _ in range(400):
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
    front: ClientSession, both_services: PlainProcesses
) -> None:
    for _ in range(10):
        async with front.get("/health/live") as answer:
            assert answer.status == 200

    for name in ("api-1", "api-2"):
        url = both_services.url(name, 8000)
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
    front: ClientSession, both_services: PlainProcesses
) -> None:
    async def stop() -> None:
        assert await asyncio.to_thread(both_services.stop, "api-1") == 0

    statuses = await recharge_while(front, stop)

    assert set(statuses) == {200, 201}


async def test_no_money_is_lost_or_doubled_when_a_service_is_killed(
    front: ClientSession, both_services: PlainProcesses
) -> None:
    """Who is answered 502 or loses the connection tries again with the same key."""

    async def kill() -> None:
        await asyncio.to_thread(both_services.kill, "api-2")
        await wait_until_balanced(both_services, ["api-1"])

    statuses = await recharge_while(front, kill)

    assert set(statuses) <= {200, 201, 502, DISCONNECTED}


async def test_front_says_itself_that_no_service_is_left_overloaded(
    front: ClientSession, cluster_of_two: PlainProcesses
) -> None:
    for name in {"api-1", "api-2"} & set(cluster_of_two.running):
        await asyncio.to_thread(cluster_of_two.kill, name)
    await wait_until_balanced(cluster_of_two, [])

    async with front.get("/health/live", headers={"X-Request-ID": "late.1"}) as answer:
        problem = await answer.json(content_type="application/problem+json")
        assert answer.status == 503
        assert answer.headers["Retry-After"] == "1"
        assert answer.headers["X-Request-ID"] == "late.1"
        assert problem["code"] == "overloaded"
        assert problem["request_id"] == "late.1"


async def recharge_while(front: ClientSession, happens: Callable[[], Any]) -> list[int]:
    """Riders recharge and look at their balance until `happens` is over; answers the statuses.

    In the end each has on the card what was acknowledged, to the peso.
    """
    over = asyncio.Event()
    statuses: list[int] = []

    async def ride(card_id: int) -> None:
        balance = 0
        while not over.is_set():
            body = {"card_id": card_id, "amount": RECHARGE}
            key = {"Idempotency-Key": f"{card_id}-{balance}"}
            await ask("POST", "/api/v1/cards/recharge", json=body, headers=key)
            balance += RECHARGE
            assert (await ask("GET", f"/api/v1/cards/{card_id}/balance"))["balance"] == balance

    async def ask(method: str, path: str, **options: Any) -> Any:
        while True:
            try:
                async with front.request(method, path, **options) as answer:
                    statuses.append(answer.status)
                    if answer.ok:
                        return await answer.json()
                    assert answer.status in ASK_AGAIN, await answer.text()
            except ClientConnectionError:
                statuses.append(DISCONNECTED)

    async with front.post("/api/v1/cards/batch", json={"cards": [{}] * RIDERS}) as answer:
        cards = (await answer.json())["results"]
    async with asyncio.timeout(LIMIT_S), asyncio.TaskGroup() as riders:
        for card in cards:
            riders.create_task(ride(card["card_id"]))
        await asyncio.sleep(0.2)
        try:
            await happens()
            await asyncio.sleep(0.2)
        finally:
            over.set()
    return statuses


async def is_answered(port: int | None) -> bool:
    """Whether a new connection to the balancer is taken."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /health/live HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")
        answered = await reader.read()
        writer.close()
    except ConnectionError:
        return False
    return answered.startswith(b"HTTP/1.1 200")


async def test_one_source_has_a_bounded_number_of_connections(
    cluster_of_two: PlainProcesses, both_services: PlainProcesses
) -> None:
    port = urlsplit(cluster_of_two.url("balancer", 8000)).port
    opened = []
    try:
        for _ in range(ONE_SOURCE):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            opened.append(writer)
        for _ in range(20):
            assert not await is_answered(port)
        other = cluster_of_two.url("balancer", 8405)
        async with ClientSession(other) as client, client.get("/health") as answer:
            assert answer.status == 200
    finally:
        for writer in opened:
            writer.close()
