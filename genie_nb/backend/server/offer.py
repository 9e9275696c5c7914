"""genie_nb as an MCP server: what other assistants may have done here, and how they are told.

Tools: run an agent, search, make a report, run code in a Python session. While a call is at work its client hears progress
and the log; a call that its client gives up stops. Files that runs make are resources, `genie://RUN/NAME`.

Above: `offer_routes` (HTTP), `cli` (stdio). Below: `offer_telling`, `host`, `unasked`, `interpreter`. Knows `mcp`, its
server side.
"""

import asyncio
import base64
import mimetypes
import secrets
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote, unquote, urlsplit

import mcp.types as mt
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from genie_nb.backend.context import language_of
from genie_nb.backend.interpreter.base import CellFinished, CodeRunner, Redrawn, ResultForModel
from genie_nb.backend.run_handle import RunHandle
from genie_nb.backend.server.host import Ask, Host
from genie_nb.backend.server.offer_telling import Teller, told_cell
from genie_nb.backend.server.unasked import NOBODY_OVER_MCP, check_unasked
from genie_nb.backend.workspace import Workspace
from genie_nb.errors import GenieError, RequestError
from genie_nb.parts import DocumentPart, FileRef, Hit, ImagePart, Part, SearchPart, StreamPart, cited_numbers
from genie_nb.printed import plain, settle
from genie_nb.shown import Shown

__all__ = ("Offer",)

MOST_SESSIONS = 8
"""Python sessions at once; the one that rested longest makes room."""
MOST_BYTES = 16 * 2**20
"""The largest file that is given as a resource."""
INLINE_BYTES = 22_000
"""A larger chart is told as a link: as base64 in the reply it would take more than 30 kB of an assistant's context."""
_SUFFIXES = {"image/png": ".png", "image/jpeg": ".jpg", "image/svg+xml": ".svg"}
INSTRUCTIONS = (
    "genie_nb works on questions about files (CSV, Excel, JSON, ...) with agents and a Python code interpreter. "
    "run_agent takes a whole question; search answers with citations from folders, documentation and the web; make_report "
    "writes a page, slides or Markdown; run_code runs your own Python. Files that they make are resources."
)

_REPORTS = {"en": "{task}\n\nWrite a report of it as {format}.", "zh": "{task}\n\n请写成一份{format}报告。"}
Context = ServerRequestContext[Any, Any]


class RunAgent(BaseModel):
    """Have an agent answer a question, with code where it needs some; takes seconds to minutes and tells how far it is."""

    model_config = ConfigDict(extra="forbid")

    question: str = Field(description="The whole question, in English or Chinese.", min_length=1, max_length=100_000)
    files: list[str] = Field(default=[], description="Paths of files on this machine to look at.", max_length=100)
    agent: Literal["plan_solve", "react"] | None = Field(
        default=None, description="plan_solve makes a plan first; react is one loop without a plan."
    )
    deadline_s: float | None = Field(default=None, gt=0, description="Seconds that it may take.")


class Search(BaseModel):
    """Search folders, installed documentation or the web in depth; answers with numbered citations of what was read."""

    model_config = ConfigDict(extra="forbid")

    question: str = Field(description="The whole question, in English or Chinese.", min_length=1, max_length=4_000)
    folders: list[str] = Field(
        default=[], max_length=20, description="Folders on this machine to search; else what the server's settings say."
    )


class MakeReport(BaseModel):
    """Have a report on files written: a page with charts, slides, or Markdown; it comes back as a resource."""

    model_config = ConfigDict(extra="forbid")

    task: str = Field(description="What the report is about and what it must hold.", min_length=1, max_length=50_000)
    files: list[str] = Field(default=[], description="Paths of files on this machine to look at.", max_length=100)
    format: Literal["html", "markdown", "pptx"] = Field(default="html", description="The form of the file.")


class RunCode(BaseModel):
    """Run Python (IPython, pandas, numpy, matplotlib); variables stay from call to call, charts come back as images."""

    model_config = ConfigDict(extra="forbid")

    code: str = Field(description="The Python code of one cell.", min_length=1, max_length=1_000_000)
    session: str = Field(default="", max_length=100, description="A name: each session has variables of its own.")


