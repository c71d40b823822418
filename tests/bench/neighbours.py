"""What others notice while one client asks for something dear: refused bodies, the deny list."""

import asyncio
import statistics
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from itertools import count, cycle
from random import Random
from typing import Any, cast

import orjson
import uvloop

from simulator.client import ApiClient
from tests.bench import bodies, load
from tests.bench.population import SEED, make_population
from tests.bench.stack import Service, connect, start_servers, start_service
from tests.bench.targets import Bench, Row
from transit_api.schemas.cards import LONGEST_DENY_PAGE as PAGE

HEAVY_CLIENTS = 8
TAPS = 1_000
# Of balance reads, which nothing caches: few enough that they are no load of their own.
NEIGHBOURS_PER_S = 100
DENIED = 1_000_000

UPLOAD = "/api/v1/taps/batch"
ANY_DEVICE = b'"device_id":1'

DENY = f"""
    INSERT INTO transit.deny_list (card_number, action, version)
    SELECT 'bench-' || g, 'add', g FROM generate_series(1, {DENIED}) AS g;
    UPDATE transit.deny_list_version SET version = {DENIED};
    VACUUM ANALYZE transit.deny_list;
"""


def measure_refused_bodies(bench: Bench) -> list[Row]:
    """S14: the dearest refused body of 1 MiB, alone and beside the requests of others."""
    costs = {name: uvloop.run(bodies.ratio(name)) for name in bodies.REFUSED}
    dearest = max(costs, key=lambda name: costs[name][0] / costs[name][1])
    refused, good = costs[dearest]
    bad, fine = Met(), Met()
    with start_service(bench.servers) as service:
        beside_refused, beside_good = bench.medians(
            lambda: _p99_ms(bench, service, bad, _uploads(cycle([bodies.REFUSED[dearest]]), bad)),
            lambda: _p99_ms(bench, service, fine, _uploads(_good_bodies(bench), fine)),
        )
    met = beside_refused <= 2 * beside_good and bad.turned_away <= fine.turned_away + 0.01
    return [
        Row("S14", "CPU of the dearest refused body of 1 MiB, against good taps of that size",
            refused * 1000, good * 1000, "ms", "<= 3x", refused <= 3 * good, dearest),
        Row("S14b", f"p99 of others beside {HEAVY_CLIENTS} clients that send it, against as many "
            "that send good ones", beside_refused, beside_good, "ms", "<= 2x",
            met, f"balance reads at {NEIGHBOURS_PER_S}/s; {bad.told()}, beside good ones "
            f"{fine.told()}"),
    ]  # fmt: skip


def measure_deny_list(bench: Bench) -> list[Row]:
    """S18: a page of a deny list of 1,000,000 cards, alone and beside the requests of others."""
    # On servers of its own: the cards on the list do not exist, which the audit would tell.
    with start_servers() as servers, connect(servers) as owner:
        for statement in DENY.split(";")[:-1]:
            owner.execute(statement)
        people = make_population(owner, 100, SEED)
        pages: list[float] = []
        met = Met()
        with start_service(servers) as service:
            here = Bench(servers, people, bench.pgbench, bench.quick)
            beside, alone = bench.medians(
                lambda: _p99_ms(here, service, met, lambda c, s: _read_list(c, s, pages)),
                lambda: _p99_ms(here, service, met),
            )
    return [
        Row("S18", f"p50 of a page of {PAGE:,} of a deny list of {DENIED:,} cards",
            statistics.median(pages), None, "ms", "shown", True,
            f"slowest {max(pages):.1f} ms of {len(pages)} pages"),
        Row("S18b", "p99 of others beside a client that reads it page by page, against alone",
            beside, alone, "ms", "<= 2x", beside <= 2 * alone and not met.refused,
            f"balance reads at {NEIGHBOURS_PER_S}/s; {met.told()}"),
    ]  # fmt: skip


Heavy = Callable[[ApiClient, asyncio.Event], Awaitable[Any]]


@dataclass
class Met:
    """What came back to the clients of one side."""

    answered: int = 0
    refused: list[int] = field(default_factory=list)
    uploads: Counter[int] = field(default_factory=Counter)

    @property
    def turned_away(self) -> float:
        """The share of the others' requests that an overloaded service did not take."""
        return len(self.refused) / max(self.answered + len(self.refused), 1)

    def told(self) -> str:
        """For the note of a row."""
        uploads = ", ".join(f"{n} uploads {status}" for status, n in sorted(self.uploads.items()))
        return f"{self.turned_away:.1%} turned away{uploads and f' ({uploads})'}"


def _p99_ms(bench: Bench, service: Service, met: Met, heavy: Heavy | None = None) -> float:
    """Of balance reads at a steady rate, from their schedule, beside `heavy` if there is one."""

    async def run() -> list[float]:
        stop = asyncio.Event()
        client = ApiClient(service.url, connections=HEAVY_CLIENTS)
        works: list[Awaitable[Any]] = [heavy(client, stop)] if heavy else []
        target = bench.target(service, "balance")
        works.append(load.at_rate(target, NEIGHBOURS_PER_S, stop, met.refused))
        asyncio.get_running_loop().call_later(bench.seconds, stop.set)
        try:
            *_, latencies = await asyncio.gather(*works)
            return cast(list[float], latencies)
        finally:
            client.close()

    latencies = uvloop.run(run())
    met.answered += len(latencies)
    return statistics.quantiles(latencies, n=100)[98]


def _uploads(raws: Iterator[bytes], met: Met) -> Heavy:
    """All the clients send one body after the other, until the end."""

    async def one(client: ApiClient, stop: asyncio.Event) -> None:
        while not stop.is_set():
            answer = await client.request("POST", UPLOAD, next(raws))
            met.uploads[answer.status] += 1

    async def all_of_them(client: ApiClient, stop: asyncio.Event) -> None:
        await asyncio.gather(*(one(client, stop) for _ in range(HEAVY_CLIENTS)))

    return all_of_them


def _good_bodies(bench: Bench) -> Iterator[bytes]:
    """Uploads of 1 MiB, each with taps that are new; only the device differs, to be made fast."""
    rng = Random(SEED)
    cards = bench.people.cards
    templates = [
        orjson.dumps({"taps": [
            {"card_id": card, "station_id": rng.choice(bench.people.stations),
             "device_id": 1, "device_seq": sequence}
            for card, sequence in zip(cards[start : start + TAPS], count(1), strict=False)
        ]})
        for start in range(0, len(cards), TAPS)
    ]  # fmt: skip
    for template in cycle(templates):
        device = b'"device_id":%d' % (next(load.devices) + 40_000_000)
        yield bodies.of_size(template.replace(ANY_DEVICE, device))


async def _read_list(client: ApiClient, stop: asyncio.Event, pages: list[float]) -> None:
    """Page by page, and from the beginning again; notes the milliseconds of each page."""
    since = 0
    while not stop.is_set():
        began = time.perf_counter()
        answer = await client.request("GET", f"/api/v1/cards/deny-list?since={since}&limit={PAGE}")
        pages.append((time.perf_counter() - began) * 1000)
        if answer.status != 200:
            raise RuntimeError(f"{answer.status} {answer.body[:300]!r}")
        page = orjson.loads(answer.body)
        since = page["version"] if page["more"] else 0
