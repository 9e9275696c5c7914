"""The lessons: each runs under strict nbval, and nbval notices when an answer changes."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
LESSONS = sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))
SHOWN = ("01_first_answer", "02_your_own_tools")
"""Lessons whose cells show runs."""
SANITISE = Path(__file__).with_name("nbval_sanitise.cfg")


def nbval(notebook: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "--nbval", "-q", "-p", "no:cacheprovider", "-c", "/dev/null"]
    return subprocess.run(
        [*command, "--rootdir", str(notebook.parent), "--nbval-sanitize-with", str(SANITISE), str(notebook)],
        cwd=notebook.parent, capture_output=True, text=True, timeout=280, check=False,
    )  # fmt: skip


@pytest.mark.timeout(300)
@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.stem)
def test_a_lesson_passes_strict_nbval(lesson: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copy(lesson, tmp_path))
    done = nbval(copy)
    assert done.returncode == 0, done.stdout[-6000:]


@pytest.mark.timeout(300)
def test_strict_nbval_fails_when_an_answer_changes(tmp_path: Path) -> None:
    lesson = nbformat.read(LESSONS[0], as_version=4)
    answers = [output["data"] for cell in lesson.cells for output in cell.get("outputs", []) if "data" in output]
    record = next(answer for answer in answers if "AMZN has" in answer.get("text/plain", ""))
    record["text/plain"] = record["text/plain"].replace("AMZN has", "IBM has")
    copy = tmp_path / "changed.ipynb"
    nbformat.write(lesson, copy)
    done = nbval(copy)
    assert done.returncode == 1, done.stdout[-6000:]


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.stem)
def test_a_saved_lesson_shows_its_runs_without_a_kernel_and_without_widgets(lesson: Path) -> None:
    notebook = nbformat.read(lesson, as_version=4)
    bundles = [output.get("data", {}) for cell in notebook.cells for output in cell.get("outputs", [])]
    records = [bundle for bundle in bundles if "gnb-record" in str(bundle.get("text/html", ""))]
    assert records or lesson.stem not in SHOWN
    assert all({"text/plain", "text/markdown"} <= set(record) for record in records)
    assert not [bundle for bundle in bundles if "application/vnd.jupyter.widget-view+json" in bundle]
    assert "<script" not in str(records)


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.stem)
def test_a_lesson_says_which_original_it_means(lesson: Path) -> None:
    """There are two, the chapter's code and JDGenie, and what is true of one may be false of the other."""
    sources = [cell.source for cell in nbformat.read(lesson, as_version=4).cells]
    assert not [source for source in sources if re.search(r"\boriginal('s)?\b", source)]


def test_the_lessons_are_here() -> None:
    assert [lesson.stem for lesson in LESSONS] == [
        *SHOWN,
        "03_events_and_printer",
        "04_sse_on_the_wire",
        "05_heartbeats",
        "06_stream_modes",
        "07_lost_and_resumed",
        "08_backpressure",
        "09_the_service_chain",
        "10_deep_search",
        "11_reports",
        "12_mcp",
        "13_conversations_and_approval",
        "14_take_it_away",
    ]
