"""Folders as a corpus: every kind of file is found, nothing outside is read, and an index is only a cache."""

import asyncio
import json
import os
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

import pytest

from genie_nb.backend.search.base import Document
from genie_nb.backend.search.corpus import Folders
from genie_nb.backend.search.index import BATCH, NOT_YET, Entry, Index, Stopped
from genie_nb.backend.search.installed import Installed
from genie_nb.backend.search.passages import Passage
from genie_nb.errors import ToolFailed
from tests.backend.documents import locked_pdf, pdf
from tests.backend.search.corpora import Told, folders, search, write
from tests.fakes import run

NOTEBOOK = {
    "cells": [
        {"cell_type": "markdown", "source": ["# Turbines\n", "The wind turbine is tall."]},
        {"cell_type": "code", "source": "kilowatts = 7", "outputs": [{"text": ["seven kilowatts\n"]}]},
    ]
}
KINDS: dict[str, tuple[str, str | bytes, str, str]] = {
    "Markdown": ("plan.md", "# Costs\n\nThe turbine is dear.", "turbine dear", "notes/plan.md#Costs"),
    "Chinese": ("计划.md", "# 成本\n\n风机的价格很高。", "风机价格", "notes/计划.md#成本"),
    "GBK": ("old.txt", "风机的价格很高，公司决定今年不买。".encode("gb18030"), "风机价格", "notes/old.txt"),
    "a notebook's text": ("a.ipynb", json.dumps(NOTEBOOK), "wind turbine", "notes/a.ipynb#Turbines"),
    "what a notebook printed": ("a.ipynb", json.dumps(NOTEBOOK), "seven", "notes/a.ipynb#Turbines"),
    "code": ("a.py", "def spin_turbine():\n    '''Spin.'''\n", "spin turbine", "notes/a.py#spin_turbine"),
    "a page": ("a.html", "<script>turbine()</script><h2>Wind</h2><p>A turbine.", "turbine", "notes/a.html#Wind"),
    "a table": ("a.csv", "turbine,price\nnorth,7\n", "north turbine", "notes/a.csv"),
    "a PDF": ("a.pdf", pdf("A turbine", "makes kilowatts"), "kilowatts", "notes/a.pdf#page 2"),
    "a folder below": ("x/y/z.md", "A turbine.", "turbine", "notes/x/y/z.md"),
    "by its name alone": ("turbine.md", "It is tall.", "turbine", "notes/turbine.md"),
}


@pytest.mark.parametrize(("name", "content", "query", "source"), KINDS.values(), ids=KINDS.keys())
def test_every_kind_of_file_is_found(tmp_path: Path, name: str, content: str | bytes, query: str, source: str) -> None:
    notes = write(tmp_path / "notes", {name: content, "other.md": "Nothing of the sort."})
    told = Told()
    found = search(folders(notes, index=tmp_path / "index"), query, told=told)
    assert [document.source for document in found][:1] == [source]
    assert "<script" not in found[0].text
    assert told.remarks == []


BAD: dict[str, tuple[str, bytes, str]] = {
    "binary": ("a.md", b"turbine\0\1\2\3", "is no text"),
    "a PDF that is none": ("a.pdf", b"turbine", "is no PDF"),
    "a PDF that is cut": ("a.pdf", pdf("turbine")[:60], "is a PDF that cannot be read"),
    "a locked PDF": ("a.pdf", locked_pdf("x"), "is a PDF that cannot be read"),
    "a notebook that is none": ("a.ipynb", b"turbine", "is no notebook"),
    "a notebook that is a list": ("a.ipynb", b"[1]", "is no notebook"),
    "a deep notebook": ("a.ipynb", b"[" * 100_000, "is no notebook"),
    "a zip under another name": ("a.md", b"PK\3\4\0\0turbine", "is no text"),
    "a huge text": ("a.md", b"turbine " * 400_000, "too large"),
}


