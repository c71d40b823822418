"""Runs against the fake service: books that agree, books that do not, and honest percentiles."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from itertools import count
from random import Random
from typing import Any

import pytest
from aiohttp import web

from simulator import drive
from simulator.actor import Actor
from simulator.asking import Asker, Chances, Turns
from simulator.books import Books
from simulator.client import ApiClient
from simulator.day import Event
from simulator.drive import Driver
from simulator.load import Departure
from simulator.measure import Recorder, percentile_ms
from simulator.world import ServiceClock, Station, parse_time
from tests.simulator.conftest import Fake


async def test_books_agree_after_a_rush_hour_with_everything_in_it(fake: Fake) -> None:
    chances = Chances(lost_answer=0.05, duplicate=0.05, reorder=1.0)
    result = await fake.run(chances=chances)
    assert result.recorder.failures == {}
    assert result.differences == []
    assert result.total_differences == []
    assert result.books_agree
    assert result.cards >= result.riders == 300
    recorder = result.recorder
    assert recorder.retries["lost on purpose"] > 0
    assert recorder.outcomes["start_trip (repeated)"].total() > 0
    assert recorder.outcomes["uploaded tap"].total() > 0
    assert {"recharge", "read_balance", "read_arrivals", "create_alert"} <= set(recorder.outcomes)
    assert sum(recorder.taps_by_hour.values()) == sum(recorder.taps_by_place.values())


async def test_a_forgotten_fare_names_the_card_with_its_events(fake: Fake) -> None:
    fake.service.misdeed = "forget a fare"
    result = await fake.run()
    assert not result.books_agree
    mine = [d for d in result.differences if d.card_id == fake.service.victim]
    assert mine == result.differences
    assert any("balance" in difference.what for difference in mine)
    assert any("tap at station" in event for event in mine[-1].events)
    assert "outstanding_balance" in {name for name, _, _ in result.total_differences}


async def test_a_doubled_recharge_shows_in_balance_total_and_statement(fake: Fake) -> None:
    fake.service.misdeed = "double a recharge"
    result = await fake.run()
    assert {d.card_id for d in result.differences} == {fake.service.victim}
    assert ("recharged", 7100) in [
        (name, told - expected) for name, told, expected in result.total_differences
    ]
    extra = f"card {fake.service.victim}: only the service has: recharge of 7100"
    assert any(line.startswith(extra) for line in result.statements)


async def test_a_debt_that_is_told_otherwise_differs(fake: Fake) -> None:
    fake.service.misdeed = "owe in secret"
    result = await fake.run()
    assert [(d.card_id, d.what) for d in result.differences] == [
        (fake.service.victim, "debt at the end")
    ]


async def test_a_repeated_tap_that_is_answered_otherwise_differs(fake: Fake) -> None:
    fake.service.misdeed = "answer a replay otherwise"
    result = await fake.run(chances=Chances(lost_answer=0.0, duplicate=1.0), offline_buses=0)
    repeated = [d for d in result.differences if d.what == "answer to a repeated tap"]
    assert len(repeated) == result.recorder.outcomes["start_trip (repeated)"].total() > 0
    assert not result.books_agree


async def test_a_rider_does_one_thing_at_a_time() -> None:
    turns, order = Turns(), []

    async def act(rider: int, name: str, wait_s: float) -> None:
        turn = await turns.take((rider,))
        await asyncio.sleep(wait_s)
        order.append(name)
        turns.pass_on((rider,), turn)

    await asyncio.gather(act(1, "slow", 0.02), act(1, "fast", 0), act(2, "other", 0.005))
    assert order == ["other", "slow", "fast"]


async def test_cancelling_one_waiting_event_leaves_the_line_of_the_others_as_it_was() -> None:
    turns, order = Turns(), []
    may_end = asyncio.Event()

    async def act(name: str, until: asyncio.Event | None = None) -> None:
        turn = await turns.take((1,))
        try:
            if until:
                await until.wait()
            order.append(name)
        finally:
            turns.pass_on((1,), turn)

    first = asyncio.create_task(act("first", may_end))
    await asyncio.sleep(0)
    second = asyncio.create_task(act("second"))
    third = asyncio.create_task(act("third"))
    await asyncio.sleep(0)
    second.cancel()
    await asyncio.wait([second])
    await asyncio.sleep(0)
    # The cancelled one neither ended the first nor let the third overtake it.
    assert order == []
    may_end.set()
    await asyncio.gather(first, third)
    assert order == ["first", "third"]


STRANGERS = {
    "a balancer's page": (502, "text/html", {}),
    "a gateway's JSON": (504, "application/json", {}),
    "a proxy that copies the request id": (503, "text/plain", {"X-Request-ID": "mine"}),
    "a portal that says 200": (200, "text/html", {}),
    "a redirect": (302, "text/html", {"Location": "/elsewhere"}),
}


@pytest.mark.parametrize("stranger", STRANGERS)
async def test_books_agree_behind_a_balancer_that_answers_in_the_services_place(
    fake: Fake, aiohttp_server: Callable[..., Awaitable[Any]], stranger: str
) -> None:
    """Every fifth request gets a stranger's answer: some are carried out all the same."""
    status, kind, headers = STRANGERS[stranger]
    seen = count(1)

    @web.middleware
    async def balance(request: web.Request, handler: Any) -> web.StreamResponse:
        number = next(seen)
        driven = fake.service.driven and not request.path.startswith("/health")
        if driven and number % 10 == 0:
            return web.Response(status=status, content_type=kind, headers=headers, text="{}")
        response: web.StreamResponse = await handler(request)
        if driven and number % 10 == 5:
            # Carried out, but the answer is lost on the way back.
            return web.Response(status=status, content_type=kind, headers=headers, text="{}")
        return response

    app = fake.service.app(balance)
    server = await aiohttp_server(app)
    result = await Fake(fake.service, f"http://127.0.0.1:{server.port}").run()
    assert result.differences == [] and result.total_differences == []
    assert result.books_agree
    strangers = result.recorder.strangers
    assert set(strangers) == {status} and strangers[status] > 20
    again = f"{status}, not the service's answer"
    assert result.recorder.retries[again] > 5
    # Reads are not asked again: a stranger's answer to one is a failure that the run reports.
    failures = {name for name in result.recorder.failures if again in name}
    assert failures and not any("start_trip" in name or "recharge:" in name for name in failures)


