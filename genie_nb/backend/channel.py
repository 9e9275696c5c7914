"""The channel: a run's append-only log of events, and cursors over it.

Replay and live are one loop: a reader starts after any event and waits at the end of the log for the next. The log is the
only buffer; a slow reader is a lagging cursor, and the writer never waits.

Above: `printer`, `runs`. Below: `events`.
"""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable

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
        self._waiting: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._log)

    @property
    def ended(self) -> bool:
        """Whether the terminal event is in the log."""
        return bool(self._log) and is_terminal(self._log[-1])

    def append(self, event: RunEvent) -> RunEvent:
        """Number the event, stamp it, log it and wake the readers; returns it as logged."""
        logged = msgspec.structs.replace(event, seq=len(self._log) + 1, run_id=self.run_id, at=self._clock())
        with self._lock:
            self._log.append(logged)
            waiting, self._waiting = self._waiting, []
        for loop, wake in waiting:
            if not loop.is_closed():
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
            with self._lock:
                batch = self._log[cursor:]
                if not batch:
                    wake = asyncio.Event()
                    self._waiting.append((asyncio.get_running_loop(), wake))
            if not batch:
                await wake.wait()
                continue
            for event in batch:
                cursor = event.seq
                yield event
                if is_terminal(event):
                    return
