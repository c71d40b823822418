"""What a client gets while a part is broken: compose/README.md's table as data, and its test."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from tests.faults.client import Client
from tests.faults.stack import Stack

SLOW_S = 0.3
FLAP_S = 0.3
# Each cell is asked so often, each time on a new connection, so that both workers answer.
TIMES = 4
# A broken state lasts so long before it is asked: the copies of arrivals and alerts are over then;
# those of analytics may still be young.
PAST_TTL_S = 2.2

ENDPOINTS = (
    "tap",
    "recharge",
    "balance",
    "history",
    "stations",
    "arrivals",
    "alerts",
    "analytics",
    "health",
    "ready",
    "metrics",
)
UNCACHED = ("tap", "recharge", "balance", "history", "stations")
CACHED = ("arrivals", "alerts", "analytics")


@dataclass(frozen=True)
class Cell:
    """What is promised: each answer is one of `says`, within `within_s` seconds."""

    says: tuple[str, ...]
    within_s: float


def row(
    uncached: str,
    cached: str,
    health: str,
    ready: str,
    within_s: float,
    health_within_s: float | None = None,
    cached_within_s: float | None = None,
) -> dict[str, Cell]:
    """A state of the table: words for five plain endpoints, three cached ones, two of health."""
    words = dict.fromkeys(UNCACHED, uncached) | dict.fromkeys(CACHED, cached)
    words |= {"health": health, "ready": ready, "metrics": "ok"}
    limits = dict.fromkeys(ENDPOINTS, within_s) | {"health": health_within_s or within_s}
    limits |= dict.fromkeys(CACHED, cached_within_s or within_s)
    return {name: Cell(tuple(words[name].split(" | ")), limits[name]) for name in ENDPOINTS}


AWAY = "503 database_unavailable + Retry-After"
# A silent database is met by what waits for it (pool, statement timeout and margin), and by what
# waits in line for those.
SILENT = f"{AWAY} | 503 overloaded + Retry-After"

# The bounds are those of a machine that has time for it; `slack` of `check` multiplies them.
TABLE: dict[str, dict[str, Cell]] = {
    "all well": row("ok", "ok HIT | ok MISS", "ok", "ok", 0.5),
    "database down": row(AWAY, "ok STALE | ok HIT", "503 down", AWAY, 1.0),
    "database silent": row(SILENT, "ok STALE | ok HIT", "503 down", AWAY, 2.2, 1.0, 1.2),
    "database slow (300 ms)": row("ok", "ok HIT | ok MISS | ok STALE", "ok", "ok", 1.6),
    "database restarted": row("ok", "ok HIT | ok MISS", "ok", "ok", 0.5),
    "cache down": row("ok", "ok BYPASS | ok HIT", "ok degraded", "ok", 0.5, health_within_s=1.0),
    "cache hung": row("ok", "ok BYPASS | ok HIT", "ok degraded", "ok", 0.5, health_within_s=1.0),
    "cache flapping": row(
        "ok", "ok BYPASS | ok HIT | ok MISS", "ok | ok degraded", "ok", 0.5, health_within_s=1.0
    ),
    "database and cache down": row(AWAY, f"ok STALE | ok HIT | {AWAY}", "503 down", AWAY, 1.0),
    "one worker gone": row("ok", "ok HIT | ok MISS", "ok", "ok", 0.5),
}

# States that are asked at once: nothing changes with time, or the moment itself is what matters.
PROMPT = ("all well", "database restarted", "one worker gone")


@contextmanager
def broken(stack: Stack, state: str) -> Iterator[None]:
    """The state of a row, and back."""
    begin, end = {
        "all well": (lambda: None, lambda: None),
        "database down": (stack.kill_database, stack.start_database),
        "database silent": (stack.database.stall, stack.database.resume),
        "database slow (300 ms)": (lambda: stack.database.slow(SLOW_S), stack.database.resume),
        "database restarted": (lambda: restart_database(stack), lambda: None),
        "cache down": (stack.kill_cache, stack.start_cache),
        "cache hung": (stack.hang_cache, stack.wake_cache),
        "database and cache down": (lambda: kill_both(stack), lambda: start_both(stack)),
        "one worker gone": (lambda: stack.kill_worker(0), lambda: None),
        "cache flapping": (lambda: None, lambda: None),
    }[state]
    begin()
    try:
        with flapping(stack) if state == "cache flapping" else contextmanager(nothing)():
            yield
    finally:
        end()


def nothing() -> Iterator[None]:
    """No fault of its own."""
    yield


def restart_database(stack: Stack) -> None:
    """Killed and back: asked right after it answers again."""
    stack.kill_database()
    stack.start_database()


def kill_both(stack: Stack) -> None:
    """As after a power cut of the machine they share."""
    stack.kill_database()
    stack.kill_cache()


def start_both(stack: Stack) -> None:
    """Back."""
    stack.start_cache()
    stack.start_database()


@contextmanager
def flapping(stack: Stack) -> Iterator[None]:
    """The cache stops and goes on, several times a second."""
    over = threading.Event()

    def flap() -> None:
        while not over.wait(FLAP_S):
            stack.hang_cache()
            over.wait(FLAP_S)
            stack.wake_cache()

    flapper = threading.Thread(target=flap)
    flapper.start()
    try:
        yield
    finally:
        over.set()
        flapper.join()


@dataclass(frozen=True)
class Told:
    """What a cell really said: every word met, and the slowest answer."""

    state: str
    endpoint: str
    words: frozenset[str]
    slowest_s: float

    def breach(self, slack: float) -> str | None:
        """How it differs from the table."""
        cell = TABLE[self.state][self.endpoint]
        where = f"{self.state}, {self.endpoint}"
        if not self.words <= set(cell.says):
            return f"{where}: {sorted(self.words)} instead of {cell.says}"
        if self.slowest_s > cell.within_s * slack:
            return f"{where}: {self.slowest_s:.2f} s instead of {cell.within_s}"
        return None


def run_row(stack: Stack, state: str) -> list[Told]:
    """Break, ask every endpoint (all at once, so that none waits for another), heal."""
    client = Client(stack)
    for endpoint in CACHED:
        for _ in range(2 * TIMES):
            client.word(endpoint)

    def ask(endpoint: str) -> Told:
        answers = [client.word(endpoint) for _ in range(TIMES)]
        words, seconds = zip(*answers, strict=True)
        return Told(state, endpoint, frozenset(words), max(seconds))

    with broken(stack, state), ThreadPoolExecutor(len(ENDPOINTS)) as asking:
        if state not in PROMPT:
            time.sleep(PAST_TTL_S)
        return list(asking.map(ask, ENDPOINTS))


def as_markdown() -> str:
    """As compose/README.md shows it; a column for endpoints that are promised the same."""
    columns = [", ".join(UNCACHED), ", ".join(CACHED), "health", "ready", "metrics"]
    lines = [f"| | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    for state, cells in TABLE.items():
        shown = [cells[column.split(", ")[0]] for column in columns]
        texts = [f"{' or '.join(cell.says)}, {cell.within_s:g} s" for cell in shown]
        lines.append(f"| {state} | {' | '.join(texts)} |")
    return "\n".join(lines)
