"""Faults: what a teacher can do to the streams and the models of a server, to see what a client makes of it.

Nothing is set at the beginning, and what is not set costs nothing.

Above: `stream`, `host`, `network`. Below: `models.base`.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import aclosing, suppress
from typing import Any, Protocol

from genie_nb.backend.channel import Wake
from genie_nb.backend.models.base import ChatMessage, ChatModel, Chunk, ToolSpec

__all__ = ("Faults", "FrozenModel", "behind_of")


class Held(Protocol):
    """A stream as faults see it."""

    scope: Any

    @property
    def behind(self) -> int:
        """How many events its reader has not been sent yet."""
        ...

    def wake(self) -> None:
        """Look again at what may be sent."""
        ...


class Faults:
    """What is wrong with a server, by intention; may be set from any thread.

    Attributes:
        holding: Whether sends are held up.
        call: Calls a function on the server's loop; the server that lives there puts it here.
    """

    def __init__(self, streams: Callable[[], Iterable[Held]], cut: Callable[[Any], object]) -> None:
        """No faults yet.

        Args:
            streams: The open streams.
            cut: Aborts the connection of a request.
        """
        self._streams, self._cut = streams, cut
        self._delay_s = 0.0
        self._stall = self._freeze_model = False
        self._frozen: set[asyncio.Event] = set()
        self.holding = False
        self.call: Callable[..., None] = lambda function, *arguments: function(*arguments)

    @property
    def delay_s(self) -> float:
        """Seconds that every send waits."""
        return self._delay_s

    @delay_s.setter
    def delay_s(self, seconds: float) -> None:
        self._delay_s = max(float(seconds), 0.0)
        self._changed()

    @property
    def stall(self) -> bool:
        """Whether streams send nothing at all, as behind a proxy that froze: the connection stands, not a byte comes."""
        return self._stall

    @stall.setter
    def stall(self, on: object) -> None:
        self._stall = bool(on)
        self._changed()

    @property
    def freeze_model(self) -> bool:
        """Whether the models of this server's runs say nothing more; the server itself is well."""
        return self._freeze_model

    @freeze_model.setter
    def freeze_model(self, on: object) -> None:
        self._freeze_model = bool(on)
        self._changed()

    def cut(self) -> None:
        """Abort the connection of every open stream now; clients see it break in the middle."""
        self.call(self._cut_all)

    def lift(self) -> None:
        """Let everything be well again."""
        self._delay_s = 0.0
        self._stall = self._freeze_model = False
        self._changed()

    def behind(self, run_id: str = "") -> int:
        """How many events readers have not been sent yet: of this run, or of all."""
        return behind_of(self.waiting(), run_id)

    def waiting(self) -> list[tuple[str, int]]:
        """The path of each open stream, and how many events its reader has not been sent yet."""
        return [(str(stream.scope.get("path", "")), stream.behind) for stream in tuple(self._streams())]

    def _changed(self) -> None:
        self.holding = self._stall or self._delay_s > 0
        self.call(self._wake_all)

    # On the server's loop

    def _cut_all(self) -> None:
        for stream in tuple(self._streams()):
            self._cut(stream.scope)

    def _wake_all(self) -> None:
        for stream in tuple(self._streams()):
            stream.wake()
        if not self._freeze_model:
            for frozen in self._frozen:
                frozen.set()

    async def hold(self, wake: Wake, gone: Callable[[], bool]) -> None:
        """Wait before something is sent, as long as the faults say or until the reader is gone.

        Args:
            wake: Is set when there is something to look at again.
            gone: Whether the reader is.
        """
        loop = asyncio.get_running_loop()
        began = loop.time()
        while not gone() and (self._stall or loop.time() < began + self._delay_s):
            wake.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout_at(None if self._stall else began + self._delay_s):
                    await wake.wait()

    async def thawed(self) -> None:
        """Wait until models may speak."""
        while self._freeze_model:
            frozen = asyncio.Event()
            self._frozen.add(frozen)
            try:
                await frozen.wait()
            finally:
                self._frozen.discard(frozen)


def behind_of(waiting: Iterable[tuple[str, int]], run_id: str) -> int:
    """How many events the streams of this run wait with, or all streams."""
    return sum(behind for path, behind in waiting if run_id in path)


class FrozenModel:
    """A model that falls silent while the faults say so, and goes on where it was."""

    def __init__(self, model: ChatModel, faults: Faults) -> None:
        self._model, self._faults = model, faults

    @property
    def name(self) -> str:
        """The model's own name."""
        return self._model.name

    @property
    def badge(self) -> str:
        """The model's own kind."""
        return self._model.badge

    @property
    def context_tokens(self) -> int:
        """How many tokens of conversation the model takes."""
        return self._model.context_tokens

    async def stream(self, messages: Sequence[ChatMessage], tools: Sequence[ToolSpec]) -> AsyncGenerator[Chunk, None]:
        """Answer as the model does, when it may.

        Yields:
            The model's chunks.

        Raises:
            ModelError: As the model does.
        """
        async with aclosing(self._model.stream(messages, tools)) as chunks:
            async for chunk in chunks:
                if self._faults.freeze_model:
                    await self._faults.thawed()
                yield chunk

    async def close(self) -> None:
        """Close the model."""
        await self._model.close()
