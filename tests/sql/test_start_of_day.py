"""api.start_of_day: a service day begins at midnight in Bogotá, five hours after UTC's."""

from datetime import UTC, date, datetime


def test_service_day_begins_at_midnight_in_bogota(service_pg):
    with service_pg.cursor() as cursor:
        cursor.execute("SELECT api.start_of_day(%s)", [date(2026, 11, 20)])
        assert cursor.fetchone() == (datetime(2026, 11, 20, 5, tzinfo=UTC),)


def test_service_day_of_its_first_moment_is_that_day(service_pg):
    with service_pg.cursor() as cursor:
        cursor.execute(
            "SELECT api.service_day(m.at) AS first,"
            " api.service_day(m.at - interval '1 microsecond') AS before"
            " FROM api.start_of_day('2024-02-29') AS m (at)"
        )
        assert cursor.fetchone() == (date(2024, 2, 29), date(2024, 2, 28))
