"""Workbooks, PDF documents, pictures and packed tables: what they hold in few words, or one sentence why not."""
# ruff: noqa: E501 - a case stands on one line

import gzip
import json
import struct
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from genie_nb.backend import documents, text_files
from genie_nb.backend.inputs import profile_file
from genie_nb.errors import RequestError
from tests.backend.documents import gzip_bomb, locked_pdf, pdf, workbook, zip_bomb, zipped
from tests.backend.test_inputs import PNG, opened, profiled, read

SALES = pd.DataFrame({"region": ["Nord", "Süd"], "sales": [10, 20]})
BOOK = workbook({"Umsatz": SALES, "销售": SALES.head(1)})
LOW_BOOK = workbook({"Umsatz": SALES}, above=3)
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(10) + b"\xff\xc0" + struct.pack(">HBHH", 17, 8, 600, 800) + bytes(20)
GIF = b"GIF89a" + struct.pack("<HH", 800, 600)
CHINESE = "地区,销售额\n华北,120\n华东,300\n"
TRADITIONAL = "姓名,地址\n陳小明,台北市中正區\n"
JAPANESE = "なまえ,住所\nたなか,東京都\n"

ABOUT = {
    "CSV": ("a.csv", b"a,b\n1,2\n3,4\n", "CSV, 2 rows × 2 columns, UTF-8"),
    "one row": ("a.csv", b"a\n1\n", "CSV, 1 row × 1 column, UTF-8"),
    "thousands": ("a.csv", b"a,b\n" + b"1,2\n" * 1_204, "CSV, 1,204 rows × 2 columns, UTF-8"),
    "semicolons": ("a.csv", "Straße;b\nMüllerstraße;2\n".encode("cp1252"), "CSV (semicolons), 1 row × 2 columns, Windows-1252"),
    "tabs": ("a.tsv", b"a\tb\n1\t2\n", "CSV (tabs), 1 row × 2 columns, UTF-8"),
    "bars": ("a.csv", b"a|b\n1|2\n", "CSV (bars), 1 row × 2 columns, UTF-8"),
    "GBK": ("a.csv", CHINESE.encode("gbk"), "CSV, 2 rows × 2 columns, GBK"),
    "GB 18030": ("a.csv", (CHINESE + "𠮷,1\n").encode("gb18030"), "CSV, 3 rows × 2 columns, GB18030"),
    "Big5": ("a.csv", TRADITIONAL.encode("big5"), "CSV, 1 row × 2 columns, Big5"),
    "Shift-JIS": ("a.csv", JAPANESE.encode("cp932"), "CSV, 1 row × 2 columns, Shift-JIS"),
    "UTF-16": ("a.csv", CHINESE.encode("utf-16"), "CSV, 2 rows × 2 columns, UTF-16"),
    "UTF-32": ("a.csv", CHINESE.encode("utf-32"), "CSV, 2 rows × 2 columns, UTF-32"),
    "a mark": ("a.csv", CHINESE.encode("utf-8-sig"), "CSV, 2 rows × 2 columns, UTF-8 with BOM"),
    "packed": ("a.csv.gz", gzip.compress(CHINESE.encode("gbk")), "CSV, 2 rows × 2 columns, gzip, GBK"),
    "a workbook": ("a.xlsx", BOOK, "Excel, 2 sheets: Umsatz 3 × 2, 销售 2 × 2"),
    "a workbook below empty rows": ("a.xlsx", LOW_BOOK, "Excel, 1 sheet: Umsatz 3 × 2"),
    "JSON": ("a.json", b'[{"a": 1}, {"a": 2}]', "JSON, 2 records, UTF-8"),
    "a list in a JSON object": ("a.json", b'{"v": 1, "rows": [{"a": 1}]}', "JSON, 1 record in the list rows, UTF-8"),
    "JSON object": ("a.json", b'{"a": 1}', "JSON, 1 key, UTF-8"),
    "JSON lines": ("a.jsonl", b'{"a": 1}\n{"a": 2}\n', "JSON lines, 2 records, UTF-8"),
    "packed JSON lines": ("a.jsonl.gz", gzip.compress(b'{"a": 1}\n'), "JSON lines, 1 record, gzip, UTF-8"),
    "text": ("a.md", b"one\ntwo\nthree", "Text, 3 lines, UTF-8"),
    "PNG": ("a.png", PNG, "PNG, 800 × 600 pixels"),
    "JPEG": ("a.jpg", JPEG, "JPEG, 800 × 600 pixels"),
    "GIF": ("a.gif", GIF, "GIF, 800 × 600 pixels"),
    "PDF": ("a.pdf", pdf("Quarterly report", "Sales grew"), "PDF, 2 pages"),
    "PDF without text": ("a.pdf", pdf(""), "PDF, 1 page, no text"),
    "a zip archive": ("a.zip", zipped({"a.txt": b"a"}), "Zip archive"),
    "a database": ("a.db", b"SQLite format 3\0" + bytes(80), "SQLite database"),
}  # fmt: skip


