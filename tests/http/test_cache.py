"""Cached reads: how old an answer can be, and what a client sees while Redis or the database fails.

A load here is a function of the test: what it loads is not the point, when and how often is.
"""

import asyncio
import contextlib
import dataclasses
import math
import re
import signal
import time
import zlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer, make_mocked_request
from hypothesis import HealthCheck, event, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.http.waiting import until
from transit_api.cache import cache as module
from transit_api.cache import entry as copies
from transit_api.cache.cache import (
    CACHE,
    FAMILIES,
    Cache,
    CacheUnavailable,
    Loaded,
    cached,
)
from transit_api.database.pools import DatabaseUnavailable
from transit_api.http.answers import Answer
from transit_api.local.embedded import Valkey
from transit_api.observe.metrics import Metrics
from transit_api.settings import Settings


class Source:
    """The database as a load sees it: counts what it is asked, and fails when told to."""

    def __init__(self) -> None:
        self.loads = 0
        self.failing: Exception | None = None
        self.held = asyncio.Event()
        self.held.set()
        self.stale_for_s: float | None = None
        self.constant = False

    async def __call__(self) -> dict[str, Any] | Loaded:
        self.loads += 1
        number = self.loads
        await self.held.wait()
        if self.failing is not None:
            raise self.failing
        body = {"trips": 0 if self.constant else number, "as_of": f"moment {number}"}
        return body if self.stale_for_s is None else Loaded(body, self.stale_for_s)


class Clock:
    """Both clocks of the cache, which stand still until the test moves them."""

    def __init__(self) -> None:
        self.passed = 0.0

    def monotonic(self) -> float:
        return 1_000.0 + self.passed

    def time(self) -> float:
        return 1_800_000_000.0 + self.passed


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    stopped = Clock()
    monkeypatch.setattr(module, "time", stopped)
    monkeypatch.setattr(copies, "time", stopped)
    return stopped


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def valkey(data_directory: Path) -> Iterator[Valkey]:
    """A server of this test's own, which it may stop, hang and restart."""
    own = Valkey(socket=data_directory / "valkey.sock", log=data_directory / "valkey.log")
    own.start()
    yield own
    own.kill()


@pytest.fixture
def redis_client(valkey: Valkey) -> Iterator[Any]:
    client = redis.Redis.from_url(valkey.url)
    yield client
    client.close()


class Worker:
    """The cache of one process."""

    def __init__(self, settings: Settings) -> None:
        self.cache = Cache(settings, Metrics())
        self.app = web.Application()
        self.app[CACHE] = self.cache

    async def get(self, source: Source, family: str = "revenue", **headers: str) -> web.Response:
        request = make_mocked_request("GET", "/", headers=headers, app=self.app)
        answer = await cached(request, family, ("a", 1), source)
        # What was on its way to Redis has arrived.
        await until(lambda: not self.cache.storing)
        return answer

    async def see(self, source: Source, family: str = "revenue") -> str:
        answer = await self.get(source, family)
        return answer.headers["X-Cache"]


@pytest.fixture
async def make_worker(valkey: Valkey) -> AsyncIterator[Any]:
    async with contextlib.AsyncExitStack() as stack:

        def make(**changes: Any) -> Worker:
            chosen = {"redis_url": valkey.url, "cache_timeout_ms": 500, **changes}
            worker = Worker(dataclasses.replace(Settings(), **chosen))
            stack.push_async_callback(worker.cache.close)
            return worker

        yield make


@pytest.fixture
def worker(make_worker: Any) -> Worker:
    made: Worker = make_worker()
    return made


TTL_S = FAMILIES["revenue"].ttl_s


async def test_first_read_is_a_miss_and_the_second_a_hit_of_equal_bytes(
    worker: Worker, source: Source
) -> None:
    first, second = await worker.get(source), await worker.get(source)
    assert (first.headers["X-Cache"], second.headers["X-Cache"]) == ("MISS", "HIT")
    assert first.body == second.body == b'{"trips":1,"as_of":"moment 1"}'
    assert source.loads == 1


async def test_another_worker_is_served_by_redis(make_worker: Any, source: Source) -> None:
    assert await make_worker().see(source) == "MISS"
    assert await make_worker().see(source) == "HIT"
    assert source.loads == 1


async def test_age_counts_from_the_load_through_both_tiers(
    make_worker: Any, source: Source, clock: Clock
) -> None:
    await make_worker().get(source)
    clock.passed = 2.5
    answer = await make_worker().get(source)
    assert answer.headers["X-Cache"] == "HIT"
    assert answer.headers["Age"] == "2"
    assert answer.headers["Cache-Control"] == "max-age=2"


