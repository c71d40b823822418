"""Keeps the rows of fares and limits that a trip, a pass or a recharge stands on as they were."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from psycopg2 import sql
from psycopg2.extensions import cursor as Cursor

from transit_api.database.network_files import NetworkFileError, Row, Table

Values = dict[str, Any]

# The first of what stands on a row: decided by it, between its beginning and that of the next.
# Credit rests by the trunk fare, so that recharges stand on a tariff too.
STANDING = {
    "tariffs": """
        SELECT 'trip ' || t.trip_id FROM transit.trips AS t
        WHERE
            t.tariff_id = %(tariff_id)s
            OR t.tapped_at >= %(valid_from)s AND t.tapped_at < %(next)s
        UNION ALL
        SELECT 'recharge ' || r.recharge_id FROM transit.recharges AS r
        WHERE r.recharged_at >= %(valid_from)s AND r.recharged_at < %(next)s
        LIMIT 1
    """,
    "profiles": """
        SELECT 'trip ' || t.trip_id
        FROM transit.trips AS t
        INNER JOIN transit.accounts AS a ON a.account_id = t.account_id
        WHERE a.profile = %(code)s AND t.tapped_at >= %(valid_from)s AND t.tapped_at < %(next)s
        LIMIT 1
    """,
    "channels": """
        SELECT 'recharge ' || r.recharge_id FROM transit.recharges AS r
        WHERE
            r.channel = %(code)s
            AND r.recharged_at >= %(valid_from)s AND r.recharged_at < %(next)s
        LIMIT 1
    """,
    "pass_products": """
        SELECT 'pass ' || p.pass_id FROM transit.monthly_passes AS p
        WHERE p.purchased_at >= %(valid_from)s AND p.purchased_at < %(next)s
        LIMIT 1
    """,
    "card_limits": """
        SELECT 'recharge ' || r.recharge_id FROM transit.recharges AS r
        WHERE r.recharged_at >= %(valid_from)s AND r.recharged_at < %(next)s
        LIMIT 1
    """,
}

REMEDY = "what changes should be a new row with a later valid_from"


def keep_terms(cursor: Cursor, directory: Path, table: Table, rows: list[Row]) -> int:
    """Remove the rows that the file has dropped; answer how many.

    Raises NetworkFileError where something stands on a row that is different in the file or
    missing there, or stood on another one before a new row came. Rows that a person inserted by
    hand are in no file and stay.
    """
    stored = _read(cursor, table)
    known = {_key(table, row): row for row in stored}
    wanted = {_key(table, row.values): row for row in rows}
    for key, row in wanted.items():
        before = known.get(key)
        if before is None or any(before[name] != row.values[name] for name in table.columns):
            _refuse_change(cursor, directory, table, row, before, stored)
    dropped = [row for key, row in known.items() if row["from_file"] and key not in wanted]
    for missing in dropped:
        _refuse_drop(cursor, directory, table, missing, stored)
        _delete(cursor, table, missing)
    return len(dropped)


def _key(table: Table, values: Values) -> tuple[Any, ...]:
    return tuple(values[name] for name in table.keys[0])


def _read(cursor: Cursor, table: Table) -> list[Values]:
    names = [*table.columns, "from_file"]
    columns = sql.SQL(", ").join(map(sql.Identifier, names))
    cursor.execute(
        sql.SQL("SELECT {} FROM {}").format(columns, sql.Identifier("transit", table.name))
    )
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _refuse_change(
    cursor: Cursor,
    directory: Path,
    table: Table,
    row: Row,
    before: Values | None,
    stored: list[Values],
) -> None:
    what = _describe(table, before or row.values)
    for terms in (before, row.values):
        standing = terms and _find_standing(cursor, table, terms, stored)
        if standing:
            verb = "was changed" if before else "is new"
            problem = f"{what} {verb}, and {standing} stands on what was in force; {REMEDY}"
            raise NetworkFileError(table.path(directory), row.line, problem)


def _refuse_drop(
    cursor: Cursor, directory: Path, table: Table, missing: Values, stored: list[Values]
) -> None:
    standing = _find_standing(cursor, table, missing, stored)
    if standing:
        problem = f"{_describe(table, missing)} is missing, and {standing} stands on it; {REMEDY}"
        raise NetworkFileError(table.path(directory), None, problem)


def _find_standing(
    cursor: Cursor, table: Table, terms: Values, stored: Iterable[Values]
) -> str | None:
    """The first trip, pass or recharge that was decided by a row, or would have been."""
    later = [
        row["valid_from"]
        for row in stored
        if row["valid_from"] > terms["valid_from"] and row.get("code") == terms.get("code")
    ]
    cursor.execute(STANDING[table.name], {**terms, "next": min(later, default="infinity")})
    found = cursor.fetchone()
    return found[0] if found else None


def _describe(table: Table, values: Values) -> str:
    code = values.get("code") or values.get("tariff_id")
    name = f"{table.name} {code}" if code else table.name
    return f"the row of {name} valid from {values['valid_from']:%Y-%m-%d}"


def _delete(cursor: Cursor, table: Table, row: Values) -> None:
    matches = sql.SQL(" AND ").join(
        sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(name))
        for name in table.keys[0]
    )
    target = sql.Identifier("transit", table.name)
    cursor.execute(sql.SQL("DELETE FROM {} WHERE {}").format(target, matches), row)
