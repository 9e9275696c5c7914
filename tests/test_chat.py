"""Conversations: real questions to the offline analyst on a real kernel, and what is kept of them."""

import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest

import genie_nb as gn
from genie_nb.backend.models.base import ChatMessage
from genie_nb.backend.models.sections import read_sections
from genie_nb.backend.preparing import reopened
from genie_nb.errors import RequestError, SettingsError
from genie_nb.events import RunQueued
from tests.fakes import BOUND_S, of_kind

ROWS = "region,product,amount\nNorth,A,10\nSouth,A,20\nNorth,B,30\n"
WAIT_S = BOUND_S


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "销售.csv"
    path.write_text(ROWS, encoding="utf-8")
    return path


def open_chat(tmp_path: Path, **options: object) -> gn.Chat:
    return gn.Chat(**{"runs_folder": tmp_path / "runs", **options})


def test_a_follow_up_knows_the_question_the_files_and_the_variables(tmp_path: Path, table: Path) -> None:
    with open_chat(tmp_path, agent="react") as chat:
        first = chat.ask("What is the total amount by region?", files=table).result(WAIT_S)
        assert "North" in first.answer
        assert "40" in first.answer
        second = chat.ask("Only for product A").result(WAIT_S)
        assert "South has the highest total amount" in second.answer
        kept = chat.ask("```python\nseen = 41\n```").result(WAIT_S)
        assert kept.status == "finished"
        later = chat.ask("```python\nprint(seen + 1)\n```").result(WAIT_S)
        assert "42" in next(iter(later.transcript.calls.values())).output
        assert {run.folder for run in chat.runs} == {first.folder}


def test_files_and_tables_may_come_later(tmp_path: Path, table: Path) -> None:
    with open_chat(tmp_path, agent="react") as chat:
        chat.ask("How many rows?", files=table).result(WAIT_S)
        frame = pd.DataFrame({"x": [1.0, 2.0, 4.0]})
        late = chat.ask("```python\nprint(late['x'].sum())\n```", data={"late": frame}).result(WAIT_S)
        assert "7.0" in next(iter(late.transcript.calls.values())).output


def test_a_model_is_told_what_was_said_in_a_section_of_its_own(tmp_path: Path) -> None:
    model = gn.ScriptedModel([gn.Say("Forty-two."), gn.Say("As I said.")])
    with open_chat(tmp_path, model=model, agent="react") as chat:
        chat.ask("What is it?").result(WAIT_S)
        chat.ask("Again, please: 再说一次").result(WAIT_S)
    told = read_sections(_last_user(model.asked[-1]))
    assert json.loads(told["conversation"]) == {"question": "What is it?", "answer": "Forty-two."}
    assert "conversation" not in read_sections(_last_user(model.asked[0]))


def _last_user(messages: list[ChatMessage]) -> str:
    return [message.content for message in messages if message.role == "user"][-1]


def test_one_question_at_a_time_and_the_next_one_says_that_it_waits(tmp_path: Path, table: Path) -> None:
    with open_chat(tmp_path, agent="react") as chat:
        first = chat.ask("```python\nimport time; time.sleep(0.5); print('first')\n```", files=table)
        second = chat.ask("```python\nprint('second')\n```")
        second.result(WAIT_S)
        assert first.status == "finished"
        events = [entry.event for entry in second.channel.after(0)]
        assert [event.place for event in of_kind(events, RunQueued)] == [1]
        assert first.transcript.ended_at <= events[1].at


def test_a_question_that_fails_does_not_end_the_conversation(tmp_path: Path, table: Path) -> None:
    with open_chat(tmp_path, agent="react") as chat:
        lost = chat.ask("How many rows?", files=tmp_path / "none.csv").result(WAIT_S)
        assert lost.status == "failed"
        found = chat.ask("How many rows?", files=table).result(WAIT_S)
        assert "3 rows" in found.answer


