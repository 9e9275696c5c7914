"""Sessions with MCP servers, kept: opened once, used by many calls, opened again when dead, closed when idle.

A call only borrows a session (`kept`). Whatever a server does or leaves undone, the caller gets an answer or one readable
sentence within its patience (# C3).

Above: `tools/mcp`, `server.mcp_routes`. Below: `kept`, `listing`, `errors`.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from genie_nb.backend.mcp.asking import call_tool, every_page, first_page
from genie_nb.backend.mcp.kept import CLOSE_S, Check, Kept, seen, watching
from genie_nb.backend.mcp.peers import McpPatience, McpServer, Watch
from genie_nb.backend.mcp.sentences import ends_session, sentence
from genie_nb.errors import AdmissionRefused, GenieError, LinkError

if TYPE_CHECKING:
    from mcp.client import Client
    from mcp.types import CallToolResult, Tool

__all__ = ("McpPatience", "McpServer", "McpSessions")

PROBE_AFTER_S = 5.0
"""Seconds after which a session is looked at before a call, as a call may not be made twice."""

T = TypeVar("T")


class McpSessions:
    """Sessions with many servers; lives on one event loop.

    Args:
        most: How many are kept at once.
        idle_s: Seconds without a call after which one is closed.
        check: Called with every HTTP request before it is sent; raises to forbid it.
        clock: Seconds that only grow.
    """

    def __init__(
        self,
        *,
        most: int = 32,
        idle_s: float = 300.0,
        check: Check | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most, self._idle_s, self._check, self._clock = most, idle_s, check, clock
        self._kept: dict[McpServer, Kept] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._changed: dict[McpServer, Callable[[], None]] = {}

    def __len__(self) -> int:
        """How many sessions there are."""
        return len(self._kept)

    async def ping(self, server: McpServer, patience: McpPatience | None = None) -> None:
        """Ask a server whether it is there.

        Raises:
            LinkError: It is not.
            AdmissionRefused: All sessions are in use.
        """
        await self._twice(server, patience or McpPatience(), first_page)

    async def list_tools(self, server: McpServer, patience: McpPatience | None = None) -> "list[Tool]":
        """Every tool of a server, from all pages.

        Raises:
            LinkError: The server did not tell.
            AdmissionRefused: All sessions are in use.
        """
        return await self._twice(server, patience or McpPatience(), lambda client: every_page(client, server.there))

    async def call_tool(
        self,
        server: McpServer,
        name: str,
        arguments: dict[str, Any],
        patience: McpPatience | None = None,
        *,
        watch: Watch | None = None,
    ) -> "CallToolResult":
        """Call a tool, never twice: a session that rested is looked at first. A tool's own failure is a result.

        Args:
            server: Whose tool.
            name: Its name there.
            arguments: What it is given.
            patience: How long it may take.
            watch: Who is told of progress and of what the server writes into its log.

        Raises:
            LinkError: There is no result.
            AdmissionRefused: All sessions are in use.
        """
        patience = patience or McpPatience()
        kept = self._kept.get(server)
        if kept is not None and not kept.tells_its_death and self._clock() - kept.used_at >= PROBE_AFTER_S:
            await self.ping(server, patience)
        return await self._ask(server, patience, lambda client: call_tool(client, name, arguments, watch), watch)

    def on_change(self, server: McpServer, call: Callable[[], None]) -> None:
        """Call this when a server says that its tools are others now, and when it was opened again."""
        self._changed[server] = call

    def _tools_changed(self, server: McpServer) -> None:
        if call := self._changed.get(server):
            call()

    async def close(self) -> None:
        """Close every session; bounded, safe to call twice."""
        for kept in tuple(self._kept.values()):
            self._retire(kept, now=True)
        if self._closing:
            await asyncio.wait(self._closing, timeout=2 * CLOSE_S)

    async def _twice(self, server: McpServer, patience: McpPatience, ask: Callable[["Client"], Coroutine[Any, Any, T]]) -> T:
        """Ask; if an older session turns out to be dead, once more on a new one."""
        kept = self._kept.get(server)
        older = kept is not None and kept.asked
        try:
            return await self._ask(server, patience, ask)
        except LinkError:
            if not older or server in self._kept:
                raise
        return await self._ask(server, patience, ask)

    async def _ask(
        self,
        server: McpServer,
        patience: McpPatience,
        ask: Callable[["Client"], Coroutine[Any, Any, T]],
        watch: Watch | None = None,
    ) -> T:
        async with self._borrowed(server, patience, watch) as kept:
            await asyncio.wait({kept.opening})
            error = TimeoutError() if kept.opening.cancelled() else kept.opening.exception()
            if error is None:
                answer = await _within(patience.read_s, ask(kept.opening.result()))
                if not isinstance(answer, BaseException):
                    kept.asked = True
                    return answer
                error = answer
            if kept.fault:
                error = LinkError(kept.fault)
            if ends_session(error):
                self._retire(kept)
            if isinstance(error, GenieError):
                raise error
            raise LinkError(sentence(error, server.there)) from error

    @asynccontextmanager
    async def _borrowed(self, server: McpServer, patience: McpPatience, watch: Watch | None) -> AsyncIterator[Kept]:
        kept = self._kept.get(server)
        if kept is not None and kept.dead:
            self._retire(kept)
            kept = None
        if kept is None:
            self._make_room()
            kept = self._kept[server] = Kept(server, patience, self._check, self._tools_changed)
        if kept.idle is not None:
            kept.idle.cancel()
        kept.users += 1
        token = watching.set(watch)
        if watch is not None:
            kept.watches.append(watch)
        try:
            yield kept
        finally:
            watching.reset(token)
            if watch is not None:
                kept.watches.remove(watch)
            kept.users -= 1
            kept.used_at = self._clock()
            if kept.users == 0:
                self._rest(kept)

    def _rest(self, kept: Kept) -> None:
        if self._kept.get(kept.server) is not kept or not kept.opening.done():
            self._retire(kept)
        else:
            kept.idle = asyncio.get_running_loop().call_later(self._idle_s, self._retire, kept)

    def _make_room(self) -> None:
        if len(self._kept) < self._most:
            return
        resting = [kept for kept in self._kept.values() if not kept.users]
        if not resting:
            busy = "All connections to MCP servers are in use; try again soon."
            raise AdmissionRefused(busy, why="mcp_sessions", retry_after_s=5)
        self._retire(min(resting, key=lambda kept: kept.used_at))

    def _retire(self, kept: Kept, *, now: bool = False) -> None:
        """Give a session to nobody any more; it is closed when its last user has gone."""
        if self._kept.get(kept.server) is kept:
            del self._kept[kept.server]
        if now or not kept.users:
            closing = asyncio.create_task(kept.close())
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)


async def _within(seconds: float, asking: Coroutine[Any, Any, T]) -> T | BaseException:
    """What comes of it, or why nothing does; one that is given up tells the server so."""
    task = asyncio.create_task(asking)
    task.add_done_callback(seen)
    try:
        await asyncio.wait({task}, timeout=seconds)
    finally:
        task.cancel()
    if not task.done():
        await asyncio.wait({task}, timeout=CLOSE_S)
    if not task.done() or task.cancelled():
        return TimeoutError()
    return task.exception() or task.result()
