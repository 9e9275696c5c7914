"""The fold: what a reader of a run should see, with no widget in it.

`apply(transcript, event)` is the only writer. Whoever folds the same events gets an equal transcript, whichever road they
came by, and whether or not deltas of a text were joined on the way.

Above: the views and the backend. Below: `events`, `parts`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, assert_never

from genie_nb import events as ev
from genie_nb.errors import WireError
from genie_nb.parts import FileRef, Part, Plan, Usage
from genie_nb.shown import Shown

__all__ = ("Item", "Message", "Note", "Task", "ToolCall", "Transcript", "apply")

RunStatus = Literal["pending", "running", "finished", "failed", "cancelled"]


@dataclass
class Message:
    """A text of somebody; `chunks` joined are its words so far."""

    message_id: str
    channel: ev.Channel
    assignee: str
    chunks: list[str] = field(default_factory=list)
    finished: bool = False

    @property
    def text(self) -> str:
        """All words so far."""
        return "".join(self.chunks)


@dataclass
class ToolCall:
    """One call of a tool: what was asked, whether a person allowed it, what it showed, how it ended."""

    call_id: str
    tool: str
    assignee: str
    fragments: list[str] = field(default_factory=list)
    shown: Shown = field(default_factory=Shown)
    status: Literal["running"] | ev.ToolStatus = "running"
    output: str = ""
    seconds: float = 0.0
    asked: ev.ApprovalRequested | None = None
    verdict: ev.ApprovalGiven | None = None

    @property
    def parts(self) -> list[Part]:
        """What it shows, as it stands now."""
        return self.shown.parts

    @property
    def waits(self) -> bool:
        """Whether it waits until a person allows it."""
        return self.asked is not None and self.verdict is None and self.status == "running"

    @property
    def arguments(self) -> str:
        """The JSON text of the arguments, as far as it has come."""
        return "".join(self.fragments)


@dataclass
class Note:
    """A remark for the person that is nobody's text."""

    text: str
    level: Literal["info", "warning"] = "info"


@dataclass
class Task:
    """One piece of work with everything that belongs to it, in order."""

    task_id: str
    title: str
    assignee: str
    step_id: str = ""
    status: Literal["running"] | ev.TaskStatus = "running"
    summary: str = ""
    items: list[Message | ToolCall | Note] = field(default_factory=list)


Item = Message | ToolCall | Note | Task


@dataclass
class Transcript:
    """Everything a reader should see of one run.

    `items` holds what belongs to no task and the tasks themselves, in the order in which they appeared.
    """

    run_id: str = ""
    query: str = ""
    agent: str = ""
    model: str = ""
    badge: str = ""
    status: RunStatus = "pending"
    inputs: tuple[FileRef, ...] = ()
    tables: tuple[FileRef, ...] = ()
    plan: Plan | None = None
    items: list[Item] = field(default_factory=list)
    files: dict[str, FileRef] = field(default_factory=dict)
    deliverables: tuple[FileRef, ...] = ()
    answer: str = ""
    error_code: str = ""
    error: str = ""
    usage: Usage = field(default_factory=Usage)
    waiting: ev.ModelWaiting | None = None
    place: int = 0
    steps: int = 0
    seq: int = 0
    started_at: float = 0.0
    ended_at: float = 0.0
    messages: dict[str, Message] = field(default_factory=dict)
    calls: dict[str, ToolCall] = field(default_factory=dict)
    tasks: dict[str, Task] = field(default_factory=dict)

    @property
    def ended(self) -> bool:
        """Whether the run's terminal event was seen."""
        return self.status in ("finished", "failed", "cancelled")

    def open_messages(self) -> Iterator[tuple[str | None, Message]]:
        """Unfinished texts, each with its task's id."""
        for task_id, item in self._placed():
            if isinstance(item, Message) and not item.finished:
                yield task_id, item

    def open_calls(self) -> Iterator[tuple[str | None, ToolCall]]:
        """Running tool calls, each with its task's id."""
        for task_id, item in self._placed():
            if isinstance(item, ToolCall) and item.status == "running":
                yield task_id, item

    def open_tasks(self) -> Iterator[Task]:
        """Running tasks."""
        return (task for task in self.tasks.values() if task.status == "running")

    def _placed(self) -> Iterator[tuple[str | None, Item]]:
        for item in self.items:
            if isinstance(item, Task):
                for inner in item.items:
                    yield item.task_id, inner
            else:
                yield None, item


_AboutACall = ev.ToolStarted | ev.ToolArguments | ev.ApprovalRequested | ev.ApprovalGiven | ev.ToolOutput | ev.ToolFinished
_AboutTheRun = ev.RunQueued | ev.RunStarted | ev.RunFinished | ev.RunFailed | ev.RunCancelled | ev.LogRestarted


