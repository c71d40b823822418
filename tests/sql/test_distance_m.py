"""api.distance_m: metres as the crow flies."""

import pytest


@pytest.mark.parametrize(
    ("here", "there", "metres"),
    [
        ((4.65, -74.1), (4.65, -74.1), 0),
        ((4.60, -74.1), (4.61, -74.1), 1_112),
        # A degree of longitude is a little shorter than one of latitude.
        ((4.60, -74.10), (4.60, -74.11), 1_108),
    ],
)
def test_distance_is_that_of_the_globe(pg, here, there, metres):
    with pg.cursor() as cursor:
        cursor.execute("SELECT api.distance_m(%s, %s, %s, %s)", (*here, *there))
        assert cursor.fetchone()[0] == pytest.approx(metres, abs=1)
