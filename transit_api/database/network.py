"""Loads Bogotá's stations, routes and fare rules from sql/network into the database."""

import math
from collections.abc import Container, Iterable
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import cursor as Cursor
from psycopg2.extras import execute_values

from transit_api.database.network_files import (
    MINUTES,
    NAME,
    VALID_FROM,
    YES_NO,
    NetworkFileError,
    Row,
    Table,
    degrees,
    integer,
    matching,
    optional,
    read_table,
    word_of,
)
from transit_api.database.network_terms import STANDING, keep_terms

NETWORK_DIR = Path(__file__).parents[2] / "sql" / "network"

ID = integer(1)
COUNT = integer(0)
PESOS = integer(0, 10**12)
CODE = matching(r"[a-z_]+", "a word of small letters and _")

STATIONS = Table(
    "stations",
    keys=(("station_id",), ("code",)),
    columns={
        "station_id": ID,
        "code": NAME,
        "name": NAME,
        "kind": word_of("portal", "trunk", "cable", "zonal"),
        "corridor": optional(matching("[A-Z]", "one capital letter")),
        "locality": NAME,
        "latitude": degrees(90),
        "longitude": degrees(180),
        "active": YES_NO,
    },
)
ROUTES = Table(
    "routes",
    keys=(("route_id",),),
    columns={
        "route_id": ID,
        "code": NAME,
        "origin": NAME,
        "destination": NAME,
        "kind": word_of("trunk", "zonal", "cable", "feeder"),
        "headway_s": optional(integer(1)),
    },
)
ROUTE_STOPS = Table(
    "route_stops",
    keys=(("route_id", "stop_sequence"),),
    columns={"route_id": ID, "stop_sequence": ID, "station_code": NAME},
)
TARIFFS = Table(
    "tariffs",
    keys=(("tariff_id",), ("valid_from",)),
    columns={
        "tariff_id": integer(1, 999),
        "valid_from": VALID_FROM,
        "trunk_fare": PESOS,
        "zonal_fare": PESOS,
        "cable_fare": PESOS,
        "transfer_window": MINUTES,
        "max_transfers": COUNT,
        "zonal_to_trunk_transfer_fare": PESOS,
        "other_transfer_fare": PESOS,
    },
)
PROFILES = Table(
    "profiles",
    keys=(("code", "valid_from"),),
    columns={
        "code": CODE,
        "valid_from": VALID_FROM,
        "name": NAME,
        "needs_user": YES_NO,
        "free_trips_per_month": COUNT,
    },
)
CHANNELS = Table(
    "channels",
    keys=(("code", "valid_from"),),
    columns={
        "code": CODE,
        "valid_from": VALID_FROM,
        "min_amount": PESOS,
        "max_amount": PESOS,
    },
)
PASS_PRODUCTS = Table(
    "pass_products",
    keys=(("valid_from",),),
    columns={
        "valid_from": VALID_FROM,
        "price": PESOS,
        "trips": ID,
        "days": ID,
        "max_trips_per_day": ID,
    },
)
CARD_LIMITS = Table(
    "card_limits",
    keys=(("valid_from",),),
    columns={"valid_from": VALID_FROM, "max_balance": PESOS},
)
# In the order in which they refer to each other.
TABLES = (
    STATIONS, ROUTES, ROUTE_STOPS, TARIFFS, PROFILES, CHANNELS, PASS_PRODUCTS, CARD_LIMITS,
)  # fmt: skip

# Commercial speeds in km/h, stops included: the trunk as scheduled in September 2026, buses as
# the riders' app assumes, the cable by its 3.34 km in 13.5 minutes.
SPEED_KMH = {"trunk": 21.0, "zonal": 14.0, "feeder": 14.0, "cable": 15.0}
EARTH_RADIUS_M = 6_371_000.0

Values = dict[str, Any]


def load_network(cursor: Cursor, directory: Path = NETWORK_DIR) -> int:
    """Bring the network tables to what the files say; answer how many rows had to change.

    Runs in the caller's transaction. Rows that were never in a file stay, such as a decree inserted
    by hand; the stops of a route are replaced as a whole. Raises NetworkFileError, also for a row
    of fares or limits that is different while a trip, a pass or a recharge stands on it.
    """
    rows = {table.name: read_table(directory, table) for table in TABLES}
    values = {name: [row.values for row in table_rows] for name, table_rows in rows.items()}
    values["route_stops"] = _place_stops(directory, rows)
    changed = 0
    for table in TABLES:
        if table.name in STANDING:
            changed += keep_terms(cursor, directory, table, rows[table.name])
            values[table.name] = [{**terms, "from_file": True} for terms in values[table.name]]
        try:
            changed += _upsert(cursor, table, values[table.name])
        except psycopg2.IntegrityError as error:
            problem = f"{error.diag.message_primary}: {error.diag.message_detail}"
            raise NetworkFileError(table.path(directory), None, problem) from error
    return changed + _drop_left_out_stops(cursor, values["route_stops"])


