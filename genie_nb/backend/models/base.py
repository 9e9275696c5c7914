"""What a chat model is: one async generator from messages and tool schemas to chunks.

Above: the agents. Below: `errors`. The models themselves are this room's other files.
"""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

__all__ = (
    "ChatMessage",
    "ChatModel",
    "Chunk",
    "Finish",
    "Reasoning",
    "Text",
    "TokenCount",
    "ToolCallFragment",
    "ToolCallRequest",
    "ToolSpec",
    "Waiting",
)


@dataclass(frozen=True)
class ToolSpec:
    """What a model is told of a tool; `parameters` is a JSON schema of type object.

    Attributes:
        asks: Whether a person is asked before each call; the model is not told.
    """

    name: str
    description: str
    parameters: dict[str, Any]
    asks: bool = False


@dataclass(frozen=True)
class ToolCallRequest:
    """A call that a model asked for; `arguments` is its JSON text, unchecked."""

    call_id: str
    name: str
    arguments: str


@dataclass(frozen=True)
class ChatMessage:
    """One message of a conversation with a model.

    Attributes:
        tool_calls: Calls that an assistant's message asked for.
        tool_call_id: Of a `tool` message: the call that it answers.
        reasoning: What an assistant thought; some models need it back beside their tool calls.
    """

    role: Literal["system", "user", "assistant", "tool"]
    content: str
    tool_calls: tuple[ToolCallRequest, ...] = ()
    tool_call_id: str = ""
    reasoning: str = ""


@dataclass(frozen=True)
class Text:
    """The next words of the reply."""

    text: str


@dataclass(frozen=True)
class Reasoning:
    """The next words of the model's thinking."""

    text: str


@dataclass(frozen=True)
class ToolCallFragment:
    """A piece of the `index`-th call of the reply: its id and name once, its arguments bit by bit."""

    index: int
    call_id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass(frozen=True)
class TokenCount:
    """What the model counted for this reply; the last one counts."""

    input_tokens: int
    output_tokens: int


@dataclass(frozen=True)
class Waiting:
    """The model cannot be asked for `seconds`; then comes try number `attempt`."""

    reason: str
    seconds: float
    attempt: int


@dataclass(frozen=True)
class Finish:
    """The reply is complete: in full, cut at the model's length limit, or cut by a content filter."""

    outcome: Literal["ok", "length", "content_filter"] = "ok"


Chunk = Text | Reasoning | ToolCallFragment | TokenCount | Waiting | Finish


class ChatModel(Protocol):
    """A model that an agent can talk to."""

    @property
    def name(self) -> str:
        """The model's name, e.g. `gpt-5-mini`."""
        ...

    @property
    def badge(self) -> str:
        """What kind of model it is, for the view: `live: HOST`, `local: HOST`, `offline rules`, `scripted`."""
        ...

    @property
    def context_tokens(self) -> int:
        """How many tokens of conversation it takes."""
        ...

    def stream(self, messages: Sequence[ChatMessage], tools: Sequence[ToolSpec]) -> AsyncGenerator[Chunk, None]:
        """Answer the conversation.

        Yields:
            Chunks as they come. The last one is a `Finish`; without it nothing of the reply may be acted on.

        Raises:
            ModelError: No complete reply; `partial` is what had come.
        """
        ...

    async def close(self) -> None:
        """Give back connections; safe to call twice."""
        ...
