"""The tool service: run code, write a report, search; JDGenie's `/v1/tool`, each answer in the coat of its tool.

Each request is a run of this host's `react` or `report` agent in its own folder, with the named files in it; the service's
loop never waits for it, so heartbeats keep their time (# T1, T2). What it makes lies on the shelf before anybody can ask.
A file is named as it lies on the shelf, or by an address that the server may go to: no path of this machine (# T14).

Above: `app`. Below: `file_shelf`, `named_files`, `host`, `wire.genie_tool`, `wire.genie_requests`.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from genie_nb.backend.log.entry import Entry
from genie_nb.backend.reports.document import without_fence
from genie_nb.backend.search.engines import create_engines
from genie_nb.backend.server.archive import Kept
from genie_nb.backend.server.file_routes import unprocessable
from genie_nb.backend.server.file_shelf import FileShelf, urls_of
from genie_nb.backend.server.host import Ask, Host
from genie_nb.backend.server.leaving import while_asked
from genie_nb.backend.server.named_files import find_named
from genie_nb.backend.server.problems import problem
from genie_nb.backend.settings import SearchSettings
from genie_nb.backend.wire.genie_calls import FileUrl, JsonObject, file_item, one_line
from genie_nb.backend.wire.genie_requests import (
    CodeRequest,
    ReportRequest,
    SearchRequest,
    decode_code_request,
    decode_report_request,
    decode_search_request,
)
from genie_nb.backend.wire.genie_tool import CodeCoat, ReportCoat, SearchCoat
from genie_nb.backend.workspace import Workspace
from genie_nb.errors import AdmissionRefused, RequestError, WireError
from genie_nb.events import RunEvent, TextDelta, TextFinished, TextStarted
from genie_nb.parts import FileRef, readable
from genie_nb.transcript import Transcript

__all__ = ("ToolRoutes",)

log = logging.getLogger(__name__)

LATER = ("auto_analysis", "nl2sql", "table_rag", "cal_engine", "sopRecall")
ENGINES = {"serp": "serper", "bing": "bing"}
"""JDGenie's names of engines that are ours too; its others are not here."""
DONE = b"data: [DONE]\r\n\r\n"
_FORMATS = {"html": "html", "markdown": "markdown", "ppt": "pptx"}
"""Our name of each file type."""


class _ReportFileCoat(ReportCoat):
    """Tells the report from what an agent says beside its calls.

    What the report tool writes leaves live. An agent's own text is the report only where the tool was not called, and only
    once it has ended without a call: it leaves live if it begins as a report does, and else waits for that.
    """

    def __init__(self, file_url: FileUrl, asked: ReportRequest, notes: Sequence[str]) -> None:
        super().__init__(asked.request_id, file_url, mode=asked.stream_mode, notes=notes)
        self._begins = "#" if asked.file_type == "markdown" else ("#", "<", "```")
        self._thoughts: set[str] = set()
        self._waiting: dict[str, list[Entry]] = {}
        self._live: set[str] = set()

    def write(self, entries: Sequence[Entry]) -> bytes:
        """What is sent of these entries."""
        return super().write([known for entry in entries for known in self._known(entry)])

    def _known(self, entry: Entry) -> Iterator[Entry]:
        event = entry.event
        if isinstance(event, TextStarted) and event.channel in ("reasoning", "plan_thought"):
            self._thoughts.add(event.message_id)
        if isinstance(event, TextStarted) and event.channel == "report":
            self._live.add(event.message_id)
        if isinstance(event, TextDelta) and event.message_id not in self._live:
            waiting = self._waiting.setdefault(event.message_id, [])
            waiting.append(entry)
            if self._reported or event.message_id in self._thoughts or not self._is_report(waiting):
                return
            self._live.add(event.message_id)
            yield from self._waiting.pop(event.message_id)
            return
        if isinstance(event, TextFinished):
            waiting = self._waiting.pop(event.message_id, [])
            if event.channel == "answer" and not self._reported:
                yield from waiting
        yield entry

    def _is_report(self, waiting: Sequence[Entry]) -> bool:
        """Whether a text that begins so is the report."""
        begun = "".join(entry.event.text for entry in waiting[:20] if isinstance(entry.event, TextDelta)).lstrip()
        return begun.startswith(self._begins)

    def _sends(self, event: RunEvent) -> bool:
        return isinstance(event, TextDelta)

    def _final(self, output: str, files: list[JsonObject]) -> list[JsonObject]:
        return super()._final(self._whole or without_fence(output), files)


