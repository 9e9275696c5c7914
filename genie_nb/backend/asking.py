"""Asking a model: its reply is printed as it comes, and put together.

Above: the agents' loop, tools that ask a model themselves. Below: `history`, `models`, `context`.
"""

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from genie_nb.backend.context import RunContext
from genie_nb.backend.history import History
from genie_nb.backend.models import base
from genie_nb.backend.models.base import ChatMessage, ChatModel, ToolCallRequest, ToolSpec
from genie_nb.backend.printer import Printer
from genie_nb.errors import ModelError
from genie_nb.events import Channel, ModelWaiting, ToolArguments, ToolStarted, UsageReported
from genie_nb.parts import readable

__all__ = ("Reply", "Voice", "ask")

REPLY_CHARACTERS = 5_000_000
"""A longer reply is no reply: the model, or its server, is stuck."""


@dataclass(frozen=True)
class Voice:
    """How an agent's replies are printed.

    Attributes:
        beside_calls: What a text is that comes with tool calls.
        alone: What a text is that comes without any.
        show_calls: Whether its calls are shown as tool calls.

    A text of no channel is not printed at all.
    """

    beside_calls: Channel | None
    alone: Channel | None
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
