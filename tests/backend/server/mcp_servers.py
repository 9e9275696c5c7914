"""Real MCP servers on free ports, in processes of their own, so that one can be killed: `python mcp_servers.py sse`."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ("McpProcess", "mcp_process")


class McpProcess:
    """A running server.

    Attributes:
        url: Where it answers.
    """

    def __init__(self, transport: str, port: int = 0) -> None:
        command = [sys.executable, str(Path(__file__).absolute()), transport, str(port)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())
        path = "sse" if transport == "sse" else "mcp"
        self.url = f"http://127.0.0.1:{self.port}/{path}"

    def kill(self) -> None:
        """End it without a word; safe to call twice."""
        self._process.kill()
        self._process.wait(timeout=120)
        if self._process.stdout:
            self._process.stdout.close()


@contextmanager
def mcp_process(transport: str, port: int = 0) -> Iterator[McpProcess]:
    process = McpProcess(transport, port)
    try:
        yield process
    finally:
        process.kill()


def main(transport: str, port: int) -> None:
    """Serve until killed; says its port first."""
    import asyncio
    import socket

    import uvicorn
    from mcp.server import MCPServer
    from mcp.server.mcpserver import Context

    server = MCPServer("tools of a test")
    calls = 0

    @server.tool()
    def add(a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    @server.tool()
    def count() -> int:
        """How many times this was called."""
        nonlocal calls
        calls += 1
        return calls

    @server.tool()
    def boom() -> str:
        """Fail."""
        raise ValueError("boom on purpose")

    @server.tool()
    async def hang() -> str:
        """Never answer."""
        await asyncio.Event().wait()
        return ""

    @server.tool()
    def die() -> str:
        """Take the whole server down."""
        os._exit(3)

    @server.tool()
    def headers(context: Context) -> dict[str, str]:
        """What came with the request."""
        return dict(context.headers or {})

    @server.tool()
    async def grow(context: Context) -> str:
        """Have another tool from now on."""
        server.add_tool(lambda: "new", name="grown", description="A new one.")
        await context.notify_tools_changed()
        return "grown"

    app = server.sse_app() if transport == "sse" else server.streamable_http_app()
    listening = socket.create_server(("127.0.0.1", port))
    # Connections inherit it; asyncio sets it only where it made the socket, and uvicorn writes head and body one by one.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    print(listening.getsockname()[1], flush=True)
    uvicorn.Server(uvicorn.Config(app, log_config=None)).run(sockets=[listening])


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
