"""Plan and solve: planner, executors at the same time, re-planning, summary."""

import asyncio
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from genie_nb import events as ev
from genie_nb.backend.agents.base import Answer
from genie_nb.backend.agents.plan_solve import PlanSolve
from genie_nb.backend.context import RunContext
from genie_nb.backend.models.base import ChatMessage, ToolSpec
from genie_nb.backend.models.scripted import Say, ScriptedModel
from genie_nb.backend.models.sections import read_sections
from genie_nb.backend.tools.base import Call, ToolBox
from genie_nb.backend.tools.functions import tool
from genie_nb.errors import ModelError, StepLimit
from genie_nb.parts import FileRef, Usage
from tests.fakes import events_of, make_context, of_kind, run

NOTHING: dict[str, Any] = {}
FINISH = {"finish": True}


def adding(*steps: str) -> dict[str, Any]:
    """A plan's call that adds steps, written `s2<s1` for a step after another."""
    parts = [step.partition("<") for step in steps]
    return {
        "title": "The plan",
        "add": [
            {
                "id": step_id,
                "title": f"do {step_id}",
                "detail": "d",
                "assignee": f"doer of {step_id}",
                "after": after.split(),
            }
            for step_id, _, after in parts
        ],
    }


class Cast:
    """A scripted model that plays planner, executors and summary, each from its own script."""

    def __init__(self, plans: Sequence[dict[str, Any] | Say], summary: Sequence[Say] = (Say("The answer."),)) -> None:
        self.plans, self.summaries = iter(plans), iter(summary)
        self.planned: list[ChatMessage] = []
        self.executed: list[dict[str, str]] = []
        self.systems: list[str] = []
        self.doing: Callable[[str], Say] = lambda step_id: Say(f"{step_id} is done.")
        self.summed_up: Sequence[ChatMessage] = ()
        self.model = ScriptedModel(self._reply)

    def _reply(self, messages: Sequence[ChatMessage], tools: Sequence[ToolSpec]) -> Say:
        sections = read_sections(messages[1].content)
        self.systems.append(messages[0].content)
        if any(spec.name == "plan" for spec in tools):
            self.planned.append(messages[-1])
            said = next(self.plans)
            return said if isinstance(said, Say) else Say("I plan.", [("plan", said)])
        if "task" in sections:
            if messages[-1].role == "user":
                self.executed.append(sections)
                return self.doing(json.loads(sections["task"])["id"])
            return Say(f"I saw: {messages[-1].content}")
        self.summed_up = messages
        return next(self.summaries)

    @property
    def ids(self) -> list[str]:
        return [json.loads(sections["task"])["id"] for sections in self.executed]


@pytest.fixture
def context(tmp_path: Path) -> RunContext:
    return make_context(tmp_path, query="Which grew?", inputs='{"name": "a.csv"}')


def solve(cast: Cast, context: RunContext, *tools: Any) -> Answer:
    return run(PlanSolve().run(cast.model, ToolBox(tools), context))


def final_steps(context: RunContext) -> list[tuple[str, str, str]]:
    assert context.printer.transcript.plan is not None
    return [(step.id, step.status, step.note) for step in context.printer.transcript.plan.steps]


def test_it_plans_works_replans_and_answers(context: RunContext) -> None:
    cast = Cast([adding("s1", "s2<s1"), NOTHING, FINISH])

    assert solve(cast, context) == Answer("The answer.")

    assert cast.ids == ["s1", "s2"]
    assert final_steps(context) == [("s1", "completed", ""), ("s2", "completed", "")]
    assert [(t.title, t.assignee, t.step_id, t.status, t.summary) for t in context.printer.transcript.tasks.values()] == [
        ("do s1", "doer of s1", "s1", "completed", "s1 is done."),
        ("do s2", "doer of s2", "s2", "completed", "s2 is done."),
    ]
    said = [(m.channel, m.assignee) for m in context.printer.transcript.messages.values()]
    assert said == [
        ("plan_thought", "planner"), ("summary", "doer of s1"), ("plan_thought", "planner"),
        ("summary", "doer of s2"), ("plan_thought", "planner"), ("answer", "summary"),
    ]  # fmt: skip


