"""Environment in, one frozen object out; no other module reads the environment."""

import dataclasses
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from aiohttp import web

from transit_api.database.addresses import is_cache_address, is_database_address

# Test suites and load tools have variables of their own under the same prefix.
FOREIGN_PREFIXES = ("TRANSIT_TEST_", "TRANSIT_SIM_")

# What Kubernetes tells every container of a service called `transit` or `transit-api`.
_OF_KUBERNETES = re.compile(
    r"\w+_SERVICE_(HOST|PORT(_\w+)?)|\w+_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?", re.ASCII
)
# As a browser spells it: in small letters, with no path.
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[a-z0-9.\[\]:-]+", re.ASCII)
_PORT_OF_KUBERNETES = re.compile(r"(tcp|udp|sctp)://.*", re.ASCII)

# Connections of a worker for uploads and upkeep, besides those of its pool.
BESIDES_POOL = 4

# One word an instant: RFC 3339 or the empty string for "the real clock".
REAL_CLOCK = ""


class SettingsError(ValueError):
    """A variable that cannot be used; the message is one line for whoever set it."""


def setting(default: Any, meaning: str, *, variable: str | None = None, **limits: Any) -> Any:
    """One variable: its default, what it means (README and --help print it), its limits.

    Limits: `minimum`, `maximum` (numbers, inclusive), `choices` (words), `instant` (RFC 3339),
    `database` and `cache` (addresses), `origins`.
    The variable is TRANSIT_ and the field's name in capitals unless `variable` names another.
    """
    return dataclasses.field(
        default=default,
        # An address may hold a password, and what is printed of a Settings lands in logs.
        repr=not (limits.get("database") or limits.get("cache")),
        metadata={"meaning": meaning, "variable": variable, "limits": limits},
    )


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that an operator can choose. To add a setting, add its line here."""

    # Where the data is.
    database_url: str = setting(
        "",
        "PostgreSQL for the service, as role transit_service",
        variable="DATABASE_URL",
        database=True,
    )
    owner_database_url: str = setting(
        "", "PostgreSQL for migrate, as the owner; DATABASE_URL if empty", database=True
    )
    redis_url: str = setting(
        "redis://127.0.0.1:6379/0",
        "the cache (Redis protocol; unix:///path/to.sock too)",
        variable="REDIS_URL",
        cache=True,
    )
    # Where the service listens, and with how many processes.
    host: str = setting("127.0.0.1", "address to listen on; there is no access control yet")
    port: int = setting(8000, "port to listen on; 0 picks a free one", minimum=0, maximum=65535)
    workers: int = setting(
        0, "processes that answer requests; 0 is half the cores", minimum=0, maximum=256
    )
    drain_seconds: float = setting(
        10.0,
        "a stopping worker finishes what is in flight for at most so long",
        minimum=0,
        maximum=300,
    )
    idle_grace_seconds: float = setting(
        1.0,
        "a stopping worker still answers on idle connections for so long",
        minimum=0,
        maximum=60,
    )
    cors_origins: str = setting(
        "",
        "origins whose pages may read answers, with blanks between; * is any, empty none",
        origins=True,
    )
    # Limits on everything that can grow.
    body_limit_bytes: int = setting(
        1_048_576, "largest request body", minimum=1_024, maximum=67_108_864
    )
    connection_limit: int = setting(
        4_096,
        "client connections of one worker; beyond it the longest idle ones are closed",
        minimum=16,
        maximum=60_000,
    )
    head_seconds: float = setting(
        10.0, "longest that the head of a request may take to arrive", minimum=0.1, maximum=60
    )
    body_pace_bytes: int = setting(
        1_024,
        "bytes a second at which a body has to arrive, after its first 5 s",
        minimum=1,
        maximum=1_048_576,
    )
    pool_size: int = setting(
        8,
        "database connections of one worker, besides 4 for uploads and upkeep",
        minimum=1,
        maximum=200,
    )
    pool_wait_ms: int = setting(
        800, "longest wait for a free database connection", minimum=1, maximum=60_000
    )
    statement_timeout_ms: int = setting(
        5_000, "longest a statement may run on the server", minimum=10, maximum=600_000
    )
    connect_timeout_seconds: int = setting(
        2, "longest a connection to the database may take", minimum=1, maximum=60
    )
    batch_limit: int = setting(
        64, "requests that one procedure call takes along", minimum=1, maximum=1_000
    )
    queue_limit: int = setting(
        1_024, "requests that wait for a procedure call; beyond it 503", minimum=1, maximum=100_000
    )
    # The cache.
    cache_timeout_ms: int = setting(
        200, "longest wait for the cache, connecting or asking", minimum=1, maximum=10_000
    )
    cache_pool_size: int = setting(16, "cache connections of one worker", minimum=1, maximum=1_000)
    # What is written.
    log_level: str = setting(
        "info", "least severe line that is logged", choices=("debug", "info", "warning", "error")
    )
    log_format: str = setting(
        "auto",
        "json, text, or auto: text on a terminal",
        choices=("auto", "json", "text"),
    )
    # Simulation.
    simulated_clock: bool = setting(
        False, "serve GET and PUT /clock and let time be set; never in production"
    )
    simulated_clock_start: str = setting(
        REAL_CLOCK, "where a new simulated clock starts, RFC 3339; now if empty", instant=True
    )

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            _check(variable_of(field), getattr(self, field.name), field.metadata["limits"])

    @property
    def owner_url(self) -> str:
        """Where migrate connects."""
        return self.owner_database_url or self.database_url

    @property
    def worker_count(self) -> int:
        """Half the cores unless said: PostgreSQL on the same machine needs the others."""
        return self.workers or max(1, (os.cpu_count() or 2) // 2)

    @property
    def connections(self) -> int:
        """What all workers may open, one being replaced, and some for people and commands."""
        return (self.worker_count + 1) * (self.pool_size + BESIDES_POOL) + 50

    def environment(self) -> dict[str, str]:
        """These settings as variables, for a process that is started with them."""
        return {
            variable_of(field): _as_text(getattr(self, field.name))
            for field in dataclasses.fields(self)
        }


def read_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """The settings in the environment; SettingsError names the first wrong one in a line."""
    variables = os.environ if environment is None else environment
    fields = {variable_of(field): field for field in dataclasses.fields(Settings)}
    for variable in variables:
        foreign = not variable.startswith("TRANSIT_") or variable.startswith(FOREIGN_PREFIXES)
        injected = _is_injected(variable, variables[variable])
        if not (foreign or injected) and variable not in fields:
            raise SettingsError(f"{variable} is not a setting; `transit-api --help` lists them")
    values = {
        field.name: _parse(variable, variables[variable], field.type)
        for variable, field in fields.items()
        if variable in variables and not _is_injected(variable, variables[variable])
    }
    return Settings(**values)


def forget_libpq_variables() -> None:
    """Take PGPORT, PGSERVICE, PGOPTIONS and their like out of this process and its children.

    They tell libpq, and PostgreSQL itself, of a server of somebody else, and no address can
    overrule PGSERVICE: whoever works with the embedded server calls this first.
    """
    for variable in [name for name in os.environ if name.startswith("PG")]:
        del os.environ[variable]


def variable_of(field: "dataclasses.Field[Any]") -> str:
    """The environment variable of a field."""
    named: str | None = field.metadata["variable"]
    return named or f"TRANSIT_{field.name.upper()}"


def list_settings() -> Iterator[tuple[str, str, str]]:
    """Variable, default and meaning of each setting, in the order of the class."""
    for field in dataclasses.fields(Settings):
        limits = field.metadata["limits"]
        meaning = field.metadata["meaning"]
        if "minimum" in limits:
            meaning += f" ({limits['minimum']} to {limits['maximum']})"
        yield variable_of(field), _as_text(field.default), meaning


def _is_injected(variable: str, value: str) -> bool:
    """Whether Kubernetes wrote it, and nobody who wanted to set something."""
    if variable.endswith("_PORT") and _PORT_OF_KUBERNETES.fullmatch(value):
        return True
    return bool(_OF_KUBERNETES.fullmatch(variable))


def _parse(variable: str, text: str, kind: Any) -> Any:
    if kind is bool:
        words = {
            "1": True,
            "true": True,
            "yes": True,
            "0": False,
            "false": False,
            "no": False,
            "": False,
        }
        if text.lower() not in words:
            raise SettingsError(f"{variable}={text!r} is neither 1 nor 0")
        return words[text.lower()]
    try:
        return kind(text)
    except ValueError:
        wanted = "a whole number" if kind is int else "a number"
        raise SettingsError(f"{variable}={text!r} is not {wanted}") from None


def _check(variable: str, value: Any, limits: Mapping[str, Any]) -> None:
    choices = limits.get("choices")
    if limits.get("instant") and value and not _is_instant(value):
        raise SettingsError(f"{variable}={value!r} is no time like 2026-11-20T06:00:00-05:00")
    # An address may hold a password, so it is not shown.
    if limits.get("database") and value and not is_database_address(value):
        raise SettingsError(f"{variable} is no address like postgresql://user@host:5432/transit")
    if limits.get("cache") and not is_cache_address(value):
        raise SettingsError(f"{variable} is no address like redis://host:6379/0")
    if limits.get("origins"):
        for origin in value.split():
            if origin != "*" and not _ORIGIN.fullmatch(origin):
                raise SettingsError(f"{variable}: {origin!r} is no origin like https://example.co")
    if choices and value not in choices:
        raise SettingsError(f"{variable}={value!r} is none of {', '.join(choices)}")
    # Written so that a NaN, which compares false with everything, is refused as well.
    if "minimum" in limits and not limits["minimum"] <= value <= limits["maximum"]:
        raise SettingsError(
            f"{variable}={value!r} is not between {limits['minimum']} and {limits['maximum']}"
        )


def _is_instant(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    return str(value)


SETTINGS: Final = web.AppKey("SETTINGS", Settings)
