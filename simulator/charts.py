"""Charts as inline SVG: lines, bars and heat, readable in light and dark, without scripts."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10, sqrt

# As wide as a telephone: what is drawn for one is readable there, and three stand side by side.
WIDTH, HEIGHT = 400, 250
LEFT, RIGHT, TOP, BOTTOM = 44, 12, 10, 40
COLUMNS, ROWS_A_DECADE, SHADES = 80, 8, 6  # of a heat map
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
    return axis, [part for tick in ticks for part in grid_line(axis.at(tick), tick)]


def grid_line(y: float, value: float) -> list[str]:
    """A line across with its value beside it."""
    return [
        f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}"/>',
        f'<text class="tick" x="{LEFT - 6}" y="{y + 4}" text-anchor="end">{number(value)}</text>',
    ]


def x_axis(axis: Axis, ticks: Sequence[tuple[float, str]]) -> list[str]:
    """Words under the drawing."""
    y = HEIGHT - BOTTOM + 16
    return [
        f'<text class="tick" x="{axis.at(value)}" y="{y}" '
        f'text-anchor="{"end" if value == axis.high else "middle"}">'
        f"{escape(word)}</text>"
        for value, word in ticks
    ]


def legend(names: Sequence[str], colours: Sequence[int] = range(SERIES)) -> str:
    """Which colour is whose."""
    items = "".join(
        f'<li><span class="dot s{colours[index % len(colours)]}"></span>{escape(name)}</li>'
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


def heat_chart(title: str, seconds: Sequence[tuple[int, Sequence[float]]], y_label: str) -> str:
    """How the values (above 0) of each second spread over a logarithmic axis: the larger a cell's
    share of its column, the stronger its colour; median and 99th percentile as lines."""
    columns, length = gather(seconds)
    if not columns:
        return f"<figure><figcaption>{escape(title)}: nothing to show</figcaption></figure>"
    every = [value for values in columns.values() for value in values]
    low = floor(log10(min(every)) * ROWS_A_DECADE)
    high = max(low + ROWS_A_DECADE, floor(log10(max(every)) * ROWS_A_DECADE) + 1)
    x = Axis(0, max(columns) + 1, LEFT, WIDTH - RIGHT)
    y = Axis(low, high, HEIGHT - BOTTOM, TOP)
    parts = heat_ticks(y) + heat_cells(columns, x, y)
    for index, share in ((1, 0.5), (5, 0.99)):
        path = " ".join(
            f"{x.at(at + 0.5)},{y.at(log10(rank(values, share)) * ROWS_A_DECADE)}"
            for at, values in sorted(columns.items())
        )
        parts.append(f'<polyline class="line s{index}" points="{path}"/>')
    ticks = [(tick / length, number(tick)) for tick in nice_ticks(x.high * length)]
    parts += x_axis(x, [(at, word) for at, word in ticks if at <= x.high])
    names = ((0, "requests"), (1, "median"), (5, "99th percentile"))
    return frame(title, "seconds", y_label, parts) + legend(
        [name for _, name in names], [index for index, _ in names]
    )


def gather(seconds: Sequence[tuple[int, Sequence[float]]]) -> tuple[dict[int, list[float]], int]:
    """At most so many columns as can be told apart, and how many seconds one of them is."""
    length = ceil((max((at for at, _ in seconds), default=0) + 1) / COLUMNS)
    columns: dict[int, list[float]] = {}
    for at, values in seconds:
        if values:
            columns.setdefault(at // length, []).extend(values)
    return columns, length


def rank(values: Sequence[float], share: float) -> float:
    """The value that this share of all does not exceed."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def heat_cells(columns: dict[int, list[float]], x: Axis, y: Axis) -> list[str]:
    """One path for each shade, however many cells have it."""
    paths: list[list[str]] = [[] for _ in range(SHADES)]
    wide, tall = x.at(1) - x.at(0), y.at(y.low) - y.at(y.low + 1)
    for at, values in columns.items():
        rows = Counter(floor(log10(value) * ROWS_A_DECADE) for value in values)
        for row, count in rows.items():
            shade = ceil(SHADES * sqrt(count / len(values))) - 1
            paths[shade].append(f"M{x.at(at)},{y.at(row + 1)}h{wide:.1f}v{tall:.1f}h-{wide:.1f}z")
    return [
        f'<path class="heat" fill-opacity="{(shade + 1) / SHADES * 0.85:.2f}" d="{"".join(path)}"/>'
        for shade, path in enumerate(paths)
        if path
    ]


def heat_ticks(y: Axis) -> list[str]:
    """Grid lines at 1, 2 and 5 of each decade, at the decades alone where there are many."""
    steps = (1, 2, 5) if y.high - y.low <= 2 * ROWS_A_DECADE else (1,)
    values = [step * 10.0**power for power in range(-4, 8) for step in steps]
    return [
        part
        for value in values
        if y.low <= log10(value) * ROWS_A_DECADE <= y.high
        for part in grid_line(y.at(log10(value) * ROWS_A_DECADE), value)
    ]
