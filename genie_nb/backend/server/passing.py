"""Passing on: a stream whose pieces come from elsewhere; it counts, stalls and ends like the streams of runs.

Above: `gateway`. Below: `stream`, `wheel`, `leaving`.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from genie_nb.backend.server.leaving import left
from genie_nb.backend.server.stream import LinkLimits, Links

__all__ = ("PassedOn",)


class PassedOn(Response):
    """Sends what comes, and stops at once when the reader leaves, however silent the other side is.

    Attributes:
        scope: The request's.
        behind: Nothing waits here: a piece is asked for when the one before is sent.
    """

    media_type = "text/event-stream"
    behind = 0

    def __init__(
        self,
        pieces: AsyncGenerator[bytes, None],
        links: Links,
        *,
        limits: LinkLimits,
        last_words: Callable[[str], bytes],
    ) -> None:
        """A stream of these pieces.

        Args:
            pieces: What is sent.
            links: Where this stream is counted, and who visits it.
            limits: Its deadline, and how long its reader may stall; heartbeats come with the pieces.
            last_words: What is sent at the end if it is ended from here, for this reason.
        """
        super().__init__(None, headers={"Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._pieces, self._links, self._limits, self._last_words = pieces, links, limits, last_words
        self._closing, self._reason = asyncio.Event(), ""
        self._sending_since: float | None = None
        self._opened_at = links.wheel.clock()
        self._ended = False
        self.scope: Scope = {}

    @property
    def stalled(self) -> bool:
        """Whether the last piece is still on its way to a reader that takes nothing."""
        return self._sending_since is not None

    def count(self) -> None:
        """Nothing: pieces are counted where they come from."""

    def wake(self) -> None:
        """Nothing: it waits for nobody here."""

    def close(self, reason: str) -> None:
        """Say why, and end the connection."""
        self._reason = self._reason or reason
        self._closing.set()

    def visit(self, now: float) -> float | None:
        """Called by the wheel: the end of its time, or of patience with a reader that takes nothing."""
        if self._ended:
            return None
        if self._sending_since is not None and now >= self._sending_since + self._limits.stall_s:
            if self._links.abort(self.scope) is not False:  # else it was cut already, and counted
                self._links.metrics.evicted.inc()
            return None
        due = self._opened_at + self._limits.deadline_s
        if now < due:
            since = now if self._sending_since is None else self._sending_since
            return min(due, since + self._limits.stall_s)
        self.close("deadline")
        return now + self._limits.stall_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request."""
        self.scope = scope
        self._links.open.add(self)
        self._links.wheel.add(self, self._opened_at + min(self._limits.stall_s, self._limits.deadline_s))
        tasks = [asyncio.create_task(work) for work in (self._write(send), left(receive), self._closing.wait())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if not (tasks[0].done() or tasks[1].done()):
                await _cancelled(tasks[0])
                await self._send(send, self._last_words(self._reason), more=False)
        finally:
            await _cancelled(*tasks)
            self._ended = True
            self._links.left(self)
        if not tasks[0].cancelled():
            tasks[0].result()

    async def _write(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        async with aclosing(self._pieces) as pieces:
            async for piece in pieces:
                await self._send(send, piece)
        await self._send(send, b"", more=False)

    async def _send(self, send: Send, body: bytes, *, more: bool = True) -> None:
        message: Message = {"type": "http.response.body", "body": body, "more_body": more}
        self._sending_since = self._links.wheel.clock()
        await send(message)
        self._sending_since = None


async def _cancelled(*tasks: "asyncio.Task[object]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
