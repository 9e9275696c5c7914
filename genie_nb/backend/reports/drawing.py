"""Drawing: a chart as inline SVG, whose colours and letters are the page's own. Pure.

Series take the classes `k1` to `k8`, which the stylesheet colours for light, dark and print. Everything that is written
into the SVG is a number of ours or escaped text; `page` lets it through its gate all the same.

Above: `page`. Below: `charts`, `axes`.
"""

import math
from collections.abc import Iterator, Sequence
from html import escape
from itertools import groupby

from genie_nb.backend.reports.axes import Scale, short_figure, shortened, words_width
from genie_nb.backend.reports.charts import Chart, figure

__all__ = ("chart_svg", "colour_class")

WIDTH, HEIGHT = 720.0, 320.0
EM = 12.0
"""The size of letters in the drawing's own unit."""
COLOURS = 8
MANY = 8
"""More bars than this lie on their sides, so that their names can be read."""


def colour_class(number: int) -> str:
    """The class that colours the series with this number."""
    return f"k{number % COLOURS + 1}"


def chart_svg(chart: Chart) -> str:
    """The chart as an `<svg>` element."""
    match chart.type:
        case "bar" if _lies(chart):
            height, parts = _lying_bars(chart)
        case "bar":
            height, parts = HEIGHT, _standing_bars(chart)
        case "pie":
            height, parts = 240.0, _slices(chart)
        case "line":
            height, parts = HEIGHT, _lines(chart)
        case "scatter":
            height, parts = HEIGHT, _points(chart)
    inside = "".join(parts)
    name = escape(chart.title or chart.type)
    return f'<svg viewBox="0 0 {WIDTH:g} {height:g}" role="img" aria-label="{name}"><title>{name}</title>{inside}</svg>'


def _lies(chart: Chart) -> bool:
    widest = max(map(words_width, chart.labels), default=0)
    return len(chart.labels) > 24 or widest * EM > (WIDTH - 60) / max(len(chart.labels), 1) * 1.1


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _word(x: float, y: float, text: str, look: str) -> str:
    return f'<text x="{_n(x)}" y="{_n(y)}" class="{look}">{escape(text)}</text>'


def _hint(text: str) -> str:
    """What a pointer is told over a mark."""
    return f"<title>{escape(text)}</title>"


class _Field:
    """The field of a chart with an upright number axis: its edges, its grid, and where a number lies."""

    def __init__(self, chart: Chart, *, with_zero: bool) -> None:
        self.chart = chart
        self.scale = Scale.over(chart.numbers, with_zero=with_zero)
        widest = max(words_width(short_figure(tick)) for tick in self.scale.ticks)
        self.left = widest * EM + 12
        self.right = WIDTH - 8
        self.top = 26.0 if chart.y_title or chart.unit else 10.0
        self.bottom = HEIGHT - (46.0 if chart.x_title else 28.0)

    def y(self, value: float) -> float:
        return self.bottom - self.scale.at(value) * (self.bottom - self.top)

    def grid(self) -> Iterator[str]:
        above = self.chart.y_title or self.chart.unit
        if self.chart.y_title and self.chart.unit:
            above = f"{self.chart.y_title} ({self.chart.unit})"
        if above:
            yield _word(0, 12, shortened(above, 40), "axis")
        for tick in self.scale.ticks:
            look = "zero" if tick == 0 and self.scale.low <= 0 else "grid"
            y = _n(self.y(tick))
            yield f'<line x1="{_n(self.left)}" y1="{y}" x2="{_n(self.right)}" y2="{y}" class="{look}"/>'
            yield _word(self.left - 8, self.y(tick) + 4, short_figure(tick), "axis end")
        if self.chart.x_title:
            yield _word((self.left + self.right) / 2, HEIGHT - 6, shortened(self.chart.x_title, 50), "axis mid")

    def names(self, places: Sequence[float]) -> Iterator[str]:
        """The labels below the field, as many as there is room for."""
        widest = max(map(words_width, self.chart.labels), default=0) * EM + 14
        room = (self.right - self.left) / max(len(places), 1)
        every = max(1, math.ceil(widest / max(room, 0.1)))
        for number, (x, label) in enumerate(zip(places, self.chart.labels, strict=True)):
            if number % every == 0:
                yield _word(x, self.bottom + 18, shortened(label, max(room * every, 40) / EM), "axis mid")


