"""transit_api.database.network: loading Bogotá, again and again, and refusing what is wrong."""

import csv
import shutil

import pytest

from tests.sql.stories import NOON, Story
from transit_api.database.network import NETWORK_DIR, distance_m, load_network
from transit_api.database.network_files import NetworkFileError

COUNTS = {
    "stations": 325,
    "routes": 109,
    "route_stops": 1410,
    "tariffs": 4,
    "profiles": 13,
    "channels": 5,
    "pass_products": 1,
    "card_limits": 1,
}


@pytest.fixture
def directory(tmp_path):
    """A copy of the data files that a test may spoil."""
    shutil.copytree(NETWORK_DIR, tmp_path, dirs_exist_ok=True)
    return tmp_path


def edit(directory, name, old, new):
    path = directory / f"{name}.csv"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def load(pg, directory=NETWORK_DIR):
    with pg.cursor() as cursor:
        return load_network(cursor, directory)


def select(pg, query):
    with pg.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchall()


def test_every_line_becomes_a_row(pg):
    load(pg)
    for name, count in COUNTS.items():
        with (NETWORK_DIR / f"{name}.csv").open(encoding="utf-8", newline="") as lines:
            assert len(list(csv.DictReader(lines))) == count
        assert select(pg, f"SELECT count(*) FROM transit.{name}") == [(count,)]


def test_loading_again_changes_nothing(pg):
    load(pg)
    before = select(pg, "SELECT s.station_id, s.xmin, s.ctid FROM transit.stations AS s ORDER BY 1")
    assert load(pg) == 0
    after = select(pg, "SELECT s.station_id, s.xmin, s.ctid FROM transit.stations AS s ORDER BY 1")
    assert after == before


def test_tariffs_hold_from_midnight_in_bogota(pg):
    load(pg)
    assert select(
        pg,
        """
        SELECT
            t.tariff_id, (t.valid_from AT TIME ZONE 'America/Bogota')::text, t.trunk_fare,
            t.zonal_fare, t.cable_fare, extract(EPOCH FROM t.transfer_window)::integer / 60,
            t.max_transfers, t.zonal_to_trunk_transfer_fare, t.other_transfer_fare
        FROM transit.tariffs AS t
        ORDER BY t.valid_from
        """,
    ) == [
        (1, "2023-01-10 00:00:00", 2950, 2750, 2950, 110, 2, 200, 0),
        (2, "2024-02-13 00:00:00", 2950, 2950, 2950, 110, 2, 0, 0),
        (3, "2025-01-18 00:00:00", 3200, 3200, 3200, 125, 2, 0, 0),
        (4, "2026-01-14 00:00:00", 3550, 3550, 3550, 125, 2, 0, 0),
    ]


def test_portals_and_trunk_stations_are_one_component(pg):
    load(pg)
    assert select(
        pg, "SELECT DISTINCT s.kind, s.component FROM transit.stations AS s ORDER BY s.kind"
    ) == [("cable", "cable"), ("portal", "trunk"), ("trunk", "trunk"), ("zonal", "zonal")]


def test_cable_takes_its_thirteen_and_a_half_minutes(pg):
    load(pg)
    rows = select(
        pg,
        "SELECT max(rs.travel_s) FROM transit.route_stops AS rs"
        " INNER JOIN transit.routes AS r USING (route_id) WHERE r.kind = 'cable'"
        " GROUP BY r.route_id",
    )
    # There and back.
    assert len(rows) == 2
    for (travel_s,) in rows:
        assert travel_s == pytest.approx(13.5 * 60, rel=0.1)


def test_changed_line_updates_its_row_and_no_other(pg, directory):
    load(pg)
    edit(directory, "stations", "1,02000,Portal Norte,", "1,02000,Portal del Norte,")
    assert load(pg, directory) == 1
    assert select(pg, "SELECT s.name FROM transit.stations AS s WHERE s.station_id = 1") == [
        ("Portal del Norte",)
    ]


def test_moved_station_changes_the_travel_times_through_it(pg, directory):
    load(pg)
    edit(directory, "stations", "4.754621,-74.046035", "4.764621,-74.046035")
    assert load(pg, directory) > 10


def test_stop_left_out_of_a_route_is_gone(pg, directory):
    load(pg)
    edit(directory, "route_stops", "1,14,06111\n", "")
    assert load(pg, directory) == 1
    assert select(
        pg, "SELECT max(rs.stop_sequence) FROM transit.route_stops AS rs WHERE rs.route_id = 1"
    ) == [(13,)]


