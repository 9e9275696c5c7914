"""Search: the agent that does nothing but one deep search, and whose answer is what that search says.

Below: `tools/base`.
"""

import json

from genie_nb.backend.agents.base import Answer
from genie_nb.backend.context import RunContext
from genie_nb.backend.models.base import ChatModel, ToolCallRequest
from genie_nb.backend.tools.base import ToolBox
from genie_nb.errors import RequestError
from genie_nb.events import ToolArguments, ToolStarted

__all__ = ("Search",)

TOOL = "deep_search"


class Search:
    """Calls deep search once, with the question as it is."""

    async def run(self, model: ChatModel, tools: ToolBox, context: RunContext) -> Answer:
        """Search and answer.

        Raises:
            RequestError: Nothing could be searched; the message is the tool's.
        """
        context = context.for_task(None, "assistant")
        call_id = context.printer.new_id("c")
        arguments = json.dumps({"query": context.query}, ensure_ascii=False)
        context.printer.emit(ToolStarted(call_id=call_id, tool=TOOL, assignee="assistant"))
        context.printer.emit(ToolArguments(call_id=call_id, fragment=arguments))
        output = await tools.run(ToolCallRequest(call_id, TOOL, arguments), call_id, context)
        transcript = context.printer.transcript
        if transcript.calls[call_id].status != "ok":
            raise RequestError(output)
        said = [message.text for message in transcript.messages.values() if message.channel == "answer"]
        return Answer(said[-1] if said else output)
