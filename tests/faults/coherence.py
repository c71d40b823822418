"""How old an answer about alerts can get, with 2 workers and a cache up, hung, empty and gone."""

import http.client
import itertools
import json
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from tests.faults.stack import Stack

STATION = 3
POLL_EVERY_S = 0.02
OLDEST_S = 2.0
# Alerts open a second apart from their closing at most, so that every answer shows some of both.
OPEN_FOR_S = (0.3, 1.5)
CONNECT_ATTEMPTS = 100
WATCHED_S = 2.5
CAUSE = {"cause": "ACCIDENT", "effect": "DETOUR", "severity_level": "WARNING"}
TEXT = {"header": "Desvío", "description": "Por accidente", "station_id": STATION}


@dataclass
class Sight:
    """What was opened and closed when, by the moment of the answer, and the oldest answer seen."""

    opened: dict[int, float] = field(default_factory=dict)
    closing: set[int] = field(default_factory=set)
    closed: dict[int, float] = field(default_factory=dict)
    oldest_s: float = 0.0
    oldest: str = ""
    polls: dict[int, int] = field(default_factory=dict)
    caches: dict[str, int] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)

    def look(self, worker: int, shown: set[int], state: str, cache: str, asked: float) -> None:
        """Compare one answer with what was acknowledged before it was asked for."""
        now = time.monotonic()
        self.polls[worker] = self.polls.get(worker, 0) + 1
        self.caches[cache] = self.caches.get(cache, 0) + 1
        for alert_id, at in list(self.opened.items()):
            if at < asked and alert_id not in shown and alert_id not in self.closing:
                self._note(now - at, f"{state}: alert {alert_id} not shown by worker {worker}")
        for alert_id, at in list(self.closed.items()):
            if at < asked and alert_id in shown:
                self._note(now - at, f"{state}: alert {alert_id} still shown by worker {worker}")

    def _note(self, age_s: float, what: str) -> None:
        if age_s > self.oldest_s:
            self.oldest_s, self.oldest = age_s, what


def connect_to(stack: Stack, pid: int) -> http.client.HTTPConnection:
    """A kept connection that this worker accepted."""
    address = urlsplit(stack.own_url)
    assert address.hostname
    for _ in range(CONNECT_ATTEMPTS):
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=10)
        ask(connection, "GET", "/health/live")
        port = connection.sock.getsockname()[1]
        worker = next(one for one in stack.workers() if one.pid == pid)
        if any(one.raddr and one.raddr.port == port for one in worker.net_connections()):
            return connection
        connection.close()
    raise AssertionError(f"worker {pid} accepts no connection")


def ask(
    connection: http.client.HTTPConnection, method: str, path: str, body: Any = None
) -> tuple[int, Any, str]:
    """Status, JSON and X-Cache."""
    headers = {"Content-Type": "application/json"} if body is not None else {}
    connection.request(method, path, None if body is None else json.dumps(body), headers)
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read()), answer.headers["X-Cache"] or ""


class Watch:
    """Polls every worker while alerts are opened and closed."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.sight = Sight()
        self.state = "cache up"
        self._over = threading.Event()
        address = urlsplit(stack.own_url)
        assert address.hostname
        self._operator = http.client.HTTPConnection(address.hostname, address.port, timeout=10)
        self._pollers = [
            threading.Thread(target=self._poll, args=[worker.pid]) for worker in stack.workers()
        ]

    def __enter__(self) -> "Watch":
        for poller in self._pollers:
            poller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for poller in self._pollers:
            poller.join()
        self._operator.close()

    def _poll(self, pid: int) -> None:
        connection = connect_to(self.stack, pid)
        while not self._over.wait(POLL_EVERY_S):
            state, asked = self.state, time.monotonic()
            status, body, cache = ask(connection, "GET", f"/api/v1/stations/{STATION}/alerts")
            if status == 200:
                shown = {alert["alert_id"] for alert in body["alerts"]}
                self.sight.look(pid, shown, state, cache, asked)
            else:
                self.sight.errors.append(f"{state}: {status}")
        connection.close()

    def open_and_close(self, count: int, seconds: float, rng: random.Random) -> None:
        """So many alerts, evenly over so many seconds, each open for a while."""
        due: list[tuple[float, Callable[[], None]]] = []
        for number in range(count):
            at = seconds * number / count
            box: list[int] = []
            due.append((at, lambda box=box: self._open(box)))  # type: ignore[misc]
            due.append((at + rng.uniform(*OPEN_FOR_S), lambda box=box: self._close(box)))  # type: ignore[misc]
        started = time.monotonic()
        order = itertools.count()
        for at, _, act in sorted((at, next(order), act) for at, act in due):
            time.sleep(max(0.0, started + at - time.monotonic()))
            act()

    def _open(self, box: list[int]) -> None:
        _, body, _ = ask(self._operator, "POST", "/api/v1/alerts", CAUSE | TEXT)
        box.append(body["alert_id"])
        self.sight.opened[body["alert_id"]] = time.monotonic()

    def _close(self, box: list[int]) -> None:
        self.sight.closing.add(box[0])
        ask(self._operator, "POST", f"/api/v1/alerts/{box[0]}/close")
        self.sight.closed[box[0]] = time.monotonic()


def measure_oldest(stack: Stack, alerts: int, seconds: float) -> Sight:
    """A quarter of the alerts in each state of the cache; the cache is up again at the end."""

    def restart() -> None:
        stack.kill_cache()
        stack.start_cache()

    rng = random.Random(alerts)
    states: tuple[tuple[str, Callable[[], None], Callable[[], None]], ...] = (
        ("cache up", lambda: None, lambda: None),
        ("cache hung", stack.hang_cache, stack.wake_cache),
        ("cache restarted empty", restart, lambda: None),
        ("cache down", stack.kill_cache, stack.start_cache),
    )
    with Watch(stack) as watch:
        for state, begin, end in states:
            watch.state = state
            begin()
            watch.open_and_close(alerts // len(states), seconds / len(states), rng)
            end()
        # The last ones are looked at for as long as they might be remembered.
        time.sleep(WATCHED_S)
    return watch.sight
