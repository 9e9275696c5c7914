"""`gn.search`: a run like any other, over folders, with settings by name; and what a search loads."""

import subprocess
import sys
from pathlib import Path

import pytest

import genie_nb as gn
from genie_nb.errors import SettingsError
from genie_nb.parts import cited_numbers
from tests.backend.search.corpora import write


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    return write(
        tmp_path / "notes", {"plan.md": "# Costs\n\nThe heat pump costs 12,400 euro.\n", "计划.md": "热泵补贴百分之三十。"}
    )


@pytest.mark.parametrize(
    ("question", "said"),
    [("What does the heat pump cost?", "12,400"), ("热泵补贴是多少？", "百分之三十")],
    ids=["English", "Chinese"],
)
def test_a_search_is_a_run_that_answers_with_citations(tmp_path: Path, notes: Path, question: str, said: str) -> None:
    run = gn.search(question, folders=notes, index_folder=tmp_path / "index", runs_folder=tmp_path).result(120)
    assert run.status == "finished", run.transcript.error
    assert said in run.answer
    assert cited_numbers(run.answer) == {1}
    assert [call.tool for call in run.transcript.calls.values()] == ["deep_search"]


@pytest.mark.parametrize("agent", ["react", "plan_solve"])
def test_other_agents_search_where_the_question_names_it(tmp_path: Path, notes: Path, agent: str) -> None:
    search = {"folders": [notes], "index_folder": tmp_path / "index"}
    run = gn.ask("Search my notes for the heat pump", agent=agent, search=search, runs_folder=tmp_path).result(120)
    assert "12,400" in run.answer
    assert cited_numbers(run.answer) == {1}


def test_a_folder_that_is_not_there_fails_the_run_with_one_sentence(tmp_path: Path) -> None:
    run = gn.search("heat pump", folders=[tmp_path / "nowhere"], index_folder=tmp_path, runs_folder=tmp_path).result(120)
    assert run.status == "failed"
    assert "does not exist" in run.transcript.error


WRONG = {
    "no engine": {"engines": ["altavista"]},
    "no number": {"rounds": "many"},
    "no rounds": {"rounds": 0},
    "unknown": {"speed": 9},
}


@pytest.mark.parametrize("options", WRONG.values(), ids=WRONG.keys())
def test_a_wrong_setting_is_refused_before_the_run(options: dict[str, object]) -> None:
    with pytest.raises(SettingsError, match="The setting"):
        gn.search("heat pump", **options)


def test_asking_loads_no_client_of_the_web() -> None:
    code = "import sys, genie_nb.session; sys.exit('httpx' in sys.modules or 'trafilatura' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=300).returncode == 0
