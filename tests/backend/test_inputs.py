"""What a person brings: refused with one sentence, or described so that its `read` expression really reads it."""

import io
import json
import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from genie_nb.backend.inputs import EXAMPLE_CHARACTERS, InputProfile, check_inputs, profile_file, profile_table, table_of
from genie_nb.backend.preparing import prepare
from genie_nb.errors import RequestError
from tests.fakes import run

PNG = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 800, 600) + bytes(20)
ZIP = b"PK\x03\x04" + bytes(20)


def profiled(folder: Path, name: str, content: bytes) -> InputProfile:
    (folder / name).write_bytes(content)
    return profile_file(folder / name, name)


def read(profile: InputProfile, folder: Path, **names: Any) -> Any:
    """What the profile's own expression gives, in the folder of the file."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        return eval(profile.read, {"pd": pd, **names})
    finally:
        os.chdir(before)


def opened(name: str, mode: str = "r", encoding: str | None = None) -> io.BytesIO | io.StringIO:
    """As `open`, but closed: the profile's expression leaves that to Python."""
    with open(name, mode, encoding=encoding) as file:
        content = file.read()
    return io.BytesIO(content) if isinstance(content, bytes) else io.StringIO(content)


# Refused


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"nowhere\.csv does not exist\. Look for a typo"):
        check_inputs([tmp_path / "nowhere.csv"])


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"is a folder. Give the files in it one by one"):
        check_inputs([tmp_path])


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").touch()

    with pytest.raises(RequestError, match=r"The file a\.csv is empty \(0 bytes\)"):
        check_inputs([tmp_path / "a.csv"])


NO_PATHS = {"too long": "x" * 5_000, "of nobody": "~nobody-at-all/a.csv", "with a NUL": "a\0b"}


@pytest.mark.parametrize("given", NO_PATHS.values(), ids=NO_PATHS.keys())
def test_what_is_no_path_is_refused(given: str) -> None:
    with pytest.raises(RequestError, match=r"cannot be had|does not exist"):
        check_inputs([given])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a")
    (tmp_path / "a.csv").chmod(0)

    with pytest.raises(RequestError, match="no permission"):
        check_inputs([tmp_path / "a.csv"])


def test_files_of_one_name_get_names_apart_and_one_file_given_twice_is_one(tmp_path: Path) -> None:
    paths = [tmp_path / folder / "a.csv" for folder in ("x", "y", "z")]
    for path in paths:
        path.parent.mkdir()
        path.write_text("a")

    assert check_inputs([*paths, paths[0]]) == dict(zip(("a.csv", "_a.csv", "__a.csv"), paths, strict=True))


REFUSED = {
    "blank": ("a.csv", b" \r\n\t\n", "holds only blank space"),
    "only a mark": ("a.csv", b"\xef\xbb\xbf", "holds only blank space"),
    "a picture called .csv": (
        "a.csv",
        PNG,
        "a.csv is not a CSV table: its content is a PNG image. Give it its right ending",
    ),
    "a workbook called .csv": ("a.csv", ZIP, "its content is a zip archive"),
    "text called .xlsx": ("a.xlsx", b"a,b\n1,2\n", "a.xlsx is not an Excel workbook, although its name says so"),
    "text called .parquet": ("a.parquet", b"a,b\n1,2\n", "a.parquet is not a Parquet table"),
    "text called .png": ("a.png", b"hello", "a.png is not an image"),
    "NUL bytes": ("a.csv", b"a,b\n1,\x00\n", "a.csv is not a CSV table: it holds bytes that are no text"),
    "a program": ("a.txt", b"\x7fELF" + bytes(9), "its content is a program"),
    "broken JSON": ("a.json", b'{"a": [1,', "a.json is not JSON: "),
    "deep JSON": ("a.json", b"[" * 100_000, "a.json is not JSON: "),
    "broken JSON lines": ("a.jsonl", b'{"a"\n', "a.jsonl is not JSON: "),
    "half a Parquet table": ("a.parquet", b"PAR1" + bytes(40), "a.parquet is not a whole Parquet table"),
}


