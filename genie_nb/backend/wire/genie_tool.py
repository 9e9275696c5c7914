"""JDGenie's tool service: the dialects of code_interpreter, report and deepsearch, framed `data: <json>` with a space.

Its readers cut six characters off a line and skip any line without the space. `[DONE]` ends every stream, failed ones too:
JDGenie's own just stops there (# T9). Reports and answers leave as the reader's stream mode says, with a deadline (# T12).

Above: `server`. Below: `genie_calls`, `genie_agent` (its table's words), `stream_modes`, `log.entry`.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

import msgspec

from genie_nb import events as ev
from genie_nb.backend.log.entry import Entry
from genie_nb.backend.stream_modes import Group, StreamMode, TextJoiner
from genie_nb.backend.wire.genie_agent import CUT_SHORT, Carried
from genie_nb.backend.wire.genie_calls import FileUrl, JsonObject, ToolCalls, file_item, one_line
from genie_nb.parts import CodePart, FileRef

__all__ = ("CODE_CARRIED", "REPORT_CARRIED", "SEARCH_CARRIED", "CodeCoat", "ReportCoat", "SearchCoat", "ToolCoat")

DONE = b"data: [DONE]\r\n\r\n"
GENERAL = StreamMode()

_ENDS: dict[str, Carried] = {
    "run_finished": Carried("carried", "the final message"),
    "run_failed": Carried("carried", "the final message, with `error`"),
    "run_cancelled": Carried("carried", "the final message, with `error`"),
}
_TEXTS: dict[str, Carried] = {
    "text_started": Carried("folded", "its channel says whether its deltas are carried"),
    "text_delta": Carried("carried", "a piece, joined with its neighbours as the stream mode says"),
    "text_finished": Carried("folded", "the final message's whole text"),
}
_UNSAID = {
    tag: Carried("left out", "the service tells only of its one tool")
    for tag in (
        *("log_restarted", "run_queued", "run_started", "step_started", "text_started", "text_delta", "text_finished"),
        *("plan_updated", "task_started", "task_finished", "tool_started", "tool_arguments", "tool_output"),
        *(
            "approval_requested",
            "approval_given",
            "tool_finished",
            "file_created",
            "model_waiting",
            "note_added",
            "usage_reported",
        ),
    )
}
_FILES = {"file_created": Carried("folded", "fileInfo of the final message")}
CODE_CARRIED = _UNSAID | _ENDS | _FILES | {"tool_output": Carried("carried", "code; the output waits for the final message")}
_TOOL = {
    "tool_started": Carried("folded", "the messages of the call"),
    "tool_arguments": Carried("folded", "the messages of the call"),
}
REPORT_CARRIED = (
    _UNSAID | _ENDS | _FILES | _TEXTS | _TOOL | {"tool_output": Carried("carried", "a piece, if it is the report tool's")}
)
SEARCH_CARRIED = (
    _UNSAID
    | _ENDS
    | _TEXTS
    | _TOOL
    | {
        "text_finished": Carried("folded", "the deltas said it already (# B18)"),
        "tool_output": Carried("carried", "extend, search, report"),
        "tool_finished": Carried("carried", "extend, if nothing was said of the search before"),
    }
)


class ToolCoat(ABC):
    """A connection to one tool of the service: its framing, its stream mode and its end; what is said is a subclass's."""

    heartbeat = b"data: heartbeat\r\n\r\n"

    def __init__(
        self,
        request_id: str,
        file_url: FileUrl,
        *,
        mode: StreamMode = GENERAL,
        clock: Callable[[], float] = time.monotonic,
        notes: Sequence[str] = (),
    ) -> None:
        """A connection that nothing was sent over yet.

        Args:
            request_id: The client's own name for what it asked.
            file_url: Where a file of the run can be had.
            mode: How pieces of texts are joined.
            clock: Seconds, of any origin.
            notes: What the reader must know of the request itself; stands in the last message, as `note`.
        """
        self._request_id = request_id
        self._notes = " ".join(notes)
        self._file_url = file_url
        self._joiner = TextJoiner(mode, clock)
        self._files: dict[str, JsonObject] = {}
        self._ended = False

    @property
    def due(self) -> float | None:
        """When held text must leave, on the clock (# T12)."""
        return self._joiner.due

    def write(self, entries: Sequence[Entry]) -> bytes:
        """What is sent of these entries."""
        return b"".join(map(self._written, entries))

    def flush(self) -> bytes:
        """The pieces that were held."""
        return b"".join(map(self._group, self._joiner.flush()))

    def last_words(self, reason: str | None) -> bytes:
        """What was held; then an error and `[DONE]`, if the run's own end never came (# T9)."""
        return self.flush() + self._end(self._failed(CUT_SHORT.format(reason=reason or "no reason was given")))

    def _written(self, entry: Entry) -> bytes:
        self._note(entry.event)
        # The joiner counts pieces: it must see those that are sent, and no others.
        if entry.joins and not self._sends(entry.event):
            return b""
        return b"".join(map(self._group, self._joiner.take([entry])))

    def _note(self, event: ev.RunEvent) -> None:
        """Remember what later messages need."""
        if isinstance(event, ev.FileCreated):
            self._files[event.file.name] = self._item(event.run_id, event.file)

    def _sends(self, event: ev.RunEvent) -> bool:
        """Whether this piece of a text is sent."""
        return False

    @abstractmethod
    def _message(self, event: ev.RunEvent) -> list[JsonObject]:
        """The messages for an event that is not the run's end; pieces of texts come joined."""

    @abstractmethod
    def _final(self, output: str, files: list[JsonObject]) -> list[JsonObject]:
        """The last messages of a run that went well."""

    @abstractmethod
    def _failed(self, text: str) -> list[JsonObject]:
        """The last message of a run that did not."""

    def _group(self, group: Group) -> bytes:
        event = group[0].event
        match event:
            case ev.TextDelta():
                pieces = [entry.event.text for entry in group if isinstance(entry.event, ev.TextDelta)]
                event = msgspec.structs.replace(event, text="".join(pieces))
            case ev.RunFinished():
                listed = [self._item(event.run_id, file) for file in event.files] or list(self._files.values())
                return self._end(self._final(event.output, listed))
            case ev.RunFailed():
                return self._end(self._failed(event.message or f"The run failed: {event.code}."))
            case ev.RunCancelled():
                return self._end(self._failed(event.reason or "The run was cancelled."))
        return self._framed(self._message(event))

    def _item(self, run_id: str, file: FileRef) -> JsonObject:
        return file_item(file, self._file_url(run_id, file))

    def _framed(self, messages: list[JsonObject]) -> bytes:
        named = ({"requestId": self._request_id, **message} for message in messages)
        return b"" if self._ended else b"".join(b"data: %b\r\n\r\n" % one_line(message) for message in named)

    def _end(self, messages: list[JsonObject]) -> bytes:
        if self._ended:
            return b""
        frames = self._framed([*messages[:-1], messages[-1] | {"note": self._notes}] if self._notes else messages)
        self._ended = True
        return frames + DONE


