"""Plan and solve: a planner writes steps, executors do them, the planner re-plans, a summary writes the answer.

Steps that are ready are worked on at the same time; the planner sees their results before it changes the plan.

Below: `planner`, `summary`, `loop`.
"""

import asyncio
import json
from collections.abc import Sequence

from genie_nb.backend.agents.base import Answer, at_hand
from genie_nb.backend.agents.loop import work
from genie_nb.backend.agents.plan import drop_unstarted, mark_step, ready_steps
from genie_nb.backend.agents.planner import Planner, StepResult, results_section
from genie_nb.backend.agents.prompts import prompt
from genie_nb.backend.agents.summary import summarise
from genie_nb.backend.asking import Voice
from genie_nb.backend.context import RunContext
from genie_nb.backend.history import History
from genie_nb.backend.models.base import ChatMessage, ChatModel
from genie_nb.backend.models.sections import section
from genie_nb.backend.tools.base import ToolBox
from genie_nb.events import TaskFinished, TaskStarted
from genie_nb.parts import PlanStep

__all__ = ("PlanSolve",)

_VOICE = Voice("tool_thought", "summary")
_FAILED = {
    "step_limit": "The task was stopped at its limit of steps, before it was done.",
    "repeated_call": "The task was stopped because the same call was made three times with the same result.",
}
_UNFINISHED = {"en": "not finished", "zh": "未完成"}


class PlanSolve:
    """Plans, works in parallel, re-plans, answers."""

    async def run(self, model: ChatModel, tools: ToolBox, context: RunContext) -> Answer:
        """Work until the planner calls it done or no step is left that can be worked on.

        Raises:
            StepLimit: The run has no steps left.
            ModelError: The model failed.
        """
        planner = Planner(model, tools.specs, context)
        finished = await planner.write()
        results: list[StepResult] = []
        while not finished and (ready := ready_steps(planner.plan)):
            fresh = await _work_on(ready, planner, results, (model, tools, context))
            results.extend(fresh)
            finished = await planner.revise(fresh)
        planner.show(drop_unstarted(planner.plan, "not needed" if finished else "what it needs could not be done"))
        return await summarise(model, results, context)


async def _work_on(
    steps: Sequence[PlanStep], planner: Planner, before: Sequence[StepResult], hands: tuple[ChatModel, ToolBox, RunContext]
) -> list[StepResult]:
    """Work on steps at the same time; marks each in the plan as it begins and ends."""
    model, tools, context = hands
    free = asyncio.Semaphore(context.settings.max_parallel)

    async def execute(step: PlanStep) -> StepResult:
        result: StepResult | None = None
        async with free:
            planner.show(mark_step(planner.plan, step.id, "in_progress"))
            try:
                result = await _execute(step, before, model, tools, context)
            finally:
                if result is None:  # the run is being stopped, or fails: no step goes on without it
                    planner.show(mark_step(planner.plan, step.id, "dropped", _UNFINISHED[context.language]))
        note = "" if result.completed else result.summary
        planner.show(mark_step(planner.plan, step.id, "completed" if result.completed else "blocked", note))
        return result

    async with asyncio.TaskGroup() as group:
        running = [group.create_task(execute(step)) for step in steps]
    return [task.result() for task in running]


async def _execute(
    step: PlanStep, before: Sequence[StepResult], model: ChatModel, tools: ToolBox, context: RunContext
) -> StepResult:
    """One executor's work on one step, as a task of its own."""
    context = context.for_task(context.printer.new_id("t"), step.assignee)
    context.printer.emit(TaskStarted(title=step.title, assignee=step.assignee, step_id=step.id))
    task = {"id": step.id, "stage": step.stage, "title": step.title, "detail": step.detail}
    sections = (
        section("question", context.query),
        section("task", json.dumps(task, ensure_ascii=False)),
        at_hand(context),
        results_section(before),
    )
    history = History(
        ChatMessage("system", prompt("executor", context.language, assignee=step.assignee)),
        ChatMessage("user", "\n".join(sections)),
        context_tokens=model.context_tokens,
    )
    done = await work(model, history, tools, context, _VOICE)
    completed = done.ended == "done"
    summary = done.text if completed else _FAILED[done.ended]
    context.printer.emit(TaskFinished(status="completed" if completed else "failed", summary=summary))
    return StepResult(step, completed, summary)
