"""A model that says exactly what it was given to say: for tests, lessons and benchmarks.

Below: `models/base`.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from genie_nb.backend.models.base import ChatMessage, Chunk, Finish, Text, TokenCount, ToolCallFragment, ToolSpec
from genie_nb.errors import ModelError

__all__ = ("Say", "ScriptedModel")


@dataclass(frozen=True)
class Say:
    """One reply.

    Attributes:
        text: What is said, cut into pieces that become one chunk each.
        calls: Tool calls: (name, arguments); arguments that are a text go out as they are.
        pace_s: Seconds before each piece.
        error: Raised after the text, instead of finishing.
    """

    text: str | Sequence[str] = ""
    calls: Sequence[tuple[str, dict[str, Any] | str]] = ()
    pace_s: float = 0.0
    error: ModelError | None = None


Script = Callable[[Sequence[ChatMessage], Sequence[ToolSpec]], Say]


@dataclass
class ScriptedModel:
    """Replies from a list in order, or from a function of the conversation.

    Attributes:
        asked: Every conversation that the model was shown.
    """

    replies: Iterable[Say] | Script
    name: str = "scripted"
    badge: str = "scripted"
    context_tokens: int = 100_000
    asked: list[Sequence[ChatMessage]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._left = None if callable(self.replies) else iter(self.replies)

    async def stream(self, messages: Sequence[ChatMessage], tools: Sequence[ToolSpec]) -> AsyncGenerator[Chunk, None]:
        """Say the next reply.

        Raises:
            ModelError: The script says so, or it has come to its end.
        """
        self.asked.append(messages)
        say = self._next(messages, tools)
        for piece in (say.text,) if isinstance(say.text, str) else say.text:
            await asyncio.sleep(say.pace_s)
            if piece:
                yield Text(piece)
        for index, (name, arguments) in enumerate(say.calls):
            text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
            yield ToolCallFragment(index, f"call_{len(self.asked)}_{index}", name, text)
        if say.error is not None:
            raise say.error
        yield TokenCount(sum(len(message.content) for message in messages) // 4, len(say.text))
        yield Finish()

    def _next(self, messages: Sequence[ChatMessage], tools: Sequence[ToolSpec]) -> Say:
        if self._left is None:
            return self.replies(messages, tools)  # type: ignore[operator]  # a function, by __post_init__
        say = next(self._left, None)
        if say is None:
            raise ModelError("The script of the scripted model has come to its end.")
        return say

    async def close(self) -> None:
        """Nothing is held."""
