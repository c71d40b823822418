"""api.audit: it is silent about books that agree, and names exactly what was corrupted."""

from datetime import timedelta

import pytest

from tests.sql.books import DAY, NEXT_DAY, write_busy_book
from tests.sql.stories import ZONAL


@pytest.fixture
def book(pg):
    return write_busy_book(pg)


def test_audit_has_nothing_to_say_about_an_empty_book(pg):
    with pg.cursor() as cursor:
        cursor.execute("SELECT * FROM api.audit()")
        assert cursor.fetchall() == []


def test_audit_has_nothing_to_say_about_a_busy_book(book):
    assert book.audit() == []
    for card_id in book.card.values():
        assert book.audit(card_id=card_id) == []
    assert book.audit(on=DAY) == []


def test_busy_book_has_everything_that_an_audit_looks_at(book):
    kinds = book.story.ask("SELECT DISTINCT e.kind::text FROM transit.ledger_entries AS e")
    assert {row.kind for row in kinds} == {
        "recharge", "fare", "fare_correction", "monthly_pass", "replacement", "unclaimed",
    }  # fmt: skip
    rules = book.story.ask("SELECT DISTINCT t.fare_rule::text FROM transit.trips AS t")
    assert {row.fare_rule for row in rules} == {
        "base", "transfer", "credit", "subsidy_pass", "monthly_pass",
    }  # fmt: skip
    assert book.story.ask("SELECT 1 FROM transit.daily_totals")
    assert book.story.ask("SELECT 1 FROM transit.activity_deltas")


def test_unknown_card_is_an_offence_of_who_asks_for_it(book):
    (offence,) = book.audit(card_id=4095)
    assert (offence.invariant, offence.subject) == ("account_cards", "card 4095")


def test_audit_has_nothing_to_say_when_a_device_counts_anew_after_its_key_was_pruned(book):
    story, card_id = book.story, book.card["usual"]
    story.go_to(NEXT_DAY + timedelta(days=9))
    assert story.ask_one("SELECT api.prune_idempotency_records(100) AS pruned").pruned > 0
    again = story.tap(card_id, ZONAL, device=(12, 1))
    assert (again.outcome, again.replayed) == ("accepted", False)
    assert book.audit(card_id=card_id) == []


def test_audit_names_the_older_of_two_trips_of_one_key_within_seven_days(book):
    story, card_id = book.story, book.card["usual"]
    story.decree("DELETE FROM transit.idempotency_records WHERE key = 'd/12/1'")
    story.go_to(NEXT_DAY + timedelta(days=2))
    assert story.tap(card_id, ZONAL, device=(12, 1)).outcome == "accepted"
    offences = {(o.invariant, o.subject) for o in book.audit(card_id=card_id)}
    assert offences == {("device_taps", f"trip {book.trip['paid']}")}
