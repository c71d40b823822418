"""Every function that writes, called with nulls, extremes, unicode and huge arrays."""

import datetime
import os
from typing import Any

import psycopg2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import Database
from transit_api.database.migrate import SERVICE_ROLE
from transit_api.errors import REFUSALS

# Clocks are for simulations: moving it would make the other examples something else.
LEFT_OUT = {"set_clock", "start_simulated_clock"}
OUTCOMES = {*REFUSALS, "accepted", "created", "closed", "blocked", "unblocked", "erased", "found"}
# Data exceptions, broken constraints and limits of the server: rolled back whole, and told so.
CLEAN_ERRORS = ("22", "23", "54")
HUGE = 1_000
EXAMPLES = 1_500 if os.environ.get("TRANSIT_TEST_LONG") else 100

WRITING = """
    SELECT p.proname, array(SELECT t::regtype::text FROM unnest(p.proargtypes) AS t)
    FROM pg_proc AS p
    WHERE p.pronamespace = 'api'::regnamespace AND p.prosecdef AND p.provolatile = 'v'
    ORDER BY p.proname
"""
INT4, INT8 = 2**31, 2**63
KNOWN = st.integers(0, 5)
TEXTS = st.one_of(
    st.none(),
    st.sampled_from(
        ["", "adult", "basic", "ticket_office", "lost", "k", "'; --", "\\", "{", "ñ" * 9]
    ),
    st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=20),
    st.sampled_from(["x" * 300, "🚍" * 100]),
)
MOMENTS = st.one_of(
    st.none(),
    st.sampled_from(["-infinity", "infinity", "4713-01-01 BC", "294276-12-31 23:59:59+00"]),
    st.datetimes(timezones=st.just(datetime.UTC)).map(str),
    st.timedeltas(datetime.timedelta(days=-9), datetime.timedelta(days=1)).map(
        lambda ago: str(datetime.datetime.now(datetime.UTC) + ago)
    ),
)
SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "integer": st.one_of(st.none(), KNOWN, st.sampled_from([-INT4, -1, 2**30, INT4 - 1])),
    "bigint": st.one_of(
        st.none(), KNOWN, st.sampled_from([-INT8, -1, 5_000, INT4, 2**53, INT8 - 1])
    ),
    "double precision": st.one_of(st.none(), st.floats()),
    "text": TEXTS,
    "timestamp with time zone": MOMENTS,
    "date": MOMENTS,
    "boolean": st.one_of(st.none(), st.booleans()),
    "uuid": st.one_of(st.none(), st.uuids().map(str)),
}


class Caller:
    """Calls functions as the service does, and knows some of the identifiers that exist."""

    def __init__(self, database: Database) -> None:
        self.connection = database.connect(SERVICE_ROLE)
        self.connection.autocommit = True
        with self.connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = '20s'")
            cursor.execute(WRITING)
            self.functions = {
                name: types for name, types in cursor.fetchall() if name not in LEFT_OUT
            }
        users = self.call(
            "create_users",
            ["{0}", "{D1}", "{Ana}", "{NULL}", "{NULL}"],
            ["integer[]"] + ["text[]"] * 4,
        )
        cards = [
            self.call(
                "issue_cards", ["{0}", [user], ["adult"]], ["integer[]", "bigint[]", "text[]"]
            )[0].card_id
            for user in [users[0].user_id] * 3
        ]
        # An identifier from 0 to 5 stands for one that exists.
        self.known = [users[0].user_id, *cards, 1, 2]

    def call(self, name: str, values: list[Any], types: list[str]) -> list[Any]:
        places = ", ".join(f"%s::{kind}" for kind in types)
        with self.connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM api.{name}({places})", values)
            return list(cursor.fetchall())

    def replace_known(self, value: Any, kind: str) -> Any:
        if isinstance(value, list):
            return [self.replace_known(one, kind) for one in value]
        if kind.startswith("bigint") and value in range(len(self.known)):
            return self.known[value]
        return value


@pytest.fixture
def caller(fresh_database: Database) -> Any:
    """On a database of its own, whose books must agree in the end."""
    caller = Caller(fresh_database)
    yield caller
    caller.connection.close()
    with fresh_database.connect() as owner, owner.cursor() as cursor:
        cursor.execute("SELECT * FROM api.audit(NULL::bigint, NULL::date)")
        offences = cursor.fetchall()
    owner.close()
    assert offences == []


@st.composite
def calls(draw: Any, functions: dict[str, list[str]]) -> tuple[str, list[Any]]:
    """A function and its arguments; arrays of one call are mostly of one length."""
    name = draw(st.sampled_from(sorted(functions)))
    size = draw(st.sampled_from([0, 1, 2, 5, HUGE]))
    values = []
    for kind in functions[name]:
        element = SCALARS[kind.removesuffix("[]")]
        if not kind.endswith("[]"):
            values.append(draw(element))
        elif draw(st.integers(0, 30)) == 0:
            values.append(draw(st.one_of(st.none(), st.lists(element, max_size=3))))
        elif not values:
            values.append(list(range(size)))
        else:
            few = draw(st.lists(element, min_size=min(size, 5), max_size=min(size, 5)))
            values.append((few * (size // 5 + 1))[:size])
    return name, values


def test_every_writing_function_answers_or_refuses_cleanly(caller: Caller) -> None:
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(calls(caller.functions))
    def check(call: tuple[str, list[Any]]) -> None:
        name, values = call
        types = caller.functions[name]
        values = [
            caller.replace_known(value, kind) for value, kind in zip(values, types, strict=True)
        ]
        try:
            rows = caller.call(name, values, types)
        except psycopg2.Error as error:
            assert error.pgcode, f"{name}: the connection broke: {error}"
            assert error.pgcode[:2] in CLEAN_ERRORS, f"{name}: {error.pgcode} {error}"
            return
        for row in rows:
            outcome = getattr(row, "outcome", None)
            assert outcome is None or outcome in OUTCOMES, f"{name}: {outcome}"

    check()
