"""A run in a terminal: its events as they come, for people at a prompt.

Above: `cli`. Below: `events`.
"""

import json
import re
from collections.abc import AsyncIterator
from typing import Any

import msgspec
from rich.console import Console
from rich.live import Live
from rich.markdown import Markdown
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from genie_nb import events as ev
from genie_nb.parts import CodePart, DocumentPart, ErrorPart, ImagePart, Part, Plan, StreamPart, TablePart

__all__ = ("follow",)

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_MARKS = {"not_started": "○", "in_progress": "◐", "completed": "●", "blocked": "✕", "dropped": "–"}


async def follow(events: AsyncIterator[ev.RunEvent], console: Console | None = None) -> None:
    """Print a run until its end; the answer streams, and everything else appears when it is whole."""
    screen = _Screen(console or Console(highlight=False))
    try:
        async for event in events:
            screen.show(_harmless(event))
    finally:
        screen.end_answer()


class _Screen:
    """Prints events; what parallel tasks say is never mixed."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._plan: Plan | None = None
        self._answers: dict[str, list[str]] = {}
        self._live: Live | None = None

    def show(self, event: ev.RunEvent) -> None:
        console = self._console
        match event:
            case ev.RunStarted():
                console.print(Text(f"{event.agent} · {event.model} · {event.badge}", style="dim"))
            case ev.PlanUpdated():
                self._show_plan(event.plan)
            case ev.TaskStarted():
                console.print(Text(f"\n▸ {event.title}  ({event.assignee})", style="bold"))
            case ev.TextStarted() | ev.TextDelta() | ev.TextFinished():
                self._show_text(event)
            case ev.ToolOutput():
                self._show_part(event.part)
            case ev.FileCreated():
                console.print(Text(f"  file: {event.file.name} ({event.file.size:,} bytes)", style="green"))
            case ev.ModelWaiting():
                console.print(Text(f"  {event.reason}; next try in {event.seconds:.0f} s", style="yellow"))
            case ev.NoteAdded():
                console.print(Text(f"  {event.text}", style="yellow" if event.level == "warning" else "dim"))
            case ev.RunFailed():
                console.print(Text(event.message, style="red"))
            case ev.RunCancelled():
                console.print(Text(event.reason, style="yellow"))
            case _:
                return

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
                self._live.update(Markdown("".join(self._answers[event.message_id])), refresh=self._console.is_terminal)
            case ev.TextFinished() if event.message_id in self._answers:
                self.end_answer()
            case ev.TextFinished():
                self._console.print(Markdown(event.text))
            case _:
                return

    def end_answer(self) -> None:
        """Leave the answer as it stands on the screen."""
        if self._live is not None:
            self._live.stop()
            self._live = None
            self._console.print()

    def _show_part(self, part: Part) -> None:
        console = self._console
        match part:
            case CodePart():
                console.print(Syntax(part.code, part.language, theme="ansi_dark", background_color="default"))
            case StreamPart():
                console.print(Text(part.text, style="dim"), end="")
            case TablePart():
                console.print(_table(part))
            case ImagePart():
                console.print(Text("  [a chart]", style="dim"))
            case DocumentPart():
                console.print(Text(part.text if part.media_type != "application/json" else _pretty(part.text)))
            case ErrorPart():
                console.print(Text(part.traceback or f"{part.name}: {part.message}", style="red"))


def _table(part: TablePart) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in part.columns:
        table.add_column(Text(column))
    for row in part.rows[:12]:
        table.add_row(*map(Text, row))
    if part.total_rows > 12:
        table.caption = f"{part.total_rows} rows in all"
    return table


def _pretty(text: str) -> str:
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return text


def _harmless(event: ev.RunEvent) -> ev.RunEvent:
    """The event without control characters: a terminal would obey them."""
    harmless: ev.RunEvent = msgspec.convert(_without_controls(msgspec.to_builtins(event)), ev.RunEvent)
    return harmless


def _without_controls(value: Any) -> Any:
    if isinstance(value, str):
        return _CONTROLS.sub("", value)
    if isinstance(value, dict):
        return {name: _without_controls(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_without_controls(inner) for inner in value]
    return value