async def test_copy_out_of_redis_is_no_younger_for_being_kept(
    make_worker: Any, source: Source, clock: Clock
) -> None:
    await make_worker().get(source)
    second = make_worker()
    clock.passed = TTL_S - 0.1
    assert await second.see(source) == "HIT"
    clock.passed = TTL_S + 0.1
    assert await second.see(source) == "MISS"


async def test_age_includes_the_time_of_the_load(
    worker: Worker, source: Source, clock: Clock
) -> None:
    source.held.clear()
    reading = asyncio.create_task(worker.get(source))
    await until(lambda: source.loads)
    clock.passed = 3.0
    source.held.set()
    answer = await reading
    assert answer.headers["Age"] == "3"


@pytest.mark.parametrize("family", sorted(FAMILIES))
async def test_no_hit_is_older_than_its_family_allows(
    worker: Worker, source: Source, clock: Clock, family: str
) -> None:
    await worker.get(source, family)
    clock.passed = FAMILIES[family].ttl_s + 0.001
    assert await worker.see(source, family) == "MISS"


def test_alerts_are_at_most_a_second_old() -> None:
    assert FAMILIES["alerts"].ttl_s <= 1.0


async def test_expiry_under_a_thousand_reads_makes_one_load(worker: Worker, source: Source) -> None:
    source.held.clear()
    request = make_mocked_request("GET", "/", app=worker.app)
    reads = [asyncio.create_task(cached(request, "revenue", (), source)) for _ in range(1_000)]
    await until(lambda: source.loads)
    source.held.set()
    answers = await asyncio.gather(*reads)
    assert source.loads == 1
    assert {answer.body for answer in answers} == {b'{"trips":1,"as_of":"moment 1"}'}


async def test_reader_who_leaves_does_not_take_the_load_away(
    worker: Worker, source: Source
) -> None:
    source.held.clear()
    leaves, stays = (asyncio.create_task(worker.get(source)) for _ in range(2))
    await until(lambda: source.loads)
    leaves.cancel()
    source.held.set()
    assert (await stays).headers["X-Cache"] == "MISS"
    assert source.loads == 1


async def test_etag_is_equal_on_every_worker_while_the_data_is_equal(
    make_worker: Any, source: Source, clock: Clock
) -> None:
    source.constant = True
    first = await make_worker().get(source)
    clock.passed = 60.0
    second = await make_worker().get(source)
    assert first.body != second.body
    assert first.headers["ETag"] == second.headers["ETag"]
    assert first.headers["ETag"].startswith('W/"')


@pytest.mark.parametrize("wanted", ["{}", '"no", {}', "*"])
async def test_known_etag_is_not_modified(worker: Worker, source: Source, wanted: str) -> None:
    etag = (await worker.get(source)).headers["ETag"]
    answer = await worker.get(source, **{"If-None-Match": wanted.format(etag)})
    assert answer.status == 304
    assert answer.body is None
    assert answer.headers["ETag"] == etag
    assert answer.headers["X-Cache"] == "HIT"


async def test_other_etag_gets_the_body(worker: Worker, source: Source) -> None:
    await worker.get(source)
    answer = await worker.get(source, **{"If-None-Match": 'W/"other"'})
    assert answer.status == 200


async def test_stale_copy_is_served_when_the_load_fails(
    worker: Worker, source: Source, clock: Clock
) -> None:
    await worker.get(source)
    clock.passed = TTL_S + 10
    source.failing = DatabaseUnavailable()
    answer = await worker.get(source)
    assert answer.headers["X-Cache"] == "STALE"
    assert answer.headers["Age"] == "15"
    assert answer.headers["Cache-Control"] == "max-age=0"