@pytest.mark.parametrize(("name", "content", "told"), REFUSED.values(), ids=REFUSED.keys())
def test_a_file_that_is_not_what_its_name_says_is_refused(tmp_path: Path, name: str, content: bytes, told: str) -> None:
    with pytest.raises(RequestError) as caught:
        profiled(tmp_path, name, content)

    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


# CSV: the columns, the rows, and what `read` really gives

SALES = "region,sales\nNord,10\nSüd,20\n"
CSV = {
    "plain": (b"a,b\n1,x\n2,y\n", ["a", "b"], [[1, "x"], [2, "y"]]),
    "no newline at the end": (b"a,b\n1,x", ["a", "b"], [[1, "x"]]),
    "Windows line ends": (b"a,b\r\n1,x\r\n2,y\r\n", ["a", "b"], [[1, "x"], [2, "y"]]),
    "blank lines": (b"\n\na,b\n1,x\n\n2,y\n\n\n", ["a", "b"], [[1, "x"], [2, "y"]]),
    "UTF-8": (SALES.encode(), ["region", "sales"], [["Nord", 10], ["Süd", 20]]),
    "a mark": (SALES.encode("utf-8-sig"), ["region", "sales"], [["Nord", 10], ["Süd", 20]]),
    "UTF-16": (SALES.encode("utf-16"), ["region", "sales"], [["Nord", 10], ["Süd", 20]]),
    "Western European": (SALES.encode("cp1252"), ["region", "sales"], [["Nord", 10], ["Süd", 20]]),
    "GBK with a Chinese header": ("地区,销售额\n华北,10\n".encode("gbk"), ["地区", "销售额"], [["华北", 10]]),
    "semicolons": (b"a;b\n1;x\n2;y\n", ["a", "b"], [[1, "x"], [2, "y"]]),
    "tabs": (b"a\tb\n1\tx, y\n2\ty\n", ["a", "b"], [[1, "x, y"], [2, "y"]]),
    "bars": (b"a|b\n1|x\n", ["a", "b"], [[1, "x"]]),
    "a decimal comma": (b"a;b\nx;1,5\ny;2,25\n", ["a", "b"], [["x", 1.5], ["y", 2.25]]),
    "a decimal comma and thousands": (b"a;b\nx;1.234,5\ny;2.000,25\n", ["a", "b"], [["x", 1234.5], ["y", 2000.25]]),
    "a decimal comma beside dates": (
        b"day;b\n24.12.2026;1.234,5\n25.12.2026;2,5\n", ["day", "b"], [["24.12.2026", 1234.5], ["25.12.2026", 2.5]],
    ),
    "a decimal comma beside dates without thousands": (b"day;b\n24.12.2026;1,5\n", ["day", "b"], [["24.12.2026", 1.5]]),
    "quoted newlines and separators": (b'a,b\n1,"x\ny, z"\n2,w\n', ["a", "b"], [[1, "x\ny, z"], [2, "w"]]),
    "one column only": (b"name\nAda\nBob\n", ["name"], [["Ada"], ["Bob"]]),
    "a header only": (b"a,b\n", ["a", "b"], []),
    "the same name twice": (b"a,a,a.1\n1,2,3\n", None, [[1, 2, 3]]),
    "a column without a name": (b",b\n1,x\n", ["Unnamed: 0", "b"], [[1, "x"]]),
    "a line separator inside a cell": ("a,b\nx\u2028y,1\n".encode(), ["a", "b"], [["x\u2028y", 1]]),
    "many columns": (
        ",".join(f"c{n}" for n in range(30_000)).encode() + b"\n" + b"1," * 29_999 + b"1\n",
        [f"c{n}" for n in range(30_000)],
        [[1] * 30_000],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("content", "columns", "rows"), CSV.values(), ids=CSV.keys())
def test_a_table_is_described_as_its_own_expression_reads_it(
    tmp_path: Path, content: bytes, columns: list[str] | None, rows: list[list[Any]]
) -> None:
    profile = profiled(tmp_path, "it's a table.csv", content)

    frame = read(profile, tmp_path)

    assert [column["name"] for column in profile.columns] == list(frame.columns)
    assert columns is None or list(frame.columns) == columns
    assert frame.to_numpy().tolist() == rows
    assert profile.rows == len(rows) or (profile.rows is None and len(content) > 256 * 1024)
    assert (profile.kind, profile.size) == ("csv", len(content))
    assert json.loads(profile.line())["read"] == profile.read


KINDS = {
    "number": ["1", "-2.5", "1,234", "3e5", "12%", "$ 3"],
    "date": ["2026-11-23", "23.11.2026", "2026/1/2", "2026年11月23日", "2026-Q1"],
    "bool": ["true", "False", "yes", "是", "否"],
    "text": ["Nord", "a1", "--", "x 2026"],
}


@pytest.mark.parametrize(("kind", "cells"), KINDS.items(), ids=KINDS.keys())
def test_the_kind_of_a_column_is_seen_from_its_cells(tmp_path: Path, kind: str, cells: list[str]) -> None:
    content = "a\tb\n" + "".join(f"{cell}\t\n" for cell in [*cells, ""])

    a, b = profiled(tmp_path, "a.tsv", content.encode()).columns

    assert (a["kind"], a["examples"]) == (kind, cells[:3])
    assert (b["kind"], b["examples"]) == ("text", [])


def test_examples_are_different_and_short(tmp_path: Path) -> None:
    content = "a,b\n" + "x,1\n" * 5 + "y" * 5_000 + ",1\n"

    a, _ = profiled(tmp_path, "a.csv", content.encode()).columns

    assert a["examples"] == ["x", "y" * EXAMPLE_CHARACTERS]


def test_one_huge_line_is_a_text_and_no_table(tmp_path: Path) -> None:
    profile = profiled(tmp_path, "a.csv", b"x" * 400_000)

    assert (profile.kind, profile.columns) == ("text", [])
    assert len(read(profile, tmp_path, open=opened)) == 400_000


LONG = {
    "counted by lines": (b"a,b\n" + b"12345,67890\n" * 50_000, 50_000),
    "without a newline at the end": (b"a,b\n" + b"12345,67890\n" * 50_000 + b"1,2", 50_001),
    "with a cell of two lines": (b"a,b\n" + b'"1\n2",3\n' * 50_000, 50_000),
    "in UTF-16": (("a,上\n" * 50_000).encode("utf-16"), 49_999),
    "with blank lines and quotes": (b'a,b\n\n"1",2\n' * 50_000, 99_999),
    "with a cell that is too long for a table": (b'a,"b"\n' * 50_000 + b'"' + b"x" * 200_000 + b'",2\n', None),
}


@pytest.mark.parametrize(("content", "rows"), LONG.values(), ids=LONG.keys())
def test_the_rows_of_a_long_file_are_counted(tmp_path: Path, content: bytes, rows: int | None) -> None:
    assert profiled(tmp_path, "a.csv", content).rows == rows


@pytest.mark.slow
def test_five_million_rows_are_counted_without_being_loaded(tmp_path: Path) -> None:
    block = b"12345,67890\n" * 50_000
    with (tmp_path / "a.csv").open("wb") as file:
        file.write(b"a,b\n")
        for _ in range(100):
            file.write(block)

    profile = profile_file(tmp_path / "a.csv", "a.csv")

    assert (profile.rows, [column["kind"] for column in profile.columns]) == (5_000_000, ["number", "number"])


# Other files

JSON = {
    "a list of objects": ("a.json", '[{"a": 1}, {"a": 2}]', pd.DataFrame({"a": [1, 2]})),
    "lists by name": ("a.json", '{"a": [1, 2], "b": [3, 4]}', pd.DataFrame({"a": [1, 2], "b": [3, 4]})),
    "lines": ("a.jsonl", '\n{"a": 1}\n{"a": 2}\n', pd.DataFrame({"a": [1, 2]})),
    "one object": ("a.json", '{"a": 1, "b": 2}', pd.Series({"a": 1, "b": 2})),
    "a mixed object": ("a.json", '{"a": {"x": 1}, "b": [1, 2]}', pd.Series({"a": {"x": 1}, "b": [1, 2]})),
    "lists of other lengths": ("a.json", '{"a": [1], "b": [1, 2]}', pd.Series({"a": [1], "b": [1, 2]})),
    "one list of objects in an object": (
        "a.json",
        '{"meta": {"v": 1}, "items": [{"a": 1}, {"a": 2}]}',
        pd.DataFrame({"a": [1, 2]}),
    ),
    "Western European": ("a.json", '[{"a": "Süd"}]', pd.DataFrame({"a": ["Süd"]})),
}


@pytest.mark.parametrize(("name", "text", "content"), JSON.values(), ids=JSON.keys())
def test_json_is_read_by_its_own_expression(tmp_path: Path, name: str, text: str, content: Any) -> None:
    profile = profiled(tmp_path, name, text.encode("cp1252"))

    assert profile.kind == "json"
    (pd.testing.assert_frame_equal if isinstance(content, pd.DataFrame) else pd.testing.assert_series_equal)(
        read(profile, tmp_path), content
    )


def test_json_that_is_longer_than_its_head_is_not_called_broken(tmp_path: Path) -> None:
    profile = profiled(tmp_path, "a.json", json.dumps([{"a": n} for n in range(50_000)]).encode())

    assert len(read(profile, tmp_path)) == 50_000


FRAME = pd.DataFrame(
    {"region": ["N", "S"], "day": pd.to_datetime(["2026-01-01", "2026-01-02"]), "ok": [True, False], "n": [1, 2]}
)


def test_workbooks_and_parquet_tables_are_read_by_their_own_expression(tmp_path: Path) -> None:
    excel, parquet = io.BytesIO(), io.BytesIO()
    FRAME.to_excel(excel, index=False)
    FRAME.to_parquet(parquet)

    for name, content, rows in (("a.xlsx", excel, None), ("a.parquet", parquet, 2)):
        profile = profiled(tmp_path, name, content.getvalue())
        assert profile.rows == rows
        assert read(profile, tmp_path)["n"].tolist() == [1, 2]
    assert [(c["name"], c["kind"]) for c in profile.columns] == [
        ("region", "text"),
        ("day", "date"),
        ("ok", "bool"),
        ("n", "number"),
    ]


OTHERS = {
    "a text": ("a.md", "# Größe\n".encode("cp1252"), "text", "# Größe\n"),
    "a picture": ("a.png", PNG, "image", PNG),
    "an archive": ("a.zip", ZIP, "binary", ZIP),
    "a Word document": ("a.docx", ZIP, "binary", ZIP),
    "a gzip archive": ("a.tar.gz", b"\x1f\x8b123", "gzip", b"\x1f\x8b123"),
}


@pytest.mark.parametrize(("name", "content", "kind", "given"), OTHERS.values(), ids=OTHERS.keys())
def test_any_other_file_can_be_opened(tmp_path: Path, name: str, content: bytes, kind: str, given: Any) -> None:
    profile = profiled(tmp_path, name, content)

    assert (profile.kind, read(profile, tmp_path, open=opened)) == (kind, given)


# Tables that are handed over


def handed_over(folder: Path, frame: Any) -> tuple[InputProfile, Any]:
    """The profile of a frame, and what its expression gives after the preamble ran."""
    prepared = run(prepare([], {"df": table_of("df", frame)}, folder / "run"))
    names: dict[str, Any] = {}
    before = Path.cwd()
    os.chdir(prepared.workspace.folder)
    try:
        exec(prepared.preamble, names)
        profile = InputProfile(**json.loads(prepared.inputs))
        return profile, (names["df"], eval(profile.read, names))
    finally:
        os.chdir(before)


TABLES = {
    "plain": (FRAME, "df", ["region", "day", "ok", "n"]),
    "a filtered one": (FRAME[FRAME["n"] > 1], "df", ["region", "day", "ok", "n"]),
    "a named index": (FRAME.set_index("region"), "df.reset_index()", ["region", "day", "ok", "n"]),
    "an index of two levels": (FRAME.set_index(["region", "day"]), "df.reset_index()", ["region", "day", "ok", "n"]),
    "lists and dicts in cells": (pd.DataFrame({"a": [[1], [2, 3]], "b": [{"x": 1}, {"x": 2}]}), "df", ["a", "b"]),
    "categories": (pd.DataFrame({"a": pd.Categorical(["x", "y"])}), "df", ["a"]),
    "nothing in it": (pd.DataFrame({"a": pd.Series([], dtype=float)}), "df", ["a"]),
}


@pytest.mark.parametrize(("frame", "expression", "columns"), TABLES.values(), ids=TABLES.keys())
def test_a_table_is_handed_over_whole_and_described_as_it_is_read(
    tmp_path: Path, frame: pd.DataFrame, expression: str, columns: list[str]
) -> None:
    profile, (variable, content) = handed_over(tmp_path, frame)

    assert (profile.kind, profile.read, profile.rows) == ("dataframe", expression, len(frame))
    assert sorted(column["name"] for column in profile.columns) == sorted(columns)
    assert sorted(content.columns) == sorted(columns)
    assert list(variable.columns) == list(frame.columns)
    assert variable.index.tolist() == frame.index.tolist()


def test_the_kinds_and_examples_of_a_table_come_from_its_types() -> None:
    profile = profile_table("df", table_of("df", FRAME))

    assert [(c["name"], c["kind"]) for c in profile.columns] == [
        ("region", "text"),
        ("day", "date"),
        ("ok", "bool"),
        ("n", "number"),
    ]
    assert profile.columns[0]["examples"] == ["N", "S"]


def test_a_series_is_a_table_of_one_column() -> None:
    assert table_of("s", pd.Series([1, 2], name="n")).column_names == ["n"]


NO_TABLES = {
    "no name": ("my frame", FRAME, "'my frame' cannot be the name of a table"),
    "a keyword": ("class", FRAME, "'class' cannot be the name of a table"),
    "no frame": ("df", [1, 2], r"data\['df'\] is a list; only DataFrames"),
    "a column twice": (
        "df",
        pd.DataFrame([[1, 2]], columns=["a", "a"]),
        "The DataFrame 'df' cannot be handed over: Duplicate column",
    ),
    "mixed cells": ("df", pd.DataFrame({"a": [1, "x", object()]}), "Make its columns numbers, dates or text"),
}


@pytest.mark.parametrize(("name", "frame", "told"), NO_TABLES.values(), ids=NO_TABLES.keys())
def test_what_cannot_be_handed_over_is_refused(name: str, frame: Any, told: str) -> None:
    with pytest.raises(RequestError, match=told):
        table_of(name, frame)


def test_a_table_is_a_copy_of_now() -> None:
    frame = pd.DataFrame({"a": np.arange(3.0)})
    table = table_of("df", frame)

    frame.loc[0, "a"] = 99.0

    assert table.column("a").to_pylist() == [0.0, 1.0, 2.0]


def test_a_table_that_could_not_be_had_stops_the_run_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="because"):
        run(prepare([], {"df": RequestError("because")}, tmp_path / "run"))

    assert not (tmp_path / "run").exists()


@pytest.mark.timeout(300)
def test_a_header_of_many_equal_titles_costs_no_more_than_its_length(tmp_path: Path) -> None:
    """Each was compared with all others before: 60,000 of them would take hours."""
    path = tmp_path / "wide.csv"
    path.write_text("a," * 60_000 + "a\n" + "1," * 60_000 + "1\n")

    names = [column["name"] for column in profile_file(path, "wide.csv").columns]

    assert names[:3] == ["a", "a.1", "a.2"]
    assert len(set(names)) == 60_001
