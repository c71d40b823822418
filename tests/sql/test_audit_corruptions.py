"""Each invariant of the audit names exactly what was corrupted; guards keep the list whole."""

import re
from pathlib import Path

import pytest

import transit_api
from tests.sql.books import DAY, DAY_AFTER, Book, write_busy_book
from tests.sql.corruptions import CORRUPTIONS

PROCEDURES = Path(transit_api.__file__).parent.parent / "sql" / "procedures"


def invariants_of_the_audit() -> set[str]:
    """The words that api.audit can answer, from the text of its functions."""
    return {
        word
        for path in PROCEDURES.rglob("audit*.sql")
        for word in re.findall(r"RETURN QUERY SELECT '(\w+)'", path.read_text(encoding="utf-8"))
    }


@pytest.fixture
def book(pg) -> Book:
    return write_busy_book(pg)


@pytest.mark.parametrize("corruption", CORRUPTIONS, ids=str)
def test_audit_names_exactly_what_was_corrupted(book, corruption):
    names = book.names()
    book.story.decree(corruption.sql.format(**names))
    offences = book.audit()
    found = {offence.subject for offence in offences if offence.invariant == corruption.invariant}
    assert found == {subject.format(**names) for subject in corruption.subjects}, offences


def test_every_invariant_has_a_corruption():
    assert invariants_of_the_audit() == {corruption.invariant for corruption in CORRUPTIONS}


def test_every_invariant_is_a_function_of_its_name():
    files = {path.stem.removeprefix("audit_") for path in PROCEDURES.rglob("audit_*.sql")}
    assert invariants_of_the_audit() <= files


BY_ACCOUNT = [
    corruption
    for corruption in CORRUPTIONS
    if corruption.what
    in {
        "a peso more on a card",
        "a third trip on credit",
        "a fare changed without a correction",
        "a trip removed",
        "a recharge of another amount",
        "the memory of a validator's tap removed",
        "a transfer out of its place",
        "money lost on the way to the new card",
        "a block lifted behind the back of its period",
    }
]


@pytest.mark.parametrize("corruption", BY_ACCOUNT, ids=str)
def test_audit_of_a_card_finds_what_is_wrong_with_its_account_only(book, corruption):
    names = book.names()
    book.story.decree(corruption.sql.format(**names))
    suspects = {
        card_id
        for card_id in book.card.values()
        if any(o.invariant == corruption.invariant for o in book.audit(card_id=card_id))
    }
    account = "SELECT c.account_id FROM transit.cards AS c WHERE c.card_id = ANY (%s)"
    assert suspects
    assert len({row.account_id for row in book.story.ask(account, list(suspects))}) == 1


def test_audit_of_a_day_finds_what_is_wrong_with_that_day_only(book):
    book.story.decree(
        "UPDATE transit.trips SET fare = fare + 1 WHERE trip_id = %s", book.trip["before_loss"]
    )
    assert book.audit(on=DAY) == []
    found = {(o.invariant, o.subject) for o in book.audit(on=DAY_AFTER)}
    assert ("trip_entries", f"trip {book.trip['before_loss']}") in found
    assert ("daily_totals", f"day {DAY_AFTER}") in found
