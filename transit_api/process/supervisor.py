"""The parent: starts workers on its sockets, replaces them, and stops them in order."""

import dataclasses
import logging
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from transit_api.observe.metrics_directory import metrics_directory
from transit_api.process.processes import ProcessError, start_process
from transit_api.settings import Settings

log = logging.getLogger(__name__)

START_LIMIT_S = 60.0
# Beyond its own bounds a worker gets so long to close its pools before it is killed.
STOP_MARGIN_S = 5.0
FIRST_BACK_OFF_S = 0.1
LAST_BACK_OFF_S = 10.0
# A worker that lived so long did not die of what is wrong at start.
STEADY_S = 30.0
TICK_S = 1.0


@dataclass
class Worker:
    """A child that answers requests, or is about to."""

    process: "subprocess.Popen[bytes]"
    ready_fd: int
    ready: bool = False
    started_at: float = field(default_factory=time.monotonic)

    @property
    def alive(self) -> bool:
        return self.process.poll() is None


class Supervisor:
    """Keeps `settings.worker_count` workers running until SIGTERM or SIGINT."""

    def __init__(
        self,
        settings: Settings,
        sockets: list[socket.socket],
        metrics: Path,
        uid: int | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        # Their own rights are enough for workers: the owner's address stays with the parent.
        self._settings = dataclasses.replace(settings, owner_database_url="")
        self._uid = uid
        self._sockets = sockets
        self._metrics = metrics
        self._environment = environment or {}
        self._workers: list[Worker] = []
        self._back_off = FIRST_BACK_OFF_S
        self._start_next_at = 0.0
        self._stopping = False
        self._hurried = False
        self._replacing = False

    def run(self, when_ready: Callable[[], None]) -> None:
        """Serve until told to stop; ProcessError if the first workers do not start."""
        with self._signals() as self._wakeup:
            try:
                self._workers = [self._start() for _ in range(self._settings.worker_count)]
                for worker in self._workers:
                    if not self._wait_until_ready(worker) and not self._stopping:
                        raise ProcessError("a worker did not start; what it wrote is above")
                if not self._stopping:
                    when_ready()
                while not self._stopping:
                    self._wait(TICK_S)
                    self._restart_dead()
                    if self._replacing:
                        self._replacing = False
                        self._replace_all()
                log.info("stopping; what is in flight is answered first")
            finally:
                # From here on a new connection is refused instead of waiting for nobody.
                for one in self._sockets:
                    one.close()
                self._stop(self._workers)

    def _start(self) -> Worker:
        ready_fd, worker_end = os.pipe()
        descriptors = [*(one.fileno() for one in self._sockets), worker_end]
        # It steps down itself, when it has read its program: that may lie in root's own directory.
        user = [] if self._uid is None else [f"--uid={self._uid}"]
        process = start_process(
            [sys.executable, "-m", "transit_api.process.worker", *user, *map(str, descriptors)],
            death_signal=signal.SIGTERM,
            environment={
                **os.environ,
                **self._settings.environment(),
                **self._environment,
                "PROMETHEUS_MULTIPROC_DIR": str(self._metrics),
            },
            pass_fds=descriptors,
            # Our standard output says where we serve and nothing else: a program that reads that
            # line and stops reading must not block the workers' log.
            stdout=sys.stderr.fileno(),
        )
        os.close(worker_end)
        return Worker(process, ready_fd)

    def _wait_until_ready(self, worker: Worker) -> bool:
        """Whether it came up before it died, took too long, or we were told to stop."""
        deadline = worker.started_at + START_LIMIT_S
        while not worker.ready and worker.alive and time.monotonic() < deadline:
            if self._stopping:
                return False
            self._wait(TICK_S, worker)
        return worker.ready

    def _wait(self, seconds: float, *starting: Worker) -> None:
        """Sleep until a signal came, a starting worker spoke, or the time is over."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._wakeup, selectors.EVENT_READ)
            for worker in (*starting, *self._workers):
                if worker.ready_fd >= 0 and worker.ready_fd not in selector.get_map():
                    selector.register(worker.ready_fd, selectors.EVENT_READ, worker)
            for key, _ in selector.select(seconds):
                if key.data is None:
                    self._wakeup.recv(4096)
                else:
                    # Empty when it died without a word; `alive` tells.
                    key.data.ready = bool(os.read(key.data.ready_fd, 16))
                    _close_pipe(key.data)

    def _restart_dead(self) -> None:
        now = time.monotonic()
        for worker in self._workers:
            if not worker.ready and now - worker.started_at > START_LIMIT_S:
                worker.process.kill()
        for worker in [one for one in self._workers if not one.alive]:
            self._workers.remove(worker)
            self._clear(worker)
            steady = now - worker.started_at > STEADY_S
            self._back_off = (
                FIRST_BACK_OFF_S if steady else min(self._back_off * 2, LAST_BACK_OFF_S)
            )
            self._start_next_at = now + self._back_off
            log.error(
                "worker %d ended with %d; another starts in %.1f s",
                worker.process.pid,
                worker.process.returncode,
                self._back_off,
            )
        missing = self._settings.worker_count - len(self._workers)
        if missing and now >= self._start_next_at:
            self._workers += [self._start() for _ in range(missing)]

    def _replace_all(self) -> None:
        """One at a time, the new one ready before the old one goes: no request is lost."""
        for old in list(self._workers):
            new = self._start()
            self._workers.append(new)
            if not self._wait_until_ready(new):
                self._workers.remove(new)
                self._stop([new])
                if not self._stopping:
                    log.error("the new worker did not start; the old ones stay")
                return
            self._workers.remove(old)
            self._stop([old])
        log.info("all workers were replaced")

    def _stop(self, workers: list[Worker]) -> None:
        for worker in workers:
            if worker.alive:
                worker.process.terminate()
        limit = self._settings.idle_grace_seconds + self._settings.drain_seconds + STOP_MARGIN_S
        deadline = time.monotonic() + limit
        while any(worker.alive for worker in workers) and time.monotonic() < deadline:
            if self._hurried:
                break
            # The end of a child is a signal too.
            self._wait(TICK_S)
        for worker in workers:
            if worker.alive:
                log.error("worker %d was killed: it had not stopped", worker.process.pid)
                worker.process.kill()
                worker.process.wait()
            self._clear(worker)

    def _clear(self, worker: Worker) -> None:
        """Remove what a dead worker left among the metrics; its counts stay, they were true."""
        from prometheus_client.multiprocess import mark_process_dead

        _close_pipe(worker)
        mark_process_dead(worker.process.pid, str(self._metrics))  # type: ignore[no-untyped-call]
        if not worker.ready:
            for file in self._metrics.glob(f"*_{worker.process.pid}.db"):
                file.unlink(missing_ok=True)

    @contextmanager
    def _signals(self) -> Iterator[socket.socket]:
        """Turn signals into flags and a byte on the socket that is yielded."""
        ours, kernels = socket.socketpair()
        for one in (ours, kernels):
            one.setblocking(False)
        handlers = {
            signal.SIGTERM: self._on_stop,
            signal.SIGINT: self._on_stop,
            signal.SIGHUP: self._on_hang_up,
            signal.SIGCHLD: _ignore,
        }
        before = {number: signal.signal(number, handlers[number]) for number in handlers}
        wakeup_before = signal.set_wakeup_fd(kernels.fileno(), warn_on_full_buffer=False)
        try:
            yield ours
        finally:
            signal.set_wakeup_fd(wakeup_before)
            for number, handler in before.items():
                signal.signal(number, handler)
            ours.close()
            kernels.close()

    def _on_stop(self, *_: object) -> None:
        # Asked twice, it does not wait for what is in flight.
        self._hurried = self._stopping
        self._stopping = True

    def _on_hang_up(self, *_: object) -> None:
        # On a terminal it means that the terminal is gone.
        if os.isatty(0):
            self._stopping = True
        else:
            self._replacing = True


def run_workers(
    settings: Settings,
    sockets: list[socket.socket],
    when_ready: Callable[[], None],
    uid: int | None = None,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Serve on `sockets` until SIGTERM or SIGINT, then stop in order.

    Workers run as `uid`, with `environment` besides ours.
    """
    with metrics_directory() as metrics:
        if uid is not None:
            os.chown(metrics, uid, uid)
        Supervisor(settings, sockets, metrics, uid, environment).run(when_ready)


def _close_pipe(worker: Worker) -> None:
    if worker.ready_fd >= 0:
        os.close(worker.ready_fd)
        worker.ready_fd = -1


def _ignore(*_: object) -> None:
    """A handler that only has the wakeup byte written."""
