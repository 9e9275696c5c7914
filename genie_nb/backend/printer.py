"""The printer: an agent's only pen.

It stamps what an agent says with the task that it belongs to, folds it into the run's transcript, writes it into the run's
channel, and refuses everything after the end. Because it knows what is open, it can close it before the end.

Above: everything that speaks. Below: `channel`, `transcript`.
"""

import itertools
from collections.abc import Iterator

import msgspec

from genie_nb import events as ev
from genie_nb.backend.channel import EventChannel
from genie_nb.errors import PrinterClosed
from genie_nb.parts import readable
from genie_nb.transcript import Transcript, apply

__all__ = ("Printer", "TextWriter")


class Printer:
    """Writes the events of one run; lives on the backend's loop."""

    def __init__(self, channel: EventChannel, transcript: Transcript) -> None:
        self.channel = channel
        self.transcript = transcript
        self.task_id: str | None = None
        self.assignee = ""
        self._numbers: Iterator[int] = itertools.count(1)

    def for_task(self, task_id: str | None, assignee: str) -> "Printer":
        """The same pen in the hand of whoever works on a task."""
        printer = Printer(self.channel, self.transcript)
        printer.task_id, printer.assignee, printer._numbers = task_id, assignee, self._numbers
        return printer

    def new_id(self, prefix: str) -> str:
        """An id that is new in this run, e.g. `m7`; the same run gets the same ids again."""
        return f"{prefix}{next(self._numbers)}"

    def emit(self, event: ev.RunEvent) -> None:
        """Print an event; when a reader sees it, it is in the transcript already.

        Raises:
            PrinterClosed: The run has ended.
            WireError: It speaks of something that never started; it is not printed.
        """
        if self.channel.ended:
            raise PrinterClosed(f"The run has ended; {type(event).__name__} came too late.")
        if event.task_id is None and self.task_id is not None:
            event = msgspec.structs.replace(event, task_id=self.task_id)
        self.channel.append(event, first=lambda logged: apply(self.transcript, logged))

    def text(self, channel: ev.Channel | None) -> "TextWriter":
        """A pen for one text; the text begins with its first words. Without a channel nothing of it is printed."""
        return TextWriter(self, channel)

    def note(self, text: str, *, warning: bool = False) -> None:
        """Tell the person something that is nobody's text."""
        self.emit(ev.NoteAdded(text=text, level="warning" if warning else "info"))

    def close_open(self, reason: str) -> None:
        """Close every open text, tool call and task, so that no reader waits for their end.

        Args:
            reason: What the model or the person is told of calls and tasks that did not end by themselves.
        """
        for task_id, message in list(self.transcript.open_messages()):
            self.emit(
                ev.TextFinished(task_id=task_id, message_id=message.message_id, channel=message.channel, text=message.text)
            )
        for task_id, call in list(self.transcript.open_calls()):
            self.emit(ev.ToolFinished(task_id=task_id, call_id=call.call_id, status="cancelled", output=reason))
        for task in list(self.transcript.open_tasks()):
            self.emit(ev.TaskFinished(task_id=task.task_id, status="cancelled", summary=reason))


class TextWriter:
    """One text of somebody: started at the first words, finished once."""

    def __init__(self, printer: Printer, channel: ev.Channel | None) -> None:
        self._printer = printer
        self._channel = channel
        self._message_id = ""
        self._chunks: list[str] = []

    @property
    def text(self) -> str:
        """All words so far."""
        return "".join(self._chunks)

    def write(self, text: str) -> None:
        """Go on with the text."""
        if not text:
            return
        text = readable(text)
        self._chunks.append(text)
        if self._channel is None:
            return
        if not self._message_id:
            self._message_id = self._printer.new_id("m")
            self._printer.emit(
                ev.TextStarted(message_id=self._message_id, channel=self._channel, assignee=self._printer.assignee)
            )
        self._printer.emit(ev.TextDelta(message_id=self._message_id, text=text))

    def finish(self, channel: ev.Channel | None = None) -> None:
        """End the text; `channel` says what it turned out to be. Without words nothing is printed."""
        if self._message_id and self._channel is not None:
            self._printer.emit(
                ev.TextFinished(message_id=self._message_id, channel=channel or self._channel, text=self.text)
            )