class CodeCoat(ToolCoat):
    """A connection to `/v1/tool/code_interpreter`; a stream mode has no effect, as in JDGenie."""

    def _message(self, event: ev.RunEvent) -> list[JsonObject]:
        if isinstance(event, ev.ToolOutput) and isinstance(event.part, CodePart):
            return [{"code": event.part.code, "fileInfo": [], "isFinal": False}]
        return []

    def _final(self, output: str, files: list[JsonObject]) -> list[JsonObject]:
        # JDGenie's backend tells its model this text and nothing else.
        told = f"{self._notes}\n\n{output}" if self._notes else output
        return [{"codeOutput": told, "fileInfo": files, "isFinal": True}]

    def _failed(self, text: str) -> list[JsonObject]:
        return [{"codeOutput": text, "error": text, "fileInfo": [], "isFinal": True}]


class _TextCoat(ToolCoat):
    """Sends what the tool shows and writes; the agent's answer only while the tool itself has said nothing."""

    tool_types: tuple[str, ...]
    """The types of the tool's own messages."""

    def __init__(
        self,
        request_id: str,
        file_url: FileUrl,
        *,
        mode: StreamMode = GENERAL,
        clock: Callable[[], float] = time.monotonic,
        notes: Sequence[str] = (),
    ) -> None:
        super().__init__(request_id, file_url, mode=mode, clock=clock, notes=notes)
        self._channels: dict[str, ev.Channel] = {}
        self._calls = ToolCalls()
        self._reported = False

    def _note(self, event: ev.RunEvent) -> None:
        super()._note(event)
        match event:
            case ev.TextStarted():
                self._channels[event.message_id] = event.channel
                self._reported = self._reported or event.channel == "report"
            case ev.ToolStarted() | ev.ToolArguments():
                self._calls.take(event)

    def _sends(self, event: ev.RunEvent) -> bool:
        if not isinstance(event, ev.TextDelta):
            return False
        channel = self._channels[event.message_id]
        return channel == "report" or (channel == "answer" and not self._reported)

    def _message(self, event: ev.RunEvent) -> list[JsonObject]:
        match event:
            case ev.TextDelta():
                return [self._piece(event.text)]
            case ev.ToolOutput() | ev.ToolFinished():
                said = [message.content for message in self._calls.take(event) if message.type in self.tool_types]
                return self._shown(said, ended=isinstance(event, ev.ToolFinished))
        return []

    @abstractmethod
    def _piece(self, text: str) -> JsonObject:
        """The message for the next piece of text."""

    @abstractmethod
    def _shown(self, said: list[JsonObject], *, ended: bool) -> list[JsonObject]:
        """What is sent of the bodies in which a call of the tool shows something, or ends; the run goes on after it."""


