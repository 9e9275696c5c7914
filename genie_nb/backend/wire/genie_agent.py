"""JDGenie's `/AutoAgent` dialect: a run's events as AgentResponse objects, framed `data:<json>` without a space.

JDGenie's own reader cuts five characters off a line, so a space after the colon would break its heartbeat.
`CARRIED` says what becomes of each kind of event; `Responses` does it, and `genie_web` uses it too, in-process (# B21).

Above: `server`, `genie_web`. Below: `genie_calls`, `log.entry`, `events`, `parts`.
"""

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from genie_nb import events as ev
from genie_nb.backend.log.entry import Entry
from genie_nb.backend.wire.genie_calls import FileUrl, JsonObject, Message, ToolCalls, file_item, one_line
from genie_nb.parts import FileRef, Plan

__all__ = ("CARRIED", "CUT_SHORT", "PLAN_SOLVE", "REACT", "AgentCoat", "Carried", "Responses")

PLAN_SOLVE, REACT = 3, 5
CUT_SHORT = "The server closed the connection before the end of the run ({reason})."
_THOUGHTS = {"plan_thought": "planThought", "tool_thought": "toolThought"}


class Carried(NamedTuple):
    """What a dialect does with a kind of event, and where it ends up."""

    how: Literal["carried", "folded", "left out"]
    to: str


CARRIED: dict[str, Carried] = {
    "log_restarted": Carried("left out", "only a client's own log has it"),
    "run_queued": Carried("left out", "JDGenie has no word for it"),
    "run_started": Carried("left out", "the reader sent the query itself"),
    "step_started": Carried("left out", "JDGenie has no word for it"),
    "text_started": Carried("folded", "the message of its deltas"),
    "text_delta": Carried("carried", "plan_thought, tool_thought, markdown; answer and summary wait for the result"),
    "text_finished": Carried("carried", "the same message, with the whole text and isFinal"),
    "plan_updated": Carried("carried", "plan"),
    "task_started": Carried("carried", "task"),
    "task_finished": Carried("carried", "task_summary"),
    "tool_started": Carried("folded", "the messages of the call"),
    "tool_arguments": Carried("folded", "toolParam, or the query of a search"),
    "approval_requested": Carried("left out", "JDGenie asks nobody, so the call is refused"),
    "approval_given": Carried("left out", "JDGenie asks nobody; the call's end says if it was refused"),
    "tool_output": Carried("carried", "code, deep_search, html, markdown, ppt; of other tools only the end is told"),
    "tool_finished": Carried("carried", "tool_result, or the last message of code, deep_search, html, markdown, ppt"),
    "file_created": Carried("carried", "file, and fileInfo of its call"),
    "model_waiting": Carried("left out", "JDGenie has no word for it"),
    "note_added": Carried("left out", "JDGenie has no word for it"),
    "usage_reported": Carried("left out", "JDGenie counts no tokens"),
    "run_finished": Carried("carried", "result"),
    "run_failed": Carried("carried", "result with the error's text"),
    "run_cancelled": Carried("carried", "result with the reason"),
}


class AgentCoat:
    """A connection to `/AutoAgent`; every event leaves at once."""

    heartbeat = b"data:heartbeat\n\n"
    due: float | None = None

    def __init__(self, request_id: str, agent_type: int, file_url: FileUrl) -> None:
        self._responses = Responses(request_id, agent_type, file_url)

    def write(self, entries: Sequence[Entry]) -> bytes:
        """The messages of these entries."""
        return b"".join(_framed(self._responses.take(entry.event)) for entry in entries)

    def flush(self) -> bytes:
        """Nothing is ever held."""
        return b""

    def last_words(self, reason: str | None) -> bytes:
        """A result with the reason, if the run's own never came (# S8)."""
        return _framed(self._responses.failure(CUT_SHORT.format(reason=reason or "no reason was given")))


