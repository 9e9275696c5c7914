"""JDGenie's tool service as tools: its code interpreter and its report, run there instead of here.

What a run has is brought there before, what is made there is fetched into the run's folder.

Above: `session`. Below: `tools/base`, `service_link`, `workspace`.
"""

import asyncio
import re
from collections.abc import Iterable
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from genie_nb.backend.file_names import closest_name
from genie_nb.backend.models.base import ToolSpec
from genie_nb.backend.models.sections import cut_middle
from genie_nb.backend.printer import TextWriter
from genie_nb.backend.tools.base import Call, Tool
from genie_nb.backend.tools.service_link import GenieToolService, ServiceLimits
from genie_nb.backend.workspace import Workspace
from genie_nb.errors import RequestError, ToolFailed
from genie_nb.events import FileCreated
from genie_nb.parts import CodePart, DocumentPart, readable

__all__ = ("GenieToolService", "ServiceLimits", "tools_of")

CODE_S, REPORT_S = 300.0, 600.0
"""Seconds that a whole call may take, as JDGenie's backend has it."""
TOLD_CHARACTERS = 12_000
"""How much of an output the model is told; the middle is left out of more."""
_PAGE = re.compile(r"\s*<(?:!doctype|html)[\s>]", re.IGNORECASE)
MOST_NAMES = 10_000
"""So many names of files are listened to in one answer."""
_BAD = re.compile(r'[\x00-\x1f\x7f<>:"|?*]')

_FILE_NAMES = {
    "type": "array",
    "items": {"type": "string"},
    "description": "Names of the files to look at; all files at hand where none are named.",
}
_CODE_SPEC = ToolSpec(
    "code_interpreter",
    "Have a task solved by Python code that a code agent writes and runs, with pandas, numpy, matplotlib and the files at "
    "hand. Say in full what is to be computed or made; you get its output and the names of the files that it made.",
    {
        "type": "object",
        "properties": {
            "task": {"type": "string", "description": "The whole task, with every number and name that it needs."},
            "fileNames": _FILE_NAMES,
        },
        "required": ["task"],
        "additionalProperties": False,
    },
)
_REPORT_SPEC = ToolSpec(
    "report",
    "Have a report written from the files at hand, as Markdown, as an HTML page or as slides.",
    {
        "type": "object",
        "properties": {
            "task": {"type": "string", "description": "What the report is about and what it must hold."},
            "fileName": {"type": "string", "description": "The report's file name without its ending."},
            "fileDescription": {"type": "string", "description": "What the file is, in one sentence."},
            "fileType": {"type": "string", "enum": ["markdown", "html", "ppt"]},
            "fileNames": _FILE_NAMES,
        },
        "required": ["task"],
        "additionalProperties": False,
    },
)


def tools_of(url: str, workspace: Workspace, *, limits: ServiceLimits | None = None) -> tuple[Tool, ...]:
    """The tools of the service at this address, for the run with this folder.

    Raises:
        SettingsError: The address is none.
    """
    luggage = _Luggage(GenieToolService(url, limits=limits), workspace)
    return ServiceCode(luggage), ServiceReport(luggage)


@dataclass
class _Luggage:
    """A run's files on their way to the service and back; shared by its tools."""

    service: GenieToolService
    workspace: Workspace
    brought: dict[str, tuple[int, int]] = field(default_factory=dict)
    asked_for: int = 0
    fetched_bytes: int = 0
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def bring(self, call: Call) -> list[str]:
        """Bring the files that a call names, or all at hand; returns their names there."""
        transcript = call.context.printer.transcript
        at_hand = dict.fromkeys((*(file.name for file in transcript.inputs), *transcript.files))
        wanted = _names(call.arguments.get("fileNames")) or list(at_hand)
        meant = {name: name if name in at_hand else closest_name(name, at_hand) for name in wanted}
        if missing := [name for name, other in meant.items() if other is None]:
            raise ToolFailed(f"There is no file {missing[0]!r}. There are: {', '.join(at_hand) or 'none'}.")
        async with self.turn:
            return [await self._bring(_run_id(call), name) for name in dict.fromkeys(filter(None, meant.values()))]

    async def _bring(self, request_id: str, name: str) -> str:
        there = _name_there(name)
        try:
            path = await asyncio.to_thread(self.workspace.resolve, name)
        except RequestError as error:
            raise ToolFailed(str(error)) from error
        stamp = await asyncio.to_thread(_stamp, path)
        if self.brought.get(there) != stamp:
            await self.service.bring(request_id, there, path)
            self.brought[there] = stamp
        return there

    async def fetch(self, call: Call, names: Iterable[str]) -> str:
        """Fetch files into the run's folder; returns what the model is told of them, which may be nothing."""
        inputs = {file.name for file in call.context.printer.transcript.inputs}
        told, limits, wanted = list[str](), self.service.limits, list(dict.fromkeys(names))
        async with self.turn:
            for at, name in enumerate(wanted):
                left_bytes = limits.total_mib * 2**20 - self.fetched_bytes
                if self.asked_for >= limits.files or left_bytes <= 0:
                    most = f"{limits.files} files and {limits.total_mib} MiB"
                    told.append(f"not fetched: {len(wanted) - at} more files (of one run no more than {most} are fetched)")
                    break
                here = _name_here(name, inputs)
                target = self.workspace.folder / here
                self.asked_for += 1
                try:
                    self.fetched_bytes += await self.service.fetch(_run_id(call), name, target, left_bytes)
                except ToolFailed as failed:
                    told.append(f"not fetched: {readable(name)[:200]} ({failed})")
                    continue
                if _name_there(here) == name:
                    self.brought[name] = await asyncio.to_thread(_stamp, target)
                told.append(f"file: {here}")
            for file in await asyncio.to_thread(self.workspace.changed):
                call.context.printer.emit(FileCreated(call_id=call.call_id, file=file))
        return "\n".join(told)


