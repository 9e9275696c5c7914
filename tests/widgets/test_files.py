"""Files of a run: what was given is listed with what it holds, what was made can be had one by one or together."""

import gzip
import io
import threading
import zipfile
from pathlib import Path
from typing import Any

import pytest

from genie_nb import events as ev
from genie_nb.errors import RequestError
from genie_nb.parts import FileRef
from genie_nb.widgets import parcels, run_view
from genie_nb.widgets.labels import about_in, labels_for
from genie_nb.widgets.previews import preview_html
from genie_nb.widgets.record import record_html, record_markdown, record_text
from genie_nb.widgets.run_view import RunView
from genie_nb.widgets.takeaway import to_zip
from tests.widgets.sample_runs import folded, numbered
from tests.widgets.test_run_view import FakeComm, Stage, each, open_comms, stage

__all__ = ("open_comms", "stage")  # fixtures

CSV = "地区;销售额\n华北;120\n华东;300\n".encode("gbk")
ABOUT = "CSV (semicolons), 2 rows × 2 columns, GBK"


def ref(name: str, content: bytes = b"", media_type: str = "text/csv", about: str = "") -> FileRef:
    return FileRef(name=name, size=len(content), media_type=media_type, sha256="", about=about)


def run_of(*made: str, query: str = "Which region?", contents: dict[str, bytes] | None = None) -> list[ev.RunEvent]:
    """A run that was given a file and a table, and made these files."""
    given = ref("销售.csv", CSV, about=ABOUT)
    table = ref("df", bytes(1_204), "application/vnd.apache.arrow.file", "DataFrame, 3 rows × 2 columns")
    begin = ev.RunStarted(query=query, agent="react", model="m", badge="b", files=(given,), tables=(table,))
    files = [ev.FileCreated(file=ref(name, (contents or {}).get(name, b"a,b\n"))) for name in made]
    return numbered([begin, *files, ev.RunFinished(output="Done.")])


def read(name: str, most_bytes: int | None = None) -> bytes:
    return {"销售.csv": CSV}[name]


def test_a_live_view_lists_what_was_given_with_what_it_holds(stage: Stage) -> None:
    stage.follow(each(run_of()))
    text = stage.comm.page.text()

    assert text.index("Which region?") < text.index("Given") < text.index("销售.csv")
    assert ABOUT in text
    assert "DataFrame, 3 rows × 2 columns" in text


def test_what_was_given_unfolds_to_its_preview(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage.view, "_read_file", read)
    stage.follow(each(run_of()))

    stage.comm.say({"type": "preview", "name": "销售.csv", "key": "g0"})

    stage.comm.wait_for(lambda: bool(stage.comm.of_type("preview")))
    assert "<td>华东</td><td>300</td>" in stage.comm.of_type("preview")[0]["html"]


def test_a_record_lists_what_was_given_and_its_plain_text_is_what_it_was() -> None:
    transcript = folded(run_of())

    assert "<td>华东</td>" in record_html(transcript, read_file=read)
    assert f"**Given**\n\n- 销售.csv ({ABOUT})\n- df (DataFrame, 3 rows × 2 columns)" in record_markdown(transcript)
    assert record_text(transcript) == "Question: Which region?\n\nAnswer:\nDone."


def test_a_hostile_name_and_what_it_holds_are_only_words() -> None:
    file = ref("<img src=x>.csv", about="Excel, 1 sheet: <script>alert(1)</script>")
    transcript = folded(numbered([ev.RunStarted(query="?", agent="a", model="m", badge="b", files=(file,))]))

    for said in (record_html(transcript, read_file=lambda *_: b""), record_markdown(transcript)):
        assert "<script" not in said.partition("</style>")[2] or said.startswith("**")
        assert "<img" not in said


CHINESE = {
    ABOUT: "CSV（分号分隔），2 行 × 2 列，GBK",
    "CSV, about 41,000,000 rows × 1 column, gzip, UTF-8 with BOM": "CSV，约 41,000,000 行 × 1 列，gzip，UTF-8（带 BOM）",
    "Excel, 2 sheets: rows 3 × 2, 销售 1,204 × 7": "Excel，2 个工作表：rows 3 × 2，销售 1,204 × 7",
    "PDF, 3 pages, no text": "PDF，3 页，无文字",
    "Text, 1 line, UTF-8": "文本，1 行，UTF-8",
    "PNG, 800 × 600 pixels": "PNG，800 × 600 像素",
}


@pytest.mark.parametrize(("about", "chinese"), CHINESE.items(), ids=CHINESE.keys())
def test_what_a_file_holds_is_told_in_the_language_of_the_question(about: str, chinese: str) -> None:
    assert about_in(labels_for("哪个地区？"), about) == chinese
    assert about_in(labels_for("Which region?"), about) == about


PREVIEWS = {
    "packed": gzip.compress("a,b\n1,ü\n".encode()),
    "UTF-16": "a,b\n1,ü\n".encode("utf-16"),
    "Western European": "a\tb\n1\tü\n".encode("cp1252"),
}


@pytest.mark.parametrize("content", PREVIEWS.values(), ids=PREVIEWS.keys())
def test_the_preview_of_a_table_knows_its_encoding_and_its_separator(content: bytes) -> None:
    assert "<td>1</td><td>ü</td>" in preview_html(ref("a.csv", content), content, labels_for(""))


def test_a_broken_archive_has_an_empty_preview() -> None:
    content = b"\x1f\x8b" + bytes(40)
    assert "<td>" not in preview_html(ref("a.csv.gz", content), content, labels_for(""))


# All files together

