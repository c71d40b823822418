"""Chores of every worker beside its requests: folding rollups, forgetting keys, own gauges."""

import asyncio
import dataclasses
import logging
import random
from collections.abc import AsyncIterator
from typing import Final

from aiohttp import web

from transit_api.database.pools import DB, Database, DatabaseUnavailable
from transit_api.observe.metrics import METRICS, Metrics

log = logging.getLogger(__name__)

# What one round of a chore may do at most: rounds stay short, and a backlog is worked off in
# several, so that no transaction grows with it.
ROUNDS: Final = 20


@dataclasses.dataclass(frozen=True, slots=True)
class Chore:
    """A function that answers how much it did, at most `limit`; called every `every_s` seconds."""

    name: str
    every_s: float
    limit: int

    @property
    def sql(self) -> str:
        """The call; the name is one of the table below."""
        return f"SELECT api.{self.name}(%s) AS done"


CHORES: Final = (
    Chore("fold_rollups", every_s=1.0, limit=5_000),
    Chore("prune_idempotency_records", every_s=60.0, limit=1_000),
    Chore("prune_refused_taps", every_s=60.0, limit=1_000),
    Chore("prune_silent_vehicles", every_s=60.0, limit=1_000),
)
GAUGES_EVERY_S: Final = 1.0


async def do_chore(database: Database, chore: Chore) -> int:
    """Call until there is less than a round left to do; answers how much was done."""
    total = 0
    for _ in range(ROUNDS):
        (row,) = await database.run_upkeep(chore.sql, (chore.limit,))
        done: int = row["done"]
        total += done
        if done < chore.limit:
            break
    return total


async def repeat_chore(database: Database, chore: Chore, metrics: Metrics) -> None:
    """Do it until cancelled; an outage is skipped, and logged when it begins and when it ends."""
    failing = False
    while True:
        # Workers that started together do not all come at the same moment.
        await asyncio.sleep(chore.every_s * random.uniform(0.9, 1.1))
        try:
            metrics.note_chore(chore.name, await do_chore(database, chore))
        except DatabaseUnavailable:
            if not failing:
                log.warning("%s waits for the database", chore.name)
            failing = True
        except Exception:
            # A defect of one chore must not end it for ever; once is enough in the log.
            if not failing:
                log.exception("%s failed and is tried again", chore.name)
            failing = True
        else:
            if failing:
                log.warning("%s works again", chore.name)
            failing = False


async def set_gauges(app: web.Application) -> None:
    """Keep what /metrics says of this worker true, whichever worker is asked."""
    metrics, database = app[METRICS], app[DB]
    while True:
        metrics.flush()
        metrics.set_resources()
        for pool in database.pools:
            metrics.set_pool(pool.name, size=pool.open, in_use=pool.in_use, waiting=pool.waiting)
        await asyncio.sleep(GAUGES_EVERY_S)


async def upkeep_lifespan(app: web.Application) -> AsyncIterator[None]:
    """Do the chores while the application runs."""
    tasks = [asyncio.create_task(repeat_chore(app[DB], chore, app[METRICS])) for chore in CHORES]
    tasks.append(asyncio.create_task(set_gauges(app)))
    yield
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