def test_a_conversation_is_listed_reopened_after_a_restart_exported_and_deleted(tmp_path: Path, table: Path) -> None:
    """The first two questions are asked in another process, which is then gone."""
    script = (
        "import sys, genie_nb as gn\n"
        "chat = gn.Chat(agent='react', runs_folder=sys.argv[1])\n"
        "chat.ask('What is the total amount by region?', files=sys.argv[2]).result(120)\n"
        "chat.ask('Only for product A').result(120)\n"
        "print(chat.chat_id)\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "runs"), str(table)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    (entry,) = gn.chats(runs_folder=tmp_path / "runs")
    assert (entry.chat_id, entry.title, entry.questions) == (
        done.stdout.strip(),
        "What is the total amount by region?",
        2,
    )

    chat = gn.Chat.reopen(entry.chat_id, agent="react", runs_folder=tmp_path / "runs")
    assert [run.status for run in chat.runs] == ["finished", "finished"]
    third = chat.ask("And for B?").result(WAIT_S)
    assert "North" in third.answer
    assert "30" in third.answer
    assert third.answer in chat.to_markdown(tmp_path / "chat.md")
    assert (tmp_path / "chat.md").read_text(encoding="utf-8").count("**Question:**") == 3
    assert len(json.loads(chat.to_json())) == 3
    assert chat.to_html().count("销售.csv") >= 1

    folder = chat.runs[0].folder
    assert folder.is_dir()
    chat.delete()
    assert gn.chats(runs_folder=tmp_path / "runs") == []
    assert not folder.exists()


def test_a_question_whose_process_died_is_interrupted(tmp_path: Path) -> None:
    script = (
        "import sys, os, time, genie_nb as gn\n"
        "chat = gn.Chat(agent='react', runs_folder=sys.argv[1])\n"
        "run = chat.ask('```python\\nimport time; time.sleep(60)\\n```')\n"
        "while not run.transcript.calls: time.sleep(0.01)\n"
        "time.sleep(0.3)\n"
        "print(chat.chat_id, flush=True)\n"
        "os._exit(0)\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "runs")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)

    chat = gn.Chat.reopen(done.stdout.strip(), runs_folder=tmp_path / "runs")

    assert (chat.runs[0].status, chat.runs[0].transcript.error_code) == ("failed", "interrupted")


def test_deleting_in_a_copied_project_leaves_the_original_alone(tmp_path: Path, table: Path) -> None:
    with open_chat(tmp_path / "project", agent="react") as chat:
        chat.ask("How many rows?", files=table).result(WAIT_S)
        original = chat.runs[0].folder
    shutil.copytree(tmp_path / "project", tmp_path / "copy")

    copied = gn.Chat.reopen(chat.chat_id, runs_folder=tmp_path / "copy" / "runs")
    assert copied.runs[0].folder == tmp_path / "copy" / "runs" / original.name
    copied.delete()

    assert (original / table.name).read_text(encoding="utf-8") == ROWS
    assert not (tmp_path / "copy" / "runs" / original.name).exists()
    assert len(gn.chats(runs_folder=tmp_path / "project" / "runs")) == 1


ELSEWHERE = {
    "a folder elsewhere": lambda outside: str(outside),
    "above the folder": lambda outside: "..",
    "the folder itself": lambda outside: "",
    "a path that climbs": lambda outside: f"x/../../{outside.name}",
    "a link to elsewhere": lambda outside: "link",
}


@pytest.mark.parametrize("named", ELSEWHERE.values(), ids=ELSEWHERE)
def test_a_foreign_store_names_no_folder_outside_to_read_or_to_delete(tmp_path: Path, named: Callable[[Path], str]) -> None:
    outside, runs = tmp_path / "outside", tmp_path / "runs"
    outside.mkdir()
    (outside / "secret.csv").write_text("key\ncanary-8812\n")
    with open_chat(tmp_path, agent="react") as chat:
        chat.ask("2 + 3?").result(WAIT_S)
    (runs / "link").symlink_to(outside)
    other = runs / "of_another_chat"
    other.mkdir()
    with closing(sqlite3.connect(runs / "chats.sqlite")) as file, file:
        file.execute("UPDATE runs SET folder = ?", (named(outside),))

    foreign = gn.Chat.reopen(chat.chat_id, runs_folder=runs)
    with pytest.raises(RequestError, match="no file"):
        foreign.runs[0].read_file("secret.csv")
    foreign.delete()

    assert (outside / "secret.csv").exists()
    assert other.is_dir()
    assert (runs / "chats.sqlite").exists()


def test_a_reopened_conversation_reads_no_input_outside_its_folder(tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_text("key\ncanary-8812\n")
    folder = tmp_path / "runs" / "chat"
    folder.mkdir(parents=True)
    (folder / "link.csv").symlink_to(tmp_path / "secret.csv")

    prepared = reopened(folder, ["link.csv", "../../secret.csv", str(tmp_path / "secret.csv")])

    assert prepared.inputs == ""


WRONG = {
    "an unknown conversation": (lambda folder: gn.Chat.reopen("none", runs_folder=folder), RequestError, "gn.chats"),
    "an unknown agent": (
        lambda folder: gn.Chat(runs_folder=folder).ask("x", agent="nobody").result(BOUND_S),
        None,
        "nobody",
    ),
    "a folder that is a file": (lambda folder: gn.Chat(runs_folder=__file__), SettingsError, "cannot be kept"),
}


@pytest.mark.parametrize(("act", "error", "words"), WRONG.values(), ids=WRONG.keys())
def test_wrong_input_is_one_sentence(tmp_path: Path, act, error, words: str) -> None:  # noqa: ANN001
    if error is None:
        assert words in str(act(tmp_path).error)
    else:
        with pytest.raises(error, match=words):
            act(tmp_path)


SUDDEN = {
    "after an answer": "chat.ask('What is 2+3?').result(120)",
    "in mid-question": "chat.ask('What is 2+3?')",
    "with a server": "gn.connect(gn.serve(settings={'runs_folder': sys.argv[1]}, log=sys.argv[1] + '/log').url).ask('2+3?')",
}


@pytest.mark.slow
@pytest.mark.parametrize("last", SUDDEN.values(), ids=SUDDEN)
def test_a_process_may_end_at_any_moment_without_a_word_and_keeps_what_was_asked(last: str, tmp_path: Path) -> None:
    script = f"import sys, genie_nb as gn\nchat = gn.Chat(runs_folder=sys.argv[1])\nchat.ask('1+1?').result(120)\n{last}\n"
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    (entry,) = gn.chats(runs_folder=tmp_path)
    chat = gn.Chat.reopen(entry.chat_id, runs_folder=tmp_path)
    assert chat.runs[0].status == "finished"
    assert {run.status for run in chat.runs} <= {"finished", "cancelled"}
    assert len(chat) == (2 if last.startswith("chat") else 1)
