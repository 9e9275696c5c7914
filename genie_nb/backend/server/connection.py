"""One connection: what it may do before, between and beside its requests, so that none costs anything for ever.

- It has so many seconds for the head of a request, so many between pieces of a body, and so many to take what is sent.
- A head, or whatever else leads to nothing, may have 64 KiB.
- One request at a time: one that comes during the answer to the last one waits, within those 64 KiB; one that comes together
  with the last one is not read, and the connection closes with that answer. So who leaves is always noticed, and an answer
  is cut with its connection.

Above: `serving`. Below: uvicorn.
"""

import asyncio
import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

__all__ = ("Connection", "ConnectionLimits")

HEAD_BYTES = 64 * 1024


@dataclass(frozen=True)
class ConnectionLimits:
    """What connections may do.

    Attributes:
        most: How many there may be.
        head_s: Seconds that the head of a request may take.
        stall_s: Seconds without a piece of a body, or without anything taken of an answer.
    """

    most: int
    head_s: float
    stall_s: float


_NO_PIPELINE: deque[Any] = deque()
"""No request waits behind another, so one empty list for it does for all connections: each takes 600 bytes."""


class Connection(HttpToolsProtocol):
    """A connection within its limits."""

    def __init__(
        self, *given: Any, limits: ConnectionLimits, evicted: Callable[[], None], refused: Callable[[], None], **named: Any
    ) -> None:
        super().__init__(*given, **named)
        self.pipeline = _NO_PIPELINE
        self._limits, self._evicted, self._refused = limits, evicted, refused
        self._deaf = self._whole = self._is_cut = False
        self._early = b""
        self._fruitless_bytes = 0
        self._reading: asyncio.TimerHandle | None = None
        self._writing: asyncio.TimerHandle | None = None

    @property
    def _answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin, if there is room."""
        super().connection_made(transport)
        if len(self.connections) > self._limits.most:
            self._refused()
            self._refuse(503, f"All {self._limits.most} connections of this server are in use. Try again in a moment.")
        else:
            self._expect(self._limits.head_s)

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        super().connection_lost(exc)
        self._expect(None)
        self._await_reader(None)

    # Reading

    def data_received(self, data: bytes) -> None:
        """Read on, as long as it leads to something."""
        if self._deaf:
            return
        if self._answering and self._whole:  # the answer may be whole there before it is here
            self._early += data
            if len(self._early) > HEAD_BYTES:
                self._stop_reading()
            return
        self._fruitless_bytes += len(data)
        super().data_received(data)
        if self._fruitless_bytes > HEAD_BYTES:
            self._refuse(431, f"The head of a request may have {HEAD_BYTES:,} bytes here.")
        elif self._reading is None and not self._answering and not self.transport.is_closing():
            self._expect(self._limits.head_s)

    def _stop_reading(self) -> None:
        """Read nothing more, and close with the answer that is under way."""
        self._deaf, self._early, self.cycle.keep_alive = True, b"", False

    def on_message_begin(self) -> None:
        """Begin a request, if the last one has its answer."""
        if self._answering:
            self._stop_reading()
        else:
            self._whole = False
            super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Read on."""
        if not self._deaf:
            super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Read on."""
        if not self._deaf:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Wait for the body."""
        if not self._deaf:
            super().on_headers_complete()
            self._fruitless_bytes = 0
            self._expect(self._limits.stall_s)

    def on_body(self, body: bytes) -> None:
        """Wait for the next piece; of what was answered already the rest must come within the time of one."""
        if not self._deaf:
            super().on_body(body)
            self._fruitless_bytes = 0
            if self._answering:
                self._expect(self._limits.stall_s)

    def on_message_complete(self) -> None:
        """Wait for nothing more."""
        if not self._deaf:
            super().on_message_complete()
            self._whole, self._fruitless_bytes = True, 0
            self._expect(None)

    def send_400_response(self, msg: str) -> None:
        """Say that the request is none, unless another one has the word."""
        if not self._deaf:
            super().send_400_response(msg)

    def _expect(self, seconds: float | None) -> None:
        """Give up if nothing comes within so many seconds."""
        if self._reading is not None:
            self._reading.cancel()
        self._reading = None if seconds is None else self.loop.call_later(seconds, self._give_up)

    def _give_up(self) -> None:
        self._reading = None
        if self.flow.read_paused:  # it is not the sender who is waited for
            self._expect(self._limits.stall_s)
        else:
            self._refuse(408, "The request did not come to its end in time.")

    def _refuse(self, status: int, why: str) -> None:
        """Close, with a reason where no answer has begun."""
        self._deaf = True
        self._expect(None)
        if self._answering and self.cycle.response_started:
            self.transport.abort()
            return
        phrase = HTTPStatus(status).phrase
        told = json.dumps({"error": {"code": phrase.lower().replace(" ", "_"), "message": why}})
        head = f"HTTP/1.1 {status} {phrase}\r\ncontent-type: application/json\r\ncontent-length: {len(told)}\r\n"
        self.transport.write(f"{head}connection: close\r\n\r\n{told}".encode())
        self.transport.close()
        self._await_reader(self._limits.stall_s)

    # Writing

    def pause_writing(self) -> None:
        """Wait for the reader, but not for ever."""
        super().pause_writing()
        self._await_reader(self._limits.stall_s)

    def resume_writing(self) -> None:
        """Go on."""
        super().resume_writing()
        self._await_end()

    def on_response_complete(self) -> None:
        """Go on with the next request, or close."""
        super().on_response_complete()
        self._await_end()
        if self._early and not self.transport.is_closing():
            early, self._early = self._early, b""
            self.data_received(early)

    def timeout_keep_alive_handler(self) -> None:
        """Close for want of another request."""
        super().timeout_keep_alive_handler()
        self._await_end()

    def shutdown(self) -> None:
        """Close, now or with the end of the answer."""
        super().shutdown()
        self._await_end()

    def _await_end(self) -> None:
        """Where the connection closes, what is left of the answer must be taken; only then it is gone."""
        self._await_reader(self._limits.stall_s if self.transport.is_closing() else None)

    def _await_reader(self, seconds: float | None) -> None:
        if self._writing is not None:
            self._writing.cancel()
        self._writing = None if seconds is None else self.loop.call_later(seconds, self._evict)

    def cut(self) -> bool:
        """End at once, whatever waits to be sent; whether it had not been cut before."""
        was_cut, self._is_cut = self._is_cut, True
        self.transport.abort()
        return not was_cut

    def _evict(self) -> None:
        if self.cut():
            self._evicted()
