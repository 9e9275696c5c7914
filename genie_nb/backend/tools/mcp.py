"""The tools of MCP servers as tools of a run.

A server's tools are listed once for the process and again when it says that they changed; its session is kept and shared by
runs. A run waits a short while for servers that are not ready; what comes later joins it then. A server that is not there
is one sentence in the run, never its end.

Above: `session`. Below: `mcp.sessions`, `mcp_results`, `mcp_schema`, `mcp_service`, `tools/base`.
"""

import asyncio
import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from genie_nb.backend.loop import BackendLoop
from genie_nb.backend.mcp.peers import McpPatience, McpServer, Watch
from genie_nb.backend.mcp.sessions import McpSessions
from genie_nb.backend.mcp_entry import McpEntry, labelled
from genie_nb.backend.models.base import ToolSpec
from genie_nb.backend.settings import Settings
from genie_nb.backend.tools.base import Call, Tool
from genie_nb.backend.tools.mcp_results import Brought, read_result
from genie_nb.backend.tools.mcp_schema import Listed, read_listing, unique_names
from genie_nb.backend.tools.mcp_service import McpService
from genie_nb.backend.tools.mcp_watch import CardWatch
from genie_nb.errors import AdmissionRefused, LinkError, ToolFailed
from genie_nb.events import FileCreated

__all__ = ("McpTools", "mcp_tools")

LIST_S = 30.0
_NOTHING_TO_REACH = "The setting mcp_url names a service, but mcp names no server that it could reach."


class Source(Protocol):
    """Where one server's tools are listed and called."""

    async def list_tools(self) -> list[dict[str, Any]]:
        """Its tools as they are on the wire: `name`, `description`, `inputSchema`."""
        ...

    async def call_tool(self, name: str, arguments: dict[str, Any], timeout_s: float, watch: Watch) -> dict[str, Any]:
        """What a tool answered, as it is on the wire."""
        ...


@dataclass(frozen=True)
class SessionSource:
    """A server that is reached from here."""

    sessions: McpSessions
    server: McpServer

    async def list_tools(self) -> list[dict[str, Any]]:
        """See `Source`."""
        tools = await self.sessions.list_tools(self.server, McpPatience(read_s=LIST_S))
        return [
            tool.model_dump(mode="json", by_alias=True, include={"name", "description", "input_schema"}) for tool in tools
        ]

    async def call_tool(self, name: str, arguments: dict[str, Any], timeout_s: float, watch: Watch) -> dict[str, Any]:
        """See `Source`."""
        patience = McpPatience(read_s=timeout_s)
        result = await self.sessions.call_tool(self.server, name, arguments, patience, watch=watch)
        return result.model_dump(mode="json", by_alias=True)


class Supply:
    """One server's tools, for every run of the process.

    Attributes:
        tools: What it listed.
        problem: Why there is nothing; empty while it is not known.
    """

    def __init__(self, label: str, source: Source) -> None:
        self.label, self.source = label, source
        self.tools: tuple[Listed, ...] = ()
        self.problem = ""
        self._stale = True
        self._began = 0.0
        self._listing: asyncio.Task[None] | None = None

    def refresh(self) -> None:
        """List again; what was listed counts until then."""
        self._stale = True
        self.begin()

    def begin(self) -> None:
        """List, unless that is done or being done."""
        if self._stale and (self._listing is None or self._listing.done()):
            self._began = asyncio.get_running_loop().time()
            self._listing = asyncio.create_task(self._list(), name=f"mcp tools of {self.label}")

    async def ready(self, wait_s: float) -> None:
        """Wait until it is listed, but no longer than so many seconds after it was asked, by this run or another."""
        if self._listing is not None and not self._listing.done() and not self.tools:
            left_s = self._began + wait_s - asyncio.get_running_loop().time()
            await asyncio.wait({self._listing}, timeout=max(0.0, left_s))

    @property
    def missing(self) -> str:
        """Why its tools are not there, in one sentence; empty if they are."""
        if self.problem and not self.tools:
            return f"{self.problem} Its tools are left out."
        if self._listing is not None and not self._listing.done() and not self.tools:
            return f"The MCP server {self.label} is not ready yet; the run goes on, and its tools join as soon as it is."
        return ""

    async def _list(self) -> None:
        while self._stale:  # it may have changed while it was listed
            self._stale, self.problem = False, ""
            try:
                self.tools = await asyncio.to_thread(read_listing, await self.source.list_tools())
            except (LinkError, AdmissionRefused) as error:
                self.tools, self.problem, self._stale = (), str(error), True
                return


