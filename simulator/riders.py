"""Who rides: riders with a profile, places, hours and habits of paying, drawn from a seed."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from random import Random
from typing import NamedTuple

from faker import Faker

from simulator.city import City, Picker

BASE_FARE = 3550  # pesos, since 14 January 2026; what riders reckon with when they plan


class Kind(NamedTuple):
    """A kind of rider; `journeys` are the weights of making 1, 2, 3 or 4 journeys on a day out."""

    share: float
    profiles: tuple[str, ...]
    days: dict[str, float]
    journeys: tuple[float, float, float, float]
    errands: float


_WORK = {"weekday": 0.88, "saturday": 0.45, "sunday": 0.15}
_SCHOOL = {"weekday": 0.85, "saturday": 0.30, "sunday": 0.10}
_OFTEN = {"weekday": 0.72, "saturday": 0.50, "sunday": 0.28}
_FREE = {"weekday": 0.45, "saturday": 0.40, "sunday": 0.25}

# Shares of the riders of a month. 62 % personalised is the working value of 2023 (60 to 65 % of
# validations); 269,000 older people, 138,000 with disability and 167,000 in poverty held passes in
# March 2026, of about 3 million cards; over 14,000 held a monthly pass in January 2026. What is
# left is split between work and study by assumption. Many anonymous cards commute, too.
KINDS: dict[str, Kind] = {
    "commuter": Kind(0.232, ("adult",), _WORK, (0.33, 0.57, 0.07, 0.03), 0.10),
    "student": Kind(0.10, ("adult", "minor"), _SCHOOL, (0.36, 0.53, 0.08, 0.03), 0.12),
    "senior": Kind(0.09, ("senior_a", "senior_b", "senior_c", "senior"), _FREE,
                   (0.42, 0.53, 0.04, 0.01), 0.45),
    "disability": Kind(0.046, ("disability_a", "disability_b", "disability_c", "disability"), _FREE,
                       (0.40, 0.54, 0.05, 0.01), 0.40),
    "low_income": Kind(0.056, ("low_income_a", "low_income_b"), _WORK,
                       (0.38, 0.53, 0.06, 0.03), 0.20),
    "pass_holder": Kind(0.006, ("adult",), _WORK, (0.10, 0.65, 0.15, 0.10), 0.10),
    "casual": Kind(0.470, ("basic",), _OFTEN, (0.50, 0.42, 0.05, 0.03), 0.20),
}  # fmt: skip

# Shapes of a journey out: T trunk, Z zonal, C cable; ZT changes from a bus to the trunk and comes
# back TZ. The weights give 18 transfers in 100 validations, 49 % of them zonal to zonal, 29 %
# zonal to trunk, 22 % trunk to zonal (June 2024); only personalised cards transfer.
_NAMED = Picker(("T", "Z", "CT", "ZT", "ZZ"), (14.5, 9.3, 0.5, 10.4, 8.8))
_ANONYMOUS = Picker(("T", "Z", "C"), (0.55, 0.44, 0.01))

# Recharges in pesos by weight (generator notebook of travel-recharge-database), its multiples of
# the fare carried over to today's, the two largest halved: 3 to 4 paid taps to a recharge.
_RECHARGES = {
    2000: 10, 3550: 15, 5000: 20, 7100: 5, 10_000: 25, 14_200: 10, 15_000: 5, 20_000: 25,
    30_000: 3, 50_000: 6, 100_000: 1,
}  # fmt: skip
# Who loads little loads often: riders are weighed by amount, so that recharges are by weight.
_AMOUNTS = Picker(
    [str(amount) for amount in _RECHARGES],
    [amount * weight for amount, weight in _RECHARGES.items()],
)
# Where money is loaded; online channels take 10,000 pesos and more (shares are assumptions).
_CHANNELS = Picker(
    ("ticket_office", "machine", "retail", "online", "wallet"), (0.40, 0.18, 0.30, 0.08, 0.04)
)


@dataclass(frozen=True, slots=True)
class Rider:
    """One person: usual places, usual hours, and `low`, the purse in pesos that asks for money."""

    number: int
    kind: str
    profile: str
    pattern: str
    home: tuple[str, ...]
    away: tuple[str, ...]
    out_at: float
    back_at: float
    amount: int
    channel: str
    low: int
    forgetful: float
    purse: int

    @property
    def named(self) -> bool:
        """Whether the card is personalised."""
        return self.profile != "basic"


def make_rider(number: int, city: City, rng: Random, kinds: Picker) -> Rider:
    """Rider `number`, wholly decided by the generator passed in."""
    kind = kinds.draw(rng)
    profile = rng.choice(KINDS[kind].profiles)
    pattern = (_ANONYMOUS if profile == "basic" else _NAMED).draw(rng)
    home, away = draw_places(pattern, city, rng)
    channel = _CHANNELS.draw(rng)
    amount = int(_AMOUNTS.draw(rng))
    if channel in ("online", "wallet"):
        amount = max(amount, 10_000)
    if kind == "pass_holder":
        amount = max(amount, 20_000)
    low = BASE_FARE if rng.random() < 0.7 else 2 * BASE_FARE
    forgetful = rng.choice((0.0, 0.0, 0.02, 0.05, 0.15))
    purse = amount * rng.randint(0, 100) // 100 // 50 * 50
    return Rider(
        number=number,
        kind=kind,
        profile=profile,
        pattern=pattern,
        home=home,
        away=away,
        out_at=city.weekday.out_at(home[-1], rng),
        back_at=city.weekday.back_at(away[0], rng),
        amount=amount,
        channel=channel,
        low=low,
        forgetful=forgetful,
        purse=purse,
    )


def draw_places(pattern: str, city: City, rng: Random) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The stops of the way out and of the way back, by measured morning and afternoon demand."""
    names = {"T": "trunk", "Z": "zonal", "C": "cable"}
    table = city.weekday
    home = tuple(table.morning[names[letter]].draw(rng) for letter in pattern)
    away = [table.afternoon[names[letter]].draw(rng) for letter in reversed(pattern)]
    return home, tuple(away)