@dataclass
class _Session:
    """One Python session and its folder."""

    runner: CodeRunner
    workspace: Workspace
    session_id: str
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    users: int = 0


class Offer:
    """The MCP server over one host; lives on the backend's loop.

    Attributes:
        server: What the library serves.
    """

    def __init__(self, host: Host) -> None:
        assert host.make_runner is not None
        self._host, self._make_runner = host, host.make_runner
        self._sessions: dict[tuple[str, str, str], _Session] = {}
        self._tools: dict[str, tuple[type[BaseModel], Callable[[Any, Context], Awaitable[mt.CallToolResult]]]] = {
            "run_agent": (RunAgent, self._run_agent),
            "search": (Search, self._search),
            "make_report": (MakeReport, self._make_report),
            "run_code": (RunCode, self._run_code),
        }
        self.server: Server[Any] = Server(
            "genie_nb",
            version=version("genie_nb"),
            instructions=INSTRUCTIONS,
            on_list_tools=self._list_tools,
            on_call_tool=self._call_tool,
            on_list_resources=self._list_resources,
            on_list_resource_templates=self._list_templates,
            on_read_resource=self._read_resource,
        )
        self.server.add_request_handler("logging/setLevel", mt.SetLevelRequestParams, self._set_level)
        host.closers.append(self.close)

    async def close(self) -> None:
        """End every Python session."""
        sessions, self._sessions = self._sessions, {}
        await asyncio.gather(*(session.runner.close() for session in sessions.values()))

    # What the protocol asks

    async def _list_tools(self, _ctx: Context, _params: mt.PaginatedRequestParams | None) -> mt.ListToolsResult:
        return mt.ListToolsResult(
            tools=[
                mt.Tool(name=name, description=model.__doc__, input_schema=model.model_json_schema())
                for name, (model, _) in self._tools.items()
            ]
        )

    async def _call_tool(self, ctx: Context, params: mt.CallToolRequestParams) -> mt.CallToolResult:
        known = self._tools.get(params.name)
        if known is None:
            return _failed(f"There is no tool {params.name[:80]!r}. There are: {', '.join(self._tools)}.")
        model, work = known
        try:
            return await work(model.model_validate(params.arguments or {}), ctx)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(str(part) for part in first["loc"]) or "arguments"
            return _failed(f"The arguments of {params.name} do not fit: {place}: {first['msg']}.")
        except GenieError as error:
            self._host.count_refusal(error)
            return _failed(str(error))

    async def _set_level(self, _ctx: Context, _params: mt.SetLevelRequestParams) -> mt.EmptyResult:
        """Taken and not kept: what is told is little, and all of it is for people."""
        return mt.EmptyResult()

    async def _list_resources(self, ctx: Context, _params: mt.PaginatedRequestParams | None) -> mt.ListResourcesResult:
        owner = _owner(ctx)
        listed = [
            _resource(mt.Resource, kept.run.run_id, file)
            for kept in self._host.archive.kept()
            if kept.stored.owner == owner
            for file in kept.run.files
        ]
        return mt.ListResourcesResult(resources=listed)

    async def _list_templates(
        self, _ctx: Context, _params: mt.PaginatedRequestParams | None
    ) -> mt.ListResourceTemplatesResult:
        about = "A file that a run or a Python session made."
        template = mt.ResourceTemplate(uri_template="genie://{run}/{+name}", name="file", description=about)
        return mt.ListResourceTemplatesResult(resource_templates=[template])

    async def _read_resource(self, ctx: Context, params: mt.ReadResourceRequestParams) -> mt.ReadResourceResult:
        from mcp.shared.exceptions import MCPError

        try:
            parts = urlsplit(str(params.uri))
            folder = await self._folder(parts.netloc, ctx)
            name = unquote(parts.path.lstrip("/"))
            content = await asyncio.to_thread(folder, name, MOST_BYTES + 1)
        except (RequestError, ValueError) as error:
            raise MCPError(code=mt.INVALID_PARAMS, message=f"There is no resource {str(params.uri)[:200]!r}.") from error
        if len(content) > MOST_BYTES:
            raise MCPError(code=mt.INVALID_PARAMS, message=f"{name} has more than {MOST_BYTES // 2**20} MiB.")
        return mt.ReadResourceResult(contents=[_contents(str(params.uri), name, content)])

    async def _folder(self, place: str, ctx: Context) -> Callable[[str, int], bytes]:
        for (owner, _, _), session in self._sessions.items():
            if session.session_id == place and owner == _owner(ctx):
                return session.workspace.read
        return (await self._host.archive.find(place, _owner(ctx))).run.read_file

    # What the tools do

    async def _run_agent(self, asked: RunAgent, ctx: Context) -> mt.CallToolResult:
        options = {"agent": asked.agent, "deadline_s": asked.deadline_s}
        return await self._work(Ask(asked.question, _paths(asked.files), options), ctx)

    async def _search(self, asked: Search, ctx: Context) -> mt.CallToolResult:
        options: dict[str, Any] = {"agent": "search"}
        if asked.folders:
            options["search"] = self._host.settings.search.model_dump() | {"folders": _paths(asked.folders)}
        return await self._work(Ask(asked.question, (), options), ctx)

    async def _make_report(self, asked: MakeReport, ctx: Context) -> mt.CallToolResult:
        wish = _REPORTS["zh" if language_of(asked.task) == "zh" else "en"].format(task=asked.task, format=asked.format)
        return await self._work(Ask(wish, _paths(asked.files), {"report_format": asked.format}), ctx)

    async def _work(self, ask: Ask, ctx: Context) -> mt.CallToolResult:
        """Have a run work on it, and tell how far it is."""
        kept, _ = await self._host.begin(replace(ask, nobody=NOBODY_OVER_MCP), owner=_owner(ctx), follow=False)
        leave = self._host.archive.listens(kept)
        try:
            teller = Teller(ctx)
            async for event in kept.run.events():
                await teller.hear(event)
        finally:
            leave()
            kept.run.cancel("The assistant that asked gave the call up.")  # nothing, if it has ended
        return _outcome(kept.run)

    async def _run_code(self, asked: RunCode, ctx: Context) -> mt.CallToolResult:
        # The same code by the same rules, whether an agent of ours or another assistant wants it run.
        rules = self._host.settings.approval
        check_unasked(rules, "code_interpreter", {"code": asked.code}, nobody=NOBODY_OVER_MCP)
        session = await self._session(ctx, asked.session)
        session.users += 1
        try:
            async with session.turn:
                return await self._run_cell(session, asked.code, Teller(ctx))
        finally:
            session.users -= 1

    async def _run_cell(self, session: _Session, code: str, teller: Teller) -> mt.CallToolResult:
        shown, end = Shown(), CellFinished("ok")
        cell = session.runner.run(code, timeout_s=self._host.settings.code_timeout_s)
        async with aclosing(cell):
            async for part in cell:
                if isinstance(part, CellFinished):
                    end = part
                    continue
                if isinstance(part, ResultForModel):
                    shown.add(DocumentPart(text=part.text, media_type="application/json"))
                    continue
                placed = part if isinstance(part, Redrawn) else Redrawn(part)
                shown.add(placed.part, display=placed.display, clears=placed.clears)
                if isinstance(placed.part, StreamPart):
                    await teller.log(plain(settle(placed.part.text)).rstrip("\n"))
        files = await asyncio.to_thread(session.workspace.changed)
        links = [_resource(mt.ResourceLink, session.session_id, file) for file in files]
        parts = [await _linked(session, part) if isinstance(part, ImagePart) else part for part in shown.parts]
        return mt.CallToolResult(content=[*told_cell(parts, end), *links], is_error=end.status != "ok")

    async def _session(self, ctx: Context, name: str) -> _Session:
        """The Python session of that name, of this client where the transport tells clients apart."""
        headers = getattr(ctx.request, "headers", None) or {}
        key = (_owner(ctx), str(headers.get("mcp-session-id", "")), name)
        session = self._sessions.pop(key, None)
        if session is None:
            session = await self._new_session()
        self._sessions[key] = session  # the last is the one that was used last
        return session

    async def _new_session(self) -> _Session:
        resting = [key for key, session in self._sessions.items() if not session.users]
        if len(self._sessions) >= MOST_SESSIONS and not resting:
            raise RequestError(f"All {MOST_SESSIONS} Python sessions are at work; try again when one is free.")
        if len(self._sessions) >= MOST_SESSIONS:
            await self._sessions.pop(resting[0]).runner.close()
        session_id = f"code-{secrets.token_hex(8)}"
        folder = self._host.settings.runs_folder.expanduser().absolute() / session_id
        workspace = await asyncio.to_thread(Workspace.create, folder)
        return _Session(self._make_runner(workspace.folder), workspace, session_id)


