"""What breaks and when: a pure function of the seed."""

from dataclasses import dataclass
from random import Random

# Each kind and how long it lasts, in seconds; 0 is a blow. Silences are drawn on both sides of the
# service's own limits (200 ms for the cache, 1.5 s for a statement), so that both ends are met.
KINDS: dict[str, tuple[float, float]] = {
    "database killed": (0.2, 2.0),
    "database connections cut": (0.0, 0.0),
    "database stalled": (0.2, 3.0),
    "database answers swallowed": (0.1, 1.0),
    "cache killed": (0.2, 3.0),
    "cache hung": (0.3, 3.0),
    "cache restarted empty": (0.0, 0.0),
    "cache connections cut": (0.0, 0.0),
    "worker killed": (0.0, 0.0),
    "client connections cut": (0.0, 0.0),
    "client connections stalled": (0.2, 3.0),
    "client answers swallowed": (0.1, 1.0),
}
FEWEST, MOST = 3, 5
FIRST_AT_S = 0.5
REST_S = 1.0  # the load goes on for so long after the last fault began
APART_S = 0.2  # between two faults of one part; those of different parts overlap


@dataclass(frozen=True, slots=True)
class Fault:
    """`what` at second `at_s` of the load, for `lasting_s`; `number` picks one of several."""

    at_s: float
    what: str
    lasting_s: float
    number: int

    @property
    def part(self) -> str:
        """The part that is hit: database, cache, worker, client."""
        return self.what.split()[0]


def plan_faults(seed: int, seconds: float) -> list[Fault]:
    """In the order of their beginning; twelve seeds in a row meet every kind."""
    rng = Random(f"faults {seed}")
    kinds = [list(KINDS)[seed % len(KINDS)]]
    kinds += rng.choices(list(KINDS), k=rng.randint(FEWEST, MOST) - 1)
    times = sorted(rng.uniform(FIRST_AT_S, seconds - REST_S) for _ in kinds)
    rng.shuffle(kinds)
    planned: list[Fault] = []
    free_at: dict[str, float] = {}
    for at, what in zip(times, kinds, strict=True):
        lasting = rng.uniform(*KINDS[what])
        part = what.split()[0]
        at = max(at, free_at.get(part, 0.0))
        if at > seconds - APART_S:
            # Its part is still hurt when the load ends: it would meet nobody.
            continue
        free_at[part] = at + lasting + APART_S
        planned.append(Fault(round(at, 3), what, round(lasting, 3), rng.randrange(1000)))
    return sorted(planned, key=lambda fault: fault.at_s)
