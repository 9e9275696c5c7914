"""The bundled server: runs over HTTP, as streams of events. Its libraries come with the extra `server`."""

__all__ = ("SERVICES",)

SERVICES = ("agent", "tools", "mcp", "model", "offer")
"""Named here, so that they can be named without the libraries of a server."""