def test_empty_value_is_filled_by_the_files(pg):
    load(pg)
    empty = "UPDATE transit.routes SET headway_s = NULL WHERE route_id = 1 RETURNING route_id"
    before = select(pg, "SELECT r.headway_s FROM transit.routes AS r WHERE r.route_id = 1")
    assert before != [(None,)]
    assert select(pg, empty) == [(1,)]
    assert load(pg) == 1
    assert select(pg, "SELECT r.headway_s FROM transit.routes AS r WHERE r.route_id = 1") == before


def test_value_that_the_files_leave_empty_is_emptied(pg, directory):
    load(pg)
    edit(directory, "routes", ",360", ",")
    assert load(pg, directory) == 1
    assert load(pg, directory) == 0


def test_route_added_by_hand_keeps_its_stops(pg):
    load(pg)
    add = """
        INSERT INTO transit.routes (route_id, code, origin, destination, kind)
        VALUES (999999, 'X1', 'Here', 'There', 'zonal');
        INSERT INTO transit.route_stops (route_id, stop_sequence, station_id, travel_s)
        VALUES (999999, 1, 1, 0), (999999, 2, 2, 60)
        RETURNING stop_sequence
    """
    assert len(select(pg, add)) == 2
    assert load(pg) == 0
    stops = "SELECT count(*) FROM transit.route_stops AS rs WHERE rs.route_id = 999999"
    assert select(pg, stops) == [(2,)]


def test_decree_inserted_by_hand_stays_and_gets_a_number_of_its_own(pg):
    load(pg)
    decree = """
        INSERT INTO transit.tariffs (
            valid_from, trunk_fare, zonal_fare, cable_fare, transfer_window, max_transfers,
            zonal_to_trunk_transfer_fare, other_transfer_fare
        )
        VALUES ('2027-01-10 00:00-05', 3900, 3900, 3900, '125 min', 2, 0, 0)
        RETURNING tariff_id
    """
    ((tariff_id,),) = select(pg, decree)
    assert tariff_id >= 1000
    assert load(pg) == 0
    assert select(pg, "SELECT count(*) FROM transit.tariffs") == [(5,)]


@pytest.mark.parametrize(
    ("name", "old", "new", "words"),
    [
        ("stations", "kind,", "", ["stations.csv, line 1", "header should be station_id,code"]),
        ("stations", "4.754621", "north", ["stations.csv, line 2", "latitude", "-90 to 90"]),
        ("stations", "4.754621", "nan", ["stations.csv, line 2", "latitude", "-90 to 90"]),
        ("stations", ",portal,B", ",harbour,B", ["line 2", "kind", "portal, trunk", "'harbour'"]),
        ("stations", "2,02001,", "1,02001,", ["line 3", "station_id", "line 2"]),
        ("stations", "2,02001,", "2,02000,", ["line 3", "code", "line 2"]),
        ("stations", ",yes", "", ["line 2", "should have 9 values, not 8"]),
        ("stations", ",yes", ",maybe", ["line 2", "active should be yes or no"]),
        ("routes", ",360", ",6 min", ["routes.csv, line 2", "headway_s", "or empty", "'6 min'"]),
        ("route_stops", "1,3,06002", "1,3,99999", ["line 4", "stations.csv", "'99999'"]),
        ("route_stops", "1,3,06002", "998,3,06002", ["line 4", "routes.csv", "998"]),
        ("tariffs", "2023-01-10", "10/01/2023", ["line 2", "valid_from", "YYYY-MM-DD"]),
        ("tariffs", "2023-01-10", "2023-02-30", ["line 2", "valid_from", "YYYY-MM-DD"]),
        ("tariffs", "2950", "2950.5", ["line 2", "trunk_fare", "whole number"]),
        ("tariffs", "110 min", "110", ["line 2", "transfer_window", "like 125 min"]),
        ("tariffs", "2024-02-13", "2023-01-10", ["line 3", "valid_from", "line 2"]),
        ("profiles", "basic,", "Basic!,", ["profiles.csv, line 2", "code"]),
        ("channels", "50,418000", "418000,50", ["channels.csv", "channels_limits_are_a_range"]),
    ],
)
def test_mistake_is_answered_with_file_line_and_remedy(pg, directory, name, old, new, words):
    edit(directory, name, old, new)
    with pytest.raises(NetworkFileError) as refusal:
        load(pg, directory)
    for word in words:
        assert word in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_missing_file_is_named(pg, directory):
    (directory / "profiles.csv").unlink()
    with pytest.raises(NetworkFileError, match=r"profiles\.csv: the file is missing"):
        load(pg, directory)