def test_every_step_is_told_what_it_needs(context: RunContext) -> None:
    cast = Cast([adding("s1", "s2<s1"), NOTHING, FINISH])

    solve(cast, context)

    first, second = cast.executed
    assert (first["question"], first["inputs"], first["results"]) == ("Which grew?", '{"name": "a.csv"}', "")
    assert json.loads(first["task"]) == {"id": "s1", "stage": "", "title": "do s1", "detail": "d"}
    assert json.loads(second["results"]) == {
        "step": "s1", "title": "do s1", "status": "completed", "summary": "s1 is done.",
    }  # fmt: skip
    assert '"s2 is done."' in cast.summed_up[1].content


def test_every_event_of_a_task_carries_its_task_and_the_plan_s_do_not(context: RunContext) -> None:
    solve(Cast([adding("s1"), FINISH]), context)

    of_tasks = [event.task_id for event in events_of(context) if isinstance(event, ev.TaskStarted | ev.TaskFinished)]
    steps = [(event.agent, event.task_id) for event in of_kind(events_of(context), ev.StepStarted)]
    (task_id,) = context.printer.transcript.tasks
    assert of_tasks == [task_id, task_id]
    assert steps == [("planner", None), ("doer of s1", task_id), ("planner", None), ("summary", None)]


def test_steps_that_need_no_other_are_worked_on_at_the_same_time(context: RunContext) -> None:
    """Both steps must be inside their tool at once; the third only comes after both."""
    barrier, order = asyncio.Barrier(2), []

    class Meet:
        spec, timeout_s = ToolSpec("meet", "Meets.", {"type": "object"}), 15.0

        async def call(self, call: Call) -> str:
            await barrier.wait()
            order.append(call.context.printer.assignee)
            return "met"

        async def close(self) -> None: ...

    cast = Cast([adding("a", "b", "c<a b"), NOTHING, FINISH])
    cast.doing = lambda step_id: Say("Done.") if step_id == "c" else Say(calls=[("meet", {})])

    solve(cast, context, Meet())

    assert sorted(order) == ["doer of a", "doer of b"]
    assert cast.ids[2] == "c"
    assert {result.assignee for result in context.printer.transcript.calls.values()} == {"doer of a", "doer of b"}
    by_call = {
        call_id: event.task_id for event in of_kind(events_of(context), ev.ToolStarted) for call_id in [event.call_id]
    }
    ends = {event.call_id: event.task_id for event in of_kind(events_of(context), ev.ToolFinished)}
    assert ends == by_call
    assert len(set(ends.values())) == 2


def test_no_more_steps_run_at_once_than_the_settings_say(tmp_path: Path) -> None:
    context = make_context(tmp_path, max_parallel=1)

    solve(Cast([adding("a", "b", "c"), FINISH]), context)

    turns = [type(event).__name__ for event in events_of(context) if isinstance(event, ev.TaskStarted | ev.TaskFinished)]
    assert turns == ["TaskStarted", "TaskFinished"] * 3


def test_the_plan_is_shown_at_every_change(context: RunContext) -> None:
    solve(Cast([adding("s1"), FINISH]), context)

    shown = [[step.status for step in event.plan.steps] for event in of_kind(events_of(context), ev.PlanUpdated)]
    assert shown == [["not_started"], ["in_progress"], ["completed"], ["completed"], ["completed"]]


