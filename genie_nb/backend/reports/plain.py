"""The Markdown file: the report's own text, in which each chart is the table of its numbers. Pure.

Above: `building`. Below: `document`, `charts`.
"""

import re

from genie_nb.backend.reports.charts import Chart, figure, read_chart
from genie_nb.backend.reports.document import without_fence
from genie_nb.errors import ToolFailed

__all__ = ("plain_markdown",)

_CHART = re.compile(r"^(?P<mark>`{3,}|~{3,})[ \t]*chart[^\n`]*\n(?P<spec>.*?)^(?P=mark)[ \t]*$", re.DOTALL | re.MULTILINE)
_BAD = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def plain_markdown(text: str) -> str:
    """The text as any reader of Markdown shows it."""
    return _CHART.sub(lambda found: _table(found["spec"]), _BAD.sub("", without_fence(text)))


def _table(spec: str) -> str:
    try:
        chart = read_chart(spec)
    except ToolFailed as failed:
        return f"*A chart cannot be drawn: {failed}.*"
    labels = chart.labels or tuple(map(figure, chart.xs))
    rows = [_row([chart.x_title, *(series.name for series in chart.series)])]
    rows.append("| --- |" + " ---: |" * len(chart.series))
    for number, label in enumerate(labels):
        rows.append(_row([label, *(_value(chart, series.values[number]) for series in chart.series)]))
    title = f"**{_escaped(chart.title)}**\n\n" if chart.title else ""
    return title + "\n".join(rows)


def _value(chart: Chart, value: float | None) -> str:
    return "–" if value is None else figure(value, chart.unit)


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(map(_escaped, cells)) + " |"


def _escaped(text: str) -> str:
    return re.sub(r"([\\`*_\[\]<>|])", r"\\\1", text)
