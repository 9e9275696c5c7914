"""The loop that agents share: how a reply is printed, how calls are run, how it ends."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from genie_nb import events as ev
from genie_nb.backend.agents.loop import Work, work
from genie_nb.backend.asking import Voice, ask
from genie_nb.backend.context import RunContext
from genie_nb.backend.history import History
from genie_nb.backend.models.base import (
    ChatMessage,
    ChatModel,
    Chunk,
    Finish,
    Reasoning,
    Text,
    TokenCount,
    ToolCallFragment,
    ToolSpec,
    Waiting,
)
from genie_nb.backend.models.scripted import Say, ScriptedModel
from genie_nb.backend.tools.base import Call, ToolBox
from genie_nb.errors import ModelError, StepLimit, ToolFailed
from genie_nb.parts import Usage
from tests.fakes import ChunkModel, events_of, make_context, of_kind, run

VOICE = Voice("tool_thought", "answer")
HIDDEN = Voice("plan_thought", "plan_thought", show_calls=False)


@dataclass
class Echo:
    """A tool that gives back its argument, and remembers its calls."""

    name: str = "echo"
    fails: bool = False
    calls: list[dict[str, Any]] = field(default_factory=list)
    timeout_s: float = 20.0

    @property
    def spec(self) -> ToolSpec:
        return ToolSpec(self.name, "Echoes.", {"type": "object", "properties": {}})

    async def call(self, call: Call) -> str:
        self.calls.append(call.arguments)
        if self.fails:
            raise ToolFailed("It does not work.")
        return f"echo {call.arguments.get('say')}"

    async def close(self) -> None: ...


@pytest.fixture
def context(tmp_path: Path) -> RunContext:
    return make_context(tmp_path).for_task(None, "assistant")


def told(*messages: ChatMessage) -> History:
    return History(*(messages or (ChatMessage("user", "the task"),)), context_tokens=100_000)


def work_on(replies: ChatModel | Iterable[Say], context: RunContext, *tools: Any, history: History | None = None) -> Work:
    model = replies if hasattr(replies, "stream") else ScriptedModel(list(replies))
    return run(work(model, history or told(), ToolBox(tools), context, VOICE))


def echo(say: object) -> Say:
    return Say(calls=[("echo", {"say": say})])


# How a reply is printed

TWO_CALLS: Sequence[Chunk] = [
    Reasoning("Let me "),
    Reasoning("see."),
    Text("I "),
    Waiting("busy", 2.0, 2),
    Text("look."),
    ToolCallFragment(1, "id-b", "echo", ""),
    ToolCallFragment(0, "id-a", "", '{"sa'),
    ToolCallFragment(0, "", "echo", 'y":'),
    ToolCallFragment(1, "", "", '{"say": 2}'),
    ToolCallFragment(0, "", "", " 1}"),
    TokenCount(7, 3),
    Finish(),
]


def test_a_reply_is_printed_as_it_comes_and_put_together(context: RunContext) -> None:
    history = told()

    reply = run(ask(ChunkModel([TWO_CALLS]), history, (), context, VOICE))

    assert (reply.text, reply.reasoning) == ("I look.", "Let me see.")
    assert [(call.call_id, call.name, call.arguments) for call in reply.calls] == [
        ("id-a", "echo", '{"say": 1}'),
        ("id-b", "echo", '{"say": 2}'),
    ]
    transcript = context.printer.transcript
    assert [(m.channel, m.text, m.assignee, m.finished) for m in transcript.messages.values()] == [
        ("reasoning", "Let me see.", "assistant", True),
        ("tool_thought", "I look.", "assistant", True),
    ]
    assert [transcript.calls[call_id].arguments for call_id in reply.call_ids] == ['{"say": 1}', '{"say": 2}']
    assert {call.assignee for call in transcript.calls.values()} == {"assistant"}
    assert history.messages[-1] == reply.as_message()
    assert transcript.usage == Usage(input_tokens=7, output_tokens=3, calls=1)


def test_every_chunk_becomes_its_event_at_once(context: RunContext) -> None:
    run(ask(ChunkModel([TWO_CALLS]), told(), (), context, VOICE))

    kinds = [type(event).__name__ for event in events_of(context)]
    assert kinds == [
        "StepStarted", "TextStarted", "TextDelta", "TextDelta", "TextStarted", "TextDelta", "ModelWaiting", "TextDelta",
        "ToolStarted", "ToolStarted", "ToolArguments", "ToolArguments", "ToolArguments", "TextFinished", "TextFinished",
        "UsageReported",
    ]  # fmt: skip


def test_a_text_alone_turns_out_to_be_the_answer(context: RunContext) -> None:
    run(ask(ScriptedModel([Say("42")]), told(), (), context, VOICE))

    (message,) = context.printer.transcript.messages.values()
    assert (message.channel, message.text) == ("answer", "42")


def test_calls_can_be_kept_out_of_sight(context: RunContext) -> None:
    reply = run(ask(ChunkModel([TWO_CALLS]), told(), (), context, HIDDEN))

    assert len(reply.calls) == 2
    assert context.printer.transcript.calls == {}


def test_a_call_that_the_model_gave_no_id_goes_by_ours(context: RunContext) -> None:
    reply = run(ask(ChunkModel([[ToolCallFragment(0, "", "echo", "{}"), Finish()]]), told(), (), context, VOICE))

    assert reply.calls[0].call_id == reply.call_ids[0] != ""


# How a reply ends


def test_a_reply_that_breaks_off_is_an_error_and_runs_no_tool(context: RunContext) -> None:
    tool, history = Echo(), told()

    with pytest.raises(ModelError, match="broke off") as caught:
        work_on(ChunkModel([[Text("I thi"), ToolCallFragment(0, "a", "echo", "{}")]]), context, tool, history=history)

    assert (caught.value.kind, caught.value.partial, tool.calls) == ("truncated", "I thi", [])
    assert len(history.messages) == 1


OUTCOMES = {
    "cut at its length": ("length", "length limit"),
    "cut by the filter": ("content_filter", "content filter"),
}


@pytest.mark.parametrize(("outcome", "note"), OUTCOMES.values(), ids=OUTCOMES.keys())
def test_a_reply_that_was_cut_counts_and_the_person_is_told(context: RunContext, outcome: Any, note: str) -> None:
    done = work_on(ChunkModel([[Text("Half an ans"), Finish(outcome)]]), context)

    (added,) = of_kind(events_of(context), ev.NoteAdded)
    assert (done, added.level) == (Work("Half an ans", "done"), "warning")
    assert note in added.text


def test_a_reply_that_the_filter_swallowed_whole_is_an_error(context: RunContext) -> None:
    with pytest.raises(ModelError, match="Ask in other words") as caught:
        work_on(ChunkModel([[Finish("content_filter")]]), context)

    assert caught.value.kind == "content_filter"


def test_an_empty_reply_is_nudged_once(context: RunContext) -> None:
    model = ScriptedModel([Say(), Say("42")])

    assert work_on(model, context) == Work("42", "done")

    assert (model.asked[1][-1].role, "was empty" in model.asked[1][-1].content) == ("user", True)


def test_two_empty_replies_end_it(context: RunContext) -> None:
    with pytest.raises(ModelError, match="The model scripted replied with nothing, 2 times in a row"):
        work_on([Say(), Say(), Say("too late")], context)


# Calls


def test_results_go_back_to_the_model_in_the_order_of_its_calls(context: RunContext) -> None:
    model = ScriptedModel([Say("I call.", [("echo", {"say": n}) for n in range(3)]), Say("Done.")])

    assert work_on(model, context, Echo()) == Work("Done.", "done")

    asked, *results = model.asked[1][1:]
    assert [(result.role, result.content) for result in results] == [("tool", f"echo {n}") for n in range(3)]
    assert [call.call_id for call in asked.tool_calls] == [result.tool_call_id for result in results]


def test_the_calls_of_one_reply_run_at_the_same_time(context: RunContext) -> None:
    """Both must be inside their call before either may leave it."""

    @dataclass
    class Meeting(Echo):
        barrier: asyncio.Barrier = field(default_factory=lambda: asyncio.Barrier(2))

        async def call(self, call: Call) -> str:
            await self.barrier.wait()
            return "met"

    done = work_on([Say(calls=[("echo", {"say": 1}), ("echo", {"say": 2})]), Say("Both.")], context, Meeting())

    assert done == Work("Both.", "done")
    ends = of_kind(events_of(context), ev.ToolFinished)
    assert [(end.status, end.output) for end in ends] == [("ok", "met")] * 2


FAILING = {
    "a tool that fails": (("echo", {}), "It does not work."),
    "arguments that are no JSON": (("echo", '{"say"'), "not valid JSON"),
    "a tool that is not there": (("search", {}), "There is no tool 'search'. There are: echo."),
}


@pytest.mark.parametrize(("call", "words"), FAILING.values(), ids=FAILING.keys())
def test_a_failing_call_is_told_to_the_model_which_goes_on(context: RunContext, call: Any, words: str) -> None:
    model = ScriptedModel([Say(calls=[call]), Say("I see.")])

    assert work_on(model, context, Echo(fails=True)) == Work("I see.", "done")

    assert words in model.asked[1][-1].content
    (end,) = of_kind(events_of(context), ev.ToolFinished)
    assert end.status == "error"


# Repetition and limits


def test_a_repeated_call_is_told_once_and_ends_it_the_next_time(context: RunContext) -> None:
    model = ScriptedModel([echo(1), echo(1), echo(1), Say("too late")])

    assert work_on(model, context, Echo()).ended == "repeated_call"

    assert [conversation[-1].content for conversation in model.asked[1:]] == [
        "echo 1",
        "echo 1\n\nYou made this very call before and it gave this very result. Do not make it again: use the result, "
        "call something else, or answer.",
    ]


def test_a_model_that_heeds_the_warning_may_go_on(context: RunContext) -> None:
    assert work_on([echo(1), echo(1), echo(2), Say("42")], context, Echo()) == Work("42", "done")


def test_the_same_call_with_another_result_is_no_repetition(context: RunContext) -> None:
    @dataclass
    class Counter(Echo):
        async def call(self, call: Call) -> str:
            self.calls.append({})
            return str(len(self.calls))

    assert work_on([*[echo(1)] * 5, Say("42")], context, Counter()) == Work("42", "done")


def test_a_task_ends_at_its_limit_of_steps(tmp_path: Path) -> None:
    context = make_context(tmp_path, max_task_steps=3)
    model = ScriptedModel([echo(n) for n in range(9)])

    assert work_on(model, context, Echo()) == Work("", "step_limit")

    assert len(model.asked) == 3
    assert [event.step for event in of_kind(events_of(context), ev.StepStarted)] == [1, 2, 3]


def test_a_run_ends_at_its_limit_of_steps_before_the_model_is_asked_again(tmp_path: Path) -> None:
    context = make_context(tmp_path, max_steps=2)
    model = ScriptedModel([echo(n) for n in range(9)])

    with pytest.raises(StepLimit, match="limit of 2 steps"):
        work_on(model, context, Echo())

    assert len(model.asked) == 2


def test_usage_is_summed_over_all_replies(context: RunContext) -> None:
    replies = [[ToolCallFragment(0, "a", "echo", "{}"), TokenCount(5, 5), TokenCount(10, 1), Finish()],
               [Text("42"), TokenCount(20, 2), Finish()], ]  # fmt: skip

    work_on(ChunkModel(replies), context, Echo())

    assert context.printer.transcript.usage == Usage(input_tokens=30, output_tokens=3, calls=2)


def test_the_stream_of_the_model_is_closed_when_something_goes_wrong_on_the_way(context: RunContext) -> None:
    left: list[bool] = []

    @dataclass
    class Watched(ChunkModel):
        async def stream(self, messages: Any, tools: Any) -> Any:
            try:
                yield Text("a")
                raise ModelError("gone")
            finally:
                left.append(True)

    with pytest.raises(ModelError, match="gone"):
        work_on(Watched([]), context)

    assert left == [True]
