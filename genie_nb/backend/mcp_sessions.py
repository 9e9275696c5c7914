"""Sessions with MCP servers, kept: opened once, used by many calls, opened again when dead, closed when idle.

Each session lives in a task of its own that enters and leaves the library's context managers (# C5); a call only borrows it.
A path that ends in `/sse` is asked over SSE; any other over streamable HTTP first, then over SSE (# C2). Whatever a server
does or leaves undone, the caller gets an answer or one readable sentence within its patience (# C3).

Above: `server.mcp_routes`. Below: `fetching`, `errors`; the only room that knows `mcp`.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar
from urllib.parse import urlsplit

from genie_nb.backend.fetching import AddressCheck, guarded_transport2
from genie_nb.errors import AdmissionRefused, GenieError, LinkError

if TYPE_CHECKING:
    from httpx2 import AsyncClient
    from mcp.client import Client
    from mcp.types import CallToolResult, Tool

__all__ = ("McpPatience", "McpServer", "McpSessions")

MOST_PAGES = 100
PROBE_AFTER_S = 5.0
"""Seconds after which a session is looked at before a call, as a call may not be made twice."""
CLOSE_S = 2.0
SILENCE_S = 3600.0
"""Seconds that the transport itself takes silence for; each call has its own patience, which is less."""
CLOSED_CODES = (-32000, -32600)
"""The library's codes for a connection that was closed, and for a session that the server has forgotten."""

T = TypeVar("T")
Way = Literal["http", "sse"]


@dataclass(frozen=True)
class McpServer:
    """A server, and as whom it is asked: another header, another session.

    Attributes:
        headers: Names in small letters and values, sorted.
    """

    url: str
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def host(self) -> str:
        """Its host and port, without a password."""
        return urlsplit(self.url).netloc.rpartition("@")[2]


@dataclass(frozen=True)
class McpPatience:
    """How long a server may take.

    Attributes:
        connect_s: Seconds to be reached; the whole opening with its handshake may take three times as long.
        read_s: Seconds to answer one question.
    """

    connect_s: float = 5.0
    read_s: float = 300.0


