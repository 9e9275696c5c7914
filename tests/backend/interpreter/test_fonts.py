"""Fonts of charts: those on the disk count, none raises for want of one, and what is lacking is told.

A kernel that must ignore the system's fonts stands for a machine that has none; a font made here, for one that has.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from genie_nb.backend.interpreter.base import CellFinished
from genie_nb.backend.interpreter.outputs import CellOutput
from genie_nb.backend.interpreter.pool import KernelPool
from genie_nb.backend.interpreter.runner import Interpreter
from genie_nb.parts import Part
from tests.fakes import BOUND_S
from tests.fonts import DRAW, write_font

STARTUP = files("genie_nb.backend.interpreter").joinpath("startup.py").read_text("utf-8")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home without fonts; runtime folders whose names are short enough for sockets."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    (tmp_path / "home").mkdir()
    with tempfile.TemporaryDirectory(prefix="g", ignore_cleanup_errors=True) as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield tmp_path / "home"


@pytest.fixture
def _no_fonts(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MPL_IGNORE_SYSTEM_FONTS", "1")


def cells(folder: Path, *codes: str) -> list[tuple[list[Part], CellFinished]]:
    """What cells of one session show, and how they end."""

    async def go() -> list[tuple[list[Part], CellFinished]]:
        pool, ran = KernelPool(spare=0), []
        try:
            session = Interpreter(pool, folder=folder)
            for code in codes:
                *shown, end = [item async for item in session.run(code, timeout_s=BOUND_S)]
                assert isinstance(end, CellFinished)
                ran.append((shown, end))
        finally:
            await pool.close()
        return ran  # type: ignore[return-value]

    return asyncio.run(go())


# Fonts on the disk

OLD_LIST = f"""
import os
from pathlib import Path
from matplotlib import font_manager

