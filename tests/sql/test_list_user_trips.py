"""api.list_user_trips and its like: what is read of one user costs nothing of all the others'."""

from typing import Any

import pytest

from tests.sql.stories import NOON, ZONAL, Story

# As the owner, past the procedures: a crowd of trips and entries that only has to be large.
CROWD = """
    INSERT INTO transit.accounts (account_id, card_id, profile)
    SELECT -n, -n, 'basic' FROM generate_series(1, 5000) AS n;
    INSERT INTO transit.cards (card_id, account_id, card_number, issued_at)
    SELECT -n, -n, lpad(n::text, 16, '0'), now() FROM generate_series(1, 5000) AS n;
    INSERT INTO transit.trips (
        trip_id, account_id, card_id, tapped_at, accepted_at, journey_id, fare, balance_after,
        start_station_id, tariff_id, fare_rule, transfer_number
    )
    SELECT -n, -1 - mod(n, 5000), -1 - mod(n, 5000), now(), now(), -n, 0, 0, 1, 1, 'base', 0
    FROM generate_series(5001, 35000) AS n;
    INSERT INTO transit.ledger_entries (
        entry_id, card_id, amount, balance_after, debt_after, reference_id, posted_at, kind,
        counterparty
    )
    SELECT -n, -1 - mod(n, 5000), 0, 0, 0, -n, now(), 'fare', 'fare_revenue'
    FROM generate_series(5001, 35000) AS n;
    INSERT INTO transit.recharges (
        card_id, recharge_id, amount, debt_repaid, balance_after, recharged_at, channel
    )
    SELECT -1 - mod(n, 5000), -n, 50, 0, 50, now(), 'retail' FROM generate_series(5001, 35000) AS n;
    ANALYZE transit.accounts, transit.cards, transit.trips, transit.ledger_entries,
        transit.recharges
"""
LARGE = ("accounts", "cards", "trips", "ledger_entries", "recharges")

READS = {
    "trips of a user": "api.list_user_trips({user}, NULL, NULL, 50)",
    "the next page": "api.list_user_trips({user}, now() + interval '9 years', {trip}, 50)",
    "a trip": "api.read_trip({trip})",
    "its explanation": "api.explain_trip({trip})",
    "cards of a user": "api.list_user_cards({user}, NULL, 50)",
    "a page of all cards": "api.list_cards(NULL, NULL, 50)",
    "a card by its number": "api.list_cards({number}, NULL, 50)",
    "a card": "api.read_card({card})",
    "a balance": "api.read_balances(ARRAY[0], ARRAY[{card}])",
    "a statement": "api.list_entries({card}, NULL, 50)",
    "recharges of a card": "api.list_recharges({card}, NULL, 50)",
    "trips of a day": "api.list_user_trips({user}, NULL, NULL, 50, '2026-11-20', '2026-11-20')",
    "a statement of a day": "api.list_entries({card}, NULL, 50, '2026-11-20', '2026-11-20')",
    "recharges of a day": "api.list_recharges({card}, NULL, 50, '2026-11-20', '2026-11-20')",
    "a pass": "api.read_monthly_pass({card})",
}


@pytest.fixture
def crowded(pg: Any) -> tuple[Story, dict[str, Any]]:
    """A user with one trip among tens of thousands of others'."""
    story = Story(pg)
    story.stop_clock(NOON)
    user = story.make_user()
    card = story.make_card(user_id=user, balance=50_000)
    trip = story.tap(card, ZONAL).trip_id
    story.decree(CROWD)
    number = story.ask_one("SELECT * FROM api.read_card(%s)", card).card_number
    return story, {"user": user, "card": card, "trip": trip, "number": f"'{number}'"}


def test_no_read_of_one_user_scans_a_large_table(crowded: tuple[Story, dict[str, Any]]) -> None:
    story, names = crowded

    def scans() -> dict[str, int]:
        counts = story.ask(
            "SELECT t.name, pg_stat_get_xact_numscans(('transit.' || t.name)::regclass) AS scans"
            " FROM unnest(%s) AS t (name)",
            list(LARGE),
        )
        return {row.name: row.scans for row in counts}

    scanned = {}
    for what, call in READS.items():
        before = scans()
        rows = story.ask(f"SELECT * FROM {call.format(**names)}")
        assert rows or what == "a pass"
        scanned[what] = [name for name, count in scans().items() if count != before[name]]

    assert scanned == {what: [] for what in READS}
