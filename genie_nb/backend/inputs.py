"""What a person brings to a run: files and tables, looked at before any model is asked.

Each becomes one JSON object on one line that a model can read: name, kind, the expression that reads it, how many rows, and
each column with a few examples. What cannot be used is refused with one sentence.

Below: `documents`, `profiles`, `text_files`, `text_encoding`, `errors`. Everything here reads the disk: call it from a
worker thread.
"""

import csv
import io
import itertools
import json
import keyword
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genie_nb.backend.profiles import InputProfile, size_of_table
from genie_nb.backend.text_files import HEAD_BYTES, TextFile, is_packed, unpacked
from genie_nb.errors import RequestError
from genie_nb.text_encoding import decode_head, encoding_of, shown_encoding

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

__all__ = ("InputProfile", "check_inputs", "profile_file", "profile_table", "table_of")

SAMPLE_ROWS = 200
EXAMPLES = 3
EXAMPLE_CHARACTERS = 80
JSON_BYTES = 16 * 2**20
"""Up to this size the records of a JSON file are counted."""

_SIGNATURES = {
    b"\x89PNG\r\n": ("image", "a PNG image"),
    b"\xff\xd8\xff": ("image", "a JPEG image"),
    b"GIF8": ("image", "a GIF image"),
    b"%PDF-": ("pdf", "a PDF document"),
    b"PK\x03\x04": ("excel", "a zip archive"),
    b"PK\x05\x06": ("excel", "an empty zip archive"),
    b"\xd0\xcf\x11\xe0": ("excel", "an old Office document"),
    b"PAR1": ("parquet", "a Parquet table"),
    b"\x1f\x8b": ("gzip", "a gzip archive"),
    b"SQLite format 3": ("sqlite", "a SQLite database"),
    b"\x7fELF": ("binary", "a program"),
}
_KINDS = {
    ".csv": "csv", ".tsv": "csv", ".tab": "csv",
    ".xlsx": "excel", ".xlsm": "excel", ".xls": "excel",
    ".parquet": "parquet", ".pq": "parquet",
    ".json": "json", ".jsonl": "json", ".ndjson": "json",
    ".png": "image", ".jpg": "image", ".jpeg": "image", ".gif": "image",
    ".pdf": "pdf",
}  # fmt: skip
_SEPARATED = {",": "", ";": " (semicolons)", "\t": " (tabs)", "|": " (bars)"}
_NAMED = {"csv": "a CSV table", "excel": "an Excel workbook", "parquet": "a Parquet table", "json": "JSON",
          "image": "an image", "pdf": "a PDF document", "text": "text"}  # fmt: skip
_NUMBER = re.compile(r"[-+]?[\d.,\s]*\d(?:[eE][-+]?\d+)?%?")
_COMMA_NUMBER = re.compile(r"-?(?:\d{1,3}(?:\.\d{3})+|\d+)(?:,\d+)?")
_DATE = re.compile(r"\d{4}([-/.年])\d{1,2}\1?|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}|\d{4}[-\s]?Q[1-4]", re.IGNORECASE)
_BOOLS = {"true", "false", "yes", "no", "是", "否"}


def check_inputs(files: Iterable[str | os.PathLike[str]]) -> dict[str, Path]:
    """The files to copy into a run's folder: name there → where it lies.

    Raises:
        RequestError: A file is not there, is a folder, cannot be read or is empty.
    """
    found: dict[str, Path] = {}
    for given in files:
        try:
            path = Path(given).expanduser()
            is_folder, is_file = path.is_dir(), path.is_file()
        except (OSError, RuntimeError) as error:  # a name that is too long; `~` of nobody
            raise RequestError(f"The file {os.fspath(given)} cannot be had: {error}.") from error
        if is_folder:
            raise RequestError(f"{path.name} is a folder. Give the files in it one by one.")
        if not is_file:
            raise RequestError(f"The file {os.fspath(given)} does not exist. Look for a typo, or for another folder.")
        if not os.access(path, os.R_OK):
            raise RequestError(f"The file {path.name} cannot be read: you have no permission for it.")
        if path.stat().st_size == 0:
            raise RequestError(f"The file {path.name} is empty (0 bytes), so there is nothing to look at.")
        name = os.fsencode(path.name).decode(errors="replace")
        name = f"_{name}" if name.startswith(".") else name  # hidden files of a run's folder are the house's own
        while name in found and found[name] != path:
            name = f"_{name}"
        found[name] = path
    return found


