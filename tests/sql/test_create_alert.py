"""api.create_alert: news for riders."""

from datetime import UTC, datetime, timedelta

import psycopg2
import pytest

NOON = datetime(2026, 11, 20, 17, tzinfo=UTC)


def create_alert(pg, **given):
    alert = {
        "cause": "MAINTENANCE",
        "effect": "DETOUR",
        "severity_level": "WARNING",
        "header": "Desvío",
        "description": "La ruta no para aquí.",
        "station_id": None,
        "route_id": None,
        "active_from": NOON,
        "active_until": None,
    } | given
    with pg.cursor() as cursor:
        cursor.execute(
            "SELECT * FROM api.create_alert(%s, %s, %s, %s, %s, %s, %s, %s, %s)",
            tuple(alert.values()),
        )
        names = [column.name for column in cursor.description]
        return alert, dict(zip(names, cursor.fetchone(), strict=True))


def test_alert_is_answered_as_it_was_given(service_pg):
    given, answer = create_alert(
        service_pg, station_id=1, route_id=21, active_until=NOON + timedelta(hours=1)
    )
    assert answer.pop("outcome") == "created"
    assert answer.pop("alert_id") > 0
    assert answer == given


def test_alert_is_in_force_from_now_when_it_does_not_say_when(pg):
    with pg.cursor() as cursor:
        cursor.execute("INSERT INTO transit.clock VALUES (true, %s, now(), 0)", (NOON,))
    _, answer = create_alert(pg, active_from=None)
    assert answer["active_from"] == NOON
    assert answer["active_until"] is None


@pytest.mark.parametrize("active_from", [NOON, None])
@pytest.mark.parametrize("end", [NOON, NOON - timedelta(seconds=1)])
def test_alert_that_ends_before_it_begins_is_refused_validation_error(pg, active_from, end):
    with pg.cursor() as cursor:
        cursor.execute("INSERT INTO transit.clock VALUES (true, %s, now(), 0)", (NOON,))
    _, answer = create_alert(pg, active_from=active_from, active_until=end)
    assert (answer["outcome"], answer["alert_id"]) == ("validation_error", None)


def test_no_alert_is_stored_that_ends_before_it_begins(pg):
    create_alert(pg, active_until=NOON + timedelta(hours=1))
    with (
        pg.cursor() as cursor,
        pytest.raises(psycopg2.errors.CheckViolation, match="alerts_in_order"),
    ):
        cursor.execute("UPDATE transit.alerts SET active_until = '2020-01-01'")


@pytest.mark.parametrize(
    ("thing", "outcome"), [("station_id", "station_not_found"), ("route_id", "route_not_found")]
)
def test_alert_is_refused_when_what_it_names_is_unknown(pg, thing, outcome):
    _, answer = create_alert(pg, **{thing: 2**53})
    assert answer["outcome"] == outcome
    assert answer["alert_id"] is None
    with pg.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM transit.alerts")
        assert cursor.fetchone() == (0,)


@pytest.mark.parametrize("column", ["cause", "effect", "severity_level"])
def test_words_are_those_of_gtfs_realtime(pg, column):
    with pytest.raises(psycopg2.errors.CheckViolation) as refusal:
        create_alert(pg, **{column: "BAD_LUCK"})
    assert refusal.value.diag.constraint_name == f"alerts_{column}_is_known"
