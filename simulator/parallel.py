"""A run in several processes: each drives its share of the riders, the parent merges."""

import asyncio
import multiprocessing
import signal
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

import uvloop

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

POLL_S = 0.05

Report = Callable[[str, list[Tally]], None]


async def run_parallel(
    url: str, scenario: Scenario, workers: int, report: Report | None = None
) -> Result:
    """Start the workers together, show their progress, merge what they bring home."""
    run = int(time.time())
    client = connect(url, 4, TIMEOUT_S)
    try:
        await check_service(client)
        before = await read_totals(client, (await read_clock(client)).now())
        await set_clock(client, scenario)
        outcomes = await asyncio.to_thread(gather, url, scenario, run, workers, report)
        return await conclude(client, url, scenario, run, before, outcomes)
    finally:
        client.close()


def gather(
    url: str, scenario: Scenario, run: int, workers: int, report: Report | None
) -> list[Outcome]:
    """The outcomes of all workers; Unusable with the first trouble of one."""
    context = multiprocessing.get_context("spawn")
    pipes: list[Connection] = []
    children = []
    for number in range(workers):
        mine, theirs = context.Pipe()
        child = context.Process(
            target=run_child, args=(theirs, url, scenario, run, number, workers), daemon=True
        )
        child.start()
        theirs.close()
        pipes.append(mine)
        children.append(child)
    try:
        return converse(pipes, report)
    finally:
        for child in children:
            child.terminate()
            child.join()


def converse(pipes: list[Connection], report: Report | None) -> list[Outcome]:
    """Let all go once all are ready; collect progress and outcomes."""
    conversation = Conversation(pipes, report)
    if report:
        report("settling", [])
    while len(conversation.outcomes) < len(pipes):
        for number, pipe in enumerate(pipes):
            if number not in conversation.outcomes and pipe.poll(POLL_S):
                conversation.hear(number, pipe)
    return [conversation.outcomes[number] for number in range(len(pipes))]


class Conversation:
    """What the workers have said so far."""

    def __init__(self, pipes: list[Connection], report: Report | None) -> None:
        self.pipes = pipes
        self.report = report
        self.ready = 0
        self.tallies: dict[int, Tally] = {}
        self.outcomes: dict[int, Outcome] = {}

    def hear(self, number: int, pipe: Connection) -> None:
        """One message of one worker."""
        try:
            word, value = pipe.recv()
        except EOFError as error:
            raise Unusable(f"worker {number} died") from error
        if word == "trouble":
            raise Unusable(value)
        if word == "ready":
            self._count_in()
        elif word == "tally":
            self.tallies[number] = value
            if self.report and number == min(self.tallies):
                self.report("driving", list(self.tallies.values()))
        else:
            self.outcomes[number] = value

    def _count_in(self) -> None:
        self.ready += 1
        if self.ready == len(self.pipes):
            for pipe in self.pipes:
                pipe.send("go")


def run_child(
    pipe: Connection, url: str, scenario: Scenario, run: int, number: int, workers: int
) -> None:
    """One worker process."""
    # Ctrl-C goes to the whole group: the parent decides, by ending the children
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        uvloop.run(work(pipe, Worker(url, scenario, run, number, workers)))
    except Unusable as error:
        pipe.send(("trouble", str(error)))
    finally:
        pipe.close()


async def work(pipe: Connection, worker: Worker) -> None:
    """Prepare, wait for the others, drive, compare, hand over."""

    def tell(stage: str, tallies: list[Tally]) -> None:
        if stage == "driving":
            pipe.send(("tally", tallies[0]))

    driver, load = await worker.prepare()
    pipe.send(("ready", None))
    go: Any = await asyncio.to_thread(pipe.recv)
    assert go == "go"
    outcome = await drive_and_compare(worker, driver, load, tell)
    pipe.send(("outcome", outcome))