class Responses:
    """Turns the events of one run into AgentResponse objects.

    `ext.taskId` names the task, so that nobody has to guess it from the order (# B14).

    Attributes:
        finished: Whether the result was given; nothing follows it.
    """

    def __init__(self, request_id: str, agent_type: int, file_url: FileUrl) -> None:
        self.finished = False
        self._request_id = request_id
        self._agent_type = agent_type
        self._file_url = file_url
        self._texts: dict[str, ev.TextStarted] = {}
        self._calls = ToolCalls()
        self._count = 0
        self._event: ev.RunEvent = ev.LogRestarted()

    def take(self, event: ev.RunEvent) -> list[JsonObject]:
        """What is to be said of this event, in order."""
        if self.finished:
            return []
        self._event = event
        match event:
            case ev.TextStarted() | ev.TextDelta() | ev.TextFinished():
                return self._text(event)
            case ev.ToolStarted() | ev.ToolArguments() | ev.ToolOutput() | ev.ToolFinished():
                who = event.assignee if isinstance(event, ev.ToolStarted) else self._calls.assignee(event.call_id)
                return [self._tool_message(message, who) for message in self._calls.take(event)]
            case ev.FileCreated():
                item = file_item(event.file, self._file_url(event.run_id, event.file))
                self._calls.add_file(event.call_id, item)
                return [self._response("file", resultMap=self._typed(command="写入文件", fileInfo=[item]))]
            case ev.PlanUpdated():
                return [self._response("plan", plan=_plan(event.plan))]
            case ev.TaskStarted():
                return [self._response("task", task=event.title, digitalEmployee=event.assignee)]
            case ev.TaskFinished():
                summary: JsonObject = {"taskSummary": event.summary, "fileList": []}
                return [self._response("task_summary", taskSummary=event.summary, resultMap=summary)]
            case ev.RunFinished():
                return self._result(event.output, event.files)
            case ev.RunFailed():
                return self._result(event.message or f"The run failed: {event.code}.")
            case ev.RunCancelled():
                return self._result(event.reason or "The run was cancelled.")
        return []

    def failure(self, text: str) -> list[JsonObject]:
        """A result with this text, unless the run's own was given."""
        return [] if self.finished else self._result(text)

    def _text(self, event: ev.TextStarted | ev.TextDelta | ev.TextFinished) -> list[JsonObject]:
        if isinstance(event, ev.TextStarted):
            self._texts[event.message_id] = event
            return []
        started, final = self._texts[event.message_id], isinstance(event, ev.TextFinished)
        if started.channel == "report":
            return self._report_text(event.message_id, event.text, final=final)
        channel: ev.Channel = started.channel
        if isinstance(event, ev.TextFinished) and channel not in _THOUGHTS:
            channel = event.channel  # it may have changed; but what was begun as a thought must also end as one
        return self._thought(started, channel, event.text, final=final)

    def _thought(self, started: ev.TextStarted, channel: str, text: str, *, final: bool) -> list[JsonObject]:
        """A thought; all other texts are answers, which the result tells, or reasoning, which has no place."""
        if channel not in _THOUGHTS:
            return []
        fields = {_THOUGHTS[channel]: text, "digitalEmployee": started.assignee}
        return [self._response(channel, started.message_id, isFinal=final, **fields)]

    def _report_text(self, message_id: str, text: str, *, final: bool) -> list[JsonObject]:
        """A piece of a report; while the tool for it runs, it is a piece of that call's document."""
        messages = self._calls.take_report(self._event.task_id, text, final=final)
        if messages is not None:
            return [self._tool_message(message, None) for message in messages]
        content = {"data": text, "isFinal": final} | ({"fileInfo": []} if final else {})
        return [self._response("markdown", message_id, isFinal=final, resultMap=self._typed(**content))]

    def _tool_message(self, message: Message, assignee: str | None) -> JsonObject:
        fields: JsonObject = {"digitalEmployee": assignee, "isFinal": message.final}
        if message.type == "tool_result":
            return self._response("tool_result", toolResult=message.content, **fields)
        return self._response(message.type, message.id, resultMap=self._typed(**message.content), **fields)

    def _result(self, text: str, files: tuple[FileRef, ...] = ()) -> list[JsonObject]:
        self.finished = True
        listed = [file_item(file, self._file_url(self._event.run_id, file)) for file in files]
        return [self._response("result", result=text, resultMap=self._typed(taskSummary=text, fileList=listed))]

    def _typed(self, **content: object) -> JsonObject:
        return {"agentType": self._agent_type, **content}

    def _response(self, message_type: str, message_id: str = "", **filled: object) -> JsonObject:
        self._count += 1
        return {
            "requestId": self._request_id,
            "messageId": message_id or f"{self._request_id}:{self._count}",
            "isFinal": True,
            "messageType": message_type,
            "digitalEmployee": None,
            "messageTime": str(int(self._event.at * 1000)),  # the page throws at a number
            "planThought": None,
            "plan": None,
            "task": None,
            "taskSummary": None,
            "toolThought": None,
            "toolResult": None,
            "resultMap": self._typed(),
            "result": None,
            "finish": message_type == "result",
            "ext": {"taskId": self._event.task_id} if self._event.task_id else None,
            **filled,
        }


def _plan(plan: Plan) -> JsonObject:
    """The plan as lists of equal length; dropped steps are left out, and the page wants a stage for each."""
    steps = [step for step in plan.steps if step.status != "dropped"]
    return {
        "title": plan.title,
        "stages": [step.stage or step.title for step in steps],
        "steps": [step.title for step in steps],
        "stepStatus": [step.status for step in steps],
        "notes": [step.note for step in steps],
    }


def _framed(responses: Iterable[JsonObject]) -> bytes:
    return b"".join(b"data:" + one_line(response) + b"\n\n" for response in responses)
