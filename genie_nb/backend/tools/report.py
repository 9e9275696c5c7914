"""The report as a tool: the model writes it from what the run has found, live; then it becomes a file in the run's folder.

Its text streams on the channel `report`. The file appears whole or not at all, and never in the place of another.

Above: the agents, the session. Below: `asking`, `reports`, `tools/base`, `workspace`.
"""

import asyncio
import json
import re
from functools import cache
from importlib.resources import files
from typing import Any

from genie_nb.backend.asking import Voice, ask
from genie_nb.backend.context import Language, RunContext
from genie_nb.backend.history import History
from genie_nb.backend.models.base import ChatMessage, ChatModel, ToolSpec
from genie_nb.backend.models.sections import section
from genie_nb.backend.reports.building import Order, ReportFormat, build, check_format, format_named, report_name
from genie_nb.backend.reports.findings import findings
from genie_nb.backend.reports.preview import slides_picture
from genie_nb.backend.settings import Settings
from genie_nb.backend.tools.base import Call, Tool
from genie_nb.errors import RequestError, ToolFailed
from genie_nb.events import FileCreated
from genie_nb.parts import FileRef, ImagePart, readable

__all__ = ("make_report_file", "report_tool")

REPORT_S = 600.0
"""Seconds that one call may take, as in JDGenie."""
TASK_CHARACTERS = 50_000
CHARACTERS_PER_TOKEN = 1.2
"""So many characters of findings for each token that the model takes: a share of it in any language."""
_VOICE = Voice("report", "report", show_calls=False)
_PAGE = re.compile(r"\s*(?:<!doctype html|<html)[\s>]", re.IGNORECASE)

_SPEC = ToolSpec(
    "report",
    "Write a report from what the run has found and make a file of it: html (a page with charts), markdown, or pptx "
    "(slides). Call it when the person asks for a report, a page, slides or a presentation, once the findings are there.",
    {
        "type": "object",
        "properties": {
            "task": {"type": "string", "description": "What the report is about and what it must hold."},
            "format": {"type": "string", "enum": ["html", "markdown", "pptx"], "description": "The form of the file."},
            "file_name": {"type": "string", "description": "The file's name without folders, e.g. sales-2024."},
            "findings": {
                "type": "string",
                "description": "What you have found yourself, with its numbers, as Markdown. "
                "Results of other tasks are known.",
            },
        },
        "required": ["task"],
        "additionalProperties": False,
    },
)


def report_tool(settings: Settings, model: ChatModel) -> Tool:
    """The tool that has this model write reports."""
    return _ReportTool(settings, model)


class _ReportTool:
    spec = _SPEC
    timeout_s = REPORT_S

    def __init__(self, settings: Settings, model: ChatModel) -> None:
        self._settings = settings
        self._model = model

    async def call(self, call: Call) -> str:
        """Have the report written and make the file; returns its name.

        Raises:
            ToolFailed: An argument is wrong, no text was written, or it cannot be made into a file.
        """
        task = _text(call.arguments, "task")
        if not task.strip():
            raise ToolFailed("The argument task must say what the report is about.")
        said = _text(call.arguments, "findings")
        asked = call.arguments.get("format") or call.arguments.get("fileType")
        wanted = format_named(asked or call.context.settings.report_format)
        named = call.arguments.get("file_name") or call.arguments.get("fileName") or call.context.settings.report_name
        name = report_name(named, wanted)
        await asyncio.to_thread(check_format, wanted)  # before a model writes for minutes
        text = await self._write({"task": task, "format": wanted}, said, call.context)
        file, content = await _make(call.context, text, wanted, name, call_id=call.call_id)
        if wanted == "pptx" and self._settings.slide_pictures:
            picture = await slides_picture(content)
            if picture is not None:
                call.show(ImagePart(content=picture, alt=file.name))
        return f"The report is written: {file.name} ({wanted}, {file.size:,} bytes)."

    async def _write(self, report: dict[str, str], said: str, context: RunContext) -> str:
        budget = int(self._model.context_tokens * CHARACTERS_PER_TOKEN)
        found = findings(context.printer.transcript, said=said, most_characters=budget)
        sections = (
            section("question", context.query),
            section("report", json.dumps(report, ensure_ascii=False)),
            section("inputs", context.inputs),
            section("findings", found),
        )
        history = History(
            ChatMessage("system", _prompt(context.language)),
            ChatMessage("user", "\n".join(sections)),
            context_tokens=self._model.context_tokens,
        )
        reply = await ask(self._model, history, (), context, _VOICE)
        if not reply.text.strip():
            raise ToolFailed(f"The model {self._model.name} wrote no report. Call the tool again.")
        return reply.text

    async def close(self) -> None:
        """Nothing is held, so nothing is given back."""


async def make_report_file(context: RunContext, text: str, wanted: ReportFormat, name: str) -> FileRef:
    """Make a file of a report that is written already; a whole page of HTML stays as it is.

    Raises:
        ToolFailed: The text is no report, or a template cannot be used.
    """
    file, _ = await _make(context, text, wanted, name, page=True)
    return file


async def _make(
    context: RunContext, text: str, wanted: ReportFormat, name: str, *, call_id: str | None = None, page: bool = False
) -> tuple[FileRef, bytes]:
    settings = context.settings
    order = Order(
        wanted,
        context.language,
        title=_title(context),
        foot=_foot(context),
        dashboard=settings.report_style == "dashboard",
        html_templates=settings.report_templates,
        slides_template=settings.slides_template,
    )
    from genie_nb.backend.reports.document import without_fence

    bare = without_fence(text)
    if page and wanted == "html" and _PAGE.match(bare):
        content = bare.encode("utf-8", "replace")
    else:
        content = await asyncio.to_thread(build, text, order, context.workspace)
    try:
        file = await asyncio.to_thread(context.workspace.put, name, content)
    except (RequestError, OSError) as error:
        raise ToolFailed(f"The report {name} cannot be stored: {error}.") from error
    context.printer.emit(FileCreated(call_id=call_id, file=file))
    return file, content


def _title(context: RunContext) -> str:
    lines = context.query.strip().splitlines() or [""]
    return " ".join(lines[0].split())[:80]


def _foot(context: RunContext) -> str:
    """Who wrote it, where the reader would want to know."""
    transcript = context.printer.transcript
    who = " · ".join(filter(None, (transcript.model, transcript.badge)))
    if not who:
        return ""
    return f"由 {who} 撰写" if context.language == "zh" else f"Written by {who}"


def _text(arguments: dict[str, Any], name: str) -> str:
    value = arguments.get(name) or ""
    if not isinstance(value, str) or len(value) > TASK_CHARACTERS:
        raise ToolFailed(f"The argument {name} must be text of at most {TASK_CHARACTERS:,} characters.")
    return readable(value)


@cache
def _prompt(language: Language) -> str:
    return (files("genie_nb.backend.reports") / "prompts" / f"{language}.md").read_text(encoding="utf-8")
