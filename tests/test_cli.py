"""The command line, as a person types it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from genie_nb.events import decode_event, is_terminal


def genie_nb(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("GENIE_", "OPENAI_"))}
    command = [sys.executable, "-c", "from genie_nb.cli import main; main()", *arguments]
    return subprocess.run(
        command, cwd=cwd, env={**clean, **environment}, capture_output=True, text=True, timeout=55, check=False
    )


@pytest.fixture
def sales(tmp_path: Path) -> Path:
    path = tmp_path / "sales.csv"
    path.write_text("region,revenue\nNorth,10\nSouth,20\nNorth,15\n")
    return path


def test_json_prints_one_object_and_nothing_else(sales: Path) -> None:
    done = genie_nb("ask", "Total revenue by region", "--file", "sales.csv", "--json", cwd=sales.parent)
    assert done.returncode == 0, done.stderr
    outcome = json.loads(done.stdout)
    assert set(outcome) == {"answer", "outcome", "plan", "files", "usage", "seconds", "error"}
    assert outcome["outcome"] == "finished"
    assert outcome["error"] is None
    assert "25" in outcome["answer"]
    assert "20" in outcome["answer"]
    assert outcome["plan"]["steps"]


def test_json_of_a_failed_run_says_why_and_exits_with_one(tmp_path: Path) -> None:
    done = genie_nb("ask", "What is it?", "--file", "nowhere.csv", "--json", cwd=tmp_path)
    assert done.returncode == 1
    outcome = json.loads(done.stdout)
    assert outcome["outcome"] == "failed"
    assert outcome["error"]["code"] == "bad_request"
    assert "nowhere.csv" in outcome["error"]["message"]


def test_events_are_one_a_line_and_the_last_is_terminal(tmp_path: Path) -> None:
    done = genie_nb("ask", "2 + 3", "--agent", "react", "--events", cwd=tmp_path)
    events = [decode_event(line) for line in done.stdout.splitlines()]
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert [is_terminal(event) for event in events].count(True) == 1
    assert is_terminal(events[-1])


def test_the_terminal_shows_plan_code_and_answer(sales: Path) -> None:
    done = genie_nb("ask", "Total revenue by region", "-f", "sales.csv", cwd=sales.parent, COLUMNS="200")
    assert done.returncode == 0, done.stderr
    assert "read_csv" in done.stdout
    assert "South" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize("agent", ["nobody", ""])
def test_an_unknown_agent_is_one_sentence(agent: str, tmp_path: Path) -> None:
    done = genie_nb("ask", "Hello?", "--agent", agent, "--json", cwd=tmp_path)
    assert done.returncode == 1
    assert "plan_solve" in json.loads(done.stdout)["error"]["message"]


def test_a_wrong_setting_is_one_sentence_and_exit_two(tmp_path: Path) -> None:
    done = genie_nb("ask", "Hello?", cwd=tmp_path, GENIE_MAX_STEPS="many")
    assert done.returncode == 2
    assert "max_steps" in done.stderr
    assert "Traceback" not in done.stderr


def test_doctor_says_in_plain_words_what_is_there(tmp_path: Path) -> None:
    done = genie_nb("doctor", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "offline-analyst" in done.stdout
    assert "code interpreter" in done.stdout
    assert "All is well." in done.stdout


def test_doctor_names_what_is_wrong_with_the_model(tmp_path: Path) -> None:
    done = genie_nb("doctor", cwd=tmp_path, GENIE_MODEL="gpt-of-nobody")
    assert done.returncode == 1
    assert "OPENAI_API_KEY" in done.stdout


def test_lab_refuses_a_notebook_that_is_not_there(tmp_path: Path) -> None:
    done = genie_nb("lab", "nothing.ipynb", cwd=tmp_path)
    assert done.returncode == 2
    assert "nothing.ipynb" in done.stderr
