"""Frames: the byte form of an event stream (`text/event-stream`); nothing here knows what the frames mean.

The format is WHATWG's: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream

Above: whoever reads a stream, e.g. `models/chat_stream`. Below: `errors`.
"""

import re

import msgspec

from genie_nb.errors import WireError

__all__ = ("Frame", "FrameDecoder")

_LINE_END = re.compile(rb"\r\n|\r|\n")
_COLON = ord(":")
_BOM = b"\xef\xbb\xbf"
_RETRY = re.compile(r"[0-9]{1,15}")
_ASKED = re.compile(rb"^retry: ?([0-9]{1,15})\n", re.MULTILINE)
_USUAL = re.compile(r"(?:id: ?([^\n\0]*)\n)?(?:event: ?([^\n]*)\n)?data: ?([^\n]*)\n\n")
"""An event as most servers write it."""


class Frame(msgspec.Struct, frozen=True):
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

    A stream whose lines end with LF is read an event at a time; from the first CR or byte order mark on, line by line.

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
        self._block = bytearray()
        self._heeded = 0
        """How many bytes at the block's beginning are whole lines that were looked at."""
        self._by_line = False
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
        if not self._by_line:
            if b"\r" not in piece and not (self._first_line and piece.startswith(_BOM[:1])):
                return self._feed_block(piece)
            self._by_line = True
            piece, self._block = bytes(self._block) + piece, bytearray()
        return self._feed_lines(piece)

    def _feed_block(self, piece: bytes) -> list[Frame]:
        self._first_line = False
        searched = max(len(self._block) - 1, 0)
        self._block += piece
        searched = self._skip_comments(searched)
        end = self._block.rfind(b"\n\n", searched) + 2
        if end < 2:
            if len(self._block) > self._max_event_bytes:
                raise self._too_large()
            self._heed_retry(searched)
            return []
        blocks = bytes(self._block[:end])
        self._drop(end)
        frames = self._read_blocks(blocks)
        self._heed_retry(self._skip_comments(0))
        return frames

    def _drop(self, end: int) -> None:
        del self._block[:end]
        self._heeded = 0

    def _read_blocks(self, blocks: bytes) -> list[Frame]:
        """The frames of whole events, one after another."""
        frames: list[Frame] = []
        text, at = blocks.decode("utf-8", "replace"), 0
        longest = self._max_event_bytes if len(blocks) > self._max_event_bytes else 0
        while at < len(text):
            usual = _USUAL.match(text, at)
            if usual is not None and not longest:
                event_id, event, payload = usual.groups()
                if event_id is not None:
                    self._id = self.last_event_id = event_id
                frames.append(Frame(event or "message", payload, self._id, self.retry_ms))
                at = usual.end()
                continue
            if text[at] == "\n":
                at += 1
                continue
            end = text.index("\n\n", at)
            if longest and len(text[at:end].encode()) > longest:
                raise self._too_large()
            frame = self._read_block(text[at:end])
            if frame is not None:
                frames.append(frame)
            at = end + 2
        return frames

    def _heed_retry(self, searched: int) -> None:
        """A reconnection time counts from its line on, also where its event never becomes whole."""
        end = self._block.rfind(b"\n", searched) + 1
        if end <= self._heeded:
            return
        if self._block.find(b"retry", self._heeded, end) >= 0:
            for asked in _ASKED.finditer(self._block, self._heeded, end):
                self.retry_ms = int(asked[1])
        self._heeded = end

    def _skip_comments(self, searched: int) -> int:
        """Take whole comment lines off the front: a heartbeat is to be noticed when it comes.

        Args:
            searched: From where on nobody has looked for a line's end; returns the same of what is left.
        """
        while self._block and self._block[0] == _COLON and (end := self._block.find(b"\n", searched)) >= 0:
            self._drop(end + 1)
            self.comments += 1
            searched = 0
        return searched

    def _read_block(self, block: str) -> Frame | None:
        frame = None
        for line in block.split("\n"):
            if line:
                name, _, value = line.partition(":")
                self._take_field(name, value.removeprefix(" "))
            else:
                frame = self._dispatch() or frame
        return self._dispatch() or frame

    def _feed_lines(self, piece: bytes) -> list[Frame]:
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
        if self._block:
            left, self._block = bytes(self._block), bytearray()
            frame = self._read_block(left.decode("utf-8", "replace"))
            if frame is not None:
                return frame
        return self._end_line() or self._dispatch()

    def _too_large(self) -> WireError:
        limit = self._max_event_bytes
        return WireError(f"An event of the stream is larger than {limit:,} bytes, so the stream was given up.")

    def _extend_line(self, piece: bytes) -> None:
        self._line += piece
        if self._event_bytes + len(self._line) > self._max_event_bytes:
            raise self._too_large()

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
