"""An entry of a run's log: the event, and its bytes, made once for every reader and the store.

Above: `channel`, `wire`, `log.sqlite`. Below: `events`.
"""

from genie_nb.events import RunEvent, TextDelta, ToolArguments, encode_event, is_terminal

__all__ = ("Entry",)


class Entry:
    """One event of a log; equal for every reader.

    Attributes:
        event: As it was logged.
        frame: The bytes of its native frame, once somebody made them.
    """

    __slots__ = ("_encoded", "event", "frame")

    def __init__(self, event: RunEvent, encoded: bytes = b"") -> None:
        self.event = event
        self.frame = b""
        self._encoded = encoded

    @property
    def seq(self) -> int:
        """Its number in the run, from 1."""
        return self.event.seq

    @property
    def encoded(self) -> bytes:
        """The event as JSON."""
        if not self._encoded:
            self._encoded = encode_event(self.event)
        return self._encoded

    @property
    def joins(self) -> bool:
        """Whether it only goes on with a text, so that a neighbour may take it in; all others are essential."""
        return isinstance(self.event, TextDelta | ToolArguments)

    @property
    def terminal(self) -> bool:
        """Whether it is the run's last."""
        return is_terminal(self.event)
