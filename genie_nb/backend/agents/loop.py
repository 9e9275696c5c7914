"""The loop that every agent shares: think (ask the model), act (run the calls that it asked for), until it asks for none.

Above: the agents. Below: `tools`, `history`, `models`, `context`.
"""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Literal

from genie_nb.backend.context import RunContext
from genie_nb.backend.history import History
from genie_nb.backend.models import base
from genie_nb.backend.models.base import ChatMessage, ChatModel, ToolCallRequest, ToolSpec
from genie_nb.backend.printer import Printer
from genie_nb.backend.tools.base import ToolBox
from genie_nb.errors import ModelError
from genie_nb.events import Channel, ModelWaiting, ToolArguments, ToolStarted, UsageReported
from genie_nb.parts import readable

__all__ = ("Reply", "Voice", "Work", "ask", "work")

EMPTY_REPLIES = 2
"""After so many replies with neither text nor calls the model is given up."""
CALLS_AT_ONCE = 16
"""More calls of one reply wait for their turn."""
REPLY_CHARACTERS = 5_000_000
"""A longer reply is no reply: the model, or its server, is stuck."""
_NUDGE = "Your reply was empty. Call a tool, or reply with the answer."
_REPEATED = (
    "\n\nYou made this very call before and it gave this very result. Do not make it again: use the result, "
    "call something else, or answer."
)


@dataclass(frozen=True)
class Voice:
    """How an agent's replies are printed.

    Attributes:
        beside_calls: What a text is that comes with tool calls.
        alone: What a text is that comes without any.
        show_calls: Whether its calls are shown as tool calls.
    """

    beside_calls: Channel
    alone: Channel
    show_calls: bool = True


@dataclass
class Reply:
    """One whole reply of a model; `call_ids` are the ids of its calls in the run's events."""

    text: str = ""
    reasoning: str = ""
    calls: tuple[ToolCallRequest, ...] = ()
    call_ids: tuple[str, ...] = ()

    def as_message(self) -> ChatMessage:
        """The reply as the model will see it in its history."""
        return ChatMessage("assistant", self.text, tool_calls=self.calls, reasoning=self.reasoning)


@dataclass(frozen=True)
class Work:
    """What came of a task: the last text, and why it ended."""

    text: str
    ended: Literal["done", "step_limit", "repeated_call"]


@dataclass
class _Fragments:
    """One tool call, growing."""

    call_id: str
    model_call_id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list)

    def request(self) -> ToolCallRequest:
        return ToolCallRequest(self.model_call_id or self.call_id, self.name, "".join(self.arguments))


class _Listener:
    """Prints a reply as it comes and puts it together."""

    def __init__(self, printer: Printer, voice: Voice) -> None:
        self._printer = printer
        self._show_calls = voice.show_calls
        self.text = printer.text(voice.beside_calls)
        self.reasoning = printer.text("reasoning")
        self.calls: dict[int, _Fragments] = {}
        self.tokens: base.TokenCount | None = None
        self.finish: base.Finish | None = None
        self._left = REPLY_CHARACTERS

    def hear(self, chunk: base.Chunk) -> None:
        if isinstance(chunk, base.Text | base.Reasoning):
            self._count(chunk.text)
        elif isinstance(chunk, base.ToolCallFragment):
            self._count(chunk.name + chunk.arguments)
        match chunk:
            case base.Text(text):
                self.text.write(text)
            case base.Reasoning(text):
                self.reasoning.write(text)
            case base.ToolCallFragment():
                self._hear_call(chunk)
            case base.TokenCount():
                self.tokens = chunk
            case base.Waiting(reason, seconds, attempt):
                self._printer.emit(ModelWaiting(reason=reason, seconds=seconds, attempt=attempt))
            case base.Finish():
                self.finish = chunk

    def _count(self, text: str) -> None:
        self._left -= len(text)
        if self._left < 0:
            raise ModelError(
                f"The model's reply grew beyond {REPLY_CHARACTERS:,} characters and was stopped.", partial=self.text.text
            )

    def _hear_call(self, fragment: base.ToolCallFragment) -> None:
        call = self.calls.get(fragment.index)
        if call is None:
            call = self.calls[fragment.index] = _Fragments(self._printer.new_id("c"))
        call.model_call_id = call.model_call_id or fragment.call_id
        call.arguments.append(readable(fragment.arguments))
        announced = bool(call.name)
        call.name = call.name or readable(fragment.name)
        if not self._show_calls or not call.name:
            return
        if not announced:
            self._printer.emit(ToolStarted(call_id=call.call_id, tool=call.name, assignee=self._printer.assignee))
        unsaid = call.arguments[-1] if announced else "".join(call.arguments)
        if unsaid:
            self._printer.emit(ToolArguments(call_id=call.call_id, fragment=unsaid))