def apply(transcript: Transcript, event: ev.RunEvent) -> None:
    """Take one event into the transcript.

    Raises:
        WireError: The event speaks of a text, a call or a task that never started.
    """
    try:
        _apply(transcript, event)
    except KeyError as error:
        raise WireError(f"Event {event.seq} of run {event.run_id} speaks of {error}, which never started.") from error
    transcript.seq = event.seq


def _apply(t: Transcript, event: ev.RunEvent) -> None:
    if not isinstance(event, ev.ModelWaiting):
        t.waiting = None
    match event:
        case ev.TextStarted() | ev.TextDelta() | ev.TextFinished():
            _apply_text(t, event)
        case (
            ev.ToolStarted()
            | ev.ToolArguments()
            | ev.ApprovalRequested()
            | ev.ApprovalGiven()
            | ev.ToolOutput()
            | ev.ToolFinished()
        ):
            _apply_tool(t, event)
        case ev.TaskStarted() | ev.TaskFinished():
            _apply_task(t, event)
        case ev.RunStarted() | ev.RunFinished() | ev.RunFailed() | ev.RunCancelled() | ev.RunQueued() | ev.LogRestarted():
            _apply_run(t, event)
        case ev.StepStarted():
            t.steps += 1
        case ev.PlanUpdated():
            t.plan = event.plan
        case ev.FileCreated():
            t.files[event.file.name] = event.file
        case ev.ModelWaiting():
            t.waiting = event
        case ev.NoteAdded():
            _place(t, event.task_id, Note(event.text, event.level))
        case ev.UsageReported():
            t.usage = Usage(
                input_tokens=t.usage.input_tokens + event.input_tokens,
                output_tokens=t.usage.output_tokens + event.output_tokens,
                calls=t.usage.calls + 1,
            )
        case _:
            assert_never(event)


def _place(t: Transcript, task_id: str | None, item: Message | ToolCall | Note) -> None:
    if task_id is None:
        t.items.append(item)
    else:
        t.tasks[task_id].items.append(item)


def _apply_text(t: Transcript, event: ev.TextStarted | ev.TextDelta | ev.TextFinished) -> None:
    match event:
        case ev.TextStarted():
            message = Message(event.message_id, event.channel, event.assignee)
            _place(t, event.task_id, message)
            t.messages[event.message_id] = message
        case ev.TextDelta():
            t.messages[event.message_id].chunks.append(event.text)
        case ev.TextFinished():
            message = t.messages[event.message_id]
            message.chunks = [event.text]
            message.channel = event.channel
            message.finished = True
        case _:
            assert_never(event)


def _apply_tool(t: Transcript, event: _AboutACall) -> None:
    match event:
        case ev.ToolStarted():
            call = ToolCall(event.call_id, event.tool, event.assignee)
            _place(t, event.task_id, call)
            t.calls[event.call_id] = call
        case ev.ToolArguments():
            t.calls[event.call_id].fragments.append(event.fragment)
        case ev.ApprovalRequested():
            t.calls[event.call_id].asked = event
        case ev.ApprovalGiven():
            _apply_verdict(t.calls[event.call_id], event)
        case ev.ToolOutput():
            t.calls[event.call_id].shown.add(event.part, display=event.display, clears=event.clears)
        case ev.ToolFinished():
            call = t.calls[event.call_id]
            call.fragments = ["".join(call.fragments)]
            call.status, call.output, call.seconds = event.status, event.output, event.seconds
        case _:
            assert_never(event)


def _apply_verdict(call: ToolCall, event: ev.ApprovalGiven) -> None:
    call.verdict = event
    if event.arguments:
        call.fragments = [event.arguments]


def _apply_task(t: Transcript, event: ev.TaskStarted | ev.TaskFinished) -> None:
    task_id = event.task_id or ""
    match event:
        case ev.TaskStarted():
            task = Task(task_id, event.title, event.assignee, event.step_id)
            t.items.append(task)
            t.tasks[task_id] = task
        case ev.TaskFinished():
            t.tasks[task_id].status, t.tasks[task_id].summary = event.status, event.summary
        case _:
            assert_never(event)


def _apply_run(t: Transcript, event: _AboutTheRun) -> None:
    t.run_id = event.run_id
    if isinstance(event, ev.TERMINAL):
        t.ended_at = event.at
    match event:
        case ev.LogRestarted():
            vars(t).update(vars(Transcript(run_id=t.run_id, query=t.query)))
        case ev.RunQueued():
            t.place = event.place
        case ev.RunStarted():
            t.status, t.started_at, t.place = "running", event.at, 0
            t.query, t.agent, t.model, t.badge = event.query, event.agent, event.model, event.badge
            t.inputs, t.tables = event.files, event.tables
        case ev.RunFinished():
            t.status, t.answer, t.deliverables = "finished", event.output, event.files
        case ev.RunFailed():
            t.status, t.error_code, t.error = "failed", event.code, event.message
        case ev.RunCancelled():
            t.status, t.error_code, t.error = "cancelled", "cancelled", event.reason
        case _:
            assert_never(event)
