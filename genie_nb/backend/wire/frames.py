"""Frames: the byte form of an event stream (`text/event-stream`); nothing here knows what the frames mean.

The format is WHATWG's: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream

Above: whoever reads a stream, e.g. `models/chat_stream`. Below: `errors`.
"""

import re
from dataclasses import dataclass

from genie_nb.errors import WireError

__all__ = ("Frame", "FrameDecoder")

_LINE_END = re.compile(rb"\r\n|\r|\n")
_BOM = b"\xef\xbb\xbf"
_RETRY = re.compile(r"[0-9]{1,15}")


@dataclass(frozen=True)
class Frame:
    """One event of the stream.

    Attributes:
        event: Its type, `message` where none was given.
        id: The last id that the stream gave, here or earlier.
        retry_ms: The last reconnection time that the stream gave, in milliseconds.
    """

    event: str
    data: str
    id: str = ""
    retry_ms: int | None = None


class FrameDecoder:
    """Turns the bytes of an event stream, cut anywhere, into frames.

    Attributes:
        last_event_id: The id to ask for when the stream is resumed.
        retry_ms: Milliseconds to wait before that, if the stream said so.
        comments: How many comment lines came.
    """

    def __init__(self, *, last_event_id: str = "", max_event_bytes: int = 16 * 2**20) -> None:
        self.last_event_id = last_event_id
        self.retry_ms: int | None = None
        self.comments = 0
        self._max_event_bytes = max_event_bytes
        self._line = bytearray()
        self._first_line = True
        self._after_cr = False
        self._event = ""
        self._id = last_event_id
        self._payload: list[str] = []
        self._event_bytes = 0

    def feed(self, piece: bytes) -> list[Frame]:
        """The frames that this piece completes.

        Raises:
            WireError: An event is larger than the limit; the stream cannot be read on.
        """
        if not piece:
            return []
        start = 1 if self._after_cr and piece.startswith(b"\n") else 0
        self._after_cr = piece.endswith(b"\r")
        frames = []
        for end in _LINE_END.finditer(piece, start):
            self._extend_line(piece[start : end.start()])
            start = end.end()
            frame = self._end_line()
            if frame is not None:
                frames.append(frame)
        self._extend_line(piece[start:])
        return frames

    def end(self) -> Frame | None:
        """The frame that lacked only its blank line when the stream ended; the standard says to drop it."""
        return self._end_line() or self._dispatch()

    def _extend_line(self, piece: bytes) -> None:
        self._line += piece
        if self._event_bytes + len(self._line) > self._max_event_bytes:
            limit = self._max_event_bytes
            raise WireError(f"An event of the stream is larger than {limit:,} bytes, so the stream was given up.")

    def _end_line(self) -> Frame | None:
        line, self._line = self._line, bytearray()
        if self._first_line:
            line = line.removeprefix(_BOM)
            self._first_line = False
        if not line:
            return self._dispatch()
        self._event_bytes += len(line)
        # A line's end is ASCII, so decoding line by line replaces the same invalid bytes as decoding the whole.
        name, _, value = line.decode("utf-8", "replace").partition(":")
        self._take_field(name, value.removeprefix(" "))
        return None

    def _take_field(self, name: str, value: str) -> None:
        match name:
            case "":
                self.comments += 1
            case "data":
                self._payload.append(value)
            case "event":
                self._event = value
            case "id" if "\0" not in value:
                self._id = value
            case "retry" if _RETRY.fullmatch(value):
                self.retry_ms = int(value)

    def _dispatch(self) -> Frame | None:
        self.last_event_id = self._id
        payload, event = self._payload, self._event or "message"
        self._payload, self._event, self._event_bytes = [], "", 0
        if not payload:
            return None
        return Frame(event, "\n".join(payload), self._id, self.retry_ms)
