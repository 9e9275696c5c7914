"""The vocabulary: `RunEvent` about the work, `LinkEvent` about one connection to it; JSON both ways.

Promises:
- Events of one run are numbered by `seq` from 1 without gaps; exactly one of them is terminal, and it is the last.
- A text is a triple with one `message_id`: started, deltas, finished. `text_finished` carries the whole text and its
  final channel, and overrules what came before.
- What belongs to a task carries its `task_id`, so parallel tasks may interleave freely.
- A `LinkEvent` is never numbered, logged or replayed.

Above: `transcript`. Below: `parts`, `errors`.
"""

from typing import Literal

import msgspec

from genie_nb.errors import WireError
from genie_nb.parts import FileRef, Part, Plan

__all__ = (
    "TERMINAL",
    "ApprovalGiven",
    "ApprovalRequested",
    "Channel",
    "Event",
    "FileCreated",
    "Heartbeat",
    "LinkClosed",
    "LinkEvent",
    "LinkLost",
    "LinkOpened",
    "LogRestarted",
    "ModelWaiting",
    "NoteAdded",
    "PlanUpdated",
    "RunCancelled",
    "RunEvent",
    "RunFailed",
    "RunFinished",
    "RunQueued",
    "RunStarted",
    "StepStarted",
    "TaskFinished",
    "TaskStarted",
    "TaskStatus",
    "TextDelta",
    "TextFinished",
    "TextStarted",
    "ToolArguments",
    "ToolFinished",
    "ToolOutput",
    "ToolStarted",
    "ToolStatus",
    "UsageReported",
    "Verdict",
    "decode_event",
    "encode_event",
    "is_terminal",
)

Channel = Literal["plan_thought", "tool_thought", "reasoning", "answer", "summary", "report"]
TaskStatus = Literal["completed", "failed", "cancelled"]
ToolStatus = Literal["ok", "error", "denied", "cancelled"]
Verdict = Literal["once", "always", "refused", "timeout"]


class _Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind"):
    """What every event has; the channel fills in `seq`, `run_id` and `at` (seconds since the epoch)."""

    seq: int = 0
    run_id: str = ""
    task_id: str | None = None
    at: float = 0.0


class RunQueued(_Event, frozen=True, kw_only=True, tag="run_queued"):
    """A run waits for others to end; `place` is how many have to end before it begins."""

    place: int


class LogRestarted(_Event, frozen=True, kw_only=True, tag="log_restarted"):
    """The log begins anew: everything before is to be forgotten. Only a client's own log has it, after a snapshot."""


class RunStarted(_Event, frozen=True, kw_only=True, tag="run_started"):
    """A run began.

    Attributes:
        badge: What kind of model answers: `live: host`, `local`, `offline rules`, `scripted`.
        files: What was given with the question.
        tables: The DataFrames that were given with it; their names are those of variables, and no files'.
    """

    query: str
    agent: str
    model: str
    badge: str
    files: tuple[FileRef, ...] = ()
    tables: tuple[FileRef, ...] = ()


class StepStarted(_Event, frozen=True, kw_only=True, tag="step_started"):
    """An agent asks its model for the `step`-th time in its task."""

    step: int
    agent: str


class TextStarted(_Event, frozen=True, kw_only=True, tag="text_started"):
    """A text begins; `assignee` is who speaks."""

    message_id: str
    channel: Channel
    assignee: str


class TextDelta(_Event, frozen=True, kw_only=True, tag="text_delta"):
    """A text goes on."""

    message_id: str
    text: str


class TextFinished(_Event, frozen=True, kw_only=True, tag="text_finished"):
    """A text is complete: this is all of it."""

    message_id: str
    channel: Channel
    text: str


class PlanUpdated(_Event, frozen=True, kw_only=True, tag="plan_updated"):
    """The plan as it stands now, whole."""

    plan: Plan


class TaskStarted(_Event, frozen=True, kw_only=True, tag="task_started"):
    """A task begins; `step_id` is the plan's step that it works on."""

    title: str
    assignee: str
    step_id: str = ""


class TaskFinished(_Event, frozen=True, kw_only=True, tag="task_finished"):
    """A task ended; `summary` is what it found, or why it failed."""

    status: TaskStatus
    summary: str = ""


class ToolStarted(_Event, frozen=True, kw_only=True, tag="tool_started"):
    """A tool call begins; its arguments follow as fragments of one JSON text."""

    call_id: str
    tool: str
    assignee: str


class ToolArguments(_Event, frozen=True, kw_only=True, tag="tool_arguments"):
    """The next fragment of a call's arguments."""

    call_id: str
    fragment: str


class ApprovalRequested(_Event, frozen=True, kw_only=True, tag="approval_requested"):
    """A call waits until a person allows it.

    Attributes:
        arguments: JSON of exactly what would run.
        files: Files of the run that the arguments name.
        timeout_s: Seconds without an answer after which the call is refused.
    """

    call_id: str
    tool: str
    arguments: str
    files: tuple[str, ...] = ()
    timeout_s: float = 0.0


