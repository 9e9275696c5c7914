"""The order of a notebook: what a run did, in the order in which its code ran on the one kernel. Pure.

Tasks may run side by side, and their code takes turns. What was said before a piece of code stays with it, and what a task
found stands below its last piece.

Above: `notebook`. Below: `transcript`, `events`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from genie_nb import events as ev
from genie_nb.parts import CodePart
from genie_nb.transcript import Message, Note, Task, ToolCall, Transcript, apply

__all__ = ("Passage", "is_code", "passages", "read_events")

CODE_TOOL = "code_interpreter"


@dataclass(eq=False)
class Passage:
    """What belongs together: things that were said, then at most one call that ran code, then what came of it."""

    task: Task | None
    items: list[Message | ToolCall | Note] = field(default_factory=list)


def is_code(call: ToolCall) -> bool:
    """Whether a call ran Python on the run's own kernel."""
    return call.tool == CODE_TOOL and any(isinstance(part, CodePart) for part in call.parts)


def read_events(events: Iterable[ev.RunEvent], query: str) -> tuple[Transcript, list[Passage]]:
    """Fold the events; returns the transcript, and its content in the order in which it happened.

    Raises:
        WireError: An event speaks of something that never started.
    """
    transcript = Transcript(query=query)
    happened: list[tuple[str | None, Message | ToolCall | Note]] = []
    placed: set[str] = set()
    for event in events:
        apply(transcript, event)
        match event:
            case ev.LogRestarted():
                happened.clear()
                placed.clear()
            case ev.TextStarted():
                happened.append((event.task_id, transcript.messages[event.message_id]))
            case ev.NoteAdded():
                happened.append((event.task_id, _last_note(transcript, event.task_id)))
            # Cells wait for their turn in the order in which they show their code.
            case ev.ToolOutput(part=CodePart()) | ev.ToolFinished() if event.call_id not in placed:
                placed.add(event.call_id)
                happened.append((event.task_id, transcript.calls[event.call_id]))
    return transcript, passages(happened, transcript)


def _last_note(transcript: Transcript, task_id: str | None) -> Note:
    items = transcript.items if task_id is None else transcript.tasks[task_id].items
    return next(item for item in reversed(items) if isinstance(item, Note))


def passages(happened: Iterable[tuple[str | None, Message | ToolCall | Note]], transcript: Transcript) -> list[Passage]:
    """Everything that happened, cut behind each piece of code; the rest of a task goes to the end of its last passage."""
    cut: list[Passage] = []
    open_of: dict[str, Passage] = {}
    ended_of: dict[str, Passage] = {}
    for task_id, item in happened:
        if task_id is None:
            cut.append(Passage(None, [item]))
            continue
        passage = open_of.get(task_id)
        if passage is None:
            passage = open_of[task_id] = Passage(transcript.tasks[task_id])
            cut.append(passage)
        passage.items.append(item)
        if isinstance(item, ToolCall) and is_code(item):
            cut.remove(passage)  # its place is where its code ran, not where it was first spoken of
            cut.append(passage)
            ended_of[task_id] = open_of.pop(task_id)
    for task_id, passage in open_of.items():
        if task_id in ended_of:
            ended_of[task_id].items += passage.items
            passage.items.clear()
    return [passage for passage in cut if passage.items]
