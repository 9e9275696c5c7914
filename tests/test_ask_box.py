"""The ask box as a person makes it: over a conversation, and over a server."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import genie_nb as gn
from genie_nb.errors import RequestError, SettingsError
from tests.backend.documents import pdf
from tests.fakes import BOUND_S

WAIT_S = BOUND_S


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "runs"
    assert not list((tmp_path / "runs").glob("uploads-*"))


def answers(*texts: str) -> gn.ScriptedModel:
    return gn.ScriptedModel([gn.Say(text) for text in texts])


def test_its_questions_are_a_conversation_and_its_files_and_tables_go_with_the_first(runs: Path, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,b\n1,2\n")
    model = answers("One row.", "As I said: one.")
    box = gn.ask_box(
        model=model, agent="react", runs_folder=runs, files=[tmp_path / "a.csv"], data={"df": pd.DataFrame({"x": [1]})}
    )
    assert box._composer.state["agent"] == "react"
    assert [file["about"] for file in box._composer.state["files"]] == ["CSV, 1 row × 2 columns, UTF-8"]

    page: dict[str, Any] = {"type": "ask", "query": "How many rows?", "agent": "react", "mode": "", "page": "p"}
    box._composer._hear(box._composer, page, [])
    first = box.runs[0].result(WAIT_S)  # type: ignore[attr-defined]
    second = box.ask("Sure?").result(WAIT_S)

    assert (first.answer, second.answer) == ("One row.", "As I said: one.")
    assert [file.name for file in first.transcript.inputs] == ["a.csv"]
    assert [table.about for table in first.transcript.tables] == ["DataFrame, 1 row × 1 column"]
    assert "How many rows?" in model.asked[-1][-1].content
    assert second.transcript.inputs == ()
    box.close()


def test_it_goes_on_with_a_conversation_that_there_is_and_leaves_it_open(runs: Path) -> None:
    chat = gn.Chat(model=answers("one", "two", "three"), agent="react", runs_folder=runs)
    chat.ask("1?", show=False).result(WAIT_S)
    box = gn.ask_box(chat)
    box.ask("2?").result(WAIT_S)
    box.close()
    chat.ask("3?", show=False).result(WAIT_S)

    assert [run.answer for run in chat.runs] == ["one", "two", "three"]
    chat.close()


def test_a_file_that_cannot_be_used_and_an_unknown_option_are_refused(runs: Path, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="does not exist"):
        gn.ask_box(files=tmp_path / "nowhere.csv", runs_folder=runs)
    with pytest.raises(SettingsError):
        gn.ask_box(colour="red")
    with pytest.raises(RequestError, match="takes no model="):
        gn.ask_box(gn.Chat(runs_folder=runs), model="offline")


def test_over_a_server_the_stream_mode_can_be_chosen(runs: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GENIE_RUNS_FOLDER", str(runs))
    (tmp_path / "a.csv").write_text("a,b\n1,2\n")
    with (
        gn.serve(model=answers("Done."), settings={"agent": "react"}) as server,
        gn.connect(server.url, agent="react") as genie,
    ):
        box = genie.ask_box()
        assert box._composer.state["modes"] == ["general", "token", "time"]
        run = box.ask("How many?", agent="react", mode="time", files=[tmp_path / "a.csv"]).result(WAIT_S)

        assert (run.answer, run.error) == ("Done.", None)
        assert run._mode.mode == "time"
        assert run.transcript.inputs[0].about == "CSV, 1 row × 2 columns, UTF-8"
        box.close()


def test_the_offline_analyst_reads_the_text_of_a_document(runs: Path, tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(pdf("Sales grew by nine percent", "In the north"))

    run = gn.ask("What is in this file?", files=tmp_path / "a.pdf", model="offline", runs_folder=runs, show=False).result(
        WAIT_S
    )

    assert run.error is None
    assert "a.pdf has 2 pages and about 8 words" in run.answer
    assert "> Sales grew by nine percent" in run.answer
