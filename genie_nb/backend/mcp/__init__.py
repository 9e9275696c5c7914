"""MCP: the servers that a person names, reached over stdio, SSE and streamable HTTP; `sessions` is the door.

Above: `tools`, `server`. Below: `mcp_entry`, `errors`. Beside what serves `genie-nb mcp` the only room that knows `mcp`.
"""