class McpShelf:
    """The sessions and the listings of one process; lives on the backend's loop."""

    def __init__(self) -> None:
        self.sessions = McpSessions(idle_s=24 * 3600.0)
        self._supplies: dict[tuple[McpServer, str], Supply] = {}

    def supplies(self, settings: Settings) -> list[Supply]:
        """Those of the servers that settings name."""
        return [self._supply(McpServer.of(entry, name), settings.mcp_url or "") for name, entry in labelled(settings.mcp)]

    def _supply(self, server: McpServer, service: str) -> Supply:
        key = (server, service if server.url else "")
        if key not in self._supplies:
            source = McpService(service, server) if service and server.url else SessionSource(self.sessions, server)
            supply = self._supplies[key] = Supply(server.name, source)
            self.sessions.on_change(server, supply.refresh)
        return self._supplies[key]

    async def close(self) -> None:
        """End every session."""
        await self.sessions.close()


_shelves: WeakKeyDictionary[BackendLoop, McpShelf] = WeakKeyDictionary()


@dataclass
class McpTools:
    """The MCP tools of one run, as they are now.

    Attributes:
        notes: What the person is told when the run begins.
    """

    supplies: Sequence[tuple[McpEntry, Supply]]
    timeout_s: float
    notes: tuple[str, ...] = ()

    def __call__(self, taken: Iterable[str]) -> list[Tool]:
        """The tools, none of them called like one that is there."""
        listed = [(entry, supply, tool) for entry, supply in self.supplies for tool in supply.tools]
        names = unique_names(((supply.label, tool.name) for _, supply, tool in listed), taken)
        return [
            McpTool(
                ToolSpec(name, tool.about or tool.name, tool.schema, entry.asks),
                entry.timeout_s or self.timeout_s,
                tool.name,
                supply,
            )
            for name, (entry, supply, tool) in zip(names, listed, strict=True)
            if name
        ]


async def mcp_tools(settings: Settings, backend: BackendLoop) -> McpTools:
    """The tools of the servers that settings name; waits a short while for those that are not ready."""
    if not settings.mcp:
        return McpTools((), settings.tool_timeout_s, (_NOTHING_TO_REACH,))
    shelf = _shelves.get(backend)
    if shelf is None:
        shelf = _shelves[backend] = McpShelf()
        backend.on_close(shelf.close)
    supplies = shelf.supplies(settings)
    for supply in supplies:
        supply.begin()
    await asyncio.gather(*(supply.ready(settings.mcp_wait_s) for supply in supplies))
    notes = tuple(supply.missing for supply in supplies if supply.missing)
    return McpTools(tuple(zip(settings.mcp, supplies, strict=True)), settings.tool_timeout_s, notes)


@dataclass(frozen=True)
class McpTool:
    """One tool of a server.

    Attributes:
        there: Its name at the server.
    """

    spec: ToolSpec
    timeout_s: float
    there: str
    supply: Supply

    async def call(self, call: Call) -> str:
        """Have the server do it.

        Raises:
            ToolFailed: It says that it failed, or there is no answer.
        """
        watch = CardWatch(call)
        try:
            # The box has the same limit and says so in its own words; what is given up here tells the server.
            result = await self.supply.source.call_tool(self.there, call.arguments, 2 * self.timeout_s, watch)
        except (LinkError, AdmissionRefused) as error:
            raise ToolFailed(str(error)) from error
        finally:
            watch.finish()
        try:
            brought = await asyncio.to_thread(read_result, result)
        except RecursionError as error:
            raise ToolFailed(f"The tool {self.spec.name} answered with JSON that is nested too deeply.") from error
        for part in brought.parts:
            call.show(part)
        await _keep(brought, call)
        if brought.failed:
            raise ToolFailed(brought.text or f"The tool {self.spec.name} failed and did not say why.")
        return brought.text or "Done; it returned nothing."

    async def close(self) -> None:
        """Nothing is held: the session is the process's."""


async def _keep(brought: Brought, call: Call) -> None:
    """Write what is no picture and no text into the run's folder."""
    if not brought.files:
        return
    workspace = call.context.workspace
    for name, content in brought.files:
        written = await asyncio.to_thread(_write_new, workspace.folder, name, content)
        brought.told.append(f"file: {written}" if written else f"[{name}: could not be written]")
    for file in await asyncio.to_thread(workspace.changed):
        call.context.printer.emit(FileCreated(call_id=call.call_id, file=file))


def _write_new(folder: Path, name: str, content: bytes) -> str:
    """Write a file that was not there before; its name."""
    stem, dot, ending = name.rpartition(".")
    for number in range(1, 1000):
        tried = name if number == 1 else f"{stem or ending}-{number}{dot if stem else ''}{ending if stem else ''}"
        with suppress(FileExistsError):
            try:
                with os.fdopen(os.open(folder / tried, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                    file.write(content)
            except FileExistsError:
                raise
            except OSError:
                return ""
            return tried
    return ""
