"""The page of a report: self-contained, safe whatever is in it, with a person's own template, and the Markdown file."""

import re
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest

from genie_nb.backend.reports.axes import Scale, short_figure, shortened, words_width
from genie_nb.backend.reports.charts import read_chart
from genie_nb.backend.reports.document import read_document
from genie_nb.backend.reports.drawing import chart_svg
from genie_nb.backend.reports.page import Look, Picture, page_html
from genie_nb.backend.reports.plain import plain_markdown
from genie_nb.errors import ToolFailed
from tests.backend.reports.sample_reports import BAR, SAMPLE, chart, png


def page(text: str = SAMPLE, **look: object) -> str:
    return page_html(read_document(text), {"chart.png": Picture(png(), "image/png")}, Look(**look))  # type: ignore[arg-type]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]


def read(html: str) -> _Reader:
    reader = _Reader()
    reader.feed(html)
    return reader


def test_a_page_holds_everything_and_loads_nothing() -> None:
    html = page(language="zh", foot="由规则撰写")
    reader = read(html)
    assert (reader.tags.count("svg"), reader.tags.count("img"), reader.tags.count("nav")) == (4, 1, 1)
    assert "script" not in reader.tags
    assert "link" not in reader.tags
    assert not [name for name, _ in reader.attributes if name.startswith("on") or name == "style"]
    places = [value for name, value in reader.attributes if name in ("src", "href")]
    assert {place.split(":")[0].split("/")[0] for place in places} == {"#s1", "#s2", "https", "data"}
    assert "default-src 'none'; img-src data:" in unescape(html)
    assert "由规则撰写" in html
    assert '<html lang="zh-CN">' in html
    assert "url(" not in html
    assert "@import" not in html


