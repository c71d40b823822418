"""Cached reads; the only place that talks to Redis, and one table of families and their ages.

How old an answer can be. Every copy carries the moment just before its database read began, and
its age counts from there through both tiers; nothing ever makes it young again.

- HIT: from this process or from Redis, at most `ttl_s` old when it leaves, and less where the load
  said so (arrivals: until the soonest one). Both tiers judge by the
  same moment, so their ages do not add up; a Redis that hangs, dies or comes back empty can only
  cause loads, never an older answer.
- MISS, BYPASS: loaded for this request, or by the load of the same key that was under way when it
  came: as old as that load took. BYPASS where Redis was not to be had.
- STALE: only where a load failed or took long because the database was in trouble, at most
  `stale_s` old, and never past the bound that the load set itself (arrivals: the last prediction).

In this process age runs on the monotonic clock. Between processes it travels as wall-clock time: a
value from the future is a miss, and hosts that share a Redis add the difference of their clocks
to the bounds. Nothing is deleted on a write (it would race with loaders): freshness is age.

A value in Redis does not decide for how long it is served: it can shorten what its family allows,
never extend it, and it counts only under the key that it names (entry.py).
"""

import asyncio
import collections
import contextlib
import dataclasses
import hashlib
import logging
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, Final

from aiohttp import web
from redis import asyncio as aioredis
from redis import exceptions as redis_errors
from redis.backoff import NoBackoff

from transit_api.cache.entry import LARGEST_BODY, LARGEST_VALUE, SCHEMA, Copy, unpack
from transit_api.database.pools import DatabaseUnavailable
from transit_api.http.answers import JSON, Answer
from transit_api.observe.metrics import METRICS, Metrics
from transit_api.settings import SETTINGS, Settings

log = logging.getLogger(__name__)


class CacheUnavailable(Exception):
    """Redis did not answer in time."""


@dataclasses.dataclass(frozen=True, slots=True)
class Family:
    """One kind of cached read: fresh for `ttl_s`, and if loads fail usable for `stale_s`."""

    name: str
    ttl_s: float
    stale_s: float


# Each kind of cached read, by name. Alerts must be seen within a second of being opened.
FAMILIES: Final = {
    family.name: family
    for family in (
        Family("trip_totals", ttl_s=5.0, stale_s=300.0),
        Family("revenue", ttl_s=5.0, stale_s=300.0),
        Family("active_users", ttl_s=5.0, stale_s=300.0),
        Family("trips_hourly", ttl_s=5.0, stale_s=300.0),
        Family("top_stations", ttl_s=5.0, stale_s=300.0),
        Family("localities", ttl_s=5.0, stale_s=300.0),
        Family("arrivals", ttl_s=2.0, stale_s=120.0),
        Family("alerts", ttl_s=1.0, stale_s=60.0),
    )
}

LOCAL_COPIES: Final = 1_024
LOCAL_BYTES: Final = 16 * 1_048_576
# Who could have a stale copy waits no longer than this for a load: a database that is silent, and
# not gone, would hold him up until its own limits end the statement.
LOAD_PATIENCE_S: Final = 1.0
# After a failed load a stale copy is served for so long before the database is asked again.
STALE_PAUSE_S: Final = 0.5
FAILURES_TO_OPEN: Final = 3
PROBE_EVERY_S: Final = 0.5
REFUSALS_LOGGED_EVERY_S: Final = 10.0
PING_TIMEOUT_S: Final = 0.9
# Copies on their way to Redis at once; the next one stays with us.
STORES: Final = 64


@dataclasses.dataclass(frozen=True, slots=True)
class Loaded:
    """What a load may return instead of a bare body: for how long that is fresh and usable."""

    body: dict[str, Any]
    stale_for_s: float
    fresh_for_s: float = math.inf


# The family and what was asked of it.
Key = tuple[object, ...]
Load = Callable[[], Awaitable[dict[str, Any] | Loaded]]