def profile_file(path: Path, name: str) -> InputProfile:
    """What a file holds, from its first bytes.

    Raises:
        RequestError: The file is not what its name says, is broken, or unpacks to more than is opened.
    """
    with path.open("rb") as content:
        head = content.read(HEAD_BYTES)
    size = length = path.stat().st_size
    expected, packed = _KINDS.get(path.suffix.lower(), "text"), False
    if is_packed(path, head) and (inner := _KINDS.get(Path(path.stem).suffix.lower())) in ("csv", "json"):
        expected, packed = inner, True
        head, length = unpacked(path, name)
    signed = next((found for magic, found in _SIGNATURES.items() if head.startswith(magic)), None)
    if signed is not None:
        _refuse_misnamed(name, expected, signed)
        kind = "binary" if signed[0] == "excel" != expected else signed[0]  # a zip archive may be anything
        return _profile_binary(path, name, (kind, signed[1]), head)
    if expected in ("excel", "parquet", "image", "pdf"):
        raise RequestError(f"{name} is not {_NAMED[expected]}, although its name says so. Give it its right ending.")
    encoding = encoding_of(head)
    if encoding is None:
        raise RequestError(f"{name} is not {_NAMED[expected]}: it holds bytes that are no text.")
    text = decode_head(head, encoding, whole=length <= HEAD_BYTES)
    if not text.strip("\ufeff \t\r\n"):
        raise RequestError(f"The file {name} holds only blank space, so there is nothing to look at.")
    profile = _profile_text(TextFile(path, name, text, encoding, length, packed), expected)
    packing = ", gzip" if packed else ""
    return replace(profile, size=size, about=f"{profile.about}{packing}, {shown_encoding(encoding, head)}")


def _profile_text(file: TextFile, expected: str) -> InputProfile:
    if expected == "csv":
        with suppress(csv.Error):  # a cell of more than 128 KiB: nothing that a table holds
            return _profile_csv(file)
    if expected == "json":
        return _profile_json(file)
    lines = file.lines()
    about = "Text" if lines is None else f"Text, {lines:,} line{'s' * (lines != 1)}"
    opening = f"__import__('gzip').open({file.name!r}, 'rt'" if file.packed else f"open({file.name!r}"
    return InputProfile(file.name, "text", f"{opening}, encoding={file.encoding!r}).read()", about=about)


def _refuse_misnamed(name: str, expected: str, signed: tuple[str, str]) -> None:
    kind, words = signed
    if kind == expected or (expected == "text" and kind not in ("binary",)):
        return
    raise RequestError(
        f"{name} is not {_NAMED[expected]}: its content is {words}. Give it its right ending, or another file."
    )


def _profile_binary(path: Path, name: str, signed: tuple[str, str], head: bytes) -> InputProfile:
    from genie_nb.backend.documents import profile_image, profile_pdf, profile_workbook

    (kind, words), size = signed, path.stat().st_size
    match kind:
        case "excel":
            return profile_workbook(path, name, size)
        case "pdf":
            return profile_pdf(path, name, size)
        case "image":
            return profile_image(head, name, size, words)
        case "parquet":
            import pyarrow.parquet as pq

            try:
                schema, rows = pq.read_schema(path), pq.read_metadata(path).num_rows
            except (OSError, ValueError) as error:
                raise RequestError(f"{name} is not a whole Parquet table: {str(error).splitlines()[0]}") from error
            columns = [{"name": f.name, "kind": _arrow_kind(f.type), "examples": []} for f in schema]
            about = f"Parquet, {size_of_table(rows, len(columns))}"
            return InputProfile(name, kind, f"pd.read_parquet({name!r})", size, rows, columns, about)
        case _:
            about = words.split(" ", 1)[1]
            return InputProfile(name, kind, f"open({name!r}, 'rb').read()", size, about=about[0].upper() + about[1:])


