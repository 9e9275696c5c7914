"""The fold: every kind leaves its trace, and joined deltas make no difference."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genie_nb import events as ev
from genie_nb.errors import WireError
from genie_nb.parts import DocumentPart, FileRef, Part, Plan, PlanStep, ProgressPart, StreamPart, Usage
from genie_nb.transcript import Message, Note, Task, ToolCall, Transcript, apply
from tests.event_strategies import EVENT_CLASSES, deltas_of_run
from tests.fakes import fold

FILE = FileRef(name="a.png", size=1, media_type="image/png", sha256="0" * 64)
STARTED = ev.RunStarted(run_id="r", at=10.0, query="q", agent="react", model="m", badge="local", files=(FILE,))
TEXT = ev.TextStarted(message_id="m1", channel="tool_thought", assignee="a")
CALL = ev.ToolStarted(call_id="c1", tool="t", assignee="a")
TASK = ev.TaskStarted(task_id="t1", title="Count", assignee="analyst", step_id="s1")
PLAN = Plan(title="p", steps=(PlanStep(id="s1", title="Count"),))


def test_a_transcript_without_events_is_pending() -> None:
    assert (Transcript().status, Transcript().ended) == ("pending", False)


def test_the_start_says_who_works_on_what() -> None:
    t = fold([STARTED])

    assert (t.run_id, t.query, t.agent, t.model, t.badge) == ("r", "q", "react", "m", "local")
    assert (t.status, t.inputs, t.started_at, t.ended) == ("running", (FILE,), 10.0, False)


ENDS = {
    "finished": (ev.RunFinished(at=15.0, output="42", files=(FILE,)), ("finished", "42", (FILE,), "", "")),
    "failed": (ev.RunFailed(at=15.0, code="model", message="why"), ("failed", "", (), "model", "why")),
    "cancelled": (ev.RunCancelled(at=15.0, reason="you"), ("cancelled", "", (), "cancelled", "you")),
}


@pytest.mark.parametrize(("end", "seen"), ENDS.values(), ids=ENDS.keys())
def test_the_end_says_what_came_of_it(end: ev.RunEvent, seen: tuple[object, ...]) -> None:
    t = fold([STARTED, end])

    assert (t.status, t.answer, t.deliverables, t.error_code, t.error) == seen
    assert (t.ended, t.ended_at) == (True, 15.0)


def test_a_text_grows_and_its_end_overrules_what_came_before() -> None:
    t = fold([TEXT, ev.TextDelta(message_id="m1", text="Hel"), ev.TextDelta(message_id="m1", text="lo")])
    (message,) = t.items
    assert isinstance(message, Message)
    assert (message.text, message.channel, message.finished) == ("Hello", "tool_thought", False)
    assert list(t.open_messages()) == [(None, message)]

    apply(t, ev.TextFinished(message_id="m1", channel="answer", text="Hello!"))

    assert (message.text, message.channel, message.finished) == ("Hello!", "answer", True)
    assert list(t.open_messages()) == []


def test_a_call_shows_its_arguments_its_parts_and_its_end() -> None:
    t = fold([CALL, *(ev.ToolArguments(call_id="c1", fragment=text) for text in ('{"a"', ":1}"))])
    call = t.calls["c1"]
    assert (call.tool, call.assignee, call.arguments, call.status) == ("t", "a", '{"a":1}', "running")
    assert list(t.open_calls()) == [(None, call)]

    apply(t, ev.ToolOutput(call_id="c1", part=DocumentPart(text="x")))
    apply(t, ev.ToolFinished(call_id="c1", status="error", output="told", seconds=2.0))

    assert (call.arguments, call.parts) == ('{"a":1}', [DocumentPart(text="x")])
    assert (call.status, call.output, call.seconds) == ("error", "told", 2.0)
    assert list(t.open_calls()) == []


def test_printed_pieces_of_one_stream_join_and_others_do_not() -> None:
    pieces: list[Part] = [
        StreamPart(text="a"),
        StreamPart(text="b"),
        StreamPart(text="c", stream="stderr"),
        StreamPart(text="d"),
        DocumentPart(text="x"),
        StreamPart(text="e"),
    ]

    t = fold([CALL, *(ev.ToolOutput(call_id="c1", part=piece) for piece in pieces)])

    assert t.calls["c1"].parts == [StreamPart(text="ab"), *pieces[2:]]


def test_what_belongs_to_a_task_lies_in_it_and_the_rest_beside_it() -> None:
    in_task = [
        ev.TextStarted(task_id="t1", message_id="m1", channel="summary", assignee="a"),
        ev.ToolStarted(task_id="t1", call_id="c1", tool="t", assignee="a"),
        ev.NoteAdded(task_id="t1", text="inside", level="warning"),
    ]
    beside = ev.TextStarted(message_id="m2", channel="answer", assignee="a")

    t = fold([TASK, in_task[0], beside, *in_task[1:], ev.NoteAdded(text="outside")])

    task = t.tasks["t1"]
    assert [type(item) for item in t.items] == [Task, Message, Note]
    assert [type(item) for item in task.items] == [Message, ToolCall, Note]
    assert (task.title, task.assignee, task.step_id, task.status) == ("Count", "analyst", "s1", "running")
    assert task.items[2] == Note("inside", "warning")
    assert t.items[2] == Note("outside", "info")
    assert [task_id for task_id, _ in t.open_messages()] == ["t1", None]
    assert [task_id for task_id, _ in t.open_calls()] == ["t1"]
    assert list(t.open_tasks()) == [task]

    apply(t, ev.TaskFinished(task_id="t1", status="failed", summary="why"))

    assert (task.status, task.summary, list(t.open_tasks())) == ("failed", "why", [])


def test_plans_files_steps_and_usage_are_kept_as_they_stand() -> None:
    newer = FileRef(name="a.png", size=2, media_type="image/png", sha256="1" * 64)
    steps = [ev.StepStarted(step=1, agent="a"), ev.StepStarted(step=2, agent="a")]
    usage = [ev.UsageReported(input_tokens=10, output_tokens=1), ev.UsageReported(input_tokens=20, output_tokens=2)]

    t = fold([ev.PlanUpdated(plan=Plan()), ev.PlanUpdated(plan=PLAN), *steps, *usage,
              ev.FileCreated(file=FILE), ev.FileCreated(file=newer)])  # fmt: skip

    assert (t.plan, t.steps, t.files) == (PLAN, 2, {"a.png": newer})
    assert t.usage == Usage(input_tokens=30, output_tokens=3, calls=2)


def test_waiting_for_the_model_lasts_until_the_next_event() -> None:
    waiting = ev.ModelWaiting(reason="busy", seconds=2.0, attempt=2)
    t = fold([STARTED, waiting])
    assert t.waiting == waiting

    apply(t, TEXT)

    assert t.waiting is None


def test_the_number_of_the_last_event_is_kept() -> None:
    t = fold([ev.NoteAdded(seq=4, text="a"), ev.NoteAdded(seq=5, text="b")])

    assert t.seq == 5


NEVER_STARTED = {
    "text_delta": ev.TextDelta(seq=3, run_id="r", message_id="m9", text="a"),
    "text_finished": ev.TextFinished(seq=3, run_id="r", message_id="m9", channel="answer", text="a"),
    "tool_arguments": ev.ToolArguments(seq=3, run_id="r", call_id="c9", fragment="a"),
    "approval_requested": ev.ApprovalRequested(seq=3, run_id="r", call_id="c9", tool="t", arguments="{}"),
    "approval_given": ev.ApprovalGiven(seq=3, run_id="r", call_id="c9", verdict="once"),
    "tool_output": ev.ToolOutput(seq=3, run_id="r", call_id="c9", part=StreamPart(text="a")),
    "tool_finished": ev.ToolFinished(seq=3, run_id="r", call_id="c9", status="ok"),
    "task_finished": ev.TaskFinished(seq=3, run_id="r", task_id="t9", status="completed"),
    "task_finished without a task": ev.TaskFinished(seq=3, run_id="r", status="completed"),
    "text_started in a task": ev.TextStarted(
        seq=3, run_id="r", task_id="t9", message_id="m", channel="answer", assignee="a"
    ),
    "tool_started in a task": ev.ToolStarted(seq=3, run_id="r", task_id="t9", call_id="c", tool="t", assignee="a"),
    "note_added in a task": ev.NoteAdded(seq=3, run_id="r", task_id="t9", text="a"),
}


@pytest.mark.parametrize("event", NEVER_STARTED.values(), ids=NEVER_STARTED.keys())
def test_an_event_about_something_that_never_started_is_a_wire_error(event: ev.RunEvent) -> None:
    t = fold([STARTED, TEXT, CALL, TASK])

    with pytest.raises(WireError, match=r"Event 3 of run r speaks of .*never started"):
        apply(t, event)
    assert "m" not in t.messages
    assert "c" not in t.calls


def test_this_file_folds_every_kind_of_event() -> None:
    table = [*NEVER_STARTED.values(), *(end for end, _ in ENDS.values()), STARTED, TEXT, CALL, TASK]
    elsewhere = {ev.LogRestarted, ev.RunQueued, ev.StepStarted, ev.PlanUpdated, ev.FileCreated}
    elsewhere |= {ev.ModelWaiting, ev.UsageReported}

    assert {type(event) for event in table} | elsewhere == set(EVENT_CLASSES)


def test_a_call_waits_from_the_question_to_the_answer_and_runs_what_the_person_made_of_it() -> None:
    asked = ev.ApprovalRequested(run_id="r", call_id="c1", tool="t", arguments='{"code": "1"}')
    t = fold([STARTED, CALL, ev.ToolArguments(call_id="c1", fragment='{"code": "1"}'), asked])
    assert t.calls["c1"].waits

    apply(t, ev.ApprovalGiven(run_id="r", call_id="c1", verdict="once", arguments='{"code": "2"}'))

    assert not t.calls["c1"].waits
    assert t.calls["c1"].arguments == '{"code": "2"}'


def test_of_a_calls_progress_the_last_is_kept() -> None:
    parts = [ProgressPart(done=1.0), ProgressPart(done=2.0, message="half"), StreamPart(text="a"), ProgressPart(done=3.0)]
    t = fold([STARTED, CALL, *(ev.ToolOutput(call_id="c1", part=part) for part in parts)])

    assert t.calls["c1"].parts == parts[1:]


def test_a_place_in_the_queue_is_shown_until_the_run_begins() -> None:
    waiting = [ev.RunQueued(run_id="r", seq=1, place=3), ev.RunQueued(run_id="r", seq=2, place=1)]
    assert fold(waiting).place == 1
    assert fold([*waiting, msgspec.structs.replace(STARTED, seq=3)]).place == 0


@given(deltas_of_run())
def test_a_restarted_log_forgets_everything_before(events: list[ev.RunEvent]) -> None:
    anew = [ev.LogRestarted(run_id="r"), *events]
    assert fold([*events, *anew]) == fold(anew)


@given(deltas_of_run(), st.randoms(use_true_random=False))
def test_the_fold_of_a_run_does_not_depend_on_how_its_deltas_are_joined(events: list[ev.RunEvent], random) -> None:  # noqa: ANN001
    assert fold(joined(events, lambda: random.random() < 0.5)) == fold(events)


@given(deltas_of_run())
def test_the_words_so_far_do_not_depend_on_how_deltas_are_joined(events: list[ev.RunEvent]) -> None:
    """In the middle of a run too: the same words, arguments and outputs at every event that is no delta."""
    open_part = [event for event in events if not isinstance(event, ev.TextFinished | ev.ToolFinished | ev.RunFinished)]

    one_by_one, at_once = fold(open_part), fold(joined(open_part, lambda: True))

    assert {key: m.text for key, m in one_by_one.messages.items()} == {key: m.text for key, m in at_once.messages.items()}
    assert [(c.arguments, c.parts) for c in one_by_one.calls.values()] == [
        (c.arguments, c.parts) for c in at_once.calls.values()
    ]


def joined(events, wanted):  # noqa: ANN001, ANN201
    """The events with some neighbouring deltas of one text or one call's arguments joined."""
    result: list[ev.RunEvent] = []
    for event in events:
        last = result[-1] if result else None
        match last, event:
            case (ev.TextDelta(), ev.TextDelta()) if last.message_id == event.message_id and wanted():
                result[-1] = ev.TextDelta(task_id=event.task_id, message_id=event.message_id, text=last.text + event.text)
            case (ev.ToolArguments(), ev.ToolArguments()) if last.call_id == event.call_id and wanted():
                both = last.fragment + event.fragment
                result[-1] = ev.ToolArguments(task_id=event.task_id, call_id=event.call_id, fragment=both)
            case _:
                result.append(event)
    return result


def test_joining_joins() -> None:
    """So that the two properties above compare different things."""
    deltas = [TEXT, *(ev.TextDelta(message_id="m1", text=text) for text in "abc")]

    assert joined(deltas, lambda: False) == deltas
    assert joined(deltas, lambda: True) == [TEXT, ev.TextDelta(message_id="m1", text="abc")]
