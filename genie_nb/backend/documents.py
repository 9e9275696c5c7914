"""Workbooks, PDF documents and pictures: looked at without being loaded, or refused with one sentence.

They come from anybody. A workbook is a zip archive that may inflate to anything, so what it declares is added up before a
library opens it; a PDF document is read by another process, with a limit of its time and its memory.

Above: `inputs`. Below: `profiles`, `pdf_look`, `extras`, `errors`.
"""

import json
import os
import re
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from genie_nb.backend.extras import require_extra
from genie_nb.backend.profiles import InputProfile
from genie_nb.errors import RequestError

__all__ = ("INFLATED_BYTES", "profile_image", "profile_pdf", "profile_workbook")

INFLATED_BYTES = 2**30
"""A workbook may inflate to so many bytes."""
MAX_PARTS = 10_000
"""A workbook may have so many parts."""
PART_BYTES = 4 * 2**20
"""So much is read of the list of a workbook's sheets."""
SHEET_HEAD_BYTES = 4_096
"""So much is read of a sheet to find its size."""
SHOWN_SHEETS = 4
PDF_S = 30.0
"""Seconds that a look at a PDF document may take."""
_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_STRICT = "{http://purl.oclc.org/ooxml/spreadsheetml/main}"
_DIMENSION = re.compile(rb'<(?:\w+:)?dimension[^>]*\bref="(?:[A-Z]+(\d+):)?([A-Z]{1,3})(\d{1,7})"')


def profile_workbook(path: Path, name: str, size: int) -> InputProfile:
    """The sheets of an Excel workbook, and how large each says it is.

    Raises:
        RequestError: It is none, is broken, inflates to more than anybody wants, or the library that reads it is missing.
    """
    require_extra(f"The workbook {name}", "reports", only=("openpyxl",))
    _refuse_old(path, name)
    broken = f"{name} is not a whole Excel workbook. Save it again as .xlsx."
    try:
        if _count(path, b"PK\x01\x02") > MAX_PARTS:
            raise RequestError(f"{name} has more than {MAX_PARTS:,} parts, which no workbook has. It is not opened.")
        with zipfile.ZipFile(path) as archive:
            inflated = sum(part.file_size for part in archive.infolist())
            if inflated > INFLATED_BYTES:
                raise RequestError(
                    f"{name} unpacks to {inflated / 1e9:,.1f} GB; no more than {INFLATED_BYTES / 1e9:.1f} GB are opened. "
                    "Save the sheet that you need as CSV."
                )
            sheets = list(_sheets(archive))
    except KeyError as error:
        raise RequestError(f"{name} is not an Excel workbook: it is a zip archive without sheets.") from error
    except (OSError, zipfile.BadZipFile, zlib.error, ElementTree.ParseError, NotImplementedError, ValueError) as error:
        raise RequestError(broken) from error
    except RuntimeError as error:  # what zipfile raises for a password
        raise RequestError(f"{name} is protected by a password. Give a copy without one.") from error
    if not sheets:
        raise RequestError(broken)
    shown = ", ".join(_shown_sheet(sheet) for sheet in sheets[:SHOWN_SHEETS]) + ", …" * (len(sheets) > SHOWN_SHEETS)
    about = f"Excel, {len(sheets)} sheet{'s' * (len(sheets) != 1)}: {shown}"
    above = f", skiprows={sheets[0]['first_row'] - 1}" if "first_row" in sheets[0] else ""
    return InputProfile(name, "excel", f"pd.read_excel({name!r}{above})", size, about=about, more={"sheets": sheets})


def _refuse_old(path: Path, name: str) -> None:
    with path.open("rb") as content:
        if content.read(4) == b"\xd0\xcf\x11\xe0":
            raise RequestError(
                f"{name} is an old Excel workbook or protected by a password. Save it as .xlsx without a password."
            )


def _count(path: Path, mark: bytes) -> int:
    with path.open("rb") as content:
        return sum(piece.count(mark) for piece in iter(lambda: content.read(2**20), b""))


