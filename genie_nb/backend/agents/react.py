"""React: one agent that thinks and acts until it knows the answer.

Below: `loop`.
"""

from genie_nb.backend.agents.base import Answer, at_hand, files_named
from genie_nb.backend.agents.loop import Work, work
from genie_nb.backend.agents.prompts import prompt
from genie_nb.backend.asking import Voice
from genie_nb.backend.context import RunContext
from genie_nb.backend.history import History
from genie_nb.backend.models.base import ChatMessage, ChatModel
from genie_nb.backend.models.sections import section
from genie_nb.backend.tools.base import ToolBox
from genie_nb.errors import RepeatedCall, StepLimit

__all__ = ("React",)

_VOICE = Voice("tool_thought", "answer")


class React:
    """Thinks, acts, reads the results, and so on."""

    async def run(self, model: ChatModel, tools: ToolBox, context: RunContext) -> Answer:
        """Work until the model replies without calling a tool.

        Raises:
            StepLimit: It did not within its steps.
            RepeatedCall: It made the same call with the same result a third time.
            ModelError: The model failed.
        """
        context = context.for_task(None, "assistant")
        question = section("question", context.query) + "\n" + at_hand(context)
        history = History(
            ChatMessage("system", prompt("react", context.language)),
            ChatMessage("user", question),
            context_tokens=model.context_tokens,
        )
        done = await work(model, history, tools, context, _VOICE)
        _check_ended(done, context)
        return Answer(done.text, files_named(list(context.printer.transcript.files), context))


def _check_ended(done: Work, context: RunContext) -> None:
    if done.ended == "step_limit":
        raise StepLimit(
            f"The run stopped at its limit of {context.settings.max_task_steps} steps before it had an answer. "
            "Ask something smaller, or raise max_task_steps."
        )
    if done.ended == "repeated_call":
        raise RepeatedCall(
            "The model made the same call with the same result three times, so the run was stopped. "
            "Ask in other words, or use another model."
        )
