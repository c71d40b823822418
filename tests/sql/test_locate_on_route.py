"""api.locate_on_route: how far along its route a vehicle is."""

import pytest

ROUTE_ID = 1


@pytest.fixture
def stops(pg):
    """The stops of route 1: (travel_s, latitude, longitude) by their sequence."""
    with pg.cursor() as cursor:
        cursor.execute(
            """
            SELECT rs.stop_sequence, rs.travel_s, s.latitude, s.longitude
            FROM transit.route_stops AS rs INNER JOIN transit.stations AS s USING (station_id)
            WHERE rs.route_id = %s
            """,
            (ROUTE_ID,),
        )
        return {sequence: stop for sequence, *stop in cursor}


def locate(pg, stop_sequence, latitude, longitude, route_id=ROUTE_ID):
    with pg.cursor() as cursor:
        cursor.execute(
            "SELECT * FROM api.locate_on_route(%s, %s, %s, %s)",
            (route_id, stop_sequence, latitude, longitude),
        )
        return cursor.fetchone()[0]


def test_vehicle_at_a_stop_is_as_far_as_the_stop(pg, stops):
    travel_s, latitude, longitude = stops[2]
    assert locate(pg, 2, latitude, longitude) == pytest.approx(travel_s, abs=0.1)


def test_vehicle_between_two_stops_is_as_far_as_its_coordinates_say(pg, stops):
    (here_s, *here), (ahead_s, *ahead) = stops[2], stops[3]
    middle = [(a + b) / 2 for a, b in zip(here, ahead, strict=True)]
    assert locate(pg, 2, *middle) == pytest.approx((here_s + ahead_s) / 2, abs=1)


def test_wrong_coordinates_never_pull_a_vehicle_behind_its_stop(pg, stops):
    assert locate(pg, 2, -89.0, 100.0) == stops[2][0]


def test_vehicle_at_the_last_stop_has_done_it_all(pg, stops):
    last = max(stops)
    assert locate(pg, last, 4.6, -74.1) == stops[last][0]
    assert locate(pg, last + 10, 4.6, -74.1) == stops[last][0]


def test_route_without_stops_has_nothing_behind_it(pg):
    with pg.cursor() as cursor:
        cursor.execute(
            "INSERT INTO transit.routes (route_id, code, origin, destination, kind)"
            " VALUES (9999, 'X', 'Here', 'There', 'zonal')"
        )
    assert locate(pg, 1, 4.6, -74.1, route_id=9999) == 0
