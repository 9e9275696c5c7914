"""The heartbeat wheel: one for the process, it visits each open stream when its time comes.

A stream that has sent lately is only put back; so a stream costs one visit an interval, and a busy one nothing more.

Above: `stream`. Below: nothing.
"""

import asyncio
import heapq
import itertools
import math
import time
from collections.abc import Callable
from typing import Protocol

__all__ = ("HeartbeatWheel", "Visited")

GATHER_S = 0.02
"""Streams that are due within so many seconds are visited together: to wake costs more than to visit."""


class Visited(Protocol):
    """A stream on the wheel."""

    def visit(self, now: float) -> float | None:
        """Do what is due at `now`; when to come again, on the same clock, or None for never."""
        ...


class HeartbeatWheel:
    """Visits streams at their times, from one timer of the loop."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._due: list[tuple[float, int, Visited]] = []
        self._numbers = itertools.count()
        self._turned_at = -math.inf
        self._turning: asyncio.TimerHandle | None = None

    def add(self, stream: Visited, due: float) -> None:
        """Visit this stream, first when it is due, until it says never."""
        heapq.heappush(self._due, (due, next(self._numbers), stream))
        if self._due[0][2] is stream:
            self._turn_later()

    def _turn_later(self) -> None:
        self.close()
        if self._due:
            turn_at = max(self._due[0][0], self._turned_at + GATHER_S)
            self._turning = asyncio.get_running_loop().call_later(turn_at - self.clock(), self._turn)

    def _turn(self) -> None:
        now = self._turned_at = self.clock()
        try:
            while self._due and self._due[0][0] <= now:
                _, _, stream = heapq.heappop(self._due)
                again = stream.visit(now)
                if again is not None:
                    heapq.heappush(self._due, (again, next(self._numbers), stream))
        finally:
            self._turn_later()

    def close(self) -> None:
        """Stop turning."""
        if self._turning is not None:
            self._turning.cancel()
            self._turning = None
