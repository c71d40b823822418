"""What each analytics answer costs from the base tables: the worth of the rollups, checked."""

import statistics
import time
from typing import Any, Final

import psycopg2

# By the path under /api/v1/analytics: the function pair read_* and compute_*, and its arguments.
ANSWERS: Final = {
    "trips/total": ("trip_totals", "NULL, NULL"),
    "revenue": ("revenue", "NULL, NULL"),
    "users/active": ("active_users", "30"),
    "trips/hourly": ("trips_hourly", "NULL"),
    "stations/top": ("top_stations", "NULL, 50"),
    "localities": ("localities", "NULL"),
}


class RollupsDiffer(Exception):
    """A rollup does not say what its base tables say; the message names the answer."""


def time_base_tables(url: str, rounds: int = 5) -> dict[str, float]:
    """Median milliseconds of each answer from the base tables; RollupsDiffer if one is not exact.

    Both are read in one snapshot, so that a running service cannot come between.
    """
    connection = psycopg2.connect(url)
    connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
    try:
        with connection.cursor() as cursor:
            return {path: _time(cursor, path, *pair, rounds) for path, pair in ANSWERS.items()}
    finally:
        connection.close()


def _time(cursor: Any, path: str, name: str, arguments: str, rounds: int) -> float:
    expected = _answer(cursor, "read", name, arguments)
    taken = []
    for _ in range(rounds):
        began = time.perf_counter()
        computed = _answer(cursor, "compute", name, arguments)
        taken.append((time.perf_counter() - began) * 1000)
        if computed != expected:
            raise RollupsDiffer(f"{path}: the rollups say {expected}, the base tables {computed}")
    return round(statistics.median(taken), 3)


def _answer(cursor: Any, kind: str, name: str, arguments: str) -> list[tuple[Any, ...]]:
    # Names and arguments come from the table above; the last column is the time of reading.
    cursor.execute(f"SELECT * FROM api.{kind}_{name}({arguments})")
    return [row[:-1] for row in cursor.fetchall()]
