"""What our statements rely on, set by us whatever server, database, role or environment say.

A connection of our own is set once. Behind a pooler in transaction mode a session belongs to
others as well: there the settings travel with each statement, for its transaction alone.
"""

from collections.abc import Mapping
from typing import Final

# The statements of money look up single rows. Planned once and always by index: planning each
# call anew costs as much as running it, and a plan made while a table was still small would read
# all of it ever after.
BY_INDEX: Final = {
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
}

# What the text of values means, and when a statement ends.
RELIED_ON: Final = {
    "TimeZone": "UTC",
    "DateStyle": "ISO, MDY",
    "IntervalStyle": "postgres",
    "extra_float_digits": "1",
    "standard_conforming_strings": "on",
    "array_nulls": "on",
    "transform_null_equals": "off",
    "row_security": "on",
    "search_path": "pg_catalog, pg_temp",
    # statement_timeout bounds the wait for a lock as well.
    "lock_timeout": "0",
    "client_connection_check_interval": "1000",
}

# Functions that lock rows and then read them count on seeing what the lock waited for.
_ISOLATION: Final = {
    "default_transaction_isolation": "read committed",
    "default_transaction_deferrable": "off",
}
# Where it is not set: who made the database read-only wants it so, and it is an outage.
_READ_ONLY: Final = {"default_transaction_read_only": "on"}


class Session:
    """The settings of one pool's sessions."""

    def __init__(
        self, statement_timeout_ms: int, more: Mapping[str, str], *, read_only: bool
    ) -> None:
        values = {**RELIED_ON, "statement_timeout": str(statement_timeout_ms), **more}
        kept = {**values, **_ISOLATION, **(_READ_ONLY if read_only else {})}
        # Does nothing where the server's process is not the one that greeted us: behind a
        # pooler. Answers a row for each setting that was made.
        self.keep_sql = (
            "SELECT pg_catalog.set_config(s.name, s.setting, false)"
            f" FROM (VALUES {', '.join(_pair(*item) for item in kept.items())})"
            " AS s (name, setting) WHERE pg_catalog.pg_backend_pid() = %s"
        )
        # Before a statement, in one message with it, which the server runs as one transaction.
        access = ", READ ONLY" if read_only else ""
        calls = ", ".join(f"pg_catalog.set_config{_pair(*item, 'true')}" for item in values.items())
        self.for_one_statement = (
            f"SET TRANSACTION ISOLATION LEVEL READ COMMITTED{access}; SELECT {calls}; "
        )


def as_options(settings: Mapping[str, str]) -> str:
    """The same for a program that takes them when it connects."""
    return " ".join(f"-c {name}={value}" for name, value in settings.items())


def _pair(name: str, value: str, *more: str) -> str:
    return "(" + ", ".join([f"'{name}'", f"'{value}'", *more]) + ")"