@pytest.mark.parametrize(("name", "content", "reason"), BAD.values(), ids=BAD.keys())
def test_a_file_that_cannot_be_read_is_left_out_and_told(tmp_path: Path, name: str, content: bytes, reason: str) -> None:
    notes = write(tmp_path / "notes", {name: content, "good.md": "A turbine."})
    told = Told()
    found = search(folders(notes, index=tmp_path / "index"), "turbine", told=told)
    assert [document.source for document in found] == ["notes/good.md"]
    (remark,) = told.remarks
    assert reason in remark
    assert "(1)" in remark


UNREAD = {
    "hidden": ".secret.md",
    "in a hidden folder": ".git/a.md",
    "of an unknown kind": "a.exe",
    "an archive": "a.zip",
    "in an environment": "venv/lib/a.py",
    "an environment's settings": ".env",
}


@pytest.mark.parametrize("name", UNREAD.values(), ids=UNREAD.keys())
def test_some_files_are_nobodys_notes(tmp_path: Path, name: str) -> None:
    notes = write(tmp_path / "notes", {name: "turbine"})
    assert search(folders(notes, index=tmp_path / "index"), "turbine") == []


def test_no_link_is_followed(tmp_path: Path) -> None:
    write(tmp_path / "outside", {"secret.md": "The turbine code is 1234.", "deep/more.md": "turbine"})
    notes = write(tmp_path / "notes", {"a.md": "Nothing."})
    (notes / "link.md").symlink_to(tmp_path / "outside" / "secret.md")
    (notes / "folder").symlink_to(tmp_path / "outside")
    (notes / "loop").symlink_to(notes)
    (notes / "dead.md").symlink_to("nowhere.md")
    os.mkfifo(notes / "pipe.md")
    told = Told()
    assert search(folders(notes, index=tmp_path / "index"), "turbine", told=told) == []
    assert "links, which are not followed (2)" in told.remarks[0]


def test_a_file_that_becomes_a_link_after_it_was_seen_is_not_read(tmp_path: Path) -> None:
    write(tmp_path, {"secret.md": "turbine"})
    notes = write(tmp_path / "notes", {"a.md": "Nothing.", "b.md": "Nothing."})
    engine = folders(notes, index=tmp_path / "index")
    walk = iter(engine.entries("q", Counter()))
    entry = next(walk)
    (notes / "a.md").unlink()
    (notes / "a.md").symlink_to(tmp_path / "secret.md")
    assert entry.load is not None
    with pytest.raises(ValueError, match="cannot be read"):
        list(entry.load())


def test_a_folder_that_a_person_names_may_itself_be_a_link(tmp_path: Path) -> None:
    write(tmp_path / "real", {"a.md": "turbine"})
    (tmp_path / "named").symlink_to(tmp_path / "real")
    assert [one.source for one in search(folders(tmp_path / "named", index=tmp_path / "i"), "turbine")] == ["real/a.md"]


NO_FOLDERS = {
    "not there": ("nowhere", "does not exist"),
    "a file": ("file.md", "is a file. Name the folder"),
    "a NUL": ("a\0b", "does not exist"),
    "very long": ("x" * 5_000, "does not exist"),
    "upwards into nothing": ("../../../../nowhere", "does not exist"),
    "reserved elsewhere": ("CON", "does not exist"),
}


@pytest.mark.parametrize(("name", "said"), NO_FOLDERS.values(), ids=NO_FOLDERS.keys())
def test_a_folder_that_is_none_is_one_sentence(tmp_path: Path, name: str, said: str) -> None:
    write(tmp_path, {"file.md": "x"})
    with pytest.raises(ToolFailed, match=said):
        search(folders(tmp_path / name, index=tmp_path / "index"), "turbine")


def test_two_folders_of_one_name_are_told_apart(tmp_path: Path) -> None:
    one, two = write(tmp_path / "a/notes", {"x.md": "turbine"}), write(tmp_path / "b/notes", {"x.md": "turbine turbine"})
    found = search(folders(one, two, index=tmp_path / "index"), "turbine")
    assert {document.source for document in found} == {"notes/x.md", "notes (2)/x.md"}


