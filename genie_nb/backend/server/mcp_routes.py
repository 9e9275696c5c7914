"""The MCP service in JDGenie's dialect: tools of MCP servers over plain JSON, in an envelope that always has status 200.

Its contract is genie-client's (`C/server.py`). What differs on purpose: sessions are kept (# C1), streamable HTTP is spoken
too (# C2), an error is one sentence that says what happened (# C3), every failure stays in the envelope (# C4), and
addresses are checked before they are asked (# C7).

Above: `app`. Below: `host`, `unasked`, `fetching`, `mcp`.
"""

from collections.abc import Awaitable
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field
from starlette.responses import JSONResponse, Response

from genie_nb.backend.fetching import AddressCheck, check_address
from genie_nb.backend.mcp.sessions import McpPatience, McpServer, McpSessions
from genie_nb.backend.mcp_entry import McpEntry, labelled
from genie_nb.backend.server.host import Host
from genie_nb.backend.server.unasked import NOBODY_IN_JDGENIE, check_unasked
from genie_nb.backend.tools.mcp_schema import tool_name
from genie_nb.errors import GenieError
from genie_nb.url_secrets import split_credentials

if TYPE_CHECKING:
    from mcp.types import CallToolResult, Tool

__all__ = ("McpRoutes", "mcp_health")

NEVER_FORWARDED = frozenset(
    {"host", "content-length", "content-type", "connection", "transfer-encoding", "accept", "upgrade", "te", "cookie"}
)

T = TypeVar("T")


class ServerBody(BaseModel):
    """Which MCP server is meant."""

    server_url: str = Field(max_length=4000)


class CallBody(ServerBody):
    """Which tool of it is called, with what."""

    name: str = Field(max_length=500)
    arguments: dict[str, Any]


def asked_patience(request: Request) -> McpPatience:
    """How long the request lets a server take: its `Timeout` header counts seconds to connect and minutes to read (# C6)."""
    text = request.headers.get("timeout", "").strip()
    if not text.lstrip("-").isdecimal() or len(text) > 9:
        return McpPatience()
    asked = int(text)
    return McpPatience(connect_s=min(max(1, asked), 60), read_s=max(30, 60 * min(asked, 15)))


Patience = Annotated[McpPatience, Depends(asked_patience)]


class McpRoutes:
    """The routes over one host."""

    def __init__(self, host: Host, sessions: McpSessions | None = None) -> None:
        self._settings, self._server = host.settings, host.settings.server
        self.sessions = sessions or McpSessions(check=AddressCheck(self._server))
        self._count_refusal = host.count_refusal
        host.closers.append(self.sessions.close)
        self.router = APIRouter(prefix="/v1", tags=["mcp"])
        for path, answer in (("/serv/pong", self.pong), ("/tool/list", self.list_tools), ("/tool/call", self.call_tool)):
            self.router.add_api_route(path, answer, methods=["POST"], response_model=None)

    async def pong(self, request: Request, body: ServerBody, patience: Patience) -> Response:
        """Whether an MCP server answers."""
        return await self._enveloped(self._ping(_server(request, body), patience))

    async def list_tools(self, request: Request, body: ServerBody, patience: Patience) -> Response:
        """What tools an MCP server has, from all its pages."""
        return await self._enveloped(self._list(_server(request, body), patience))

    async def call_tool(self, request: Request, body: CallBody, patience: Patience) -> Response:
        """Call a tool; one that fails is a success with `isError`."""
        server = _server(request, body, cookie=body.arguments.get("Cookie"))
        return await self._enveloped(self._call(server, body, patience))

    async def _ping(self, server: McpServer, patience: McpPatience) -> dict[str, Any]:
        await check_address(server.url, self._server)
        await self.sessions.ping(server, patience)
        return {}

    async def _list(self, server: McpServer, patience: McpPatience) -> list[dict[str, Any]]:
        await check_address(server.url, self._server)
        return [_told(tool) for tool in await self.sessions.list_tools(server, patience)]

    async def _call(self, server: McpServer, body: CallBody, patience: McpPatience) -> dict[str, Any]:
        await check_address(server.url, self._server)
        self._check_rules(server.url, body)
        return _outcome(await self.sessions.call_tool(server, body.name, body.arguments, patience))

    def _check_rules(self, url: str, body: CallBody) -> None:
        """Let a call pass that the person's rules allow under the name that agents have for the tool.

        Raises:
            CallDenied: They do not, or a person would have to be asked.
        """
        named = [(label, entry.asks) for label, entry in labelled(self._settings.mcp) if _place(entry.url) == url]
        for label, asks in named or [(McpEntry(url=url).label, False)]:
            name = tool_name(label, body.name)
            check_unasked(self._settings.approval, name, body.arguments, nobody=NOBODY_IN_JDGENIE, asks=asks)

    async def _enveloped(self, work: Awaitable[Any]) -> Response:
        try:
            return JSONResponse({"code": 200, "message": "success", "data": await work})
        except GenieError as error:
            self._count_refusal(error)
            return JSONResponse({"code": 500, "message": f"Error: {error}", "data": None})


def _server(request: Request, body: ServerBody, *, cookie: Any = None) -> McpServer:
    """The server that is meant, asked with the headers that the request wants to have forwarded."""
    given = request.headers
    named = {name.strip().lower() for name in given.get("x-server-keys", "").split(",")}
    headers = {name: given[name] for name in named - NEVER_FORWARDED if name in given}
    cookies = [part for part in (given.get("cookie", ""), cookie if isinstance(cookie, str) else "") if _sendable(part)]
    if cookies:
        headers["cookie"] = "; ".join(cookies)
    url, credentials = split_credentials(body.server_url.strip())
    headers = {name.lower(): value for name, value in credentials.items()} | headers
    return McpServer(url, tuple(sorted(headers.items())))


def _place(url: str | None) -> str:
    """An address as it is asked: without the credentials in it."""
    return split_credentials(url.strip())[0] if url else ""


def _sendable(value: str) -> bool:
    return bool(value) and value.isascii() and value.isprintable()


def _told(tool: "Tool") -> dict[str, Any]:
    said = tool.model_dump(mode="json", by_alias=True)
    return {name: said.get(name) for name in ("name", "description", "inputSchema", "annotations")}


def _outcome(result: "CallToolResult") -> dict[str, Any]:
    said = result.model_dump(mode="json", by_alias=True)
    content = [
        {"annotations": None} | {name: value for name, value in part.items() if name != "_meta" or value is not None}
        for part in said["content"]
    ]
    return {"_meta": said.get("_meta"), "content": content, "isError": bool(said.get("isError"))}


def mcp_health() -> dict[str, str]:
    """What `GET /health` of the MCP service alone answers."""
    return {"status": "healthy", "timestamp": datetime.now(UTC).isoformat(), "version": version("genie_nb")}
