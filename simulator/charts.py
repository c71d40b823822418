"""Charts as inline SVG: lines, bars and a map, readable in light and dark, without scripts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from math import cos, floor, log10, radians, sqrt

WIDTH, HEIGHT = 640, 260
LEFT, RIGHT, TOP, BOTTOM = 56, 14, 12, 40
SERIES = 8  # colours there are; see `.s0` to `.s7` in the page's style

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Axis:
    """A way from values to pixels, with the ticks to write beside it."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        span = self.high - self.low or 1.0
        return round(self.start + (value - self.low) / span * (self.end - self.start), 1)


def nice_ticks(high: float, count: int = 5) -> list[float]:
    """Round numbers from 0 to at least `high`."""
    if high <= 0:
        return [0.0, 1.0]
    raw = high / count
    power = 10.0 ** floor(log10(raw))
    step = next(power * m for m in (1, 2, 2.5, 5, 10) if power * m >= raw)
    ticks = [0.0]
    while ticks[-1] < high:
        ticks.append(round(ticks[-1] + step, 10))
    return ticks


def number(value: float) -> str:
    """A tick in few characters."""
    if value >= 10_000:
        return f"{value / 1000:g}k"
    return f"{value:g}"


def frame(title: str, x_label: str, y_label: str, parts: Sequence[str]) -> str:
    """The drawing with its title and the names of its axes."""
    middle = (LEFT + WIDTH - RIGHT) / 2
    return (
        f"<figure><figcaption>{escape(title)} <small>{escape(y_label)}</small></figcaption>"
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'role="img" aria-label="{escape(title)}">{"".join(parts)}'
        f'<text class="axis" x="{middle}" y="{HEIGHT - 4}" text-anchor="middle">'
        f"{escape(x_label)}</text>"
        "</svg>"
    )


def y_axis(high: float) -> tuple[Axis, list[str]]:
    """A value axis from 0 with grid lines."""
    ticks = nice_ticks(high)
    axis = Axis(0, ticks[-1], HEIGHT - BOTTOM, TOP)
    lines = []
    for tick in ticks:
        y = axis.at(tick)
        lines.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}"/>')
        lines.append(
            f'<text class="tick" x="{LEFT - 6}" y="{y + 4}" text-anchor="end">{number(tick)}</text>'
        )
    return axis, lines


def x_axis(axis: Axis, ticks: Sequence[tuple[float, str]]) -> list[str]:
    """Words under the drawing."""
    y = HEIGHT - BOTTOM + 16
    return [
        f'<text class="tick" x="{axis.at(value)}" y="{y}" '
        f'text-anchor="{"end" if value == axis.high else "middle"}">'
        f"{escape(word)}</text>"
        for value, word in ticks
    ]


def legend(names: Sequence[str]) -> str:
    """Which colour is whose."""
    items = "".join(
        f'<li><span class="dot s{index % SERIES}"></span>{escape(name)}</li>'
        for index, name in enumerate(names)
    )
    return f'<ul class="legend">{items}</ul></figure>'


def line_chart(
    title: str,
    series: Sequence[tuple[str, Points]],
    x_label: str,
    y_label: str,
    place: Callable[[float], float] = float,
    ticks: Sequence[tuple[float, str]] | None = None,
) -> str:
    """Lines over a common axis; `place` bends it (for percentiles)."""
    points = [point for _, line in series for point in line]
    if not points:
        return f"<figure><figcaption>{escape(title)}: nothing to show</figcaption></figure>"
    y, parts = y_axis(max(value for _, value in points))
    places = [place(x) for x, _ in points]
    x = Axis(min(places), max(places), LEFT, WIDTH - RIGHT)
    if ticks is None:
        ticks = [(tick, number(tick)) for tick in nice_ticks(max(places)) if tick <= x.high]
    parts += x_axis(x, [(place(value), word) for value, word in ticks])
    for index, (name, line) in enumerate(series):
        path = " ".join(f"{x.at(place(a))},{y.at(b)}" for a, b in line)
        parts.append(
            f'<polyline class="line s{index % SERIES}" points="{path}">'
            f"<title>{escape(name)}</title></polyline>"
        )
    return frame(title, x_label, y_label, parts) + legend([name for name, _ in series])


def bar_chart(
    title: str,
    bars: Sequence[tuple[str, float]],
    line: Sequence[float],
    names: tuple[str, str],
    x_label: str,
    y_label: str,
) -> str:
    """Bars beside a line of what was measured in the real city."""
    y, parts = y_axis(max([value for _, value in bars] + list(line) + [0.0]))
    x = Axis(-0.5, len(bars) - 0.5, LEFT, WIDTH - RIGHT)
    wide = (WIDTH - RIGHT - LEFT) / max(1, len(bars)) * 0.7
    for index, (name, value) in enumerate(bars):
        top = y.at(value)
        parts.append(
            f'<rect class="bar s0" x="{x.at(index) - wide / 2:.1f}" y="{top}" width="{wide:.1f}" '
            f'height="{y.start - top:.1f}" rx="2"><title>{escape(name)}: {value:.4g}</title></rect>'
        )
    path = " ".join(f"{x.at(index)},{y.at(value)}" for index, value in enumerate(line))
    parts.append(f'<polyline class="line s1" points="{path}"/>')
    parts += x_axis(x, [(index, name) for index, (name, _) in enumerate(bars)])
    return frame(title, x_label, y_label, parts) + legend(names)


def map_chart(title: str, places: Sequence[tuple[str, float, float, float]]) -> str:
    """Stations (name, latitude, longitude, taps) as circles whose area is their taps."""
    if not places:
        return f"<figure><figcaption>{escape(title)}: nothing to show</figcaption></figure>"
    latitudes = [latitude for _, latitude, _, _ in places]
    longitudes = [longitude for _, _, longitude, _ in places]
    shrink = cos(radians(sum(latitudes) / len(latitudes)))
    tall = max(latitudes) - min(latitudes) or 0.01
    wide = (max(longitudes) - min(longitudes) or 0.01) * shrink
    height = 620
    width = max(200.0, round(height * wide / tall))
    x = Axis(min(longitudes), max(longitudes), 20, width - 20)
    y = Axis(min(latitudes), max(latitudes), height - 20, 20)
    most = max(taps for *_, taps in places) or 1.0
    circles = []
    for name, latitude, longitude, taps in sorted(places, key=lambda place: -place[3]):
        radius = 1.5 + 14 * sqrt(taps / most) if taps else 1.5
        kind = "place" if taps else "place quiet"
        circles.append(
            f'<circle class="{kind}" cx="{x.at(longitude)}" cy="{y.at(latitude)}" '
            f'r="{radius:.1f}"><title>{escape(name)}: {taps:,.0f}</title></circle>'
        )
    return (
        f'<figure class="map"><figcaption>{escape(title)}</figcaption>'
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title)}">'
        f"{''.join(circles)}</svg></figure>"
    )
