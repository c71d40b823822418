"""Scenarios: which part of which day is driven, how hard, and what goes wrong meanwhile."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from importlib import resources
from pathlib import Path
from typing import Any

from simulator.asking import Chances
from simulator.day import Habits


class BadInput(Exception):
    """What the user asked for cannot be; the message is one clear line."""


@dataclass(frozen=True, slots=True)
class Burst:
    """`factor` times the rate from `at_s` for `lasting_s` seconds."""

    at_s: float
    lasting_s: float
    factor: float


@dataclass(frozen=True, slots=True)
class Scenario:
    """One run. `rate` is taps a second, its mean where the load is to `follow_day`; a `speed` above
    0 runs the day itself at so many times real time instead. Offline buses vanish each at its own
    moment, or all together at `offline_from_s`. `checks` is how many riders a second, drawn from
    all, compare their balance while the run goes on."""

    name: str
    day_type: str = "weekday"
    from_s: float = 0.0
    to_s: float = 86400.0
    rate: float = 60.0
    speed: float = 0.0
    duration_s: float = 60.0
    riders: int = 0
    seed: int = 2026
    ramp_s: float = 0.0
    follow_day: bool = False
    bursts: tuple[Burst, ...] = ()
    offline_buses: int = 0
    offline_s: float = 20.0
    offline_from_s: float = -1.0
    incidents_a_minute: float = 0.5
    closed_station: str = ""
    vehicles: bool = True
    dashboards: int = 2
    checks: float = 0.0
    habits: Habits = Habits()
    chances: Chances = Chances()

    def within_its_day(self) -> "Scenario":
        """At a speed the run is over when the scenario's part of the day is."""
        if self.speed <= 0:
            return self
        return replace(
            self, duration_s=min(self.duration_s, (self.to_s - self.from_s) / self.speed)
        )


def scenario_names() -> list[str]:
    """The scenarios that come with the simulator."""
    folder = resources.files("simulator").joinpath("scenarios")
    return sorted(
        entry.name.removesuffix(".toml")
        for entry in folder.iterdir()
        if entry.name.endswith(".toml")
    )


def load_scenario(name: str) -> Scenario:
    """A scenario by name, or a file of one's own by path."""
    if name in scenario_names():
        path = resources.files("simulator").joinpath("scenarios", f"{name}.toml")
        return parse_scenario(name, path.read_text(encoding="utf-8"))
    file = Path(name)
    if not file.is_file():
        raise BadInput(f"no scenario {name!r}: choose one of {', '.join(scenario_names())}")
    return parse_scenario(file.stem, file.read_text(encoding="utf-8"))


def parse_scenario(name: str, text: str) -> Scenario:
    """A scenario file; an unknown word or a wrong type is refused with its name."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"scenario {name}: {error}") from error
    values: dict[str, Any] = {"name": name}
    for word, value in table.items():
        if word in ("from", "to"):
            values[f"{word}_s"] = parse_clock(name, str(value))
        elif word in ("habits", "chances"):
            values[word] = fill(name, word, value)
        elif word == "bursts":
            values[word] = read_bursts(name, value)
        else:
            values.update(check(name, "scenario", Scenario, {word: value}))
    scenario = Scenario(**values)
    if scenario.day_type not in ("weekday", "saturday", "sunday"):
        raise BadInput(f"scenario {name}: day_type is weekday, saturday or sunday")
    if scenario.from_s >= scenario.to_s:
        raise BadInput(f"scenario {name}: from must come before to")
    return scenario


def read_bursts(name: str, value: object) -> tuple[Burst, ...]:
    """The bursts, each whole."""
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise BadInput(f"scenario {name}: bursts is a list of tables")
    for item in value:
        check(name, "bursts", Burst, item)
        if missing := {field.name for field in fields(Burst)} - set(item):
            raise BadInput(f"scenario {name}: bursts needs {', '.join(sorted(missing))}")
    return tuple(Burst(**item) for item in value)


def fill(name: str, word: str, value: object) -> Habits | Chances:
    """A nested table over its defaults."""
    if not isinstance(value, dict):
        raise BadInput(f"scenario {name}: {word} is a table")
    if word == "habits":
        return replace(Habits(), **check(name, word, Habits, value))
    return replace(Chances(), **check(name, word, Chances, value))


def check(name: str, word: str, kind: type, table: Mapping[str, Any]) -> dict[str, Any]:
    """The table, if every word in it is a field of the kind and every number is one."""
    known = {field.name: field.type for field in fields(kind)}
    for key, value in table.items():
        if key not in known or key == "name":
            raise BadInput(f"scenario {name}: unknown word {key!r} in {word}")
        wants_text, wants_flag = known[key] is str, known[key] is bool
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        is_right = is_number
        if wants_flag or wants_text:
            is_right = isinstance(value, bool if wants_flag else str)
        if not is_right:
            raise BadInput(f"scenario {name}: {key} cannot be {value!r}")
        if not wants_text and not wants_flag and value < 0:
            raise BadInput(f"scenario {name}: {key} must not be below 0")
    return dict(table)


def parse_clock(name: str, text: str) -> float:
    """Seconds of the day of HH:MM."""
    hours, _, minutes = text.partition(":")
    if not (hours.isdigit() and minutes.isdigit() and int(hours) <= 24 and int(minutes) < 60):
        raise BadInput(f"scenario {name}: {text!r} is not a time like 05:30")
    return int(hours) * 3600.0 + int(minutes) * 60.0
