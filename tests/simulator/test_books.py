"""The riders' books: each thing that is told otherwise than the rules say becomes a difference."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from simulator.books import Book, Books, Tap, compare_statement, compare_totals

MORNING = datetime(2026, 11, 23, 12, tzinfo=UTC)
CARD = 7
TOLD = {"trip_id": 1, "fare": 3550, "balance": 6450, "fare_rule": "base"}
TAP = Tap(CARD, 1, "trunk", 5, 1)


@pytest.fixture
def books() -> Books:
    """One rider of a personalised card with 10,000 on it, all of it as told."""
    books = Books()
    book = books.open(1, "adult", CARD, 3, MORNING)
    told = {"recharge_id": 9, "balance": 10_000}
    books.note_recharge(book, "accepted", told, 10_000, "machine", MORNING)
    assert books.differences == []
    return books


def differing(books: Books) -> list[str]:
    return [difference.what for difference in books.differences]


def tap(books: Books, outcome: str = "accepted", **otherwise: Any) -> Book:
    book = books.by_rider[1]
    told = {**TOLD, **otherwise} if outcome == "accepted" else {"code": outcome}
    books.note_tap(book, TAP, outcome, told, MORNING + timedelta(minutes=1))
    return book


def test_a_tap_as_the_rules_say_is_no_difference(books: Books) -> None:
    tap(books)
    assert differing(books) == []


@pytest.mark.parametrize(
    ("otherwise", "what"),
    [
        ({"fare": 3551}, "fare of trip 1"),
        ({"balance": 6451}, "balance after trip 1"),
        ({"fare_rule": "transfer"}, "rule of trip 1"),
        ({"outcome": "insufficient_balance"}, "outcome of a tap"),
    ],
)
def test_a_tap_that_is_told_otherwise_differs(
    books: Books, otherwise: dict[str, Any], what: str
) -> None:
    tap(books, **otherwise)
    assert differing(books) == [what]
    assert books.differences[0].events


@pytest.mark.parametrize(
    ("outcome", "told"),
    [("accepted", {"recharge_id": 10, "balance": 15_001}), ("card_not_active", {})],
)
def test_a_recharge_that_is_told_otherwise_differs(
    books: Books, outcome: str, told: dict[str, Any]
) -> None:
    books.note_recharge(books.by_rider[1], outcome, told, 5000, "machine", MORNING)
    assert len(books.differences) == 1


def test_a_balance_is_compared_with_its_debt(books: Books) -> None:
    book = books.by_rider[1]
    books.check_balance(book, {"balance": 10_000, "debt": 0})
    assert differing(books) == []
    books.check_balance(book, {"balance": 10_000, "debt": 1})
    books.check_balance(book, {"balance": 9_999, "debt": 0})
    assert differing(books) == ["debt", "balance"]


def test_every_card_is_compared_at_the_end(books: Books) -> None:
    assert books.compare_cards({CARD: (10_000, 0), 99: (1, 1)}) == 1
    assert differing(books) == []
    books.compare_cards({CARD: (10_001, 0)})
    books.compare_cards({CARD: (10_000, 1)})
    books.compare_cards({})
    assert differing(books) == ["balance at the end", "debt at the end", "card"]


def test_totals_are_compared_by_their_growth() -> None:
    before, after = {"revenue": 100, "trips": 5}, {"revenue": 3651, "trips": 6}
    assert compare_totals(before, after, {"revenue": 3550, "trips": 1}) == [("revenue", 3551, 3550)]


def test_what_is_taken_and_loaded_is_in_the_totals(books: Books) -> None:
    tap(books)
    assert books.totals() == {
        "total_trips": 1,
        "paid_trips": 1,
        "transfers": 0,
        "revenue": 3550,
        "recharged": 10_000,
        "outstanding_balance": 6450,
        "outstanding_debt": 0,
    }


def test_a_statement_names_what_only_one_side_has(books: Books) -> None:
    book = tap(books)
    ours = book.account.statement(CARD)
    told = [
        {"kind": e.kind, "amount": e.amount, "reference_id": e.reference, "at": "then"}
        for e in reversed(ours)
    ]
    assert compare_statement(book, CARD, told) == []
    (missing,) = compare_statement(book, CARD, told[1:])
    assert "only the rider has" in missing
    (extra,) = compare_statement(book, CARD, [*told, told[-1]])
    assert "only the service has" in extra
