"""What a client of `offer` is told: while a call is at work, and of a cell that has ended.

Above: `offer`. Below: `events`, `parts`. Knows `mcp`, its server side.
"""

import base64
import re
import warnings
from collections.abc import Iterable
from typing import Any

import mcp.types as mt

from genie_nb import events as ev
from genie_nb.backend.interpreter.base import CellFinished
from genie_nb.backend.models.sections import cut_middle
from genie_nb.backend.tools.code_interpreter import missing_font
from genie_nb.backend.tools.returned import table_text
from genie_nb.parts import DocumentPart, ErrorPart, ImagePart, Part, StreamPart, TablePart
from genie_nb.printed import plain

__all__ = ("Teller", "told_cell")

TOLD_CHARACTERS = 50_000
MOST_LINES = 500
"""So many lines of a call's log are told."""


class Teller:
    """Tells one call's client what is going on: progress that only grows, and log messages."""

    def __init__(self, ctx: Any) -> None:
        self._ctx = ctx
        self._done = self._lines = 0
        self._steps = self._last = ""

    async def hear(self, event: ev.RunEvent) -> None:
        """An event of the run."""
        match event:
            case ev.PlanUpdated():
                steps = event.plan.steps
                ended = sum(step.status in ("completed", "dropped", "blocked") for step in steps)
                self._steps = f"step {min(ended + 1, len(steps))} of {len(steps)}: "
            case ev.RunQueued():
                await self.progress(f"waiting behind {event.place} other runs")
            case ev.TaskStarted():
                await self.progress(event.title)
                await self.log(event.title)
            case ev.ToolStarted():
                await self.progress(f"calls {event.tool}")
            case ev.ModelWaiting():
                await self.log(f"The model cannot be asked for {event.seconds:.0f} s: {event.reason}", "warning")
            case ev.NoteAdded():
                await self.log(event.text, event.level)
            case _:
                pass

    async def progress(self, message: str) -> None:
        """Something went on; nothing is sent to a client that did not ask for it."""
        told = self._steps + message
        if told != self._last:
            self._done += 1
            self._last = told
            await self._ctx.session.report_progress(self._done, None, told)

    async def log(self, text: str, level: mt.LoggingLevel = "info") -> None:
        """A line for people, on the stream of this call."""
        self._lines += 1
        if not text or self._lines > MOST_LINES:
            return
        with warnings.catch_warnings():  # clients of today show it; the next protocol has another way
            warnings.simplefilter("ignore")
            sending = self._ctx.session.send_log_message(level, text, "genie_nb", self._ctx.request_id)
        await sending


def told_cell(parts: Iterable[Part | mt.ResourceLink], end: CellFinished) -> list[mt.ContentBlock]:
    """What a cell showed, as contents: texts joined, charts as images or as links to files."""
    contents, texts = list[mt.ContentBlock](), list[str]()
    for part in parts:
        match part:
            case ImagePart(media_type="image/png" | "image/jpeg"):
                _flush(texts, contents)
                picture = base64.b64encode(part.content).decode()
                contents.append(mt.ImageContent(type="image", data=picture, mime_type=part.media_type))
            case mt.ResourceLink():
                _flush(texts, contents)
                contents.append(part)
            case _:
                texts.append(_text(part))
    if end.message:
        texts.append(f"\n{end.message}")
    if sentence := missing_font(end.unshown, "en"):
        texts.append(f"\n{sentence}")
    _flush(texts, contents)
    return contents or [mt.TextContent(type="text", text="(the cell showed nothing)")]


def _flush(texts: list[str], contents: list[mt.ContentBlock]) -> None:
    text = "".join(texts).strip("\n")
    texts.clear()
    if text:
        contents.append(mt.TextContent(type="text", text=cut_middle(text, TOLD_CHARACTERS)))


def _text(part: Part) -> str:
    match part:
        case StreamPart():
            return plain(part.text)
        case TablePart():
            return f"\n{table_text(part)}\n"
        case DocumentPart(media_type="text/html"):
            return f"\n{re.sub(r'<[^<>]*>', ' ', part.text[: 4 * TOLD_CHARACTERS])}\n"
        case DocumentPart():
            return f"\n{part.text}\n"
        case ErrorPart():
            return f"\n{part.traceback or f'{part.name}: {part.message}'}\n"
        case _:
            return ""
