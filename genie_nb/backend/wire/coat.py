"""The coat: how one connection writes a run's events. Each dialect is one; the response that wears it knows none of them.

Above: `server.stream`. Below: `log.entry`.
"""

from collections.abc import Sequence
from typing import Protocol

from genie_nb.backend.log.entry import Entry

__all__ = ("Coat",)


class Coat(Protocol):
    """What one connection says, in its dialect; one instance a connection.

    Attributes:
        heartbeat: What is sent after a silence; empty for none.
    """

    heartbeat: bytes

    @property
    def due(self) -> float | None:
        """When held text must be flushed, on the clock of the heartbeat wheel; None while nothing is held."""
        ...

    def write(self, entries: Sequence[Entry]) -> bytes:
        """What is sent of these entries, which follow the last ones; text may be held until `due`."""
        ...

    def flush(self) -> bytes:
        """What was held."""
        ...

    def last_words(self, reason: str | None) -> bytes:
        """What is sent before the connection closes.

        Args:
            reason: None after the run's terminal event; else why the server closes before it, e.g. `server_shutdown`.
        """
        ...
