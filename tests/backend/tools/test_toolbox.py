"""The box of tools: whatever goes wrong inside a tool is a sentence for the model, and the run goes on."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from genie_nb.backend.context import RunContext
from genie_nb.backend.models.base import ToolCallRequest, ToolSpec
from genie_nb.backend.models.scripted import ScriptedModel
from genie_nb.backend.settings import Settings
from genie_nb.backend.tools.base import Call, ToolBox, parse_arguments
from genie_nb.backend.tools.code_interpreter import CodeInterpreter
from genie_nb.backend.tools.deep_search import deep_search_tool
from genie_nb.backend.tools.report import report_tool
from genie_nb.errors import SettingsError, ToolFailed
from genie_nb.events import ToolFinished, ToolOutput, ToolStarted
from genie_nb.parts import DocumentPart, ErrorPart
from tests.fakes import events_of, make_context, of_kind, run

SPEC = ToolSpec("look", "Looks.", {"type": "object", "properties": {"at": {}, "how": {}}, "required": ["at", "how"]})


PLAIN = ToolSpec("plain", "Does.", {"type": "object", "properties": {}})


@dataclass
class Plain:
    """A tool that does what the test says."""

    do: Callable[[Call], Awaitable[str]]
    spec: ToolSpec = PLAIN
    timeout_s: float = 20.0
    closed: int = 0

    async def call(self, call: Call) -> str:
        return await self.do(call)

    async def close(self) -> None:
        self.closed += 1


@pytest.fixture
def context(tmp_path: Path) -> RunContext:
    context = make_context(tmp_path)
    context.printer.emit(ToolStarted(call_id="c1", tool="plain", assignee="a"))
    return context


def call(box: ToolBox, context: RunContext, *, name: str = "plain", arguments: str = "{}") -> str:
    return run(box.run(ToolCallRequest("x", name, arguments), "c1", context))


def how_it_ended(context: RunContext) -> ToolFinished:
    (end,) = of_kind(events_of(context), ToolFinished)
    return end


def test_an_argument_that_the_schema_excludes_is_refused_before_the_call(context: RunContext) -> None:
    async def do(_: Call) -> str:
        raise AssertionError("it was called")

    exact = ToolSpec("plain", "Does.", {"type": "object", "properties": {"code": {}}, "additionalProperties": False})
    told = call(ToolBox([Plain(do, exact)]), context, arguments='{"code": "1", "shell": "rm", "x": 2}')

    assert told == "plain takes no argument shell, x. Send the call again without."
    assert how_it_ended(context).status == "error"


def test_our_own_tools_take_no_unknown_arguments() -> None:
    settings, model = Settings.load(), ScriptedModel([])
    for spec in (CodeInterpreter.spec, report_tool(settings, model).spec, deep_search_tool(settings, model).spec):
        known = dict.fromkeys(spec.parameters["properties"], "x")
        with pytest.raises(ToolFailed, match="takes no argument shell"):
            parse_arguments(ToolCallRequest("x", spec.name, json.dumps(known | {"shell": "rm"})), spec)


ARGUMENTS = {
    "an object": ('{"at": 1, "how": null, "more": [2]}', {"at": 1, "how": None, "more": [2]}),
    "unicode": ('{"at": "北", "how": "\\u5317"}', {"at": "北", "how": "北"}),
}


@pytest.mark.parametrize(("text", "arguments"), ARGUMENTS.values(), ids=ARGUMENTS.keys())
def test_arguments_are_one_json_object(text: str, arguments: dict[str, object]) -> None:
    assert parse_arguments(ToolCallRequest("x", "look", text), SPEC) == arguments


def test_no_arguments_at_all_are_none() -> None:
    assert parse_arguments(ToolCallRequest("x", "plain", ""), ToolSpec("plain", "", {"type": "object"})) == {}


WRONG_ARGUMENTS = {
    "half": ('{"at": 1, "ho', r"arguments of look are not valid JSON \(.*\)\. Send them again"),
    "words": ("please", "not valid JSON"),
    "a list": ("[1]", "must be one JSON object"),
    "a text": ('"at"', "must be one JSON object"),
    "one missing": ('{"at": 1}', r"lacks how\. Send it again with all arguments"),
    "all missing": ("", "lacks at, how"),
    "endless nesting": ("[" * 100_000, "not valid JSON"),
}


@pytest.mark.parametrize(("text", "told"), WRONG_ARGUMENTS.values(), ids=WRONG_ARGUMENTS.keys())
def test_wrong_arguments_are_told_to_the_model_and_the_tool_is_not_called(context: RunContext, text: str, told: str) -> None:
    called: list[Call] = []

    async def look(call: Call) -> str:
        called.append(call)
        return ""

    with pytest.raises(ToolFailed, match=told):
        parse_arguments(ToolCallRequest("x", "look", text), SPEC)
    output = call(ToolBox([Plain(look, SPEC)]), context, name="look", arguments=text)

    end = how_it_ended(context)
    assert (end.status, end.output, called) == ("error", output, [])


def test_a_call_prints_what_it_shows_and_how_it_ended(context: RunContext) -> None:
    async def show(call: Call) -> str:
        call.show(DocumentPart(text="seen"))
        return "told"

    assert call(ToolBox([Plain(show)]), context) == "told"

    _, output, end = events_of(context)
    assert (output.call_id, output.part) == ("c1", DocumentPart(text="seen"))
    assert (end.call_id, end.status, end.output) == ("c1", "ok", "told")
    assert end.seconds > 0


def test_the_end_of_a_call_carries_its_task(context: RunContext) -> None:
    async def nothing(call: Call) -> str:
        return ""

    call(ToolBox([Plain(nothing)]), context.for_task("t7", "analyst"))

    assert how_it_ended(context).task_id == "t7"


RAISED = {
    "a failure of its own": (ToolFailed("No such page."), "No such page."),
    "any exception": (ZeroDivisionError("by zero"), "The tool plain raised ZeroDivisionError: by zero"),
    "a timeout of its own": (
        TimeoutError("the socket is silent"),
        "The tool plain raised TimeoutError: the socket is silent",
    ),
    "the wish to exit": (SystemExit(3), "The tool plain raised SystemExit: 3"),
}


@pytest.mark.parametrize(("error", "told"), RAISED.values(), ids=RAISED.keys())
def test_what_a_tool_raises_is_told_to_the_model(context: RunContext, error: BaseException, told: str) -> None:
    async def fail(call: Call) -> str:
        raise error

    assert call(ToolBox([Plain(fail)]), context) == told

    (shown,) = of_kind(events_of(context), ToolOutput)
    assert isinstance(shown.part, ErrorPart)
    assert shown.part.message == told
    assert how_it_ended(context).status == "error"


def test_an_unexpected_exception_is_logged_with_its_traceback(context: RunContext, caplog: pytest.LogCaptureFixture) -> None:
    async def fail(call: Call) -> str:
        raise ZeroDivisionError

    with caplog.at_level(logging.WARNING):
        call(ToolBox([Plain(fail)]), context)

    assert [record.exc_info is not None for record in caplog.records] == [True]


def test_a_tool_that_does_not_return_is_given_up(context: RunContext) -> None:
    async def hang(call: Call) -> str:
        await asyncio.Event().wait()
        return ""

    told = call(ToolBox([Plain(hang, timeout_s=0.01)]), context)

    assert told == "The tool plain did not return within 0.01 s and was given up."
    assert how_it_ended(context).status == "error"


def test_a_cancelled_call_prints_no_end(context: RunContext) -> None:
    async def scene() -> None:
        inside = asyncio.Event()

        async def hang(call: Call) -> str:
            inside.set()
            await asyncio.Event().wait()
            return ""

        running = asyncio.create_task(ToolBox([Plain(hang)]).run(ToolCallRequest("x", "plain", ""), "c1", context))
        await inside.wait()
        running.cancel()
        await asyncio.wait({running})
        assert running.cancelled()

    run(scene())

    assert of_kind(events_of(context), ToolFinished) == []


@pytest.mark.parametrize(("tools", "there_are"), [([], "none"), (["a", "b"], "a, b")], ids=["no tools", "two tools"])
def test_a_tool_that_is_not_there_is_answered_with_those_that_are(
    context: RunContext, tools: list[str], there_are: str
) -> None:
    async def nothing(call: Call) -> str:
        return ""

    box = ToolBox([Plain(nothing, ToolSpec(name, "", {})) for name in tools])

    assert call(box, context, name="search") == f"There is no tool 'search'. There are: {there_are}."


def test_two_tools_of_one_name_are_refused() -> None:
    async def nothing(call: Call) -> str:
        return ""

    with pytest.raises(SettingsError, match="Two tools are called plain"):
        ToolBox([Plain(nothing), Plain(nothing)])


def test_closing_the_box_closes_every_tool() -> None:
    async def nothing(call: Call) -> str:
        return ""

    tools = [Plain(nothing, ToolSpec(name, "", {})) for name in "ab"]

    run(ToolBox(tools).close())

    assert [tool.closed for tool in tools] == [1, 1]
