"""The code interpreter as a tool: what the person sees, what the model is told, which files are reported."""

import asyncio
import json
import threading
from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from genie_nb.backend.context import RunContext
from genie_nb.backend.interpreter.base import CellFinished, Output, Redrawn, ResultForModel
from genie_nb.backend.models.base import ToolCallRequest
from genie_nb.backend.tools.base import ToolBox
from genie_nb.backend.tools.code_interpreter import TOLD_CHARACTERS, CodeInterpreter
from genie_nb.backend.workspace import Workspace
from genie_nb.errors import InterpreterFailed
from genie_nb.events import FileCreated, NoteAdded, ToolOutput, ToolStarted
from genie_nb.parts import CodePart, DocumentPart, ErrorPart, FileRef, ImagePart, Part, StreamPart, TablePart
from tests.fakes import BOUND_S, FakeRunner, a_call, events_of, make_context, of_kind, run

OK = CellFinished("ok")
TABLE = TablePart(columns=("", "a"), rows=(("0", "1"),), dtypes=("", "int64"), total_rows=9, total_columns=1)
TABLE_TEXT = " | a\n--- | ---\n0 | 1\n(9 rows × 1 columns in all)"


@pytest.fixture
def context(tmp_path: Path) -> RunContext:
    context = make_context(tmp_path)
    for number in (1, 2):
        context.printer.emit(ToolStarted(call_id=f"c{number}", tool="code_interpreter", assignee="a"))
    return context


def told(context: RunContext, *items: Output | CellFinished) -> str:
    tool = CodeInterpreter(FakeRunner(lambda code: items), cell_timeout_s=5.0)
    return run(tool.call(a_call(context, code="1+1")))


def shown(context: RunContext) -> list[Part]:
    return [event.part for event in of_kind(events_of(context), ToolOutput)]


def test_the_model_and_the_person_see_the_last_state_of_what_was_drawn_again(context: RunContext) -> None:
    items = [
        StreamPart(text="gone\n"),
        Redrawn(StreamPart(text="\r1/2 \x1b[31mred\x1b[0m"), clears=True),
        StreamPart(text="\r2/2\n"),
        Redrawn(DocumentPart(text="epoch 1"), display="d1"),
        StreamPart(text="below\n"),
        Redrawn(DocumentPart(text="epoch 9"), display="d1"),
        CellFinished("ok"),
    ]
    assert told(context, ResultForModel("{}"), *items) == "2/2 red\nepoch 9\nbelow\nRESULT {}"
    (call,) = (call for call in context.printer.transcript.calls.values() if call.parts)
    assert [part.text for part in call.parts if not isinstance(part, CodePart)] == [
        "2/2 \x1b[31mred\x1b[0m\n",
        "epoch 9",
        "below\n",
    ]


def test_a_font_that_charts_lack_is_told_once_in_a_run_and_only_for_characters_that_a_package_brings(
    context: RunContext,
) -> None:
    ends = {"emoji": "🎉", "first": "a地区月份销售额合计", "again": "北"}
    tool = CodeInterpreter(FakeRunner(lambda code: [CellFinished("ok", unshown=ends[code])]), cell_timeout_s=5.0)
    outputs = [run(tool.call(a_call(context, code=code))) for code in ends]

    assert outputs[0] == outputs[2] == "(the cell showed nothing)"
    assert outputs[1] == (
        "Charts show boxes in place of “地区月份销售额合”, as no font on this machine has such characters: "
        "install one (on Debian: fonts-noto-cjk) and ask again."
    )
    assert [(note.text, note.level) for note in of_kind(events_of(context), NoteAdded)] == [(outputs[1], "warning")]


OUTPUTS = {
    "nothing": ([], "(the cell showed nothing)"),
    "a line": ([StreamPart(text="42\n")], "42"),
    "pieces of a line": ([StreamPart(text="[1,"), StreamPart(text=" 2]\n"), StreamPart(text="[3]\n")], "[1, 2]\n[3]"),
    "an error stream": ([StreamPart(text="a\n"), StreamPart(text="careful\n", stream="stderr")], "a\ncareful"),
    "a table": ([TABLE], TABLE_TEXT),
    "print after a table": ([TABLE, StreamPart(text="after\n")], f"{TABLE_TEXT}\nafter"),
    "a chart": ([ImagePart(content=b"png"), StreamPart(text="x")], "[image: a chart, shown to the person]\nx"),
    "HTML": ([DocumentPart(text="<b>bold</b>", media_type="text/html")], " bold "),
    "a text": ([DocumentPart(text="plain")], "plain"),
    "an error": ([ErrorPart(name="KeyError", message="'a'", traceback="line 1\nKeyError: 'a'")], "line 1\nKeyError: 'a'"),
    "an error without a traceback": ([ErrorPart(name="KeyError", message="'a'")], "KeyError: 'a'"),
    "code": ([CodePart(code="x = 1")], "x = 1"),
}


@pytest.mark.parametrize(("parts", "text"), OUTPUTS.values(), ids=OUTPUTS.keys())
def test_what_a_cell_shows_is_shown_and_told(context: RunContext, parts: list[Part], text: str) -> None:
    assert told(context, *parts, OK) == text

    assert shown(context) == [CodePart(code="1+1"), *parts]


def test_of_a_flood_the_model_is_told_both_ends_and_the_person_sees_all(context: RunContext) -> None:
    flood = StreamPart(text="a" * 50_000 + "z" * 50_000)

    output = told(context, flood, OK)

    assert (output[:3], output[-3:], len(output) < TOLD_CHARACTERS + 100) == ("aaa", "zzz", True)
    assert shown(context)[1] == flood


