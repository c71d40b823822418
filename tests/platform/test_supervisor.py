"""What the parent of the workers decides: how long it waits before it starts another."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from transit_api.process import supervisor as workers
from transit_api.process.supervisor import (
    FIRST_BACK_OFF_S,
    LAST_BACK_OFF_S,
    STEADY_S,
    Supervisor,
    Worker,
)
from transit_api.settings import Settings


class Clock:
    """Stands still until the test moves it."""

    now = 1_000.0

    def monotonic(self) -> float:
        return self.now


class Process:
    """A child that ends when the test says so."""

    # No process has such a number.
    pid = 2**22 + 1
    returncode: int | None = None

    def poll(self) -> int | None:
        return self.returncode

    def kill(self) -> None:
        self.returncode = -9


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    stopped = Clock()
    monkeypatch.setattr(workers, "time", stopped)
    return stopped


@pytest.fixture
def supervisor(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> tuple[Supervisor, list[Worker]]:
    """One that starts children of ours; the list of those that it started."""
    started: list[Worker] = []

    def start(self: Supervisor) -> Worker:
        process: Any = Process()
        started.append(Worker(process, -1, ready=True, started_at=clock.now))
        return started[-1]

    monkeypatch.setattr(Supervisor, "_start", start)
    return Supervisor(Settings(workers=1), [], tmp_path), started


def wait_for_another(clock: Clock, look: Callable[[], None], started: list[Worker]) -> float:
    """End the last one; how long it takes until the next is started."""
    started[-1].process.returncode = 1
    before, ended = len(started), clock.now
    while len(started) == before:
        look()
        clock.now += 0.05
        assert clock.now - ended < 10 * LAST_BACK_OFF_S
    return clock.now - ended


def test_worker_that_dies_again_and_again_is_started_ever_later(
    supervisor: tuple[Supervisor, list[Worker]], clock: Clock
) -> None:
    under_test, started = supervisor
    under_test._restart_dead()
    assert len(started) == 1
    waits = [wait_for_another(clock, under_test._restart_dead, started) for _ in range(10)]
    assert waits[0] >= FIRST_BACK_OFF_S
    for before, after in zip(waits[:4], waits[1:5], strict=True):
        assert after > 1.5 * before
    assert waits[-1] == pytest.approx(LAST_BACK_OFF_S, abs=0.2)


def test_worker_that_lived_long_is_started_again_soon(
    supervisor: tuple[Supervisor, list[Worker]], clock: Clock
) -> None:
    under_test, started = supervisor
    under_test._restart_dead()
    for _ in range(5):
        wait_for_another(clock, under_test._restart_dead, started)
    clock.now += STEADY_S + 1
    assert wait_for_another(clock, under_test._restart_dead, started) < 3 * FIRST_BACK_OFF_S


def test_worker_that_never_gets_ready_is_killed(
    supervisor: tuple[Supervisor, list[Worker]], clock: Clock
) -> None:
    under_test, started = supervisor
    under_test._restart_dead()
    started[0].ready = False
    clock.now += workers.START_LIMIT_S - 1
    under_test._restart_dead()
    assert started[0].alive
    clock.now += 2
    under_test._restart_dead()
    assert not started[0].alive
