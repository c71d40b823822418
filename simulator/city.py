"""Where and when Bogotá taps: measured station demand as tables that a generator can draw from.

Sources: station entries by hour are mean weekday entries of 14 to 25 September 2026, and the trunk
profiles of Saturday and Sunday come from 31 stations of the same days (TRANSMILENIO S.A. open data,
by way of daniii3012/transmi-sim). Zonal and cable figures are estimates and say so in `basis`:
4.0 million validations a day (December 2025) less the trunk's, spread evenly over the stops.
"""

import csv
from bisect import bisect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import resources
from itertools import accumulate
from random import Random
from typing import Literal

Component = Literal["trunk", "zonal", "cable"]
DayType = Literal["weekday", "saturday", "sunday"]

# Saturday carries 0.65 of a weekday, Sunday 0.30 (measured, September 2026).
DAY_FACTOR: dict[str, float] = {"weekday": 1.0, "saturday": 0.65, "sunday": 0.30}
NOON = 12
FIRST_HOUR = 3  # shapes in demand.csv begin here


@dataclass(frozen=True, slots=True)
class Place:
    """A station or stop; `hours` are its weekday taps by hour, `basis` measured or estimate."""

    code: str
    component: Component
    corridor: str
    latitude: float
    longitude: float
    hours: tuple[float, ...]
    basis: str

    @property
    def taps(self) -> float:
        """Of a mean weekday."""
        return sum(self.hours)


class Picker:
    """Draws one of `items` by weight."""

    def __init__(self, items: Sequence[str], weights: Iterable[float]) -> None:
        self.items = items
        self.bounds = list(accumulate(weights))
        if not self.bounds or self.bounds[-1] <= 0:
            raise ValueError("nothing to draw from")

    def draw(self, rng: Random) -> str:
        return self.items[bisect(self.bounds, rng.random() * self.bounds[-1])]


class Clockface:
    """Draws a moment of the day, in hours, by the weight of each hour from `start` to `end`."""

    def __init__(self, hours: Sequence[float], start: int, end: int) -> None:
        self.start = start
        self.bounds = list(accumulate(hours[start:end]))

    def draw(self, rng: Random) -> float:
        if self.bounds[-1] <= 0:
            return self.start + rng.random() * len(self.bounds)
        hour = bisect(self.bounds, rng.random() * self.bounds[-1])
        return self.start + hour + rng.random()


class Demand:
    """One day type's taps by place and hour; the day splits at noon into out and back."""

    def __init__(self, places: Sequence[Place], day_type: DayType, profiles: "Profiles") -> None:
        self.day_type = day_type
        self.hours = {place.code: hours_of(place, day_type, profiles) for place in places}
        self.components = {place.code: place.component for place in places}
        codes: dict[str, list[str]] = {"trunk": [], "zonal": [], "cable": []}
        for place in places:
            codes[place.component].append(place.code)
        self.codes = codes
        self.morning = {c: Picker(k, self._sums(k, 0, NOON)) for c, k in codes.items()}
        self.afternoon = {c: Picker(k, self._sums(k, NOON, 24)) for c, k in codes.items()}
        self.whole = {c: Picker(k, self._sums(k, 0, 24)) for c, k in codes.items()}
        self._early = {code: Clockface(h, 0, NOON) for code, h in self.hours.items()}
        self._late = {code: Clockface(h, NOON, 24) for code, h in self.hours.items()}
        self._any = {code: Clockface(h, 0, 24) for code, h in self.hours.items()}

    def _sums(self, codes: Sequence[str], start: int, end: int) -> list[float]:
        return [sum(self.hours[code][start:end]) for code in codes]

    def morning_share(self, component: str) -> float:
        """How much of a component's day comes before noon."""
        bounds = self.morning[component].bounds[-1]
        return bounds / self.whole[component].bounds[-1]

    def out_at(self, code: str, rng: Random) -> float:
        """When somebody taps here before noon, in hours."""
        return self._early[code].draw(rng)

    def back_at(self, code: str, rng: Random) -> float:
        """When somebody taps here from noon on, in hours."""
        return self._late[code].draw(rng)

    def any_at(self, code: str, rng: Random) -> float:
        """When somebody taps here, in hours."""
        return self._any[code].draw(rng)

    def by_hour(self, component: str) -> list[float]:
        """Taps of the whole component, hour by hour."""
        rows = [self.hours[code] for code in self.codes[component]]
        return [sum(column) for column in zip(*rows, strict=True)]


Profiles = dict[str, list[float]]


def hours_of(place: Place, day_type: DayType, profiles: Profiles) -> tuple[float, ...]:
    """A place's taps by hour; at the weekend its share of the day in the city's weekend shape."""
    if day_type == "weekday":
        return place.hours
    total = place.taps * DAY_FACTOR[day_type]
    shape = profiles[f"trunk_{day_type}"]
    return tuple(total * percent / sum(shape) for percent in shape)


class City:
    """Every place and the three kinds of day."""

    def __init__(self, places: Sequence[Place], profiles: Profiles) -> None:
        self.places = {place.code: place for place in places}
        self.profiles = profiles
        self.weekday = Demand(places, "weekday", profiles)
        self.saturday = Demand(places, "saturday", profiles)
        self.sunday = Demand(places, "sunday", profiles)

    def demand(self, day_type: str) -> Demand:
        """The table of a kind of day."""
        tables = {"weekday": self.weekday, "saturday": self.saturday, "sunday": self.sunday}
        return tables[day_type]


def read_rows(name: str) -> list[dict[str, str]]:
    """One of the simulator's own tables."""
    text = resources.files("simulator").joinpath("data", name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def read_profiles() -> Profiles:
    """Percent of the day by hour, keyed by component and day type."""
    rows = read_rows("hours.csv")
    return {key: [float(row[key]) for row in rows] for key in rows[0] if key != "hour"}


def read_place(row: dict[str, str], profiles: Profiles) -> Place:
    """A line of demand.csv; without a shape of its own a place has the zonal estimate's."""
    if row["shape"]:
        shape = [0.0] * FIRST_HOUR + [float(word) for word in row["shape"].split()]
    else:
        shape = profiles["zonal_weekday"]
    total = float(row["weekday"])
    component: Component = "trunk"
    if row["kind"] in ("zonal", "cable"):
        component = "zonal" if row["kind"] == "zonal" else "cable"
    return Place(
        code=row["code"],
        component=component,
        corridor=row["corridor"],
        latitude=float(row["latitude"]),
        longitude=float(row["longitude"]),
        hours=tuple(total * part / sum(shape) for part in shape),
        basis=row["basis"],
    )


def read_city(known: Iterable[str] | None = None) -> City:
    """The city, or as much of it as a service knows (`known`: its station codes)."""
    profiles = read_profiles()
    places = [read_place(row, profiles) for row in read_rows("demand.csv")]
    if known is not None:
        codes = set(known)
        places = [place for place in places if place.code in codes]
    return City(places, profiles)


def read_turnstiles() -> dict[str, int]:
    """Mean weekday entries by turnstile count, 31 July to 20 August 2026, by station code.

    Source: TRANSMILENIO S.A. open data by way of estebantorrg/transmilenio. Not an input.
    """
    return {row["code"]: int(row["entries"]) for row in read_rows("turnstiles_aug2026.csv")}
