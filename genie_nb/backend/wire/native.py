"""The native dialect: every event of a run, lossless, with an id to resume after.

    id: {run_id}.{epoch}.{seq}
    event: {kind}
    data: {the event as JSON}

`event: joined` carries pieces of several texts that leave together, `event: snapshot` the log up to its id in short: the
reader begins anew with it. `event: link_closing` says why the server closes before the run's end; it has no id. A heartbeat
is one comment line without a blank one: clients that dispatch at every blank line see nothing.

Above: `server`, `client`. Below: `stream_modes`, `frames`, `log`, `events`.
"""

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from genie_nb.backend.channel import EventChannel
from genie_nb.backend.log.entry import Entry
from genie_nb.backend.stream_modes import Group, StreamMode, TextJoiner
from genie_nb.backend.wire.frames import Frame
from genie_nb.errors import WireError
from genie_nb.events import RunEvent, TextDelta, ToolArguments, decode_event, encode_event

__all__ = ("ClosingNotice", "FrameId", "NativeCoat", "Received", "event_frame", "read_frame")

HEARTBEAT = b": hb\n"
GENERAL = StreamMode()
_LINE_ENDS = ((b"\xe2\x80\xa8", b"\\u2028"), (b"\xe2\x80\xa9", b"\\u2029"), (b"\xc2\x85", b"\\u0085"))
LAG_BYTES = 64 * 1024
"""A reader that is further behind gets neighbouring pieces of texts as one."""


class FrameId(NamedTuple):
    """What `id:` says: which event of which log."""

    run_id: str
    epoch: str
    seq: int

    def __str__(self) -> str:
        """As it stands on the wire."""
        return f"{self.run_id}.{self.epoch}.{self.seq}"

    @classmethod
    def parse(cls, text: str) -> "FrameId":
        """The id in this text.

        Raises:
            WireError: It is none.
        """
        run_id, _, rest = text.partition(".")
        epoch, _, seq = rest.partition(".")
        if not (run_id and epoch and seq.isascii() and seq.isdigit() and len(seq) < 16):
            raise WireError(f"{text[:80]!r} is no id of an event: it should be run.epoch.number.")
        return cls(run_id, epoch, int(seq))


class ClosingNotice(msgspec.Struct, frozen=True, tag_field="kind", tag="link_closing"):
    """The server closes the connection before the run's end; resume after the last id."""

    reason: str


class _Events(msgspec.Struct, frozen=True):
    events: tuple[RunEvent, ...]


class Received(NamedTuple):
    """What a frame says.

    Attributes:
        id: Up to where the reader knows the log after it; None for a closing notice.
        anew: Whether everything before is to be forgotten.
        joined: Whether its events may stand for pieces of texts before them, too.
        closing: Why the server closes the connection now, or nothing.
    """

    id: FrameId | None
    events: tuple[RunEvent, ...]
    anew: bool = False
    joined: bool = False
    closing: str = ""

    def misplaced(self, run_id: str, last: FrameId | None) -> str:
        """Why this cannot be what comes after `last`, in words; nothing if it can."""
        if self.id is None:
            return ""
        if self.id.run_id != run_id:
            return "it sent an event of another run"
        if self.anew:
            return ""
        if last is not None and self.id.epoch != last.epoch:
            return "it went on in another log"
        known, before = last.seq if last else 0, self.id.seq - max(len(self.events), 1)
        return "" if self.joined or before <= known else f"the events from {known + 1} to {before} are missing"


