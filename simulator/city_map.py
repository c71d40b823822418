"""The city as inline SVG: every station as large as its taps, the busiest with their names."""

from collections.abc import Sequence
from html import escape
from math import cos, radians, sqrt

from simulator.charts import Axis

Place = tuple[str, float, float, float]  # name, latitude, longitude, taps
Box = tuple[float, float, float, float]  # left, top, right, bottom

HEIGHT = 620
MARGIN = 20
NAMED = 18  # stations that get their name, as far as there is room
LETTER, LINE = 7.5, 15.0  # the room of one letter, generously, and of a line


def map_chart(title: str, places: Sequence[Place]) -> str:
    """Stations as circles whose area is their taps."""
    if not places:
        return f"<figure><figcaption>{escape(title)}: nothing to show</figcaption></figure>"
    x, y = axes(places)
    width = x.end + MARGIN
    most = max(taps for *_, taps in places) or 1.0
    circles, spots = [], []
    for name, latitude, longitude, taps in sorted(places, key=lambda place: -place[3]):
        radius = 1.5 + 14 * sqrt(taps / most) if taps else 1.5
        kind = "place" if taps else "place quiet"
        spot = x.at(longitude), y.at(latitude)
        circles.append(
            f'<circle class="{kind}" cx="{spot[0]}" cy="{spot[1]}" '
            f'r="{radius:.1f}"><title>{escape(name)}: {taps:,.0f}</title></circle>'
        )
        if taps:
            spots.append((name, *spot, radius))
    return (
        f'<figure class="map"><figcaption>{escape(title)}</figcaption>'
        f'<svg viewBox="0 0 {width:.0f} {HEIGHT}" role="img" aria-label="{escape(title)}">'
        f"{''.join(circles)}{''.join(labels(spots[:NAMED], width))}</svg></figure>"
    )


def axes(places: Sequence[Place]) -> tuple[Axis, Axis]:
    """Longitude to the right, latitude upwards, both in the same measure."""
    latitudes = [latitude for _, latitude, _, _ in places]
    longitudes = [longitude for _, _, longitude, _ in places]
    shrink = cos(radians(sum(latitudes) / len(latitudes)))
    tall = max(latitudes) - min(latitudes) or 0.01
    wide = (max(longitudes) - min(longitudes) or 0.01) * shrink
    width = max(200.0, round(HEIGHT * wide / tall))
    return (
        Axis(min(longitudes), max(longitudes), MARGIN, width - MARGIN),
        Axis(min(latitudes), max(latitudes), HEIGHT - MARGIN, MARGIN),
    )


def labels(spots: Sequence[tuple[str, float, float, float]], width: float) -> list[str]:
    """Names right or left of their circles, the busiest first; one without room is left out."""
    taken: list[Box] = []
    written = []
    for name, x, y, radius in spots:
        long = LETTER * len(name)
        for start in (x + radius + 3, x - radius - 3 - long):
            box = (start, y - LINE / 2, start + long, y + LINE / 2)
            inside = box[0] >= 0 and box[2] <= width
            if inside and not any(overlap(box, other) for other in taken):
                taken.append(box)
                written.append(
                    f'<text class="name" x="{start:.1f}" y="{y + 5:.1f}">{escape(name)}</text>'
                )
                break
    return written


def overlap(one: Box, other: Box) -> bool:
    """Whether two boxes share any room."""
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
