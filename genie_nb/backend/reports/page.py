"""The page: a document as one self-contained page of HTML, with its charts and pictures inside. Pure.

The template is jinja2 with autoescape; a person's own folder may hold another `report.html.j2` or `report.css`. What goes
into it as HTML is made here of escaped words and has passed an allow-list: no script, nothing that loads or leads elsewhere
than the web. A policy at its head forbids the browser the same.

Above: `building`. Below: `document`, `drawing`, `charts`.
"""

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from itertools import groupby
from pathlib import Path

import jinja2
import nh3
from jinja2.sandbox import SandboxedEnvironment
from markupsafe import Markup

from genie_nb.backend.reports.charts import Chart, figure
from genie_nb.backend.reports.document import (
    Block,
    Code,
    Document,
    Heading,
    Image,
    Item,
    Listing,
    Notes,
    Paragraph,
    Table,
    Text,
    Words,
)
from genie_nb.backend.reports.drawing import chart_svg, colour_class
from genie_nb.errors import ToolFailed

__all__ = ("Look", "Picture", "Pictures", "page_html")

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; font-src data:; base-uri 'none'; form-action 'none'"
TEMPLATE, STYLE = "report.html.j2", "report.css"
_SHAPES = {"svg", "title", "text", "line", "rect", "path", "circle"}
_TAGS = {
    *("a", "blockquote", "br", "code", "del", "div", "em", "figure", "figcaption", "h3", "h4", "h5", "h6", "i", "li", "ol"),
    *("p", "pre", "span", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul", "details", "summary"),
}
_ATTRIBUTES = {
    "*": {"class"},
    "a": {"href"},
    "li": {"value"},
    "svg": {"viewBox", "role", "aria-label"},
    "text": {"x", "y"},
    "line": {"x1", "y1", "x2", "y2"},
    "rect": {"x", "y", "width", "height", "rx"},
    "path": {"d"},
    "circle": {"cx", "cy", "r"},
}
_WORDS = {
    "en": {"contents": "Contents", "numbers": "Numbers", "no_picture": "The picture {name} is not there."},
    "zh": {"contents": "目录", "numbers": "数据", "no_picture": "没有图片 {name}。"},
}


@dataclass(frozen=True)
class Picture:
    """A picture's bytes, and their type."""

    content: bytes
    media_type: str


Pictures = Mapping[str, Picture]
"""The pictures that a document names and that are there."""


@dataclass(frozen=True)
class Look:
    """How a page looks.

    Attributes:
        language: `en` or `zh`: of its fixed words.
        foot: What stands at its end, e.g. who wrote it.
        dashboard: Whether charts stand side by side.
        folder: The person's own templates, or none.
    """

    language: str = "en"
    foot: str = ""
    dashboard: bool = False
    folder: Path | None = None


def page_html(document: Document, pictures: Pictures, look: Look) -> str:
    """The whole page.

    Raises:
        ToolFailed: The person's own template cannot be used.
    """
    words = _WORDS["zh" if look.language == "zh" else "en"]
    draw = _Drawer(pictures, words)
    sections = [
        {"id": f"s{number}", "title": section.title, "html": draw.html(section.blocks)}
        for number, section in enumerate(document.sections, 1)
    ]
    try:
        templates = _templates(look.folder)
        return templates.get_template(TEMPLATE).render(
            title=document.title,
            lead=draw.html(document.lead),
            sections=sections,
            words=words,
            language="zh-CN" if look.language == "zh" else "en",
            foot=look.foot,
            policy=POLICY,
            style=Markup(templates.get_template(STYLE).render().replace("</", "<\\/")),
            dashboard=look.dashboard,
        )
    except (jinja2.TemplateError, OSError, UnicodeError, OverflowError) as error:  # OverflowError: the sandbox's limits
        where = getattr(error, "name", None) or TEMPLATE
        raise ToolFailed(f"The report's template {where} cannot be used: {error}. Correct it or remove it.") from error


@cache
def _templates(folder: Path | None) -> SandboxedEnvironment:
    """The templates: the person's own first."""
    loaders: list[jinja2.BaseLoader] = [jinja2.FileSystemLoader(folder)] if folder else []
    return SandboxedEnvironment(
        loader=jinja2.ChoiceLoader([*loaders, jinja2.PackageLoader("genie_nb.backend.reports")]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


class _Drawer:
    """Makes HTML of blocks."""

    def __init__(self, pictures: Pictures, words: Mapping[str, str]) -> None:
        self._pictures, self._words = pictures, words

    def html(self, blocks: Sequence[Block]) -> Markup:
        """The blocks as safe HTML; charts that are neighbours stand in one box."""
        parts = []
        for charts, group in groupby(blocks, key=lambda block: isinstance(block, Chart)):
            inside = "".join(map(self._block, group))
            parts.append(f'<div class="charts">{inside}</div>' if charts else inside)
        return Markup("".join(parts))

    def _block(self, block: Block) -> str:
        match block:
            case Image():  # its bytes are ours and its words escaped: no URL of it may pass the gate
                return self._image(block)
            case Notes():
                return ""
            case Chart():
                return _gate(_chart(block, self._words["numbers"]), _TAGS | _SHAPES)
            case _:
                return _gate(_plain_block(block), _TAGS)

    def _image(self, image: Image) -> str:
        picture = self._pictures.get(image.source)
        if picture is None:
            missing = self._words["no_picture"].format(name=image.alt or image.source[:80])
            return f'<p class="missing">{escape(missing)}</p>'
        source = f"data:{picture.media_type};base64,{b64encode(picture.content).decode()}"
        caption = f"<figcaption>{escape(image.alt)}</figcaption>" if image.alt else ""
        return f'<figure class="picture"><img src="{source}" alt="{escape(image.alt)}">{caption}</figure>'


def _gate(html: str, tags: set[str]) -> str:
    return nh3.clean(html, tags=tags, attributes=_ATTRIBUTES, url_schemes={"http", "https", "mailto"}, url_relative="deny")


def _plain_block(block: Paragraph | Heading | Listing | Table | Code) -> str:
    match block:
        case Paragraph():
            inside = f"<p>{_html(block.text)}</p>"
            return f"<blockquote>{inside}</blockquote>" if block.quoted else inside
        case Heading():
            level = min(block.level + 2, 6)
            return f"<h{level}>{_html(block.text)}</h{level}>"
        case Listing():
            return _listing(block.items)
        case Table():
            return f'<div class="wide">{_table(block)}</div>'
        case Code():
            return f"<pre><code>{escape(block.text)}</code></pre>"


def _html(text: Text) -> str:
    return "".join(map(_words_html, text))


def _words_html(words: Words) -> str:
    html = escape(words.text).replace("\n", "<br>")
    for on, tag in ((words.code, "code"), (words.bold, "strong"), (words.italic, "em"), (words.struck, "del")):
        html = f"<{tag}>{html}</{tag}>" if on else html
    return f'<a href="{escape(words.link)}">{html}</a>' if words.link else html


def _listing(items: Sequence[Item]) -> str:
    """The items as lists within lists."""
    html, open_lists = [], list[str]()
    for item in items:
        tag = "ol" if item.number else "ul"
        while len(open_lists) > item.level + 1:
            html.append(f"</li></{open_lists.pop()}>")
        if len(open_lists) == item.level + 1 and open_lists[-1] != tag:
            html.append(f"</li></{open_lists.pop()}>")
        elif len(open_lists) == item.level + 1:
            html.append("</li>")
        while len(open_lists) < item.level + 1:
            open_lists.append(tag)
            html.append(f"<{tag}>" if len(open_lists) == item.level + 1 else f"<{tag}><li>")
        value = f' value="{item.number}"' if item.number else ""
        html.append(f"<li{value}>{_html(item.text)}")
    html += [f"</li></{tag}>" for tag in reversed(open_lists)]
    return "".join(html)


def _table(table: Table) -> str:
    def cells(tag: str, row: Iterable[Text]) -> str:
        looks = (' class="right"' if right else "" for right in table.right)
        return "".join(f"<{tag}{look}>{_html(cell)}</{tag}>" for look, cell in zip(looks, row, strict=False))

    rows = "".join(f"<tr>{cells('td', row)}</tr>" for row in table.rows)
    return f"<table><thead><tr>{cells('th', table.head)}</tr></thead><tbody>{rows}</tbody></table>"


def _chart(chart: Chart, numbers: str) -> str:
    """The drawing with its title, its legend, and its numbers to be unfolded."""
    title = f"<figcaption>{escape(chart.title)}</figcaption>" if chart.title else ""
    legend = ""
    if len(chart.series) > 1:
        entries = (f'<li><i class="{colour_class(n)}"></i>{escape(one.name)}</li>' for n, one in enumerate(chart.series))
        legend = f'<ul class="legend">{"".join(entries)}</ul>'
    table = f'<details><summary>{escape(numbers)}</summary><div class="wide">{_numbers(chart)}</div></details>'
    return f'<figure class="chart">{title}{legend}{chart_svg(chart)}{table}</figure>'


def _numbers(chart: Chart) -> str:
    labels = chart.labels or tuple(map(figure, chart.xs))
    head = (_cell(chart.x_title), *(_cell(series.name) for series in chart.series))
    rows = zip(labels, *(series.values for series in chart.series), strict=True)
    told = tuple((_cell(str(label)), *(_value(value, chart.unit) for value in values)) for label, *values in rows)
    return _table(Table(head, told, (False, *(True for _ in chart.series))))


def _value(value: float | str | None, unit: str) -> Text:
    return _cell(figure(value, unit) if isinstance(value, float) else "–")


def _cell(text: str) -> Text:
    return (Words(text),)
