"""JDGenie's service for MCP servers (genie-client): it is asked over plain JSON, and it reaches the server.

Its answers stand in an envelope: `code` 200 and `data`, or another code and `message`.

Above: `mcp`. Below: `mcp.peers`, `errors`.
"""

import json
from typing import Any

import httpx

from genie_nb.backend.mcp.bounds import MOST_BYTES
from genie_nb.backend.mcp.peers import McpServer, Watch
from genie_nb.errors import LinkError
from genie_nb.parts import readable
from genie_nb.url_secrets import split_credentials

__all__ = ("McpService",)

CONNECT_S, LIST_S = 5.0, 30.0


class McpService:
    """One server behind the service.

    Args:
        url: Where the service answers.
        server: The server that it is to reach.
        transport: How the service is reached, where it is not the network.
    """

    def __init__(self, url: str, server: McpServer, *, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._url, self._credentials = split_credentials(url.rstrip("/"))
        self._server, self._transport = server, transport

    async def list_tools(self) -> list[dict[str, Any]]:
        """The server's tools as they are on the wire.

        Raises:
            LinkError: It did not tell.
        """
        listed = await self._ask("/v1/tool/list", {}, LIST_S)
        return [tool for tool in listed if isinstance(tool, dict)] if isinstance(listed, list) else []

    async def call_tool(self, name: str, arguments: dict[str, Any], timeout_s: float, watch: Watch) -> dict[str, Any]:
        """What a tool answered, as it is on the wire; the service tells of no progress.

        Raises:
            LinkError: There is no answer.
        """
        answer = await self._ask("/v1/tool/call", {"name": name, "arguments": arguments}, timeout_s)
        return answer if isinstance(answer, dict) else {}

    async def _ask(self, path: str, body: dict[str, Any], timeout_s: float) -> Any:
        headers = {"accept-encoding": "identity", **self._credentials, **dict(self._server.headers)}
        if self._server.headers:
            headers["x-server-keys"] = ",".join(name for name, _ in self._server.headers)
        limits = httpx.Timeout(timeout_s, connect=CONNECT_S)
        try:
            async with (
                httpx.AsyncClient(timeout=limits, transport=self._transport) as http,
                http.stream(
                    "POST", self._url + path, json={"server_url": self._server.url, **body}, headers=headers
                ) as answer,
            ):
                if answer.status_code != 200:
                    raise LinkError(f"The MCP service at {self._host} answered with HTTP status {answer.status_code}.")
                content = await self._read(answer)
        except httpx.TimeoutException as error:
            raise LinkError(f"The MCP service at {self._host} did not answer in time.") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise LinkError(
                f"The MCP service at {self._host} cannot be reached: {error or type(error).__name__}."
            ) from error
        return self._opened(content)

    @property
    def _host(self) -> str:
        return self._url.partition("://")[2].rpartition("@")[2][:100]

    async def _read(self, answer: httpx.Response) -> bytes:
        content = bytearray()
        if answer.headers.get("content-encoding", "identity") != "identity":
            raise LinkError(f"The MCP service at {self._host} compresses its answers although it was told not to.")
        async for piece in answer.aiter_bytes():
            content += piece
            if len(content) > MOST_BYTES:
                raise LinkError(f"The MCP service at {self._host} sent an answer of more than {MOST_BYTES // 2**20} MiB.")
        return bytes(content)

    def _opened(self, content: bytes) -> Any:
        """What is in the envelope."""
        try:
            envelope = json.loads(content)
        except (ValueError, RecursionError):
            envelope = None
        if not isinstance(envelope, dict):
            raise LinkError(f"The MCP service at {self._host} answered with what is no envelope of JSON.")
        if envelope.get("code") != 200:
            said = readable(str(envelope.get("message") or "it did not say why"))[:500]
            raise LinkError(f"The MCP service at {self._host} refused: {said.removeprefix('Error: ')}")
        return envelope.get("data")
