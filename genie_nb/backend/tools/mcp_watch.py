"""What a tool's card shows while a call is at work: how far it is, and the server's log, both within bounds.

Above: `mcp`. Below: `tools/base`, `parts`.
"""

import time
from collections.abc import Callable

from genie_nb.backend.tools.base import Call
from genie_nb.parts import ProgressPart, StreamPart, readable

__all__ = ("CardWatch",)

EVERY_S = 0.1
"""Seconds between two progress parts; one that comes sooner waits for the next, or for the end."""
MOST_PROGRESS = 500
MOST_LINES, LINE_CHARACTERS = 200, 2_000


class CardWatch:
    """Watches one call for its card."""

    def __init__(self, call: Call, clock: Callable[[], float] = time.monotonic) -> None:
        self._call, self._clock = call, clock
        self._next_at = 0.0
        self._waiting: ProgressPart | None = None
        self._progress = self._lines = 0
        self._ended = False

    def progress(self, done: float, total: float, message: str) -> None:
        """See `Watch`."""
        self._waiting = ProgressPart(done=done, total=total, message=readable(message)[:LINE_CHARACTERS])
        if self._clock() >= self._next_at and self._progress < MOST_PROGRESS:
            self._show()

    def log(self, text: str) -> None:
        """See `Watch`."""
        self._lines += 1
        if self._ended or self._lines > MOST_LINES + 1:
            return
        cut = readable(text)[:LINE_CHARACTERS]
        told = cut if self._lines <= MOST_LINES else "… and more, which is left out."
        self._call.show(StreamPart(text=f"{told}\n", stream="stderr"))

    def finish(self) -> None:
        """The call has ended: show how far it came, and nothing after that."""
        if not self._ended:
            self._show()
        self._ended = True

    def _show(self) -> None:
        if self._waiting is None or self._ended:
            return
        part, self._waiting = self._waiting, None
        self._progress += 1
        self._next_at = self._clock() + EVERY_S
        self._call.show(part)
