"""The heartbeat wheel: one for the process, it visits each open stream when its time comes.

A stream that has sent lately is only put back; so a stream costs one visit an interval, and a busy one nothing more.

Above: `stream`. Below: nothing.
"""

import asyncio
import contextlib
import heapq
import itertools
import time
from collections.abc import Callable
from typing import Protocol

__all__ = ("HeartbeatWheel", "Visited")


class Visited(Protocol):
    """A stream on the wheel."""

    def visit(self, now: float) -> float | None:
        """Do what is due at `now`; when to come again, on the same clock, or None for never."""
        ...


class HeartbeatWheel:
    """Visits streams at their times, from one task."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._due: list[tuple[float, int, Visited]] = []
        self._numbers = itertools.count()
        self._sooner = asyncio.Event()
        self._turning: asyncio.Task[None] | None = None

    def add(self, stream: Visited, due: float) -> None:
        """Visit this stream, first when it is due, until it says never."""
        if self._turning is None:
            self._turning = asyncio.get_running_loop().create_task(self._turn(), name="heartbeat wheel")
        heapq.heappush(self._due, (due, next(self._numbers), stream))
        if self._due[0][2] is stream:
            self._sooner.set()

    async def _turn(self) -> None:
        while True:
            self._sooner.clear()
            wait_s = self._due[0][0] - self.clock() if self._due else None
            if wait_s is None or wait_s > 0:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(wait_s):
                        await self._sooner.wait()
            now = self.clock()
            while self._due and self._due[0][0] <= now:
                _, _, stream = heapq.heappop(self._due)
                again = stream.visit(now)
                if again is not None:
                    heapq.heappush(self._due, (again, next(self._numbers), stream))

    async def close(self) -> None:
        """Stop turning."""
        if self._turning is not None:
            self._turning.cancel()
            await asyncio.wait({self._turning})
            self._turning = None