class Cache:
    """Copies of this process in front of Redis, one load a key at a time, and the breaker."""

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        timeout_s = settings.cache_timeout_ms / 1000
        pool = aioredis.BlockingConnectionPool.from_url(
            settings.redis_url,
            max_connections=settings.cache_pool_size,
            timeout=timeout_s,
            socket_timeout=timeout_s,
            socket_connect_timeout=timeout_s,
            retry=aioredis.retry.Retry(NoBackoff(), 0),
            health_check_interval=0,
        )
        self.metrics = metrics
        # Services on different databases may share a Redis.
        database = hashlib.blake2b(settings.database_url.encode(), digest_size=6).hexdigest()
        self.prefix = f"transit:{SCHEMA}:{database}"
        self._redis = aioredis.Redis.from_pool(pool)
        self._simulated = settings.simulated_clock
        self._copies: collections.OrderedDict[Key, Copy] = collections.OrderedDict()
        self._bytes = 0
        self._loads: dict[Key, asyncio.Task[tuple[Copy, str]]] = {}
        self._stores: set[asyncio.Task[None]] = set()
        self._failures = 0
        self._quiet_until = 0.0
        self._probe: asyncio.Task[None] | None = None

    @property
    def available(self) -> bool:
        """Whether the breaker lets anything through to Redis."""
        return self._probe is None

    @property
    def copies(self) -> int:
        """Copies that this process holds."""
        return len(self._copies)

    @property
    def storing(self) -> int:
        """Copies on their way to Redis."""
        return len(self._stores)

    async def find(self, family: Family, key: Key, load: Load) -> tuple[Copy, str]:
        """The copy to answer with, and HIT, MISS, STALE or BYPASS."""
        copy = self._copies.get(key)
        if copy is not None:
            now = time.monotonic()
            if now <= copy.fresh_until:
                return copy, "HIT"
            if now < copy.pause_until and now < copy.stale_until:
                return copy, "STALE"
        filling = self._loads.get(key)
        if filling is None:
            filling = asyncio.create_task(self._fill(family, key, load))
            self._loads[key] = filling
            filling.add_done_callback(lambda _: self._loads.pop(key, None))
        # A client that leaves does not take the load away from the others.
        if copy is None:
            return await asyncio.shield(filling)
        try:
            async with asyncio.timeout(LOAD_PATIENCE_S):
                return await asyncio.shield(filling)
        except TimeoutError:
            stale = self._stale(key, None)
        return await asyncio.shield(filling) if stale is None else (stale, "STALE")

    async def _fill(self, family: Family, key: Key, load: Load) -> tuple[Copy, str]:
        known, reached = await self._get(family, key)
        if known is not None and time.monotonic() <= known.fresh_until:
            self._keep(key, known)
            return known, "HIT"
        try:
            copy = await self._load(family, load)
        except DatabaseUnavailable:
            stale = self._stale(key, known)
            if stale is None:
                raise
            return stale, "STALE"
        self._keep(key, copy)
        self._store(key, copy)
        return copy, "MISS" if reached else "BYPASS"

    async def _load(self, family: Family, load: Load) -> Copy:
        started = time.monotonic()
        loaded = await load()
        fresh_for_s, stale_for_s = family.ttl_s, family.stale_s
        if isinstance(loaded, Loaded):
            # A simulated clock runs at a speed of its own: its bounds say nothing in real seconds.
            if self._simulated:
                stale_for_s = 0.0
            else:
                fresh_for_s = min(fresh_for_s, loaded.fresh_for_s)
                stale_for_s = min(stale_for_s, loaded.stale_for_s)
            loaded = loaded.body
        return Copy.make(loaded, loaded=started, fresh_for_s=fresh_for_s, stale_for_s=stale_for_s)

    def _stale(self, key: Key, known: Copy | None) -> Copy | None:
        """The youngest copy that may still be served now that a load failed."""
        now = time.monotonic()
        copies = [copy for copy in (self._copies.get(key), known) if copy is not None]
        usable = [copy for copy in copies if now < copy.stale_until]
        if not usable:
            return None
        copy = max(usable, key=lambda each: each.loaded)
        copy.pause_until = now + STALE_PAUSE_S
        self._keep(key, copy)
        return copy

    def _keep(self, key: Key, copy: Copy) -> None:
        old = self._copies.pop(key, None)
        self._bytes += len(copy.body) - (len(old.body) if old else 0)
        self._copies[key] = copy
        while len(self._copies) > LOCAL_COPIES or self._bytes > LOCAL_BYTES:
            _, dropped = self._copies.popitem(last=False)
            self._bytes -= len(dropped.body)

    def _name(self, key: Key) -> str:
        """The key in Redis; in this process the parts do, which costs no spelling."""
        family, *parts = key
        return f"{self.prefix}:{family}:{tuple(parts)!r}"

    async def _get(self, family: Family, key: Key) -> tuple[Copy | None, bool]:
        """The copy in Redis, and whether Redis could be asked."""
        if not self.available:
            return None, False
        name = self._name(key)
        try:
            # A value that is longer than any of ours is not read to its end. A missing one is b"".
            value: Any = await self._redis.getrange(name, 0, LARGEST_VALUE)
        except redis_errors.ResponseError as error:
            # Not a string: somebody else's value under our key. Storing ours replaces it.
            self._refused(error)
            return None, True
        except (redis_errors.RedisError, OSError) as error:
            self._failed(error)
            return None, False
        self._failures = 0
        return unpack(value, name, ttl_s=family.ttl_s, stale_s=family.stale_s), True

    def _store(self, key: Key, copy: Copy) -> None:
        """Hand the copy to Redis without making the request wait for it."""
        if not self.available or len(copy.body) > LARGEST_BODY or len(self._stores) >= STORES:
            return
        task = asyncio.create_task(self._set(key, copy))
        self._stores.add(task)
        task.add_done_callback(self._stores.discard)

    async def _set(self, key: Key, copy: Copy) -> None:
        left_ms = max(1, int((copy.stale_until - time.monotonic()) * 1000))
        name = self._name(key)
        try:
            await self._redis.set(name, copy.pack(name), px=left_ms)
        except redis_errors.ResponseError as error:
            # Full or read-only: it still answers, so the breaker stays closed.
            self._refused(error)
        except (redis_errors.RedisError, OSError) as error:
            self._failed(error)

    def _refused(self, error: Exception) -> None:
        now = time.monotonic()
        if now >= self._quiet_until:
            self._quiet_until = now + REFUSALS_LOGGED_EVERY_S
            log.warning("the cache answers, but refuses: %s", error)

    def _failed(self, error: Exception) -> None:
        self._failures += 1
        if self._failures >= FAILURES_TO_OPEN and self._probe is None:
            log.warning("the cache is given up until it answers: %s", error)
            self._probe = asyncio.create_task(self._wait_for_redis())

    async def _wait_for_redis(self) -> None:
        """Half open: one ping at a time, and no request is made to wait for its answer."""
        started = time.monotonic()
        while True:
            await asyncio.sleep(PROBE_EVERY_S)
            with contextlib.suppress(redis_errors.RedisError, OSError):
                await self._redis.ping()
                break
        self._failures = 0
        self._probe = None
        log.warning("the cache is back after %.1f s", time.monotonic() - started)

    async def ping(self) -> None:
        """Ask Redis whatever the breaker says; raises CacheUnavailable."""
        try:
            async with asyncio.timeout(PING_TIMEOUT_S):
                await self._redis.ping()
        except (redis_errors.RedisError, OSError) as error:
            raise CacheUnavailable from error

    async def close(self) -> None:
        """Stop probing and storing, and leave Redis."""
        tasks = [*self._stores, *self._loads.values()]
        if self._probe is not None:
            tasks.append(self._probe)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._redis.aclose()