class _Kept:
    """One session in its own task."""

    def __init__(self, server: McpServer, patience: McpPatience, check: Callable[[Any], Awaitable[None]] | None) -> None:
        self.server, self._patience, self._check = server, patience, check
        self.users = 0
        self.asked = False
        self.used_at = 0.0
        self.idle: asyncio.TimerHandle | None = None
        self.client: Client | None = None
        self._leave = asyncio.Event()
        self._holding: asyncio.Task[None] | None = None
        self.opening = asyncio.create_task(self._open(), name=f"mcp opening {server.host}")
        self.opening.add_done_callback(_seen)

    @property
    def dead(self) -> bool:
        return self._holding is not None and self._holding.done()

    async def _open(self) -> "Client":
        ways: tuple[Way, ...] = ("sse",) if urlsplit(self.server.url).path.rstrip("/").endswith("/sse") else ("http", "sse")
        first: BaseException | None = None
        async with asyncio.timeout(3 * self._patience.connect_s):
            for way in ways:
                opened: asyncio.Future[Client] = asyncio.get_running_loop().create_future()
                holding = self._holding = asyncio.create_task(self._hold(way, opened), name=f"mcp {self.server.host}")
                holding.add_done_callback(_seen)
                both: set[asyncio.Future[Any]] = {holding, opened}
                await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
                if opened.done():
                    self.client = opened.result()
                    return self.client
                first = first or holding.exception()
                if _unreached(first):
                    break
        raise first or LinkError(f"The MCP server at {self.server.host} closed the connection.")

    async def _hold(self, way: Way, opened: "asyncio.Future[Client]") -> None:
        http = await asyncio.to_thread(_http_client, self.server, self._patience, self._check)
        async with AsyncExitStack() as stack:
            if way == "http":
                await stack.enter_async_context(http)  # over SSE the library does it
            opened.set_result(await stack.enter_async_context(_mcp_client(self.server.url, way, http)))
            await self._leave.wait()

    async def close(self) -> None:
        """End the session; bounded."""
        if self.idle is not None:
            self.idle.cancel()
        self._leave.set()
        if not self.opening.done():
            self.opening.cancel()
            await asyncio.wait({self.opening}, timeout=CLOSE_S)
        if self._holding is not None and not self._holding.done():
            if self.client is not None:
                await asyncio.wait({self._holding}, timeout=CLOSE_S)
            self._holding.cancel()
            await asyncio.wait({self._holding}, timeout=CLOSE_S)


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
        check: Callable[[Any], Awaitable[None]] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most, self._idle_s, self._check, self._clock = most, idle_s, check, clock
        self._kept: dict[McpServer, _Kept] = {}
        self._closing: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        """How many sessions there are."""
        return len(self._kept)

    async def ping(self, server: McpServer, patience: McpPatience | None = None) -> None:
        """Ask a server whether it is there.

        Raises:
            LinkError: It is not.
            AdmissionRefused: All sessions are in use.
        """
        await self._twice(server, patience or McpPatience(), _first_page)

    async def list_tools(self, server: McpServer, patience: McpPatience | None = None) -> "list[Tool]":
        """Every tool of a server, from all pages.

        Raises:
            LinkError: The server did not tell.
            AdmissionRefused: All sessions are in use.
        """
        return await self._twice(server, patience or McpPatience(), _every_page)

    async def call_tool(
        self, server: McpServer, name: str, arguments: dict[str, Any], patience: McpPatience | None = None
    ) -> "CallToolResult":
        """Call a tool, never twice: a session that rested is looked at first. A tool's own failure is a result.

        Raises:
            LinkError: There is no result.
            AdmissionRefused: All sessions are in use.
        """
        patience = patience or McpPatience()
        kept = self._kept.get(server)
        if kept is not None and self._clock() - kept.used_at >= PROBE_AFTER_S:
            await self.ping(server, patience)
        return await self._ask(server, patience, lambda client: client.call_tool(name, arguments))

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

    async def _ask(self, server: McpServer, patience: McpPatience, ask: Callable[["Client"], Coroutine[Any, Any, T]]) -> T:
        async with self._borrowed(server, patience) as kept:
            await asyncio.wait({kept.opening})
            error = TimeoutError() if kept.opening.cancelled() else kept.opening.exception()
            if error is None:
                asking = asyncio.create_task(ask(kept.opening.result()))
                asking.add_done_callback(_seen)
                try:
                    await asyncio.wait({asking}, timeout=patience.read_s)
                finally:
                    asking.cancel()
                if not asking.done():
                    await asyncio.wait({asking}, timeout=CLOSE_S)
                error = TimeoutError() if not asking.done() or asking.cancelled() else asking.exception()
                if error is None:
                    kept.asked = True
                    return asking.result()
            if _ends_session(error):
                self._retire(kept)
            if isinstance(error, GenieError):
                raise error
            raise LinkError(_sentence(error, server.host)) from error

    @asynccontextmanager
    async def _borrowed(self, server: McpServer, patience: McpPatience) -> AsyncIterator[_Kept]:
        kept = self._kept.get(server)
        if kept is not None and kept.dead:
            self._retire(kept)
            kept = None
        if kept is None:
            self._make_room()
            kept = self._kept[server] = _Kept(server, patience, self._check)
        if kept.idle is not None:
            kept.idle.cancel()
        kept.users += 1
        try:
            yield kept
        finally:
            kept.users -= 1
            kept.used_at = self._clock()
            if kept.users == 0:
                self._rest(kept)

    def _rest(self, kept: _Kept) -> None:
        if self._kept.get(kept.server) is not kept or not kept.opening.done():
            self._retire(kept)
        else:
            kept.idle = asyncio.get_running_loop().call_later(self._idle_s, self._retire, kept)

    def _make_room(self) -> None:
        if len(self._kept) < self._most:
            return
        resting = [kept for kept in self._kept.values() if not kept.users]
        if not resting:
            raise AdmissionRefused("All connections to MCP servers are in use; try again soon.", retry_after_s=5)
        self._retire(min(resting, key=lambda kept: kept.used_at))

    def _retire(self, kept: _Kept, *, now: bool = False) -> None:
        """Give a session to nobody any more; it is closed when its last user has gone."""
        if self._kept.get(kept.server) is kept:
            del self._kept[kept.server]
        if now or not kept.users:
            closing = asyncio.create_task(kept.close())
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)


