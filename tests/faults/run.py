"""One seed: riders, faults in the middle of their requests, and what must be true afterwards."""

import heapq
import itertools
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from simulator.books import describe
from simulator.measure import EXPECTED_REFUSALS
from tests.faults.journal import Journal
from tests.faults.load import LIMIT_S, Load, make_scenario
from tests.faults.schedule import Fault, plan_faults
from tests.faults.stack import Stack

RATE = 120.0
# A fault waits so long for a request to be in the way of it.
AIM_S = 2.0
HEALTHY_WITHIN_S = 15.0
SHOWN = 10

# What a client may see while things break, besides success and the refusals of the rules. `404` is
# what tells the simulator that the service runs on the real clock.
ALLOWED = {
    *("no answer", "200", "201", "202", "404 not_found"),
    *("503 database_unavailable", "503 overloaded"),
}


@dataclass
class Met:
    """A fault that happened, and what it met."""

    what: str
    at_s: float
    lasting_s: float
    in_flight: int
    asking: int


@dataclass
class Verdict:
    """One line of the suite's report."""

    seed: int
    passed: bool
    counts: bool
    faults: list[Met]
    problems: list[str]
    healthy_after_s: float | None
    journal: dict[str, int]
    statuses: dict[str, int]
    slowest_503_s: float
    differences: int
    cards: int
    seconds: float

    def as_line(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


@dataclass
class Breaker:
    """Carries out a schedule on a stack under load."""

    stack: Stack
    load: Load
    met: list[Met] = field(default_factory=list)

    def carry_out(self, faults: list[Fault]) -> None:
        """Begin and end every fault at its time; faults of different parts overlap."""
        started = time.monotonic()
        order = itertools.count()
        due: list[tuple[float, int, Callable[[], object]]] = []
        for fault in faults:
            heapq.heappush(due, (fault.at_s, next(order), self._beginning(fault)))
            if fault.lasting_s:
                end = self._ends()[fault.what]
                heapq.heappush(due, (fault.at_s + fault.lasting_s, next(order), end))
        while due:
            at, _, act = heapq.heappop(due)
            time.sleep(max(0.0, started + at - time.monotonic()))
            act()
        self.stack.wait_for_database()

    def _beginning(self, fault: Fault) -> Callable[[], None]:
        def begin() -> None:
            asking = self._aim(fault.part)
            self.met.append(
                Met(fault.what, fault.at_s, fault.lasting_s, self.load.in_flight, asking)
            )
            self._begins(fault.number)[fault.what]()

        return begin

    def _aim(self, part: str) -> int:
        """Wait until a request is in flight at the part; answers how many wait for it."""
        proxies = {"database": self.stack.database, "cache": self.stack.cache}
        proxy = proxies.get(part, self.stack.clients)
        assert proxy is not None
        deadline = time.monotonic() + AIM_S
        while time.monotonic() < deadline:
            asking = proxy.asking
            # The cache is asked once a second and key: what matters is who comes during the fault.
            if self.load.in_flight and (asking or part == "cache"):
                return asking
            time.sleep(0.0002)
        return 0

    def _begins(self, number: int) -> dict[str, Callable[[], object]]:
        stack = self.stack
        assert stack.clients is not None

        def restart_cache() -> None:
            stack.kill_cache()
            stack.start_cache()

        return {
            "database killed": stack.kill_database,
            "database connections cut": stack.database.cut,
            "database stalled": stack.database.stall,
            "database answers swallowed": stack.database.swallow_answers,
            "cache killed": stack.kill_cache,
            "cache hung": stack.hang_cache,
            "cache restarted empty": restart_cache,
            "cache connections cut": stack.cache.cut,
            "worker killed": lambda: stack.kill_worker(number),
            "client connections cut": stack.clients.cut,
            "client connections stalled": stack.clients.stall,
            "client answers swallowed": stack.clients.swallow_answers,
        }

    def _ends(self) -> dict[str, Callable[[], object]]:
        stack = self.stack
        assert stack.clients is not None
        return {
            "database killed": stack.begin_database,
            "database stalled": stack.database.resume,
            "database answers swallowed": stack.database.resume,
            "cache killed": stack.start_cache,
            "cache hung": stack.wake_cache,
            "client connections stalled": stack.clients.resume,
            "client answers swallowed": stack.clients.resume,
        }


def run_seed(stack: Stack, seed: int, seconds: float, faults: list[Fault] | None = None) -> Verdict:
    """Drive, break, heal, compare."""
    started = time.monotonic()
    log_size = stack.log.stat().st_size
    load = Load(stack.url, make_scenario(seed, seconds, RATE))
    breaker = Breaker(stack, load)
    load.start()
    load.settled.wait(LIMIT_S)
    if load.error is None:
        breaker.carry_out(plan_faults(seed, seconds) if faults is None else faults)
    load.driven.wait(LIMIT_S)
    healthy = stack.wait_until_healthy(HEALTHY_WITHIN_S)
    problems = [] if healthy is not None else ["the service did not become healthy by itself"]
    differences = cards = 0
    try:
        result = load.finish()
    except Exception as error:
        problems.append(f"the run ended with {error!r}")
    else:
        differences = len(result.differences) + len(result.total_differences)
        cards = result.cards
        problems += describe(result.differences)[:SHOWN] + result.statements[:SHOWN]
        problems += [f"unresolved: {line}" for line in result.unresolved[:SHOWN]]
        problems += [
            f"{name} grew by {told}, by the riders' books {ours}"
            for name, told, ours in result.total_differences
        ]
    journal = load.journal
    assert journal is not None
    problems += unexpected(journal.statuses) + effects(stack, journal)
    problems += defects(stack, log_size)
    problems += [f"audit: {offence}" for offence in stack.audit()[:SHOWN]]
    return Verdict(
        seed=seed,
        passed=not problems,
        counts=all(one.in_flight for one in breaker.met) and bool(breaker.met),
        faults=breaker.met,
        problems=problems,
        healthy_after_s=healthy,
        journal=journal.summary(),
        statuses=dict(journal.statuses),
        slowest_503_s=round(journal.slowest_503_s, 2),
        differences=differences,
        cards=cards,
        seconds=round(time.monotonic() - started, 1),
    )


def unexpected(statuses: Counter[str]) -> list[str]:
    """Answers that no client should see, whatever is broken."""
    return [
        f"{count} answers {status}"
        for status, count in statuses.items()
        if status not in ALLOWED and status.partition(" ")[2] not in EXPECTED_REFUSALS
    ]


def defects(stack: Stack, since: int) -> list[str]:
    """What the service itself logged as a defect of its own."""
    with stack.log.open(encoding="utf-8") as log:
        log.seek(since)
        return [f"logged: {line.strip()[-1500:]}" for line in log if '"defect ' in line][:SHOWN]


def effects(stack: Stack, journal: Journal) -> list[str]:
    """What was acknowledged against what the tables hold, and keys that took effect twice."""
    trips = {row[0] for row in stack.query("SELECT trip_id FROM transit.trips")}
    recharges = {row[0] for row in stack.query("SELECT recharge_id FROM transit.recharges")}
    twice = stack.query(
        "SELECT device_id, device_seq, count(*) FROM transit.trips"
        " WHERE device_id > 0 GROUP BY device_id, device_seq HAVING count(*) > 1 LIMIT 10"
    )
    return [
        *journal.missing_effects(trips, recharges)[:SHOWN],
        *(f"device {one}, tap {seq}: {count} trips" for one, seq, count in twice),
    ]