@pytest.mark.parametrize(("name", "content", "about"), ABOUT.values(), ids=ABOUT.keys())
def test_what_a_file_holds_is_told_in_few_words(tmp_path: Path, name: str, content: bytes, about: str) -> None:
    profile = profiled(tmp_path, name, content)

    assert (profile.about, profile.size) == (about, len(content))


READABLE = {
    "Big5": ("a.csv", TRADITIONAL.encode("big5"), [["陳小明", "台北市中正區"]]),
    "Shift-JIS": ("a.csv", JAPANESE.encode("cp932"), [["たなか", "東京都"]]),
    "UTF-32": ("a.csv", CHINESE.encode("utf-32"), [["华北", 120], ["华东", 300]]),
    "packed, with tabs": ("a.tsv.gz", gzip.compress("a\tb\nü\t1\n".encode("cp1252")), [["ü", 1]]),
    "packed JSON": ("a.json.gz", gzip.compress(b'[{"a": 1}]'), [[1]]),
    "packed JSON lines": ("a.jsonl.gz", gzip.compress(b'{"a": 1}\n{"a": 2}\n'), [[1], [2]]),
    "a workbook": ("a.xlsx", BOOK, [["Nord", 10], ["Süd", 20]]),
    "a workbook below empty rows": ("a.xlsx", LOW_BOOK, [["Nord", 10], ["Süd", 20]]),
    "a packed list in a JSON object": ("a.json.gz", gzip.compress(b'{"v": 1, "rows": [{"a": 1}]}'), [[1]]),
}


@pytest.mark.parametrize(("name", "content", "rows"), READABLE.values(), ids=READABLE.keys())
def test_it_is_read_by_its_own_expression(tmp_path: Path, name: str, content: bytes, rows: list[list[Any]]) -> None:
    assert read(profiled(tmp_path, name, content), tmp_path).to_numpy().tolist() == rows


def test_the_text_of_a_document_is_read_by_its_own_expression(tmp_path: Path) -> None:
    profile = profiled(tmp_path, "a.pdf", pdf("Quarterly report", "Sales grew"))

    assert read(profile, tmp_path) == "Quarterly report\nSales grew"
    assert profile.more == {"pages": 2, "begins": "Quarterly report"}


def test_packed_text_that_is_no_table_is_read_by_its_own_expression(tmp_path: Path) -> None:
    profile = profiled(tmp_path, "a.csv.gz", gzip.compress(b"x" * 400_000))

    assert (profile.kind, len(read(profile, tmp_path))) == ("text", 400_000)


def test_a_model_is_told_sheets_and_pages(tmp_path: Path) -> None:
    told = json.loads(profiled(tmp_path, "a.xlsx", BOOK).line())

    assert told["more"]["sheets"] == [{"name": "Umsatz", "rows": 3, "columns": 2}, {"name": "销售", "rows": 2, "columns": 2}]
    assert "about" not in told


def test_a_model_is_told_so_many_columns_and_how_many_there_are(tmp_path: Path) -> None:
    content = ",".join(f"c{n}" for n in range(9_000)).encode() + b"\n"

    told = json.loads(profiled(tmp_path, "a.csv", content).line())

    assert (len(told["columns"]), told["more"]) == (500, {"columns_in_all": 9_000})


