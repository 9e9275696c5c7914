"""The plan as a value that a model changes by calls: add, drop, mark, finish; and which steps can be worked on now.

Below: `parts`, `errors`.
"""

from dataclasses import dataclass
from typing import Literal

import msgspec

from genie_nb.backend.models.base import ToolSpec
from genie_nb.errors import ToolFailed
from genie_nb.parts import Plan, PlanStep, StepStatus

__all__ = ("PLAN_TOOL", "PlanChange", "change_plan", "drop_unstarted", "mark_step", "ready_steps")

MAX_STEPS = 100
"""A plan of more steps is nobody's to read."""
_OVER = ("completed", "dropped")
_STEP = {
    "type": "object",
    "properties": {
        "id": {"type": "string", "description": "A short name that is new in the plan, e.g. s1."},
        "stage": {"type": "string"},
        "title": {"type": "string"},
        "detail": {"type": "string"},
        "after": {"type": "array", "items": {"type": "string"}, "description": "Ids of steps whose results it needs."},
        "assignee": {"type": "string", "description": "The role that does it, e.g. data analyst."},
    },
    "required": ["id", "title", "detail"],
}
_MARK = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "status": {"type": "string", "enum": ["not_started", "completed", "blocked"]},
        "note": {"type": "string"},
    },
    "required": ["id", "status"],
}
PLAN_TOOL = ToolSpec(
    "plan",
    "Make the plan, or change it after results came in. Everything is optional.",
    {
        "type": "object",
        "properties": {
            "title": {"type": "string", "description": "What the whole plan is for, in a few words."},
            "add": {"type": "array", "items": _STEP},
            "drop": {"type": "array", "items": {"type": "string"}, "description": "Ids of steps that are not needed."},
            "mark": {"type": "array", "items": _MARK},
            "finish": {"type": "boolean", "description": "True when the question can be answered from the results."},
        },
    },
)


class _Added(msgspec.Struct, frozen=True):
    id: str
    title: str
    detail: str = ""
    stage: str = ""
    after: tuple[str, ...] = ()
    assignee: str = "executor"


class _Marked(msgspec.Struct, frozen=True):
    id: str
    status: Literal["not_started", "completed", "blocked"]
    note: str = ""


class _Arguments(msgspec.Struct, frozen=True):
    title: str = ""
    add: tuple[_Added, ...] = ()
    drop: tuple[str, ...] = ()
    mark: tuple[_Marked, ...] = ()
    finish: bool = False


@dataclass(frozen=True)
class PlanChange:
    """A plan after a call, and whether the planner calls the work done."""

    plan: Plan
    finished: bool


def change_plan(plan: Plan, arguments: str) -> PlanChange:
    """The plan after a call of `plan` with these arguments (JSON text).

    Raises:
        ToolFailed: The arguments do not fit the plan; the plan stays as it was and the model is told why.
    """
    try:
        change = msgspec.json.decode(arguments or "{}", type=_Arguments)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ToolFailed(f"The plan was not changed: {error}. Send the call again.") from error
    steps = {step.id: step for step in plan.steps}
    if len(steps) + len(change.add) > MAX_STEPS:
        raise ToolFailed(f"The plan was not changed: it would have over {MAX_STEPS} steps. Plan with fewer, larger ones.")
    for added in change.add:
        if added.id in steps:
            raise ToolFailed(f"The plan was not changed: there is a step {added.id!r} already. Give the new one another id.")
        steps[added.id] = PlanStep(
            id=added.id, title=added.title, detail=added.detail, stage=added.stage, after=added.after,
            assignee=added.assignee,
        )  # fmt: skip
    marks: list[tuple[str, StepStatus, str]] = [(mark.id, mark.status, mark.note) for mark in change.mark]
    marks += [(step_id, "dropped", "") for step_id in change.drop]
    for step_id, status, note in marks:
        if step_id not in steps:
            raise ToolFailed(f"The plan was not changed: it has no step {step_id!r}. It has: {', '.join(steps)}.")
        steps[step_id] = msgspec.structs.replace(steps[step_id], status=status, note=note)
    changed = Plan(title=change.title or plan.title, steps=tuple(steps.values()))
    _check_order(changed)
    return PlanChange(changed, change.finish)


def _check_order(plan: Plan) -> None:
    """Every step must be reachable: no unknown steps in `after`, no circles."""
    waiting = {step.id: set(step.after) for step in plan.steps}
    for step_id, after in waiting.items():
        if unknown := after - waiting.keys():
            raise ToolFailed(f"The plan was not changed: step {step_id!r} comes after {sorted(unknown)}, which is no step.")
    while free := [step_id for step_id, after in waiting.items() if not after & waiting.keys()]:
        for step_id in free:
            del waiting[step_id]
    if waiting:
        raise ToolFailed(f"The plan was not changed: the steps {sorted(waiting)} wait for one another.")


def mark_step(plan: Plan, step_id: str, status: StepStatus, note: str = "") -> Plan:
    """The plan with one step in another state."""
    return Plan(
        title=plan.title,
        steps=tuple(
            msgspec.structs.replace(step, status=status, note=note) if step.id == step_id else step for step in plan.steps
        ),
    )


def drop_unstarted(plan: Plan, note: str) -> Plan:
    """The plan with every step dropped that nobody has begun."""
    for step in plan.steps:
        if step.status == "not_started":
            plan = mark_step(plan, step.id, "dropped", note)
    return plan


def ready_steps(plan: Plan) -> tuple[PlanStep, ...]:
    """The steps that can be worked on now, all at the same time."""
    over = {step.id for step in plan.steps if step.status in _OVER}
    return tuple(step for step in plan.steps if step.status == "not_started" and over.issuperset(step.after))
