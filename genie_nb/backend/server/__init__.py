"""The bundled server: runs over HTTP, as streams of events."""

__all__ = ()