class ReportCoat(_TextCoat):
    """A connection to `/v1/tool/report`."""

    tool_types = ("html", "markdown", "ppt")
    _whole = ""

    def _note(self, event: ev.RunEvent) -> None:
        super()._note(event)
        if isinstance(event, ev.TextFinished) and self._channels[event.message_id] == "report":
            self._whole = event.text

    def _piece(self, text: str) -> JsonObject:
        return {"data": text, "isFinal": False}

    def _shown(self, said: list[JsonObject], *, ended: bool) -> list[JsonObject]:
        if ended:
            return []
        self._whole += "".join(body["data"] for body in said)
        self._reported = self._reported or bool(said)
        return said

    def _final(self, output: str, files: list[JsonObject]) -> list[JsonObject]:
        return [{"data": self._whole or output, "fileInfo": files, "isFinal": True}]

    def _failed(self, text: str) -> list[JsonObject]:
        return [{"data": text, "error": text, "fileInfo": [], "isFinal": True}]


class SearchCoat(_TextCoat):
    """A connection to `/v1/tool/deepsearch`; unlike JDGenie's, it heeds the stream mode (# T8).

    Attributes:
        query: What was asked; stands in each message.
    """

    tool_types = ("deep_search",)
    _answered = False

    def __init__(
        self,
        request_id: str,
        file_url: FileUrl,
        *,
        query: str,
        mode: StreamMode = GENERAL,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(request_id, file_url, mode=mode, clock=clock)
        self.query = query

    def _piece(self, text: str) -> JsonObject:
        self._answered = True
        return self._report(text, final=False)

    def _shown(self, said: list[JsonObject], *, ended: bool) -> list[JsonObject]:
        sent = [body for body in said if not (ended and body["messageType"] == "report")]
        if any(body["messageType"] == "report" for body in sent):
            self._answered = self._reported = True
        return sent

    def _final(self, output: str, files: list[JsonObject]) -> list[JsonObject]:
        rest = [] if self._answered else [self._report(output, final=False)]
        return [*rest, self._report("", final=True)]  # B18

    def _failed(self, text: str) -> list[JsonObject]:
        return [self._report(text, final=True) | {"error": text}]

    def _report(self, answer: str, *, final: bool) -> JsonObject:
        found: JsonObject = {"query": [], "docs": []}
        asked = {"query": self.query, "searchResult": found, "messageType": "report"}
        return {**asked, "answer": answer, "isFinal": final}
