"""Previews: the head of a file as safe HTML, for the view and for the record. Pure.

Above: `record`, `run_view`. Below: `render`, `gate`, `parts`.
"""

import csv
from collections.abc import Callable, Mapping
from html import escape

from genie_nb.parts import FileRef, TablePart
from genie_nb.widgets.gate import closed_frame, picture
from genie_nb.widgets.render import markdown_html, table_html

__all__ = ("PREVIEW_BYTES", "ReadFile", "preview_html", "readable_size")

ReadFile = Callable[[str, int], bytes]
"""Gives the first bytes of a file by its name, at most so many."""

ROWS = 8
COLUMNS = 20
CHARACTERS = 3_000
PREVIEW_BYTES = 3_000_000
"""No more of a file is read; larger pictures and HTML documents have no preview, but can be downloaded."""


def readable_size(size: int) -> str:
    """A number of bytes as a person says it."""
    if size < 1_000:
        return f"{size} B"
    if size < 1_000_000:
        return f"{size / 1_000:.1f} kB"
    return f"{size / 1_000_000:.1f} MB"


def preview_html(file: FileRef, content: bytes, labels: Mapping[str, str]) -> str:
    """The head of the file as safe HTML, or a sentence where its type has no preview; `content` may be its head alone."""
    media_type, small = file.media_type, file.size <= PREVIEW_BYTES
    if media_type.startswith("image/") and small:
        return picture(content, media_type, file.name)
    if media_type in ("text/csv", "text/tab-separated-values"):
        delimiter = "\t" if media_type.startswith("text/tab") else ","
        return _table(content, delimiter, labels, whole=len(content) >= file.size)
    if media_type == "text/html" and small:
        return closed_frame(content.decode(errors="replace"), labels["document"])
    if media_type == "text/markdown":
        return markdown_html(_head(content))
    if media_type.startswith("text/") or media_type == "application/json":
        return f'<pre class="gnb-out">{escape(_head(content), quote=False)}</pre>'
    return f'<p class="gnb-muted">{escape(labels["no_preview"])}</p>'


def _head(content: bytes) -> str:
    text = content[: CHARACTERS * 4].decode(errors="replace")
    return text if len(text) <= CHARACTERS else text[:CHARACTERS] + "…"


def _table(content: bytes, delimiter: str, labels: Mapping[str, str], *, whole: bool) -> str:
    lines = content.decode("utf-8-sig", errors="replace").splitlines()
    try:
        rows = list(csv.reader(lines[: ROWS + 1], delimiter=delimiter))
    except csv.Error:
        return f'<pre class="gnb-out">{escape(_head(content), quote=False)}</pre>'
    columns, *body = rows or [[]]
    head = tuple(columns[:COLUMNS])
    table = TablePart(columns=head, rows=tuple(tuple(row[:COLUMNS]) for row in body if row))
    total = f"{max(len(lines) - 1, 0)}" if whole else f"{len(lines) - 2}+"
    return table_html(table, labels["table_size"].format(shown=len(table.rows), rows=total, columns=len(columns)))
