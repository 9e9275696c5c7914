"""`@tool`: the schema from the signature, the call on a thread of its own, and words for whatever goes wrong."""

import asyncio
import enum
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, Optional

import pandas as pd
import pytest

from genie_nb.backend.context import RunContext
from genie_nb.backend.models.base import ToolCallRequest
from genie_nb.backend.tools.base import ToolBox
from genie_nb.backend.tools.functions import FunctionTool, tool
from genie_nb.errors import SettingsError
from genie_nb.events import ToolFinished, ToolOutput, ToolStarted
from genie_nb.parts import DocumentPart, TablePart
from tests.fakes import BOUND_S, events_of, make_context, of_kind, run


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


def plain(name: str, count: int, share: float, exact: bool) -> None: ...
def with_defaults(name: str = "a", *, count: int = 3) -> None: ...
def choices(colour: Colour, unit: Literal["km", "mi"]) -> None: ...
def many(names: list[str], counts: dict[str, int], maybe: Optional[int] = None) -> None: ...  # noqa: UP045
def unannotated(name) -> None: ...  # noqa: ANN001
def awkward(schema: str, json: str, copy: bool, _hidden: int, model_config: str) -> None: ...


SCHEMAS = {
    "plain types": (
        plain,
        {"name": {"type": "string"}, "count": {"type": "integer"}, "share": {"type": "number"},
         "exact": {"type": "boolean"}},
        ["name", "count", "share", "exact"],
    ),
    "defaults": (
        with_defaults,
        {"name": {"type": "string", "default": "a"}, "count": {"type": "integer", "default": 3}},
        [],
    ),
    "choices": (
        choices,
        {"colour": {"$ref": "#/$defs/Colour"}, "unit": {"type": "string", "enum": ["km", "mi"]}},
        ["colour", "unit"],
    ),
    "lists, dicts and options": (
        many,
        {
            "names": {"type": "array", "items": {"type": "string"}},
            "counts": {"type": "object", "additionalProperties": {"type": "integer"}},
            "maybe": {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": None},
        },
        ["names", "counts"],
    ),
    "no annotation": (unannotated, {"name": {"type": "string"}}, ["name"]),
    "names that pydantic keeps to itself": (
        awkward,
        {"schema": {"type": "string"}, "json": {"type": "string"}, "copy": {"type": "boolean"},
         "_hidden": {"type": "integer"}, "model_config": {"type": "string"}},
        ["schema", "json", "copy", "_hidden", "model_config"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("function", "properties", "required"), SCHEMAS.values(), ids=SCHEMAS.keys())
def test_the_schema_says_what_the_annotations_say(
    function: Callable[..., Any], properties: dict[str, Any], required: list[str]
) -> None:
    schema = tool(function).spec.parameters

    bare = {name: {key: part for key, part in said.items() if key != "title"} for name, said in schema["properties"].items()}
    assert bare == properties
    assert schema.get("required", []) == required
    assert (schema["type"], schema["additionalProperties"], "title" in schema) == ("object", False, False)


def test_the_docstring_describes_the_tool_and_its_arguments() -> None:
    def distance(start: str, end: str, unit: str = "km") -> float:
        """How far it is between two towns.

        As the crow flies.

        Args:
            start: Where it begins,
                a town.
            end (str): Where it ends.

        Returns:
            The distance.
        """
        return 0.0

    spec = tool(distance).spec

    assert (spec.name, spec.description) == ("distance", "How far it is between two towns.\n\nAs the crow flies.")
    described = {name: said.get("description") for name, said in spec.parameters["properties"].items()}
    assert described == {"start": "Where it begins, a town.", "end": "Where it ends.", "unit": None}


def test_a_tool_without_a_docstring_is_described_by_its_name() -> None:
    assert tool(plain).spec.description == "plain"


def test_the_decorator_takes_a_name_and_a_limit() -> None:
    @tool(name="far", timeout_s=3.0)
    def distance(town: str) -> str:
        return town * 2

    assert (distance.spec.name, distance.timeout_s, distance.with_timeout(1.0).timeout_s) == ("far", 3.0, 1.0)
    assert distance("ab") == "abab"


def everything(*values: int) -> None: ...
def anything(**values: int) -> None: ...
def positional(value: int, /) -> None: ...
def a_frame(frame: pd.DataFrame) -> None: ...
def unknown(value: "NoSuchType") -> None: ...  # noqa: F821


REFUSED = {
    "*args": (everything, {}, r"everything takes \*values; name its arguments one by one"),
    "**kwargs": (anything, {}, r"anything takes \*\*values"),
    "positional only": (positional, {}, "positional takes value"),
    "a lambda": (lambda a: a, {}, "'<lambda>' cannot be a tool's name"),
    "a name with spaces": (plain, {"name": "far away"}, "'far away' cannot be a tool's name"),
    "a name that is too long": (plain, {"name": "a" * 65}, "cannot be a tool's name"),
    "a type without a schema": (a_frame, {}, "No schema can be made for the arguments of a_frame"),
    "a type that is not there": (unknown, {}, r"No schema .* unknown: name 'NoSuchType' is not defined"),
    "no signature": (dict.update, {}, "No schema can be made for the arguments of update"),
}


@pytest.mark.parametrize(("function", "options", "told"), REFUSED.values(), ids=REFUSED.keys())
def test_a_function_that_cannot_be_a_tool_is_refused_at_once(
    function: Callable[..., Any], options: dict[str, str], told: str
) -> None:
    with pytest.raises(SettingsError, match=told):
        tool(**options)(function)


# Calls


@pytest.fixture
def context(tmp_path: Path) -> RunContext:
    context = make_context(tmp_path)
    context.printer.emit(ToolStarted(call_id="c1", tool="t", assignee="a"))
    return context


def call(a_tool: FunctionTool, context: RunContext, arguments: str = "{}") -> str:
    return run(ToolBox([a_tool]).run(ToolCallRequest("x", a_tool.spec.name, arguments), "c1", context))


def test_a_sync_and_an_async_function_are_called_alike(context: RunContext) -> None:
    @tool
    def double(number: int) -> int:
        return number * 2

    @tool
    async def slowly(number: int) -> int:
        await asyncio.sleep(0)
        return number * 2

    assert call(double, context, '{"number": 21}') == call(slowly, context, '{"number": 21}') == "42"


def test_arguments_arrive_as_what_their_annotations_say(context: RunContext) -> None:
    seen: list[object] = []

    @tool
    def look(colour: Colour, schema: str, counts: list[int], _x: float = 0.5, maybe: int | None = None) -> None:
        seen.extend((colour, schema, counts, _x, maybe))

    call(look, context, '{"colour": "blue", "schema": "s", "counts": [1, 2]}')

    assert seen == [Colour.BLUE, "s", [1, 2], 0.5, None]


MISFITS = {
    "a wrong type": ('{"count": "many"}', r"arguments of count_to do not fit: count: Input should be a valid integer"),
    "one too many": ('{"count": 1, "speed": 2}', "takes no argument speed"),
    "one missing": ("{}", "lacks count"),
}


@pytest.mark.parametrize(("arguments", "told"), MISFITS.values(), ids=MISFITS.keys())
def test_arguments_that_do_not_fit_are_told_to_the_model(context: RunContext, arguments: str, told: str) -> None:
    called: list[int] = []

    @tool
    def count_to(count: int) -> None:
        called.append(count)

    assert told in call(count_to, context, arguments).replace("\n", " ")
    assert called == []


def test_the_argument_that_does_not_fit_is_named_as_the_person_named_it(context: RunContext) -> None:
    @tool
    def look(schema: int) -> None: ...

    assert "do not fit: schema: " in call(look, context, '{"schema": "x"}')


def raise_error() -> None:
    raise LookupError("no such town")


def exit_process() -> None:
    sys.exit(3)


def raise_interrupt() -> None:
    raise KeyboardInterrupt


def stop_iterating() -> None:
    raise StopIteration("over")


async def raise_later() -> None:
    await asyncio.sleep(0)
    raise LookupError("no such town")


async def cancel_itself() -> None:
    raise asyncio.CancelledError


RAISING = {
    "an error": (raise_error, "LookupError: no such town"),
    "an exit": (exit_process, "SystemExit: 3"),
    "an interrupt": (raise_interrupt, "KeyboardInterrupt: "),
    "StopIteration": (stop_iterating, "StopIteration: over"),
    "an error of an async function": (raise_later, "LookupError: no such town"),
    "a cancellation of its own": (cancel_itself, "CancelledError: "),
}


@pytest.mark.parametrize(("function", "told"), RAISING.values(), ids=RAISING.keys())
def test_whatever_a_function_raises_is_told_to_the_model_and_ends_nothing(
    context: RunContext, function: Callable[[], Any], told: str
) -> None:
    output = call(tool(function), context)

    assert f"raised {told}" in output or f"raised RuntimeError: {told}" in output
    assert [event.status for event in of_kind(events_of(context), ToolFinished)] == ["error"]


def test_what_a_function_returns_is_shown_to_the_person(context: RunContext) -> None:
    @tool
    def table() -> pd.DataFrame:
        return pd.DataFrame({"a": [1]})

    told = call(table, context)

    (shown,) = of_kind(events_of(context), ToolOutput)
    assert isinstance(shown.part, TablePart)
    assert told.endswith("(1 rows × 1 columns in all)")


def test_what_nobody_can_read_is_told_to_the_model(context: RunContext) -> None:
    @tool
    def thing() -> object:
        return object()

    assert "returned a object, which has no readable form" in call(thing, context)
    assert [event.status for event in of_kind(events_of(context), ToolFinished)] == ["error"]


def test_a_blocking_function_does_not_stall_the_loop(context: RunContext) -> None:
    """The function waits, blocking its thread, for what only another task of the loop will do."""
    let_go = threading.Event()
    loops: list[asyncio.AbstractEventLoop] = []
    inside: list[asyncio.Event] = []

    @tool
    def block() -> str:
        loops[0].call_soon_threadsafe(inside[0].set)
        return "let go" if let_go.wait(BOUND_S) else "never let go"

    async def scene() -> str:
        loops.append(asyncio.get_running_loop())
        inside.append(asyncio.Event())
        calling = asyncio.create_task(ToolBox([block]).run(ToolCallRequest("x", "block", ""), "c1", context))
        await inside[0].wait()
        let_go.set()
        return await calling

    assert run(scene()) == "let go"


def test_a_function_that_never_returns_is_given_up_and_what_it_returns_later_is_dropped(context: RunContext) -> None:
    let_go, left = threading.Event(), threading.Event()

    @tool(timeout_s=0.05)
    def hang() -> str:
        let_go.wait(BOUND_S)
        left.set()
        return "too late"

    assert call(hang, context) == "The tool hang did not return within 0.05 s and was given up."
    before = len(context.printer.channel)
    let_go.set()

    assert left.wait(BOUND_S)
    assert len(context.printer.channel) == before


def test_a_text_that_is_returned_is_told_as_it_is(context: RunContext) -> None:
    @tool
    def hello(name: str = "you") -> str:
        return f"Hello, {name}"

    assert call(hello, context, '{"name": "北京"}') == "Hello, 北京"
    assert of_kind(events_of(context), ToolOutput)[0].part == DocumentPart(text="Hello, 北京")
