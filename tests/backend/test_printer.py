"""The printer: stamps, folds, writes, closes what is open, and refuses what comes too late."""

import pytest

from genie_nb import events as ev
from genie_nb.backend.channel import EventChannel
from genie_nb.backend.printer import Printer
from genie_nb.errors import PrinterClosed, WireError
from genie_nb.transcript import Note, Transcript
from tests.fakes import Clock, collect, fold, run


@pytest.fixture
def printer() -> Printer:
    return Printer(EventChannel("r", clock=Clock()), Transcript())


def printed(printer: Printer) -> list[ev.RunEvent]:
    if not printer.channel.ended:
        printer.emit(ev.RunFinished(output=""))
    return run(collect(printer.channel.read()))[:-1]


def test_what_is_printed_is_in_the_channel_and_in_the_transcript(printer: Printer) -> None:
    printer.note("a")
    printer.note("b", warning=True)

    assert printer.transcript.items == [Note("a"), Note("b", "warning")]
    assert printer.transcript.seq == 2
    assert [(event.seq, event.text) for event in printed(printer)] == [(1, "a"), (2, "b")]


def test_the_transcript_of_the_printer_is_the_fold_of_its_channel(printer: Printer) -> None:
    writer = printer.text("answer")
    writer.write("Hello")
    writer.finish()
    printer.emit(ev.RunFinished(output="Hello"))

    assert fold(run(collect(printer.channel.read()))) == printer.transcript


LATE = {
    "a note": lambda printer: printer.note("late"),
    "a text": lambda printer: printer.text("answer").write("late"),
    "another end": lambda printer: printer.emit(ev.RunCancelled(reason="late")),
    "a task's pen": lambda printer: printer.for_task("t1", "a").note("late"),
}


@pytest.mark.parametrize("print_late", LATE.values(), ids=LATE.keys())
def test_nothing_can_be_printed_after_the_end(printer: Printer, print_late) -> None:  # noqa: ANN001
    printer.emit(ev.RunFinished(output=""))

    with pytest.raises(PrinterClosed, match=r"ended; \w+ came too late"):
        print_late(printer)

    assert len(printer.channel) == 1


def test_a_task_s_pen_stamps_its_task_and_shares_everything_else(printer: Printer) -> None:
    pen = printer.for_task("t1", "analyst")
    pen.emit(ev.TaskStarted(title="t", assignee="analyst"))
    pen.text("summary").write("a")
    pen.emit(ev.NoteAdded(task_id="t1", text="already stamped"))
    printer.note("beside")

    assert [event.task_id for event in printed(printer)] == ["t1", "t1", "t1", "t1", None]
    assert printer.transcript.messages["m1"].assignee == "analyst"
    assert pen.transcript is printer.transcript


def test_ids_are_new_in_their_run_whoever_takes_them_and_the_same_in_an_equal_run() -> None:
    def ids() -> list[str]:
        printer = Printer(EventChannel("r"), Transcript())
        pen = printer.for_task("t1", "a")
        return [printer.new_id("m"), pen.new_id("c"), pen.for_task("t2", "b").new_id("m"), printer.new_id("t")]

    assert ids() == ["m1", "c2", "m3", "t4"]
    assert ids() == ids()


def test_a_text_begins_with_its_first_words_and_ends_whole(printer: Printer) -> None:
    writer = printer.for_task(None, "planner").text("tool_thought")
    for text in ("", "Hel", "", "lo"):
        writer.write(text)
    assert writer.text == "Hello"
    writer.finish("answer")

    started, *deltas, finished = printed(printer)

    assert (type(started), started.channel, started.assignee) == (ev.TextStarted, "tool_thought", "planner")
    assert [event.text for event in deltas] == ["Hel", "lo"]
    assert (type(finished), finished.channel, finished.text) == (ev.TextFinished, "answer", "Hello")
    assert {event.message_id for event in (started, *deltas, finished)} == {"m1"}


def test_a_text_without_words_prints_nothing(printer: Printer) -> None:
    writer = printer.text("answer")
    writer.write("")
    writer.finish()

    assert printed(printer) == []


def test_what_is_open_is_closed_texts_first_then_calls_then_tasks(printer: Printer) -> None:
    for task_id in ("t1", "t2"):
        pen = printer.for_task(task_id, "a")
        pen.emit(ev.TaskStarted(title="t", assignee="a"))
        pen.emit(ev.ToolStarted(call_id=f"c-{task_id}", tool="t", assignee="a"))
        pen.text("summary").write(f"words of {task_id}")
    printer.text("plan_thought").write("beside")
    before = len(printer.channel)

    printer.close_open("You stopped it.")

    closing = printed(printer)[before:]
    assert [(type(event).__name__, event.task_id) for event in closing] == [
        ("TextFinished", "t1"),
        ("TextFinished", "t2"),
        ("TextFinished", None),
        ("ToolFinished", "t1"),
        ("ToolFinished", "t2"),
        ("TaskFinished", "t1"),
        ("TaskFinished", "t2"),
    ]
    assert [event.text for event in closing[:3]] == ["words of t1", "words of t2", "beside"]
    assert {(event.status, event.output) for event in closing[3:5]} == {("cancelled", "You stopped it.")}
    assert {(event.status, event.summary) for event in closing[5:]} == {("cancelled", "You stopped it.")}
    t = printer.transcript
    assert (list(t.open_messages()), list(t.open_calls()), list(t.open_tasks())) == ([], [], [])


def test_closing_prints_nothing_where_nothing_is_open(printer: Printer) -> None:
    writer = printer.text("answer")
    writer.write("a")
    writer.finish()
    before = len(printer.channel)

    printer.close_open("")

    assert len(printer.channel) == before


def test_an_event_about_something_that_never_started_is_refused(printer: Printer) -> None:
    with pytest.raises(WireError):
        printer.emit(ev.TextDelta(message_id="m9", text="a"))

    assert len(printer.channel) == 0, "a reader would fail at it too"


def test_whoever_sees_an_event_finds_it_in_the_transcript(printer: Printer) -> None:
    logged_before_folded: list[bool] = []
    printer.channel.append(ev.NoteAdded(text="a"), first=lambda event: logged_before_folded.append(len(printer.channel) > 0))

    assert logged_before_folded == [False]
