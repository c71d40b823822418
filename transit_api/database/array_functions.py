"""The procedures that take arrays and answer one row an element, and how arrays are spelt."""

import dataclasses
import datetime
from collections.abc import Sequence
from typing import Any, Final

Element = tuple[Any, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class ArrayFunction:
    """A procedure that takes arrays (first `p_ref`) and answers one row an element."""

    name: str
    types: tuple[str, ...]
    # A question about what does not exist is answered by no row.
    may_be_silent: bool = False

    @property
    def sql(self) -> str:
        """The call; the names come from the table below, never from a request."""
        arrays = ", ".join(f"%s::{kind}[]" for kind in ("integer", *self.types))
        return f"SELECT * FROM api.{self.name}({arrays})"

    def parameters(self, elements: Sequence[Element]) -> list[str]:
        """One array literal a parameter: parsed far faster than ARRAY[...] of a thousand."""
        columns = [array_literal(column) for column in zip(*elements, strict=True)]
        return [array_literal(range(len(elements))), *columns]


def array_literal(values: Sequence[Any]) -> str:
    """PostgreSQL's text form of an array of numbers, words, times and nulls."""
    return "{" + ",".join(map(_item, values)) + "}"


def _item(value: Any) -> str:
    if type(value) is int:
        return str(value)
    if value is None:
        return "NULL"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, datetime.datetime):
        return '"' + value.isoformat() + '"'
    if isinstance(value, float):
        return repr(value)
    raise TypeError(f"{type(value).__name__} does not go into an array")


# p_ref first, then these: the elements of each function in the order of its arguments.
START_TRIPS: Final = ArrayFunction(
    "start_trips",
    # card_id, station_id, route_id, tapped_at, device_id, device_seq, key
    ("bigint", "bigint", "bigint", "timestamptz", "bigint", "bigint", "text"),
)
END_TRIPS: Final = ArrayFunction(
    "end_trips",
    # trip_id, station_id, ended_at
    ("bigint", "bigint", "timestamptz"),
)
RECHARGE_CARDS: Final = ArrayFunction(
    "recharge_cards",
    # card_id, amount, channel, recharge_point_id, key
    ("bigint", "bigint", "text", "bigint", "text"),
)
# card_id
READ_BALANCES: Final = ArrayFunction("read_balances", ("bigint",), may_be_silent=True)
# document_id, full_name, email, phone
CREATE_USERS: Final = ArrayFunction("create_users", ("text", "text", "text", "text"))
# user_id, profile
ISSUE_CARDS: Final = ArrayFunction("issue_cards", ("bigint", "text"))
# card_id, reason, key
REPLACE_CARDS: Final = ArrayFunction("replace_cards", ("bigint", "text", "text"))
# card_id, key
BUY_MONTHLY_PASSES: Final = ArrayFunction("buy_monthly_passes", ("bigint", "text"))
