"""An open loop at more than the service can do: what is accepted, what is refused, and how fast."""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

from simulator.client import ApiClient, NoAnswer
from tests.faults.stack import Stack

V1 = "/api/v1"
CONNECTIONS = 1_500
TIMEOUT_S = 10.0
CARDS = 200
# The generator and the service share a machine, and a socket may be lost there.
MOST_HANG_UPS = 0.01


@dataclass
class Told:
    """Latencies by outcome, in seconds from the sending."""

    accepted: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    lag: list[float] = field(default_factory=list)
    unanswered: int = 0
    unsent: int = 0
    without_retry_after: int = 0
    other: dict[str, int] = field(default_factory=dict)
    memory_mb: float = 0.0
    normal_after_s: float | None = None

    def note(self, status: int, retry_after: str | None, code: object, seconds: float) -> None:
        if status in (201, 402, 409):
            self.accepted.append(seconds)
        elif status == 503 and code == "overloaded":
            self.refused.append(seconds)
            self.without_retry_after += retry_after is None
        else:
            word = f"{status} {code}"
            self.other[word] = self.other.get(word, 0) + 1

    def problems(self, capacity: float) -> list[str]:
        """What an overloaded service may not do: it does what it can, and says no to the rest."""
        asked = len(self.accepted) + len(self.refused) + self.unanswered + sum(self.other.values())
        found = {
            "nothing was asked": asked == 0,
            "it did less in all than it can do in a second": len(self.accepted) <= capacity,
            "it refused few": len(self.refused) <= len(self.accepted) / 2,
            "it hung up": self.unanswered > MOST_HANG_UPS * asked,
            "it did not say when to come again": self.without_retry_after > 0,
            "it said something else": bool(self.other),
            "it did not recover": self.normal_after_s is None,
        }
        return [what for what, is_so in found.items() if is_so]

    def summary(self) -> dict[str, Any]:
        return {
            "send_lag_p99_s": percentile(self.lag, 0.99),
            "accepted": len(self.accepted),
            "accepted_p50_s": percentile(self.accepted, 0.5),
            "accepted_p99_s": percentile(self.accepted, 0.99),
            "refused": len(self.refused),
            "refused_p99_s": percentile(self.refused, 0.99),
            "unanswered": self.unanswered,
            "unsent": self.unsent,
            "without_retry_after": self.without_retry_after,
            "other": self.other,
            "memory_mb": round(self.memory_mb, 1),
            "normal_after_s": self.normal_after_s,
        }


def percentile(values: list[float], share: float) -> float | None:
    """Nearest rank."""
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 3) if ordered else None


class Crowd:
    """Validators that tap at a given rate, whether or not earlier taps have been answered."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.client = ApiClient(stack.own_url, CONNECTIONS, TIMEOUT_S)
        self.cards: list[int] = []
        self.device_id = time.time_ns() // 1_000_000
        self.sequence = 0
        self.in_flight = 0

    async def settle(self) -> None:
        """Cards with money."""
        for _ in range(CARDS):
            card = (await self.client.request("POST", f"{V1}/cards", {})).json()["card_id"]
            assert isinstance(card, int)
            body = {"card_id": card, "amount": 150_000}
            assert (await self.client.request("POST", f"{V1}/cards/recharge", body)).status == 201
            self.cards.append(card)

    async def tap(self, told: Told, intended: float) -> None:
        """One tap, noted by its outcome."""
        if self.in_flight >= CONNECTIONS:
            told.unsent += 1
            return
        self.sequence += 1
        body = {
            "card_id": self.cards[self.sequence % len(self.cards)],
            "station_id": 1,
            "device_id": self.device_id,
            "device_seq": self.sequence,
        }
        sent = asyncio.get_running_loop().time()
        told.lag.append(sent - intended)
        self.in_flight += 1
        try:
            answer = await self.client.request("POST", f"{V1}/trips/start", body)
        except NoAnswer:
            told.unanswered += 1
            return
        finally:
            self.in_flight -= 1
        code = answer.json().get("code") if answer.status >= 400 else None
        # From the moment of sending: the generator shares the machine, and its lag is told apart.
        seconds = asyncio.get_running_loop().time() - sent
        told.note(answer.status, answer.header("Retry-After"), code, seconds)

    async def drive(self, rate: float, seconds: float, patience_s: float = TIMEOUT_S) -> Told:
        """Open loop; afterwards it may take so long to be normal again."""
        told, loop = Told(), asyncio.get_running_loop()
        started = loop.time()
        tasks = []
        for number in range(int(rate * seconds)):
            intended = started + number / rate
            delay = intended - loop.time()
            if delay > 0:
                await asyncio.sleep(delay)
            tasks.append(loop.create_task(self.tap(told, intended)))
        workers = self.stack.workers()
        told.memory_mb = max(worker.memory_info().rss for worker in workers) / 1e6
        ended = loop.time()
        await asyncio.gather(*tasks)
        told.normal_after_s = await self._normal_after(ended, ended + patience_s)
        return told

    async def _normal_after(self, ended: float, until: float) -> float | None:
        """Seconds until ten taps in a row were accepted quickly."""
        loop, well = asyncio.get_running_loop(), 0
        while loop.time() < until:
            told = Told()
            await self.tap(told, loop.time())
            well = well + 1 if told.accepted and told.accepted[0] < 0.5 else 0
            if well >= 10:
                return round(loop.time() - ended, 2)
            await asyncio.sleep(0.02)
        return None

    async def capacity(self, clients: int, seconds: float) -> float:
        """Taps a second that a closed loop of so many clients gets done."""
        told, loop = Told(), asyncio.get_running_loop()
        until = loop.time() + seconds

        async def repeat() -> None:
            while loop.time() < until:
                await self.tap(told, loop.time())

        await asyncio.gather(*(repeat() for _ in range(clients)))
        return len(told.accepted) / seconds


def overload(stack: Stack, factor: float, seconds: float, call_s: float) -> tuple[float, Told]:
    """So many times the capacity for so long: the capacity in taps/s, and what was told.

    A call of the database takes `call_s`, so that the service has a capacity to exceed.
    """

    async def run() -> tuple[float, Told]:
        crowd = Crowd(stack)
        try:
            await crowd.settle()
            stack.database.slow(call_s)
            capacity = await crowd.capacity(128, 2.0)
            return capacity, await crowd.drive(factor * capacity, seconds)
        finally:
            crowd.client.close()

    return asyncio.run(run())
