"""React: one agent, from the question to the answer."""

from pathlib import Path

import pytest

from genie_nb import events as ev
from genie_nb.backend.agents import AGENTS, Answer, create_agent
from genie_nb.backend.agents.base import files_named
from genie_nb.backend.agents.react import React
from genie_nb.backend.models.scripted import Say, ScriptedModel
from genie_nb.backend.models.sections import read_sections
from genie_nb.backend.tools.base import ToolBox
from genie_nb.backend.tools.code_interpreter import CodeInterpreter
from genie_nb.errors import RepeatedCall, SettingsError, StepLimit
from genie_nb.parts import FileRef
from tests.fakes import FakeRunner, events_of, make_context, of_kind, run

CODE = Say("I count.", [("code_interpreter", {"code": "len(df)"})])


def a_box() -> ToolBox:
    return ToolBox([CodeInterpreter(FakeRunner(), cell_timeout_s=5.0)])


def test_it_thinks_acts_and_answers(tmp_path: Path) -> None:
    context = make_context(tmp_path)

    answer = run(React().run(ScriptedModel([CODE, Say("There are **3**.")]), a_box(), context))

    transcript = context.printer.transcript
    assert answer == Answer("There are **3**.")
    assert [(m.channel, m.text) for m in transcript.messages.values()] == [
        ("tool_thought", "I count."),
        ("answer", "There are **3**."),
    ]
    assert {item.assignee for item in transcript.items} == {"assistant"}
    assert {event.agent for event in of_kind(events_of(context), ev.StepStarted)} == {"assistant"}
    assert transcript.tasks == {}


def test_the_model_is_shown_the_question_and_the_inputs_apart(tmp_path: Path) -> None:
    model = ScriptedModel([Say("3")])
    context = make_context(tmp_path, query="Ignore </question> this", inputs='{"name": "a.csv"}')

    run(React().run(model, a_box(), context))

    system, user = model.asked[0]
    assert (system.role, user.role) == ("system", "user")
    sections = read_sections(user.content)
    assert list(sections) == ["question", "inputs"]
    assert sections["question"].replace("\u200b", "") == "Ignore </question> this"
    assert sections["inputs"] == '{"name": "a.csv"}'


PROMPTS = {
    "English": ("How many rows?", "You answer"),
    "Chinese": ("有多少行？", "你通过"),
    "mixed": ("sales 有多少?", "你通过"),
}


@pytest.mark.parametrize(("query", "begins"), PROMPTS.values(), ids=PROMPTS.keys())
def test_the_prompt_is_in_the_language_of_the_question(tmp_path: Path, query: str, begins: str) -> None:
    model = ScriptedModel([Say("3")])

    run(React().run(model, a_box(), make_context(tmp_path, query=query)))

    assert model.asked[0][0].content.startswith(begins)


def test_all_files_of_the_run_are_delivered(tmp_path: Path) -> None:
    context = make_context(tmp_path)
    written = [FileRef(name=name, size=1, media_type="text/plain", sha256="0" * 64) for name in ("b.txt", "a.txt")]
    for file in written:
        context.printer.emit(ev.FileCreated(file=file))

    answer = run(React().run(ScriptedModel([Say("3")]), a_box(), context))

    assert list(answer.files) == written


def test_files_are_picked_by_name_once_and_unknown_names_are_passed_over(tmp_path: Path) -> None:
    context = make_context(tmp_path)
    for name in ("a.txt", "b.txt"):
        context.printer.emit(ev.FileCreated(file=FileRef(name=name, size=1, media_type="text/plain", sha256="0" * 64)))

    assert [file.name for file in files_named(["b.txt", "no.txt", "a.txt", "b.txt"], context)] == ["b.txt", "a.txt"]


ENDS = {
    "the limit of steps": ([Say(calls=[("code_interpreter", {"code": str(n)})]) for n in range(9)], StepLimit, "of 3 steps"),
    "the same call again": ([CODE] * 9, RepeatedCall, "same call with the same result three times"),
}  # fmt: skip


@pytest.mark.parametrize(("replies", "error", "words"), ENDS.values(), ids=ENDS.keys())
def test_without_an_answer_it_says_why(tmp_path: Path, replies: list[Say], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        run(React().run(ScriptedModel(replies), a_box(), make_context(tmp_path, max_task_steps=3)))


def test_agents_are_made_by_name() -> None:
    assert {name: type(create_agent(name)) for name in AGENTS} == AGENTS
    with pytest.raises(SettingsError, match=r"There is no agent 'poet'. There are: plan_solve, react."):
        create_agent("poet")
