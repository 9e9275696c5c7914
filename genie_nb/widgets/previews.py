"""Previews: the head of a file as safe HTML, for the view and for the record. Pure.

Above: `record`, `run_view`. Below: `render`, `gate`, `slide_outline`, `parts`, `transcript`.
"""

import csv
import zlib
from collections.abc import Callable, Mapping, Sequence
from html import escape

from genie_nb.controls import show_controls, show_line
from genie_nb.parts import FileRef, ImagePart, TablePart
from genie_nb.text_encoding import encoding_of
from genie_nb.transcript import Transcript
from genie_nb.widgets.gate import clean, closed_frame, picture
from genie_nb.widgets.render import markdown_html, table_html
from genie_nb.widgets.slide_outline import slide_titles

__all__ = ("PREVIEW_BYTES", "ReadFile", "pictures_of", "preview_html", "readable_size")

ReadFile = Callable[[str, int], bytes]
"""Gives the first bytes of a file by its name, at most so many."""

PRESENTATION = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
ROWS = 8
COLUMNS = 20
CHARACTERS = 3_000
SAMPLED_BYTES = 64_000
"""So much tells a text's encoding."""
PREVIEW_BYTES = 3_000_000
"""No more of a file is read; larger pictures and HTML documents have no preview, but can be downloaded."""


def readable_size(size: int) -> str:
    """A number of bytes as a person says it."""
    if size < 1_000:
        return f"{size} B"
    if size < 1_000_000:
        return f"{size / 1_000:.1f} kB"
    return f"{size / 1_000_000:.1f} MB"


def pictures_of(transcript: Transcript, file: FileRef) -> list[ImagePart]:
    """The pictures of a file that the tool which made it has shown: the slides of a presentation."""
    parts = (part for call in transcript.calls.values() if call.tool == "report" for part in call.parts)
    return [part for part in parts if isinstance(part, ImagePart) and part.alt == file.name]


def preview_html(file: FileRef, content: bytes, labels: Mapping[str, str], pictures: Sequence[ImagePart] = ()) -> str:
    """The head of the file as safe HTML, or a sentence where its type has no preview.

    Args:
        file: Which file it is.
        content: Its bytes, or the first of them; unpacked here where they are a gzip archive.
        labels: The fixed words.
        pictures: What shows it better than its bytes can.
    """
    media_type, small, whole = file.media_type, file.size <= PREVIEW_BYTES, len(content) >= file.size
    if content.startswith(b"\x1f\x8b"):
        content, whole = _unpacked(content), False
    if media_type.startswith("image/") and small:
        return picture(content, media_type, show_line(file.name))
    if media_type in ("text/csv", "text/tab-separated-values"):
        return _table(content, labels, whole=whole)
    if media_type == "text/html" and small:
        return closed_frame(content.decode(errors="replace"), labels["document"])
    if media_type == "text/markdown":
        return markdown_html(_head(content))
    if pictures or media_type == PRESENTATION:
        shown = "".join(picture(part.content, part.media_type, part.alt) for part in pictures)
        return shown + (_outline(content, labels) if small else "")
    if media_type.startswith("text/") or media_type == "application/json":
        head = _head(content)
        # A text may be prose; any other kind is code, and reads as it is written.
        shown = head if media_type == "text/plain" else show_controls(head)
        return f'<pre class="gnb-out">{escape(shown, quote=False)}</pre>'
    return f'<p class="gnb-muted">{escape(labels["no_preview"])}</p>'


def _outline(content: bytes, labels: Mapping[str, str]) -> str:
    titles = slide_titles(content)
    if titles is None:
        return f'<p class="gnb-muted">{escape(labels["no_preview"])}</p>'
    count = escape(labels["slides"].format(n=len(titles)))
    listed = "".join(f"<li>{escape(title) or '–'}</li>" for title in titles)
    return clean(f'<p class="gnb-muted">{count}</p><ol>{listed}</ol>')


def _unpacked(content: bytes) -> bytes:
    """The first bytes that a gzip archive holds; none of one that is broken."""
    try:
        return zlib.decompressobj(wbits=31).decompress(content, PREVIEW_BYTES)
    except zlib.error:
        return b""


def _head(content: bytes) -> str:
    text = _text(content[: CHARACTERS * 4])
    return text if len(text) <= CHARACTERS else text[:CHARACTERS] + "…"


def _text(content: bytes) -> str:
    encoding = encoding_of(content[:SAMPLED_BYTES]) or "utf-8"
    return content.decode("utf-8-sig" if encoding == "utf-8" else encoding, errors="replace")


def _table(content: bytes, labels: Mapping[str, str], *, whole: bool) -> str:
    lines = _text(content).splitlines() or [""]
    delimiter = max(",;\t|", key=lambda mark: sum(mark in line for line in lines[: ROWS + 1]) * 1_000 + lines[0].count(mark))
    try:
        rows = list(csv.reader(lines[: ROWS + 1], delimiter=delimiter))
    except csv.Error:
        return f'<pre class="gnb-out">{escape(_head(content), quote=False)}</pre>'
    columns, *body = rows or [[]]
    head = tuple(columns[:COLUMNS])
    table = TablePart(columns=head, rows=tuple(tuple(row[:COLUMNS]) for row in body if row))
    total = f"{max(len(lines) - 1, 0)}" if whole else f"{len(lines) - 2}+"
    return table_html(table, labels["table_size"].format(shown=len(table.rows), rows=total, columns=len(columns)))