def _sheets(archive: zipfile.ZipFile) -> Iterator[dict[str, Any]]:
    """Name, rows and columns of each sheet; only the name where the sheet does not say its size at its beginning."""
    places = {entry.get("Id"): entry.get("Target", "") for entry in _xml(archive, "xl/_rels/workbook.xml.rels")}
    book = _xml(archive, "xl/workbook.xml")
    for sheet in [*book.iter(f"{_MAIN}sheet"), *book.iter(f"{_STRICT}sheet")]:
        told: dict[str, Any] = {"name": " ".join(sheet.get("name", "").split())[:60]}
        link = next((value for key, value in sheet.attrib.items() if key.endswith("}id")), "")
        target = (places.get(link) or "").lstrip("/")
        try:
            with archive.open(target if target.startswith("xl/") else f"xl/{target}") as content:
                found = _DIMENSION.search(content.read(SHEET_HEAD_BYTES))
        except KeyError:  # a chart, or nothing
            found = None
        yield told | (_extent(int(found[1] or 1), int(found[3]), _column_number(found[2])) if found else {})


def _extent(first: int, last: int, columns: int) -> dict[str, int]:
    """How large a sheet is; and where it begins, if that is below its first row."""
    return {"rows": last - first + 1, "columns": columns} | ({"first_row": first} if first > 1 else {})


def _xml(archive: zipfile.ZipFile, name: str) -> ElementTree.Element:
    if archive.getinfo(name).file_size > PART_BYTES:
        raise ValueError(name)
    return ElementTree.fromstring(archive.read(name))


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _shown_sheet(sheet: dict[str, Any]) -> str:
    sized = sheet.get("rows", 1) > 1 or sheet.get("columns", 1) > 1  # many a writer says A1 of any sheet
    return f"{sheet['name']} {sheet['rows']:,} × {sheet['columns']:,}" if sized else str(sheet["name"])


def profile_pdf(path: Path, name: str, size: int) -> InputProfile:
    """The pages of a PDF document and its first words.

    Raises:
        RequestError: It is broken, is protected, takes too long to be looked at, or the library that reads it is missing.
    """
    require_extra(f"The PDF document {name}", "reports", only=("pypdf",))
    try:
        looked = subprocess.run(
            [sys.executable, "-m", "genie_nb.backend.pdf_look", os.fspath(path.absolute())],
            capture_output=True,
            timeout=PDF_S,
            check=False,
            stdin=subprocess.DEVNULL,
            env=_plain_environment(),
        )
        told = json.loads(looked.stdout)
    except subprocess.TimeoutExpired as error:
        raise RequestError(
            f"The PDF document {name} cannot be read within {PDF_S:g} s. Save it again, or give its text."
        ) from error
    except ValueError as error:  # it ended without a word: out of its memory, or of its time
        raise RequestError(f"The PDF document {name} cannot be read. Save it again, or give its text.") from error
    if "why" in told:
        raise RequestError(f"The PDF document {name} {told['why']}")
    pages, words = int(told["pages"]), str(told["begins"])
    read = f"'\\n'.join(page.extract_text() for page in __import__('pypdf').PdfReader({name!r}).pages)"
    about = f"PDF, {pages:,} page{'s' * (pages != 1)}" + ("" if words else ", no text")
    return InputProfile(name, "pdf", read, size, about=about, more={"pages": pages, "begins": words})


def _plain_environment() -> dict[str, str]:
    """What the other process needs of the environment to find its modules; no keys."""
    wanted = ("PATH", "HOME", "LANG", "LC_ALL", "PYTHONPATH", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "SYSTEMROOT")
    return {name: os.environ[name] for name in wanted if name in os.environ}


def profile_image(head: bytes, name: str, size: int, words: str) -> InputProfile:
    """How large a PNG, JPEG or GIF picture is, in pixels, from its first bytes.

    Raises:
        RequestError: It is broken.
    """
    try:
        kind, wide, high = _pixels(head)
    except (IndexError, struct.error) as error:
        raise RequestError(
            f"{name} is a broken picture: it begins like {words} and ends too early. Save it again."
        ) from error
    if not wide or not high:
        raise RequestError(f"{name} is a broken picture: it begins like {words} and has no size. Save it again.")
    about = f"{kind}, {wide:,} × {high:,} pixels"
    return InputProfile(name, "image", f"open({name!r}, 'rb').read()", size, about=about, more={"pixels": [wide, high]})


def _pixels(head: bytes) -> tuple[str, int, int]:
    if head.startswith(b"\x89PNG"):
        return ("PNG", *struct.unpack_from(">II", head, 16))
    if head.startswith(b"GIF8"):
        return ("GIF", *struct.unpack_from("<HH", head, 6))
    at = 2
    while head[at] == 0xFF:  # a JPEG's segments, up to the frame that says its size
        marker, length = struct.unpack_from(">BH", head, at + 1)
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            high, wide = struct.unpack_from(">HH", head, at + 5)
            return "JPEG", wide, high
        at += 1 if marker == 0xFF else 2 + length
    return "JPEG", 0, 0