def test_only_what_changed_is_read_again(tmp_path: Path) -> None:
    notes = write(tmp_path / "notes", {"a.md": "old turbine", "b.md": "a wheel", "c.md": "a gear"})
    assert len(search(folders(notes, index=tmp_path / "index"), "turbine wheel gear")) == 3
    (notes / "c.md").unlink()
    write(notes, {"a.md": "a brand new propeller", "d.md": "a sail"})
    reads: list[str] = []

    class Watched(Folders):
        def entries(self, question: str, left_out: Counter[str]) -> Iterator[Entry]:
            for entry in super().entries(question, left_out):
                assert entry.load is not None
                yield Entry(entry.name, entry.stamp, partial(noted, entry.name, entry.load))

    def noted(name: str, load: Callable[[], Iterable[Passage]]) -> Iterable[Passage]:
        reads.append(name)
        return load()

    engine = Watched((notes,), index_folder=tmp_path / "index", most_files=9, most_mib=1)
    found = {one.source for one in search(engine, "turbine wheel gear propeller sail")}
    assert found == {"notes/a.md", "notes/b.md", "notes/d.md"}
    assert sorted(reads) == ["notes/a.md", "notes/d.md"]
    assert search(folders(notes, index=tmp_path / "index"), "turbine gear") == []


BROKEN = {"no database": b"this is no database at all, but a text that is long enough" * 20, "empty": b"", "cut": None}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_index_is_built_anew(tmp_path: Path, content: bytes | None) -> None:
    notes = write(tmp_path / "notes", {f"{number}.md": "turbine " * 50 for number in range(50)})
    search(folders(notes, index=tmp_path / "index"), "turbine")
    (path,) = (tmp_path / "index").iterdir()
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] if content is None else content)
    assert len(search(folders(notes, index=tmp_path / "index"), "turbine")) == 5


def test_an_index_of_another_version_is_built_anew(tmp_path: Path) -> None:
    notes = write(tmp_path / "notes", {"a.md": "turbine"})
    search(folders(notes, index=tmp_path / "index"), "turbine")
    (path,) = (tmp_path / "index").iterdir()
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version = 999")
    database.close()
    assert len(search(folders(notes, index=tmp_path / "index"), "turbine")) == 1


def test_the_index_is_the_persons_alone_and_never_in_their_folder(tmp_path: Path) -> None:
    notes = write(tmp_path / "notes", {"a.md": "turbine"})
    search(folders(notes, index=tmp_path / "index"), "turbine")
    (path,) = (tmp_path / "index").iterdir()
    assert path.stat().st_mode & 0o077 == 0
    assert [one.name for one in notes.iterdir()] == ["a.md"]


def test_limits_are_kept_and_told(tmp_path: Path) -> None:
    notes = write(tmp_path / "notes", {f"{number}.md": "turbine" for number in range(5)})
    told = Told()
    assert len(search(folders(notes, index=tmp_path / "index", most_files=3), "turbine", told=told)) == 3
    assert told.remarks == ["folders: 3 files searched; left out: beyond the limit of 3 files or 10 MiB (2)."]


def test_a_build_tells_how_far_it_is(tmp_path: Path) -> None:
    notes = write(tmp_path / "notes", {f"{number}.md": "turbine" for number in range(BATCH)})
    told = Told()
    search(folders(notes, index=tmp_path / "index"), "turbine", told=told)
    assert told.read == BATCH


def test_a_build_that_is_cancelled_stops_and_goes_on_from_there(tmp_path: Path) -> None:
    index, read, stop = Index(tmp_path / "i.sqlite"), list[int](), threading.Event()

    def entry(number: int) -> Entry:
        def load() -> list[Passage]:
            read.append(number)
            if number == 4:
                stop.set()
            return [Passage("", f"turbine {number}")]

        return Entry(f"{number}", "1", load)

    with pytest.raises(Stopped):
        index.refresh((entry(number) for number in range(8)), stop)
    assert read == [0, 1, 2, 3, 4]
    index.refresh((entry(number) for number in range(8)), threading.Event())
    assert read == [0, 1, 2, 3, 4, 5, 6, 7]


