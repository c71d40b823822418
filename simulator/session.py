"""One run from end to end: riders settle, the load is driven, the books are compared."""

import asyncio
import gc
import time
from bisect import bisect
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from datetime import datetime, timedelta

from simulator.access import ANYBODY, Access
from simulator.actor import Actor
from simulator.asking import Asker
from simulator.books import Books, compare_statement, compare_totals
from simulator.city import City, read_city
from simulator.client import ApiClient
from simulator.drive import Driver
from simulator.interrupt import on_first_ctrl_c
from simulator.load import Departure, plan_load, riders_needed
from simulator.measure import EXPECTED_REFUSALS, Recorder, recent_rows
from simulator.population import settle
from simulator.result import Outcome, Result, Tally
from simulator.riders import make_riders, rng_for
from simulator.scenario import Scenario
from simulator.tariffs import BOGOTA_TIME
from simulator.vehicles import Fleet, make_line
from simulator.world import (
    PREFIX,
    Station,
    Unusable,
    connect,
    fetch,
    format_time,
    pages,
    read,
    read_cards,
    read_clock,
    read_routes,
    read_stations,
    read_totals,
)

CONNECTIONS = 512
TIMEOUT_S = 10.0  # a validator then sends again with the same key

SHOWN_STATEMENTS = 20

Report = Callable[[str, list[Tally]], None]


class Worker:
    """A share of the riders of a run, in one process."""

    def __init__(
        self,
        url: str,
        scenario: Scenario,
        run: int,
        number: int = 0,
        workers: int = 1,
        access: Access = ANYBODY,
    ) -> None:
        self.client = connect(url, CONNECTIONS, TIMEOUT_S, access)
        self.scenario = scenario.within_its_day()
        self.run = run
        self.number = number
        self.workers = workers
        self.books = Books()
        self.unresolved: list[str] = []
        self.recorder = Recorder()
        self.tap_times: list[float] = []

    async def prepare(self) -> tuple[Driver, list[Departure]]:
        """Riders with cards and money, and the whole load planned before the first request."""
        stations = await read_stations(self.client)
        city = known_city(stations)
        count = self.scenario.riders or riders_needed(city, self.scenario)
        everybody = make_riders(city, count, self.scenario.seed)
        riders = [rider for rider in everybody if rider.number % self.workers == self.number]
        await settle(self.client, riders, self.books, self.scenario.seed, self.run)
        driver = await self._make_driver(stations, city)
        rate = self.scenario.rate / self.workers
        load = list(plan_load(riders, city, self.scenario, rate, self.number))
        self.tap_times = [d.due for d in load if d.event is not None and d.event.what == "tap"]
        return driver, load

    async def _make_driver(self, stations: Mapping[str, Station], city: City) -> Driver:
        components = {code: place.component for code, place in city.places.items()}
        rng = rng_for(self.scenario.seed, self.number, "actor")
        asker = Asker(self.client, self.recorder, self.scenario.chances, rng)
        self.unresolved = asker.unresolved
        clock = await read_clock(self.client)
        actor = Actor(asker, stations, components, self.books, clock, self.run, self.number)
        fleet = None
        if self.number == 0 and self.scenario.vehicles:
            by_id = {station.station_id: station for station in stations.values()}
            lines = [make_line(route, by_id) for route in await read_routes(self.client, "trunk")]
            fleet = Fleet([line for line in lines if line], actor.base)
        closed = self.scenario.closed_station
        places = [closed] if closed in city.places else sorted(city.weekday.codes["trunk"])
        return Driver(actor, fleet, places)

    async def compare(self) -> Outcome:
        """Every card against the service's list, and the statements of those that differ."""
        wanted = {card_id for card_id, *_ in self.books.cards()}
        told = await read_cards(self.client, wanted)
        cards = self.books.compare_cards(told)
        return Outcome(
            recorder=self.recorder,
            riders=len(self.books.by_rider),
            cards=cards,
            differences=self.books.differences,
            statements=await self._statements(),
            unresolved=self.unresolved,
            expected=self.books.totals(),
        )

    async def _statements(self) -> list[str]:
        lines: list[str] = []
        differing = dict.fromkeys((d.rider, d.card_id) for d in self.books.differences)
        for rider, card_id in list(differing)[:SHOWN_STATEMENTS]:
            path = f"{PREFIX}/cards/{card_id}/statement"
            told = [entry async for entry in pages(self.client, path)]
            lines += compare_statement(self.books.by_rider[rider], card_id, told)
        return lines

    def tally(self) -> Tally:
        """The run so far."""
        recorder = self.recorder
        outcomes = recorder.by_outcome()
        elapsed_s = time.monotonic() - recorder.started if recorder.started else 0.0
        return Tally(
            scenario=self.scenario,
            elapsed_s=elapsed_s,
            asked=bisect(self.tap_times, elapsed_s),
            requests=recorder.requests(),
            taps=sum(recorder.taps_by_place.values()),
            refused={code: outcomes[code] for code in EXPECTED_REFUSALS if code in outcomes},
            failed=sum(recorder.failures.values()),
            cache=dict(recorder.cache),
            loaded=self.books.loaded,
            differences=len(self.books.differences),
            latency=recent_rows(recorder, elapsed_s),
        )