def _standing_bars(chart: Chart) -> Iterator[str]:
    field = _Field(chart, with_zero=True)
    yield from field.grid()
    room = (field.right - field.left) / len(chart.labels)
    thick = min(room * 0.72 / len(chart.series), 56.0)
    middles = [field.left + room * (number + 0.5) for number in range(len(chart.labels))]
    zero = field.y(0)
    for row, series in enumerate(chart.series):
        for middle, label, value in zip(middles, chart.labels, series.values, strict=True):
            if value is None:
                continue
            x = middle + (row - len(chart.series) / 2) * thick
            y = field.y(value)
            hint = _hint(f"{label} · {series.name}: {figure(value, chart.unit)}")
            yield _bar((x + 1, min(y, zero), thick - 2, abs(y - zero)), row, hint)
            if len(chart.series) == 1 and len(chart.labels) <= MANY * 2:
                below = y + 14 if value < 0 else y - 5
                yield _word(middle, below, figure(value, "%" if chart.unit == "%" else ""), "value mid")
    yield from field.names(middles)


def _bar(place: tuple[float, float, float, float], row: int, hint: str) -> str:
    x, y, width, height = place
    size = f'width="{_n(max(width, 0.5))}" height="{_n(max(height, 0.5))}"'
    return f'<rect x="{_n(x)}" y="{_n(y)}" {size} rx="1.5" class="{colour_class(row)}">{hint}</rect>'


def _lying_bars(chart: Chart) -> tuple[float, Iterator[str]]:
    thick = 20.0 if len(chart.series) == 1 else 13.0
    room = thick * len(chart.series) + 8
    top = 22.0
    height = top + room * len(chart.labels) + 8
    return height, _lying_marks(chart, (thick, room, top, height))


def _lying_marks(chart: Chart, sizes: tuple[float, float, float, float]) -> Iterator[str]:
    thick, room, top, height = sizes
    scale = Scale.over(chart.numbers, with_zero=True)
    left = min(max(map(words_width, chart.labels)) * EM + 12, 240.0)
    right = WIDTH - 64
    for tick in scale.ticks:
        x = left + scale.at(tick) * (right - left)
        look = "zero" if tick == 0 else "grid"
        yield f'<line x1="{_n(x)}" y1="{top - 4:g}" x2="{_n(x)}" y2="{_n(height - 6)}" class="{look}"/>'
        yield _word(x, 12, short_figure(tick), "axis mid")
    zero = left + scale.at(0) * (right - left)
    for number, label in enumerate(chart.labels):
        y = top + room * number
        yield _word(left - 8, y + room / 2, shortened(label, (left - 12) / EM), "axis end")
        for row, series in enumerate(chart.series):
            value = series.values[number]
            if value is None:
                continue
            x = left + scale.at(value) * (right - left)
            hint = _hint(f"{label} · {series.name}: {figure(value, chart.unit)}")
            yield _bar((min(x, zero), y + 2 + row * thick, abs(x - zero), thick - 3), row, hint)
            if len(chart.series) == 1:
                yield _word(max(x, zero) + 5, y + room / 2, figure(value, chart.unit), "value")


