"""One kept session: opened in a task of its own, held there, lent to calls, ended there.

The task enters and leaves the library's context managers (# C5). A path that ends in `/sse` is asked over SSE; any other
over streamable HTTP first, then over SSE (# C2); a command over stdio.

Above: `sessions`. Below: `child`, `bounds`, `peers`, `fetching`.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from contextvars import Context, ContextVar
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from genie_nb.backend.extras import require_extra
from genie_nb.backend.fetching import AddressCheck, guarded_transport2
from genie_nb.backend.mcp.bounds import MOST_BYTES, Bounds
from genie_nb.backend.mcp.child import Child
from genie_nb.backend.mcp.peers import McpPatience, McpServer, Watch
from genie_nb.backend.mcp.sentences import unreached
from genie_nb.errors import LinkError

if TYPE_CHECKING:
    from httpx2 import AsyncClient
    from mcp.client import Client
    from mcp.types import LoggingMessageNotificationParams

__all__ = ("CLOSE_S", "Check", "Kept", "seen", "watching")

CLOSE_S = 2.5
"""Seconds that a session gets to end; a child's own ending takes no longer."""
SILENCE_S = 3600.0
"""Seconds that the transport itself takes silence for; each call has its own patience, which is less."""
PROGRAM_OPENING_S = 120.0
"""Seconds that a program may take to be ready: it may have to be fetched first."""

Way = Literal["http", "sse", "stdio"]
Check = Callable[[Any], Awaitable[None]]
watching: ContextVar[Watch | None] = ContextVar("watching", default=None)
"""Who watches the call whose stream brings a message; only streamable HTTP keeps streams of calls apart."""


class Kept:
    """One session in its own task.

    Attributes:
        users: How many calls borrow it.
        fault: Why the server was given up, in one sentence.
    """

    def __init__(
        self, server: McpServer, patience: McpPatience, check: Check | None, changed: Callable[[McpServer], None]
    ) -> None:
        self.server, self._patience, self._check, self._changed = server, patience, check, changed
        self.users = 0
        self.asked = False
        self.used_at = 0.0
        self.idle: asyncio.TimerHandle | None = None
        self.client: Client | None = None
        self.fault = ""
        self.watches: list[Watch] = []
        self._bounds = Bounds(server.there, self._give_up)
        self._child = Child(server, self._bounds, self._log, self._child_is_gone) if server.command else None
        self._leave = asyncio.Event()
        self._holding: asyncio.Task[None] | None = None
        # In an empty context: what is set for the call that opens it is not meant for those that come later.
        self.opening = asyncio.create_task(self._open(), name=f"mcp opening {server.there}", context=Context())
        self.opening.add_done_callback(seen)

    @property
    def dead(self) -> bool:
        """Whether nobody can be asked here any more."""
        return bool(self.fault) or (self._holding is not None and self._holding.done())

    @property
    def tells_its_death(self) -> bool:
        """Whether a session that looks alive is alive."""
        return self._child is not None

    async def _open(self) -> "Client":
        first: BaseException | None = None
        async with asyncio.timeout(PROGRAM_OPENING_S if self._child else 3 * self._patience.connect_s):
            for way in _ways(self.server):
                opened: asyncio.Future[Client] = asyncio.get_running_loop().create_future()
                holding = self._holding = asyncio.create_task(self._hold(way, opened), name=f"mcp {self.server.there}")
                holding.add_done_callback(seen)
                both: set[asyncio.Future[Any]] = {holding, opened}
                await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
                if opened.done():
                    self.client = opened.result()
                    return self.client
                first = first or holding.exception()
                if self.fault or unreached(first):
                    break
        raise LinkError(self.fault) if self.fault else first or LinkError(f"{self.server.there} closed the connection.")

    async def _hold(self, way: Way, opened: "asyncio.Future[Client]") -> None:
        http = await asyncio.to_thread(_http_client, self.server, self._patience, self._check, self._bounds)
        async with AsyncExitStack() as stack:
            if way == "http":
                await stack.enter_async_context(http)  # over SSE the library does it
            client = await stack.enter_async_context(self._client(way, http))
            opened.set_result(client)
            if _tells_changes(client):
                changes = asyncio.create_task(self._hear_changes(client))
                changes.add_done_callback(seen)
                stack.callback(changes.cancel)
            await self._leave.wait()

    def _client(self, way: Way, http: "AsyncClient") -> "Client":
        from mcp.client import Client

        transport = self._child.streams() if self._child else _over_http(self.server.url, way, http)
        return Client(
            transport,
            cache=None,  # what is listed is kept by who listed it
            log_level="info",
            logging_callback=self._logged,
            message_handler=self._notified,
        )

    async def _logged(self, params: "LoggingMessageNotificationParams") -> None:
        said = params.data if isinstance(params.data, str) else str(params.data)
        self._log(f"{params.level}: {said}")

    async def _notified(self, message: Any) -> None:
        from mcp.types import ToolListChangedNotification

        if isinstance(message, ToolListChangedNotification):
            self._changed(self.server)

    async def _hear_changes(self, client: "Client") -> None:
        """Since 2026 a client has to ask to be told; what ends the telling ends nothing else."""
        async with client.listen(tools_list_changed=True) as told:
            async for _ in told:
                self._changed(self.server)

    def _log(self, text: str) -> None:
        watch = watching.get()
        for one in [watch] if watch else self.watches:
            one.log(text)

    def _give_up(self, sentence: str) -> None:
        self.fault = self.fault or sentence
        self._leave.set()

    def _child_is_gone(self) -> None:
        if self._child is not None and not self._leave.is_set():
            self._give_up(self._child.how_it_ended() or f"{self.server.there} closed its output.")

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