def test_file_in_another_encoding_is_named(pg, directory):
    path = directory / "stations.csv"
    path.write_bytes(path.read_text(encoding="utf-8").encode("latin-1"))
    with pytest.raises(NetworkFileError, match=r"stations\.csv: it should be UTF-8"):
        load(pg, directory)


def test_empty_file_is_named(pg, directory):
    (directory / "channels.csv").write_text("", encoding="utf-8")
    with pytest.raises(NetworkFileError, match=r"channels\.csv, line 1: the header should be"):
        load(pg, directory)


def test_distance_is_the_same_in_both_directions():
    here, there = ({"latitude": 4.6, "longitude": -74.1}, {"latitude": 4.7, "longitude": -74.05})
    assert distance_m(here, there) == distance_m(there, here) == pytest.approx(12_430, abs=20)


# Rows that something stands on


@pytest.fixture
def story(pg):
    """In November 2026 a senior has ridden, recharged and bought a pass, on the files as loaded."""
    load(pg)
    story = Story(pg)
    story.stop_clock(NOON)
    card_id = story.make_card(profile="senior")
    story.recharge(card_id, 200_000, "wallet")
    assert story.tap(card_id).fare_rule == "subsidy_pass"
    assert story.buy_pass(card_id).outcome == "created"
    return story


CHANGES = [
    ("tariffs", "4,2026-01-14,3550", "4,2026-01-14,3551", "trip"),
    ("tariffs", "4,2026-01-14,", "4,2026-02-14,", "trip"),
    ("profiles", "senior,2023-01-10,Adulto mayor", "senior,2023-01-10,Mayor", "trip"),
    ("channels", "wallet,2023-01-10,10000,", "wallet,2023-01-10,9000,", "recharge"),
    ("pass_products", ",65,", ",66,", "pass"),
    ("card_limits", "500000", "500001", "recharge"),
]


@pytest.mark.parametrize(("name", "old", "new", "standing"), CHANGES)
def test_row_is_not_changed_when_something_stands_on_it(story, directory, name, old, new, standing):
    query = f"SELECT t::text FROM transit.{name} AS t ORDER BY 1"
    edit(directory, name, old, new)
    with story.as_owner():
        before = story.ask(query)
        with pytest.raises(NetworkFileError) as refusal:
            load(story.connection, directory)
        assert story.ask(query) == before
    for word in (f"{name}.csv, line ", "was changed", f"{standing} ", "later valid_from"):
        assert word in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("name", "line", "standing"),
    [
        ("tariffs", "4,2026-01-14,3550,3550,3550,125 min,2,0,0\n", "trip"),
        ("profiles", "senior,2023-01-10,Adulto mayor,yes,1\n", "trip"),
        ("channels", "wallet,2023-01-10,10000,200000\n", "recharge"),
        ("pass_products", "2023-01-10,160000,65,30,6\n", "pass"),
        ("card_limits", "2023-01-10,500000\n", "recharge"),
    ],
)
def test_row_is_not_dropped_when_something_stands_on_it(story, directory, name, line, standing):
    edit(directory, name, line, "")
    with story.as_owner(), pytest.raises(NetworkFileError) as refusal:
        load(story.connection, directory)
    for word in (f"{name}.csv: ", "is missing", f"{standing} ", "later valid_from"):
        assert word in str(refusal.value)


def test_new_row_does_not_begin_before_what_stands_on_another(story, directory):
    with (directory / "channels.csv").open("a") as file:
        file.write("wallet,2026-11-20,10000,300000\n")
    with story.as_owner(), pytest.raises(NetworkFileError, match="is new, and recharge "):
        load(story.connection, directory)


def test_new_row_with_a_later_beginning_is_loaded(story, directory):
    with (directory / "tariffs.csv").open("a") as file:
        file.write("5,2027-01-14,3900,3900,3900,125 min,2,0,0\n")
    with story.as_owner():
        assert load(story.connection, directory) == 1


def test_row_that_nothing_stands_on_is_changed_and_dropped(story, directory):
    edit(directory, "channels", "machine,2023-01-10,50,", "machine,2023-01-10,100,")
    with (directory / "tariffs.csv").open("a") as file:
        file.write("5,2027-01-14,3900,3900,3900,125 min,2,0,0\n")
    with story.as_owner():
        assert load(story.connection, directory) == 2
        edit(directory, "tariffs", "5,2027-01-14,3900,", "5,2027-01-14,4000,")
        assert load(story.connection, directory) == 1
        edit(directory, "tariffs", "5,2027-01-14,4000,3900,3900,125 min,2,0,0\n", "")
        assert load(story.connection, directory) == 1
        assert story.ask_one("SELECT count(*) FROM transit.tariffs").count == 4