def test_a_planner_that_makes_no_plan_is_asked_again_and_then_the_question_is_the_plan(context: RunContext) -> None:
    cast = Cast([Say("Hm."), Say("I would rather talk."), FINISH])

    solve(cast, context)

    assert cast.planned[1].content == "Call the tool plan."
    assert cast.ids == ["s1"]
    assert json.loads(cast.executed[0]["task"])["detail"] == "Which grew?"
    assert final_steps(context) == [("s1", "completed", "")]


WRONG_PLANS = {
    "a circle": (adding("a<b", "b<a"), "wait for one another"),
    "a step after nothing": (adding("a<zero"), "which is no step"),
    "half of JSON": (Say(calls=[("plan", '{"add": [')]), "Send the call again"),
    "another tool": (Say(calls=[("search", {})]), "There is no tool 'search' here, only 'plan'."),
}


@pytest.mark.parametrize(("wrong", "told"), WRONG_PLANS.values(), ids=WRONG_PLANS.keys())
def test_a_plan_that_cannot_be_is_refused_and_the_planner_tries_again(context: RunContext, wrong: Any, told: str) -> None:
    cast = Cast([wrong, adding("s1"), FINISH])

    solve(cast, context)

    assert (cast.planned[1].role, told in cast.planned[1].content) == ("tool", True)
    assert cast.ids == ["s1"]


def test_several_calls_in_one_reply_change_the_plan_one_after_the_other(context: RunContext) -> None:
    both = Say(calls=[("plan", adding("a")), ("plan", adding("b<a"))])

    solve(Cast([both, NOTHING, FINISH]), context)

    assert [step_id for step_id, *_ in final_steps(context)] == ["a", "b"]


def test_a_question_that_needs_no_work_goes_straight_to_the_answer(context: RunContext) -> None:
    cast = Cast([FINISH])

    assert solve(cast, context).text == "The answer."

    assert cast.ids == []


def test_the_planner_may_add_drop_and_do_again_after_results(context: RunContext) -> None:
    again = {"id": "s1", "status": "not_started", "note": "with 2026"}
    cast = Cast([adding("s1", "s2<s1"), {**adding("s3"), "drop": ["s2"], "mark": [again]}, FINISH])

    solve(cast, context)

    assert cast.ids == ["s1", "s1", "s3"]
    assert final_steps(context) == [("s1", "completed", ""), ("s2", "dropped", ""), ("s3", "completed", "")]


def test_what_was_not_begun_when_the_planner_finishes_is_dropped(context: RunContext) -> None:
    cast = Cast([adding("s1", "s2<s1"), FINISH])

    solve(cast, context)

    assert cast.ids == ["s1"]
    assert final_steps(context)[1] == ("s2", "dropped", "not needed")


def test_a_step_that_failed_is_seen_by_the_planner_and_blocks_what_needs_it(tmp_path: Path) -> None:
    context = make_context(tmp_path, max_task_steps=1)

    @tool
    def look() -> str:
        return "nothing"

    cast = Cast([adding("s1", "s2<s1"), NOTHING])
    cast.doing = lambda step_id: Say("I look.", [("look", {})])

    solve(cast, context, look)

    why = "The task was stopped at its limit of steps, before it was done."
    (result,) = read_sections(cast.planned[1].content)["results"].splitlines()
    assert json.loads(result) == {"step": "s1", "title": "do s1", "status": "failed", "summary": why}
    assert final_steps(context) == [("s1", "blocked", why), ("s2", "dropped", "what it needs could not be done")]
    (task,) = context.printer.transcript.tasks.values()
    assert (task.status, task.summary) == ("failed", why)


def test_a_step_that_repeats_itself_fails_and_the_run_goes_on(context: RunContext) -> None:
    @tool
    def look() -> str:
        return "nothing"

    cast = Cast([adding("s1"), FINISH])
    call = Say(calls=[("look", {})])
    cast.model.replies = lambda messages, tools: (
        call if "task" in read_sections(messages[1].content) else cast._reply(messages, tools)
    )

    assert solve(cast, context, look).text == "The answer."
    assert "the same call was made three times" in final_steps(context)[0][2]