def _lines(chart: Chart) -> Iterator[str]:
    field = _Field(chart, with_zero=_near_zero(chart))
    yield from field.grid()
    step = (field.right - field.left) / max(len(chart.labels), 1)
    places = [field.left + step * (number + 0.5) for number in range(len(chart.labels))]
    for row, series in enumerate(chart.series):
        points = [(x, value) for x, value in zip(places, series.values, strict=True)]
        for there, run in groupby(points, key=lambda point: point[1] is not None):
            line = [(x, field.y(value)) for x, value in run if value is not None]
            if there and len(line) > 1:
                path = "M" + "L".join(f"{_n(x)} {_n(y)}" for x, y in line)
                yield f'<path d="{path}" class="{colour_class(row)} line"/>'
        for (x, value), label in zip(points, chart.labels, strict=True):
            if value is not None:
                hint = _hint(f"{label} · {series.name}: {figure(value, chart.unit)}")
                yield _dot(x, field.y(value), 3.5 if len(places) <= 40 else 1.2, row, hint)
    yield from field.names(places)


def _near_zero(chart: Chart) -> bool:
    """Whether the lines lie so that an axis from zero shows them well."""
    low, high = min(chart.numbers), max(chart.numbers)
    return low < 0 < high or (high - low) > 0.35 * max(abs(low), abs(high))


def _dot(x: float, y: float, radius: float, row: int, hint: str) -> str:
    return f'<circle cx="{_n(x)}" cy="{_n(y)}" r="{radius:g}" class="{colour_class(row)}">{hint}</circle>'


def _points(chart: Chart) -> Iterator[str]:
    field = _Field(chart, with_zero=False)
    across = Scale.over(list(chart.xs), with_zero=False, ticks=7)
    yield from field.grid()
    width = field.right - field.left - 12
    for tick in across.ticks:
        yield _word(field.left + 6 + across.at(tick) * width, field.bottom + 18, short_figure(tick), "axis mid")
    for row, series in enumerate(chart.series):
        for x, value in zip(chart.xs, series.values, strict=True):
            if value is not None:
                hint = _hint(f"{series.name}: {figure(x)}, {figure(value, chart.unit)}")
                yield _dot(field.left + 6 + across.at(x) * width, field.y(value), 4, row, hint)


def _slices(chart: Chart) -> Iterator[str]:
    """A ring; its names and shares stand beside it."""
    total, turned = math.fsum(chart.numbers), 0.0
    x, y, outer, inner = 150.0, 120.0, 108.0, 62.0
    for number, (label, value) in enumerate(zip(chart.labels, chart.numbers, strict=True)):
        share = value / total
        hint = _hint(f"{label}: {figure(value, chart.unit)} ({share:.1%})")
        look = colour_class(number)
        if share > 0.9999:
            yield f'<circle cx="{x:g}" cy="{y:g}" r="{(outer + inner) / 2:g}" class="{look} ring">{hint}</circle>'
        elif share > 0:
            yield f'<path d="{_arc((x, y), (outer, inner), turned, share)}" class="{look} slice">{hint}</path>'
        turned += share
        row = 120 + (number - (len(chart.labels) - 1) / 2) * 25
        yield f'<rect x="310" y="{_n(row - 9)}" width="10" height="10" rx="2" class="{look}"/>'
        yield _word(328, row, shortened(label, 18), "name")
        yield _word(660, row, f"{figure(value, chart.unit)} · {share:.1%}", "value end")


def _arc(middle: tuple[float, float], radii: tuple[float, float], start: float, share: float) -> str:
    (x, y), (outer, inner) = middle, radii
    one, two = (2 * math.pi * turn - math.pi / 2 for turn in (start, start + share))
    large = int(share > 0.5)

    def at(radius: float, angle: float) -> str:
        return f"{_n(x + radius * math.cos(angle))} {_n(y + radius * math.sin(angle))}"

    there = f"M{at(outer, one)}A{outer:g} {outer:g} 0 {large} 1 {at(outer, two)}"
    return f"{there}L{at(inner, two)}A{inner:g} {inner:g} 0 {large} 0 {at(inner, one)}Z"
