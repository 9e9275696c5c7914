"""Fakes at the real seams: a model, a code runner, a clock; and the context that tools and agents are called with."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from genie_nb.backend.channel import EventChannel
from genie_nb.backend.context import RunContext, StepBudget
from genie_nb.backend.interpreter.base import CellFinished
from genie_nb.backend.models.base import ChatMessage, Chunk, Finish, ToolSpec
from genie_nb.backend.printer import Printer
from genie_nb.backend.settings import Settings
from genie_nb.backend.tools.base import Call
from genie_nb.backend.workspace import Workspace
from genie_nb.events import RunEvent
from genie_nb.parts import Part, StreamPart
from genie_nb.transcript import Transcript, apply

T = TypeVar("T")
E = TypeVar("E", bound=RunEvent)
BOUND_S = 120.0
"""How long a test waits for what must come. It costs nothing where it comes, so it holds on a busy machine too."""


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end on a loop of its own, within a bound."""

    async def bounded() -> T:
        async with asyncio.timeout(BOUND_S):
            return await work

    return asyncio.run(bounded())


def fold(events: Iterable[RunEvent]) -> Transcript:
    """The transcript of events."""
    transcript = Transcript()
    for event in events:
        apply(transcript, event)
    return transcript


async def collect(events: AsyncIterator[RunEvent]) -> list[RunEvent]:
    """All events to the end."""
    return [event async for event in events]


def of_kind(events: Iterable[RunEvent], kind: type[E]) -> list[E]:
    """The events of one class."""
    return [event for event in events if isinstance(event, kind)]


class Clock:
    """Seconds that go on by one each time somebody looks."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


class TurnedClock:
    """An event loop's own clock, which a test turns forward: what the loop waits for comes as soon as it looks."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.ahead_s, self._time = 0.0, loop.time
        loop.time = self  # type: ignore[method-assign]

    def __call__(self) -> float:
        return self._time() + self.ahead_s


@dataclass
class ChunkModel:
    """A model that streams exactly these chunks, one list a reply."""

    replies: Iterable[Sequence[Chunk]]
    name: str = "chunks"
    badge: str = "scripted"
    context_tokens: int = 100_000
    asked: list[Sequence[ChatMessage]] = field(default_factory=list)
    closed: int = 0

    def __post_init__(self) -> None:
        self._left = iter(self.replies)

    async def stream(self, messages: Sequence[ChatMessage], tools: Sequence[ToolSpec]) -> AsyncGenerator[Chunk, None]:
        self.asked.append(messages)
        for chunk in next(self._left):
            yield chunk

    async def close(self) -> None:
        self.closed += 1


@dataclass
class StuckModel:
    """A model that says some chunks and then nothing more; `waiting` is set once it is silent."""

    chunks: Sequence[Chunk] = ()
    name: str = "stuck"
    badge: str = "scripted"
    context_tokens: int = 100_000
    waiting: asyncio.Event = field(default_factory=asyncio.Event)
    left: bool = False

    async def stream(self, messages: Sequence[ChatMessage], tools: Sequence[ToolSpec]) -> AsyncGenerator[Chunk, None]:
        try:
            for chunk in self.chunks:
                yield chunk
            self.waiting.set()
            await asyncio.Event().wait()
            yield Finish()
        finally:
            self.left = True

    async def close(self) -> None:
        pass


class FakeRunner:
    """A code runner that answers cells from a function of their code."""

    def __init__(self, answer: Callable[[str], Iterable[Part | CellFinished]] | None = None) -> None:
        self._answer = answer or (lambda code: (StreamPart(text=f"ran {code}\n"), CellFinished("ok")))
        self.cells: list[str] = []
        self.closed = 0

    async def run(self, code: str, *, timeout_s: float) -> AsyncGenerator[Part | CellFinished, None]:
        self.cells.append(code)
        for item in self._answer(code):
            yield item

    async def close(self) -> None:
        self.closed += 1


def make_context(folder: Path, *, query: str = "How many rows?", inputs: str = "", **settings: Any) -> RunContext:
    """A run as its agents and tools see it, with a channel, a transcript and a folder of its own."""
    given = Settings.load(**settings)
    printer = Printer(EventChannel("run", clock=Clock()), Transcript())
    return RunContext(query, inputs, printer, Workspace(folder.resolve()), given, StepBudget(given.max_steps))


def events_of(context: RunContext) -> list[RunEvent]:
    """What was printed in a context so far."""

    async def read() -> list[RunEvent]:
        found: list[RunEvent] = []
        async with aclosing(context.printer.channel.read()) as events:  # type: ignore[type-var]
            while len(found) < len(context.printer.channel):
                found.append(await anext(events))
        return found

    return asyncio.run(read())


def a_call(context: RunContext, call_id: str = "c1", **arguments: Any) -> Call:
    """A call of a tool with these arguments."""
    return Call(call_id, arguments, context)


def numbered(items: Iterable[T]) -> Iterator[tuple[int, T]]:
    """Items with numbers from 1."""
    return enumerate(items, 1)
