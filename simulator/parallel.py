"""A run in several processes: each drives its share of the riders, the parent merges."""

import asyncio
import multiprocessing
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess

import uvloop

from simulator.access import ANYBODY, Access
from simulator.interrupt import on_first_ctrl_c
from simulator.result import Outcome, Result, Tally
from simulator.scenario import Scenario
from simulator.session import (
    TIMEOUT_S,
    Worker,
    check_service,
    conclude,
    drive_and_compare,
    set_clock,
)
from simulator.world import Unusable, connect, read_clock, read_totals

Report = Callable[[str, list[Tally]], None]


async def run_parallel(
    url: str,
    scenario: Scenario,
    workers: int,
    report: Report | None = None,
    finish_on_ctrl_c: bool = False,
    access: Access = ANYBODY,
) -> Result:
    """Start the workers together, show their progress, merge what they bring home; Ctrl-C can end
    the driving alone, every worker compares its books then."""
    run = int(time.time())
    client = connect(url, 4, TIMEOUT_S, access)
    try:
        await check_service(client)
        before = await read_totals(client, (await read_clock(client)).now())
        await set_clock(client, scenario)
        if report:
            report("settling", [])
        with start_children(url, scenario, run, workers, access) as pipes:
            conversation = Conversation(pipes, report)
            outcomes = await conversation.hold(finish_on_ctrl_c)
        return await conclude(client, url, scenario, run, before, outcomes, conversation.stopped)
    finally:
        client.close()


@contextmanager
def start_children(
    url: str, scenario: Scenario, run: int, workers: int, access: Access = ANYBODY
) -> Iterator[list[Connection]]:
    """The worker processes, as a pipe to each; none outlives this."""
    context = multiprocessing.get_context("spawn")
    pipes: list[Connection] = []
    children: list[SpawnProcess] = []
    try:
        for number in range(workers):
            mine, theirs = context.Pipe()
            pipes.append(mine)
            child = context.Process(
                target=run_child,
                args=(theirs, url, scenario, run, number, workers, access),
                daemon=True,
            )
            start_deaf(child)
            children.append(child)
            theirs.close()
        yield pipes
    finally:
        for child in children:
            child.terminate()
            child.join()
        for pipe in pipes:
            pipe.close()


def start_deaf(child: SpawnProcess) -> None:
    """Ctrl-C goes to the whole group, but what it means is the parent's to say: the child is born
    with the signal blocked, so that not even its imports are interrupted."""
    resource_tracker.ensure_running()  # as a part of child.start it would lift the block
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        child.start()
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


class Conversation:
    """What the workers have said so far, and what they are told."""

    def __init__(self, pipes: list[Connection], report: Report | None) -> None:
        self.pipes = pipes
        self.report = report
        self.said: Counter[str] = Counter()
        self.tallies: dict[int, Tally] = {}
        self.outcomes: dict[int, Outcome] = {}
        self.heard = asyncio.Event()
        self.trouble = ""
        self.stopped = False

    async def hold(self, finish_on_ctrl_c: bool) -> list[Outcome]:
        """Let all go once all are ready; the outcomes of all, Unusable with the first trouble."""
        loop = asyncio.get_running_loop()
        for number, pipe in enumerate(self.pipes):
            loop.add_reader(pipe.fileno(), self._listen, number)
        try:
            await self._all("ready")
            with on_first_ctrl_c(self.stop) if finish_on_ctrl_c else nullcontext():
                self._tell("go")
                await self._all("outcome")
        finally:
            for pipe in self.pipes:
                loop.remove_reader(pipe.fileno())
        return [self.outcomes[number] for number in range(len(self.pipes))]

    def stop(self) -> None:
        """Nobody sends anything more; books are compared all the same."""
        self.stopped = True
        self._tell("stop")
        if self.report:
            self.report("stopping", [])

    def _tell(self, word: str) -> None:
        for number, pipe in enumerate(self.pipes):
            if number not in self.outcomes:
                with suppress(OSError):  # it died: its silence is heard at the other end
                    pipe.send(word)

    async def _all(self, word: str) -> None:
        """Until every worker has said the word."""
        while self.said[word] < len(self.pipes):
            self.heard.clear()
            await self.heard.wait()
            if self.trouble:
                raise Unusable(self.trouble)

    def _listen(self, number: int) -> None:
        """One message of one worker."""
        self.heard.set()
        pipe = self.pipes[number]
        try:
            word, value = pipe.recv()
        except (EOFError, OSError):
            asyncio.get_running_loop().remove_reader(pipe.fileno())
            if number not in self.outcomes:
                self.trouble = self.trouble or f"worker {number} died"
            return
        self.said[word] += 1
        if word == "trouble":
            self.trouble = self.trouble or value
        elif word == "tally":
            self.tallies[number] = value
            if self.report and number == min(self.tallies):
                self.report("driving", list(self.tallies.values()))
        elif word == "comparing":
            if self.report and self.said[word] == len(self.pipes):
                self.report(word, [])
        elif word == "outcome":
            self.outcomes[number] = value


def run_child(
    pipe: Connection,
    url: str,
    scenario: Scenario,
    run: int,
    number: int,
    workers: int,
    access: Access = ANYBODY,
) -> None:
    """One worker process."""
    try:
        uvloop.run(work(pipe, Worker(url, scenario, run, number, workers, access)))
    except Unusable as error:
        pipe.send(("trouble", str(error)))
    finally:
        pipe.close()


async def work(pipe: Connection, worker: Worker) -> None:
    """Prepare, wait for the others, drive until told to stop, compare, hand over."""

    def tell(stage: str, tallies: list[Tally]) -> None:
        pipe.send(("tally", tallies[0]) if stage == "driving" else (stage, None))

    def listen() -> None:
        try:
            pipe.recv()
        except (EOFError, OSError):  # the parent died: nobody would ever say stop
            loop.remove_reader(pipe.fileno())
        driver.stop()

    driver, load = await worker.prepare()
    pipe.send(("ready", None))
    await asyncio.to_thread(pipe.recv)
    loop = asyncio.get_running_loop()
    loop.add_reader(pipe.fileno(), listen)
    outcome = await drive_and_compare(worker, driver, load, tell)
    pipe.send(("outcome", outcome))