def known_city(stations: Mapping[str, Station]) -> City:
    """As much of the city as the service knows."""
    try:
        return read_city(stations)
    except ValueError as error:
        raise Unusable("the service lacks trunk, zonal or cable stations of Bogotá") from error


async def set_clock(client: ApiClient, scenario: Scenario) -> None:
    """With a speed, the service's clock must be a simulated one and run as fast."""
    if scenario.speed <= 0:
        return
    answer = await read(client, f"{PREFIX}/clock")
    if answer.status != 200:
        raise Unusable("--speed needs a service that was started with --simulated-clock")
    now = datetime.fromisoformat(str(answer.json()["now"]))
    start = next_start(now, scenario)
    body = {"now": format_time(start), "speed": scenario.speed}
    answer = await client.request("PUT", f"{PREFIX}/clock", body)
    if answer.status != 200:
        raise Unusable(f"PUT /clock answered {answer.status}: {answer.json().get('detail')}")


def next_start(now: datetime, scenario: Scenario) -> datetime:
    """The next moment at which a day of the scenario's type reaches the scenario's beginning."""
    local = now.astimezone(BOGOTA_TIME)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    for days in range(9):
        start = midnight + timedelta(days=days, seconds=scenario.from_s)
        kind = {5: "saturday", 6: "sunday"}.get(start.weekday(), "weekday")
        if start > local and kind == scenario.day_type:
            return start
    raise AssertionError("a week has every day type")


async def check_service(client: ApiClient) -> None:
    """The service answers and is ready."""
    try:
        await fetch(client, "/health/ready", patience_s=0.0)
    except Unusable as error:
        raise Unusable(f"the service is not ready: {error}") from error


async def run_here(
    url: str,
    scenario: Scenario,
    report: Report | None = None,
    finish_on_ctrl_c: bool = False,
    access: Access = ANYBODY,
) -> Result:
    """A run in this process; Ctrl-C can end the driving alone, the books are compared then."""
    run = int(time.time())
    worker = Worker(url, scenario, run, access=access)
    try:
        await check_service(worker.client)
        before = await read_totals(worker.client, (await read_clock(worker.client)).now())
        await set_clock(worker.client, scenario)
        if report:
            report("settling", [])
        driver, load = await worker.prepare()

        def stop() -> None:
            driver.stop()
            if report:
                report("stopping", [])

        with on_first_ctrl_c(stop) if finish_on_ctrl_c else nullcontext():
            outcome = await drive_and_compare(worker, driver, load, report)
        return await conclude(worker.client, url, scenario, run, before, [outcome], driver.stopping)
    finally:
        worker.client.close()


async def drive_and_compare(
    worker: Worker, driver: Driver, load: list[Departure], report: Report | None
) -> Outcome:
    """Drive the planned load, then compare every book."""
    gc.disable()
    gc.collect()  # here, where nothing is due yet: this one walks all riders and the plan
    gc.freeze()
    ticker = asyncio.create_task(tick(worker, report))
    try:
        await driver.run(iter(load))
    finally:
        ticker.cancel()
        gc.enable()
        gc.unfreeze()
    if report:
        report("comparing", [worker.tally()])
    return await worker.compare()


async def tick(worker: Worker, report: Report | None) -> None:
    """Once a second: show progress, and look for garbage in what is new since the last time only.

    Riders, plan and trips stay until the end; walking them again and again would delay requests.
    """
    while True:
        if report:
            report("driving", [worker.tally()])
        await asyncio.sleep(1.0)
        gc.collect()
        gc.freeze()


async def conclude(
    client: ApiClient,
    url: str,
    scenario: Scenario,
    run: int,
    before: dict[str, int],
    outcomes: list[Outcome],
    stopped: bool = False,
) -> Result:
    """Merge the workers and compare the totals."""
    clock = await read_clock(client)
    after = await read_totals(client, clock.now())
    expected: dict[str, int] = {}
    merged = outcomes[0].recorder
    for outcome in outcomes:
        for name, value in outcome.expected.items():
            expected[name] = expected.get(name, 0) + value
    for outcome in outcomes[1:]:
        merged.merge(outcome.recorder)
    return Result(
        scenario=scenario,
        url=url,
        run=run,
        workers=len(outcomes),
        recorder=merged,
        riders=sum(outcome.riders for outcome in outcomes),
        cards=sum(outcome.cards for outcome in outcomes),
        differences=[d for outcome in outcomes for d in outcome.differences],
        statements=[line for outcome in outcomes for line in outcome.statements],
        unresolved=[u for outcome in outcomes for u in outcome.unresolved],
        totals=expected,
        total_differences=compare_totals(before, after, expected),
        names=await read_stations(client),
        stopped=stopped,
    )