async def test_stale_copy_is_served_while_the_load_hangs(
    worker: Worker, source: Source, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOAD_PATIENCE_S", 0.01)
    await worker.get(source)
    clock.passed = TTL_S + 10
    source.held.clear()
    assert await worker.see(source) == "STALE"
    # What it brings in the end is kept.
    source.held.set()
    await until(lambda: not worker.cache._loads)
    assert await worker.see(source) == "HIT"
    assert source.loads == 2


async def test_stale_copy_of_another_worker_is_served_when_the_load_fails(
    make_worker: Any, source: Source, clock: Clock
) -> None:
    await make_worker().get(source)
    clock.passed = TTL_S + 10
    source.failing = DatabaseUnavailable()
    assert await make_worker().see(source) == "STALE"


async def test_database_is_asked_again_soon_after_a_stale_answer(
    worker: Worker, source: Source, clock: Clock
) -> None:
    await worker.get(source)
    clock.passed = TTL_S + 1
    source.failing = DatabaseUnavailable()
    assert [await worker.see(source) for _ in range(3)] == ["STALE"] * 3
    assert source.loads == 2
    source.failing = None
    clock.passed += module.STALE_PAUSE_S
    assert await worker.see(source) == "MISS"


async def test_stale_copy_has_a_bound_database_unavailable(
    worker: Worker, source: Source, clock: Clock
) -> None:
    await worker.get(source)
    clock.passed = FAMILIES["revenue"].stale_s + 1
    source.failing = DatabaseUnavailable()
    with pytest.raises(DatabaseUnavailable):
        await worker.get(source)


async def test_arrivals_are_never_served_past_the_last_prediction(
    worker: Worker, source: Source, clock: Clock
) -> None:
    source.stale_for_s = 30.0
    await worker.get(source, "arrivals")
    source.failing = DatabaseUnavailable()
    clock.passed = 29.0
    assert await worker.see(source, "arrivals") == "STALE"
    clock.passed = 30.0
    with pytest.raises(DatabaseUnavailable):
        await worker.get(source, "arrivals")


async def test_bound_of_predictions_says_nothing_on_a_simulated_clock(
    make_worker: Any, source: Source, clock: Clock
) -> None:
    worker = make_worker(simulated_clock=True)
    source.stale_for_s = 3_600.0
    await worker.get(source, "arrivals")
    source.failing = DatabaseUnavailable()
    clock.passed = 10.0
    with pytest.raises(DatabaseUnavailable):
        await worker.get(source, "arrivals")


async def test_defect_is_not_hidden_behind_a_stale_copy(
    worker: Worker, source: Source, clock: Clock
) -> None:
    await worker.get(source)
    clock.passed = TTL_S + 1
    source.failing = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        await worker.get(source)


@pytest.mark.parametrize(
    "damage",
    [
        lambda value: b"",
        lambda value: b"\xff\x00 rubbish",
        lambda value: value[:-1],
        lambda value: value[: len(value) // 2],
        lambda value: value.replace(b"trips", b"tripz"),
        lambda value: value.replace(copies.MAGIC, b"transit/0"),
        lambda value: value.replace(b'W/"', b'W/"\r\n'),
    ],
    ids=["empty", "rubbish", "cut", "half", "changed", "other release", "other header"],
)
async def test_damaged_value_is_a_miss_and_replaced(
    make_worker: Any, source: Source, redis_client: Any, damage: Any
) -> None:
    await make_worker().get(source)
    (key,) = redis_client.keys()
    redis_client.set(key, damage(redis_client.get(key)))
    assert await make_worker().see(source) == "MISS"
    assert await make_worker().see(source) == "HIT"


async def test_value_of_another_type_is_a_miss(
    make_worker: Any, source: Source, redis_client: Any
) -> None:
    worker = make_worker()
    redis_client.rpush(f"{worker.cache.prefix}:revenue:('a', 1)", "somebody else's list")
    assert await worker.see(source) == "MISS"
    assert await make_worker().see(source) == "HIT"


async def test_value_from_the_future_is_a_miss(
    make_worker: Any, source: Source, clock: Clock
) -> None:
    clock.passed = 100.0
    await make_worker().get(source)
    clock.passed = 50.0
    assert await make_worker().see(source) == "MISS"


async def test_full_redis_is_survived(make_worker: Any, source: Source, redis_client: Any) -> None:
    redis_client.config_set("maxmemory-policy", "noeviction")
    redis_client.config_set("maxmemory", "1")
    worker = make_worker()
    assert await worker.see(source) == "MISS"
    assert await worker.see(source) == "HIT"
    assert worker.cache.available


async def test_read_only_redis_is_survived(
    make_worker: Any, source: Source, redis_client: Any
) -> None:
    redis_client.replicaof("127.0.0.1", 1)
    worker = make_worker()
    assert await worker.see(source) == "MISS"
    assert await worker.see(source) == "HIT"
    assert worker.cache.available


async def test_reads_go_to_the_database_while_redis_is_down(
    worker: Worker, source: Source, clock: Clock, valkey: Valkey
) -> None:
    valkey.kill()
    assert await worker.see(source) == "BYPASS"
    clock.passed = TTL_S + 1
    assert await worker.see(source) == "BYPASS"


async def test_own_copy_is_a_hit_while_redis_is_down(
    worker: Worker, source: Source, valkey: Valkey
) -> None:
    valkey.kill()
    assert [await worker.see(source), await worker.see(source)] == ["BYPASS", "HIT"]


async def test_breaker_opens_and_the_hung_redis_is_left_alone(
    make_worker: Any, source: Source, valkey: Valkey
) -> None:
    worker = make_worker(cache_timeout_ms=400)
    assert valkey.process is not None
    valkey.process.send_signal(signal.SIGSTOP)
    loop = asyncio.get_running_loop()
    for _ in range(module.FAILURES_TO_OPEN):
        request = make_mocked_request("GET", "/", app=worker.app)
        await cached(request, "revenue", (loop.time(),), source)
    await until(lambda: not worker.cache.available)
    before = loop.time()
    request = make_mocked_request("GET", "/", app=worker.app)
    await cached(request, "revenue", ("another",), source)
    assert loop.time() - before < 0.4
    valkey.process.send_signal(signal.SIGCONT)
    await until(lambda: worker.cache.available)


async def test_restarted_empty_redis_is_used_again(
    worker: Worker, make_worker: Any, source: Source, valkey: Valkey, clock: Clock
) -> None:
    await worker.get(source)
    valkey.kill()
    for _ in range(module.FAILURES_TO_OPEN):
        clock.passed += TTL_S + 1
        assert await worker.see(source) == "BYPASS"
    await until(lambda: not worker.cache.available)
    valkey.start()
    await until(lambda: worker.cache.available)
    clock.passed += TTL_S + 1
    assert await worker.see(source) == "MISS"
    assert await make_worker().see(source) == "HIT"


async def test_own_copies_are_limited_in_number(
    worker: Worker, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOCAL_COPIES", 3)
    for number in range(10):
        request = make_mocked_request("GET", "/", app=worker.app)
        await cached(request, "revenue", (number,), source)
    assert worker.cache.copies == 3


async def test_own_copies_are_limited_in_bytes(
    worker: Worker, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOCAL_BYTES", 100)
    for number in range(10):
        request = make_mocked_request("GET", "/", app=worker.app)
        await cached(request, "revenue", (number,), source)
    assert worker.cache.copies == 3


async def test_refreshes_of_one_copy_do_not_fill_the_room_for_others(
    worker: Worker, source: Source, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOCAL_BYTES", 100)
    await worker.see(source, "alerts")
    for _ in range(20):
        clock.passed += TTL_S + 1
        assert await worker.see(source) == "MISS"
    assert worker.cache.copies == 2
    assert await worker.see(source) == "HIT"


async def test_copy_stays_in_redis_as_long_as_it_may_be_served_stale(
    worker: Worker, source: Source, redis_client: Any
) -> None:
    await worker.get(source)
    (key,) = redis_client.keys()
    stale_ms = FAMILIES["revenue"].stale_s * 1000
    assert stale_ms - 10_000 < redis_client.pttl(key) <= stale_ms


async def test_failures_far_apart_do_not_open_the_breaker(
    worker: Worker, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    get = worker.cache._redis.getrange

    async def broken(*_: object) -> None:
        raise redis.ConnectionError("once")

    for number in range(3 * module.FAILURES_TO_OPEN):
        if number % module.FAILURES_TO_OPEN:
            monkeypatch.setattr(worker.cache._redis, "getrange", broken)
        else:
            monkeypatch.setattr(worker.cache._redis, "getrange", get)
        request = make_mocked_request("GET", "/", app=worker.app)
        await cached(request, "revenue", (number,), source)
        assert worker.cache.available
    monkeypatch.setattr(worker.cache._redis, "getrange", broken)
    await cached(request, "revenue", ("one more",), source)
    assert not worker.cache.available


async def test_different_values_never_share_a_key(worker: Worker, source: Source) -> None:
    for parts in (("a", 1), ("a", "1:"), ("a:1",), (None,), ("None",)):
        request = make_mocked_request("GET", "/", app=worker.app)
        answer = await cached(request, "revenue", parts, source)
        assert answer.headers["X-Cache"] == "MISS"


async def test_ping_tells_a_lost_redis(worker: Worker, valkey: Valkey) -> None:
    await worker.cache.ping()
    valkey.kill()
    with pytest.raises(CacheUnavailable):
        await worker.cache.ping()


async def test_password_of_the_cache_is_in_no_log(
    make_worker: Any, source: Source, valkey: Valkey, redis_client: Any, caplog: Any
) -> None:
    redis_client.config_set("requirepass", "another")
    address = valkey.url.replace("unix://", "unix://:canary@")
    worker = make_worker(redis_url=address)
    for number in range(module.FAILURES_TO_OPEN):
        request = make_mocked_request("GET", "/", app=worker.app)
        answer = await cached(request, "revenue", (number,), source)
        assert answer.headers["X-Cache"] == "BYPASS"
    await until(lambda: not worker.cache.available)
    assert "given up" in caplog.text
    with pytest.raises(CacheUnavailable):
        await worker.cache.ping()
    printed = repr(Settings(redis_url=address, database_url="postgresql://u:canary@h/d"))
    assert "canary" not in caplog.text + printed


async def test_services_on_different_databases_share_no_copies(
    make_worker: Any, source: Source
) -> None:
    assert await make_worker(database_url="postgresql:///one").see(source) == "MISS"
    assert await make_worker(database_url="postgresql:///two").see(source) == "MISS"


# --- Values that somebody else put into Redis.

YEAR_S = 365 * 86_400.0
POISONS: dict[str, dict[str, Any]] = {
    "fresh for years": {"fresh_until": 50 * YEAR_S, "stale_until": 50 * YEAR_S},
    "fresh for ever": {"fresh_until": math.inf, "stale_until": math.inf},
    "fresh since never": {"fresh_until": math.nan},
    "loaded in the future": {"loaded": 3_600.0, "fresh_until": 3_605.0},
    "loaded in years": {"loaded": YEAR_S, "fresh_until": 2 * YEAR_S, "stale_until": 2 * YEAR_S},
    "loaded never": {"loaded": math.nan},
    "loaded before everything": {"loaded": -math.inf, "fresh_until": 1e300},
    "loaded at the end of numbers": {"loaded": -1e308, "fresh_until": 1e308},
    "a header of its own": {"etag": 'W/"0"\rSet-Cookie: mine'},
    "a bare line feed in the tag's place": {"etag": 'W/"0\x0b"'},
    "a tag without quotes": {"etag": "0" * 24},
    "a tag of half a kilobyte": {"etag": 'W/"' + "0" * 500 + '"'},
    "a body that is no object": {"body": b"<html>"},
    "a body larger than any": {"body": b'{"a":"' + b"a" * copies.LARGEST_BODY + b'"}'},
}


@pytest.mark.parametrize("poison", POISONS)
async def test_poisoned_value_is_served_no_longer_than_its_family_allows(
    make_worker: Any, source: Source, redis_client: Any, clock: Clock, poison: str
) -> None:
    """The moments of a poison are seconds from now."""
    await make_worker().get(source)
    (key,) = redis_client.keys()
    unpacked = copies.unpack(redis_client.get(key), key.decode(), ttl_s=TTL_S, stale_s=TTL_S)
    assert unpacked is not None
    changes: dict[str, Any] = {
        name: clock.monotonic() + value if isinstance(value, float) else value
        for name, value in POISONS[poison].items()
    }
    redis_client.set(key, dataclasses.replace(unpacked, **changes).pack(key.decode()))
    # What a family allows may still be served; a moment later it is not.
    answer = await make_worker().get(source)
    assert int(answer.headers["Age"]) <= TTL_S
    assert int(answer.headers["Cache-Control"].removeprefix("max-age=")) <= TTL_S
    assert re.fullmatch(r'W/"[0-9a-f]{24}"', answer.headers["ETag"])
    assert answer.body == b'{"trips":%d,"as_of":"moment %d"}' % (source.loads, source.loads)
    redis_client.set(key, dataclasses.replace(unpacked, **changes).pack(key.decode()))
    clock.passed = TTL_S + 1
    assert await make_worker().see(source) == "MISS"


async def test_value_of_years_is_not_even_stale_database_unavailable(
    make_worker: Any, source: Source, redis_client: Any, clock: Clock
) -> None:
    await make_worker().get(source)
    (key,) = redis_client.keys()
    copy = copies.unpack(redis_client.get(key), key.decode(), ttl_s=TTL_S, stale_s=TTL_S)
    assert copy is not None
    copy.fresh_until = copy.stale_until = clock.monotonic() + YEAR_S
    redis_client.set(key, copy.pack(key.decode()))
    clock.passed = FAMILIES["revenue"].stale_s + 1
    source.failing = DatabaseUnavailable()
    with pytest.raises(DatabaseUnavailable):
        await make_worker().get(source)


async def test_value_copied_under_another_key_is_a_miss(
    make_worker: Any, source: Source, redis_client: Any
) -> None:
    worker = make_worker()
    await worker.get(source, "revenue")
    redis_client.copy(
        worker.cache._name(("revenue", "a", 1)), worker.cache._name(("alerts", "a", 1))
    )
    assert await worker.see(source, "alerts") == "MISS"
    assert await make_worker().see(source, "alerts") == "HIT"


async def test_huge_value_is_not_read_to_its_end(
    make_worker: Any, source: Source, redis_client: Any
) -> None:
    worker = make_worker(cache_timeout_ms=10_000)
    redis_client.setrange(worker.cache._name(("revenue", "a", 1)), 64_000_000, b"}")
    assert await worker.see(source) == "MISS"
    assert redis_client.info()["total_net_output_bytes"] < 2 * copies.LARGEST_VALUE
    assert await make_worker().see(source) == "HIT"


@pytest.mark.parametrize("breaks", ["\r", "\n", "\r\n"])
async def test_answer_with_a_line_break_in_a_header_is_not_sent(breaks: str) -> None:
    """Whatever a header was made of, its end cannot be forged."""

    async def answer(request: web.Request) -> web.Response:
        return Answer(b"{}", 200, {"ETag": f"one{breaks}Set-Cookie: mine=1"})

    app = web.Application()
    app.router.add_get("/", answer)
    async with TestClient(TestServer(app)) as client:
        reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
        writer.write(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")
        sent = await asyncio.wait_for(reader.read(), 10)
        writer.close()
    assert b"mine" not in sent


# A tag, that the key is named, and a body.
OF_OURS = (b'W/"%024x"' % 7, True, b'{"forged":1}')
NUMBERS = st.one_of(st.floats(-400, 400), st.floats())
HEADS = st.tuples(
    NUMBERS,
    NUMBERS,
    NUMBERS,
    st.one_of(st.just(OF_OURS[0]), st.binary(max_size=40)),
    st.one_of(st.just(True), st.binary(max_size=40)),
    st.one_of(st.just(OF_OURS[2]), st.binary(max_size=40)),
)


def seal(content: bytes) -> bytes:
    """With the head and the checksum that anybody can make."""
    return b"%s %08x " % (copies.MAGIC, zlib.crc32(content)) + content


def forge(name: str, head: tuple[Any, ...]) -> bytes:
    """A value of our form; its moments count from now."""
    *moments, etag, named, body = head
    words = [b"%a" % (time.time() + moment) for moment in moments]
    return seal(b" ".join([*words, etag, name.encode() if named is True else named]) + b"\n" + body)


VALUES = st.one_of(st.binary(max_size=200), st.binary(max_size=200).map(seal), HEADS)


@hypothesis_settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@example(value=(-1.0, 9e9, 9e9, *OF_OURS), family="revenue", failing=False)
@example(value=(-100.0, 9e9, 9e9, *OF_OURS), family="revenue", failing=True)
@given(value=VALUES, family=st.sampled_from(sorted(FAMILIES)), failing=st.booleans())
def test_arbitrary_value_is_never_an_error_nor_older_than_the_bounds(
    valkey: Valkey, redis_client: Any, value: Any, family: str, failing: bool
) -> None:
    async def read() -> web.Response | None:
        chosen = dataclasses.replace(Settings(), redis_url=valkey.url, cache_timeout_ms=5_000)
        worker = Worker(chosen)
        name = worker.cache._name((family, "a", 1))
        redis_client.set(name, value if isinstance(value, bytes) else forge(name, value))
        source = Source()
        source.failing = DatabaseUnavailable() if failing else None
        try:
            return await worker.get(source, family)
        except DatabaseUnavailable:
            assert failing
            return None
        finally:
            await worker.cache.close()

    answer = asyncio.run(read())
    if answer is None:
        return
    result, bounds = answer.headers["X-Cache"], FAMILIES[family]
    event(result)
    oldest_s = {"HIT": bounds.ttl_s, "STALE": bounds.stale_s, "MISS": 1.0}[result]
    assert 0 <= int(answer.headers["Age"]) <= oldest_s
    assert 0 <= int(answer.headers["Cache-Control"].removeprefix("max-age=")) <= bounds.ttl_s
    assert re.fullmatch(r'W/"[0-9a-f]{24}"', answer.headers["ETag"])