def test_light_dark_print_and_chinese_fonts_are_in_the_style() -> None:
    html = page()
    for needed in ("prefers-color-scheme: dark", "@media print", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC"):
        assert needed in html


def test_notes_for_the_speaker_are_not_on_the_page() -> None:
    assert "先讲华东" not in page()


HOSTILE = {
    "script": "<script>alert(1)</script>",
    "image": "<img src=x onerror=alert(1)>",
    "link": "[x](javascript:alert(1))",
    "heading": "## <b onclick=alert(1)>x</b>",
    "code": "```\n</code></pre><script>alert(1)</script>\n```",
    "table": "| <script>a</script> | b |\n| --- | --- |\n| <svg onload=alert(1)> | c |",
    "chart": chart(title="</title><script>alert(1)</script>", x=['"><script>'], series={"<svg onload=alert(1)>": [1]}),
    "chart-2": chart(type="line", unit="<script>", x_title="<i>", y_title="<b>", x=["</text>", "b"], series={"a": [1, 2]}),
    "pie": chart(type="pie", x=["<script>"], series={"a": [1]}),
    "picture": "![<script>alert(1)</script>](chart.png)",
    "missing-picture": '![x" onerror="alert(1)](../../etc/passwd)',
    "remote-picture": "![x](https://evil.example/p.png)",
    "quote": "> <iframe src=//evil.example>",
    "list": "- <style>*{display:none}</style>",
    "notes": "Notes: <script>alert(1)</script>",
    "style-end": "</style><script>alert(1)</script>",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_nothing_hostile_becomes_a_tag_or_an_address(text: str) -> None:
    reader = read(page(f"# T\n\n{text}\n\n## <script>x</script>\n\n{text}"))
    allowed = set(read(page()).tags) | {"em", "h3", "del"}
    assert set(reader.tags) <= allowed
    assert not [name for name, _ in reader.attributes if name.startswith("on")]
    places = [value for name, value in reader.attributes if name in ("src", "href")]
    assert all(place.startswith(("#s", "data:image/png;base64,")) for place in places)


def test_a_title_with_html_is_text() -> None:
    assert "<title>&lt;/title&gt;&lt;script&gt;</title>" in page("# \\</title>\\<script>\n\na")


def test_a_person_may_replace_the_template_or_only_the_style(tmp_path: Path) -> None:
    (tmp_path / "report.css").write_text("body { color: teal; }")
    assert "color: teal" in page(folder=tmp_path)
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "report.html.j2").write_text("<h1>{{ title }}</h1>{% for s in sections %}{{ s.html }}{% endfor %}")
    html = page("# A & B\n\n## c\n\n<i>", folder=tmp_path / "own")
    assert html == "<h1>A &amp; B</h1><p>&lt;i&gt;</p>"


BROKEN = {"syntax": "{% if %}", "unknown-name": "{{ nothing }}", "binary": None}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_a_broken_template_is_one_sentence(tmp_path: Path, text: str | None) -> None:
    (tmp_path / "report.html.j2").write_bytes(b"\xff\xfe\x00" if text is None else text.encode())
    with pytest.raises(ToolFailed, match=r"The report's template .* cannot be used: .*Correct it or remove it"):
        page(folder=tmp_path)


def test_charts_in_a_dashboard_stand_in_one_box() -> None:
    html = page(f"# T\n\n{BAR}\n\n{BAR}", dashboard=True)
    assert '<body class="dashboard">' in html
    assert html.count('<div class="charts">') == 1


CHARTS = {
    "one-value": {"x": ["a"], "series": {"s": [5]}},
    "all-equal": {"x": ["a", "b"], "series": {"s": [5, 5]}},
    "zero": {"x": ["a"], "series": {"s": [0]}},
    "below-zero": {"x": ["a", "b"], "series": {"s": [-5, -1]}},
    "tiny": {"x": ["a", "b"], "series": {"s": [1e-12, 2e-12]}},
    "vast": {"x": ["a", "b"], "series": {"s": [1e15, 1e99]}},
    "gaps": {"x": ["a", "b", "c"], "series": {"s": [None, 1, None]}},
    "many": {"x": [f"value {n}" for n in range(200)], "series": {"s": list(range(200))}},
    "long-names": {"x": ["很长的名称" * 20, "b"], "series": {"s": [1, 2], "t": [2, 1]}},
    "no-names": {"series": {"s": [1, 2, 3]}},
}


@pytest.mark.parametrize("kind", ["bar", "line", "scatter"])
@pytest.mark.parametrize("spec", CHARTS.values(), ids=CHARTS)
def test_a_chart_of_any_numbers_is_drawn_within_its_frame(kind: str, spec: dict[str, object]) -> None:
    x = None if kind == "scatter" else spec.get("x")
    svg = chart_svg(read_chart(chart(**(spec | {"type": kind, "x": x})).split("\n")[1]))
    assert "nan" not in svg
    assert "inf" not in svg
    height = float(re.search(r'viewBox="0 0 720 ([\d.]+)"', svg)[1])  # type: ignore[index]
    for x_, y_ in re.findall(r'<(?:rect|circle) c?x="(-?[\d.]+)" c?y="(-?[\d.]+)"', svg):
        assert 0 <= float(x_) <= 720
        assert 0 <= float(y_) <= height
    marks = svg.count("<rect") + svg.count("<circle")
    assert marks == len([v for row in spec["series"].values() for v in row if v is not None])  # type: ignore[attr-defined]


@pytest.mark.parametrize("numbers", [[0, 1], [3, 7.7], [-5, 12], [0.001, 0.0012], [1e9, 2e9], [100, 100.0001], [-7, -3]])
def test_a_scale_holds_its_numbers_in_round_steps(numbers: list[float]) -> None:
    scale = Scale.over(numbers, with_zero=False)
    assert all(-1e-9 <= scale.at(value) <= 1 + 1e-9 for value in numbers)
    assert 3 <= len(scale.ticks) <= 9


def test_words_are_measured_and_shortened() -> None:
    assert words_width("中文") == 2
    assert words_width("ab") < 1.5
    assert shortened("中文中文中文", 4) == "中文中…"
    assert [short_figure(value) for value in (0, 1200, 15_000, 2.5e6, 0.25)] == ["0", "1,200", "15k", "2.5M", "0.25"]


def test_the_markdown_file_has_tables_for_charts() -> None:
    text = plain_markdown(f"# T\n\n{BAR}\n\n{chart(series={})}\n\n```python\nx\n```")
    assert "```chart" not in text
    assert "**各地区营收**\n\n|  | 2024 |\n| --- | ---: |\n| 华东 | 4,400 万元 |\n| 华北 | 3,300 万元 |" in text
    assert "*A chart cannot be drawn: it has no series.*" in text
    assert text.endswith("```python\nx\n```")
