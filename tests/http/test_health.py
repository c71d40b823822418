"""Health, readiness and the simulated clock, with both servers there and with either gone."""

import asyncio
import dataclasses
from typing import Any

import pytest

from transit_api.app import make_app
from transit_api.database.pools import DB
from transit_api.process.draining import DRAINING, Draining
from transit_api.settings import Settings

NO_DATABASE = "postgresql://nobody@127.0.0.1:1/none"
NO_CACHE = "redis://127.0.0.1:1/0"


@pytest.fixture
def make_client(settings: Settings, aiohttp_client: Any) -> Any:
    """A client of the application with other settings."""

    async def make(**changes: Any) -> Any:
        return await aiohttp_client(make_app(dataclasses.replace(settings, **changes)))

    return make


async def read(client: Any, path: str) -> tuple[int, Any]:
    async with client.get(path) as answer:
        return answer.status, await answer.json(content_type=None)


async def test_all_is_well(api: Any) -> None:
    status, body = await read(api, "/health")
    assert status == 200
    assert body["status"] == "ok"
    assert {name: check["status"] for name, check in body["checks"].items()} == {
        "database": "ok",
        "cache": "ok",
    }
    assert body["version"]
    assert body["uptime_seconds"] >= 0


@pytest.mark.parametrize("path", ["/health/db", "/health/cache"])
async def test_part_that_answers_is_ok(api: Any, path: str) -> None:
    status, body = await read(api, path)
    assert status == 200
    assert body["status"] == "ok"
    assert body["latency_ms"] > 0


@pytest.mark.parametrize("path", ["/health/live", "/health/ready"])
async def test_service_lives_and_is_ready(api: Any, path: str) -> None:
    assert await read(api, path) == (200, {"status": "ok"})


async def test_without_the_cache_the_service_is_degraded(make_client: Any) -> None:
    client = await make_client(redis_url=NO_CACHE)
    status, body = await read(client, "/health")
    assert (status, body["status"]) == (200, "degraded")
    assert body["checks"]["cache"]["status"] == "down"


async def test_lost_cache_is_told_cache_unavailable(make_client: Any) -> None:
    client = await make_client(redis_url=NO_CACHE)
    async with client.get("/health/cache") as answer:
        body = await answer.json(content_type=None)
        assert answer.status == 503
        assert answer.content_type == "application/problem+json"
        assert answer.headers["Retry-After"] == "1"
    assert body["code"] == "cache_unavailable"
    assert body["latency_ms"] >= 0
    assert (await read(client, "/health/ready"))[0] == 200


async def test_without_the_database_the_service_starts_and_is_down(make_client: Any) -> None:
    client = await make_client(database_url=NO_DATABASE)
    status, body = await read(client, "/health")
    assert (status, body["status"]) == (503, "down")
    assert body["checks"]["database"]["status"] == "down"
    assert body["checks"]["cache"]["status"] == "ok"
    assert (await read(client, "/health/live"))[0] == 200


@pytest.mark.parametrize("path", ["/health/db", "/health/ready"])
async def test_lost_database_is_told_database_unavailable(make_client: Any, path: str) -> None:
    status, body = await read(await make_client(database_url=NO_DATABASE), path)
    assert status == 503
    assert body["code"] == "database_unavailable"


async def test_unmigrated_database_is_not_ready(make_client: Any, empty_database: Any) -> None:
    status, body = await read(
        await make_client(database_url=empty_database.owner_url), "/health/ready"
    )
    assert status == 503
    assert body["detail"] == "The database was never migrated."


async def test_database_of_an_older_release_is_not_ready(
    make_client: Any, fresh_database: Any
) -> None:
    connection = fresh_database.connect()
    with connection, connection.cursor() as cursor:
        cursor.execute("DELETE FROM transit.schema_migrations WHERE version LIKE '070%'")
    connection.close()
    status, body = await read(await make_client(), "/health/ready")
    assert status == 503
    assert "070_realtime" in body["detail"]


async def test_stopping_worker_is_not_ready(settings: Settings, aiohttp_client: Any) -> None:
    app = make_app(settings)
    app[DRAINING] = Draining()
    client = await aiohttp_client(app)
    assert (await read(client, "/health/ready"))[0] == 200
    app[DRAINING].active = True
    assert (await read(client, "/health/ready"))[0] == 503


async def test_health_does_not_wait_for_busy_pools(api: Any) -> None:
    database = api.app[DB]
    busy = [
        asyncio.create_task(ask("SELECT pg_sleep(2)"))
        for pool, ask in (
            (database.reads, database.fetch_all),
            (database.writes, database.write_all),
        )
        for _ in range(pool.size + 5)
    ]
    await asyncio.sleep(0)
    assert (await read(api, "/health"))[0] == 200
    assert (await read(api, "/health/ready"))[0] == 200
    assert not any(task.done() for task in busy)
    await asyncio.gather(*busy, return_exceptions=True)


async def test_clock_exists_only_in_a_simulation_not_found(api: Any) -> None:
    assert (await read(api, "/api/v1/clock"))[1]["code"] == "not_found"
    async with api.put("/api/v1/clock", json={"speed": 2}) as answer:
        assert answer.status == 404


@pytest.fixture
async def simulation(make_client: Any, fresh_database: Any) -> Any:
    """A service on a simulated clock that stands still."""
    connection = fresh_database.connect()
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT api.start_simulated_clock('2026-11-20 06:00-05')")
    connection.close()
    client = await make_client(simulated_clock=True)
    await client.put("/api/v1/clock", json={"speed": 0})
    return client


async def test_clock_moves_forward(simulation: Any) -> None:
    wanted = {"now": "2026-11-21T00:00:00-05:00"}
    async with simulation.put("/api/v1/clock", json=wanted) as answer:
        assert answer.status == 200
        assert await answer.json() == {"now": "2026-11-21T05:00:00.000000Z", "speed": 0.0}
    assert await read(simulation, "/api/v1/clock") == (
        200,
        {"now": "2026-11-21T05:00:00.000000Z", "speed": 0.0},
    )


async def test_clock_never_goes_back_validation_error(simulation: Any) -> None:
    async with simulation.put("/api/v1/clock", json={"now": "2026-11-20T00:00:00Z"}) as answer:
        assert answer.status == 422
        assert list((await answer.json(content_type=None))["errors"]) == ["now"]


@pytest.mark.parametrize("speed", [-1, 100_001, "2", True])
async def test_impossible_speed_validation_error(simulation: Any, speed: Any) -> None:
    async with simulation.put("/api/v1/clock", json={"speed": speed}) as answer:
        assert answer.status == 422
        assert list((await answer.json(content_type=None))["errors"]) == ["speed"]
