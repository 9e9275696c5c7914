"""A report of 50 charts: our page and our slides, beside the same charts as matplotlib's pictures inlined in a page."""

import base64
import io
import json
import math
import statistics
import time
from collections.abc import Callable
from html import escape

import matplotlib as mpl
from matplotlib.figure import Figure

from benchmarks.report import Row, report
from genie_nb.backend.reports.charts import Chart
from genie_nb.backend.reports.deck import deck_bytes
from genie_nb.backend.reports.document import read_document
from genie_nb.backend.reports.page import Look, page_html

CHARTS, VALUES, ROUNDS = 50, 24, 3


def text() -> str:
    parts = ["# Fifty charts"]
    for number in range(CHARTS):
        kind = ("bar", "line", "scatter")[number % 3]
        x = list(range(VALUES)) if kind == "scatter" else [f"2024-{month + 1:02}" for month in range(VALUES)]
        values = [round(100 + 50 * math.sin(number + at / 3), 2) for at in range(VALUES)]
        series = {"North": values, "South": [value * 0.7 for value in values]}
        spec = {"type": kind, "title": f"Chart {number + 1}", "x": x, "series": series}
        parts.append(f"## Section {number + 1}\n\nWords about it.\n\n```chart\n{json.dumps(spec)}\n```")
    return "\n\n".join(parts)


def our_page(source: str) -> int:
    return len(page_html(read_document(source), {}, Look()).encode())


def our_slides(source: str) -> int:
    return len(deck_bytes(read_document(source), {}, language="en"))


def pictures_page(source: str) -> int:
    """What most programs do: each chart a PNG of matplotlib's, in base64."""
    document = read_document(source)
    parts = [f"<h1>{escape(document.title)}</h1>"]
    for section in document.sections:
        parts.append(f"<h2>{escape(section.title)}</h2>")
        charts = (block for block in section.blocks if isinstance(block, Chart))
        parts += (f'<img src="data:image/png;base64,{base64.b64encode(_png(chart)).decode()}">' for chart in charts)
    return len("".join(parts).encode())


def _png(chart: Chart) -> bytes:
    figure = Figure(figsize=(7.2, 3.2), layout="tight")
    axes = figure.subplots()
    for number, series in enumerate(chart.series):
        if chart.type == "bar":
            axes.bar([at + 0.4 * number for at in range(len(chart.labels))], series.values, 0.4, label=series.name)
        elif chart.type == "line":
            axes.plot(chart.labels, series.values, marker="o", label=series.name)
        else:
            axes.scatter(chart.xs, series.values, label=series.name)
    axes.set_title(chart.title)
    axes.legend()
    file = io.BytesIO()
    figure.savefig(file, dpi=120)
    return file.getvalue()


def measured(make: Callable[[str], int], source: str) -> tuple[float, int]:
    """The median of the seconds, and the size in bytes."""
    size, seconds = make(source), list[float]()
    for _ in range(ROUNDS):
        began = time.perf_counter()
        make(source)
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds), size


def main() -> None:
    mpl.use("Agg")
    source, rows = text(), list[Row]()
    peers = {"page, inline SVG (ours)": our_page, "slides, native charts (ours)": our_slides}
    base = 0.0
    for name, make in (peers | {"page, matplotlib PNGs inlined": pictures_page}).items():
        seconds, size = measured(make, source)
        base = base or seconds
        rows.append({"file": name, "s": seconds, "MB": size / 1e6, "time ratio": seconds / base})
    report("report", f"A report of {CHARTS} charts with {2 * VALUES} values each", rows)


if __name__ == "__main__":
    main()