class ApprovalGiven(_Event, frozen=True, kw_only=True, tag="approval_given"):
    """What became of the question whether a call may run.

    Attributes:
        verdict: `once` and `always` allow it; `always` allows its tool for the rest of the run.
        by: Who said so: `person`, `client`, `clock` where nobody did, or `server` where nobody can be asked.
        reason: Why it was refused, in the person's words; told to the model.
        arguments: JSON of what runs instead, where the person changed it.
    """

    call_id: str
    verdict: Verdict
    by: str = "person"
    reason: str = ""
    arguments: str = ""


class ToolOutput(_Event, frozen=True, kw_only=True, tag="tool_output"):
    """The next part of what a tool call shows.

    Attributes:
        display: A name under which the part stands; it takes the place of the part that stands there by now.
        clears: Whether all goes that the call showed before, but for the code.
    """

    call_id: str
    part: Part
    display: str = ""
    clears: bool = False


class ToolFinished(_Event, frozen=True, kw_only=True, tag="tool_finished"):
    """A tool call ended; `output` is what the model is told."""

    call_id: str
    status: ToolStatus
    output: str = ""
    seconds: float = 0.0


class FileCreated(_Event, frozen=True, kw_only=True, tag="file_created"):
    """A file appeared in the run's folder, or changed there."""

    file: FileRef
    call_id: str | None = None


class ModelWaiting(_Event, frozen=True, kw_only=True, tag="model_waiting"):
    """The model cannot be asked for `seconds`; then comes try number `attempt`."""

    reason: str
    seconds: float
    attempt: int


class NoteAdded(_Event, frozen=True, kw_only=True, tag="note_added"):
    """Something the person should know that belongs to nobody's text, e.g. that a kernel was replaced."""

    text: str
    level: Literal["info", "warning"] = "info"


class UsageReported(_Event, frozen=True, kw_only=True, tag="usage_reported"):
    """What one model call counted, in tokens."""

    input_tokens: int
    output_tokens: int


class RunFinished(_Event, frozen=True, kw_only=True, tag="run_finished"):
    """The run did what it was asked; `files` are the deliverables."""

    output: str
    files: tuple[FileRef, ...] = ()


class RunFailed(_Event, frozen=True, kw_only=True, tag="run_failed"):
    """The run could not go on; `code` is an error's, `message` is for the person."""

    code: str
    message: str


class RunCancelled(_Event, frozen=True, kw_only=True, tag="run_cancelled"):
    """Somebody stopped the run."""

    reason: str


RunEvent = (
    LogRestarted
    | RunQueued
    | RunStarted
    | StepStarted
    | TextStarted
    | TextDelta
    | TextFinished
    | PlanUpdated
    | TaskStarted
    | TaskFinished
    | ToolStarted
    | ToolArguments
    | ApprovalRequested
    | ApprovalGiven
    | ToolOutput
    | ToolFinished
    | FileCreated
    | ModelWaiting
    | NoteAdded
    | UsageReported
    | RunFinished
    | RunFailed
    | RunCancelled
)
TERMINAL = (RunFinished, RunFailed, RunCancelled)


class _LinkEvent(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind"):
    """What every event of a connection has: when it happened, in seconds since the epoch."""

    at: float = 0.0


class LinkOpened(_LinkEvent, frozen=True, kw_only=True, tag="link_opened"):
    """A connection stands; `attempt` counts from 1, `resumed_after` is the id it was resumed with."""

    url: str
    attempt: int
    resumed_after: str = ""


class Heartbeat(_LinkEvent, frozen=True, kw_only=True, tag="heartbeat"):
    """The other side had nothing to say, and says so."""


class LinkLost(_LinkEvent, frozen=True, kw_only=True, tag="link_lost"):
    """A connection broke, or was never made; the next try comes in `retry_in_s`, or never."""

    reason: str
    retry_in_s: float | None


class LinkClosed(_LinkEvent, frozen=True, kw_only=True, tag="link_closed"):
    """A connection has done its work: the run's terminal event came through it."""


LinkEvent = LinkOpened | Heartbeat | LinkLost | LinkClosed
Event = RunEvent | LinkEvent

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[RunEvent] = msgspec.json.Decoder(RunEvent)


def is_terminal(event: RunEvent) -> bool:
    """Whether nothing may follow this event in its run."""
    return isinstance(event, TERMINAL)


def encode_event(event: RunEvent) -> bytes:
    """The event as one line of UTF-8 JSON, without the line's end."""
    return _encoder.encode(event)


def decode_event(line: bytes | str) -> RunEvent:
    """The event in one line of JSON.

    Raises:
        WireError: The line is no JSON, or no event that this version knows.
    """
    try:
        return _decoder.decode(line)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise WireError(f"This line is no event that this version of genie_nb knows: {error}.") from error
