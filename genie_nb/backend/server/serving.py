"""Serving: the application on a port, on the backend's own loop.

Draining: take nothing new, tell every reader where to resume, close. A reader that takes nothing is cut.

Above: `session`, `cli`. Below: `app`, `host`.
"""

import asyncio
import logging
import socket
import threading
from functools import partial
from typing import Any, Self, cast
from urllib.parse import urlencode

import uvicorn
from starlette.types import Scope

from genie_nb.backend.loop import BackendLoop
from genie_nb.backend.server import SERVICES
from genie_nb.backend.server.app import create_app
from genie_nb.backend.server.connection import Connection, ConnectionLimits
from genie_nb.backend.server.faults import Faults
from genie_nb.backend.server.guard import takes_no_token
from genie_nb.backend.server.host import Host
from genie_nb.errors import SettingsError

__all__ = ("UNSENT_BYTES", "Server")

log = logging.getLogger(__name__)

UNSENT_BYTES = 16384
"""So much may lie in the system for a reader that takes nothing, beside what is on its way to it."""
JDGENIE = frozenset({"agent", "tools", "mcp"})
"""The services with paths of JDGenie's."""
DRAIN_S = 5.0
"""Seconds that readers get to take what is on its way to them."""
CLOSE_S = 15.0


class _Uvicorn(uvicorn.Server):
    """Says when it takes connections."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


class Server:
    """A running server; `with` closes it.

    Attributes:
        url: Where it answers, with its token.
        address: The same without the token.
        token: The token.
        heartbeat_s: Seconds of silence before a heartbeat in the native dialect.
        open_paths: Whether JDGenie's paths are served, to whoever reaches them, without a token.
    """

    def __init__(
        self,
        host: Host,
        backend: BackendLoop,
        *,
        address: str = "127.0.0.1",
        port: int = 0,
        services: tuple[str, ...] = SERVICES,
    ) -> None:
        """Start to serve; returns when the server answers.

        Raises:
            SettingsError: The port cannot be had, or the store cannot be read.
        """
        self.host = host
        self._backend = backend
        self._socket = _listen(address, port)
        bound = self._socket.getsockname()
        name = f"[{bound[0]}]" if ":" in bound[0] else bound[0]
        self.address = f"http://{name}:{bound[1]}"
        self.token = host.token
        self.url = f"{self.address}/?{urlencode({'token': host.token})}"
        server = host.settings.server
        self.heartbeat_s = server.heartbeat_s
        self.open_paths = takes_no_token(server, address) and not JDGENIE.isdisjoint(services)
        limits = ConnectionLimits(server.max_links + server.max_requests, server.head_s, server.stall_s)
        refused = host.metrics.refused.labels("connections").inc
        connection = partial(Connection, limits=limits, evicted=host.metrics.evicted.inc, refused=refused)
        self._server = _Uvicorn(
            uvicorn.Config(
                create_app(host, services=services, address=address),
                http=cast("type[asyncio.Protocol]", connection),
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=int(CLOSE_S),
            )
        )
        host.links.abort = self._abort
        host.metrics.connections.set_function(lambda: len(self._server.server_state.connections))
        host.faults.call = backend.call
        self._closed = threading.Lock()
        self._serving: asyncio.Task[None] | None = None
        backend.submit(self._start()).result()

    @property
    def faults(self) -> Faults:
        """What can be made to go wrong here, for a lesson or a test."""
        return self.host.faults

    async def _start(self) -> None:
        try:
            await self.host.archive.open()
        except SettingsError:
            self._socket.close()
            await self.host.close()
            raise
        self._serving = asyncio.get_running_loop().create_task(self._server.serve([self._socket]), name="server")
        await self._server.ready.wait()
        self._backend.on_close(self._stop, first=True)

    def close(self) -> None:
        """Stop to serve: every reader is told where to resume. Safe to call twice."""
        if not self._closed.acquire(blocking=False) or self._backend.closed:
            return
        self._backend.submit(self._stop()).result(timeout=2 * CLOSE_S)

    async def _stop(self) -> None:
        """Readers are told first, then runs are stopped, then what is still open is cut; the store is closed in any case."""
        if self._serving is None or self._serving.done():
            return
        await self.host.drain()
        try:
            async with asyncio.timeout(CLOSE_S):
                await self.host.links.emptied(patience_s=DRAIN_S)
                await self.host.stop_runs()
                self._server.should_exit = True
                await asyncio.wait({self._serving}, timeout=DRAIN_S)
                for connection in tuple(self._server.server_state.connections):
                    cast("Connection", connection).transport.abort()
                await asyncio.wait({self._serving})
        except TimeoutError:
            log.warning("The server at %s did not come to its end within %s s.", self.address, CLOSE_S)
        finally:
            await self.host.close()

    def _abort(self, scope: Scope) -> bool:
        """Cut the connection that carries this request, which carries no other one; whether it had not been cut before."""
        for connection in tuple(self._server.server_state.connections):
            cycle: Any = getattr(connection, "cycle", None)
            if cycle is not None and cycle.scope is scope:
                return cast("Connection", connection).cut()
        return False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        """Where it answers, without the token."""
        return f"<genie_nb server at {self.address}>"


def _listen(address: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        listening = socket.create_server((address, port), family=family, backlog=1024)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise SettingsError(f"Port {port} of {address} cannot be served: {reason}. Choose another port, or 0.") from error
    # Connections inherit both; asyncio would set neither here.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)
    return listening
