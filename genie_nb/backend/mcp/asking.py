"""What a session is asked: is it there, which tools are there, call one.

The library's own `call_tool` checks an answer against the schema that the server gave for it, on this loop: a schema made
to take minutes would hold up every run. So a call is sent here, and the answer is taken as it is.

Above: `sessions`. Below: `peers`, `errors`.
"""

from typing import TYPE_CHECKING, Any

from genie_nb.backend.mcp.peers import Watch
from genie_nb.errors import LinkError

if TYPE_CHECKING:
    from mcp.client import Client
    from mcp.types import CallToolResult, Tool

__all__ = ("call_tool", "every_page", "first_page")

MOST_PAGES = 100
MOST_TOOLS = 500
LISTING_BYTES = 4 * 2**20
"""A listing may have so many pages, tools and bytes in all."""


async def first_page(client: "Client") -> None:
    """See whether it answers."""
    from mcp.types.version import HANDSHAKE_PROTOCOL_VERSIONS

    if client.protocol_version in HANDSHAKE_PROTOCOL_VERSIONS:
        await client.session.send_ping()
    else:
        await client.list_tools()


async def every_page(client: "Client", there: str = "An MCP server") -> "list[Tool]":
    """Every tool, from all pages.

    Args:
        client: The session.
        there: How a sentence about the server begins.

    Raises:
        LinkError: It is too much.
    """
    tools: list[Tool] = []
    left = LISTING_BYTES
    cursor: str | None = None
    for _ in range(MOST_PAGES):
        page = await client.list_tools(cursor=cursor)
        left -= len(page.model_dump_json())
        tools += page.tools
        if left < 0 or len(tools) > MOST_TOOLS:
            raise LinkError(
                f"{there} lists more than {MOST_TOOLS} tools or {LISTING_BYTES // 2**20} MiB of them, so none is used."
            )
        if not page.next_cursor or page.next_cursor == cursor:
            break
        cursor = page.next_cursor
    return tools


async def call_tool(client: "Client", name: str, arguments: dict[str, Any], watch: Watch | None) -> "CallToolResult":
    """Call a tool.

    Raises:
        LinkError: It asks for more than its arguments.
    """
    from mcp.shared.exceptions import MCPError
    from mcp.types import HEADER_MISMATCH

    try:
        return await _call(client, name, arguments, watch)
    except MCPError as error:
        if error.code != HEADER_MISMATCH:
            raise
    # It wants arguments as headers too, as its listing says, which is not known yet or has changed (2026-07-28).
    await every_page(client)
    return await _call(client, name, arguments, watch)


async def _call(client: "Client", name: str, arguments: dict[str, Any], watch: Watch | None) -> "CallToolResult":
    from mcp.types import CallToolRequest, CallToolRequestParams, CallToolResult, InputRequiredResult
    from pydantic import TypeAdapter

    async def tell(progress: float, total: float | None, message: str | None) -> None:
        if watch is not None:
            watch.progress(progress, total or 0.0, message or "")

    answer: TypeAdapter[CallToolResult | InputRequiredResult] = TypeAdapter(CallToolResult | InputRequiredResult)
    result = await client.session.send_request(
        CallToolRequest(params=CallToolRequestParams(name=name, arguments=arguments)),
        answer,
        progress_callback=tell if watch is not None else None,
    )
    if isinstance(result, InputRequiredResult):
        raise LinkError(f"The MCP tool {name[:80]} asks a person for more, which is not possible here.")
    return result
