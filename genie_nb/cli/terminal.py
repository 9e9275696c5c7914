"""A run in a terminal: its events as they come, for people at a prompt.

The work is told in short, the answer in full: it comes last, and once. All is in the notebook's view and in `--events`.

Above: `cli`. Below: `events`, `cjk_emphasis`, `controls`.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from typing import Any

import msgspec
from markdown_it import MarkdownIt
from rich.console import Console
from rich.live import Live
from rich.markdown import Markdown
from rich.syntax import Syntax
from rich.text import Text

from genie_nb import events as ev
from genie_nb.cjk_emphasis import cjk_friendly
from genie_nb.controls import show_controls, show_line, symbol_of
from genie_nb.parts import (
    CodePart,
    DocumentPart,
    ErrorPart,
    ImagePart,
    Part,
    Plan,
    ProgressPart,
    SearchPart,
    StreamPart,
    TablePart,
)
from genie_nb.printed import plain
from genie_nb.shown import Shown

__all__ = ("follow",)

_OBEYED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_MARKS = {"not_started": "○", "in_progress": "◐", "completed": "●", "blocked": "✕", "dropped": "–"}
LINES = 6
"""So many lines of code, or of what a tool printed, are shown."""
_parser = cjk_friendly(MarkdownIt().enable("strikethrough").enable("table"))


async def follow(events: AsyncIterator[ev.RunEvent], console: Console | None = None) -> None:
    """Print a run until its end; the answer streams, and everything else appears when it is whole."""
    screen = _Screen(console or Console(highlight=False))
    try:
        async for event in events:
            screen.show(_harmless(event))
    except asyncio.CancelledError:  # Ctrl-C
        screen.end_answer()
        screen.say("Stopped.", "yellow")
        raise
    finally:
        screen.end_answer()


class _Screen:
    """Prints events; what parallel tasks say is never mixed, and a task is named again where another one broke in."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._plan: Plan | None = None
        self._answers: dict[str, list[str]] = {}
        self._printed: dict[str, Shown] = {}
        self._said: set[str] = set()
        self._live: Live | None = None
        self._tasks: dict[str, str] = {}
        self._under: str | None = None

    def show(self, event: ev.RunEvent) -> None:
        """Print an event, under the heading of its task."""
        self._head(event)
        match event:
            case ev.RunQueued():
                self.say(f"  queued: {event.place} before it", "dim")
            case ev.RunStarted():
                self.say(" · ".join(filter(None, (event.agent, event.model, event.badge))), "dim")
            case ev.PlanUpdated():
                self._show_plan(event.plan)
            case ev.TextStarted() | ev.TextDelta() | ev.TextFinished():
                self._show_text(event)
            case ev.ToolOutput() | ev.ToolFinished():
                self._show_tool(event)
            case ev.ApprovalRequested():
                self.say(f"  {show_line(event.tool)} wants to run:", "yellow")
                self._console.print(Text(_wanted(event.arguments)))
            case ev.FileCreated():
                self.say(f"  file: {show_line(event.file.name)} ({event.file.size:,} bytes)", "green")
            case ev.ModelWaiting():
                when = f" in {event.seconds:.0f} s" if event.seconds >= 1 else ""
                self.say(f"  {event.reason}; next try{when}", "yellow")
            case ev.NoteAdded():
                self.say(f"  {event.text}", "yellow" if event.level == "warning" else "dim")
            case ev.RunFinished() | ev.RunFailed() | ev.RunCancelled():
                self._show_end(event)
            case _:
                return

    def _head(self, event: ev.RunEvent) -> None:
        """Name the task that an event belongs to, if what stands above on the screen belongs to another."""
        if isinstance(event, ev.TaskStarted):
            self._tasks[event.task_id or ""] = f"▸ {event.title}  ({event.assignee})"
        elif not self._prints(event) or event.task_id == self._under:
            return
        self._under = event.task_id
        if event.task_id in self._tasks:
            self.say(f"\n{self._tasks[event.task_id]}", "bold")

    def _prints(self, event: ev.RunEvent) -> bool:
        """Whether something of a task appears on the screen when this event comes."""
        match event:
            case ev.ToolOutput(part=StreamPart()):
                return False  # it is gathered
            case ev.ToolOutput(part=SearchPart() | ProgressPart()):
                return event.call_id in self._printed
            case ev.ToolFinished():
                return event.status == "denied" or event.call_id in self._printed
            case ev.TextFinished():
                return bool(event.text.strip())
            case ev.ToolOutput() | ev.ApprovalRequested() | ev.FileCreated() | ev.NoteAdded() | ev.ModelWaiting():
                return True
            case _:
                return False

    def _show_end(self, event: ev.RunFinished | ev.RunFailed | ev.RunCancelled) -> None:
        match event:
            case ev.RunFinished():
                if event.output.strip() not in self._said | {""}:
                    self._show_answer(event.output)
            case ev.RunFailed():
                self.say(event.message, "red")
            case ev.RunCancelled():
                self.say(event.reason, "yellow")

    def say(self, words: str, style: str) -> None:
        """Print some words."""
        self._console.print(Text(words, style=style))

    def _show_plan(self, plan: Plan) -> None:
        if self._plan is None:
            for step in plan.steps:
                self._console.print(Text(f"  {_MARKS[step.status]} {step.title}"))
        self._plan = plan if plan.steps else None

    def _show_text(self, event: ev.TextStarted | ev.TextDelta | ev.TextFinished) -> None:
        match event:
            case ev.TextStarted(channel="answer"):
                self._answers[event.message_id] = []
                self._console.rule(style="dim")
                self._live = Live(console=self._console, auto_refresh=False, vertical_overflow="visible")
                self._live.start()
            case ev.TextDelta() if self._live and event.message_id in self._answers:
                self._answers[event.message_id].append(event.text)
                self._live.update(_markdown("".join(self._answers[event.message_id])), refresh=self._console.is_terminal)
            case ev.TextFinished() if event.message_id in self._answers:
                self._said.add(event.text.strip())
                self.end_answer()
            case ev.TextFinished(channel="answer", task_id=None):
                self._show_answer(event.text)
            case ev.TextFinished(channel="summary"):
                self._show_lines(event.text.strip().partition("\n\n")[0], "dim", mark="✓ ")
            case ev.TextFinished() if event.text.strip():
                self._console.print(_markdown(event.text, "dim"))
            case _:
                return

    def _show_answer(self, text: str) -> None:
        self._said.add(text.strip())
        self._console.rule(style="dim")
        self._console.print(_markdown(text))

    def end_answer(self) -> None:
        """Leave the answer as it stands on the screen."""
        if self._live is not None:
            self._live.stop()
            self._live = None
            self._console.print()

    def _show_tool(self, event: ev.ToolOutput | ev.ToolFinished) -> None:
        """A part of what a tool shows; what it prints is gathered until something else comes."""
        if isinstance(event, ev.ToolOutput) and event.clears:
            self._printed.pop(event.call_id, None)
        if isinstance(event, ev.ToolOutput) and isinstance(event.part, StreamPart):
            self._printed.setdefault(event.call_id, Shown()).add(event.part, display=event.display)
            return
        parts = self._printed.pop(event.call_id, Shown()).parts
        printed = _disarmed("".join(plain(part.text) for part in parts if isinstance(part, StreamPart))).strip("\n")
        if printed:
            self._show_lines(printed, "dim")
        if isinstance(event, ev.ToolOutput):
            self._show_part(event.part)
        elif event.status == "denied":
            self.say(f"  {event.output}", "yellow")

    def _show_lines(self, text: str, style: str, mark: str = "") -> None:
        """The first lines, each cut to the screen."""
        shown, rest = _folded(text)
        for number, line in enumerate(shown.split("\n")):
            words = f"  {mark if number == 0 else ''}{line}"
            self._console.print(Text(words, style=style), no_wrap=True, overflow="ellipsis", crop=True)
        if rest:
            self.say(rest, "dim")

    def _show_part(self, part: Part) -> None:
        match part:
            case CodePart():
                shown, rest = _folded(show_controls(part.code.strip("\n")))
                self._console.print(Syntax(shown, part.language, theme="ansi_dark", background_color="default"))
                if rest:
                    self.say(rest, "dim")
            case TablePart():
                columns = ", ".join(name for name in part.columns if name)
                rows = part.total_rows or len(part.rows)
                self._show_lines(f"[a table of {rows:,} row{'s' if rows != 1 else ''}: {columns}]", "dim")
            case ImagePart():
                self.say("  [a chart]", "dim")
            case DocumentPart():
                self._show_lines(part.text if part.media_type != "application/json" else _pretty(part.text), "")
            case ErrorPart():
                self.say(f"{part.name}: {part.message}" if part.name else part.traceback, "red")


