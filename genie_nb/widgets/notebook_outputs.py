"""Outputs of a notebook: the parts that a tool showed as outputs of a code cell, or as Markdown. Pure.

What a model or a tool says is hostile: HTML and Markdown pass the gate, and a picture that could run is an image only.

Above: `notebook`. Below: `gate`, `render`, `record`, `parts`.
"""

import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from html import unescape
from typing import assert_never
from unicodedata import east_asian_width

import nh3
from nbformat import NotebookNode
from nbformat.v4 import new_output

from genie_nb.controls import show_controls
from genie_nb.parts import (
    CodePart,
    DocumentPart,
    ErrorPart,
    Hit,
    ImagePart,
    Part,
    ProgressPart,
    SearchPart,
    StreamPart,
    TablePart,
)
from genie_nb.printed import plain
from genie_nb.widgets.gate import clean, picture
from genie_nb.widgets.record import acts_outside_code, as_entities, inert_code, safe_line, safe_markdown
from genie_nb.widgets.render import table_html

__all__ = ("fenced", "inline_code", "outputs_of", "parts_markdown")

Labels = Mapping[str, str]
TOLD_CHARACTERS = 20_000
"""How much of one text is shown in Markdown; the rest is counted."""
_RASTER = ("image/png", "image/jpeg")
_Lasting = CodePart | StreamPart | TablePart | ImagePart | DocumentPart | ErrorPart | SearchPart


def outputs_of(parts: Iterable[Part], labels: Labels) -> list[NotebookNode]:
    """What a piece of code showed, as outputs of its cell; how far it had come is not told any more."""
    return [_output(part, labels) for part in parts if not isinstance(part, ProgressPart)]


def _output(part: _Lasting, labels: Labels) -> NotebookNode:
    match part:
        case StreamPart():
            return new_output("stream", name=part.stream, text=plain(part.text))
        case ErrorPart():
            said = f"{part.name}: {part.message}"
            lines = [part.traceback] if part.traceback else []
            lines += [] if said in part.traceback else [said]
            return new_output("error", ename=part.name, evalue=part.message, traceback=lines)
        case TablePart():
            size = _size(part, labels)
            return _shown(f"{_table_text(part)}\n\n{size}", "text/html", table_html(part, size))
        case ImagePart():
            return _image(part)
        case DocumentPart():
            return _document(part)
        case CodePart():
            return _shown(part.code)
        case SearchPart():
            found = _found(part)
            return _shown(found, "text/markdown", found)
        case _:
            assert_never(part)


def _shown(text: str, media_type: str = "", value: str = "") -> NotebookNode:
    rich = {media_type: value} if media_type else {}
    return new_output("display_data", data=rich | {"text/plain": text})


def _image(part: ImagePart) -> NotebookNode:
    if part.media_type in _RASTER:
        return _shown(part.alt or part.media_type, part.media_type, b64encode(part.content).decode())
    # Some pages put an SVG into themselves, where its scripts would run; an <img> runs none.
    return _shown(part.alt or part.media_type, "text/html", picture(part.content, part.media_type, part.alt))


def _document(part: DocumentPart) -> NotebookNode:
    match part.media_type:
        case "text/html":
            return _shown(_text_of(part.text) or part.media_type, "text/html", clean(part.text))
        case "text/markdown":
            return _shown(part.text, "text/markdown", safe_markdown(part.text))
        case _:
            return _shown(part.text)


def _text_of(html: str) -> str:
    """The words of an HTML document, a line for each line of it that has any."""
    words = unescape(nh3.clean(html, tags=set()))
    return "\n".join(filter(None, (" ".join(line.split()) for line in words.splitlines())))


def _size(table: TablePart, labels: Labels) -> str:
    rows, columns = table.total_rows or len(table.rows), table.total_columns or len(table.columns)
    return labels["table_size"].format(shown=len(table.rows), rows=rows, columns=columns)


