"""The application: the services' route tables over one host, behind the guard.

Above: `serving`. Below: the route tables, `guard`, `host`.
"""

import errno
from collections.abc import Iterable
from importlib.metadata import version
from typing import Any, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp

from genie_nb.backend.server import SERVICES
from genie_nb.backend.server.agent_routes import AgentRoutes
from genie_nb.backend.server.file_routes import FileRoutes
from genie_nb.backend.server.genie_routes import GenieRoutes
from genie_nb.backend.server.guard import LOOPBACK, Guard, takes_no_token
from genie_nb.backend.server.host import Host
from genie_nb.backend.server.mcp_routes import McpRoutes
from genie_nb.backend.server.model_routes import ModelRoutes
from genie_nb.backend.server.offer_routes import OfferRoutes
from genie_nb.backend.server.problems import answer_to, problem
from genie_nb.backend.server.stream import HandOver
from genie_nb.backend.server.tool_routes import ToolRoutes
from genie_nb.backend.server.uploads import larger_bodies
from genie_nb.errors import GenieError

__all__ = ("create_app",)

VERSION = version("genie_nb")


def create_app(host: Host, *, services: Iterable[str] = SERVICES, address: str = "127.0.0.1") -> ASGIApp:
    """The server's application.

    Args:
        host: What its routes work on.
        services: Which of the services it is.
        address: The address that it will be bound to.
    """
    app = FastAPI(title="genie_nb", version=VERSION, docs_url=None, redoc_url=None, openapi_url="/v1/openapi.json")
    chosen = tuple(services)
    if "agent" in chosen:
        app.include_router(AgentRoutes(host).router)
        app.include_router(GenieRoutes(host).router)
    if "tools" in chosen:
        app.include_router(ToolRoutes(host).router)
        app.include_router(FileRoutes(host).router)
    if "mcp" in chosen:
        app.include_router(McpRoutes(host).router)
    if "model" in chosen:
        app.include_router(ModelRoutes(host).router)
    if "offer" in chosen:
        app.router.routes.append(OfferRoutes(host).route)
    _add_common(app, host, chosen)
    _add_answers_to_errors(app, host)
    server, loopback = host.settings.server, address in LOOPBACK
    guarded = Guard(
        app,
        token=host.token,
        hosts=(*LOOPBACK, address, *server.hosts) if loopback or server.hosts else ("*",),
        origins=server.origins,
        jdgenie=takes_no_token(server, address),
        max_body=server.max_body_mib * 2**20,
        larger=larger_bodies(server),
    )
    return HandOver(guarded)


def _add_common(app: FastAPI, host: Host, services: tuple[str, ...]) -> None:
    @app.get("/health")
    async def health() -> Any:
        """Whether the server takes requests."""
        state = "draining" if host.admission.closed else "ok"
        return {"status": state, "version": VERSION, "services": services}

    @app.get("/metrics")
    async def metrics() -> Response:
        """What the server counted, for Prometheus."""
        return PlainTextResponse(host.metrics.page(host.look), media_type="text/plain; version=0.0.4")


def _add_answers_to_errors(app: FastAPI, host: Host) -> None:
    async def answer(_request: Request, error: Exception) -> Response:
        host.count_refusal(error)
        return answer_to(cast("GenieError", error))

    async def no_room(_request: Request, error: Exception) -> Response:
        if getattr(error, "errno", None) not in (errno.ENOSPC, errno.EDQUOT):
            raise error
        host.metrics.refused.labels("disk").inc()
        return problem(507, "no_room", "There is no room on the server's disk.", retry_after_s=60)

    app.add_exception_handler(GenieError, answer)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(OSError, no_room)


async def _invalid(_request: Request, error: Exception) -> Response:
    first = cast("RequestValidationError", error).errors()[0]
    place = ".".join(str(part) for part in first["loc"] if part != "body")
    return problem(422, "invalid_request", f"{place or 'The body'}: {first['msg']}.")