def _place_stops(directory: Path, rows: dict[str, list[Row]]) -> list[Values]:
    """The stops in order, with their station_id and the typical seconds from the first stop."""
    stations = {row.values["code"]: row.values for row in rows["stations"]}
    kinds = {row.values["route_id"]: row.values["kind"] for row in rows["routes"]}
    for row in rows["route_stops"]:
        _refuse_unknown(directory, row, "route_id", kinds, "routes.csv")
        _refuse_unknown(directory, row, "station_code", stations, "stations.csv")
    stops = [row.values for row in rows["route_stops"]]
    stops.sort(key=lambda stop: (stop["route_id"], stop["stop_sequence"]))
    placed: list[Values] = []
    travelled_m = 0.0
    for previous, stop in zip([None, *stops], stops, strict=False):
        route_id, station = stop["route_id"], stations[stop["station_code"]]
        if previous is None or previous["route_id"] != route_id:
            travelled_m = 0.0
        else:
            travelled_m += distance_m(stations[previous["station_code"]], station)
        placed.append(
            {
                "route_id": route_id,
                "stop_sequence": stop["stop_sequence"],
                "station_id": station["station_id"],
                "travel_s": round(travelled_m / (SPEED_KMH[kinds[route_id]] / 3.6)),
            }
        )
    return placed


def _refuse_unknown(
    directory: Path, row: Row, name: str, known: Container[Any], file_name: str
) -> None:
    value = row.values[name]
    if value not in known:
        problem = f"{name} should be one of {file_name}, not {value!r}"
        raise NetworkFileError(ROUTE_STOPS.path(directory), row.line, problem)


def distance_m(here: Values, there: Values) -> float:
    """Metres between two stations as the crow flies."""
    mean_latitude = math.radians((here["latitude"] + there["latitude"]) / 2)
    north = math.radians(there["latitude"] - here["latitude"])
    east = math.radians(there["longitude"] - here["longitude"]) * math.cos(mean_latitude)
    return EARTH_RADIUS_M * math.hypot(north, east)


def _upsert(cursor: Cursor, table: Table, rows: list[Values]) -> int:
    """Insert what is new, update what is different, touch nothing else."""
    if not rows:
        return 0
    names = list(rows[0])
    key = table.keys[0]
    target = sql.Identifier("transit", table.name)
    others = [name for name in names if name not in key]
    statement = sql.SQL(
        "INSERT INTO {target} AS t ({names}) VALUES %s ON CONFLICT ({key}) DO UPDATE"
        " SET {updates} WHERE ({old}) IS DISTINCT FROM ({new}) RETURNING true"
    ).format(
        target=target,
        names=_comma_list(sql.Identifier(name) for name in names),
        key=_comma_list(sql.Identifier(name) for name in key),
        updates=_comma_list(
            sql.SQL("{} = {}").format(sql.Identifier(name), sql.Identifier("excluded", name))
            for name in others
        ),
        old=_comma_list(sql.Identifier("t", name) for name in others),
        new=_comma_list(sql.Identifier("excluded", name) for name in others),
    )
    values = [tuple(row[name] for name in names) for row in rows]
    return len(execute_values(cursor, statement, values, page_size=1000, fetch=True))


def _comma_list(parts: Iterable[sql.Composable]) -> sql.Composed:
    return sql.SQL(", ").join(parts)


def _drop_left_out_stops(cursor: Cursor, stops: list[Values]) -> int:
    """Remove the stops that a route of the files no longer has."""
    cursor.execute(
        """
        DELETE FROM transit.route_stops AS rs
        WHERE rs.route_id = ANY (%(route_ids)s)
            AND NOT EXISTS (
                SELECT FROM unnest(%(route_ids)s, %(stop_sequences)s) AS kept (route_id, sequence)
                WHERE kept.route_id = rs.route_id AND kept.sequence = rs.stop_sequence
            )
        """,
        {
            "route_ids": [stop["route_id"] for stop in stops],
            "stop_sequences": [stop["stop_sequence"] for stop in stops],
        },
    )
    return int(cursor.rowcount)
