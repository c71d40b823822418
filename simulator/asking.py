"""Asking the service: measured, told to the books when its fate stays unknown, asked again."""

import asyncio
from dataclasses import dataclass
from random import Random
from time import monotonic

from simulator.client import Answer, ApiClient, NoAnswer
from simulator.measure import EXPECTED_REFUSALS, Recorder
from simulator.world import PREFIX

PATIENCE_S = 300.0  # how long money is asked about again before its fate is called unknown
RETRY_EVERY_S = 0.25


@dataclass(frozen=True, slots=True)
class Chances:
    """How often the world misbehaves, per tap."""

    lost_answer: float = 0.001
    duplicate: float = 0.002  # 0.18 % of the rows of 2020 to 2024 were duplicates
    reorder: float = 0.2  # of uploads, whose taps then come in any order


class Turns:
    """One thing at a time for each rider: an event waits for the rider's events before it."""

    def __init__(self) -> None:
        self._last: dict[int, asyncio.Future[None]] = {}

    async def take(self, riders: tuple[int, ...]) -> asyncio.Future[None]:
        """Wait for the turn of all these riders; the answer is to be given to `pass_on`."""
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        before = [self._last[rider] for rider in riders if rider in self._last]
        for rider in riders:
            self._last[rider] = mine
        try:
            for other in before:
                # Shielded: an event that is cancelled must not cancel the one it waits for.
                await asyncio.shield(other)
        except asyncio.CancelledError:
            self._leave(riders, mine, [other for other in before if not other.done()])
            raise
        return mine

    def _leave(
        self,
        riders: tuple[int, ...],
        mine: asyncio.Future[None],
        unfinished: list[asyncio.Future[None]],
    ) -> None:
        """Give up a place in the line: who waits behind it goes on waiting for those before it."""
        if not unfinished:
            self.pass_on(riders, mine)
            return
        first, *rest = unfinished
        first.add_done_callback(lambda _: self._leave(riders, mine, rest))

    def pass_on(self, riders: tuple[int, ...], mine: asyncio.Future[None]) -> None:
        """The next may go."""
        mine.set_result(None)
        for rider in riders:
            if self._last.get(rider) is mine:
                del self._last[rider]


class Asker:
    """Sends requests and records what comes of them; `start` is the run's, of the monotonic
    clock (the loop's own counts milliseconds)."""

    def __init__(
        self, client: ApiClient, recorder: Recorder, chances: Chances, rng: Random
    ) -> None:
        self.client = client
        self.recorder = recorder
        self.chances = chances
        self.rng = rng
        self.start = 0.0
        self.unresolved: list[str] = []

    async def ask(
        self,
        endpoint: str,
        intended: float,
        method: str,
        path: str,
        body: object = None,
        key: str | None = None,
        money: bool = False,
    ) -> Answer | None:
        """Send; what moves money is asked again with its key until its fate is known."""
        headers = {"Idempotency-Key": key} if key else None
        lose = money and self.rng.random() < self.chances.lost_answer
        deadline = monotonic() + PATIENCE_S
        while True:
            trouble = ""
            try:
                answer = await self.client.request(method, PREFIX + path, body, headers, lose)
                if not answer.is_ours:
                    self.recorder.strangers[answer.status] += 1
                    trouble = f"{answer.status}, not the service's answer"
                    if not money:
                        self._give_up(endpoint, trouble, intended)
                        return None
                elif answer.status != 503 or not money:
                    return self._note(endpoint, answer, intended)
                else:
                    trouble = str(answer.json().get("code", "503"))
            except NoAnswer as error:
                trouble = "lost on purpose" if lose else "no answer"
                if not money:
                    self._give_up(endpoint, str(error), intended)
                    return None
            lose = False
            self.recorder.retries[trouble] += 1
            if monotonic() > deadline:
                self.unresolved.append(f"{method} {path} key {key}: {trouble}")
                self._give_up(endpoint, trouble, intended)
                return None
            await asyncio.sleep(RETRY_EVERY_S if trouble != "lost on purpose" else 0)

    def _note(self, endpoint: str, answer: Answer, intended: float) -> Answer:
        now = monotonic()
        outcome = "ok"
        if answer.status >= 300:
            outcome = str(answer.json().get("code", answer.status))
            if outcome not in EXPECTED_REFUSALS:
                self.recorder.failed(f"{endpoint}: {answer.status} {outcome}", now - self.start)
        cached = answer.header("X-Cache")
        if cached:
            self.recorder.cache[cached] += 1
        self.recorder.answered(endpoint, outcome, intended - self.start, now - intended)
        return answer

    def _give_up(self, endpoint: str, why: str, intended: float) -> None:
        now = monotonic()
        self.recorder.failed(f"{endpoint}: {why}", now - self.start)
        self.recorder.answered(endpoint, "no_answer", intended - self.start, now - intended)
