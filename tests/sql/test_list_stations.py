"""api.list_stations: the stations of Bogotá, filtered and in pages."""

import pytest


def list_stations(pg, kind=None, corridor=None, locality=None, q=None, after=None, limit=400):
    with pg.cursor() as cursor:
        cursor.execute(
            "SELECT * FROM api.list_stations(%s, %s, %s, %s, %s, %s)",
            (kind, corridor, locality, q, after, limit),
        )
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]


@pytest.mark.parametrize(
    ("kind", "count"), [("portal", 9), ("trunk", 144), ("cable", 4), ("zonal", 168), (None, 325)]
)
def test_stations_are_those_of_the_network_by_kind(pg, kind, count):
    assert len(list_stations(pg, kind=kind)) == count


def test_station_shows_where_it_is(service_pg):
    assert list_stations(service_pg, q="02000") == [
        {
            "station_id": 1,
            "code": "02000",
            "name": "Portal Norte",
            "kind": "portal",
            "corridor": "B",
            "locality": "Usaquén",
            "latitude": 4.754621,
            "longitude": -74.046035,
            "active": True,
        }
    ]


def test_corridor_is_found_in_either_case(pg):
    stations = list_stations(pg, corridor="b")
    assert len(stations) == 17
    assert {station["corridor"] for station in stations} == {"B"}


def test_locality_is_found_without_accents(pg):
    assert list_stations(pg, locality="usaquen") == list_stations(pg, locality="Usaquén")
    assert len(list_stations(pg, locality="usaquen")) == 23


def test_name_is_found_by_a_part_of_it_without_accents(pg):
    names = [station["name"] for station in list_stations(pg, q="TOBERIN")]
    assert names == ["Toberín"]


@pytest.mark.parametrize("q", ["%", "_", "no such place", "\\"])
def test_wildcards_are_letters_like_any_other(pg, q):
    assert list_stations(pg, q=q) == []


def test_filters_narrow_each_other(pg):
    stations = list_stations(pg, kind="portal", corridor="H")
    assert [station["name"] for station in stations] == ["Portal Tunal", "Portal Usme"]


def test_pages_follow_each_other_without_gap_or_repeat(pg):
    pages, after = [], None
    while page := list_stations(pg, after=after, limit=100):
        pages += page
        after = page[-1]["station_id"]
    assert pages == list_stations(pg)