def _wanted(arguments: str) -> str:
    """The arguments in full: whoever allows a call must have seen all of it."""
    values = json.loads(arguments)
    return "\n".join(
        f"{show_line(name)}: {show_controls(value if isinstance(value, str) else _pretty(json.dumps(value)))}"
        for name, value in values.items()
    )


def _folded(text: str) -> tuple[str, str]:
    """The first lines, and a word about the others."""
    lines = text.split("\n")
    if len(lines) <= LINES + 1:
        return text, ""
    return "\n".join(lines[:LINES]), f"  … {len(lines) - LINES} more lines"


def _markdown(text: str, style: str = "none") -> Markdown:
    shown = Markdown(text, style=style)
    shown.parsed = _parser.parse(text)
    return shown


def _pretty(text: str) -> str:
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return text


def _harmless(event: ev.RunEvent) -> ev.RunEvent:
    """The event with symbols in the place of what a terminal would obey; printed text is settled first, see `_show_tool`."""
    if isinstance(event, ev.ToolOutput) and isinstance(event.part, StreamPart):
        return event
    harmless: ev.RunEvent = msgspec.convert(_disarmed(msgspec.to_builtins(event)), ev.RunEvent)
    return harmless


def _disarmed(value: Any) -> Any:
    if isinstance(value, str):
        return _OBEYED.sub(lambda found: symbol_of(found[0]), value.replace("\r\n", "\n"))
    if isinstance(value, dict):
        return {name: _disarmed(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_disarmed(inner) for inner in value]
    return value