def make_riders(city: City, count: int, seed: int) -> Iterator[Rider]:
    """Riders 0 to count - 1; each has a generator of its own, so any slice is the same slice."""
    kinds = Picker(tuple(KINDS), [kind.share for kind in KINDS.values()])
    for number in range(count):
        yield make_rider(number, city, rng_for(seed, number, "rider"), kinds)


def rng_for(seed: int, number: int, purpose: str) -> Random:
    """A generator for one rider and one purpose, the same on every machine."""
    return Random(f"{seed}/{purpose}/{number}")


class Identity(NamedTuple):
    """What a rider tells the service to register."""

    full_name: str
    document_id: str
    email: str
    phone: str


@lru_cache(maxsize=1)
def _names(seed: int) -> tuple[list[str], list[str], list[str]]:
    """First names, surnames and mail hosts of Colombia (faker es_CO), enough to combine."""
    fake = Faker("es_CO")
    fake.seed_instance(seed)
    firsts = [fake.first_name() for _ in range(400)]
    lasts = [fake.last_name() for _ in range(400)]
    hosts = [fake.free_email_domain() for _ in range(20)]
    return firsts, lasts, hosts


def identity(number: int, seed: int, run: int) -> Identity:
    """Name and document of a rider; the run id makes the document new on data of earlier runs."""
    firsts, lasts, hosts = _names(seed)
    rng = rng_for(seed, number, "identity")
    first, last, second = rng.choice(firsts), rng.choice(lasts), rng.choice(lasts)
    document = f"{run}{number:07d}"
    mail = f"rider{document}@{rng.choice(hosts)}"
    return Identity(f"{first} {last} {second}", document, mail, f"3{rng.randrange(10**9):09d}")
