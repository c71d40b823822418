"""Fares, profiles, channels and passes of Bogotá as rows, each with the moment it began."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from typing import Literal, Protocol, TypeVar

Component = Literal["trunk", "zonal", "cable"]

# Colombia has kept UTC-05:00 without daylight saving since 1993: no time zone data needed.
BOGOTA_TIME = timezone(timedelta(hours=-5), "America/Bogota")


def service_day(moment: datetime) -> date:
    """The day in America/Bogota."""
    return moment.astimezone(BOGOTA_TIME).date()


def bogota_midnight(year: int, month: int, day: int) -> datetime:
    """The moment a service day begins."""
    return datetime(year, month, day, tzinfo=BOGOTA_TIME)


@dataclass(frozen=True, slots=True)
class Tariff:
    """Prices in pesos; the window of a journey, and how many transfers it may hold."""

    valid_from: datetime
    trunk: int
    zonal: int
    cable: int
    window: timedelta
    max_transfers: int
    zonal_to_trunk_transfer: int
    other_transfer: int

    def base(self, component: Component) -> int:
        """The full fare of a component."""
        if component == "zonal":
            return self.zonal
        return self.trunk if component == "trunk" else self.cable

    def transfer(self, origin: Component, target: Component) -> int:
        """The price of a transfer in its direction: only zonal to trunk or cable has its own."""
        if origin == "zonal" and target != "zonal":
            return self.zonal_to_trunk_transfer
        return self.other_transfer


@dataclass(frozen=True, slots=True)
class Profile:
    """Who the rider is to the fare system; `free_trips` a calendar month."""

    valid_from: datetime
    free_trips: int


@dataclass(frozen=True, slots=True)
class Channel:
    """Where money comes in, and the limits in pesos of one recharge there, both inclusive."""

    valid_from: datetime
    minimum: int
    maximum: int


@dataclass(frozen=True, slots=True)
class PassProduct:
    """What is sold as the monthly pass; `days` count from its first trip."""

    valid_from: datetime
    price: int
    trips: int
    days: int
    trips_a_day: int


class _Row(Protocol):
    @property
    def valid_from(self) -> datetime: ...


RowT = TypeVar("RowT", bound=_Row)


def _in_force(rows: Sequence[RowT], moment: datetime) -> RowT:
    """The latest row that had begun; rows are in order of `valid_from`."""
    for row in reversed(rows):
        if row.valid_from <= moment:
            return row
    raise LookupError(f"no row in force at {moment.isoformat()}")


@dataclass(frozen=True, slots=True)
class Rules:
    """Every row there is, oldest first, and the limits that have no versions."""

    tariffs: Sequence[Tariff]
    profiles: Mapping[str, Sequence[Profile]]
    channels: Mapping[str, Sequence[Channel]]
    passes: Sequence[PassProduct]
    ceiling: int = 500_000
    credit_trips: int = 2
    tap_ahead: timedelta = timedelta(minutes=5)
    tap_behind: timedelta = timedelta(days=7)

    def tariff(self, moment: datetime) -> Tariff:
        """The tariff in force at a moment."""
        return _in_force(self.tariffs, moment)

    def free_trips(self, profile: str, moment: datetime) -> int:
        """How many trips of a calendar month are free to a profile."""
        return _in_force(self.profiles[profile], moment).free_trips

    def channel(self, code: str, moment: datetime) -> Channel:
        """The limits of a channel."""
        return _in_force(self.channels[code], moment)

    def pass_product(self, moment: datetime) -> PassProduct | None:
        """The monthly pass on sale; None before the first one."""
        return _in_force(self.passes, moment) if moment >= self.passes[0].valid_from else None


_START = bogota_midnight(2023, 1, 10)
_MIN_110, _MIN_125 = timedelta(minutes=110), timedelta(minutes=125)
_FREE_TRIPS = {
    "basic": 0, "adult": 0, "minor": 0,
    "senior_a": 8, "senior_b": 6, "senior_c": 3, "senior": 1,
    "disability_a": 12, "disability_b": 11, "disability_c": 8, "disability": 1,
    "low_income_a": 7, "low_income_b": 5,
}  # fmt: skip
_LIMITS = {
    "ticket_office": (50, 418_000), "machine": (50, 418_000), "retail": (50, 418_000),
    "online": (10_000, 200_000), "wallet": (10_000, 200_000),
}  # fmt: skip

BOGOTA = Rules(
    tariffs=(
        Tariff(_START, 2950, 2750, 2950, _MIN_110, 2, 200, 0),
        Tariff(bogota_midnight(2024, 2, 13), 2950, 2950, 2950, _MIN_110, 2, 0, 0),
        Tariff(bogota_midnight(2025, 1, 18), 3200, 3200, 3200, _MIN_125, 2, 0, 0),
        Tariff(bogota_midnight(2026, 1, 14), 3550, 3550, 3550, _MIN_125, 2, 0, 0),
    ),
    profiles={code: (Profile(_START, free),) for code, free in _FREE_TRIPS.items()},
    channels={code: (Channel(_START, *limits),) for code, limits in _LIMITS.items()},
    passes=(PassProduct(_START, price=160_000, trips=65, days=30, trips_a_day=6),),
)