def _profile_csv(file: TextFile) -> InputProfile:
    separator = _separator(file.head)
    header, *body = _rows(file.head, separator)
    values = {
        title: [row[at].strip() for row in body[:SAMPLE_ROWS] if at < len(row)] for at, title in enumerate(_titles(header))
    }
    columns = [{"name": title, "kind": _kind(cells), "examples": _examples(cells)} for title, cells in values.items()]
    rows = len(body) + 1 if file.whole else file.rows(separator)
    nearly = 0 if rows else file.estimate(len(body))
    about = f"CSV{_SEPARATED[separator]}, {size_of_table(rows and rows - 1, len(columns), nearly=nearly)}"
    read = f"pd.read_csv({file.name!r}{_csv_options(separator, file.encoding, values)})"
    more = {"rows_about": nearly} if nearly else {}
    return InputProfile(file.name, "csv", read, 0, rows and rows - 1, columns, about, more)


def _rows(text: str, separator: str) -> Iterator[list[str]]:
    return filter(None, csv.reader(io.StringIO(text.lstrip("\ufeff"), newline=""), delimiter=separator))


def _separator(text: str) -> str:
    """The separator that cuts the most lines into the same number of cells, more than one."""

    def score(candidate: str) -> tuple[int, int]:
        try:
            widths = [len(row) for row in itertools.islice(_rows(text, candidate), 50)]
        except csv.Error:  # it leaves a whole file in one cell
            return (0, 0)
        width = max(set(widths), key=widths.count)
        return (widths.count(width) if width > 1 else 0, width)

    return max((",", ";", "\t", "|"), key=score)


def _titles(header: list[str]) -> list[str]:
    """The names that pandas gives to columns: `a`, `a.1` for a second `a`, `Unnamed: 2` for none."""
    titles: dict[str, None] = {}
    taken, numbers = set(header), Counter[str]()
    for at, written in enumerate(header):
        title = name = written or f"Unnamed: {at}"
        while title in titles or (numbers[name] and title in taken):
            numbers[name] += 1
            title = f"{name}.{numbers[name]}"
        titles[title] = None
    return list(titles)


def _csv_options(separator: str, encoding: str, values: Mapping[str, list[str]]) -> str:
    options = []
    if separator != ",":
        options.append(f"sep={separator!r}")
    if encoding != "utf-8":
        options.append(f"encoding={encoding!r}")
    if separator != "," and any(map(_has_decimal_comma, values.values())):
        options.append("decimal=','")
        dotted = {title: cells for title, cells in values.items() if any("." in cell for cell in cells)}
        texts = [title for title, cells in dotted.items() if not all(map(_COMMA_NUMBER.fullmatch, filter(None, cells)))]
        if len(texts) < len(dotted):
            options.append("thousands='.'")
            if texts:  # pandas would read 24.12.2026 as the number 24122026
                options.append(f"dtype={dict.fromkeys(texts, 'str')}")
    return "".join(f", {option}" for option in options)


def _has_decimal_comma(cells: list[str]) -> bool:
    written = [cell for cell in cells if cell]
    commas = sum("," in cell and bool(_COMMA_NUMBER.fullmatch(cell)) for cell in written)
    return 0 < commas >= len(written) / 2


def _examples(values: Iterable[Any]) -> list[str]:
    return [text[:EXAMPLE_CHARACTERS] for text in itertools.islice(dict.fromkeys(filter(None, map(str, values))), EXAMPLES)]


def _kind(cells: list[str]) -> str:
    written = [cell for cell in cells if cell]
    for kind, fits in (
        ("bool", lambda cell: cell.lower() in _BOOLS),
        ("date", _DATE.match),
        ("number", lambda cell: _NUMBER.fullmatch(cell.lstrip("$€£¥ ").rstrip(" €$¥元"))),
    ):
        if written and sum(bool(fits(cell)) for cell in written) >= 0.8 * len(written):
            return kind
    return "text"