MADE = {"growth.png": b"png" * 9, "图表/销售 1.csv": CSV, "../outside.txt": b"x", "/etc/passwd": b"x", "gone.txt": b""}


class Files:
    """A run's files on a shelf."""

    query = "?"

    def __init__(self, made: dict[str, bytes]) -> None:
        self.made, self.tables, self.preamble = made, dict[str, str](), ""

    def events_so_far(self) -> list[ev.RunEvent]:
        return run_of(*self.made, contents=self.made)

    def read_file(self, name: str, most_bytes: int | None = None) -> bytes:
        return self.made[name][:most_bytes]

    def copy_file(self, name: str, target: Path, most_bytes: int) -> None:
        if not self.made[name]:
            raise RequestError(f"The run has no file {name!r}.")
        assert len(self.made[name]) <= most_bytes
        target.write_bytes(self.made[name])


def test_an_archive_holds_the_files_by_their_names_and_nothing_leads_out_of_it(tmp_path: Path) -> None:
    path = to_zip(Files(MADE), tmp_path / "all")

    assert path == tmp_path / "all.zip"
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["growth.png", "图表/销售 1.csv"]
        assert archive.read("图表/销售 1.csv") == CSV
    assert [entry.name for entry in tmp_path.iterdir()] == ["all.zip"]


NO_ARCHIVE: dict[str, tuple[dict[str, bytes], str, str]] = {
    "nothing made": ({}, "a.zip", "The run has made no files"),
    "all gone": ({"gone.txt": b""}, "a.zip", "None of the files that the run made is there any more"),
    "no folder": (MADE, "nowhere/a.zip", "The folder .* does not exist"),
    "a folder": (MADE, ".", "is a folder"),
}


@pytest.mark.parametrize(("made", "place", "told"), NO_ARCHIVE.values(), ids=NO_ARCHIVE.keys())
def test_an_archive_that_cannot_be_is_one_sentence_and_leaves_nothing(
    tmp_path: Path, made: dict[str, bytes], place: str, told: str
) -> None:
    with pytest.raises(RequestError, match=told):
        to_zip(Files(made), tmp_path / place)
    assert list(tmp_path.iterdir()) == []


def test_when_the_disk_is_full_the_older_archive_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.zip").write_bytes(b"older")
    files = Files(MADE)

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "copy_file", full)
    with pytest.raises(RequestError, match=r"The file 'a\.zip' cannot be written: No space left on device"):
        to_zip(files, tmp_path / "a.zip")
    assert (tmp_path / "a.zip").read_bytes() == b"older"
    assert len(list(tmp_path.iterdir())) == 1


class Fetching(Stage):
    """A view whose files can be copied."""

    def __init__(self, made: dict[str, bytes]) -> None:
        super().__init__()
        self.view.close()
        files = Files(made)
        self.view = RunView(
            on_cancel=threading.Event().set,
            decide=self.decide,
            read_file=files.read_file,
            copy_file=files.copy_file,
            loop=self.loop,
        )
        self.comm: FakeComm = self.view.comm
        self.follow(each(files.events_so_far()))

    def fetched(self, parcel: str) -> bytes:
        """What a page gets that asks for one piece after the other."""
        self.comm.say({"type": "zip", "id": parcel})
        self.comm.wait_for(lambda: any(told["id"] == parcel for told in self.comm.of_type("parcel")))
        size, content = self.comm.of_type("parcel")[-1]["size"], b""
        while len(content) < size:
            before = len(self.comm.of_type("piece"))
            self.comm.say({"type": "piece", "id": parcel, "at": len(content)})
            self.comm.wait_for(lambda count=before: len(self.comm.of_type("piece")) > count)  # type: ignore[misc]
            content += self.comm.of_type("piece")[-1]["buffers"][0]
        return content


def test_a_page_gets_all_files_as_one_archive_in_pieces(open_comms: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parcels, "PIECE_BYTES", 100)
    stage = Fetching(MADE)
    try:
        content = stage.fetched("p1")
        assert len(stage.comm.of_type("piece")) > 2
        assert zipfile.ZipFile(io.BytesIO(content)).namelist() == ["growth.png", "图表/销售 1.csv"]
        assert stage.view._parcels == {}
        stage.comm.say({"type": "piece", "id": "p1", "at": 0})
        stage.comm.say({"type": "piece", "id": "unknown", "at": 0})
        assert stage.fetched("p2")
    finally:
        stage.close()


TOO_MUCH = {"too large": (10, MADE, "too large for the page"), "all gone": (10**9, {"gone.txt": b""}, "could not be packed")}


@pytest.mark.parametrize(("most", "made", "told"), TOO_MUCH.values(), ids=TOO_MUCH.keys())
def test_what_cannot_be_packed_is_told_to_the_page(
    open_comms: None, monkeypatch: pytest.MonkeyPatch, most: int, made: dict[str, bytes], told: str
) -> None:
    monkeypatch.setattr(run_view, "ZIP_BYTES", most)
    stage = Fetching(made)
    try:
        stage.comm.say({"type": "zip", "id": "p"})
        stage.comm.wait_for(lambda: bool(stage.comm.of_type("parcel")))
        assert told in stage.comm.of_type("parcel")[0]["why"]
    finally:
        stage.close()


def test_an_archive_that_was_not_fetched_goes_with_its_view(open_comms: None) -> None:
    stage = Fetching(MADE)
    stage.comm.say({"type": "zip", "id": "p"})
    stage.comm.wait_for(lambda: bool(stage.comm.of_type("parcel")))
    (parcel,) = stage.view._parcels.values()
    stage.close()
    assert parcel._content.closed
