"""A run's folder: nothing outside can be named, originals stay, what is new is told once."""

import errno
import hashlib
import os
from pathlib import Path

import pytest

from genie_nb.backend import workspace
from genie_nb.backend.preparing import prepare
from genie_nb.backend.workspace import Workspace
from genie_nb.errors import RequestError
from tests.fakes import run


@pytest.fixture
def space(tmp_path: Path) -> Workspace:
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "runs-2").mkdir()
    (tmp_path / "runs-2" / "a.txt").write_text("of another run")
    made = Workspace.create(tmp_path / "runs")
    (made.folder / "a.txt").write_text("mine")
    (made.folder / "sub").mkdir()
    (made.folder / "sub" / "b.txt").write_text("deeper")
    return made


INSIDE = {"a.txt": b"mine", "sub/b.txt": b"deeper", "./a.txt": b"mine", "sub/../a.txt": b"mine"}


@pytest.mark.parametrize(("name", "content"), INSIDE.items(), ids=INSIDE.keys())
def test_a_file_of_the_run_is_read_by_its_name(space: Workspace, name: str, content: bytes) -> None:
    assert space.read(name) == content


def test_an_absolute_path_inside_is_no_way_out(space: Workspace) -> None:
    assert space.read(str(space.folder / "a.txt")) == b"mine"


OUTSIDE = {
    "up": "../secret.txt",
    "down and up": "sub/../../secret.txt",
    "a neighbour with a longer name": "../runs-2/a.txt",
    "absolute": "/etc/passwd",
    "a link to a file": "link.txt",
    "through a link to a folder": "folder-link/secret.txt",
    "links in a circle": "circle-a",
    "a folder": "sub",
    "the folder itself": "",
    "nothing there": "c.txt",
    "below a file": "a.txt/b",
    "a NUL": "a.txt\0",
    "a very long name": "x" * 5_000,
    "a long path": "x/" * 5_000,
}


