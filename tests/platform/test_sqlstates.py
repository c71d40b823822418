"""What the codes of PostgreSQL mean: every class has a place, and no code falls through."""

from typing import Any

import psycopg2
import pytest
from psycopg2 import errorcodes

from transit_api.database.sqlstates import MEANINGS, Meaning, meaning_of

CLASSES = {
    value for name, value in vars(errorcodes).items() if name.startswith("CLASS_")
}  # fmt: skip
CODES = {
    value
    for name, value in vars(errorcodes).items()
    if name.isupper() and not name.startswith("CLASS_") and isinstance(value, str)
}


def error(code: str | None, kind: type[psycopg2.Error] = psycopg2.DatabaseError) -> Any:
    """What the driver raises for it."""

    class Raised(kind):  # type: ignore[misc, valid-type]
        pgcode = code

    return Raised()


def test_every_class_is_in_the_table_with_its_reason() -> None:
    assert {code for code in MEANINGS if len(code) == 2} == CLASSES
    assert all(reason for _, reason in MEANINGS.values())


def test_every_single_code_of_the_table_is_one_of_postgresql() -> None:
    # Newer than the driver's list.
    newer = {"25P04"}
    assert {code for code in MEANINGS if len(code) == 5} - newer <= CODES


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        ("08006", Meaning.OUTAGE),
        ("25006", Meaning.OUTAGE),
        ("25P02", Meaning.DEFECT),
        ("25P03", Meaning.OUTAGE),
        ("28P01", Meaning.REFUSED),
        ("3D000", Meaning.REFUSED),
        ("3F000", Meaning.REBUILT),
        ("40001", Meaning.LOST_RACE),
        ("40P01", Meaning.LOST_RACE),
        ("40003", Meaning.OUTAGE),
        ("42501", Meaning.DEFECT),
        ("42883", Meaning.REBUILT),
        ("23505", Meaning.DEFECT),
        ("53100", Meaning.OUTAGE),
        ("53300", Meaning.OUTAGE),
        ("55P03", Meaning.OUTAGE),
        ("57014", Meaning.OUTAGE),
        ("57P01", Meaning.OUTAGE),
        ("58030", Meaning.OUTAGE),
        ("XX000", Meaning.REBUILT),
        ("XX001", Meaning.DEFECT),
        # A code that nobody has given yet.
        ("ZZ999", Meaning.DEFECT),
    ],
)
def test_code_has_its_meaning(code: str, meaning: Meaning) -> None:
    assert meaning_of(error(code)) is meaning


def test_writing_where_only_questions_are_is_a_defect() -> None:
    assert meaning_of(error("25006"), read_only=True) is Meaning.DEFECT


def test_an_error_without_a_code_is_a_broken_connection_unless_the_driver_refused_the_call() -> (
    None
):
    assert meaning_of(psycopg2.OperationalError()) is Meaning.OUTAGE
    assert meaning_of(psycopg2.InterfaceError()) is Meaning.OUTAGE
    assert meaning_of(psycopg2.DatabaseError()) is Meaning.OUTAGE
    assert meaning_of(psycopg2.ProgrammingError()) is Meaning.DEFECT