def _table_text(table: TablePart) -> str:
    """The table as lines of text, in columns as wide as what they hold."""
    lines = [[" ".join(cell.split()) for cell in row] for row in (table.columns, *table.rows)]
    widths = [max(map(_width, column)) for column in zip(*lines, strict=False)]
    rows = (
        "  ".join(" " * (width - _width(cell)) + cell for cell, width in zip(line, widths, strict=False)) for line in lines
    )
    return "\n".join(row.rstrip() for row in rows)


def _width(text: str) -> int:
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in text)


def parts_markdown(parts: Iterable[Part], labels: Labels) -> tuple[list[str], dict[str, dict[str, str]]]:
    """What a tool showed as blocks of Markdown, and the pictures in it as attachments of their cell."""
    blocks: list[str] = []
    pictures: dict[str, dict[str, str]] = {}
    for part in parts:
        match part:
            case ImagePart() if part.media_type in _RASTER:
                name = f"picture-{len(pictures) + 1}.{part.media_type.split('/')[1]}"
                pictures[name] = {part.media_type: b64encode(part.content).decode()}
                blocks.append(f"![{_alt(part.alt)}](attachment:{name})")
            case ImagePart():
                blocks.append(safe_line(part.alt or part.media_type))
            case _:
                blocks += _blocks(part, labels)
    return blocks, pictures


def _blocks(part: Part, labels: Labels) -> Iterator[str]:
    match part:
        case DocumentPart(media_type="text/markdown"):
            yield safe_markdown(part.text)
        case TablePart():
            yield _pipes(part)
            yield _size(part, labels)
        case CodePart():
            yield fenced(show_controls(part.code), part.language, labels)
        case StreamPart():
            yield fenced(plain(part.text), "text", labels)
        case SearchPart():
            yield _found(part)
        case ErrorPart():
            yield fenced(f"{part.name}: {part.message}", "text", labels)
        case DocumentPart():
            text = _text_of(part.text) if part.media_type == "text/html" else part.text
            yield fenced(text, "json" if part.media_type == "application/json" else "text", labels)


def _pipes(table: TablePart) -> str:
    def row(cells: Iterable[str]) -> str:
        return "| " + " | ".join(safe_line(cell).replace("|", "&#124;") for cell in cells) + " |"

    return "\n".join([row(table.columns), row("---" for _ in table.columns), *map(row, table.rows)])


def _found(search: SearchPart) -> str:
    """What was searched for and found, as a list with links."""
    lines = [f"- {safe_line(query)}" for query in filter(None, (search.query, *search.queries))]
    lines += [f"  - {_hit(hit)}" if lines else f"- {_hit(hit)}" for hit in search.hits]
    return "\n".join(lines + ([f"\n{safe_line(search.note)}"] if search.note else []))


def _hit(hit: Hit) -> str:
    number, title = (f"&#91;{hit.number}&#93; " if hit.number else ""), safe_line(hit.title or hit.source)
    if re.fullmatch(r"https?://[^\s()<>\[\]\\$`]+", hit.source):
        return f"{number}[{re.sub('[][]', '', title)}]({hit.source})"
    return f"{number}{title} {inline_code(hit.source)}"


def _alt(text: str) -> str:
    return re.sub(r"[^\w .,:%+()-]", " ", text)[:100]


def fenced(text: str, language: str, labels: Labels) -> str:
    """A text as a code block that nothing in the text can end."""
    shown = text[:TOLD_CHARACTERS].replace("\r\n", "\n").replace("\r", "\n").rstrip("\n")
    left = len(text) - TOLD_CHARACTERS
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", shown)), default=0))
    name = "".join(re.findall(r"[\w+-]", language, re.ASCII))[:20]
    block = inert_code(shown) if acts_outside_code(shown) else f"{fence}{name}\n{shown}\n{fence}"
    return block + (f"\n\n{labels['characters_left_out'].format(n=left)}" if left > 0 else "")


def inline_code(text: str) -> str:
    """A name as code inside a line of Markdown."""
    line = " ".join(show_controls(text).split())
    if re.search(r"[<`\[\]!$\\&]", line):  # backticks before it on the line could let it out of its own
        return f"<code>{as_entities(line)}</code>"
    return f"`{line}`" if line else ""
