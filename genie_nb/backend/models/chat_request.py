"""The body of a chat.completions request.

Above: `openai`. Below: `base`.
"""

from collections.abc import Collection, Sequence
from typing import Any

from genie_nb.backend.models.base import ChatMessage, ToolSpec

__all__ = ("OPTIONS", "chat_request")

OPTIONS = ("stream_options", "reasoning_content")
"""What some servers refuse, and what a request can do without."""


def chat_request(
    model: str, messages: Sequence[ChatMessage], tools: Sequence[ToolSpec], *, without: Collection[str] = ()
) -> dict[str, Any]:
    """The request for a streamed reply, without the given ones of `OPTIONS`."""
    request: dict[str, Any] = {
        "model": model,
        "messages": [_message(message, reasoning="reasoning_content" not in without) for message in messages],
        "stream": True,
    }
    if "stream_options" not in without:
        request["stream_options"] = {"include_usage": True}
    if tools:
        request["tools"] = [_tool(tool) for tool in tools]
    return request


def _message(message: ChatMessage, *, reasoning: bool) -> dict[str, Any]:
    if message.role == "tool":
        return {"role": "tool", "tool_call_id": message.tool_call_id, "content": message.content}
    if not message.tool_calls:
        return {"role": message.role, "content": message.content}
    spoken: dict[str, Any] = {
        "role": message.role,
        "content": message.content or None,
        "tool_calls": [
            {"id": call.call_id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.tool_calls
        ],
    }
    # DeepSeek refuses the result of a call whose reasoning it does not get back; without calls nobody wants it.
    if message.reasoning and reasoning:
        spoken["reasoning_content"] = message.reasoning
    return spoken


def _tool(tool: ToolSpec) -> dict[str, Any]:
    return {
        "type": "function",
        "function": {"name": tool.name, "description": tool.description, "parameters": tool.parameters},
    }
