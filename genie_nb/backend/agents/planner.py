"""The planner: writes the plan, reads what the steps brought, changes the plan.

Below: `loop`, `plan`.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from genie_nb.backend.agents.base import at_hand
from genie_nb.backend.agents.plan import PLAN_TOOL, PlanChange, change_plan
from genie_nb.backend.agents.prompts import prompt
from genie_nb.backend.asking import Voice, ask
from genie_nb.backend.context import RunContext
from genie_nb.backend.history import History
from genie_nb.backend.models.base import ChatMessage, ChatModel, ToolSpec
from genie_nb.backend.models.sections import section
from genie_nb.errors import ToolFailed
from genie_nb.events import PlanUpdated
from genie_nb.parts import Plan, PlanStep

__all__ = ("Planner", "StepResult", "results_section")

_VOICE = Voice("plan_thought", "plan_thought", show_calls=False)
TRIES = 2
"""How often the planner may answer one question about the plan before its answer is done without."""


@dataclass(frozen=True)
class StepResult:
    """What a step brought."""

    step: PlanStep
    completed: bool
    summary: str


def results_section(results: Sequence[StepResult]) -> str:
    """The results as models read them: one JSON object a line."""
    lines = (
        {
            "step": result.step.id,
            "title": result.step.title,
            "status": "completed" if result.completed else "failed",
            "summary": result.summary,
        }
        for result in results
    )
    return section("results", "\n".join(json.dumps(line, ensure_ascii=False) for line in lines))


class Planner:
    """Keeps the plan of one run."""

    def __init__(self, model: ChatModel, tools: Sequence[ToolSpec], context: RunContext) -> None:
        self._model = model
        self._context = context.for_task(None, "planner")
        described = "\n".join(tool.name + ": " + tool.description.partition("\n")[0] for tool in tools)
        sections = [section("question", context.query), at_hand(context), section("tools", described)]
        if context.playbook:
            sections.append(section("playbook", context.playbook))
        self._history = History(
            ChatMessage("system", prompt("planner", context.language)),
            ChatMessage("user", "\n".join(sections)),
            context_tokens=model.context_tokens,
        )
        self.plan = Plan()

    def show(self, plan: Plan) -> None:
        """Take the plan as it stands now, and print it."""
        self.plan = plan
        self._context.printer.emit(PlanUpdated(plan=plan))

    async def write(self) -> bool:
        """Write the plan; a planner that makes none gets a plan of one step. Returns whether there is nothing to do.

        Raises:
            ModelError: The model failed.
        """
        finished = await self._decide()
        if not self.plan.steps and not finished:
            whole = PlanStep(id="s1", title=self._context.query.strip().splitlines()[0][:80], detail=self._context.query)
            self.show(Plan(title=whole.title, steps=(whole,)))
        return finished

    async def revise(self, results: Sequence[StepResult]) -> bool:
        """Change the plan after results; returns whether the work is done.

        Raises:
            ModelError: The model failed.
        """
        created = "\n".join(self._context.printer.transcript.files)
        told = results_section(results) + "\n" + section("created", created)
        self._history.add(ChatMessage("user", told))
        return await self._decide()

    async def _decide(self) -> bool:
        for _ in range(TRIES):
            reply = await ask(self._model, self._history, (PLAN_TOOL,), self._context, _VOICE)
            change: PlanChange | None = None
            for call in reply.calls:
                try:
                    if call.name != PLAN_TOOL.name:
                        raise ToolFailed(f"There is no tool {call.name!r} here, only {PLAN_TOOL.name!r}.")
                    change = change_plan(change.plan if change else self.plan, call.arguments)
                    told = "The plan is changed."
                except ToolFailed as failed:
                    told = str(failed)
                self._history.add(ChatMessage("tool", told, tool_call_id=call.call_id))
            if change is not None:
                self.show(change.plan)
                return change.finished
            if not reply.calls:
                self._history.add(ChatMessage("user", "Call the tool plan."))
        return False
