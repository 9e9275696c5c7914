"""An event stream as an ASGI response: one reader's connection to one run.

It writes what comes after its cursor, says so when there is nothing, notices at once when the reader leaves, and never
outlives the run. Whatever happens to it, the run goes on. A stream lives for hours and mostly rests, so it is small and
keeps nothing of its request.

Above: the route tables. Below: `wheel`, `faults`, `metrics`, `channel`, `wire.coat`.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from genie_nb.backend.channel import Cursor, Wake
from genie_nb.backend.log.entry import Entry
from genie_nb.backend.server.faults import Faults
from genie_nb.backend.server.metrics import Metrics
from genie_nb.backend.server.wheel import HeartbeatWheel
from genie_nb.backend.wire.coat import Coat
from genie_nb.events import RunEvent

__all__ = ("EventStream", "HandOver", "Link", "LinkLimits", "Links", "StreamAnswer")

HANDED_OVER = "genie_nb.stream"
"""Where in a request's scope a stream waits until the framework is done with the request."""
SEND_BYTES = 64 * 1024
"""So much goes out in one piece."""
TAKE_BYTES = 1024 * 1024
"""So much of a log is looked at in one go."""


@dataclass(frozen=True, slots=True)
class LinkLimits:
    """What one connection may do, in seconds.

    Attributes:
        heartbeat_s: Silence after which a heartbeat is sent.
        deadline_s: How long a connection may last.
        stall_s: How long a reader may take nothing of what is sent.
    """

    heartbeat_s: float = 10.0
    deadline_s: float = 3600.0
    stall_s: float = 30.0


class Link(Protocol):
    """An open stream, as the server sees it."""

    scope: Scope

    @property
    def behind(self) -> int:
        """How many events the reader has not been sent yet."""
        ...

    @property
    def stalled(self) -> bool:
        """Whether the last piece is still on its way to a reader that takes nothing."""
        ...

    def count(self) -> None:
        """Bring the metrics up to date."""
        ...

    def wake(self) -> None:
        """Look again at what there is to send."""
        ...

    def close(self, reason: str) -> None:
        """Say why, and end the connection."""
        ...


class Links:
    """All open streams of a server."""

    def __init__(self, wheel: HeartbeatWheel, metrics: Metrics) -> None:
        self.wheel, self.metrics = wheel, metrics
        self.open: set[Link] = set()
        self.abort: Callable[[Scope], object] = lambda scope: None
        """Cuts the connection of a request at once; the server that carries it puts it here."""
        self.faults = Faults(lambda: self.open, lambda scope: self.abort(scope))
        self._closing: list[asyncio.Event] = []

    def close(self, reason: str) -> None:
        """Tell every reader that the server closes, and where to resume."""
        for stream in tuple(self.open):
            stream.close(reason)

    async def emptied(self, *, patience_s: float) -> None:
        """Wait until every stream has closed; those that their readers hold up are cut."""
        while self.open:
            closing = asyncio.Event()
            self._closing.append(closing)
            waiting = all(stream.stalled for stream in self.open)
            try:
                async with asyncio.timeout(0 if waiting else patience_s):
                    await closing.wait()
            except TimeoutError:
                for stream in tuple(self.open):
                    self.abort(stream.scope)
                return

    def left(self, stream: Link) -> None:
        """Count a stream out."""
        self.open.discard(stream)
        for closing in self._closing:
            closing.set()
        self._closing.clear()


class HandOver:
    """Stands before everything: a stream begins when whatever answered its request has returned, and holds nothing more."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request; where the answer is the head of a stream, write the stream."""
        stream = await self._answered(scope, receive, send)
        if stream is not None:
            await stream.write(scope, receive, send)

    async def _answered(self, scope: Scope, receive: Receive, send: Send) -> "EventStream | None":
        before = dict(scope)
        scope[HANDED_OVER] = None
        await self._app(scope, receive, send)
        stream: EventStream | None = scope[HANDED_OVER]
        scope.clear()  # what was added goes; the scope stays the same one, as a connection is known by it
        scope.update(before)
        return stream


