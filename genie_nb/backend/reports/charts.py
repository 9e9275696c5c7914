"""Charts: the small JSON in a report's ` ```chart ` block, checked. Pure.

    {"type": "bar", "title": "Revenue", "x": ["North", "South"], "series": [{"name": "2024", "values": [12, 9.5]}]}

`type` is bar, line, pie or scatter; `series` may also be an object of names and values; a scatter's `x` are numbers.
`unit` stands behind each number, `x_title` and `y_title` beside the axes. A missing value is null.

Above: `document`. Below: nothing.
"""

import json
import math
from dataclasses import dataclass
from typing import Any, Literal, cast

from genie_nb.errors import ToolFailed

__all__ = ("Chart", "ChartType", "Series", "figure", "read_chart")

ChartType = Literal["bar", "line", "pie", "scatter"]
MOST_SERIES, MOST_VALUES = 12, 2_000
MOST_CHARACTERS = 200_000
SLICES = 8
"""A pie with more has its smallest slices joined."""


@dataclass(frozen=True)
class Series:
    """One row of numbers; where one is missing stands None."""

    name: str
    values: tuple[float | None, ...]


@dataclass(frozen=True)
class Chart:
    """What is drawn.

    Attributes:
        labels: What stands below each value; of a scatter nothing.
        xs: Of a scatter, where each point stands; else nothing.
    """

    type: ChartType
    title: str
    labels: tuple[str, ...]
    series: tuple[Series, ...]
    xs: tuple[float, ...] = ()
    unit: str = ""
    x_title: str = ""
    y_title: str = ""

    @property
    def numbers(self) -> list[float]:
        """Every value there is."""
        return [value for series in self.series for value in series.values if value is not None]


def figure(value: float, unit: str = "") -> str:
    """A number as a person reads it."""
    digits = 0 if abs(value) >= 1_000 or value == int(value) else 1 if abs(value) >= 100 else 2
    text = f"{value:,.{digits}f}" if abs(value) < 1e15 and (value == 0 or abs(value) >= 0.005) else f"{value:.3g}"
    text = text.rstrip("0").rstrip(".") if "." in text and "e" not in text else text
    return f"{text} {unit}" if unit and unit != "%" else f"{text}{unit}"


def read_chart(text: str) -> Chart:
    """The chart of a block.

    Raises:
        ToolFailed: It cannot be drawn; the message says why, in the end of a sentence.
    """
    if len(text) > MOST_CHARACTERS:
        raise ToolFailed(f"it has more than {MOST_CHARACTERS:,} characters")
    try:
        spec = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ToolFailed("it is not valid JSON") from error
    if not isinstance(spec, dict):
        raise ToolFailed("it is no JSON object")
    kind = str(spec.get("type", "bar")).lower()
    if kind not in ("bar", "line", "pie", "scatter"):
        raise ToolFailed(f"its type {kind[:20]!r} is none of bar, line, pie, scatter")
    chart = Chart(
        cast("ChartType", kind),
        _word(spec.get("title")),
        (),
        tuple(_series(spec)),
        unit=_word(spec.get("unit"))[:12],
        x_title=_word(spec.get("x_title")),
        y_title=_word(spec.get("y_title")),
    )
    return _placed(chart, spec.get("x", spec.get("labels")))


def _placed(chart: Chart, x: Any) -> Chart:
    """The chart with what stands on its x axis."""
    longest = max((len(series.values) for series in chart.series), default=0)
    if not chart.numbers:
        raise ToolFailed("it has no numbers")
    if x is None:
        x = list(range(1, longest + 1))
    if not isinstance(x, list) or len(x) != longest or any(len(series.values) != longest for series in chart.series):
        raise ToolFailed("its x and its series do not have the same number of entries")
    if chart.type == "scatter":
        xs = [_number(entry) for entry in x]
        if any(entry is None for entry in xs):
            raise ToolFailed("the x of a scatter must be numbers")
        return _with(chart, xs=tuple(entry for entry in xs if entry is not None))
    labels = tuple(_word(entry) for entry in x)
    if chart.type != "pie":
        return _with(chart, labels=labels)
    values = chart.series[0].values
    if len(chart.series) > 1 or any(value is None or value < 0 for value in values) or not sum(chart.numbers):
        raise ToolFailed("a pie needs one series of numbers, none below 0 and not all 0")
    return _few_slices(_with(chart, labels=labels))


def _with(chart: Chart, *, labels: tuple[str, ...] = (), xs: tuple[float, ...] = ()) -> Chart:
    title = (chart.type, chart.title, labels, chart.series)
    return Chart(*title, xs, chart.unit, chart.x_title, chart.y_title)


def _few_slices(pie: Chart) -> Chart:
    """The same pie; of many slices the smallest are one, called `…`."""
    if len(pie.labels) <= SLICES:
        return pie
    pairs = sorted(zip(pie.labels, pie.numbers, strict=True), key=lambda pair: -pair[1])
    pairs = [*pairs[: SLICES - 1], ("…", math.fsum(value for _, value in pairs[SLICES - 1 :]))]
    series = Series(pie.series[0].name, tuple(value for _, value in pairs))
    return Chart("pie", pie.title, tuple(label for label, _ in pairs), (series,), (), pie.unit)


def _series(spec: dict[str, Any]) -> list[Series]:
    given = spec.get("series", spec.get("values"))
    if isinstance(given, dict):
        given = [{"name": name, "values": values} for name, values in given.items()]
    if isinstance(given, list) and given and not isinstance(given[0], dict | list):
        given = [{"name": spec.get("title"), "values": given}]
    if not isinstance(given, list) or not given:
        raise ToolFailed("it has no series")
    if len(given) > MOST_SERIES:
        raise ToolFailed(f"it has more than {MOST_SERIES} series")
    found = []
    for number, entry in enumerate(given, 1):
        row = entry if isinstance(entry, dict) else {"values": entry}
        values = row.get("values", row.get("y"))
        if not isinstance(values, list) or len(values) > MOST_VALUES:
            raise ToolFailed(f"a series needs a list of at most {MOST_VALUES:,} values")
        found.append(Series(_word(row.get("name")) or f"{number}", tuple(_number(value) for value in values)))
    return found


def _number(value: Any) -> float | None:
    """The value as a number; None for nothing and for what is no number of this world."""
    if value is None:
        return None
    if isinstance(value, str):
        value = value.strip().replace(",", "").removesuffix("%")
    try:
        number = math.nan if isinstance(value, bool | list | dict) else float(value)
    except (ValueError, OverflowError) as error:
        raise ToolFailed(f"its value {str(value)[:20]!r} is no number") from error
    return number if math.isfinite(number) and abs(number) < 1e100 else None


def _word(value: Any) -> str:
    """A label: one line, not too long."""
    text = "" if value is None else str(value) if isinstance(value, str | int | float) else ""
    text = " ".join(text.split())
    return text if len(text) <= 120 else text[:119] + "…"
