"""Reads a compose file as `docker compose` would: variables filled in, `extends` followed."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent.parent
COMPOSE = ROOT / "compose"
FILES = ("compose.yaml", "compose.cluster.yaml")

# ${NAME}, ${NAME:-default}, ${NAME:?complaint}; nothing else is used, and a test says so.
VARIABLE = re.compile(r"\$\{(?P<name>[A-Z_0-9]+)(?::(?P<kind>[-?])(?P<rest>[^}]*))?\}")


def read_compose(name: str, environment: Mapping[str, str]) -> dict[str, Any]:
    """The file with the variables of `environment`; KeyError names a needed one that is missing."""
    document = _fill_in(yaml.safe_load((COMPOSE / name).read_text()), environment)
    for service in document["services"].values():
        base = service.pop("extends", None)
        if base:
            inherited = read_compose(base["file"], environment)["services"][base["service"]]
            for key, value in inherited.items():
                service.setdefault(key, value)
    return document


def _fill_in(value: Any, environment: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _fill_in(inner, environment) for key, inner in value.items()}
    if isinstance(value, list):
        return [_fill_in(inner, environment) for inner in value]
    if not isinstance(value, str):
        return value

    def substitute(match: "re.Match[str]") -> str:
        name, kind, rest = match["name"], match["kind"], match["rest"]
        return environment.get(name, rest) if kind == "-" else environment[name]

    return VARIABLE.sub(substitute, value)


def variables_of(name: str) -> dict[str, str | None]:
    """Every variable that the file reads, and its default if it has one."""
    text = (COMPOSE / name).read_text()
    return {match["name"]: _default_of(match) for match in VARIABLE.finditer(text)}


def _default_of(match: "re.Match[str]") -> str | None:
    return match["rest"] if match["kind"] == "-" else None


def read_environment_example() -> dict[str, str]:
    """The variables of docker.env.example."""
    lines = (COMPOSE / "docker.env.example").read_text().splitlines()
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name: value for name, _, value in pairs}


def order_of(document: dict[str, Any], wanted: str) -> list[str]:
    """The service and what it depends on, each after what it needs."""
    order: list[str] = []
    for name in document["services"][wanted].get("depends_on", {}):
        order += [one for one in order_of(document, name) if one not in order]
    return [*order, wanted]


def seconds(duration: str) -> float:
    """What `20s` or `1m` means."""
    return float(duration[:-1]) * {"s": 1, "m": 60}[duration[-1]]


def database_settings(document: dict[str, Any]) -> list[tuple[str, str]]:
    """Name and value of each setting on PostgreSQL's command line."""
    _, *options = document["services"]["postgres"]["command"]
    assert all(option.startswith("-c") and "=" in option for option in options)
    return [tuple(option.removeprefix("-c").split("=", 1)) for option in options]