ENDS = {
    "error": (CellFinished("error", "The code raised."), False),
    "timeout": (CellFinished("timeout", "It was stopped after 5 s."), True),
    "died": (CellFinished("died", "Python is gone.", state_lost=True), True),
}


@pytest.mark.parametrize(("end", "is_shown"), ENDS.values(), ids=ENDS.keys())
def test_how_a_cell_ended_is_told(context: RunContext, end: CellFinished, is_shown: bool) -> None:
    assert told(context, StreamPart(text="a\n"), end) == f"a\n{end.message}"

    errors = [part for part in shown(context) if isinstance(part, ErrorPart)]
    assert errors == ([ErrorPart(name=end.status, message=end.message)] if is_shown else [])


NO_CODE: dict[str, Any] = {"a number": 5, "blank": " \n", "a list": ["1+1"]}


@pytest.mark.parametrize("code", NO_CODE.values(), ids=NO_CODE.keys())
def test_what_is_no_code_is_told_to_the_model_and_not_run(context: RunContext, code: object) -> None:
    runner = FakeRunner()
    box = ToolBox([CodeInterpreter(runner, cell_timeout_s=5.0)])
    arguments = json.dumps({"code": code})

    output = run(box.run(ToolCallRequest("x", "code_interpreter", arguments), "c1", context))

    assert (output, runner.cells) == ("The argument code must be the Python code as text.", [])


def test_a_kernel_that_cannot_be_had_ends_the_run(context: RunContext) -> None:
    class NoKernel(FakeRunner):
        async def run(self, code: str, *, timeout_s: float) -> AsyncGenerator[Part | CellFinished, None]:
            raise InterpreterFailed("No kernel.")
            yield OK

    box = ToolBox([CodeInterpreter(NoKernel(), cell_timeout_s=5.0)])

    with pytest.raises(InterpreterFailed, match=r"No kernel\."):
        run(box.run(ToolCallRequest("x", "code_interpreter", '{"code": "1"}'), "c1", context))


def test_files_that_a_cell_wrote_are_reported_with_it_and_told(context: RunContext) -> None:
    def write(code: str) -> list[Part | CellFinished]:
        for name in ("b.png", "a.txt"):
            (context.workspace.folder / name).write_text(code)
        return [StreamPart(text="saved\n"), OK]

    tool = CodeInterpreter(FakeRunner(write), cell_timeout_s=5.0)

    assert run(tool.call(a_call(context, code="1"))) == "saved\nfiles: a.txt, b.png"
    created = of_kind(events_of(context), FileCreated)
    assert [(event.call_id, event.file.name) for event in created] == [("c1", "a.txt"), ("c1", "b.png")]
    assert list(context.printer.transcript.files) == ["a.txt", "b.png"]


def test_cells_of_parallel_tasks_run_one_after_the_other_each_with_its_own_files(context: RunContext) -> None:
    inside: list[str] = []

    class Slow(FakeRunner):
        async def run(self, code: str, *, timeout_s: float) -> AsyncGenerator[Part | CellFinished, None]:
            inside.append(f"in {code}")
            for _ in range(20):
                await asyncio.sleep(0)
            (context.workspace.folder / code).write_text("x")
            inside.append(f"out {code}")
            yield OK

    tool = CodeInterpreter(Slow(), cell_timeout_s=5.0)

    async def scene() -> list[str]:
        return await asyncio.gather(*(tool.call(a_call(context, f"c{n}", code=f"{n}.txt")) for n in (1, 2)))

    assert run(scene()) == ["files: 1.txt", "files: 2.txt"]
    assert inside == ["in 1.txt", "out 1.txt", "in 2.txt", "out 2.txt"]
    assert [(e.call_id, e.file.name) for e in of_kind(events_of(context), FileCreated)] == [("c1", "1.txt"), ("c2", "2.txt")]


def test_a_file_is_reported_while_its_cell_still_runs_and_none_is_lost_at_its_end(context: RunContext) -> None:
    """The look for new files is held inside until the cell has ended: what it found must still be reported."""
    looking, cell_over = threading.Event(), threading.Event()

    class SlowLook(Workspace):
        def changed(self) -> list[FileRef]:
            found = super().changed()
            if found and not looking.is_set():
                looking.set()
                cell_over.wait(BOUND_S)
            return found

    class Writing(FakeRunner):
        async def run(self, code: str, *, timeout_s: float) -> AsyncGenerator[Part | CellFinished, None]:
            (context.workspace.folder / "early.txt").write_text("x")
            await asyncio.to_thread(looking.wait, BOUND_S)
            yield OK
            asyncio.get_running_loop().call_later(0.05, cell_over.set)

    slow = replace(context, workspace=SlowLook(context.workspace.folder))

    run(CodeInterpreter(Writing(), cell_timeout_s=5.0).call(a_call(slow, code="1")))

    assert looking.is_set()
    assert [event.file.name for event in of_kind(events_of(context), FileCreated)] == ["early.txt"]


def test_a_cancelled_call_leaves_its_cell(context: RunContext) -> None:
    left: list[bool] = []

    async def scene() -> None:
        inside = asyncio.Event()

        class Endless(FakeRunner):
            async def run(self, code: str, *, timeout_s: float) -> AsyncGenerator[Part | CellFinished, None]:
                try:
                    inside.set()
                    await asyncio.Event().wait()
                    yield OK
                finally:
                    left.append(True)

        calling = asyncio.create_task(CodeInterpreter(Endless(), cell_timeout_s=5.0).call(a_call(context, code="1")))
        await inside.wait()
        calling.cancel()
        await asyncio.wait({calling})
        assert calling.cancelled()

    run(scene())

    assert left == [True]


def test_closing_the_tool_closes_the_session() -> None:
    runner = FakeRunner()

    run(CodeInterpreter(runner, cell_timeout_s=5.0).close())

    assert runner.closed == 1