def _profile_json(file: TextFile) -> InputProfile:
    options = "" if file.encoding == "utf-8" else f", encoding={file.encoding!r}"
    if file.path.name.lower().removesuffix(".gz").endswith((".jsonl", ".ndjson")):
        _parsed(file.head.lstrip().splitlines()[0], file)
        lines = file.lines()
        about = "JSON lines" if lines is None else f"JSON lines, {lines:,} record{'s' * (lines != 1)}"
        return InputProfile(file.name, "json", f"pd.read_json({file.name!r}{options}, lines=True)", about=about)
    value = _parsed(_all_of(file), file)
    about = "JSON"
    if isinstance(value, list):
        about = f"JSON, {len(value):,} record{'s' * (len(value) != 1)}"
    elif isinstance(value, dict):
        about = f"JSON, {len(value):,} key{'s' * (len(value) != 1)}"
    if value is not None and not _is_table(value) and (name := _only_list(value)):
        content = f"__import__('pathlib').Path({file.name!r}).read_bytes()"
        content = f"__import__('gzip').decompress({content})" if file.packed else content
        content += "" if file.encoding.startswith("utf") else f".decode({file.encoding!r})"
        records = len(value[name])
        about = f"JSON, {records:,} record{'s' * (records != 1)} in the list {name}"
        read = f"pd.DataFrame(__import__('json').loads({content})[{name!r}])"
        return InputProfile(file.name, "json", read, about=about, more={"list": name})
    if value is not None and not _is_table(value):
        options += ", typ='series'"
    return InputProfile(file.name, "json", f"pd.read_json({file.name!r}{options})", about=about)


def _all_of(file: TextFile) -> str:
    """The whole text, or nothing of one that is too long to be parsed."""
    if file.length > JSON_BYTES:
        return ""
    with file.opened() as content:
        return content.read().decode(file.encoding, "replace")


def _parsed(text: str, file: TextFile) -> Any:
    try:
        return json.loads(text.lstrip("\ufeff")) if text else None
    except (ValueError, RecursionError) as error:
        raise RequestError(f"{file.name} is not JSON: {error}.") from error


def _is_table(value: Any) -> bool:
    """Whether pandas makes a table of a JSON value: of a list, of lists of one length by name, of objects by name."""
    if not isinstance(value, dict):
        return isinstance(value, list)
    lengths = {len(inner) if isinstance(inner, list) else -1 for inner in value.values()}
    return all(isinstance(inner, dict) for inner in value.values()) or (len(lengths) == 1 and -1 not in lengths)


def _only_list(value: Any) -> str:
    """The name under which a JSON object holds its one list of objects, as in `{"meta": …, "items": […]}`; else nothing."""
    lists = {name: inner for name, inner in value.items() if isinstance(inner, list)} if isinstance(value, dict) else {}
    named = [name for name, inner in lists.items() if inner and all(isinstance(entry, dict) for entry in inner)]
    return named[0] if len(named) == 1 and len(lists) == 1 and "'" not in named[0] else ""


def table_of(name: str, frame: "pd.DataFrame") -> "pa.Table":
    """A copy of a DataFrame, taken now, so that later changes of it change no run.

    Raises:
        RequestError: The name is no variable's, the value no DataFrame, or a column cannot be handed over.
    """
    import pandas as pd
    import pyarrow as pa

    if not name.isidentifier() or keyword.iskeyword(name):
        raise RequestError(f"{name!r} cannot be the name of a table: it is no Python variable name.")
    if isinstance(frame, pd.Series):
        frame = frame.to_frame()
    if not isinstance(frame, pd.DataFrame):
        raise RequestError(f"data[{name!r}] is a {type(frame).__name__}; only DataFrames can be handed over.")
    try:
        return pa.Table.from_pandas(frame.copy())  # Arrow itself does not copy numbers
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise RequestError(
            f"The DataFrame {name!r} cannot be handed over: {reason}. Make its columns numbers, dates or text."
        ) from error


def profile_table(name: str, table: "pa.Table") -> InputProfile:
    """What a handed-over table holds; a named index counts as columns."""
    index = [entry for entry in (table.schema.pandas_metadata or {}).get("index_columns", ()) if isinstance(entry, str)]
    unnamed = {title for title in index if title.startswith("__index_level_")}
    columns = [
        {
            "name": title,
            "kind": _arrow_kind(table.schema.field(title).type),
            "examples": _examples(table.column(title).slice(0, 20).to_pylist()),
        }
        for title in table.column_names
        if title not in unnamed
    ]
    read = f"{name}.reset_index()" if len(index) > len(unnamed) else name
    about = f"DataFrame, {size_of_table(table.num_rows, len(columns))}"
    return InputProfile(name, "dataframe", read, table.nbytes, table.num_rows, columns, about)


def _arrow_kind(arrow_type: "pa.DataType") -> str:
    import pyarrow.types as types

    if types.is_boolean(arrow_type):
        return "bool"
    if types.is_temporal(arrow_type):
        return "date"
    if types.is_integer(arrow_type) or types.is_floating(arrow_type) or types.is_decimal(arrow_type):
        return "number"
    return "text"