REFUSED = {
    "a document that is none": ("a.pdf", b"%PDF-1.7\nno pages at all", "The PDF document a.pdf is broken"),
    "half a document": ("a.pdf", pdf("words")[:150], "The PDF document a.pdf is broken"),
    "a locked document": ("a.pdf", locked_pdf("x"), "The PDF document a.pdf is protected by a password. Give a copy without"),
    "a text called .pdf": ("a.pdf", b"hello", "a.pdf is not a PDF document, although its name says so"),
    "a zip archive called .xlsx": ("a.xlsx", zipped({"a.txt": b"a"}), "a.xlsx is not an Excel workbook: it is a zip archive"),
    "an empty zip archive called .xlsx": ("a.xlsx", zipped({}), "a.xlsx is not an Excel workbook: it is a zip archive"),
    "half a workbook": ("a.xlsx", BOOK[:2_000], "a.xlsx is not a whole Excel workbook"),
    "a workbook without sheets": (
        "a.xlsx",
        zipped({"xl/workbook.xml": b"<a/>", "xl/_rels/workbook.xml.rels": b"<a/>"}),
        "a.xlsx is not a whole Excel workbook",
    ),
    "a workbook whose list is no XML": (
        "a.xlsx",
        zipped({"xl/workbook.xml": b"<a", "xl/_rels/workbook.xml.rels": b"<a/>"}),
        "a.xlsx is not a whole Excel workbook",
    ),
    "a workbook with a list that is too long": (
        "a.xlsx",
        zipped({"xl/workbook.xml": b"<a>" + b" " * 2**23 + b"</a>", "xl/_rels/workbook.xml.rels": b"<a/>"}),
        "a.xlsx is not a whole Excel workbook",
    ),
    "a workbook of ten thousand parts": (
        "a.xlsx", zipped({f"{n}": b"" for n in range(10_001)}), "a.xlsx has more than 10,000 parts",
    ),
    "an old workbook": ("a.xls", b"\xd0\xcf\x11\xe0" + bytes(600), "a.xls is an old Excel workbook or protected by a password"),
    "a picture that ends too early": ("a.png", PNG[:18], "a.png is a broken picture: it begins like a PNG image and ends"),
    "a picture without a size": ("a.gif", b"GIF89a\0\0\0\0", "a.gif is a broken picture: it begins like a GIF image and has no"),
    "a JPEG that says nothing": ("a.jpg", b"\xff\xd8\xff\xda\x00\x02\x00\x00", "a.jpg is a broken picture"),
    "half an archive": ("a.csv.gz", gzip.compress(b"a,b\n1,2\n")[:-6], "a.csv.gz is not a whole gzip archive"),
    "a picture in an archive": ("a.csv.gz", gzip.compress(PNG), "a.csv.gz is not a CSV table: its content is a PNG image"),
}  # fmt: skip


@pytest.mark.parametrize(("name", "content", "told"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_broken_locked_or_none_is_refused_with_one_sentence(
    tmp_path: Path, name: str, content: bytes, told: str
) -> None:
    with pytest.raises(RequestError) as caught:
        profiled(tmp_path, name, content)

    assert told in str(caught.value)
    assert "\n" not in str(caught.value)
    assert str(tmp_path) not in str(caught.value)


def test_a_workbook_that_unpacks_to_too_much_is_never_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "INFLATED_BYTES", 16 * 2**20)
    bomb = zip_bomb(BOOK, 32 * 2**20)
    assert len(bomb) < 100_000

    with pytest.raises(RequestError, match=r"a.xlsx unpacks to 0.0 GB; no more than 0.0 GB are opened. Save the sheet"):
        profiled(tmp_path, "a.xlsx", bomb)


def test_an_archive_that_unpacks_to_too_much_is_left_at_the_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_files, "UNPACKED_BYTES", 16 * 2**20)

    with pytest.raises(RequestError, match=r"a.csv.gz unpacks to more than the 0.0 GB that are opened"):
        profiled(tmp_path, "a.csv.gz", gzip_bomb(32 * 2**20))


def test_a_document_that_takes_too_long_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "PDF_S", 0.0)

    with pytest.raises(RequestError, match=r"a.pdf cannot be read within 0 s"):
        profiled(tmp_path, "a.pdf", pdf("words"))


def test_a_file_that_is_too_long_to_be_counted_has_an_estimate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_files, "COUNT_BYTES", 300_000)
    monkeypatch.setattr(text_files, "PARSED_BYTES", 300_000)

    profile = profiled(tmp_path, "a.csv", b"a,b\n" + b"12345,67890\n" * 123_456)

    assert (profile.rows, profile.more) == (None, {"rows_about": 120_000})
    assert profile.about == "CSV, about 120,000 rows × 2 columns, UTF-8"


def test_a_picture_that_lies_about_a_large_file_is_not_read_beyond_its_head(tmp_path: Path) -> None:
    with (tmp_path / "a.png").open("wb") as file:
        file.write(PNG)
        file.truncate(2**40)

    assert profile_file(tmp_path / "a.png", "a.png").about == "PNG, 800 × 600 pixels"


def test_any_other_archive_is_opened_as_bytes(tmp_path: Path) -> None:
    profile = profiled(tmp_path, "a.tar.gz", gzip.compress(b"x"))

    assert (profile.kind, profile.about) == ("gzip", "Gzip archive")
    assert read(profile, tmp_path, open=opened) == gzip.compress(b"x")
