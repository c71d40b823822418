"""api.record_vehicle_positions: the latest position of each vehicle."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import psycopg2
import pytest

NOON = datetime(2026, 11, 20, 17, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.fixture(autouse=True)
def clock_stands_at_noon(pg):
    with pg.cursor() as cursor:
        cursor.execute("INSERT INTO transit.clock VALUES (true, %s, now(), 0)", (NOON,))


def position(vehicle_id, stop_sequence=1, recorded_at=NOON, route_id=1, occupancy="EMPTY"):
    return (vehicle_id, route_id, stop_sequence, 4.68, -74.12, recorded_at, occupancy)


def record(pg, *positions):
    columns = list(zip(*positions, strict=True)) if positions else [()] * 7
    with pg.cursor() as cursor:
        cursor.execute(
            "SELECT * FROM api.record_vehicle_positions(%s::int[], %s::bigint[], %s::bigint[],"
            " %s::int[], %s::float8[], %s::float8[], %s::timestamptz[], %s::text[])",
            (list(range(len(positions))), *map(list, columns)),
        )
        return cursor.fetchone()


def read_vehicles(pg):
    with pg.cursor() as cursor:
        cursor.execute(
            "SELECT v.vehicle_id, v.stop_sequence, v.recorded_at FROM transit.vehicles AS v"
            " ORDER BY v.vehicle_id"
        )
        return cursor.fetchall()


def test_positions_are_taken(pg):
    assert record(pg, position(2), position(1, stop_sequence=4)) == ("accepted", None, 2)
    assert read_vehicles(pg) == [(1, 4, NOON), (2, 1, NOON)]


def test_service_may_record(service_pg):
    assert record(service_pg, position(1, recorded_at=NOON)) == ("accepted", None, 1)


def test_service_may_not_write_the_table_itself(service_pg):
    with service_pg.cursor() as cursor, pytest.raises(psycopg2.errors.InsufficientPrivilege):
        cursor.execute("DELETE FROM transit.vehicles")


def test_newer_position_replaces_the_older(pg):
    record(pg, position(1))
    record(pg, position(1, stop_sequence=2, recorded_at=NOON + SECOND))
    assert read_vehicles(pg) == [(1, 2, NOON + SECOND)]


def test_older_position_is_accepted_and_changes_nothing(pg):
    record(pg, position(1, stop_sequence=5))
    late = position(1, stop_sequence=3, recorded_at=NOON - SECOND)
    assert record(pg, late) == ("accepted", None, 1)
    assert read_vehicles(pg) == [(1, 5, NOON)]


@pytest.mark.parametrize("newest_first", [True, False])
def test_newest_of_one_call_wins_in_either_order(pg, newest_first):
    positions = [position(1, n, NOON + n * SECOND) for n in (1, 2)]
    record(pg, *reversed(positions) if newest_first else positions)
    assert read_vehicles(pg) == [(1, 2, NOON + 2 * SECOND)]


def test_vehicle_ahead_of_the_clock_does_not_shut_itself_out(pg):
    record(pg, position(1, recorded_at=NOON + timedelta(days=1)))
    assert read_vehicles(pg) == [(1, 1, NOON + timedelta(minutes=5))]


def test_nothing_is_taken_when_a_route_is_unknown_route_not_found(pg):
    answer = record(pg, position(1), position(2, route_id=998), position(3, route_id=999))
    assert answer == ("route_not_found", "There is no route 998, 999.", 0)
    assert read_vehicles(pg) == []


def test_occupancy_defaults_to_no_data(pg):
    record(pg, position(1, occupancy=None))
    with pg.cursor() as cursor:
        cursor.execute("SELECT v.occupancy_status FROM transit.vehicles AS v")
        assert cursor.fetchone() == ("NO_DATA_AVAILABLE",)


def test_occupancy_words_are_those_of_gtfs_realtime(pg):
    with pytest.raises(psycopg2.errors.CheckViolation) as refusal:
        record(pg, position(1, occupancy="COSY"))
    assert refusal.value.diag.constraint_name == "vehicles_occupancy_status_is_known"


def wait_until_blocked(watcher, pid, answer):
    """Return once that backend waits for a lock, as it must before it has an answer."""
    while not answer.done():
        with watcher.cursor() as cursor:
            cursor.execute("SELECT cardinality(pg_blocking_pids(%s)) > 0", (pid,))
            if cursor.fetchone() == (True,):
                return
    raise AssertionError(f"it did not wait, and answered {answer.result()}")


def test_vehicles_are_locked_in_the_order_of_their_ids(fresh_database):
    feed, holder, watcher = (fresh_database.connect() for _ in range(3))
    record(feed, position(1), position(2))
    feed.commit()
    with holder.cursor() as cursor:
        cursor.execute("SELECT FROM transit.vehicles AS v WHERE v.vehicle_id = 1 FOR UPDATE")
    with ThreadPoolExecutor(1) as executor:
        answer = executor.submit(record, feed, position(2), position(1))
        wait_until_blocked(watcher, feed.info.backend_pid, answer)
        # Waiting for vehicle 1, the feed that names 2 first must not hold 2 yet.
        with watcher.cursor() as cursor:
            cursor.execute(
                "SELECT FROM transit.vehicles AS v WHERE v.vehicle_id = 2 FOR UPDATE NOWAIT"
            )
        watcher.rollback()
        holder.rollback()
        assert answer.result() == ("accepted", None, 2)
    for connection in (feed, holder, watcher):
        connection.close()


def test_empty_call_takes_nothing(pg):
    assert record(pg) == ("accepted", None, 0)
