"""The offline analyst: a chat model made of rules, no language model, and the one that is there when no other is given.

It reads the question (English and Chinese), the inputs, the tools and the tools' answers from the messages, like any chat
model, and replies with text and tool calls. It remembers nothing between two replies.

Above: the session, the model server. Below: `models/base`, `models/sections`.
"""

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Iterator, Sequence

from genie_nb.backend.models.analyst.arithmetic import plain_value, read_computation
from genie_nb.backend.models.analyst.conversation import Call, Conversation, read_conversation
from genie_nb.backend.models.analyst.executor import executing, reacting
from genie_nb.backend.models.analyst.phrases import say, unknown_text
from genie_nb.backend.models.analyst.planner import planning
from genie_nb.backend.models.analyst.reporting import reporting
from genie_nb.backend.models.analyst.scripts import value_text
from genie_nb.backend.models.analyst.searching import searching
from genie_nb.backend.models.analyst.summary import bolded, summing_up
from genie_nb.backend.models.base import ChatMessage, Chunk, Finish, Text, ToolCallFragment, ToolSpec

__all__ = ("OfflineAnalyst",)

_WORDS = re.compile(r"[\u3000-\u9fff\uff00-\uffef]{1,4}|[^\s\u3000-\u9fff\uff00-\uffef]+[^\S\n]*|\s+")
_FRAGMENT = 40
"""How many characters of a call's arguments are shown at a time."""


class OfflineAnalyst:
    """A chat model made of rules: it plans, writes pandas code, reads what it gave and reports.

    Attributes:
        name: The model's name.
        badge: What kind of model it is.
        context_tokens: How many tokens of conversation it takes.
    """

    name = "offline-analyst"
    badge = "offline rules"
    context_tokens = 100_000

    def __init__(self, *, pace_s: float = 0.004) -> None:
        """`pace_s`: seconds between two words."""
        self._pace_s = pace_s

    async def stream(self, messages: Sequence[ChatMessage], tools: Sequence[ToolSpec]) -> AsyncGenerator[Chunk, None]:
        """Answer the conversation.

        Yields:
            The reply word by word, then the call if there is one, then `Finish`.
        """
        words, call = await asyncio.to_thread(_reply, tuple(messages), tuple(tools))
        for piece in _WORDS.findall(words):
            yield Text(piece)
            await asyncio.sleep(self._pace_s)
        if call is not None:
            call_id = f"call_{sum(len(message.tool_calls) for message in messages) + 1}"
            yield ToolCallFragment(0, call_id=call_id, name=call.name)
            for fragment in _pieces(json.dumps(call.arguments, ensure_ascii=False)):
                yield ToolCallFragment(0, arguments=fragment)
                await asyncio.sleep(self._pace_s)
        yield Finish()

    async def close(self) -> None:
        """Nothing is held, so nothing is given back."""


def _pieces(text: str) -> Iterator[str]:
    return (text[at : at + _FRAGMENT] for at in range(0, len(text), _FRAGMENT))


def _reply(messages: Sequence[ChatMessage], tools: Sequence[ToolSpec]) -> tuple[str, Call | None]:
    """The words and the call of the next reply."""
    conversation = read_conversation(messages, tools)
    move = _move(conversation)
    if isinstance(move, tuple):
        return move
    return (move, None) if isinstance(move, str) else (move.thought, move)


def _move(conversation: Conversation) -> Call | str | tuple[str, Call | None]:
    names = conversation.tool_names
    if conversation.report:
        return reporting(conversation)
    if conversation.search:
        return searching(conversation)
    if "plan" in names:
        return planning(conversation)
    if conversation.task:
        return executing(conversation)
    if "deliver" in names or conversation.results:
        return summing_up(conversation)
    if not names:
        computation = read_computation(conversation.question)
        value = plain_value(computation) if computation else None
        if computation and value is not None:
            return bolded(
                value_text(
                    say(computation.english, computation.chinese, conversation.language), value, conversation.language
                )
            )
        return unknown_text(next((source for source in conversation.sources if source.tabular), None), conversation.language)
    return reacting(conversation)
