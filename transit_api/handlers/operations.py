"""Health, metrics and the simulated clock: what operators and simulations ask."""

from __future__ import annotations

import asyncio
import functools
import importlib.metadata
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

import psycopg2
from aiohttp import web

from transit_api.cache.cache import CACHE, CacheUnavailable
from transit_api.database.migrate import READINESS_SQL, readiness_parameters
from transit_api.database.pools import DB, DatabaseUnavailable
from transit_api.errors import PROBLEM_JSON, RETRY_AFTER_S, Problem, problem_body
from transit_api.http.answers import encode, json_answer
from transit_api.http.endpoint import Endpoint
from transit_api.http.middleware import REQUEST_ID
from transit_api.http.outcomes import decided
from transit_api.http.validation import BODY
from transit_api.observe.metrics import CONTENT_TYPE, METRICS
from transit_api.process.draining import DRAINING
from transit_api.schemas.operations import (
    CheckResponse,
    ClockRequest,
    ClockResponse,
    HealthResponse,
    LivenessResponse,
)

READ_CLOCK = "SELECT * FROM api.read_clock()"
SET_CLOCK = "SELECT * FROM api.set_clock(%s, %s)"

VERSION = importlib.metadata.version("transit-api")


WANTED_PARTS: Final = web.AppKey("WANTED_PARTS", tuple[list[str], list[str]])


@Endpoint(
    summary="Tell how the service is",
    tag="Operations",
    description="`degraded`: the cache is lost, everything works. `down`: the database is lost.",
    answer=HealthResponse,
    also={503: HealthResponse},
    uses_database=False,
)
async def health(request: web.Request) -> web.Response:
    """Asks both servers at the same time; answers within a second."""
    database, cache = await asyncio.gather(
        _check(request.app[DB].ping), _check(request.app[CACHE].ping)
    )
    status = "ok" if cache["status"] == "ok" else "degraded"
    if database["status"] == "down":
        status = "down"
    return json_answer(
        {
            "status": status,
            "checks": {"database": database, "cache": cache},
            "version": VERSION,
            "uptime_seconds": round(request.app[METRICS].uptime_s, 3),
        },
        status=503 if status == "down" else 200,
    )


@Endpoint(
    summary="Tell whether the database answers",
    tag="Operations",
    answer=CheckResponse,
)
async def database_health(request: web.Request) -> web.Response:
    """Not through the pools of requests, which may be busy."""
    return _checked(request, await _check(request.app[DB].ping), "database_unavailable")


@Endpoint(
    summary="Tell whether the cache answers",
    tag="Operations",
    answer=CheckResponse,
    refusals=("cache_unavailable",),
    uses_database=False,
)
async def cache_health(request: web.Request) -> web.Response:
    """Whatever the breaker thinks of it."""
    return _checked(request, await _check(request.app[CACHE].ping), "cache_unavailable")


@Endpoint(
    summary="Tell that the process lives",
    tag="Operations",
    answer=LivenessResponse,
    uses_database=False,
)
async def live(request: web.Request) -> web.Response:
    """Touches nothing outside the process."""
    return json_answer({"status": "ok"})


@Endpoint(
    summary="Tell whether requests are welcome",
    tag="Operations",
    description="The database answers and holds this release's schema; the worker is not stopping.",
    answer=LivenessResponse,
)
async def ready(request: web.Request) -> web.Response:
    """What a balancer asks."""
    if request.app[DRAINING].active:
        raise Problem("database_unavailable", "This worker is stopping.")
    try:
        wanted = request.app[WANTED_PARTS]
        missing = await request.app[DB].ask_at_once(READINESS_SQL, wanted)
    except psycopg2.ProgrammingError as error:
        raise Problem("database_unavailable", "The database was never migrated.") from error
    if missing:
        names = ", ".join(row["part"] for row in missing[:5])
        raise Problem("database_unavailable", f"The database lacks {names} of this release.")
    return json_answer({"status": "ok"})


@Endpoint(
    summary="Read the metrics",
    tag="Operations",
    description="Prometheus' text format, of all workers together.",
    answer=None,
    media_type="text/plain",
    uses_database=False,
)
async def metrics(request: web.Request) -> web.Response:
    """Reading the files of all workers takes milliseconds, so a thread does it."""
    own = request.app[METRICS]
    own.flush()
    own.set_resources()
    body = await asyncio.to_thread(own.render)
    return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE})


@Endpoint(
    summary="Read the simulated clock",
    tag="Operations",
    description="Exists only where the service runs on a simulated clock.",
    answer=ClockResponse,
    refusals=("not_found",),
)
async def read_clock(request: web.Request) -> web.Response:
    """What time it is in the simulation."""
    row = await request.app[DB].fetch_one(READ_CLOCK)
    if row is None:
        raise Problem("not_found")
    return json_answer(ClockResponse.shape(row))


@Endpoint(
    summary="Set the simulated clock",
    tag="Operations",
    description="Exists only where the service runs on a simulated clock, which never goes back.",
    body=ClockRequest,
    answer=ClockResponse,
    refusals=("not_found",),
)
async def set_clock(request: web.Request) -> web.Response:
    """Move on, or change the speed."""
    wanted = request[BODY]
    rows = await request.app[DB].write_all(SET_CLOCK, (wanted["now"], wanted["speed"]))
    if not rows:
        raise Problem("not_found")
    row = rows[0]
    if row["outcome"] == "validation_error":
        raise Problem("validation_error", errors={"now": [row["detail"]]})
    return decided(row, 200, ClockResponse)


async def _check(ping: Callable[[], Awaitable[None]]) -> dict[str, Any]:
    started = time.perf_counter()
    status = "ok"
    try:
        await ping()
    except (DatabaseUnavailable, CacheUnavailable):
        status = "down"
    return {"status": status, "latency_ms": round((time.perf_counter() - started) * 1000, 3)}


def _checked(request: web.Request, check: dict[str, Any], code: str) -> web.Response:
    if check["status"] == "ok":
        return json_answer(check)
    body = problem_body(Problem(code), request[REQUEST_ID])
    return web.Response(
        status=503,
        body=encode({**body, "latency_ms": check["latency_ms"]}),
        content_type=PROBLEM_JSON,
        headers={"Retry-After": RETRY_AFTER_S},
    )


@functools.cache
def wanted_parts() -> tuple[list[str], list[str]]:
    """What readiness asks the database for, read from the files of this release once."""
    return readiness_parameters()