class ToolRoutes:
    """The routes over one host."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._shelf = FileShelf.of(host)
        self.router = APIRouter(prefix="/v1/tool", tags=["tool"])
        self._add("/code_interpreter", self.run_code)
        self._add("/report", self.write_report)
        self._add("/deepsearch", self.search)
        for name in LATER:
            self._add(f"/{name}", self.not_yet)

    def _add(self, path: str, answer: Callable[[Request], Coroutine[Any, Any, Response]]) -> None:
        self.router.add_api_route(path, answer, methods=["POST"], response_model=None)

    async def run_code(self, request: Request) -> Response:
        """Have a task worked on with code."""
        try:
            asked = decode_code_request(await request.body())
        except WireError as error:
            return unprocessable(str(error))
        kept, notes = await self._begin(request, asked, asked.task)
        kept.run.on_end(lambda: self._shelf.expect(asked.request_id, self._keep(asked.request_id, kept)))
        file_url = _file_url(request, asked.request_id)
        if asked.stream:
            return self._stream(kept, CodeCoat(asked.request_id, file_url, mode=asked.stream_mode, notes=notes))
        return await self._whole(kept, asked.request_id, lambda _: _items(kept, file_url), notes)

    async def write_report(self, request: Request) -> Response:
        """Have a report written; it is also kept as a file."""
        try:
            asked = decode_report_request(await request.body())
        except WireError as error:
            return unprocessable(str(error))
        options = {
            "agent": "report",
            "report_format": _FORMATS[asked.file_type],
            "report_name": asked.file_name or "report",
            "report_style": "dashboard" if asked.template_type == "fix" else None,
        }
        kept, notes = await self._begin(request, asked, asked.task, options)
        kept.run.on_end(lambda: self._shelf.expect(asked.request_id, self._keep(asked.request_id, kept)))
        file_url = _file_url(request, asked.request_id)
        if asked.stream:
            return self._stream(kept, _ReportFileCoat(file_url, asked, notes))
        return await self._whole(kept, asked.request_id, lambda _: _items(kept, file_url), notes)

    async def search(self, request: Request) -> Response:
        """Search in depth; the answer is always a stream. `maxLoop` is how many rounds there may be (# T5)."""
        try:
            asked = decode_search_request(await request.body())
        except WireError as error:
            return unprocessable(str(error))
        search = _search_settings(self._host.settings.search, asked)
        asks = Ask(readable(asked.query), (), {"agent": "search", "search": search})
        kept, _ = await self._host.begin(asks, follow=True)
        coat = SearchCoat(asked.request_id, _file_url(request, asked.request_id), query=asked.query, mode=asked.stream_mode)
        return self._stream(kept, coat)

    async def not_yet(self, request: Request) -> Response:
        """Say that this tool of JDGenie's is none of ours."""
        name = request.url.path.rsplit("/", 1)[-1]
        return problem(501, "not_implemented", f"This server has no {name}. It has code_interpreter, report and deepsearch.")

    async def _begin(
        self, request: Request, asked: CodeRequest, query: str, options: dict[str, Any] | None = None
    ) -> tuple[Kept, tuple[str, ...]]:
        """A run for this, and what its reader must know; every request is a new run, as a request id is a conversation.

        Raises:
            AdmissionRefused: There is no room for another run, or for a file from elsewhere.
        """
        await self._shelf.settled(asked.request_id)
        finding = find_named(asked, self._shelf, self._host.settings.server, str(request.base_url))
        named = await while_asked(request.receive, finding)
        asks = Ask(readable(query), named.paths, options or {"agent": "react"}, remarks=named.notes)
        kept, _ = await self._host.begin(asks, follow=asked.stream)
        return kept, named.notes

    def _stream(self, kept: Kept, coat: CodeCoat | ReportCoat | SearchCoat) -> Response:
        beat_s = self._host.settings.server.tool_heartbeat_s
        return self._host.stream(kept, coat, dialect="genie_tool", heartbeat_s=beat_s)

    async def _whole(
        self, kept: Kept, request_id: str, files: Callable[[str], list[JsonObject]], notes: Sequence[str]
    ) -> Response:
        """The answer in one piece, once the run has ended (# T4)."""
        await kept.run
        await self._shelf.settled(request_id)
        transcript = kept.run.transcript
        if kept.run.status == "finished":
            answer = _report_in(transcript) or without_fence(transcript.answer)
            told = {"code": 200, "data": answer, "fileInfo": files(answer), "requestId": request_id}
            return JSONResponse(told | ({"note": " ".join(notes)} if notes else {}))
        said = transcript.error or "The run was stopped."
        return JSONResponse({"code": 500, "data": said, "error": said, "fileInfo": [], "requestId": request_id}, 500)

    async def _keep(self, request_id: str, kept: Kept) -> None:
        """Put what a run has made on the shelf."""
        names = tuple(kept.run.transcript.files)
        await asyncio.to_thread(self._put_all, request_id, kept.run.folder, names)

    def _put_all(self, request_id: str, folder: Path, names: Sequence[str]) -> None:
        workspace = Workspace(folder.resolve())
        for name in names:
            with _told_in_log():
                self._shelf.put(request_id, name, workspace.resolve(name))


@contextmanager
def _told_in_log() -> Iterator[None]:
    """A file that cannot be kept is missing when somebody asks for it; the run has ended and cannot be told."""
    try:
        yield
    except (RequestError, AdmissionRefused, OSError) as error:
        log.warning("A file of a run cannot be offered: %s", error)


def _report_in(transcript: Transcript) -> str:
    """The last report that was written in the run, or nothing; what a search reports is none."""
    reports = (message for message in transcript.messages.values() if message.channel == "report")
    texts = [message.text for message in reports if message.assignee != "deep_search"]
    return texts[-1] if texts else ""


def _search_settings(settings: SearchSettings, asked: SearchRequest) -> SearchSettings:
    """The server's settings with the rounds that are asked for, and those of the engines that it has."""
    had = [engine.name for engine in create_engines(settings)]
    named = [ENGINES.get(name, name) for name in asked.search_engines]
    chosen = tuple(name for name in named if name in had)
    return settings.model_copy(update={"rounds": min(asked.max_loop, 10)} | ({"engines": chosen} if chosen else {}))


def _items(kept: Kept, file_url: FileUrl) -> list[JsonObject]:
    files: Iterable[FileRef] = kept.run.transcript.deliverables or kept.run.transcript.files.values()
    return [file_item(file, file_url(kept.run.run_id, file)) for file in files]


def _file_url(request: Request, request_id: str) -> FileUrl:
    base = str(request.base_url)
    return lambda _, file: urls_of(base, request_id, file.name)


def _told(messages: Iterable[JsonObject]) -> Response:
    """A whole stream, framed as the coats frame it."""
    frames = b"".join(b"data: %b\r\n\r\n" % one_line(message) for message in messages)
    headers = {"Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no"}
    return Response(frames + DONE, media_type="text/event-stream", headers=headers)