def _ways(server: McpServer) -> tuple[Way, ...]:
    if server.command:
        return ("stdio",)
    return ("sse",) if urlsplit(server.url).path.rstrip("/").endswith("/sse") else ("http", "sse")


def _tells_changes(client: "Client") -> bool:
    from mcp.types.version import MODERN_PROTOCOL_VERSIONS

    tools = client.server_capabilities.tools
    return client.protocol_version in MODERN_PROTOCOL_VERSIONS and tools is not None and bool(tools.list_changed)


def _http_client(server: McpServer, patience: McpPatience, check: Check | None, bounds: Bounds) -> "AsyncClient":
    """On a thread: the first import takes a second, and making a TLS context reads files.

    Raises:
        LinkError: The library is not installed.
    """
    require_extra(server.there, "mcp", error=LinkError)
    import httpx2
    import mcp.client  # noqa: F401  # loaded here, so that the loop finds it ready

    for name in ("mcp", "client"):  # its tracebacks go to who asks for them, not into a cell
        logging.getLogger(name).addHandler(logging.NullHandler())
    limits = httpx2.Timeout(patience.connect_s, read=SILENCE_S)
    hooks: dict[str, list[Callable[..., Any]]] = {"request": [bounds.before], "response": [bounds.after]}
    headers = {"accept-encoding": "identity"} | dict(server.headers)
    if isinstance(check, AddressCheck):
        guarded = guarded_transport2(check.settings)
        return httpx2.AsyncClient(headers=headers, timeout=limits, event_hooks=hooks, transport=guarded, trust_env=False)
    if check:
        hooks["request"].append(check)
    return httpx2.AsyncClient(headers=headers, timeout=limits, event_hooks=hooks)


def _over_http(url: str, way: Way, http: "AsyncClient") -> Any:
    from mcp.client.sse import sse_client
    from mcp.client.streamable_http import streamable_http_client

    if way == "http":
        return streamable_http_client(url, http_client=http, max_sse_event_size=MOST_BYTES)

    def made(*_: Any, **__: Any) -> "AsyncClient":
        return http

    return sse_client(url, httpx_client_factory=made)


def seen(task: "asyncio.Task[Any]") -> None:
    """Take note of an error, so that nobody is told that it was never looked at."""
    if not task.cancelled():
        task.exception()