@pytest.mark.parametrize("name", OUTSIDE.values(), ids=OUTSIDE.keys())
def test_a_name_that_leads_out_or_to_no_file_is_refused(space: Workspace, tmp_path: Path, name: str) -> None:
    (space.folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    (space.folder / "folder-link").symlink_to(tmp_path)
    (space.folder / "circle-a").symlink_to(space.folder / "circle-b")
    (space.folder / "circle-b").symlink_to(space.folder / "circle-a")

    with pytest.raises(RequestError, match="The run has no file"):
        space.read(name)
    with pytest.raises(RequestError, match="The run has no file"):
        space.copy(name, tmp_path / "copy", 10)
    assert not (tmp_path / "copy").exists()


def test_a_copy_is_made_piece_by_piece_up_to_its_bound(
    space: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workspace, "PIECE_BYTES", 3)
    space.copy("sub/b.txt", tmp_path / "copy", 6)
    assert (tmp_path / "copy").read_bytes() == b"deeper"
    with pytest.raises(RequestError, match=r"'sub/b\.txt' is too large to be copied"):
        space.copy("sub/b.txt", tmp_path / "copy", 5)
    assert (tmp_path / "copy").stat().st_size == 3


def test_inputs_are_copies_and_are_not_news(tmp_path: Path) -> None:
    original = tmp_path / "sales.csv"
    original.write_text("a\n1\n")

    space = Workspace.create(tmp_path / "deep" / "runs" / "r1")
    brought = space.bring({"sales.csv": original})
    assert brought["sales.csv"].size == 4
    assert space.changed() == []
    (space.folder / "sales.csv").write_text("overwritten")

    assert original.read_text() == "a\n1\n"
    assert [file.name for file in space.changed()] == ["sales.csv"]


def test_the_folder_is_the_person_s_own(tmp_path: Path) -> None:
    assert Workspace.create(tmp_path / "r").folder.stat().st_mode & 0o077 == 0


def test_new_and_altered_files_are_told_once_by_name(space: Workspace) -> None:
    assert [file.name for file in space.changed()] == ["a.txt", "sub/b.txt"]
    assert space.changed() == []

    (space.folder / "sub" / "b.txt").write_text("deeper still")
    (space.folder / "c.png").write_bytes(b"png")
    (space.folder / "a.txt").unlink()

    told = space.changed()
    assert [(file.name, file.size, file.media_type) for file in told] == [
        ("c.png", 3, "image/png"),
        ("sub/b.txt", 12, "text/plain"),
    ]
    assert told[0].sha256 == hashlib.sha256(b"png").hexdigest()
    assert space.changed() == []


def test_what_is_no_file_for_the_person_is_not_told(space: Workspace, tmp_path: Path) -> None:
    space.changed()
    (space.folder / ".hidden").write_text("x")
    for folder in (".inputs", "__pycache__"):
        (space.folder / folder).mkdir()
        (space.folder / folder / "x.txt").write_text("x")
    (space.folder / "link").symlink_to(tmp_path / "secret.txt")
    (space.folder / "folder-link").symlink_to(tmp_path)
    os.mkfifo(space.folder / "pipe")
    (space.folder / "no UTF-8 \udcff").write_text("x")

    assert space.changed() == []


def test_of_a_flood_of_files_only_so_many_are_told(space: Workspace) -> None:
    for number in range(workspace.MAX_FILES + 5):
        (space.folder / f"{number:05}.txt").touch()

    assert len(space.changed()) == workspace.MAX_FILES


def test_a_folder_that_is_there_already_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    older = tmp_path / "runs" / "r1"
    older.mkdir(parents=True)
    (older / "precious.txt").write_text("precious")

    with pytest.raises(RequestError, match="The run's folder cannot be made in runs: File exists"):
        Workspace.create(older)

    assert (older / "precious.txt").read_text() == "precious"


def test_a_folder_below_a_file_is_refused_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file")

    with pytest.raises(RequestError, match="The run's folder cannot be made in runs: "):
        Workspace.create(tmp_path / "runs" / "r1")


def test_when_a_copy_fails_no_half_of_it_is_left(space: Workspace, tmp_path: Path) -> None:
    before = sorted(space.folder.iterdir())

    with pytest.raises(RequestError, match="No such file"):
        space.bring({"b.csv": tmp_path / "secret.txt", "a.csv": tmp_path / "nowhere.csv"})

    assert sorted(space.folder.iterdir()) == before


def test_inputs_larger_than_the_disk_are_refused_before_they_are_copied(tmp_path: Path) -> None:
    huge = tmp_path / "huge.csv"
    with huge.open("wb") as file:
        file.write(b"a,b\n" + b"1,2\n" * 2**17)
        file.truncate(2**42)  # 4 TiB on paper, nothing on the disk

    with pytest.raises(RequestError, match=r"no room on the disk for the run's folder in runs. Free some space"):
        run(prepare([huge], {}, tmp_path / "runs" / "r1"))

    assert not (tmp_path / "runs" / "r1").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_refused_with_what_to_set(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)

    with pytest.raises(RequestError, match=r"is not writable. Set GENIE_RUNS_FOLDER"):
        Workspace.create(tmp_path / "r1")


REASONS = {
    "no room": (errno.ENOSPC, "There is no room on the disk for the run's folder in runs."),
    "no quota": (errno.EDQUOT, "There is no room on the disk"),
    "no permission": (errno.EACCES, "the folder runs is not writable. Set GENIE_RUNS_FOLDER to one that is."),
    "read-only": (errno.EROFS, "the folder runs is not writable"),
    "another": (errno.EIO, "The run's folder cannot be made in runs: Input/output error."),
}


@pytest.mark.parametrize(("number", "words"), REASONS.values(), ids=REASONS.keys())
def test_each_reason_of_the_disk_has_its_sentence(number: int, words: str) -> None:
    assert words in workspace._why_no_folder(Path("runs/r1"), OSError(number, os.strerror(number)))
