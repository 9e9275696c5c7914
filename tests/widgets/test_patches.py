from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genie_nb import events as ev
from genie_nb.parts import CodePart, DocumentPart, ErrorPart, ImagePart, StreamPart
from genie_nb.widgets.patches import Painter
from tests.widgets.page_model import PageModel
from tests.widgets.sample_runs import call, file_ref, folded, numbered, plan, sample_run, started, words

TEXTS = st.lists(
    st.sampled_from(
        ["words ", "\n", "\n\n", "- a\n", "# t\n", "```\n", "x = 1\n", "😀", "中", "|a|b|\n|-|-|\n", "<i>", "**b**"]
    ),
    max_size=12,
).map("".join)
PRINTED = st.lists(st.sampled_from(["bar", "\r", "\n", "\x1b[31m", "\x1b[0m", "\x1b[A", "<i>"]), max_size=8).map("".join)
PARTS = st.one_of(
    st.builds(StreamPart, text=TEXTS | PRINTED, stream=st.sampled_from(["stdout", "stderr"])),
    st.builds(CodePart, code=TEXTS),
    st.builds(DocumentPart, text=TEXTS, media_type=st.sampled_from(["text/plain", "text/markdown", "text/html"])),
    st.builds(ErrorPart, name=st.just("KeyError"), message=TEXTS, traceback=TEXTS),
    st.just(ImagePart(content=b"png", alt="chart")),
)
CHANCE = st.integers(0, 2**32).map(Random)
STATES = st.sampled_from(["not_started", "in_progress", "completed", "blocked", "dropped"])


def redrawn(event: ev.ToolOutput) -> st.SearchStrategy[ev.ToolOutput]:
    """The part shown as new, in the place of another, or of all before it."""
    places = st.fixed_dictionaries(
        {"display": st.sampled_from(["", "", "d1", "d2"]), "clears": st.sampled_from([False, False, True])}
    )
    return places.map(lambda place: msgspec.structs.replace(event, **place))


@st.composite
def runs(draw: st.DrawFn) -> list[ev.RunEvent]:
    """Whole runs: tasks, texts and calls interleaved, then a terminal event."""
    strands: list[list[ev.RunEvent]] = []
    tasks = [None, *(f"t{n}" for n in range(draw(st.integers(0, 2))))]
    for number in range(draw(st.integers(0, 5))):
        task = draw(st.sampled_from(tasks))
        if draw(st.booleans()):
            channel = draw(st.sampled_from(["answer", "tool_thought", "reasoning", "plan_thought"]))
            *said, last = words(f"m{number}", draw(TEXTS), channel, task)
            assert isinstance(last, ev.TextFinished)
            final = draw(st.sampled_from(["answer", last.channel]))
            text = draw(st.one_of(st.just(last.text), TEXTS))
            strands.append([*said, ev.TextFinished(message_id=f"m{number}", channel=final, text=text, task_id=task)])
        else:
            shown = call(f"c{number}", "tool", '{"code": "x = 1\\n"}', draw(st.lists(PARTS, max_size=6)), task)
            strands.append([draw(redrawn(event)) if isinstance(event, ev.ToolOutput) else event for event in shown])
    strands.append([ev.PlanUpdated(plan=plan(*draw(st.tuples(STATES, STATES, STATES, STATES))).plan) for _ in range(2)])
    strands.append([ev.FileCreated(file=file_ref("sales.csv")), ev.FileCreated(file=file_ref("report.md"))])
    events: list[ev.RunEvent] = [started(draw(st.sampled_from(["Why?", "为什么？"])))]
    events += [ev.TaskStarted(task_id=task, title="Task", assignee="executor") for task in tasks if task]
    chance = draw(CHANCE)
    while any(strands):
        events.append(chance.choice([strand for strand in strands if strand]).pop(0))
    events += [ev.TaskFinished(task_id=task, status="completed", summary="ok") for task in tasks if task]
    events.append(draw(st.sampled_from([ev.RunFinished(output="All done."), ev.RunFailed(code="model", message="No.")])))
    return numbered(events)


def painted_at_once(events: list[ev.RunEvent]) -> PageModel:
    painter, page = Painter(), PageModel()
    for event in events:
        painter.take(event)
    page.apply(painter.paint())
    return page


@settings(max_examples=150, deadline=None)
@given(runs(), CHANCE)
def test_frames_cut_anywhere_show_what_the_whole_run_shows(events: list[ev.RunEvent], chance: Random) -> None:
    painter, page = Painter(), PageModel()
    for event in events:
        painter.take(event)
        if chance.random() < 0.3:
            page.apply(painter.paint())
    page.apply(painter.paint())
    assert page.tree() == painted_at_once(events).tree()


@settings(max_examples=150, deadline=None)
@given(runs(), CHANCE)
def test_a_page_that_lost_frames_is_whole_after_a_snapshot_and_the_frames_since(
    events: list[ev.RunEvent], chance: Random
) -> None:
    painter, always, late = Painter(), PageModel(), PageModel()
    opened = chance.randint(0, len(events))
    for number, event in enumerate(events):
        painter.take(event)
        if number == opened:
            late.apply(painter.page.snapshot())
        if chance.random() < 0.3:
            patches = painter.paint()
            always.apply(patches)
            if number >= opened:
                late.apply(patches)
    if opened == len(events):
        late.apply(painter.page.snapshot())
    patches = painter.paint()
    always.apply(patches)
    late.apply(patches)
    assert late.tree() == always.tree()


