"""Reading files: which kinds are understood, and how each becomes passages. What cannot be read says why in a few words.

Above: `folders`. Below: `passages`, `html_text`, `pdf_text`, `text_encoding`.
"""

import csv
import io
import itertools
import json
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from genie_nb.backend.search.html_text import html_text
from genie_nb.backend.search.passages import Passage, cut_code, cut_text
from genie_nb.backend.search.pdf_text import PDF_SUFFIXES, pdf_pages
from genie_nb.text_encoding import encoding_of

__all__ = ("MOST_BYTES", "SUFFIXES", "passages_of")

_PROSE = {".md", ".markdown", ".rst", ".txt", ".text", ".org", ".adoc", ".tex"}
_CODE = {
    *(".py", ".pyi", ".r", ".jl", ".js", ".mjs", ".ts", ".tsx", ".jsx", ".java", ".kt", ".scala", ".go", ".rs", ".c", ".h"),
    *(".cc", ".cpp", ".hpp", ".cs", ".swift", ".rb", ".php", ".lua", ".sh", ".sql", ".yaml", ".yml", ".toml", ".m", ".f90"),
}
_HTML = {".html", ".htm", ".xhtml"}
_TABLES = {".csv", ".tsv"}
SUFFIXES = {*_PROSE, *_CODE, *_HTML, *_TABLES, *PDF_SUFFIXES, ".ipynb"}
"""The endings of the files that are read."""
TABLE_ROWS = 20
TABLE_BYTES = 64 * 1024
MOST_BYTES = {".pdf": 20 * 2**20, ".ipynb": 8 * 2**20, ".csv": 2**40, ".tsv": 2**40}
"""Larger files are left out; of tables only the head is read."""
PLAIN_BYTES = 2 * 2**20
OUTPUT_CHARACTERS = 600


def read_bytes(name: str) -> tuple[int, int]:
    """The largest size that a file of this name may have, and how much of it is read."""
    suffix = PurePosixPath(name).suffix.lower()
    most = MOST_BYTES.get(suffix, PLAIN_BYTES)
    return most, TABLE_BYTES if suffix in _TABLES else most


def passages_of(name: str, content: bytes) -> Iterator[Passage]:
    """The passages of a file.

    Raises:
        ValueError: It is not what its name says, or is broken; the message goes on after the file's name: `is no text`.
    """
    suffix = PurePosixPath(name).suffix.lower()
    if suffix in PDF_SUFFIXES:
        for number, page in enumerate(pdf_pages(content), 1):
            yield from (Passage(f"page {number}", passage.text, f"page {number}") for passage in cut_text(page))
        return
    text = _decoded(content)
    if suffix == ".ipynb":
        text = _notebook(text)
    elif suffix in _HTML:
        text = html_text(text)
    elif suffix in _TABLES:
        yield from _table_head(text, "\t" if suffix == ".tsv" else ",")
        return
    yield from cut_code(text) if suffix in _CODE else cut_text(text)


def _decoded(content: bytes) -> str:
    encoding = encoding_of(content)
    if encoding is None:
        raise ValueError("is no text")
    return content.decode(encoding, "replace").lstrip("\ufeff").replace("\0", " ")


def _notebook(text: str) -> str:
    """A notebook as Markdown: texts, code, and the heads of what the code printed."""
    try:
        cells = json.loads(text)["cells"]
        return "\n\n".join(_cell(cell) for cell in cells)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise ValueError("is no notebook") from None


def _cell(cell: dict[str, Any]) -> str:
    source = _joined(cell.get("source", ""))
    if cell.get("cell_type") != "code":
        return source
    said = [
        _joined(output.get("text") or output.get("data", {}).get("text/plain", "")) for output in cell.get("outputs", [])
    ]
    shown = "\n".join(filter(None, said))[:OUTPUT_CHARACTERS]
    return f"```\n{source}\n```" + (f"\n\n```\n{shown}\n```" if shown else "")


def _joined(lines: Any) -> str:
    return "".join(map(str, lines)) if isinstance(lines, list) else str(lines)


def _table_head(text: str, separator: str) -> Iterator[Passage]:
    try:
        rows = list(itertools.islice(csv.reader(io.StringIO(text, newline=""), delimiter=separator), TABLE_ROWS + 1))
    except csv.Error:
        raise ValueError("is no table") from None
    if rows:
        yield from cut_text(f"columns: {', '.join(rows[0])}\n\n" + "\n".join(" | ".join(row) for row in rows[1:]))
