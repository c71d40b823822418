"""api.fold_rollups and the analytics reads, which answer the same before and after a folding."""

import pytest

from tests.sql.stories import (
    DAY,
    FARE,
    HOUR,
    MINUTE,
    NOON,
    OTHER_TRUNK,
    PASS_PRICE,
    TRUNK,
    ZONAL,
    at,
    open_story,
)

FRIDAY = NOON.date()


@pytest.fixture(params=["unfolded", "folded", "folded in small steps"])
def settle(request, story):
    """What is done before a read: nothing, or some folding."""

    def settle():
        if request.param == "folded":
            assert story.fold() > 0
            assert story.fold() == 0
        if request.param == "folded in small steps":
            while story.ask_one("SELECT api.fold_rollups(1) AS folded").folded:
                pass

    return settle


def read(story, function, *arguments):
    places = ", ".join(["%s"] * len(arguments))
    return story.ask(f"SELECT * FROM api.{function}({places})", *arguments)


@pytest.fixture
def a_week(story):
    """Two users, three cards: four trips on Thursday and Friday, one of them a transfer."""
    ana, luis = story.make_user(), story.make_user()
    first = story.make_card(balance=20_000, user_id=ana)
    second = story.make_card(user_id=luis)
    anonymous = story.make_anonymous_card(balance=FARE)
    story.tap(first, TRUNK, at=NOON - DAY)
    story.tap(first, ZONAL, at=NOON - HOUR)
    story.tap(first, TRUNK, at=NOON - HOUR + MINUTE)
    story.tap(second, TRUNK)
    story.go_to(NOON + HOUR)
    story.tap(anonymous, OTHER_TRUNK)


def test_trips_are_counted_by_service_day(story, a_week, settle):
    settle()
    assert read(story, "read_trip_totals", None, None)[0] == (5, 4, 1, NOON + HOUR)
    assert read(story, "read_trip_totals", FRIDAY, FRIDAY)[0][:3] == (4, 3, 1)
    assert read(story, "read_trip_totals", None, FRIDAY - DAY)[0][:3] == (1, 1, 0)
    assert read(story, "read_trip_totals", FRIDAY + DAY, None)[0][:3] == (0, 0, 0)


def test_revenue_is_of_the_days_and_what_is_outstanding_is_of_now(story, a_week, settle):
    settle()
    everything = read(story, "read_revenue", None, None)[0]
    assert everything == (4 * FARE, 20_000 + FARE, 20_000 - 2 * FARE, FARE, NOON + HOUR)
    thursday = read(story, "read_revenue", FRIDAY - DAY, FRIDAY - DAY)[0]
    assert thursday[:4] == (FARE, 0, 20_000 - 2 * FARE, FARE)


def test_distinct_users_and_cards_are_counted_on_their_last_day(story, a_week, settle):
    settle()
    assert read(story, "read_active_users", 1)[0] == (2, 3, NOON + HOUR)
    story.go_to(NOON + DAY)
    assert read(story, "read_active_users", 1)[0][:2] == (0, 0)
    assert read(story, "read_active_users", 2)[0][:2] == (2, 3)


def test_user_with_two_cards_counts_once(story, settle):
    user_id = story.make_user()
    for _ in range(2):
        story.tap(story.make_card(user_id=user_id))
    settle()
    assert read(story, "read_active_users", 30)[0][:2] == (1, 2)


def test_late_tap_does_not_move_the_last_day_back(story, settle):
    card_id = story.make_card(balance=2 * FARE)
    story.tap(card_id)
    story.tap(card_id, at=NOON - 3 * DAY)
    settle()
    assert read(story, "read_active_users", 1)[0][:2] == (1, 1)
    assert read(story, "read_active_users", 30)[0][:2] == (1, 1)


def test_late_tap_of_another_card_does_not_move_the_last_day_of_its_user_back(story, settle):
    user_id = story.make_user()
    story.tap(story.make_card(user_id=user_id))
    story.tap(story.make_card(user_id=user_id), at=NOON - 3 * DAY)
    settle()
    assert read(story, "read_active_users", 1)[0][:2] == (1, 1)
    assert read(story, "read_active_users", 30)[0][:2] == (1, 2)


def test_day_has_24_hours_in_bogota(story, a_week, settle):
    settle()
    rows = read(story, "read_trips_hourly", None)
    assert [row.hour for row in rows] == list(range(24))
    assert {row.hour: (row.trips, row.revenue) for row in rows if row.trips} == {
        11: (2, FARE), 12: (1, FARE), 13: (1, FARE),
    }  # fmt: skip
    assert {(row.date, row.as_of) for row in rows} == {(FRIDAY, NOON + HOUR)}