def test_nothing_touched_is_nothing_painted() -> None:
    painter = Painter()
    for event in sample_run():
        painter.take(event)
    assert painter.pending
    painter.paint()
    assert not painter.pending
    assert painter.paint() == []


def test_what_is_pending_does_not_grow_with_the_words() -> None:
    painter = Painter()
    for event in numbered([started(), *words("m", "word " * 10_000, "answer")]):
        painter.take(event)
    assert len(painter._touched) <= 4


def test_every_word_of_the_transcript_is_on_the_page() -> None:
    events = sample_run()
    shown = painted_at_once(events).text()
    for words_of_run in (
        "How did sales develop",
        "offline rules",
        "Write the report",
        "The kernel was replaced",
        "KeyError",
    ):
        assert words_of_run in shown
    transcript = folded(events)
    assert all(step.title in shown for step in transcript.plan.steps)  # type: ignore[union-attr]
    assert all(name in shown for name in transcript.files)


def test_a_task_folds_when_it_is_done_and_a_failed_one_stays_open_and_says_why() -> None:
    painter, page = Painter(), PageModel()
    for event in numbered(
        [
            started(),
            ev.TaskStarted(task_id="a", title="A", assignee="x"),
            ev.TaskStarted(task_id="b", title="B", assignee="x"),
            ev.TaskFinished(task_id="a", status="completed"),
            ev.TaskFinished(task_id="b", status="failed", summary="No file."),
        ]
    ):
        painter.take(event)
    page.apply(painter.paint())
    assert [page.nodes[key]["attributes"]["data-open"] for key in ("i0", "i1")] == ["0", "1"]
    assert page.nodes["i1.f"]["text"] == "No file."


def test_code_is_shown_while_the_model_still_writes_it() -> None:
    painter, page = Painter(), PageModel()
    begin = [started(), ev.ToolStarted(call_id="c", tool="code_interpreter", assignee="x")]
    for event in numbered([*begin, ev.ToolArguments(call_id="c", fragment='{"code": "x = 1\\ny = \\"\\ud83d')]):
        painter.take(event)
    page.apply(painter.paint())
    assert page.nodes["i0.a"]["text"] == 'x = 1\ny = "'


def test_what_may_be_the_answer_streams_in_its_place_and_leaves_it_when_a_call_follows() -> None:
    painter, page = Painter(), PageModel()
    first, second = list(words("m", "Let me look.", "tool_thought")), list(words("n", "It is four.", "tool_thought"))
    for event in numbered([started(), *first[:-1]]):
        painter.take(event)
    page.apply(painter.paint())
    assert page.nodes["i0"]["parent"] == "answer.i"
    assert page.nodes["now"]["attributes"]["data-on"] == "0"
    painter.take(ev.TextFinished(seq=9, message_id="m", channel="tool_thought", text="Let me look."))
    page.apply(painter.paint())
    assert page.nodes["i0"]["parent"] == "work.i"
    assert page.nodes["now"]["attributes"]["data-on"] == "1"
    for number, event in enumerate(second[:-1], 10):
        painter.take(msgspec.structs.replace(event, seq=number))
    painter.take(ev.TextFinished(seq=20, message_id="n", channel="answer", text="It is four."))
    page.apply(painter.paint())
    assert page.nodes["i1"]["parent"] == "answer.i"
    assert page.text("answer").count("It is four.") == 1


def test_a_thought_that_moves_is_not_sent_again() -> None:
    text = "A **long** paragraph.\n\n" * 200
    *said, finished, end = numbered(
        [
            started(),
            ev.TextStarted(message_id="m", channel="tool_thought", assignee="assistant"),
            ev.TextDelta(message_id="m", text=text),
            ev.TextFinished(message_id="m", channel="tool_thought", text=text),
            ev.RunFinished(output="It is four."),
        ]
    )
    painter = Painter()
    for event in said:
        painter.take(event)
    painter.paint()
    painter.take(finished)
    painter.take(end)
    patches = painter.paint()

    assert [patch[2] for patch in patches if patch[0] == ">"] == ["work.i"]
    assert len(str(patches)) < len(text) / 2


def test_the_answer_is_not_said_twice() -> None:
    page = painted_at_once(sample_run())
    assert page.text("answer").count("The rise comes from") == 1
    other = painted_at_once(numbered([started(), ev.RunFinished(output="Only *here*.")]))
    assert "<p>Only <em>here</em>.</p>" in other.text("answer")


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("What happened?", ["Queued", "Queued: 3 before it", "Queued: 1 before it", "Running"]),
        ("发生了什么？", ["排队中", "排队中：前面还有 3 个", "排队中：前面还有 1 个", "运行中"]),
    ],
    ids=["english", "chinese"],
)
def test_a_queued_run_says_how_many_are_before_it_in_the_language_of_its_question(query: str, said: list[str]) -> None:
    painter, page = Painter(query), PageModel()
    page.apply(painter.paint())
    shown = [page.nodes["head.s"]["text"]]
    assert page.nodes["query"]["text"] == query
    for event in numbered([ev.RunQueued(place=3), ev.RunQueued(place=1), started(query)]):
        painter.take(event)
        page.apply(painter.paint())
        shown.append(page.nodes["head.s"]["text"])
    assert shown == said