def make_driver(url: str) -> Driver:
    """A driver that only reads arrivals."""
    stations = {"02000": Station(1, "02000", "Portal Norte", "portal", 4.75, -74.05)}
    asker = Asker(ApiClient(url, connections=1000), Recorder(), Chances(), Random(1))
    clock = ServiceClock(parse_time("2026-11-22T12:00:00Z"), time.monotonic())
    actor = Actor(asker, stations, {"02000": "trunk"}, Books(), clock, 1)
    return Driver(actor, None, ["02000"])


async def test_a_frozen_server_shows_in_the_percentiles_as_theory_says(
    aiohttp_server: Callable[..., Awaitable[Any]],
) -> None:
    """Frozen for F of D seconds, an open load waits longer than x with probability (F - x) / D."""
    thaw = asyncio.Event()
    thaw.set()

    async def answer(request: web.Request) -> web.Response:
        await thaw.wait()
        return web.json_response({}, headers={"X-Request-ID": "fake"})

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    server = await aiohttp_server(app)
    url = f"http://127.0.0.1:{server.port}"
    # a machine that stalls for reasons of its own gets another chance
    for _ in range(3):
        errors = await frozen_run(url, thaw)
        if max(errors) <= 0.05:
            return
    pytest.fail(f"percentiles off theory by {errors}")


async def frozen_run(url: str, thaw: asyncio.Event) -> list[float]:
    """The relative errors of four percentiles in a run whose server was frozen for 2 s of 7."""
    rate, duration = 50, 7.0
    driver = make_driver(url)
    event = Event(0.0, "arrivals", 0, "02000")
    load = (Departure(number / rate, "event", 0, event) for number in range(int(rate * duration)))
    driving = asyncio.create_task(driver.run(load))
    await asyncio.sleep(2)
    thaw.clear()
    started = time.monotonic()
    await asyncio.sleep(2)
    thaw.set()
    frozen = time.monotonic() - started
    await driving
    driver.actor.asker.client.close()
    histogram = driver.recorder.latency["read_arrivals"]
    assert histogram.get_total_count() == rate * duration
    errors = []
    for percentile in (85, 90, 95, 99):
        theory_ms = 1000 * (frozen - duration * (1 - percentile / 100))
        errors.append(abs(percentile_ms(histogram, percentile) / theory_ms - 1))
    return errors