def test_last_hour_of_a_day_counts_on_that_day(story, settle):
    story.stop_clock(at("2026-11-21 00:30"))
    story.tap(story.make_card(), at=at("2026-11-20 23:59"))
    settle()
    assert read(story, "read_trips_hourly", FRIDAY)[23].trips == 1
    assert sum(row.trips for row in read(story, "read_trips_hourly", None)) == 0


def test_stations_with_the_most_trips_come_first(story, a_week, settle):
    story.tap(story.make_anonymous_card(balance=FARE), TRUNK)
    settle()
    rows = read(story, "read_top_stations", FRIDAY, 2)
    assert [(row.station_id, row.name, row.trips) for row in rows] == [
        (TRUNK, "Calle 187", 3), (OTHER_TRUNK, "Toberín", 1),
    ]  # fmt: skip


def test_day_without_a_trip_has_one_empty_row(story, settle):
    settle() if story.tap(story.make_card()) else None
    (row,) = read(story, "read_top_stations", FRIDAY - DAY, 5)
    assert row == (FRIDAY - DAY, None, None, None, NOON)
    (row,) = read(story, "read_localities", FRIDAY - DAY)
    assert row == (FRIDAY - DAY, None, None, None, NOON)


def test_localities_sum_their_stations(story, a_week, settle):
    story.tap(story.make_anonymous_card(balance=FARE), 160)
    settle()
    rows = read(story, "read_localities", None)
    assert [(row.locality, row.trips, row.revenue) for row in rows] == [
        ("Usaquén", 4, 3 * FARE), ("San Cristóbal", 1, FARE),
    ]  # fmt: skip


def test_correction_moves_the_revenue_of_the_day_of_its_trip(story, settle):
    midnight = at("2026-11-20 00:00")
    card_id = story.make_card(balance=20_000)
    story.tap(card_id, TRUNK, at=midnight + MINUTE)
    story.tap(card_id, ZONAL, at=midnight - MINUTE)
    settle()
    friday = read(story, "read_revenue", FRIDAY, FRIDAY)[0]
    assert friday.revenue == 0
    assert read(story, "read_trip_totals", FRIDAY, FRIDAY)[0][:3] == (1, 0, 1)
    assert read(story, "read_trip_totals", FRIDAY - DAY, FRIDAY - DAY)[0][:3] == (1, 1, 0)
    assert friday.outstanding_balance == 20_000 - FARE


def test_pass_sold_is_no_revenue_of_fares_but_leaves_the_balances(story, settle):
    story.make_card_with_pass(balance=500)
    settle()
    assert read(story, "read_revenue", None, None)[0][:4] == (0, PASS_PRICE + 500, 500, 0)


def test_replacement_changes_nothing_that_is_outstanding(story, settle):
    card_id = story.make_card(balance=700)
    story.replace(card_id)
    settle()
    assert read(story, "read_revenue", None, None)[0].outstanding_balance == 700


def test_refused_tap_counts_nowhere(story, settle):
    card_id = story.make_anonymous_card(balance=FARE)
    story.tap(card_id)
    story.tap(card_id)
    settle()
    assert read(story, "read_trip_totals", None, None)[0][:3] == (1, 1, 0)


def test_foldings_add_up(story):
    for _ in range(2):
        story.tap(story.make_card(balance=FARE))
        story.fold()
    assert read(story, "read_trips_hourly", None)[12][1:4] == (12, 2, 2 * FARE)
    assert read(story, "read_revenue", None, None)[0][:4] == (2 * FARE, 2 * FARE, 0, 0)
    assert read(story, "read_trip_totals", None, None)[0][:3] == (2, 2, 0)
    assert read(story, "read_active_users", 1)[0][:2] == (2, 2)


def test_folding_takes_no_more_than_its_limit(story, a_week):
    before = story.ask_one("SELECT count(*) AS deltas FROM transit.activity_deltas").deltas
    assert story.ask_one("SELECT api.fold_rollups(3) AS folded").folded == 3
    after = story.ask_one("SELECT count(*) AS deltas FROM transit.activity_deltas").deltas
    assert after == before - 3


def test_second_folder_leaves_at_once_with_nothing(fresh_database):
    with open_story(fresh_database) as first, open_story(fresh_database) as second:
        first.tap(first.make_card())
        first.connection.autocommit = False
        assert first.fold() > 0
        assert second.fold() == 0
        assert second.ask_one("SELECT * FROM api.read_trip_totals(null, null)").total_trips == 1
        first.connection.commit()
        assert second.ask_one("SELECT * FROM api.read_trip_totals(null, null)").total_trips == 1
