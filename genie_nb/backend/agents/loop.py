"""The loop that every agent shares: think (ask the model), act (run the calls that it asked for), until it asks for none.

Above: the agents. Below: `asking`, `tools`, `history`, `models`, `context`.
"""

import asyncio
from dataclasses import dataclass
from typing import Literal

from genie_nb.backend.asking import Reply, Voice, ask
from genie_nb.backend.context import RunContext
from genie_nb.backend.history import History
from genie_nb.backend.models.base import ChatMessage, ChatModel, ToolCallRequest
from genie_nb.backend.tools.base import ToolBox
from genie_nb.errors import ModelError

__all__ = ("Work", "work")

EMPTY_REPLIES = 2
"""After so many replies with neither text nor calls the model is given up."""
CALLS_AT_ONCE = 16
"""More calls of one reply wait for their turn."""
_NUDGE = "Your reply was empty. Call a tool, or reply with the answer."
_REPEATED = (
    "\n\nYou made this very call before and it gave this very result. Do not make it again: use the result, "
    "call something else, or answer."
)


@dataclass(frozen=True)
class Work:
    """What came of a task: the last text, and why it ended."""

    text: str
    ended: Literal["done", "step_limit", "repeated_call"]


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
