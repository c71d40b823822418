"""api.read_station: one station and the routes that serve it."""


def read_station(pg, station_id):
    with pg.cursor() as cursor:
        cursor.execute("SELECT * FROM api.read_station(%s)", (station_id,))
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]


def test_station_shows_its_routes_in_order(service_pg):
    (station,) = read_station(service_pg, 1)
    assert station["name"] == "Portal Norte"
    assert station["routes"][0] == {
        "route_id": 15,
        "code": "8",
        "name": "Terminal - Guatoque - Veraguas",
        "kind": "trunk",
        "stop_sequence": 3,
    }
    ids = [route["route_id"] for route in station["routes"]]
    assert ids == sorted(ids)


def test_station_that_no_route_serves_has_an_empty_list(pg):
    with pg.cursor() as cursor:
        cursor.execute(
            "SELECT s.station_id FROM transit.stations AS s WHERE NOT EXISTS"
            " (SELECT FROM transit.route_stops AS rs WHERE rs.station_id = s.station_id) LIMIT 1"
        )
        (station_id,) = cursor.fetchone()
    (station,) = read_station(pg, station_id)
    assert station["routes"] == []


def test_nothing_is_answered_when_there_is_no_such_station(pg):
    assert read_station(pg, 999_999) == []
    assert read_station(pg, 2**53) == []