async def test_what_a_dead_service_leaves_unanswered_is_a_failure(unused_tcp_port: int) -> None:
    driver = make_driver(f"http://127.0.0.1:{unused_tcp_port}")
    event = Event(0.0, "arrivals", 0, "02000")
    await driver.run(iter([Departure(0.0, "event", 0, event)]))
    assert sum(driver.recorder.failures.values()) == 1
    assert driver.recorder.outcomes["read_arrivals"]["no_answer"] == 1


async def test_a_run_that_is_stopped_sends_nothing_more(fake: Fake) -> None:
    driver = make_driver(fake.url)
    event = Event(0.0, "arrivals", 0, "02000")
    load = [Departure(number / 20, "event", 0, event) for number in range(20)]
    load.append(Departure(600.0, "event", 0, event))  # nor is it waited for
    asyncio.get_running_loop().call_later(0.3, driver.stop)
    await asyncio.wait_for(driver.run(iter(load)), 10)
    assert 1 <= driver.recorder.requests() < 20


async def test_a_defect_of_the_simulator_is_never_hidden(fake: Fake) -> None:
    driver = make_driver(fake.url)
    event = Event(0.0, "arrivals", 0, "a station nobody knows")
    await driver.run(iter([Departure(0.0, "event", 0, event)]))
    assert "simulator: KeyError" in next(iter(driver.recorder.failures))


async def test_latency_counts_from_the_intended_start_and_the_lag_is_told(fake: Fake) -> None:
    driver = make_driver(fake.url)
    event = Event(0.0, "arrivals", 0, "02000")

    def load() -> Iterator[Departure]:
        yield Departure(0.0, "event", 0, event)
        time.sleep(0.3)  # the generator is busy elsewhere when the second one is due
        yield Departure(0.01, "event", 0, event)

    await driver.run(load())
    latencies_us = driver.recorder.seconds[0].latencies_us["read_arrivals"]
    assert len(latencies_us) == 2
    assert min(latencies_us) >= 280_000
    assert percentile_ms(driver.recorder.lag, 100) >= 280
    assert driver.recorder.spoiled() != []


@pytest.fixture
async def silent_url() -> AsyncIterator[str]:
    """A port that takes everything and answers nothing."""
    taken: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _, writer: taken.append(writer), "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()[:2]
    yield f"http://{host}:{port}"
    server.close()
    for writer in taken:
        writer.transport.abort()


async def test_what_has_no_answer_at_the_end_has_an_unknown_fate(
    silent_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drive, "DRAIN_S", 0.1)
    driver = make_driver(silent_url)
    event = Event(0.0, "arrivals", 0, "02000")
    await driver.run(iter([Departure(0.0, "event", 0, event)]))
    assert len(driver.actor.asker.unresolved) == 1
    assert driver.recorder.failures == {"unfinished at the end": 1}
    driver.actor.asker.client.close()


async def test_a_worker_brings_its_unknown_fates_home(
    fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Driver.run

    async def run_then_lose(self: Driver, load: Iterator[Departure]) -> None:
        await run(self, load)
        self.actor.asker.unresolved.append("POST /trips/start: no answer")

    monkeypatch.setattr(Driver, "run", run_then_lose)
    result = await fake.run(duration_s=0.5)
    assert result.unresolved == ["POST /trips/start: no answer"]
    assert not result.books_agree


async def test_what_is_beyond_the_limit_in_flight_is_dropped_and_counted(
    silent_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drive, "DRAIN_S", 0.1)
    monkeypatch.setattr(drive, "MAX_IN_FLIGHT", 2)
    driver = make_driver(silent_url)
    event = Event(0.0, "arrivals", 0, "02000")
    await driver.run(Departure(0.0, "event", 0, event) for _ in range(5))
    assert driver.recorder.dropped == {"event": 3}
    assert any("dropped" in reason for reason in driver.recorder.spoiled())
    driver.actor.asker.client.close()
