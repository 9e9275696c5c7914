"""What a kept MCP session saves: calls of one tool over it, beside a session made anew for each call, as JDGenie does it.

The server is a real one in a process of its own; both ways ask it for the same sum, over each transport.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from benchmarks.report import report
from genie_nb.backend.mcp.sessions import McpServer, McpSessions
from tests.backend.server.mcp_servers import mcp_process

__all__ = ("main",)

CALLS = 30
STDIO = """
from mcp.server import MCPServer
server = MCPServer("sums", log_level="ERROR")
@server.tool()
def add(a: int, b: int) -> int:
    return a + b
server.run("stdio")
"""


async def _median_ms(call: Callable[[], Awaitable[None]], times: int) -> float:
    """The median of calls, the first left out."""
    took = []
    for _ in range(times + 1):
        began = time.perf_counter()
        await call()
        took.append(time.perf_counter() - began)
    return statistics.median(took[1:]) * 1e3


async def _measured(server: McpServer) -> tuple[float, float]:
    async def ask(sessions: McpSessions) -> None:
        assert not (await sessions.call_tool(server, "add", {"a": 40, "b": 2})).is_error

    async def ask_anew() -> None:
        sessions = McpSessions()
        await ask(sessions)
        await sessions.close()

    kept = McpSessions()
    try:
        calls = 5 if server.command else CALLS
        return await _median_ms(lambda: ask(kept), CALLS), await _median_ms(ask_anew, calls)
    finally:
        await kept.close()


def main() -> None:
    rows: list[dict[str, str | float]] = []

    def measure(transport: str, server: McpServer) -> None:
        kept_ms, anew_ms = asyncio.run(_measured(server))
        rows.append({"transport": transport, "kept ms": kept_ms, "anew ms": anew_ms, "times": anew_ms / kept_ms})

    for transport in ("http", "sse"):
        with mcp_process(transport) as process:
            measure("streamable HTTP" if transport == "http" else "SSE", McpServer(process.url))
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, "sums.py")
        script.write_text(STDIO, encoding="utf-8")
        measure("stdio", McpServer(command=(sys.executable, str(script)), name="sums"))
    report("mcp", "A call over a kept MCP session, beside a session for each call", rows)


if __name__ == "__main__":
    main()