CACHE: Final = web.AppKey("CACHE", Cache)


async def cached(
    request: web.Request, family: str, key_parts: Sequence[object], load: Load
) -> web.Response:
    """The answer to a cached read; `load` asks the database and returns the body with `as_of`."""
    cache = request.app[CACHE]
    kind = FAMILIES[family]
    copy, result = await cache.find(kind, (family, *key_parts), load)
    cache.metrics.count_cached_read(family, result)
    now = time.monotonic()
    age_s = now - copy.loaded
    left_s = max(0, int(copy.fresh_until - now))
    headers = {
        "Content-Type": JSON,
        "X-Cache": result,
        "Age": str(int(age_s)),
        "Cache-Control": f"max-age={left_s}",
        "ETag": copy.etag,
    }
    if "If-None-Match" in request.headers:
        wanted = ",".join(request.headers.getall("If-None-Match"))
        if _matches(wanted, copy.etag):
            del headers["Content-Type"]
            return web.Response(status=304, headers=headers)
    return Answer(copy.body, 200, headers)


def _matches(wanted: str, etag: str) -> bool:
    """Weak comparison: `*`, or one of the tags, whether it is called weak or not."""
    opaque = etag.removeprefix("W/")
    tags = (tag.strip().removeprefix("W/") for tag in wanted.split(","))
    return any(tag in ("*", opaque) for tag in tags)


async def cache_lifespan(app: web.Application) -> AsyncIterator[None]:
    """Connects when first asked; the service starts and runs without Redis."""
    app[CACHE] = cache = Cache(app[SETTINGS], app[METRICS])
    yield
    await cache.close()
