"""Riders in a thread of their own, so that the faults have their own time."""

import asyncio
import gc
import itertools
import threading
import time
from datetime import UTC, datetime

from simulator.result import Result
from simulator.scenario import Scenario, load_scenario
from simulator.session import Worker, check_service, conclude
from simulator.world import read_totals
from tests.faults.journal import Journal

CONNECTIONS = 256
# A validator's patience; shorter than the longest stall, so that requests are sent again.
CLIENT_TIMEOUT_S = 2.0
LIMIT_S = 120.0

# Device ids and documents are made of the run's number: no two runs of a process may share it.
_RUNS = itertools.count(int(time.time()))


def make_scenario(seed: int, seconds: float, rate: float) -> Scenario:
    """A rush hour with more lost and repeated answers than usual; uploads meet the faults."""
    import dataclasses

    scenario = load_scenario("rush-hour")
    return dataclasses.replace(
        scenario,
        seed=seed,
        duration_s=seconds,
        rate=rate,
        riders=int(rate * 6),
        offline_buses=6,
        offline_s=seconds / 3,
        chances=dataclasses.replace(scenario.chances, lost_answer=0.01, duplicate=0.02),
    )


class Load(threading.Thread):
    """One run of the simulator: `settled`, then driven, `driven`, and compared after `compare`."""

    def __init__(self, url: str, scenario: Scenario, tolerant: bool = True) -> None:
        super().__init__(daemon=True)
        self.url = url
        self.scenario = scenario
        self.timeout_s = CLIENT_TIMEOUT_S if tolerant else 10.0
        self.settled = threading.Event()
        self.driven = threading.Event()
        self.compare = threading.Event()
        self.journal: Journal | None = None
        self.result: Result | None = None
        self.error: BaseException | None = None

    @property
    def in_flight(self) -> int:
        """Requests that clients have sent and that have no answer yet."""
        return self.journal.in_flight if self.journal else 0

    def run(self) -> None:
        try:
            self.result = asyncio.run(self._run())
        except BaseException as error:
            self.error = error
        finally:
            self.settled.set()
            self.driven.set()
            gc.unfreeze()

    async def _run(self) -> Result:
        run = next(_RUNS)
        worker = Worker(self.url, self.scenario, run)
        worker.client = self.journal = Journal(self.url, CONNECTIONS, self.timeout_s)
        try:
            await check_service(worker.client)
            before = await read_totals(worker.client, datetime.now(UTC))
            driver, load = await worker.prepare()
            self.settled.set()
            await driver.run(iter(load))
            self.driven.set()
            await asyncio.to_thread(self.compare.wait, LIMIT_S)
            outcome = await worker.compare()
            return await conclude(worker.client, self.url, self.scenario, run, before, [outcome])
        finally:
            worker.client.close()

    def finish(self) -> Result:
        """Compare the books now."""
        self.compare.set()
        self.join(LIMIT_S)
        if self.error is not None:
            raise self.error
        assert self.result is not None, "the comparison did not end"
        return self.result
