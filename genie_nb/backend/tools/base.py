"""Tools: what a model may call, and the box that calls them.

A tool's failure is data for the model: whatever goes wrong inside a tool becomes one sentence in its result, and the run
goes on. Every call has a limit of time.

Above: the agents. Below: `context`, `models/base`.
"""

import asyncio
import json
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from genie_nb.backend.approvals import Question
from genie_nb.backend.context import RunContext
from genie_nb.backend.models.base import ToolCallRequest, ToolSpec
from genie_nb.errors import CallDenied, InterpreterFailed, SettingsError, ToolFailed
from genie_nb.events import ToolFinished, ToolOutput, ToolStatus
from genie_nb.parts import ErrorPart, Part, readable

__all__ = ("Call", "Tool", "ToolBox", "parse_arguments")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Call:
    """One call of a tool, as the tool sees it."""

    call_id: str
    arguments: dict[str, Any]
    context: RunContext

    def show(self, part: Part, *, display: str = "", clears: bool = False) -> None:
        """Show the person a part of what the call brings; see `ToolOutput`."""
        self.context.printer.emit(ToolOutput(call_id=self.call_id, part=part, display=display, clears=clears))


class Tool(Protocol):
    """Something that a model may call."""

    @property
    def spec(self) -> ToolSpec:
        """What the model is told of the tool."""
        ...

    @property
    def timeout_s(self) -> float:
        """Seconds that one call may take."""
        ...

    async def call(self, call: Call) -> str:
        """Do what is asked; returns what the model is told.

        Raises:
            ToolFailed: It could not be done; the message is told to the model.
        """
        ...

    async def close(self) -> None:
        """Give back what the tool holds; safe to call twice."""
        ...


def parse_arguments(request: ToolCallRequest, spec: ToolSpec) -> dict[str, Any]:
    """The arguments of a call.

    Raises:
        ToolFailed: They are no JSON object, or one that the schema requires is missing, or one that it excludes is there.
    """
    try:
        arguments = json.loads(request.arguments or "{}")
    except (ValueError, RecursionError) as error:
        raise ToolFailed(f"The arguments of {request.name} are not valid JSON ({error}). Send them again.") from error
    if not isinstance(arguments, dict):
        raise ToolFailed(f"The arguments of {request.name} must be one JSON object.")
    _check_names(arguments, spec)
    return arguments


def _check_names(arguments: dict[str, Any], spec: ToolSpec) -> None:
    if spec.parameters.get("additionalProperties") is False:
        unknown = [name for name in arguments if name not in spec.parameters["properties"]]
        if unknown:
            raise ToolFailed(f"{spec.name} takes no argument {', '.join(unknown)[:200]}. Send the call again without.")
    missing = [name for name in spec.parameters.get("required", ()) if name not in arguments]
    if missing:
        raise ToolFailed(f"The call of {spec.name} lacks {', '.join(missing)}. Send it again with all arguments.")


class ToolBox:
    """The tools of one run, by name.

    Args:
        tools: Those that stay the same.
        others: Called for those that may come and go while the run goes on, with the names that are taken.
        notes: What the person is told of the tools when the run begins.

    Raises:
        SettingsError: Two tools have one name.
    """

    def __init__(
        self,
        tools: Iterable[Tool],
        others: Callable[[Iterable[str]], Iterable[Tool]] = lambda taken: (),
        notes: Sequence[str] = (),
    ) -> None:
        self.notes = tuple(notes)
        self._others = others
        self._tools: dict[str, Tool] = {}
        for tool in tools:
            if tool.spec.name in self._tools:
                raise SettingsError(f"Two tools are called {tool.spec.name}. Give one of them another name.")
            self._tools[tool.spec.name] = tool

    @property
    def specs(self) -> tuple[ToolSpec, ...]:
        """What a model is told of the tools."""
        return tuple(tool.spec for tool in self._now().values())

    def _now(self) -> dict[str, Tool]:
        return self._tools | {tool.spec.name: tool for tool in self._others(self._tools)}

    async def run(self, request: ToolCallRequest, call_id: str, context: RunContext) -> str:
        """Call a tool and print how it ended; returns what the model is told.

        Raises:
            InterpreterFailed: No Python kernel could be had, so the run cannot go on.
        """
        began = time.monotonic()
        status: ToolStatus = "ok"
        try:
            tool, call, changed = await self._allowed(request, call_id, context)
            began = time.monotonic()
            output = changed + await self._call(tool, call)
        except CallDenied as denied:
            output, status = readable(str(denied)), "denied"
        except ToolFailed as failed:
            output, status = readable(str(failed)), "error"
            context.printer.emit(ToolOutput(call_id=call_id, part=ErrorPart(name=type(failed).__name__, message=output)))
        seconds = 0.0 if status == "denied" else time.monotonic() - began
        context.printer.emit(ToolFinished(call_id=call_id, status=status, output=output, seconds=seconds))
        return output

    async def _allowed(self, request: ToolCallRequest, call_id: str, context: RunContext) -> tuple[Tool, Call, str]:
        """The tool and the call, once it may be made; and what the model is told if the person changed its arguments."""
        tools = self._now()
        tool = tools.get(request.name)
        if tool is None:
            raise ToolFailed(f"There is no tool {request.name!r}. There are: {', '.join(tools) or 'none'}.")
        arguments = parse_arguments(request, tool.spec)
        question = Question(call_id, request.name, arguments, tool.spec.asks, _at_hand(context))
        allowed = await context.approvals.check(question, context.printer)
        if allowed == arguments:
            return tool, Call(call_id, arguments, context), ""
        changed = json.dumps(allowed, ensure_ascii=False)
        _check_names(allowed, tool.spec)
        return tool, Call(call_id, allowed, context), f"The person changed the arguments of this call to {changed}\n\n"

    async def _call(self, tool: Tool, call: Call) -> str:
        name = tool.spec.name
        try:
            async with asyncio.timeout(tool.timeout_s) as limit:
                return await tool.call(call)
        except (ToolFailed, InterpreterFailed):
            raise
        except (Exception, SystemExit) as error:  # a SystemExit would end the backend's loop, and every run on it
            if isinstance(error, TimeoutError) and limit.expired():
                raise ToolFailed(f"The tool {name} did not return within {tool.timeout_s:g} s and was given up.") from error
            log.warning("The tool %s raised", name, exc_info=error)
            raise ToolFailed(f"The tool {name} raised {type(error).__name__}: {_words(error)}") from error

    async def close(self) -> None:
        """Close every tool."""
        await asyncio.gather(*(tool.close() for tool in self._tools.values()))


def _at_hand(context: RunContext) -> tuple[str, ...]:
    """The names of the run's files."""
    transcript = context.printer.transcript
    return tuple(dict.fromkeys((*(file.name for file in transcript.inputs), *transcript.files)))


def _words(error: BaseException) -> str:
    """An error's message, even of one that raises when it is asked for it."""
    try:
        return str(error)
    except Exception as worse:
        return f"(its message cannot be read: {type(worse).__name__})"