async def ask(model: ChatModel, history: History, tools: Sequence[ToolSpec], context: RunContext, voice: Voice) -> Reply:
    """Ask the model once, printing its reply as it comes.

    Args:
        model: Who is asked.
        history: The conversation; the reply is added to it.
        tools: What the model may call.
        context: Whose step it is.
        voice: How the reply is printed.

    Raises:
        ModelError: No complete reply came.
        StepLimit: The run has no steps left.
        TokenLimit: The conversation does not fit the model.
    """
    context.take_step()
    history.trim()
    heard = _Listener(context.printer, voice)
    async with aclosing(model.stream(tuple(history.messages), tuple(tools))) as chunks:
        async for chunk in chunks:
            heard.hear(chunk)
    heard.reasoning.finish()
    heard.text.finish(voice.beside_calls if heard.calls else voice.alone)
    _check_finish(heard, context)
    if heard.tokens is not None:
        history.counted(heard.tokens.input_tokens)
        context.printer.emit(UsageReported(input_tokens=heard.tokens.input_tokens, output_tokens=heard.tokens.output_tokens))
    calls = [heard.calls[index] for index in sorted(heard.calls)]
    reply = Reply(
        heard.text.text, heard.reasoning.text, tuple(call.request() for call in calls), tuple(call.call_id for call in calls)
    )
    history.add(reply.as_message())
    return reply


def _check_finish(heard: _Listener, context: RunContext) -> None:
    if heard.finish is None:
        raise ModelError("The model's reply broke off.", kind="truncated", partial=heard.text.text)
    if heard.finish.outcome == "length":
        context.printer.note("The model's reply was cut at its length limit.", warning=True)
    if heard.finish.outcome == "content_filter":
        if not heard.text.text and not heard.calls:
            raise ModelError("The model's content filter refused to answer. Ask in other words.", kind="content_filter")
        context.printer.note("The model's reply was cut by its content filter.", warning=True)


async def work(model: ChatModel, history: History, tools: ToolBox, context: RunContext, voice: Voice) -> Work:
    """Think and act until the model calls no more tools.

    Raises:
        ModelError: No complete reply came, or only empty ones.
        StepLimit: The run has no steps left.
        TokenLimit: The conversation does not fit the model.
    """
    results: dict[tuple[str, str], str] = {}
    told: set[tuple[str, str]] = set()
    empty = 0
    for _ in range(context.settings.max_task_steps):
        reply = await ask(model, history, tools.specs, context, voice)
        if reply.text and not reply.calls:
            return Work(reply.text, "done")
        if not reply.calls:
            empty += 1
            if empty == EMPTY_REPLIES:
                raise ModelError(f"The model {model.name} replied with nothing, {empty} times in a row.", kind="server")
            history.add(ChatMessage("user", _NUDGE))
            continue
        outputs = await _act(reply, tools, context)
        for call, output in zip(reply.calls, outputs, strict=True):
            key = (call.name, call.arguments)
            if results.get(key) == output:
                if key in told:
                    return Work(reply.text, "repeated_call")
                told.add(key)
                output += _REPEATED
            else:
                results[key] = output
            history.add(ChatMessage("tool", output, tool_call_id=call.call_id))
    return Work("", "step_limit")


async def _act(reply: Reply, tools: ToolBox, context: RunContext) -> list[str]:
    """Run the calls of one reply at the same time; their outputs in the order of the calls."""
    turns = asyncio.Semaphore(CALLS_AT_ONCE)

    async def run(call: ToolCallRequest, call_id: str) -> str:
        async with turns:
            return await tools.run(call, call_id, context)

    async with asyncio.TaskGroup() as group:
        running = [group.create_task(run(*pair)) for pair in zip(reply.calls, reply.call_ids, strict=True)]
    return [task.result() for task in running]
