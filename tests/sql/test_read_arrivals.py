"""api.read_arrivals: predictions for the stops ahead of each vehicle."""

from datetime import UTC, datetime, timedelta

import pytest

NOON = datetime(2026, 11, 20, 17, tzinfo=UTC)
ROUTE_1 = 1


@pytest.fixture(autouse=True)
def clock_stands_at_noon(pg):
    with pg.cursor() as cursor:
        cursor.execute("INSERT INTO transit.clock VALUES (true, %s, now(), 0)", (NOON,))


@pytest.fixture
def stops(pg):
    """The stops of route 1 by sequence: (station_id, travel_s, latitude, longitude)."""
    with pg.cursor() as cursor:
        cursor.execute(
            """
            SELECT rs.stop_sequence, rs.station_id, rs.travel_s, s.latitude, s.longitude
            FROM transit.route_stops AS rs INNER JOIN transit.stations AS s USING (station_id)
            WHERE rs.route_id = %s
            """,
            (ROUTE_1,),
        )
        return {sequence: stop for sequence, *stop in cursor}


def put_vehicle(pg, vehicle_id, stop, stop_sequence, recorded_at=NOON, occupancy=None):
    with pg.cursor() as cursor:
        cursor.execute(
            "SELECT r.outcome FROM api.record_vehicle_positions(ARRAY[0], ARRAY[%s::bigint],"
            " ARRAY[%s::bigint], ARRAY[%s], ARRAY[%s::float8], ARRAY[%s::float8],"
            " ARRAY[%s::timestamptz], ARRAY[%s]) AS r",
            (vehicle_id, ROUTE_1, stop_sequence, *stop[2:], recorded_at, occupancy),
        )
        assert cursor.fetchone() == ("accepted",)


def read_arrivals(pg, station_id, limit=50):
    with pg.cursor() as cursor:
        cursor.execute("SELECT * FROM api.read_arrivals(%s, %s)", (station_id, limit))
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]


def test_vehicle_is_expected_after_the_typical_time_for_the_way(pg, stops):
    put_vehicle(pg, 7001, stops[2], 2, occupancy="STANDING_ROOM_ONLY")
    way_s = stops[5][1] - stops[2][1]
    (arrival,) = read_arrivals(pg, stops[5][0])
    expected = NOON + timedelta(seconds=way_s)
    assert abs(arrival.pop("predicted_arrival_time") - expected) < timedelta(seconds=0.1)
    assert arrival.pop("seconds_away") == pytest.approx(way_s, abs=1)
    assert arrival == {
        "as_of": NOON,
        "route_id": ROUTE_1,
        "route_code": "1",
        "headsign": "Universidades",
        "vehicle_id": 7001,
        "stop_sequence": 5,
        "stops_away": 3,
        "schedule_relationship": "SCHEDULED",
        "occupancy_status": "STANDING_ROOM_ONLY",
    }


def test_a_trunk_bus_takes_about_two_minutes_to_the_next_stop(stops):
    ways = [stops[n + 1][1] - stops[n][1] for n in range(1, len(stops))]
    assert 60 < sum(ways) / len(ways) < 240


def test_stops_behind_the_vehicle_and_its_own_expect_nothing(pg, stops):
    put_vehicle(pg, 7001, stops[5], 5)
    for sequence in (1, 4, 5):
        assert [row["vehicle_id"] for row in read_arrivals(pg, stops[sequence][0])] == [None]


def test_soonest_comes_first_and_the_limit_cuts_the_rest(pg, stops):
    put_vehicle(pg, 7001, stops[1], 1)
    put_vehicle(pg, 7002, stops[6], 6)
    put_vehicle(pg, 7003, stops[3], 3)
    arrivals = read_arrivals(pg, stops[8][0])
    assert [row["vehicle_id"] for row in arrivals] == [7002, 7003, 7001]
    assert read_arrivals(pg, stops[8][0], limit=2) == arrivals[:2]


def test_prediction_that_has_passed_is_gone(pg, stops):
    ten_minutes_ago = NOON - timedelta(minutes=10)
    put_vehicle(pg, 7001, stops[1], 1, recorded_at=ten_minutes_ago)
    expected = [s for s in stops if stops[s][1] > 600]
    assert 2 < expected[0] < len(stops)
    for sequence, stop in stops.items():
        seen = [row["vehicle_id"] for row in read_arrivals(pg, stop[0])]
        assert seen == ([7001] if sequence in expected else [None])


def test_vehicle_that_has_been_silent_for_a_quarter_of_an_hour_is_gone(pg, stops):
    last = stops[len(stops)]
    put_vehicle(pg, 7001, stops[1], 1, recorded_at=NOON - timedelta(minutes=14))
    put_vehicle(pg, 7002, stops[1], 1, recorded_at=NOON - timedelta(minutes=15))
    assert [row["vehicle_id"] for row in read_arrivals(pg, last[0])] == [7001]


def test_one_row_says_when_it_looked_when_nothing_comes(pg):
    (nothing,) = read_arrivals(pg, 1)
    assert nothing.pop("as_of") == NOON
    assert set(nothing.values()) == {None}


def test_nothing_is_answered_when_there_is_no_such_station(pg):
    assert read_arrivals(pg, 999_999) == []


def test_service_may_read_arrivals(service_pg):
    assert read_arrivals(service_pg, 1)[0]["vehicle_id"] is None


def test_vehicle_silent_for_a_day_is_forgotten_and_no_other(pg, stops):
    put_vehicle(pg, 7001, stops[1], 1, recorded_at=NOON - timedelta(days=1, seconds=1))
    put_vehicle(pg, 7002, stops[1], 1, recorded_at=NOON - timedelta(days=1))
    put_vehicle(pg, 7003, stops[1], 1)
    with pg.cursor() as cursor:
        cursor.execute("SELECT api.prune_silent_vehicles(10)")
        assert cursor.fetchone() == (1,)
        cursor.execute("SELECT vehicle_id FROM transit.vehicles ORDER BY vehicle_id")
        assert cursor.fetchall() == [(7002,), (7003,)]


def test_no_more_than_the_limit_of_silent_vehicles_are_forgotten_in_one_call(pg, stops):
    for vehicle_id in (7001, 7002, 7003):
        put_vehicle(pg, vehicle_id, stops[1], 1, recorded_at=NOON - timedelta(days=2))
    with pg.cursor() as cursor:
        cursor.execute(
            "SELECT api.prune_silent_vehicles(2) AS first, api.prune_silent_vehicles(2) AS second"
        )
        assert cursor.fetchone() == (2, 1)


def test_arrivals_do_not_read_the_vehicles_that_fell_silent(pg, stops):
    """200,000 rows lie in thousands of pages, the living one in a handful."""
    put_vehicle(pg, 7001, stops[1], 1)
    with pg.cursor() as cursor:
        cursor.execute(
            "INSERT INTO transit.vehicles SELECT 100000 + n, %s, 1, 4.68, -74.12, 0, %s, 'EMPTY'"
            " FROM generate_series(1, 200000) AS n",
            (ROUTE_1, NOON - timedelta(hours=3)),
        )
        cursor.execute("ANALYZE transit.vehicles")
        cursor.execute(
            "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT * FROM api.read_arrivals(%s, 50)",
            (stops[8][0],),
        )
        ((explained,),) = cursor.fetchall()
    plan = explained[0]["Plan"]
    assert plan["Actual Rows"] == 1
    assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] < 1_000
