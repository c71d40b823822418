"""What each layer is worth: every analytics answer cold and cached, and what is never cached."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Any

from hdrh.histogram import HdrHistogram  # type: ignore[import-untyped]

from simulator.access import ANYBODY, Access
from simulator.actor import DEVICE_BITS
from simulator.city import read_city
from simulator.client import Answer, ApiClient
from simulator.measure import new_histogram, percentile_ms
from simulator.population import settle_group
from simulator.riders import make_riders
from simulator.world import PREFIX, Unusable, connect, read_stations

RIDERS = 50
WARM_UP = 5
TIMEOUT_S = 30.0
CACHED_A_ROUND = 20


@dataclass(slots=True)
class Timing:
    """One endpoint: how long cold and how long cached (or, uncacheable, how long at all)."""

    endpoint: str
    cold: HdrHistogram = field(default_factory=new_histogram)
    cached: HdrHistogram = field(default_factory=new_histogram)
    base_ms: float | None = None

    def row(self) -> dict[str, Any]:
        """Medians and 99th percentiles in ms, and what the cache is worth."""
        cold, cached = percentile_ms(self.cold, 50), percentile_ms(self.cached, 50)
        return {
            "endpoint": self.endpoint,
            "base_tables_ms": self.base_ms,
            "cold_p50_ms": cold,
            "cold_p99_ms": percentile_ms(self.cold, 99),
            "cached_p50_ms": cached or None,
            "cached_p99_ms": percentile_ms(self.cached, 99) or None,
            "cold_over_cached": round(cold / cached, 1) if cached else None,
            "base_over_cold": round(self.base_ms / cold, 1) if self.base_ms and cold else None,
        }


ANALYTICS = ("trips/total", "revenue", "users/active", "trips/hourly", "stations/top",
             "localities")  # fmt: skip


async def timed(request: Awaitable[Answer]) -> tuple[Answer, int]:
    """An answer and its microseconds."""
    started = time.perf_counter()
    answer = await request
    return answer, int((time.perf_counter() - started) * 1e6)


async def time_analytics(client: ApiClient, rounds: int) -> list[Timing]:
    """The same questions again and again: cold where their copy has expired, cached after that."""
    timings = {name: Timing(f"GET /analytics/{name}") for name in ANALYTICS}
    for _ in range(rounds):
        fresh_s = 0.0
        for name, timing in timings.items():
            path = f"{PREFIX}/analytics/{name}"
            for _ in range(1 + CACHED_A_ROUND):
                answer, micros = await timed(client.request("GET", path))
                if answer.status != 200 or not answer.is_ours:
                    raise Unusable(f"GET {path} answered {answer.status}")
                hit = answer.header("X-Cache") == "HIT"
                (timing.cached if hit else timing.cold).record_value(max(1, micros))
                fresh_s = max(fresh_s, max_age_s(answer))
        await asyncio.sleep(fresh_s + 1.1)
    return list(timings.values())


def max_age_s(answer: Answer) -> float:
    """How long the service says that an answer may still be used."""
    _, _, seconds = (answer.header("Cache-Control") or "").partition("max-age=")
    return float(seconds) if seconds.isdigit() else 0.0


async def time_repeated(
    endpoint: str, samples: int, ask: Callable[[], Awaitable[Answer]]
) -> Timing:
    """An endpoint that is never cached, one request after another."""
    timing = Timing(endpoint)
    for number in range(samples + WARM_UP):
        answer, micros = await timed(ask())
        if answer.status >= 400 or not answer.is_ours:
            raise Unusable(f"{endpoint} answered {answer.status} {answer.json().get('code')}")
        if number >= WARM_UP:
            timing.cold.record_value(max(1, micros))
    return timing


async def time_uncached(client: ApiClient, samples: int, seed: int) -> list[Timing]:
    """Taps, recharges and the reads of a card, on riders of this run."""
    run = int(time.time())
    stations = await read_stations(client)
    riders = list(make_riders(read_city(stations), RIDERS, seed))
    cards = [card.card_id for card in await settle_group(client, riders, seed, run)]
    places = [station.station_id for station in stations.values()]
    rng, numbers = Random(seed), count(1)

    def post(path: str, body: Mapping[str, object]) -> Awaitable[Answer]:
        return client.request("POST", PREFIX + path, body)

    def recharge() -> Awaitable[Answer]:
        return post("/cards/recharge", {"card_id": rng.choice(cards), "amount": 4000})

    def tap() -> Awaitable[Answer]:
        return post("/trips/start", {
            "card_id": rng.choice(cards), "station_id": rng.choice(places),
            "device_id": run << DEVICE_BITS, "device_seq": next(numbers),
        })  # fmt: skip

    def read(path: str) -> Callable[[], Awaitable[Answer]]:
        return lambda: client.request("GET", f"{PREFIX}/cards/{rng.choice(cards)}{path}")

    # money first, so that every tap below is one that pays
    for card in cards:
        await post("/cards/recharge", {"card_id": card, "amount": 200_000})
    return [
        await time_repeated("POST /trips/start", samples, tap),
        await time_repeated("POST /cards/recharge", samples, recharge),
        await time_repeated("GET /cards/{card_id}/balance", samples, read("/balance")),
        await time_repeated("GET /cards/{card_id}/history", samples, read("/history")),
        await time_repeated("GET /cards/{card_id}/statement", samples, read("/statement")),
    ]


async def measure_latency(
    url: str,
    rounds: int,
    samples: int,
    seed: int,
    base: Mapping[str, float],
    access: Access = ANYBODY,
) -> list[dict[str, Any]]:
    """Every row; `base` holds what the same answers cost from the base tables, in ms, as the
    service's side measured it, keyed by the endpoint's path under /analytics/."""
    client = connect(url, 2, TIMEOUT_S, access)
    try:
        timings = await time_uncached(client, samples, seed)
        for timing in await time_analytics(client, rounds):
            timing.base_ms = base.get(timing.endpoint.removeprefix("GET /analytics/"))
            timings.append(timing)
        return [timing.row() for timing in timings]
    finally:
        client.close()
