"""What a page brings: in a folder of its own, whole, under a name that leads nowhere; or refused with one sentence."""

import gc
from pathlib import Path

import pytest

from genie_nb.backend import inbox
from genie_nb.backend.inbox import Inbox, summary_of
from genie_nb.errors import RequestError


@pytest.fixture
def box(tmp_path: Path) -> Inbox:
    return Inbox.within(tmp_path / "runs")


def brought(box: Inbox, name: str, content: bytes) -> tuple[Path, str]:
    coming = box.begin(name, len(content))
    for at in range(0, len(content), 4):
        assert coming.write(content[at : at + 4]) == min(at + 4, len(content))
    return coming.path, coming.finish().about


def test_a_file_that_came_in_pieces_is_whole_and_described(box: Inbox) -> None:
    path, about = brought(box, "销售.csv", "a,b\n1,ü\n".encode())

    assert path.read_text() == "a,b\n1,ü\n"
    assert about == "CSV, 1 row × 2 columns, UTF-8"


def test_only_the_person_may_look_into_it(box: Inbox) -> None:
    path, _ = brought(box, "a.csv", b"a\n1\n")

    assert box.folder.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0


def test_files_of_one_name_do_not_meet(box: Inbox) -> None:
    first, second = brought(box, "a.csv", b"a\n1\n")[0], brought(box, "a.csv", b"a\n2\n")[0]

    assert (first.name, second.name) == ("a.csv", "a.csv")
    assert (first.read_bytes(), second.read_bytes()) == (b"a\n1\n", b"a\n2\n")


HOSTILE = {
    "up": ("../../a.csv", "a.csv"),
    "absolute": ("/etc/passwd", "passwd"),
    "Windows": ("C:\\boot\\a.csv", "a.csv"),
    "a NUL": ("a\0b.csv", "a_b.csv"),
    "lines": ("a\nb.csv", "a_b.csv"),
    "reserved": ("CON.csv", "_CON.csv"),
    "reserved without an ending": ("nul", "_nul"),
    "hidden": (".env", "env"),
    "a stream": ("a.csv:evil", "a.csv_evil"),
    "a lone surrogate": ("a\udc80.csv", "a?.csv"),
    "very long": ("x" * 5_000 + ".csv", "x" * 196 + ".csv"),
}


@pytest.mark.parametrize(("name", "kept"), HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_name_leads_nowhere(box: Inbox, name: str, kept: str) -> None:
    coming = box.begin(name, 1)

    assert coming.name == kept
    assert coming.path.resolve().is_relative_to(box.folder.resolve())
    coming.discard()


@pytest.mark.parametrize("name", ["", "..", "/", "...", " "])
def test_what_is_no_name_is_refused(box: Inbox, name: str) -> None:
    with pytest.raises(RequestError, match="is no name for a file"):
        box.begin(name, 1)


def test_an_empty_and_a_giant_file_are_refused_before_they_come(box: Inbox) -> None:
    with pytest.raises(RequestError, match=r"a\.csv is empty \(0 bytes\)"):
        box.begin("a.csv", 0)
    with pytest.raises(RequestError, match=r'a\.csv has 3\.2 GB; a page brings .* 1\.1 GB. .*: box\.add\("a\.csv"\)\.'):
        box.begin("a.csv", 3_200_000_000)
    assert not box.folder.exists()


def test_a_disk_without_room_is_told(box: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "SPARE_BYTES", 2**60)

    with pytest.raises(RequestError, match=r"There is no room on the disk for a\.csv"):
        box.begin("a.csv", 1)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file")

    with pytest.raises(RequestError, match=r"a\.csv cannot be kept: "):
        Inbox.within(tmp_path / "runs").begin("a.csv", 1)


def test_more_than_was_said_and_less_are_refused(box: Inbox) -> None:
    coming = box.begin("a.csv", 3)
    coming.write(b"ab")
    with pytest.raises(RequestError, match=r"a\.csv has more bytes than its page said"):
        coming.write(b"cd")
    with pytest.raises(RequestError, match=r"a\.csv came only in part"):
        coming.finish()
    coming.discard()
    assert not coming.path.parent.exists()


def test_a_file_that_is_not_what_its_name_says_is_refused_when_it_is_there(box: Inbox) -> None:
    with pytest.raises(RequestError, match=r"a\.png is not an image"):
        brought(box, "a.png", b"words")


def test_everything_goes_with_the_box(box: Inbox) -> None:
    brought(box, "a.csv", b"a\n1\n")
    box.close()

    assert not box.folder.exists()
    box.close()


def test_everything_goes_when_the_box_is_forgotten(tmp_path: Path) -> None:
    box = Inbox.within(tmp_path)
    folder = box.folder
    brought(box, "a.csv", b"a\n1\n")
    del box
    gc.collect()

    assert not folder.exists()


def test_a_file_that_lies_here_is_described_by_its_path(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"a\n1\n")

    assert summary_of(tmp_path / "a.csv").about == "CSV, 1 row × 1 column, UTF-8"
    with pytest.raises(RequestError, match="does not exist"):
        summary_of(tmp_path / "nowhere.csv")