def test_what_cannot_be_read_in_time_is_counted_and_read_by_the_next_search(tmp_path: Path) -> None:
    index, stop = Index(tmp_path / "i.sqlite"), threading.Event()

    def entries(stamp: str) -> list[Entry]:
        return [Entry(name, stamp, lambda: [Passage("", f"turbine {stamp}")]) for name in "abc"]

    assert index.refresh(entries("1"), stop, patience_s=-1).faults == {NOT_YET: 3}
    assert index.find("turbine", 9) == []
    assert index.refresh(entries("1"), stop).entries == 3
    late = index.refresh(entries("2"), stop, patience_s=-1)
    assert (late.read, late.faults) == (0, {NOT_YET: 3})
    assert {found.text for found in index.find("turbine", 9)} == {"turbine 1"}
    assert index.refresh(entries("2"), stop).read == 3


def test_nobody_waits_for_a_build_whose_search_was_cancelled(tmp_path: Path) -> None:
    began, go = threading.Event(), threading.Event()
    read: list[str] = []

    class Slow(Folders):
        def entries(self, question: str, left_out: Counter[str]) -> list[Entry]:
            return [Entry(name, "1", partial(load, name)) for name in "abc"]

    def load(name: str) -> list[Passage]:
        read.append(name)
        began.set()
        assert go.wait(120)
        return []

    notes = write(tmp_path / "notes", {"a.md": "x"})
    engine = Slow((notes,), index_folder=tmp_path / "index", most_files=9, most_mib=1)

    async def cancelled() -> None:
        task = asyncio.create_task(engine.prepare("q", Told()))
        assert await asyncio.to_thread(began.wait, 20)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        go.set()

    run(cancelled())
    assert read == ["a"]


def test_two_builds_of_one_index_at_once_agree(tmp_path: Path) -> None:
    notes = write(tmp_path / "notes", {f"{number}.md": f"turbine {number}" for number in range(60)})

    async def both() -> list[list[Document]]:
        engines = [folders(notes, index=tmp_path / "index") for _ in range(2)]
        await asyncio.gather(*(engine.prepare("q", Told()) for engine in engines))
        return [await engine.search("turbine", 100) for engine in engines]

    one, two = run(both())
    assert len(one) == 60
    assert one == two


def test_the_documentation_of_installed_packages_is_searched_without_importing_it(tmp_path: Path) -> None:
    engine = Installed(index_folder=tmp_path, most_files=40, most_mib=4)

    async def both() -> tuple[list[Document], list[Document]]:
        await engine.prepare("how does httpx_sse connect", Told())
        return await engine.search("async with statement", 3), await engine.search("httpx_sse aconnect_sse", 3)

    topics, package = run(both())
    assert any(document.source.startswith("Python help") for document in topics)
    assert any(document.source.startswith("httpx-sse README") for document in package)


def test_a_package_that_lies_in_two_places_is_read_once_as_it_is_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in ("behind", "first"):
        write(tmp_path / place, {"turbines/__init__.py": f"'''A turbine that stands {place}.'''\n"})
        write(tmp_path / place, {"turbines-1.dist-info/METADATA": f"Name: turbines\nVersion: 1\n\nThe {place} turbine.\n"})
        write(tmp_path / place, {"turbines-1.dist-info/RECORD": "turbines/__init__.py,,\n"})
        monkeypatch.syspath_prepend(tmp_path / place)
    engine = Installed(index_folder=tmp_path / "index", most_files=40, most_mib=4)

    async def found() -> list[Document]:
        await engine.prepare("how do turbines stand", Told())
        return await engine.search("turbine", 9)

    texts = " ".join(document.text for document in run(found()))
    assert "stands first" in texts
    assert "The first turbine" in texts
    assert "behind" not in texts
