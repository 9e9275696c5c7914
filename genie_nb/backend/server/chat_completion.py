"""Chat completions, seen from the server: a request's body as a conversation, a model's chunks as answers.

Source of the format: https://platform.openai.com/docs/api-reference/chat

Above: `model_routes`. Below: `models.base`.
"""

import secrets
import time
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response

from genie_nb.backend.models.base import (
    ChatMessage,
    Chunk,
    Finish,
    Reasoning,
    Text,
    TokenCount,
    ToolCallFragment,
    ToolCallRequest,
    ToolSpec,
    Waiting,
)

__all__ = ("Completion", "CompletionBody", "Disturbance", "chat_error")

LETTERS_A_TOKEN = 4
Conversation = tuple[Sequence[ChatMessage], Sequence[ToolSpec]]


class _Function(BaseModel):
    name: str = Field(max_length=200)
    arguments: str = ""
    description: str = ""
    parameters: dict[str, Any] = {"type": "object", "properties": {}}


class _Call(BaseModel):
    id: str = ""
    function: _Function


class _Part(BaseModel):
    type: str
    text: str = ""


class _Message(BaseModel):
    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[_Part] | None = None
    tool_calls: list[_Call] | None = None
    tool_call_id: str = ""
    reasoning_content: str | None = None

    def spoken(self) -> ChatMessage:
        """The message as a model of ours reads it."""
        parts = self.content if isinstance(self.content, list) else [_Part(type="text", text=self.content or "")]
        calls = (ToolCallRequest(call.id, call.function.name, call.function.arguments) for call in self.tool_calls or ())
        return ChatMessage(
            "system" if self.role == "developer" else self.role,
            "\n".join(part.text for part in parts if part.text),
            tuple(calls),
            self.tool_call_id,
            self.reasoning_content or "",
        )


class _Tool(BaseModel):
    type: Literal["function"] = "function"
    function: _Function


class _StreamOptions(BaseModel):
    include_usage: bool = False


class Disturbance(BaseModel):
    """What is to go wrong, and how fast the words come.

    Attributes:
        tokens_per_s: Chunks a second, at most.
        delay_s: Seconds before the first of them.
        stall_after: After so many chunks nothing comes any more, and the connection stays open.
        cut_after: After so many chunks the connection is cut.
        status: Answer with this HTTP status instead.
        retry_after_s: The `Retry-After` beside that status.
        malformed: Whether the arguments of calls are no JSON.
    """

    model_config = ConfigDict(extra="forbid")

    tokens_per_s: float = Field(default=250.0, gt=0.001, le=1e6)
    delay_s: float = Field(default=0.0, ge=0, le=600)
    stall_after: int | None = Field(default=None, ge=0)
    cut_after: int | None = Field(default=None, ge=0)
    status: int | None = Field(default=None, ge=400, le=599)
    retry_after_s: float | None = Field(default=None, ge=0, le=3600)
    malformed: bool = False


class CompletionBody(BaseModel):
    """What `POST /v1/chat/completions` takes; other options of OpenAI's are taken and mean nothing here."""

    model: str
    messages: list[_Message] = Field(min_length=1)
    tools: list[_Tool] | None = None
    stream: bool | None = False
    stream_options: _StreamOptions | None = None
    genie: Disturbance = Disturbance()

    @property
    def wants_usage(self) -> bool:
        """Whether a stream is to end with the tokens counted."""
        return self.stream_options is not None and self.stream_options.include_usage

    def spoken(self) -> Conversation:
        """The conversation and the tools as a model of ours reads them."""
        functions = [tool.function for tool in self.tools or ()]
        tools = [ToolSpec(one.name, one.description, one.parameters) for one in functions]
        return [message.spoken() for message in self.messages], tools


class Completion:
    """One reply, told chunk by chunk or whole."""

    def __init__(self, model: str, asked: Conversation) -> None:
        self._head = {"id": f"chatcmpl-{secrets.token_hex(12)}", "created": int(time.time()), "model": model}
        self._asked_letters = sum(len(message.content) for message in asked[0])
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._calls: dict[int, dict[str, Any]] = {}
        self._letters = 0
        self._usage: TokenCount | None = None
        self._reason = "stop"

    def take(self, chunk: Chunk) -> dict[str, Any] | None:
        """Note a chunk; returns what is to be told of it in a stream now."""
        match chunk:
            case Text(text):
                self._text.append(text)
                self._letters += len(text)
                return self._event({"content": text})
            case Reasoning(text):
                self._reasoning.append(text)
                self._letters += len(text)
                return self._event({"reasoning_content": text})
            case ToolCallFragment():
                return self._event({"tool_calls": [self._call(chunk)]})
            case TokenCount():
                self._usage = chunk
            case Finish(outcome):
                self._reason = ("tool_calls" if self._calls else "stop") if outcome == "ok" else outcome
            case Waiting():
                pass
        return None

    def _call(self, chunk: ToolCallFragment) -> dict[str, Any]:
        new = chunk.index not in self._calls
        whole = self._calls.setdefault(
            chunk.index, {"id": "", "type": "function", "function": {"name": "", "arguments": ""}}
        )
        whole["id"] = whole["id"] or chunk.call_id
        whole["function"]["name"] = whole["function"]["name"] or chunk.name
        whole["function"]["arguments"] += chunk.arguments
        self._letters += len(chunk.arguments)
        function = {"arguments": chunk.arguments}
        if not new:
            return {"index": chunk.index, "function": function}
        return {"index": chunk.index, "id": whole["id"], "type": "function", "function": {"name": chunk.name} | function}

    def opening(self) -> dict[str, Any]:
        """What a stream begins with."""
        return self._event({"role": "assistant", "content": ""})

    def closing(self, *, usage: bool) -> list[dict[str, Any]]:
        """What a stream ends with."""
        last = self._event({}, self._reason)
        return [last, {**last, "choices": [], "usage": self._counted()}] if usage else [last]

    def whole(self) -> dict[str, Any]:
        """The reply in one piece."""
        calls = [self._calls[index] for index in sorted(self._calls)]
        text = "".join(self._text)
        message: dict[str, Any] = {"role": "assistant", "content": text or (None if calls else "")}
        if self._reasoning:
            message["reasoning_content"] = "".join(self._reasoning)
        if calls:
            message["tool_calls"] = calls
        choice = {"index": 0, "message": message, "finish_reason": self._reason}
        return {**self._head, "object": "chat.completion", "choices": [choice], "usage": self._counted()}

    def _event(self, delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        return {**self._head, "object": "chat.completion.chunk", "choices": [choice]}

    def _counted(self) -> dict[str, int]:
        """The model's own count, or an estimate."""
        usage = self._usage or TokenCount(-(-self._asked_letters // LETTERS_A_TOKEN), -(-self._letters // LETTERS_A_TOKEN))
        asked, said = usage.input_tokens, usage.output_tokens
        return {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said}


def chat_error(
    status: int, message: str, *, param: str | None = None, code: str | None = None, retry_after_s: float | None = None
) -> Response:
    """An error in OpenAI's form."""
    kind = {429: "rate_limit_error"}.get(status, "invalid_request_error" if status < 500 else "server_error")
    headers = {} if retry_after_s is None else {"Retry-After": f"{retry_after_s:g}"}
    return JSONResponse({"error": {"message": message, "type": kind, "param": param, "code": code}}, status, headers)
