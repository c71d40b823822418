"""api.read_alerts: what a rider at a station should know now."""

from datetime import UTC, datetime, timedelta

import pytest

NOON = datetime(2026, 11, 20, 17, tzinfo=UTC)
HOUR = timedelta(hours=1)

# Route 1 runs from Portal El Dorado past Modelia; Portal Norte is not on it.
ROUTE_1, EL_DORADO, MODELIA, PORTAL_NORTE = 1, "06000", "06001", "02000"


@pytest.fixture(autouse=True)
def clock_stands_at_noon(pg):
    with pg.cursor() as cursor:
        cursor.execute("INSERT INTO transit.clock VALUES (true, %s, now(), 0)", (NOON,))


def make_alert(pg, header, station=None, route_id=None, active_from=NOON, active_until=None):
    with pg.cursor() as cursor:
        cursor.execute(
            "SELECT c.alert_id FROM api.create_alert('ACCIDENT', 'SIGNIFICANT_DELAYS', 'WARNING',"
            " %s, 'Hay demoras.', (SELECT s.station_id FROM transit.stations AS s"
            " WHERE s.code = %s), %s, %s, %s) AS c",
            (header, station, route_id, active_from, active_until),
        )
        return cursor.fetchone()[0]


def read_headers(pg, station):
    with pg.cursor() as cursor:
        cursor.execute(
            "SELECT a.header FROM transit.stations AS s CROSS JOIN api.read_alerts(s.station_id)"
            " AS a WHERE s.code = %s",
            (station,),
        )
        return [header for (header,) in cursor]


def test_one_row_says_when_it_looked_when_all_is_well(pg):
    with pg.cursor() as cursor:
        cursor.execute("SELECT * FROM api.read_alerts(1)")
        assert cursor.fetchall() == [(NOON, *[None] * 8)]


def test_nothing_is_answered_when_there_is_no_such_station(pg):
    make_alert(pg, "everywhere")
    with pg.cursor() as cursor:
        cursor.execute("SELECT * FROM api.read_alerts(999999)")
        assert cursor.fetchall() == []


def test_alert_shows_all_that_was_said(pg):
    alert_id = make_alert(pg, "Accidente", active_until=NOON + HOUR)
    with pg.cursor() as cursor:
        cursor.execute("SELECT * FROM api.read_alerts(1)")
        assert cursor.fetchall() == [
            (
                NOON, alert_id, "ACCIDENT", "SIGNIFICANT_DELAYS", "WARNING", "Accidente",
                "Hay demoras.", NOON, NOON + HOUR,
            )
        ]  # fmt: skip


def test_alert_of_the_system_shows_everywhere(pg):
    make_alert(pg, "everywhere")
    for station in (EL_DORADO, MODELIA, PORTAL_NORTE):
        assert read_headers(pg, station) == ["everywhere"]


def test_alert_of_a_station_shows_there_alone(pg):
    make_alert(pg, "El Dorado", station=EL_DORADO)
    assert read_headers(pg, EL_DORADO) == ["El Dorado"]
    assert read_headers(pg, MODELIA) == [None]


def test_alert_of_a_route_shows_where_it_stops(pg):
    make_alert(pg, "route 1", route_id=ROUTE_1)
    assert read_headers(pg, EL_DORADO) == ["route 1"]
    assert read_headers(pg, MODELIA) == ["route 1"]
    assert read_headers(pg, PORTAL_NORTE) == [None]


def test_alert_of_a_route_at_a_station_shows_there_alone(pg):
    make_alert(pg, "route 1 at Modelia", route_id=ROUTE_1, station=MODELIA)
    assert read_headers(pg, MODELIA) == ["route 1 at Modelia"]
    assert read_headers(pg, EL_DORADO) == [None]


def test_only_what_is_in_force_shows(pg):
    make_alert(pg, "over", active_from=NOON - 2 * HOUR, active_until=NOON)
    make_alert(pg, "not yet", active_from=NOON + HOUR)
    make_alert(pg, "about to end", active_from=NOON - HOUR, active_until=NOON + HOUR / 3600)
    assert read_headers(pg, EL_DORADO) == ["about to end"]


def test_newest_comes_first(pg):
    make_alert(pg, "older", active_from=NOON - HOUR)
    make_alert(pg, "newer", active_from=NOON)
    make_alert(pg, "last", active_from=NOON)
    assert read_headers(pg, EL_DORADO) == ["last", "newer", "older"]


def list_headers(pg, station_id=None, route_id=None, after=None, limit=50):
    with pg.cursor() as cursor:
        cursor.execute(
            "SELECT a.header FROM api.list_alerts(%s, %s, NULL, %s, %s) AS a",
            (station_id, route_id, after, limit),
        )
        return [header for (header,) in cursor]


def test_list_alerts_has_those_in_force_newest_first(pg):
    make_alert(pg, "over", active_from=NOON - HOUR, active_until=NOON)
    make_alert(pg, "later", active_from=NOON + HOUR)
    first = make_alert(pg, "first", active_until=NOON + HOUR)
    make_alert(pg, "second", route_id=ROUTE_1)
    assert list_headers(pg) == ["second", "first"]
    assert list_headers(pg, limit=1) == ["second"]
    assert list_headers(pg, after=first + 1) == ["first"]
    assert list_headers(pg, route_id=ROUTE_1) == ["second"]
    assert list_headers(pg, station_id=1) == []


def test_read_alert_answers_one_that_is_over(pg):
    over = make_alert(pg, "over", active_from=NOON - HOUR, active_until=NOON)
    with pg.cursor() as cursor:
        cursor.execute("SELECT a.header, a.active_until FROM api.read_alert(%s) AS a", (over,))
        assert cursor.fetchall() == [("over", NOON)]
        cursor.execute("SELECT FROM api.read_alert(%s)", (over + 1,))
        assert cursor.fetchall() == []
