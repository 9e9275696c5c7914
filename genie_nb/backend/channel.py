"""The channel: a run's append-only log of events, and cursors over it.

Replay and live are one loop: a cursor starts after any event and waits at the end of the log for the next. The log is the
only buffer; a slow reader is a lagging cursor, and the writer never waits. A log that is kept within bounds compacts its
head: who reads from before that gets the head in short.

Above: `printer`, `runs`, `server`. Below: `log`, `events`.
"""

import asyncio
import secrets
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice

import msgspec

from genie_nb.backend.log.compaction import compact
from genie_nb.backend.log.entry import Entry
from genie_nb.events import LogRestarted, RunEvent

__all__ = ("Cursor", "EventChannel", "Retention", "Wake")


@dataclass(frozen=True)
class Retention:
    """How much of a log is kept event by event; what is older is kept in short."""

    max_events: int = 200_000
    max_bytes: int = 64 * 2**20


class Wake:
    """What one reader waits on: an `asyncio.Event` with a single waiter, in a tenth of its memory."""

    __slots__ = ("_set", "_waiter")

    def __init__(self) -> None:
        self._set = False
        self._waiter: asyncio.Future[None] | None = None

    def set(self) -> None:
        """Wake the waiter, or the next one; on its loop."""
        self._set = True
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def clear(self) -> None:
        """Let the next one wait."""
        self._set = False

    async def wait(self) -> None:
        """Wait until it is set."""
        if self._set:
            return
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None


