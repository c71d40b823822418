"""api.close_alert: an alert ends now, once."""

from datetime import UTC, datetime, timedelta

import pytest

NOON = datetime(2026, 11, 20, 17, tzinfo=UTC)


@pytest.fixture(autouse=True)
def clock_stands_at_noon(pg):
    with pg.cursor() as cursor:
        cursor.execute("INSERT INTO transit.clock VALUES (true, %s, now(), 0)", (NOON,))


def make_alert(pg, active_from, active_until=None):
    with pg.cursor() as cursor:
        cursor.execute(
            "SELECT c.alert_id FROM api.create_alert('WEATHER', 'NO_SERVICE', 'SEVERE', 'Lluvia',"
            " 'Estación inundada', 1, NULL, %s, %s) AS c",
            (active_from, active_until),
        )
        return cursor.fetchone()[0]


def close_alert(pg, alert_id):
    with pg.cursor() as cursor:
        cursor.execute("SELECT * FROM api.close_alert(%s)", (alert_id,))
        names = [column.name for column in cursor.description]
        return dict(zip(names, cursor.fetchone(), strict=True))


def test_open_alert_ends_now(pg):
    alert_id = make_alert(pg, NOON - timedelta(hours=1))
    assert close_alert(pg, alert_id) == {
        "outcome": "accepted",
        "alert_id": alert_id,
        "cause": "WEATHER",
        "effect": "NO_SERVICE",
        "severity_level": "SEVERE",
        "header": "Lluvia",
        "description": "Estación inundada",
        "station_id": 1,
        "route_id": None,
        "active_from": NOON - timedelta(hours=1),
        "active_until": NOON,
    }


def test_closing_twice_changes_nothing(pg):
    alert_id = make_alert(pg, NOON - timedelta(hours=1))
    first = close_alert(pg, alert_id)
    with pg.cursor() as cursor:
        cursor.execute("UPDATE transit.clock SET simulated_origin = %s", (NOON + timedelta(1),))
    assert close_alert(pg, alert_id) == first


def test_alert_that_has_run_out_keeps_its_end(pg):
    an_hour_ago = NOON - timedelta(hours=1)
    alert_id = make_alert(pg, NOON - timedelta(hours=2), an_hour_ago)
    assert close_alert(pg, alert_id)["active_until"] == an_hour_ago


def test_alert_that_has_not_begun_never_begins(pg):
    alert_id = make_alert(pg, NOON + timedelta(hours=1))
    close_alert(pg, alert_id)
    with pg.cursor() as cursor:
        cursor.execute(
            "UPDATE transit.clock SET simulated_origin = %s", (NOON + timedelta(hours=2),)
        )
        cursor.execute("SELECT a.alert_id FROM api.read_alerts(1) AS a")
        assert cursor.fetchall() == [(None,)]


def test_closing_is_refused_when_there_is_no_such_alert_alert_not_found(pg):
    answer = close_alert(pg, 2**53)
    assert answer.pop("outcome") == "alert_not_found"
    assert set(answer.values()) == {None}
