"""`/mcp`: genie_nb as an MCP server over streamable HTTP, behind the server's guard; made with the first request.

Above: `app`. Below: `offer`, `host`. Knows `mcp`, its server side.
"""

import asyncio
from importlib import import_module
from typing import TYPE_CHECKING

from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from genie_nb.backend.extras import missing_extra
from genie_nb.backend.server.host import Host
from genie_nb.backend.server.problems import problem

if TYPE_CHECKING:
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

__all__ = ("OfferRoutes",)

IDLE_S = 1800.0
MOST_SESSIONS = 100
CLOSE_S = 3.0


class OfferRoutes:
    """The one route over one host."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self.route = Route("/mcp", endpoint=_Endpoint(self), include_in_schema=False)
        self._opening: asyncio.Task[StreamableHTTPSessionManager] | None = None
        self._holding: asyncio.Task[None] | None = None
        self._leave = asyncio.Event()
        host.leavers.append(self._leave.set)
        host.closers.append(self.close)

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request of a client."""
        if self._leave.is_set() or self._host.make_runner is None:
            self._host.metrics.refused.labels("closing").inc()
            await problem(503, "closing", "This server takes no more MCP requests.")(scope, receive, send)
            return
        if self._opening is None and (lacking := await asyncio.to_thread(missing_extra, "/mcp", "mcp")):
            await problem(501, "not_installed", lacking)(scope, receive, send)
            return
        if self._opening is None:
            self._opening = asyncio.create_task(self._open(), name="offer opening")
        manager = await asyncio.shield(self._opening)
        await manager.handle_request(scope, receive, send)

    async def _open(self) -> "StreamableHTTPSessionManager":
        offer = await asyncio.to_thread(import_module, "genie_nb.backend.server.offer")  # the library takes a second
        from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

        manager = StreamableHTTPSessionManager(
            offer.Offer(self._host).server,
            session_idle_timeout=IDLE_S,
            max_sessions=MOST_SESSIONS,
            max_request_body_size=self._host.settings.server.max_body_mib * 2**20,
        )
        ready = asyncio.Event()
        self._holding = asyncio.create_task(self._hold(manager, ready), name="offer")
        await ready.wait()
        return manager

    async def _hold(self, manager: "StreamableHTTPSessionManager", ready: asyncio.Event) -> None:
        async with manager.run():
            ready.set()
            await self._leave.wait()

    async def close(self) -> None:
        """End every client's session; bounded."""
        self._leave.set()
        if self._holding is not None:
            await asyncio.wait({self._holding}, timeout=CLOSE_S)


class _Endpoint:
    """An ASGI application, as a route wants one that is no function."""

    def __init__(self, routes: OfferRoutes) -> None:
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        await self._routes.answer(scope, receive, send)