async def _linked(session: _Session, chart: ImagePart) -> Part | mt.ResourceLink:
    """A chart as it can be told: a small picture itself, any other as a file of the session."""
    suffix = _SUFFIXES.get(chart.media_type, ".png")
    if suffix != ".svg" and len(chart.content) <= INLINE_BYTES:
        return chart
    try:
        file = await asyncio.to_thread(session.workspace.put, f"chart{suffix}", chart.content)
    except (RequestError, OSError) as error:
        return StreamPart(text=f"\nA chart could not be stored: {error}\n", stream="stderr")
    link: mt.ResourceLink = _resource(mt.ResourceLink, session.session_id, file)
    return link


def _owner(ctx: Context) -> str:
    """Whose runs this client may see; without HTTP there is one client."""
    scope = getattr(ctx.request, "scope", None) or {}
    return str(scope.get("owner", ""))


def _paths(given: list[str]) -> tuple[Path, ...]:
    return tuple(Path(path).expanduser() for path in given)


def _failed(sentence: str) -> mt.CallToolResult:
    return mt.CallToolResult(content=[mt.TextContent(type="text", text=sentence)], is_error=True)


def _outcome(run: RunHandle) -> mt.CallToolResult:
    links = [_resource(mt.ResourceLink, run.run_id, file) for file in run.files]
    said = run.answer if run.status == "finished" else str(run.error or "The run ended without an answer.")
    structured = {
        "answer": run.answer,
        "outcome": run.status,
        "run": run.run_id,
        "plan": [{"title": step.title, "status": step.status} for step in (run.plan.steps if run.plan else ())],
        "files": [link.uri for link in links],
        "sources": [{"number": hit.number, "title": hit.title, "source": hit.source} for hit in _cited(run)],
        "error": str(run.error) if run.error else None,
    }
    said += "".join(f"\n[{hit.number}] {hit.title} ({hit.source})" for hit in _cited(run))
    content: list[mt.ContentBlock] = [mt.TextContent(type="text", text=said), *links]
    return mt.CallToolResult(content=content, structured_content=structured, is_error=run.status != "finished")


def _cited(run: RunHandle) -> list[Hit]:
    """The passages that the answer cites, by number."""
    parts = [part for call in run.transcript.calls.values() for part in call.parts]
    hits = {hit.number: hit for part in parts if isinstance(part, SearchPart) for hit in part.hits if hit.number}
    return [hits[number] for number in sorted(cited_numbers(run.answer)) if number in hits]


def _resource(kind: type[Any], place: str, file: FileRef) -> Any:
    uri = f"genie://{place}/{quote(file.name)}"
    return kind(uri=uri, name=file.name, mime_type=file.media_type, size=file.size)


def _contents(uri: str, name: str, content: bytes) -> mt.TextResourceContents | mt.BlobResourceContents:
    media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
    if media_type.startswith("text/") or media_type == "application/json":
        try:
            return mt.TextResourceContents(uri=uri, mime_type=media_type, text=content.decode())
        except UnicodeDecodeError:
            pass  # as bytes, then
    return mt.BlobResourceContents(uri=uri, mime_type=media_type, blob=base64.b64encode(content).decode())