def test_a_model_that_fails_in_one_step_ends_the_work(context: RunContext) -> None:
    cast = Cast([adding("a", "b")])
    cast.doing = lambda step_id: Say(error=ModelError("gone")) if step_id == "a" else Say("b is done.")

    with pytest.raises(ExceptionGroup) as caught:
        solve(cast, context)

    assert caught.group_contains(ModelError, match="gone")


def test_a_planner_that_never_ends_is_ended_by_the_limit_of_steps(tmp_path: Path) -> None:
    again = {"mark": [{"id": "s1", "status": "not_started"}]}

    with pytest.raises(ExceptionGroup) as caught:
        solve(Cast([adding("s1"), *[again] * 99]), make_context(tmp_path, max_steps=9))

    assert caught.group_contains(StepLimit, match="limit of 9 steps")


# The summary


def with_files(context: RunContext, *names: str) -> RunContext:
    for name in names:
        context.printer.emit(ev.FileCreated(file=FileRef(name=name, size=1, media_type="text/plain", sha256="0" * 64)))
    return context


DELIVERED = {
    "those it names": ([Say("A.", [("deliver", {"files": ["b.txt", "no.txt"]})])], ["b.txt"]),
    "all if it names none": ([Say("A.")], ["a.txt", "b.txt"]),
    "all if it names only others": ([Say("A.", [("deliver", {"files": ["no.txt"]})])], ["a.txt", "b.txt"]),
    "all if the names cannot be read": ([Say("A.", [("deliver", "{")])], ["a.txt", "b.txt"]),
    "those of a first reply without words": ([Say(calls=[("deliver", {"files": ["b.txt"]})]), Say("A.")], ["b.txt"]),
}


@pytest.mark.parametrize(("summary", "names"), DELIVERED.values(), ids=DELIVERED.keys())
def test_the_summary_picks_the_files(context: RunContext, summary: list[Say], names: list[str]) -> None:
    answer = solve(Cast([FINISH], summary), with_files(context, "a.txt", "b.txt"))

    assert (answer.text, [file.name for file in answer.files]) == ("A.", names)
    assert context.printer.transcript.calls == {}


def test_a_summary_without_words_is_asked_for_them_and_then_is_an_error(context: RunContext) -> None:
    with pytest.raises(ModelError, match="wrote no answer"):
        solve(Cast([FINISH], [Say(), Say()]), context)


def test_without_files_there_is_nothing_to_deliver(context: RunContext) -> None:
    offered: list[list[str]] = []
    cast = Cast([FINISH])
    cast.model.replies = lambda messages, tools: (
        offered.append([spec.name for spec in tools]) or cast._reply(messages, tools)
    )

    solve(cast, context)

    assert offered == [["plan"], []]


def test_a_chinese_question_gets_chinese_prompts_everywhere(tmp_path: Path) -> None:
    cast = Cast([adding("s1"), FINISH])

    solve(cast, make_context(tmp_path, query="哪个地区增长最快？"))

    assert [system[:4] for system in cast.systems] == ["你负责规", "你是do"[:2] + "do", "你负责规", "你根据已"]


def test_usage_is_summed_over_planner_executors_and_summary(context: RunContext) -> None:
    solve(Cast([adding("a", "b"), FINISH]), context)

    counted = of_kind(events_of(context), ev.UsageReported)
    assert len(counted) == 5
    assert context.printer.transcript.usage == Usage(
        input_tokens=sum(e.input_tokens for e in counted), output_tokens=sum(e.output_tokens for e in counted), calls=5
    )


def test_a_tool_without_a_description_can_be_planned_with(context: RunContext) -> None:
    class Silent:
        spec, timeout_s = ToolSpec("silent", "", {"type": "object"}), 1.0

        async def close(self) -> None: ...

    assert solve(Cast([FINISH]), context, Silent()).text == "The answer."
