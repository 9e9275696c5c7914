"""The channel: a run's append-only log of events, and cursors over it.

Replay and live are one loop: a reader starts after any event and waits at the end of the log for the next. The log is the
only buffer; a slow reader is a lagging cursor, and the writer never waits.

Above: `printer`, `runs`. Below: `events`.
"""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

import msgspec

from genie_nb.events import RunEvent, is_terminal

__all__ = ("EventChannel",)


class EventChannel:
    """Numbers the events of one run, keeps them, and wakes whoever waits for them.

    One thread writes; readers may live on any event loop of any thread.
    """

    def __init__(self, run_id: str, *, clock: Callable[[], float] = time.time) -> None:
        self.run_id = run_id
        self._clock = clock
        self._log: list[RunEvent] = []
        self._waiting: dict[asyncio.Event, asyncio.AbstractEventLoop] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._log)

    @property
    def ended(self) -> bool:
        """Whether the terminal event is in the log."""
        return bool(self._log) and is_terminal(self._log[-1])

    def append(self, event: RunEvent, *, first: Callable[[RunEvent], object] = lambda event: None) -> RunEvent:
        """Number the event, stamp it, log it and wake the readers; returns it as logged.

        Args:
            event: What is logged.
            first: Gets the event as it will be logged before any reader does; if it raises, nothing is logged.
        """
        logged = msgspec.structs.replace(event, seq=len(self._log) + 1, run_id=self.run_id, at=self._clock())
        first(logged)
        with self._lock:
            self._log.append(logged)
            waiting, self._waiting = self._waiting, {}
        for wake, loop in waiting.items():
            with suppress(RuntimeError):  # the reader's loop was closed under it
                loop.call_soon_threadsafe(wake.set)
        return logged

    async def read(self, *, after: int = 0) -> AsyncIterator[RunEvent]:
        """Follow the run.

        Args:
            after: The `seq` of the last event that the reader has.

        Yields:
            Every later event in order, without gaps, up to the terminal one.
        """
        cursor = after
        while True:
            wake = asyncio.Event()
            with self._lock:
                batch = self._log[cursor:]
                if not batch:
                    if self.ended:
                        return
                    self._waiting[wake] = asyncio.get_running_loop()
            if not batch:
                await self._woken(wake)
                continue
            for event in batch:
                cursor = event.seq
                yield event

    async def _woken(self, wake: asyncio.Event) -> None:
        try:
            await wake.wait()
        finally:
            with self._lock:
                self._waiting.pop(wake, None)
