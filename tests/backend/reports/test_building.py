"""The file of a report: its format, its name, the pictures it may hold, its place in the folder; and slides as a picture."""

import asyncio
import io
import os
import stat
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as Bitmap

from genie_nb.backend.reports.building import Order, build, format_named, report_name
from genie_nb.backend.reports.preview import slides_picture
from genie_nb.backend.workspace import Workspace
from genie_nb.errors import ToolFailed
from tests.backend.reports.sample_reports import png
from tests.fakes import run

FORMATS = {"html": "html", "HTML ": "html", ".md": "markdown", "markdown": "markdown", "ppt": "pptx", "PPTX": "pptx"}


@pytest.mark.parametrize(("name", "wanted"), FORMATS.items())
def test_formats_go_by_several_names(name: str, wanted: str) -> None:
    assert format_named(name) == wanted


@pytest.mark.parametrize("name", ["", "pdf", 3, None, ["html"], "x" * 10_000], ids=str)
def test_another_format_is_one_short_sentence(name: Any) -> None:
    with pytest.raises(ToolFailed, match="A report's format is html, markdown or pptx, not") as failed:
        format_named(name)
    assert len(str(failed.value)) < 120


NAMES = [
    ("report", "report.html"),
    ("销售 2024", "销售 2024.html"),
    ("a.md", "a.html"),
    ("v1.2", "v1.2.html"),
    ("A.PPTX", "A.html"),
]


@pytest.mark.parametrize(("name", "whole"), NAMES)
def test_a_name_gets_its_ending(name: str, whole: str) -> None:
    assert report_name(name, "html") == whole


HOSTILE_NAMES = {
    "above": "../x", "far-above": "../../etc/passwd", "absolute": "/etc/passwd", "windows": "C:\\x", "back": "..\\x",
    "nul": "a\0b", "line": "a\nb", "hidden": ".bashrc", "dots": "..", "empty": "", "blank": "  ", "long": "x" * 5_000,
    "long-chinese": "长" * 100, "reserved": "CON", "reserved-2": "aux.html", "reserved-3": "lpt1", "surrogate": "a\ud800",
    "number": 7, "list": ["a"], "wild": "a*", "pipe": "a|b", "folder": "a/b", "none": None, "colon": "a:b",
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE_NAMES.values(), ids=HOSTILE_NAMES)
def test_a_hostile_name_is_one_clear_sentence(name: Any) -> None:
    with pytest.raises(ToolFailed, match="file name") as failed:
        report_name(name, "html")
    assert len(str(failed.value)) < 200
    assert "\n" not in str(failed.value)


OUTSIDE = [
    *("../secret.png", "%2e%2e/secret.png", "/etc/hostname.png", "link.png", "http://127.0.0.1/x.png", "chart.png\0"),
    *("chart.png%00", "x" * 5_000 + ".png", "folder.png"),
]


@pytest.mark.parametrize("source", OUTSIDE)
@pytest.mark.parametrize("wanted", ["html", "pptx"])
def test_pictures_come_from_the_runs_folder_alone(tmp_path: Path, source: str, wanted: Any) -> None:
    (tmp_path / "secret.png").write_bytes(png())
    folder = tmp_path / "run"
    (folder / "folder.png").mkdir(parents=True)
    (folder / "link.png").symlink_to(tmp_path / "secret.png")
    built = build(f"# T\n\n![x]({source})", Order(wanted), Workspace(folder))
    assert b"data:image" not in built
    assert b"ppt/media" not in built


def test_a_picture_of_the_run_is_inside_the_file(tmp_path: Path) -> None:
    (tmp_path / "图 1.png").write_bytes(png())
    assert b"data:image/png;base64," in build("# T\n\n![x](<图 1.png>)", Order("html"), Workspace(tmp_path))


def test_a_picture_too_large_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"x" * 5_000_001)
    assert b"The picture x is not there." in build("# T\n\n![x](a.png)", Order("html"), Workspace(tmp_path))


def test_a_file_is_put_whole_and_never_in_the_place_of_another(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    names = [workspace.put("r.html", content).name for content in (b"1", b"2", b"3")]
    assert names == ["r.html", "r-2.html", "r-3.html"]
    assert [(tmp_path / name).read_bytes() for name in names] == [b"1", b"2", b"3"]
    assert workspace.changed() == []
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)


def test_a_link_in_the_way_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("kept")
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "r.html").symlink_to(tmp_path / "outside")
    assert Workspace(folder).put("r.html", b"new").name == "r-2.html"
    assert (tmp_path / "outside").read_text() == "kept"


OFFICE = """#!/bin/sh
echo "$HOME" > {log}; echo $$ >> {log}
{work}
"""
PAINTER = """#!{python}
from PIL import Image
for number in range(1, 6):
    Image.new("RGB", (480, 270), "white").save(f"slide-{{number}}.png")
"""


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Programs in the place of LibreOffice and pdftoppm, and nothing else on the path but the system's own."""

    def install(work: str | None) -> Path:
        log, folder = tmp_path / "log", tmp_path / "bin"
        folder.mkdir()
        if work is not None:
            for name, text in (
                ("soffice", OFFICE.format(log=log, work=work)),
                ("pdftoppm", PAINTER.format(python=sys.executable)),
            ):
                (folder / name).write_text(text)
                (folder / name).chmod(stat.S_IRWXU)
        monkeypatch.setenv("PATH", f"{folder}:/bin" if work is not None else str(folder))
        return log

    return install


def test_slides_become_one_picture(programs: Any) -> None:
    log = programs("exit 0")
    picture = run(slides_picture(b"deck"))
    assert picture is not None
    with Bitmap.open(io.BytesIO(picture)) as sheet:
        assert sheet.size == (3 * 490 + 10, 2 * 280 + 10)
    assert not Path(log.read_text().split()[0]).exists()


def test_without_libreoffice_there_is_no_picture(programs: Any) -> None:
    programs(None)
    assert run(slides_picture(b"deck")) is None


def test_who_stops_waiting_for_slides_ends_the_program_and_what_it_started(programs: Any) -> None:
    log = programs("sleep 60 & echo $! >> LOG; wait".replace("LOG", '"$OLDPWD/never" 2>/dev/null'))

    async def give_up() -> int:
        waiting = asyncio.create_task(slides_picture(b"deck"))
        while not log.exists() or len(log.read_text().split()) < 2:
            await asyncio.sleep(0.01)
        waiting.cancel()
        await asyncio.wait({waiting})
        return int(log.read_text().split()[1])

    group = run(give_up())
    with pytest.raises(ProcessLookupError):
        for _ in range(500):  # the killed ones may be gone only when their new parent has read their end
            os.killpg(group, 0)
            run(asyncio.sleep(0.01))