home = Path.home() / ".fonts"
del os.environ["MPL_IGNORE_SYSTEM_FONTS"]
font_manager.X11FontDirectories[:] = [str(home)]
font_manager._get_fontconfig_fonts = lambda: []
{STARTUP}
"""
"""A process whose list of fonts was made before there were any; from then on those of its home count."""
CHART = """
print(set_up_fonts())
plt.title("销售额 −1")
plt.gcf().canvas.draw()
"""


def printed(code: str) -> str:
    """What a Python of its own prints, with warnings as errors."""
    command = [sys.executable, "-W", "error", "-c", OLD_LIST + code]
    done = subprocess.run(command, env={**os.environ, "MPLBACKEND": "agg"}, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


@pytest.mark.usefixtures("_no_fonts")
@pytest.mark.parametrize(("file", "family"), [("simhei.ttf", "SimHei"), ("wqy-zenhei.ttf", "WenQuanYi Zen Hei")])
def test_a_font_that_is_newer_than_matplotlibs_list_is_found_on_the_disk(file: str, family: str, home: Path) -> None:
    write_font(home / ".fonts" / file, family)

    assert printed(f"print(any(font.name == {family!r} for font in font_manager.fontManager.ttflist)){CHART}") == (
        "False\nTrue\n"
    )


@pytest.mark.usefixtures("_no_fonts")
def test_a_font_that_is_damaged_or_listed_and_gone_is_passed_over(home: Path) -> None:
    write_font(home / ".fonts" / "gone.ttf", "Noto Sans CJK SC")
    (home / ".fonts" / "NotoSansCJK-Bold.ttc").write_bytes(b"no font")
    write_font(home / ".fonts" / "simhei.ttf", "SimHei")
    gone = "font_manager.fontManager.addfont(home / 'gone.ttf')\n(home / 'gone.ttf').unlink()"

    assert printed(gone + CHART + "print(plt.rcParams['font.family'][-1])") == "True\nSimHei\n"


@pytest.mark.usefixtures("_no_fonts")
def test_only_fonts_that_may_have_chinese_are_read_from_the_disk(home: Path) -> None:
    write_font(home / ".fonts" / "other.ttf", "Other")
    write_font(home / ".fonts" / "wqy-zenhei.ttf", "WenQuanYi Zen Hei")
    names = "print({font.name for font in font_manager.fontManager.ttflist} & {'Other', 'WenQuanYi Zen Hei'})"

    assert printed(f"set_up_fonts()\n{names}") == "{'WenQuanYi Zen Hei'}\n"


# Without a font


@pytest.mark.usefixtures("_no_fonts")
def test_charts_without_a_font_are_drawn_without_a_word_and_what_they_lack_is_told(tmp_path: Path) -> None:
    strict = "import warnings\nwarnings.simplefilter('error')\n"
    shown = "plt.bar(['北', '南'], [1, 2])\nplt.title('a')\nplt.show()"
    saved, drawn, plain = cells(tmp_path, strict + DRAW.format(text="销售额 and 地"), shown, DRAW.format(text="sales"))

    assert saved == ([], CellFinished("ok", unshown="销售额地"))
    assert (tmp_path / "chart.png").stat().st_size > 1000
    assert [type(part).__name__ for part in drawn[0]] == ["ImagePart"]
    assert (drawn[1].status, set(drawn[1].unshown)) == ("ok", {"北", "南"})
    assert plain == ([], CellFinished("ok"))


@pytest.mark.usefixtures("_no_fonts")
def test_a_font_that_is_installed_while_a_kernel_works_is_used_by_its_next_cell(home: Path, tmp_path: Path) -> None:
    installed = "import os\ndel os.environ['MPL_IGNORE_SYSTEM_FONTS']"
    write_font(home / ".fonts" / "simhei.ttf", "SimHei")
    before, _, after = cells(tmp_path, DRAW.format(text="销售额"), installed, DRAW.format(text="销售额"))

    assert (before[1].unshown, after[1].unshown) == ("销售额", "")


def test_with_a_font_nothing_is_missing_also_under_the_name_of_another(home: Path, tmp_path: Path) -> None:
    write_font(home / ".fonts" / "simhei.ttf", "SimHei")
    listen = "import matplotlib._text_helpers\nmatplotlib._text_helpers.warn_on_missing_glyph = print\n"
    names = ("{}", "{'font.sans-serif': ['SimSun']}", "{'font.family': 'Microsoft YaHei'}")
    code = "import matplotlib.pyplot as plt\nwith plt.rc_context(%s):\n    plt.title('销售额')\n    plt.gcf().canvas.draw()"
    ran = cells(tmp_path, *(f"{listen}{code % name}\n    plt.close()" for name in names))

    assert ran == [([], CellFinished("ok"))] * 3


def test_a_forged_word_of_missing_characters_is_bounded(tmp_path: Path) -> None:
    output = CellOutput(tmp_path)
    kind = "application/vnd.genie.unshown+json"
    for said in ({"characters": "中" * 1000}, {"characters": "\ud800"}, {"characters": 5}, "x"):
        list(output.take({"msg_type": "display_data", "content": {"data": {kind: said}}}))

    assert output.unshown == "中" * 100


# A whole run

ASK = """
import json, sys
import genie_nb as gn
run = gn.ask(sys.argv[1], files=["sales.csv"], agent=sys.argv[2], show=False).result(250)
notes = [event.text for event in run.events_so_far() if event.__class__.__name__ == "NoteAdded" and event.level == "warning"]
print(json.dumps({"answer": run.answer, "files": [file.name for file in run.transcript.files.values()], "notes": notes}))
"""


def answered(question: str, agent: str, folder: Path) -> dict[str, Any]:
    """What comes of a question in a process of its own, whose kernels have no fonts."""
    command = [sys.executable, "-c", ASK, question, agent]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.slow
@pytest.mark.usefixtures("_no_fonts")
@pytest.mark.parametrize("agent", ["react", "plan_solve"])
def test_an_answer_says_once_which_package_brings_the_font_that_its_charts_lack(agent: str, tmp_path: Path) -> None:
    (tmp_path / "sales.csv").write_text("地区,月份,销售额\n北,1月,1\n南,2月,2\n", encoding="utf-8")
    run = answered("画出各地区销售额的柱状图。画出每月销售额的折线图。", agent, tmp_path)

    (said,) = run["notes"]
    assert said.startswith("图中的“")
    assert run["answer"].count("fonts-noto-cjk") == 1
    assert said in run["answer"]
    assert sum(name.endswith(".png") for name in run["files"]) == 2


@pytest.mark.slow
@pytest.mark.usefixtures("_no_fonts")
def test_a_question_in_english_is_answered_so_about_chinese_names_too(tmp_path: Path) -> None:
    (tmp_path / "sales.csv").write_text("region,amount\n北,1\n南,2\n", encoding="utf-8")
    run = answered("Draw the total amount by region as bars", "react", tmp_path)

    said = (
        "Charts show boxes in place of “南北”, as no font on this machine has such characters: "
        "install one (on Debian: fonts-noto-cjk) and ask again."
    )
    assert run["notes"] == [said]
    assert run["answer"].endswith(f"\n\n{said}")


@pytest.mark.slow
def test_doctor_says_whether_charts_can_show_chinese(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def said() -> str:
        command = [sys.executable, "-m", "genie_nb.cli", "doctor"]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout

    write_font(home / ".fonts" / "simhei.ttf", "SimHei")
    assert "ok       fonts: charts show Chinese" in said()
    monkeypatch.setenv("MPL_IGNORE_SYSTEM_FONTS", "1")
    assert "missing  a font with Chinese characters" in said()
