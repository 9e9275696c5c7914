"""Native charts of a deck: a person can change their numbers and colours in PowerPoint.

Above: `deck`. Below: `charts`, `axes`, `deck_theme`.
"""

from collections.abc import Sequence
from typing import Any

from pptx.chart.data import CategoryChartData, XyChartData
from pptx.dml.color import RGBColor
from pptx.enum.chart import XL_CHART_TYPE, XL_LEGEND_POSITION, XL_MARKER_STYLE, XL_TICK_LABEL_POSITION, XL_TICK_MARK
from pptx.enum.dml import MSO_THEME_COLOR
from pptx.slide import Slide as DeckSlide
from pptx.util import Emu, Pt

from genie_nb.backend.reports.axes import words_width
from genie_nb.backend.reports.charts import Chart
from genie_nb.backend.reports.deck_theme import Rect

__all__ = ("add_chart",)

LINE, SOFT = RGBColor(0xE1, 0xE5, 0xEA), RGBColor(0x5B, 0x66, 0x75)
ACCENTS = (
    MSO_THEME_COLOR.ACCENT_1, MSO_THEME_COLOR.ACCENT_2, MSO_THEME_COLOR.ACCENT_3,
    MSO_THEME_COLOR.ACCENT_4, MSO_THEME_COLOR.ACCENT_5, MSO_THEME_COLOR.ACCENT_6,
)  # fmt: skip
LABELLED = 16
"""Of more bars no value is written beside each."""


def add_chart(slide: DeckSlide, chart: Chart, place: Rect, *, said: str) -> None:
    """Put the chart on the slide; its title only where the slide's own, `said`, is another."""
    kind = _kind(chart)
    size = (Emu(place.left), Emu(place.top), Emu(place.width), Emu(place.height))
    native: Any = slide.shapes.add_chart(kind, *size, _numbers(chart)).chart
    native.font.size = Pt(12)
    native.font.color.rgb = SOFT
    native.has_title = bool(chart.title) and chart.title != said
    if native.has_title:
        native.chart_title.text_frame.text = chart.title
        run = native.chart_title.text_frame.paragraphs[0].runs[0]
        run.font.size, run.font.bold = Pt(14), True
        run.font.color.theme_color = MSO_THEME_COLOR.TEXT_1
    native.has_legend = chart.type == "pie" or len(chart.series) > 1
    if native.has_legend:
        native.legend.position = XL_LEGEND_POSITION.RIGHT if chart.type == "pie" else XL_LEGEND_POSITION.BOTTOM
        native.legend.include_in_layout = False
        native.legend.font.size = Pt(12)
    if chart.type == "pie":
        _finish_pie(native.plots[0], len(chart.labels))
    else:
        _finish_axes(native, chart, lying=kind == XL_CHART_TYPE.BAR_CLUSTERED)
        _finish_series(native.plots[0], chart)


def _kind(chart: Chart) -> XL_CHART_TYPE:
    match chart.type:
        case "bar":
            lies = max(map(words_width, chart.labels), default=0) * max(len(chart.labels), 1) > 70
            return XL_CHART_TYPE.BAR_CLUSTERED if lies else XL_CHART_TYPE.COLUMN_CLUSTERED
        case "line":
            return XL_CHART_TYPE.LINE_MARKERS if len(chart.labels) <= 40 else XL_CHART_TYPE.LINE
        case "pie":
            return XL_CHART_TYPE.DOUGHNUT
        case "scatter":
            return XL_CHART_TYPE.XY_SCATTER


def _numbers(chart: Chart) -> Any:
    if chart.type == "scatter":
        points: Any = XyChartData()
        for series in chart.series:
            row = points.add_series(series.name)
            for x, value in zip(chart.xs, series.values, strict=True):
                if value is not None:
                    row.add_data_point(x, value)
        return points
    numbers: Any = CategoryChartData(number_format=_format(chart.numbers))
    numbers.categories = list(chart.labels)
    for series in chart.series:
        numbers.add_series(series.name, series.values)
    return numbers


def _format(values: Sequence[float]) -> str:
    """The numbers' format: thousands apart, and decimals only where there are some."""
    return (
        "#,##0" if all(value == int(value) for value in values) else "#,##0.00" if max(map(abs, values)) < 100 else "#,##0.0"
    )


def _finish_pie(plot: Any, count: int) -> None:
    plot.has_data_labels = True
    labels = plot.data_labels
    labels.show_percentage, labels.show_value = True, False
    labels.number_format, labels.number_format_is_linked = "0.0%", False
    labels.font.size = Pt(12)
    labels.font.bold = True
    labels.font.color.rgb = RGBColor(0xFF, 0xFF, 0xFF)
    for number in range(count):
        fill = plot.series[0].points[number].format.fill
        fill.solid()
        fill.fore_color.theme_color = ACCENTS[number % len(ACCENTS)]
        if number >= len(ACCENTS):
            fill.fore_color.brightness = 0.35


def _finish_axes(native: Any, chart: Chart, *, lying: bool) -> None:
    values, names = native.value_axis, native.category_axis
    values.has_major_gridlines = True
    values.major_gridlines.format.line.color.rgb = LINE
    values.major_gridlines.format.line.width = Pt(0.75)
    values.format.line.fill.background()
    if chart.type == "bar" and min(chart.numbers) >= 0:  # a bar's length is its value
        values.minimum_scale = 0
    elif chart.type == "bar" and max(chart.numbers) <= 0:
        values.maximum_scale = 0
    values.tick_labels.number_format = "#,##0" if max(map(abs, chart.numbers)) >= 10 else "General"
    values.tick_labels.number_format_is_linked = False
    values.major_tick_mark = names.major_tick_mark = XL_TICK_MARK.NONE
    names.has_major_gridlines = False
    names.format.line.color.rgb = SOFT
    names.tick_label_position = XL_TICK_LABEL_POSITION.LOW
    names.reverse_order = lying
    if lying:
        values.tick_label_position = XL_TICK_LABEL_POSITION.HIGH
    above = " ".join(filter(None, (chart.y_title, f"({chart.unit})" if chart.unit else "")))
    for axis, title in ((values, above), (names, chart.x_title)):
        axis.tick_labels.font.size = Pt(12)
        axis.has_title = bool(title)
        if title:
            axis.axis_title.text_frame.text = title
            run = axis.axis_title.text_frame.paragraphs[0].runs[0]
            run.font.size, run.font.bold = Pt(12), False
            run.font.color.rgb = SOFT


def _finish_series(plot: Any, chart: Chart) -> None:
    if chart.type == "bar":
        plot.gap_width, plot.overlap = 60, 0
        if len(chart.series) == 1 and len(chart.labels) <= LABELLED:
            plot.has_data_labels = True
            plot.data_labels.show_value = True
            plot.data_labels.font.size = Pt(12)
            plot.data_labels.font.color.theme_color = MSO_THEME_COLOR.TEXT_1
    for number, series in enumerate(plot.series):
        colour = ACCENTS[number % len(ACCENTS)]
        if chart.type == "bar":
            series.format.fill.solid()
            series.format.fill.fore_color.theme_color = colour
            series.invert_if_negative = False
            continue
        if chart.type == "line":
            series.smooth = False
            series.format.line.width = Pt(2.25)
            series.format.line.color.theme_color = colour
        else:
            series.format.line.fill.background()
        series.marker.style, series.marker.size = XL_MARKER_STYLE.CIRCLE, 7
        series.marker.format.fill.solid()
        series.marker.format.fill.fore_color.theme_color = colour
        series.marker.format.line.fill.background()
