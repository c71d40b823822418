"""api.read_route: one route and its stations in order."""


def read_route(pg, route_id):
    with pg.cursor() as cursor:
        cursor.execute("SELECT * FROM api.read_route(%s)", (route_id,))
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]


def test_route_shows_its_stations_in_order(service_pg):
    (route,) = read_route(service_pg, 1)
    assert route["name"] == "Portal El Dorado - Universidades"
    assert [stop["stop_sequence"] for stop in route["stations"]] == list(range(1, 15))
    assert route["stations"][0]["name"] == "Portal El Dorado"
    assert route["stations"][-1] == {
        "station_id": 71,
        "code": "06111",
        "name": "Universidades",
        "stop_sequence": 14,
    }


def test_route_without_stops_has_an_empty_list(pg):
    with pg.cursor() as cursor:
        cursor.execute("DELETE FROM transit.route_stops WHERE route_id = 1")
    (route,) = read_route(pg, 1)
    assert route["stations"] == []


def test_nothing_is_answered_when_there_is_no_such_route(pg):
    assert read_route(pg, 999_999) == []
