"""The summary: writes the answer from the results, streaming, and picks the files worth keeping.

Below: `loop`.
"""

from collections.abc import Sequence

import msgspec

from genie_nb.backend.agents.base import Answer, files_named
from genie_nb.backend.agents.planner import StepResult, results_section
from genie_nb.backend.agents.prompts import prompt
from genie_nb.backend.asking import Voice, ask
from genie_nb.backend.context import RunContext
from genie_nb.backend.history import History
from genie_nb.backend.models.base import ChatMessage, ChatModel, ToolSpec
from genie_nb.backend.models.sections import section
from genie_nb.errors import ModelError

__all__ = ("summarise",)

_VOICE = Voice("answer", "answer", show_calls=False)
_DELIVER = ToolSpec(
    "deliver",
    "Name the files that the person will want to keep.",
    {
        "type": "object",
        "properties": {"files": {"type": "array", "items": {"type": "string"}}},
        "required": ["files"],
    },
)


class _Deliver(msgspec.Struct, frozen=True):
    files: tuple[str, ...]


async def summarise(model: ChatModel, results: Sequence[StepResult], context: RunContext) -> Answer:
    """Write the answer.

    Raises:
        ModelError: The model failed, or wrote nothing.
    """
    context = context.for_task(None, "summary")
    created = list(context.printer.transcript.files)
    sections = (section("question", context.query), results_section(results), section("created", "\n".join(created)))
    history = History(
        ChatMessage("system", prompt("summary", context.language)),
        ChatMessage("user", "\n".join(sections)),
        context_tokens=model.context_tokens,
    )
    reply = await ask(model, history, (_DELIVER,) if created else (), context, _VOICE)
    if not reply.text:
        for call in reply.calls:
            history.add(ChatMessage("tool", "Noted.", tool_call_id=call.call_id))
        history.add(ChatMessage("user", "Now write the answer."))
        written = await ask(model, history, (), context, _VOICE)
        if not written.text:
            raise ModelError(f"The model {model.name} wrote no answer.", kind="server")
        reply.text = written.text
    picked: list[str] = []
    for call in reply.calls:
        try:
            picked.extend(msgspec.json.decode(call.arguments or "{}", type=_Deliver).files)
        except (msgspec.DecodeError, RecursionError):
            context.printer.note("The model named its files in a form that cannot be read; all files are listed.")
    return Answer(reply.text, files_named(picked, context) or files_named(created, context))
