"""The open-model driver: everything leaves when it is due, whether or not earlier answers came."""

import asyncio
from collections.abc import Iterator
from math import ceil
from time import monotonic, process_time

from simulator.actor import Actor
from simulator.load import DASHBOARDS, Departure
from simulator.measure import Recorder
from simulator.vehicles import Fleet, incident

MAX_IN_FLIGHT = 20_000  # beyond this work is dropped, counted, and the run is spoiled
DRAIN_S = 120.0  # how long the last answers are waited for


class Driver:
    """Sends a planned load through an actor."""

    def __init__(self, actor: Actor, fleet: Fleet | None, places: list[str]) -> None:
        self.actor = actor
        self.fleet = fleet
        self.places = places
        self.alerts: dict[int, int] = {}
        self.in_flight: set[asyncio.Task[None]] = set()
        self.errors: list[BaseException] = []
        self.stopping = False
        self.due: asyncio.Future[None] | None = None

    def stop(self) -> None:
        """Send nothing more; what is in flight is still waited for."""
        self.stopping = True
        self._wake()

    def _wake(self) -> None:
        if self.due is not None and not self.due.done():
            self.due.set_result(None)

    async def _sleep(self, delay_s: float) -> None:
        """Until then or until stopped. uvloop rounds to milliseconds: down would be too early, and
        flatter the latency."""
        loop = asyncio.get_running_loop()
        self.due = loop.create_future()
        timer = loop.call_later(ceil(delay_s * 1000) / 1000, self._wake)
        try:
            await self.due
        finally:
            timer.cancel()

    @property
    def recorder(self) -> Recorder:
        return self.actor.recorder

    async def run(self, load: Iterator[Departure]) -> None:
        """Drive the load to its end, then wait for the last answers."""
        cpu = process_time()
        start = self.actor.asker.start = self.recorder.started = monotonic()
        for departure in load:
            intended = start + departure.due
            delay = intended - monotonic()
            if delay > 0:
                await self._sleep(delay)
            if self.stopping:
                break
            self._depart(departure, intended, monotonic() - start)
        self.recorder.cpu_s = process_time() - cpu
        self.recorder.wall_s = monotonic() - start
        await self._drain()

    def _depart(self, departure: Departure, intended: float, offset: float) -> None:
        if departure.what == "vanish":
            self.actor.offline.setdefault(departure.number, [])
            return
        if len(self.in_flight) >= MAX_IN_FLIGHT:
            self.recorder.dropped[departure.what] += 1
            return
        self.recorder.sent(departure.due, max(0.0, offset - departure.due))
        task = asyncio.get_running_loop().create_task(self._perform(departure, intended))
        self.in_flight.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self.in_flight.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            # a defect of the simulator, or an answer that is not the contract's: never hidden
            self.errors.append(error)
            self.recorder.failed(f"simulator: {error!r}", 0.0)

    async def _drain(self) -> None:
        for device in list(self.actor.offline):
            await self.actor.upload(device, monotonic())
        if self.in_flight:
            _, late = await asyncio.wait(self.in_flight, timeout=DRAIN_S)
            for task in late:
                task.cancel()
                self.actor.asker.unresolved.append("a request that had no answer at the end")
                self.recorder.failed("unfinished at the end", 0.0)

    async def _perform(self, departure: Departure, intended: float) -> None:
        if departure.event is not None:
            await self.actor.act(departure.event, intended)
        elif departure.what == "upload":
            await self.actor.upload(departure.number, intended)
        elif departure.what == "positions":
            await self._post_positions(departure.number, intended)
        elif departure.what == "dashboard":
            name = DASHBOARDS[departure.number]
            await self.actor.ask(f"analytics/{name}", intended, "GET", f"/analytics/{name}")
        elif departure.what == "open":
            await self._open_alert(departure.number, intended)
        else:
            await self._close_alert(departure.number, intended)

    async def _post_positions(self, second: int, intended: float) -> None:
        if self.fleet is None:
            return
        positions = self.fleet.report(second, self.actor.clock.now())
        if positions:
            body = {"positions": positions}
            await self.actor.ask("post_positions", intended, "POST", "/vehicles/positions", body)

    async def _open_alert(self, number: int, intended: float) -> None:
        place = self.places[number * 7 % len(self.places)]
        station_id = self.actor.stations[place].station_id
        body = incident(number, station_id, self.actor.clock.now())
        answer = await self.actor.ask("create_alert", intended, "POST", "/alerts", body)
        if answer is not None and answer.status == 201:
            self.alerts[number] = int(str(answer.json()["alert_id"]))

    async def _close_alert(self, number: int, intended: float) -> None:
        alert_id = self.alerts.pop(number, None)
        if alert_id is not None:
            await self.actor.ask("close_alert", intended, "POST", f"/alerts/{alert_id}/close")