class EventChannel:
    """Numbers the events of one run, keeps them, and wakes whoever waits for them.

    One thread writes; readers may live on any event loop of any thread.

    Attributes:
        epoch: The life of this log: an id of a frame that carries another one was given out by another log.
        short: The head of the log in short, up to `dropped`.
        dropped: The number of the last event that is only there in short.
        stored: The number of the last event that a store has: what it has not yet is not put in short. None without a store.
        told_bytes: How much was ever logged; counted where the log is kept within bounds.
    """

    def __init__(
        self,
        run_id: str,
        *,
        clock: Callable[[], float] = time.time,
        retention: Retention | None = None,
        epoch: str | None = None,
    ) -> None:
        self.run_id = run_id
        self.epoch = epoch or secrets.token_hex(4)
        self.short: tuple[RunEvent, ...] = ()
        self.dropped = 0
        self.stored: int | None = None
        self.told_bytes = 0
        self._clock = clock
        self._retention = retention
        self._log: list[Entry] = []
        self._bytes = 0
        self._came_at = 0.0
        self._last_taken: tuple[tuple[int, int | None, int], list[Entry]] = ((0, 0, -1), [])
        self._waiting: dict[asyncio.AbstractEventLoop, set[Wake]] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return self.dropped + len(self._log)

    def silent_s(self) -> float:
        """Seconds since the last event came here: the same for every reader, whoever dated the event."""
        return max(0.0, self._clock() - self._came_at) if self._came_at else 0.0

    @property
    def ended(self) -> bool:
        """Whether the terminal event is in the log."""
        return bool(self._log) and self._log[-1].terminal

    def append(self, event: RunEvent, *, first: Callable[[RunEvent], object] = lambda event: None) -> RunEvent:
        """Number the event, date it if it is not, log it and wake the readers; returns it as logged.

        Args:
            event: What is logged.
            first: Gets the event as it will be logged before any reader does; if it raises, nothing is logged.

        Raises:
            UnicodeEncodeError: The event holds what no reader can be sent, in a log that is kept within bounds.
        """
        came_at = self._clock()
        logged = msgspec.structs.replace(event, seq=len(self) + 1, run_id=self.run_id, at=event.at or came_at)
        entries = (Entry(logged),)
        size = self._size(entries)  # before anybody has heard of it
        first(logged)
        self._came_at = came_at
        self._add(entries, size)
        return logged

    def restore(self, entries: Iterable[Entry]) -> None:
        """Take in entries that were logged before, as they are, in order and without gaps."""
        restored = tuple(entries)
        self._add(restored, self._size(restored))

    def _size(self, entries: tuple[Entry, ...]) -> int:
        """How many bytes they are, where somebody counts them."""
        return 0 if self._retention is None else sum(len(entry.encoded) for entry in entries)

    def _add(self, entries: tuple[Entry, ...], size: int) -> None:
        with self._lock:
            self._log.extend(entries)
            waiting, self._waiting = self._waiting, {}
            if self._retention is not None:
                self._bytes += size
                self.told_bytes += size
                self._keep_within(self._retention)
        for loop, wakes in waiting.items():
            _wake(loop, wakes)

    def _keep_within(self, bounds: Retention) -> None:
        """Put the older half of a log that is too long in short, but never its last event."""
        if (len(self._log) <= bounds.max_events and self._bytes <= bounds.max_bytes) or len(self._log) < 2:
            return
        half, left = 0, self._bytes
        most = len(self._log) - 1 if self.stored is None else min(len(self._log) - 1, self.stored - self.dropped)
        while half < most and (left > bounds.max_bytes // 2 or len(self._log) - half > bounds.max_events // 2):
            left -= len(self._log[half].encoded)
            half += 1
        if half == 0:
            return
        self.short = tuple(compact([*self.short, *(entry.event for entry in self._log[:half])]))
        self.dropped += half
        self._bytes = left
        del self._log[:half]

    def cursor(self, after: int = 0, *, anew: bool = False) -> "Cursor":
        """A reader's place in the log, after the event with this number; or one that begins `anew` with all in short."""
        return Cursor(self, after, anew=anew)

    def after(self, seq: int, *, max_bytes: int | None = None) -> list[Entry]:
        """The entries after this number, about so many bytes at most; not to be changed. `seq` is not below `dropped`."""
        with self._lock:
            asked = (seq, max_bytes, len(self))
            if self._last_taken[0] != asked:  # readers that keep up all ask for the same
                self._last_taken = (asked, self._slice(seq - self.dropped, max_bytes))
            return self._last_taken[1]

    def _slice(self, start: int, max_bytes: int | None) -> list[Entry]:
        if max_bytes is None:
            return self._log[start:]
        taken: list[Entry] = []
        for entry in islice(self._log, start, None):
            taken.append(entry)
            max_bytes -= len(entry.encoded)
            if max_bytes <= 0:
                break
        return taken

    def wake_after(self, seq: int, wake: Wake) -> bool:
        """Set it, on the running loop, when there is something after this number; whether it had to be asked."""
        with self._lock:
            if len(self) > seq:
                return False
            self._waiting.setdefault(asyncio.get_running_loop(), set()).add(wake)
            return True

    def forget(self, wake: Wake) -> None:
        """Wake this one no more."""
        with self._lock:
            here = asyncio.get_running_loop()
            waiting = self._waiting.get(here, set())
            waiting.discard(wake)
            if not waiting:
                self._waiting.pop(here, None)

    async def read(self, *, after: int = 0) -> AsyncIterator[RunEvent]:
        """Follow the run.

        Args:
            after: The `seq` of the last event that the reader has.

        Yields:
            Every later event in order up to the terminal one; first the head in short, if `after` lies before its end.
            If the head outgrows a reader that lags, `LogRestarted` and then the head in short.
        """
        cursor, wake, begun = self.cursor(after), Wake(), False
        try:
            while True:
                head = cursor.head()
                if head is not None and begun:
                    yield LogRestarted(run_id=self.run_id)
                begun = True
                for event in head or ():
                    yield event
                entries = cursor.take()
                for entry in entries:
                    yield entry.event
                if entries and entries[-1].terminal:
                    return
                if not entries and self.ended:
                    return
                wake.clear()
                if self.wake_after(cursor.seq, wake):
                    await wake.wait()
        finally:
            self.forget(wake)


class Cursor:
    """A reader's place in a log.

    Attributes:
        seq: The number of the last event that was taken.
    """

    def __init__(self, channel: EventChannel, after: int, *, anew: bool = False) -> None:
        """A place after the event with this number; or `anew`, for a reader whose place is in another log."""
        self.channel = channel
        self.seq = after
        self._anew = anew

    @property
    def behind(self) -> int:
        """How many events there are after this place."""
        return max(0, len(self.channel) - self.seq)

    @property
    def at_end(self) -> bool:
        """Whether the terminal event was taken, or nothing can come after this place."""
        return self.channel.ended and self.seq >= len(self.channel)

    def head(self) -> tuple[RunEvent, ...] | None:
        """The head of the log in short, which the reader begins anew with; this place is its end. None if it need not."""
        if self._anew:
            self._anew = False
            entries = self.channel.after(self.channel.dropped)
            self.seq = self.channel.dropped + len(entries)
            return tuple(compact([*self.channel.short, *(entry.event for entry in entries)]))
        if self.seq >= self.channel.dropped:
            return None
        self.seq = self.channel.dropped
        return self.channel.short

    def take(self, max_bytes: int | None = None) -> list[Entry]:
        """The entries after this place, which moves on; call `head` first."""
        entries = self.channel.after(self.seq, max_bytes=max_bytes)
        if entries:
            self.seq = entries[-1].seq
        return entries


def _wake(loop: asyncio.AbstractEventLoop, wakes: set[Wake]) -> None:
    try:
        here = asyncio.get_running_loop()
    except RuntimeError:
        here = None
    if here is loop:
        _set_all(wakes)
        return
    with suppress(RuntimeError):  # the readers' loop was closed under them
        loop.call_soon_threadsafe(_set_all, wakes)


def _set_all(wakes: set[Wake]) -> None:
    for wake in wakes:
        wake.set()
