"""Playbooks: which one fits a question, and who is shown it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from genie_nb.backend.models.scripted import Say, ScriptedModel
from genie_nb.backend.models.sections import read_sections
from genie_nb.backend.playbooks import fitting_playbook, read_playbooks
from genie_nb.backend.runs import Run
from genie_nb.errors import SettingsError
from genie_nb.transcript import Note
from tests.fakes import BOUND_S

CHURN = "# Customer churn\n\nFor questions about customers who leave, and why.\n\n1. Split the customers by month.\n"
SALES = "# Monthly sales report\nRevenue and orders of a month, by region.\n\n1. Sum the revenue.\n"
CHINESE = "# 客户流失分析\n\n分析客户为什么流失。\n\n1. 按月划分客户。\n"
FITS: dict[str, tuple[str, str | None]] = {
    "two words": ("Why do customers churn so often?", "churn.md"),
    "another": ("Sales report for March by region", "sales.md"),
    "Chinese": ("客户流失的原因是什么？", "chinese.md"),
    "one word is not enough": ("How many customers are there?", None),
    "nothing": ("What is the weather in Oslo?", None),
    "what a playbook says to do does not count": ("Split by month, sum it", None),
    "no words": ("?", None),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in (("churn.md", CHURN), ("sales.md", SALES), ("chinese.md", CHINESE)):
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "notes.txt").write_text("no playbook")
    return tmp_path


@pytest.mark.parametrize(("question", "name"), FITS.values(), ids=FITS.keys())
def test_the_playbook_that_plainly_fits_is_chosen(folder: Path, question: str, name: str | None) -> None:
    found = fitting_playbook(question, read_playbooks(folder))

    assert (found.name if found else None) == name


def test_of_two_that_fit_alike_none_is_chosen(folder: Path) -> None:
    (folder / "again.md").write_text(CHURN, encoding="utf-8")

    assert fitting_playbook("Why do customers churn?", read_playbooks(folder)) is None


WRONG: dict[str, tuple[bytes, str]] = {
    "no title": (b"1. Do this.\n", "has no title"),
    "empty": (b"", "has no title"),
    "binary": (b"\xff\xfe\x00#", "cannot be read"),
    "huge": (b"# T\n" + b"x" * 70_000, "larger than 64 KiB"),
}


@pytest.mark.parametrize(("content", "words"), WRONG.values(), ids=WRONG.keys())
def test_a_file_that_is_no_playbook_is_one_sentence(folder: Path, content: bytes, words: str) -> None:
    (folder / "wrong.md").write_bytes(content)

    with pytest.raises(SettingsError, match=words):
        read_playbooks(folder)


def test_a_folder_that_is_none_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read: No such file"):
        read_playbooks(tmp_path / "none")


def planned(make_run: Callable[..., Run], query: str, **options: object) -> tuple[Run, dict[str, str]]:
    plan = ("plan", {"add": [{"id": "s1", "title": "Count"}]})
    model = ScriptedModel([Say("I plan.", [plan]), Say("done"), Say("", [("plan", {"finish": True})]), Say("The answer.")])
    asked = make_run(model, query=query, agent="plan_solve", **options)
    asked.start().result(BOUND_S)
    return asked, read_sections(model.asked[0][1].content)


def test_the_planner_is_shown_what_fits_and_the_person_is_told(make_run: Callable[..., Run], folder: Path) -> None:
    asked, sections = planned(make_run, "Why do customers churn?", playbooks=folder)

    assert sections["playbook"] == CHURN
    assert [item.text for item in asked.transcript.items if isinstance(item, Note)] == [
        "The planner is shown the playbook 'Customer churn' (churn.md)."
    ]


def test_without_a_setting_nobody_is_shown_any(make_run: Callable[..., Run]) -> None:
    asked, sections = planned(make_run, "Why do customers churn?")

    assert "playbook" not in sections
    assert asked.status == "finished"