@dataclass(frozen=True)
class ServiceCode:
    """The service's code interpreter as a tool."""

    luggage: _Luggage
    spec = _CODE_SPEC
    timeout_s = CODE_S

    async def call(self, call: Call) -> str:
        """Have a task solved there, showing its code and its output.

        Raises:
            ToolFailed: There is no such task or file, or the service failed.
        """
        body = await _body(call, self.luggage)
        output, files = "", list[str]()
        async with aclosing(self.luggage.service.stream("/v1/tool/code_interpreter", body)) as messages:
            async for message in messages:
                files = [*files, *_files_in(message)][:MOST_NAMES]
                if code := _text(message, "code"):
                    call.show(CodePart(code=code))
                if said := _text(message, "codeOutput"):
                    output = said
                    call.show(DocumentPart(text=said, media_type="text/markdown"))
        told = await self.luggage.fetch(call, files)
        return "\n".join(filter(None, (cut_middle(output, TOLD_CHARACTERS), told))) or "(the code showed nothing)"

    async def close(self) -> None:
        """Close the connections to the service."""
        await self.luggage.service.close()


@dataclass(frozen=True)
class ServiceReport:
    """The service's report as a tool."""

    luggage: _Luggage
    spec = _REPORT_SPEC
    timeout_s = REPORT_S

    async def call(self, call: Call) -> str:
        """Have a report written there, showing it as it is written.

        Raises:
            ToolFailed: There is no such task or file, or the service failed.
        """
        kind = call.arguments.get("fileType") or "markdown"
        if kind not in ("markdown", "html", "ppt"):
            raise ToolFailed(f"The argument fileType must be markdown, html or ppt, not {str(kind)[:40]!r}.")
        asks = {name: readable(str(call.arguments.get(name) or "")) for name in ("fileName", "fileDescription")}
        body = await _body(call, self.luggage) | asks
        body |= {"fileName": asks["fileName"] or "report", "fileType": kind, "templateType": "empty"}
        body |= {"contentStream": True, "streamMode": {"mode": "token", "token": 10}}
        writer = call.context.printer.text("report") if kind == "markdown" else None
        try:
            whole, files, note = await self._listen(body, writer)
        finally:
            if writer is not None:
                writer.finish()
        if writer is None or not writer.text:
            call.show(DocumentPart(text=whole, media_type="text/html" if _PAGE.match(whole) else "text/markdown"))
        told = await self.luggage.fetch(call, files)
        return "\n".join(filter(None, (cut_middle(whole, TOLD_CHARACTERS), note, told))) or "(the report is empty)"

    async def _listen(self, body: dict[str, Any], writer: TextWriter | None) -> tuple[str, list[str], str]:
        """The report, the files that the service names, and what it says of the request."""
        pieces, files, note = list[str](), list[str](), ""
        async with aclosing(self.luggage.service.stream("/v1/tool/report", body)) as messages:
            async for message in messages:
                files = [*files, *_files_in(message)][:MOST_NAMES]
                said = _text(message, "data")
                note = cut_middle(_text(message, "note"), TOLD_CHARACTERS)
                if message.get("isFinal"):
                    pieces = [said] if said else pieces
                    continue
                pieces.append(said)
                if writer is not None:
                    writer.write(said)
        return "".join(pieces), files, note

    async def close(self) -> None:
        """Close the connections to the service."""
        await self.luggage.service.close()


async def _body(call: Call, luggage: _Luggage) -> dict[str, Any]:
    """What both tools ask, as JDGenie's backend asks it."""
    task = call.arguments["task"]
    if not isinstance(task, str) or not task.strip():
        raise ToolFailed("The argument task must be the task as text.")
    names = await luggage.bring(call)
    query = readable(call.context.query)
    return {"requestId": _run_id(call), "query": query, "task": readable(task), "fileNames": names, "stream": True}


def _text(message: dict[str, Any], name: str) -> str:
    value = message.get(name)
    return readable(value) if isinstance(value, str) else ""


def _files_in(message: dict[str, Any]) -> list[str]:
    """The names of the files that a message lists."""
    listed = message.get("fileInfo")
    items = listed if isinstance(listed, list) else []
    return _names([item.get("fileName") for item in items if isinstance(item, dict)])


def _names(given: Any) -> list[str]:
    return [readable(name) for name in given if isinstance(name, str) and name] if isinstance(given, list) else []


def _name_there(name: str) -> str:
    """A file's name at the service, which has no folders."""
    return name.replace("/", "_")


def _name_here(name: str, inputs: set[str]) -> str:
    """A file's name in the run's folder: nothing that leads out of it, nothing hidden, and none of the inputs'."""
    here = _BAD.sub("_", name.replace("\\", "/").rsplit("/", 1)[-1]).strip(" ").lstrip(".")
    here = here.encode("utf-8", "replace")[-200:].decode("utf-8", "ignore") or "file"
    while here in inputs:
        here = f"_{here}"
    return here


def _run_id(call: Call) -> str:
    return call.context.printer.channel.run_id


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_mtime_ns, status.st_size