async def _first_page(client: "Client") -> None:
    await client.list_tools(cache_mode="bypass")


async def _every_page(client: "Client") -> "list[Tool]":
    tools: list[Tool] = []
    cursor: str | None = None
    for _ in range(MOST_PAGES):
        page = await client.list_tools(cursor=cursor, cache_mode="bypass")
        tools += page.tools
        if not page.next_cursor or page.next_cursor == cursor:
            break
        cursor = page.next_cursor
    return tools


def _http_client(server: McpServer, patience: McpPatience, check: Callable[[Any], Awaitable[None]] | None) -> "AsyncClient":
    """On a thread: the first import takes a second, and making a TLS context reads files."""
    import httpx2
    import mcp.client  # noqa: F401  # loaded here, so that the loop finds it ready

    limits = httpx2.Timeout(patience.connect_s, read=SILENCE_S)
    if isinstance(check, AddressCheck):
        transport = guarded_transport2(check.settings)
        return httpx2.AsyncClient(headers=dict(server.headers), timeout=limits, transport=transport, trust_env=False)
    hooks: dict[str, list[Callable[..., Any]]] = {"request": [check]} if check else {}
    return httpx2.AsyncClient(headers=dict(server.headers), timeout=limits, event_hooks=hooks)


def _mcp_client(url: str, way: Way, http: "AsyncClient") -> "Client":
    from mcp.client import Client
    from mcp.client.sse import sse_client
    from mcp.client.streamable_http import streamable_http_client

    if way == "http":
        return Client(streamable_http_client(url, http_client=http))

    def made(*_: Any, **__: Any) -> "AsyncClient":
        return http

    return Client(sse_client(url, httpx_client_factory=made))


def _seen(task: "asyncio.Task[Any]") -> None:
    """Take note of an error, so that nobody is told that it was never looked at."""
    if not task.cancelled():
        task.exception()


def _leaf(error: BaseException | None) -> BaseException | None:
    """The first error inside a group of groups."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _unreached(error: BaseException | None) -> bool:
    import httpx2

    leaf = _leaf(error)
    return isinstance(leaf, GenieError | httpx2.ConnectError | httpx2.ConnectTimeout)


def _ends_session(error: BaseException) -> bool:
    """Whether a session cannot be relied on after this; an error that the server itself answers with is no reason."""
    from mcp.shared.exceptions import MCPError

    leaf = _leaf(error)
    return not isinstance(leaf, MCPError) or leaf.code in CLOSED_CODES


def _sentence(error: BaseException, host: str) -> str:
    import httpx2
    from mcp.shared.exceptions import MCPError

    leaf = _leaf(error)
    there = f"The MCP server at {host}"
    if isinstance(leaf, TimeoutError | httpx2.TimeoutException):
        return f"{there} did not answer in time."
    if isinstance(leaf, httpx2.HTTPStatusError):
        return f"{there} answered with HTTP status {leaf.response.status_code}."
    if isinstance(leaf, httpx2.ConnectError):
        return f"{there} could not be reached."
    if isinstance(leaf, MCPError) and leaf.code != CLOSED_CODES[0]:
        return f"{there} refused: {leaf.message[:500]}"
    if isinstance(leaf, MCPError | httpx2.TransportError):
        return f"{there} closed the connection before it had answered."
    return f"{there} cannot be understood: {type(leaf).__name__}: {str(leaf)[:300]}"