class StreamAnswer(Response):
    """The head of a stream's answer; the stream itself is written by the `HandOver` that stands before."""

    media_type = "text/event-stream"
    charset = "utf-8"

    def __init__(self, stream: "EventStream", headers: Mapping[str, str] | None = None) -> None:
        usual = {"Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no"}
        super().__init__(None, headers=usual | dict(headers or {}))
        del self.headers["content-length"]
        self._stream = stream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the head, and hand the stream over; HEAD asks for no more than the head."""
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        if scope["method"] == "HEAD":
            await send({"type": "http.response.body", "body": b""})
            self._stream.on_close()
        else:
            scope[HANDED_OVER] = self._stream


class EventStream:
    """Writes a run's events to one reader.

    Attributes:
        on_close: Called once, when the reader is gone or has everything.
        scope: The request's.
        sent_at: When something was sent last, on the wheel's clock.
    """

    __slots__ = (
        "_beat_due", "_beats", "_bytes", "_closing", "_coat", "_cursor", "_dialect", "_ended", "_events", "_gone", "_joined",
        "_limits", "_links", "_opened_at", "_resting", "_send_message", "_sending_since", "_wake", "on_close", "scope",
        "sent_at",
    )  # fmt: skip

    def __init__(
        self,
        cursor: Cursor,
        coat: Coat,
        links: Links,
        *,
        limits: LinkLimits,
        dialect: str = "native",
        on_close: Callable[[], None] = lambda: None,
    ) -> None:
        """A stream from a cursor on.

        Args:
            cursor: Where the reader stands in the run's log.
            coat: The dialect.
            links: Where this stream is counted, and who visits it.
            limits: Its heartbeat, its deadline, and how long it may stall.
            dialect: The dialect's name in the metrics.
            on_close: Called once, when the reader is gone or has everything.
        """
        self._cursor, self._coat, self._links, self._limits = cursor, coat, links, limits
        self._dialect, self.on_close = dialect, on_close
        self._wake = Wake()
        self._closing: str | None = None
        self._gone = self._beat_due = self._resting = self._ended = False
        self._sending_since: float | None = None
        self._events = self._bytes = self._beats = self._joined = 0
        self.scope: Scope = {}
        self._send_message: Send
        self.sent_at = self._opened_at = links.wheel.clock()

    def count(self) -> None:
        """Bring the metrics up to date; in between, counting costs an addition."""
        self._links.metrics.events.labels(self._dialect).inc(self._events)
        self._links.metrics.sent_bytes.labels(self._dialect).inc(self._bytes)
        joined = getattr(self._coat, "joined", 0)
        self._links.metrics.joined.labels(self._dialect).inc(joined - self._joined)
        self._links.metrics.heartbeats.labels(self._dialect).inc(self._beats)
        self._events, self._bytes, self._beats, self._joined = 0, 0, 0, joined

    @property
    def behind(self) -> int:
        """How many events the reader has not been sent yet."""
        return self._cursor.behind

    @property
    def stalled(self) -> bool:
        """Whether the last piece is still on its way to a reader that takes nothing."""
        return self._sending_since is not None

    def close(self, reason: str) -> None:
        """Say why, and end the connection; the run goes on."""
        self._closing = self._closing or reason
        self._wake.set()

    def wake(self) -> None:
        """Look again at what there is to send."""
        self._wake.set()

    def visit(self, now: float) -> float | None:
        """Called by the wheel: a heartbeat, the end of its time, or the end of patience with a reader that takes nothing."""
        if self._ended:
            return None
        if self._sending_since is not None and now >= self._sending_since + self._limits.stall_s:
            if self._links.abort(self.scope) is not False:  # else it was cut already, and counted
                self._links.metrics.evicted.inc()
            return None
        if now >= self._opened_at + self._limits.deadline_s:  # as the next time is reckoned below: else it may never be over
            self.close("deadline")
            return now + self._limits.stall_s
        if self._sending_since is not None:
            return self._sending_since + self._limits.stall_s
        due = self.sent_at + self._limits.heartbeat_s
        if now >= due:
            self._beat(now)
            due = now + self._limits.heartbeat_s
        return min(due, self._opened_at + self._limits.deadline_s)

    def _beat(self, now: float) -> None:
        """Send a heartbeat from here: to wake this stream's task for it would cost more than the sending.

        Where the reader has to be waited for, or a fault holds sends up, the task does it after all.
        """
        heartbeat = self._coat.heartbeat
        if not heartbeat:
            return
        if not self._resting or self._links.faults.holding or not self._sent_at_once(heartbeat):
            self._beat_due = True
            self._wake.set()
            return
        self.sent_at = now
        self._beats += 1
        self._bytes += len(heartbeat)

    def _sent_at_once(self, body: bytes) -> bool:
        """Whether the server took it without a wait. If not it is not waited for: at worst a heartbeat goes out twice."""
        message = {"type": "http.response.body", "body": body, "more_body": True}
        sending = self._send_message(message).__await__()
        try:
            next(sending)
        except StopIteration:
            return True
        except OSError:  # the reader is gone; the task hears of it
            return False
        sending.close()
        return False

    async def write(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Write until the end of the run, or of the connection; the answer's head was sent."""
        self.scope, self._send_message = scope, send
        self._links.open.add(self)
        opened = self._links.metrics.links.labels(self._dialect)
        opened.inc()
        self._links.wheel.add(self, self.sent_at + min(self._limits.heartbeat_s, self._limits.deadline_s))
        listening = asyncio.create_task(self._listen(receive))
        try:
            await self._write()
        finally:
            self._ended = True
            self.count()
            listening.cancel()
            self._cursor.channel.forget(self._wake)
            self._links.left(self)
            opened.dec()
            self.on_close()

    async def _listen(self, receive: Receive) -> None:
        message: Message = {"type": ""}
        while message["type"] != "http.disconnect":
            message = await receive()
        self._gone = True
        self._wake.set()

    async def _write(self) -> None:
        """Write until the run's end, the reader's, or the server's."""
        while not self._gone:
            self._wake.clear()
            await self._send(self._next())
            if self._cursor.at_end or self._closing is not None:
                reason = None if self._cursor.at_end else self._closing
                await self._send(self._coat.last_words(reason))
                await self._sent({"type": "http.response.body", "body": b""})
                return
            if self._cursor.channel.wake_after(self._cursor.seq, self._wake):
                self._resting = True
                await self._rest()
                self._resting = False

    def _next(self) -> bytes:
        """What there is to say now; nothing, if there is nothing."""
        head = self._cursor.head()
        if head is not None:
            self._links.metrics.snapshots.inc()
            return self._headed(head)
        entries: list[Entry] = self._cursor.take(TAKE_BYTES)
        if entries:
            self._beat_due = False
            self._events += len(entries)
            return self._coat.write(entries)
        if self._coat.due is not None and self._links.wheel.clock() >= self._coat.due:
            return self._coat.flush()
        if self._beat_due:
            self._beat_due = False
            self._beats += 1
            return self._coat.heartbeat
        return b""

    def _headed(self, head: tuple[RunEvent, ...]) -> bytes:
        snapshot: Any = getattr(self._coat, "snapshot", None)
        if snapshot is not None:
            return bytes(snapshot(self._cursor.seq, head))
        return self._coat.write([Entry(event) for event in head])

    async def _rest(self) -> None:
        if self._coat.due is None:
            await self._wake.wait()
            return
        left = self._coat.due - self._links.wheel.clock()
        try:
            async with asyncio.timeout(max(left, 0)):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _send(self, body: bytes) -> None:
        if body and self._links.faults.holding:
            await self._links.faults.hold(self._wake, lambda: self._gone)
            if self._gone:
                return
        for start in range(0, len(body), SEND_BYTES):
            piece = body[start : start + SEND_BYTES]
            await self._sent({"type": "http.response.body", "body": piece, "more_body": True})
            self._bytes += len(piece)
            if self._cursor.behind or len(body) > SEND_BYTES:
                await asyncio.sleep(0)
            if self._gone:
                return

    async def _sent(self, message: Message) -> None:
        self._sending_since = self._links.wheel.clock()
        await self._send_message(message)
        self.sent_at = self._links.wheel.clock()
        self._sending_since = None
