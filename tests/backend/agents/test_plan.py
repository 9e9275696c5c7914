"""The plan as a value: what a call changes, what it refuses, what can be worked on now."""

import json
from typing import Any

import pytest

from genie_nb.backend.agents.plan import change_plan, drop_unstarted, mark_step, ready_steps
from genie_nb.errors import ToolFailed
from genie_nb.parts import Plan, PlanStep


def step(step_id: str, *after: str, **fields: Any) -> PlanStep:
    return PlanStep(id=step_id, title=f"do {step_id}", after=after, **fields)


def added(step_id: str, *after: str) -> dict[str, Any]:
    return {"id": step_id, "title": f"do {step_id}", "after": list(after)}


TWO = Plan(title="p", steps=(step("s1", status="completed"), step("s2", "s1")))


def test_the_first_call_writes_the_plan() -> None:
    whole = {"id": "s1", "title": "Count", "detail": "rows", "stage": "Read", "assignee": "analyst"}

    change = change_plan(Plan(), json.dumps({"title": "数一数", "add": [whole, added("s2", "s1")]}))

    assert change.plan.title == "数一数"
    assert change.plan.steps == (
        PlanStep(id="s1", title="Count", detail="rows", stage="Read", assignee="analyst"),
        step("s2", "s1"),
    )
    assert not change.finished


def test_a_later_call_adds_drops_marks_and_finishes() -> None:
    change = change_plan(
        TWO,
        json.dumps(
            {
                "add": [added("s3", "s1")],
                "drop": ["s2"],
                "mark": [{"id": "s1", "status": "blocked", "note": "no file"}],
                "finish": True,
            }
        ),
    )

    assert [(s.id, s.status, s.note) for s in change.plan.steps] == [
        ("s1", "blocked", "no file"),
        ("s2", "dropped", ""),
        ("s3", "not_started", ""),
    ]
    assert (change.plan.title, change.finished) == ("p", True)


@pytest.mark.parametrize("arguments", ["", "{}"])
def test_a_call_without_arguments_changes_nothing(arguments: str) -> None:
    change = change_plan(TWO, arguments)

    assert (change.plan, change.finished) == (TWO, False)


REFUSED = {
    "half of JSON": ('{"add": [', "Send the call again"),
    "a list": ("[]", "Expected `object`"),
    "a step without a title": ('{"add": [{"id": "s9"}]}', "title"),
    "a status that cannot be marked": ('{"mark": [{"id": "s1", "status": "in_progress"}]}', "in_progress"),
    "an id that is there": (json.dumps({"add": [added("s1")]}), "there is a step 's1' already"),
    "an id twice": (json.dumps({"add": [added("s9"), added("s9")]}), "there is a step 's9' already"),
    "an unknown step marked": ('{"mark": [{"id": "s9", "status": "completed"}]}', "no step 's9'. It has: s1, s2"),
    "an unknown step dropped": ('{"drop": ["s9"]}', "no step 's9'"),
    "after an unknown step": (json.dumps({"add": [added("s3", "s9")]}), r"'s3' comes after \['s9'\], which is no step"),
    "after itself": (json.dumps({"add": [added("s3", "s3")]}), r"\['s3'\] wait for one another"),
    "a circle": (json.dumps({"add": [added("a", "b"), added("b", "c"), added("c", "a")]}), r"\['a', 'b', 'c'\] wait"),
    "endless nesting": ('{"x": ' + "[" * 100_000, "The plan was not changed"),
}


@pytest.mark.parametrize(("arguments", "told"), REFUSED.values(), ids=REFUSED.keys())
def test_a_call_that_does_not_fit_is_refused_with_the_reason(arguments: str, told: str) -> None:
    with pytest.raises(ToolFailed, match=told):
        change_plan(TWO, arguments)


READY = {
    "nothing before it": (Plan(steps=(step("a"), step("b"))), ["a", "b"]),
    "one before the other": (Plan(steps=(step("b", "a"), step("a"))), ["a"]),
    "what it needs is done": (TWO, ["s2"]),
    "what it needs was dropped": (Plan(steps=(step("a", status="dropped"), step("b", "a"))), ["b"]),
    "what it needs is blocked": (Plan(steps=(step("a", status="blocked"), step("b", "a"))), []),
    "what it needs is at work": (Plan(steps=(step("a", status="in_progress"), step("b", "a"))), []),
    "half of what it needs": (Plan(steps=(step("a", status="completed"), step("b"), step("c", "a", "b"))), ["b"]),
    "all over": (Plan(steps=(step("a", status="completed"),)), []),
    "an empty plan": (Plan(), []),
}


@pytest.mark.parametrize(("plan", "ids"), READY.values(), ids=READY.keys())
def test_a_step_is_ready_when_all_before_it_are_over(plan: Plan, ids: list[str]) -> None:
    assert [s.id for s in ready_steps(plan)] == ids


def test_marking_changes_one_step_and_no_plan_of_others() -> None:
    marked = mark_step(TWO, "s2", "blocked", "why")

    assert marked == Plan(title="p", steps=(TWO.steps[0], step("s2", "s1", status="blocked", note="why")))
    assert TWO.steps[1].status == "not_started"


def test_only_steps_that_nobody_began_are_dropped_at_the_end() -> None:
    statuses = ("not_started", "in_progress", "completed", "blocked", "dropped")
    plan = Plan(steps=tuple(step(status, status=status) for status in statuses))  # type: ignore[arg-type]

    assert [(s.status, s.note) for s in drop_unstarted(plan, "not needed").steps] == [
        ("dropped", "not needed"), ("in_progress", ""), ("completed", ""), ("blocked", ""), ("dropped", ""),
    ]  # fmt: skip
