"""genie_nb as an MCP server over standard input and output: one client, until the input ends.

Above: `network`. Below: `offer`, `host`. Knows `mcp`, its server side.
"""

from mcp.server.stdio import stdio_server

from genie_nb.backend.server.host import Host
from genie_nb.backend.server.offer import Offer

__all__ = ("be_stdio_server",)


async def be_stdio_server(host: Host) -> None:
    """Serve; while it serves, whatever else is printed goes to standard error."""
    server = Offer(host).server
    await host.archive.open()
    try:
        async with stdio_server() as (read, write):
            await server.run(read, write, server.create_initialization_options())
    finally:
        await host.drain()
        await host.close()
