"""api.list_routes: the services of the network in pages."""

import pytest


def list_routes(pg, kind=None, after=None, limit=200):
    with pg.cursor() as cursor:
        cursor.execute("SELECT * FROM api.list_routes(%s, %s, %s)", (kind, after, limit))
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]


@pytest.mark.parametrize(
    ("kind", "count"), [("trunk", 97), ("cable", 2), ("feeder", 10), ("zonal", 0), (None, 109)]
)
def test_routes_are_those_of_the_network_by_kind(pg, kind, count):
    assert len(list_routes(pg, kind=kind)) == count


def test_route_shows_where_it_goes_and_how_often(service_pg):
    assert list_routes(service_pg, limit=1) == [
        {
            "route_id": 1,
            "code": "1",
            "name": "Portal El Dorado - Universidades",
            "kind": "trunk",
            "headway_s": 360,
        }
    ]


def test_pages_follow_each_other_without_gap_or_repeat(pg):
    first = list_routes(pg, limit=60)
    rest = list_routes(pg, after=first[-1]["route_id"])
    assert first + rest == list_routes(pg)
