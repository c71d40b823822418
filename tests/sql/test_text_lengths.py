"""The lengths of texts that clients fill stand in the schema too (086_text_lengths.sql)."""

import psycopg2
import pytest

from transit_api.schemas.alerts import AlertRequest
from transit_api.schemas.cards import CardRequest, ReasonRequest
from transit_api.schemas.users import UserRequest

# Filled from the files of the network or by functions alone, never with a client's words.
OUR_OWN = {
    "schema_migrations", "rebuilt_parts", "deny_list.card_number",
    "stations", "routes", "profiles", "channels", "idempotency_records.outcome",
    "idempotency_records.detail", "ledger_entries.counterparty",
}  # fmt: skip

BOUNDED = [
    *(("users", name, UserRequest) for name in ("document_id", "full_name", "email", "phone")),
    ("accounts", "profile", CardRequest),
    ("card_inactive_periods", "reason", ReasonRequest),
    *(("alerts", name, AlertRequest) for name in ("header", "description")),
]


@pytest.mark.parametrize(("table", "column", "schema"), BOUNDED)
def test_column_takes_what_the_schema_takes_and_no_more(pg, table, column, schema):
    longest = schema().fields[column].longest
    with pg.cursor() as cursor:
        cursor.execute(
            "SELECT pg_get_constraintdef(c.oid, true) FROM pg_constraint AS c "
            "WHERE c.conname = %s AND c.convalidated",
            (f"{table}_{column}_is_short",),
        )
        (told,) = cursor.fetchone()
    assert f"char_length({column}) >= 1 AND char_length({column}) <= {longest}" in told


def test_longer_text_is_refused_by_the_database(pg):
    with (
        pg.cursor() as cursor,
        pytest.raises(psycopg2.errors.CheckViolation, match="users_full_name_is_short"),
    ):
        cursor.execute(
            "INSERT INTO transit.users (user_id, document_id, full_name, created_at) "
            "VALUES (4096, 'CC1', repeat('x', 201), now())"
        )


def test_every_text_column_is_bounded_or_our_own(pg):
    with pg.cursor() as cursor:
        cursor.execute("""
            SELECT c.relname, a.attname
            FROM pg_attribute AS a
            JOIN pg_class AS c ON c.oid = a.attrelid AND c.relkind = 'r'
            WHERE c.relnamespace = 'transit'::regnamespace AND a.atttypid = 'text'::regtype
                AND a.attnum > 0 AND NOT a.attisdropped
                AND NOT EXISTS (
                    SELECT FROM pg_constraint AS k
                    WHERE k.conrelid = c.oid AND k.contype IN ('c', 'f')
                        AND a.attnum = ANY (k.conkey)
                        AND k.conname NOT LIKE '%known_until_erased'
                )
        """)
        unbounded = {f"{table}.{column}" for table, column in cursor.fetchall()}
    assert {one for one in unbounded if one.partition(".")[0] not in OUR_OWN} <= OUR_OWN