class NativeCoat:
    """A connection in the native dialect."""

    heartbeat = HEARTBEAT

    def __init__(
        self,
        channel: EventChannel,
        *,
        mode: StreamMode = GENERAL,
        retry_ms: int = 1000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._prefix = f"{channel.run_id}.{channel.epoch}"
        self._joiner = TextJoiner(mode, clock)
        self._general = mode.mode == "general"
        self._opening = f"retry: {retry_ms}\n".encode()
        self.joined = 0
        """How many events went out as part of another one."""

    @property
    def due(self) -> float | None:
        """When held text must leave, on the clock."""
        return self._joiner.due

    @property
    def pending(self) -> int:
        """How many pieces of texts are held."""
        return self._joiner.pending

    def snapshot(self, seq: int, events: tuple[RunEvent, ...]) -> bytes:
        """The log up to `seq`, in short."""
        return self._opened(_frame(f"{self._prefix}.{seq}", "snapshot", msgspec.json.encode(_Events(events))))

    def write(self, entries: Sequence[Entry]) -> bytes:
        """The frames of these entries, as the mode lets them go; of many at once, neighbouring pieces of texts joined."""
        if not self._general:
            return self._opened(b"".join(map(self._group, self._joiner.take(entries))))
        frames = b"".join([entry.frame or event_frame(self._prefix, entry) for entry in entries])
        if len(frames) > LAG_BYTES and len(entries) > 1:
            frames = b"".join(map(self._group, _neighbours(entries)))
        return self._opened(frames)

    def flush(self) -> bytes:
        """The frames of held pieces."""
        return self._opened(b"".join(map(self._group, self._joiner.flush())))

    def last_words(self, reason: str | None) -> bytes:
        """What was held, and why the connection closes before the run's end."""
        if reason is None:
            return self.flush()
        return self.flush() + b"event: link_closing\ndata: " + msgspec.json.encode(ClosingNotice(reason)) + b"\n\n"

    def _opened(self, frames: bytes) -> bytes:
        """The first frame says when to come back; a block with nothing else would trip some clients."""
        if frames and self._opening:
            frames, self._opening = self._opening + frames, b""
        return frames

    def _group(self, group: Group) -> bytes:
        if len(group) == 1:
            return group[0].frame or event_frame(self._prefix, group[0])
        events = joined([entry.event for entry in group])
        self.joined += len(group) - len(events)
        frame_id = f"{self._prefix}.{group[-1].seq}"
        if len(events) == 1:
            return _frame(frame_id, type(events[0]).__struct_config__.tag, encode_event(events[0]))
        return _frame(frame_id, "joined", msgspec.json.encode(_Events(events)))


def event_frame(prefix: str, entry: Entry) -> bytes:
    """The frame of one event, made once for all readers of its log."""
    entry.frame = _frame(f"{prefix}.{entry.seq}", type(entry.event).__struct_config__.tag, entry.encoded)
    return entry.frame


def _frame(frame_id: str, event: object, payload: bytes) -> bytes:
    if not payload.isascii():  # some clients split lines at these, which JSON lets stand
        for character, escaped in _LINE_ENDS:
            payload = payload.replace(character, escaped)
    return b"id: %b\nevent: %b\ndata: %b\n\n" % (frame_id.encode(), str(event).encode(), payload)


def _neighbours(entries: Sequence[Entry]) -> list[Group]:
    groups: list[Group] = []
    for entry in entries:
        if entry.joins and groups and groups[-1][-1].joins:
            groups[-1].append(entry)
        else:
            groups.append([entry])
    return groups


def joined(events: Sequence[RunEvent]) -> tuple[RunEvent, ...]:
    """Pieces of texts, each text's as one; in the order of their last pieces, so that numbers grow."""
    whole: dict[tuple[type, str], list[TextDelta | ToolArguments]] = {}
    for event in events:
        assert isinstance(event, TextDelta | ToolArguments)
        key = (type(event), event.message_id if isinstance(event, TextDelta) else event.call_id)
        whole.setdefault(key, []).append(event)
    return tuple(sorted(map(_as_one, whole.values()), key=lambda event: event.seq))


def _as_one(pieces: list[TextDelta | ToolArguments]) -> RunEvent:
    last = pieces[-1]
    if isinstance(last, TextDelta):
        text = "".join(piece.text for piece in pieces if isinstance(piece, TextDelta))
        return msgspec.structs.replace(last, text=text)
    fragment = "".join(piece.fragment for piece in pieces if isinstance(piece, ToolArguments))
    return msgspec.structs.replace(last, fragment=fragment)


def read_frame(frame: Frame) -> Received:
    """What a frame of the native dialect says.

    Raises:
        WireError: It is no frame of this dialect.
    """
    if frame.event == "link_closing":
        try:
            return Received(None, (), closing=msgspec.json.decode(frame.data, type=ClosingNotice).reason)
        except msgspec.DecodeError as error:
            raise WireError(f"The server's last words cannot be read: {error}.") from error
    frame_id = FrameId.parse(frame.id)
    if frame.event not in ("joined", "snapshot"):
        events: tuple[RunEvent, ...] = (decode_event(frame.data),)
        return Received(frame_id, events, joined=_are_pieces(events))
    try:
        events = msgspec.json.decode(frame.data, type=_Events).events
    except (msgspec.DecodeError, RecursionError) as error:
        raise WireError(f"This line holds no events that this version of genie_nb knows: {error}.") from error
    return Received(frame_id, events, anew=frame.event == "snapshot", joined=_are_pieces(events))


def _are_pieces(events: tuple[RunEvent, ...]) -> bool:
    return bool(events) and all(isinstance(event, TextDelta | ToolArguments) for event in events)
