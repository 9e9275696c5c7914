"""The log of a link: what came over the wire, when, and what the link went through; for the panel and for plots. Pure.

A `LinkTape` keeps what a link brought, raw; when somebody looks, a `LinkLog` folds it into rows and a state.

Above: `link_view`, `network`. Below: `link_labels`, `events`.
"""

import re
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

from genie_nb.errors import WireError
from genie_nb.events import (
    Event,
    Heartbeat,
    LinkClosed,
    LinkEvent,
    LinkLost,
    LinkOpened,
    LogRestarted,
    encode_event,
)
from genie_nb.widgets.link_labels import link_labels_for

__all__ = ("MOVES", "Chunk", "FrameTap", "LinkLog", "LinkTape", "Row", "SeenFrame", "State")

State = Literal["closed", "opening", "open", "lost"]
Kind = Literal["frame", "beat", "link"]
MOVES: dict[State, dict[str, State]] = {
    "closed": {"open": "opening"},
    "opening": {"accepted": "open", "refused": "lost"},
    "open": {"silence": "lost", "break": "lost", "done": "closed"},
    "lost": {"retry": "opening", "give_up": "closed"},
}
"""The states of a link as the client has them: state → trigger → state."""
ROWS = 2_000
"""So many rows are kept; the oldest are forgotten."""
TEXT = 240
"""So many characters of a frame's text are kept: of a longer one its head and its tail, where the news is."""
TAPE_BYTES = 1 << 20
"""So much of a link is kept raw."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


@dataclass(frozen=True)
class SeenFrame:
    """A frame as it came.

    Attributes:
        at: When it was complete, in seconds since the epoch.
        size: Its bytes on the wire.
        event: Its type; nothing for a comment, which is a heartbeat.
        id: The id to resume after.
        text: Its data.
    """

    at: float
    size: int
    event: str
    id: str = ""
    text: str = ""


class Row(NamedTuple):
    """One line of the log.

    Attributes:
        n: Its number, from 1.
        at: Seconds since the log's beginning.
        size: Bytes on the wire.
        kind: A frame, a heartbeat, or what happened to the link.
        event: The frame's type, or the state that the link is in.
        id: The frame's id.
        seq: The number of the frame's last event; 0 if it has none.
        pieces: How many events came in it; more than one if they were joined.
        again: Whether the reader had it already.
        text: The head of its data, or what is to be said.
    """

    n: int
    at: float
    size: int
    kind: Kind
    event: str
    id: str = ""
    seq: int = 0
    pieces: int = 1
    again: bool = False
    text: str = ""


class Chunk(NamedTuple):
    """A piece of a text on the wire: seconds since the log's beginning, the events joined in it, its bytes."""

    at_s: float
    pieces: int
    size: int


@dataclass
class LinkLog:
    """What became of a link so far.

    Attributes:
        state: Where it stands in `MOVES`.
        began_at: When the log begins, in seconds since the epoch; 0 until something comes.
        last_byte_at: When something came last, in seconds since the epoch.
        heartbeat_s: Seconds between heartbeats; seen from the first one, where nobody said.
        rows: The last lines.
        moves: The last states with their times since the log's beginning.
        resumes: The ids after which it was resumed.
        words: What is said in it; see `link_labels`.
    """

    heartbeat_s: float | None = None
    state: State = "closed"
    began_at: float = 0.0
    last_byte_at: float = 0.0
    last_id: str = ""
    retry_at: float | None = None
    bytes: int = 0
    frames: int = 0
    events: int = 0
    joined: int = 0
    heartbeats: int = 0
    opened: int = 0
    lost: int = 0
    count: int = 0
    rows: deque[Row] = field(default_factory=lambda: deque(maxlen=ROWS))
    moves: deque[tuple[float, State]] = field(default_factory=lambda: deque(maxlen=200))
    moved: int = 0
    resumes: deque[str] = field(default_factory=lambda: deque(maxlen=200))
    words: Mapping[str, str] = field(default_factory=lambda: link_labels_for(""), repr=False)
    _log: str = ""
    _seq: int | None = None
    _beat_told: bool = False

    @property
    def reconnects(self) -> int:
        """How often it was opened again."""
        return max(self.opened - 1, 0)

    def begin(self, now: float) -> None:
        """The link is being opened for the first time."""
        self._start(now)
        if self.state == "closed" and not self.opened:
            self._move(now, "open")

    def take(self, item: "Event | SeenFrame") -> None:
        """Take what came next."""
        self._start(item.at)
        match item:
            case SeenFrame():
                self._frame(item)
            case Heartbeat():
                self._beat(item.at, 0, wire=False)
            case LinkOpened():
                self._opened(item)
            case LinkLost():
                self._lost(item)
            case LinkClosed():
                if self.state == "open":
                    self._move(item.at, "done")
                self.state = "closed"  # also where a server says that nothing is left
                self._row(item.at, 0, "link", "closed", text=self.words["log_closed"])
            case LogRestarted():
                self._seq = None
            case _ if item.seq and (self._seq is None or item.seq > self._seq):
                pieces = self._count_events(item.seq)
                text = encode_event(item).decode("utf-8", "replace")
                self._row(item.at, 0, "frame", str(type(item).__struct_config__.tag), seq=item.seq, pieces=pieces, text=text)

    def advance(self, now: float) -> None:
        """Let the time pass: a lost link is tried again when its wait is over."""
        if self.state == "lost" and self.retry_at is not None and now >= self.retry_at:
            self._move(self.retry_at, "retry")

    def chunks(self) -> list[Chunk]:
        """The pieces of texts that came, in order."""
        texts = ("text_delta", "joined")
        return [Chunk(row.at, row.pieces, row.size) for row in self.rows if row.event in texts and not row.again]

    def silent_s(self, now: float) -> float:
        """Seconds since something came."""
        return max(now - self.last_byte_at, 0.0) if self.last_byte_at else 0.0

    def _start(self, at: float) -> None:
        self.began_at = self.began_at or at

    def _frame(self, frame: SeenFrame) -> None:
        self.bytes += frame.size
        if not frame.event:
            self._beat(frame.at, frame.size, wire=True, text=frame.text)
            return
        self.last_byte_at, self._beat_told = frame.at, False
        self.frames += 1
        log, _, number = frame.id.rpartition(".")
        seq = int(number) if number.isascii() and number.isdigit() and len(number) < 16 else 0
        if log != self._log or frame.event == "snapshot":
            if self._log:
                self._seq = None
            self._log = log
        again = bool(seq and self._seq is not None and seq <= self._seq)
        pieces = self._count_events(seq) if seq and not again else 1
        self.last_id = frame.id or self.last_id
        self._row(
            frame.at,
            frame.size,
            "frame",
            frame.event,
            id=frame.id[:120],
            seq=seq,
            pieces=pieces,
            again=again,
            text=frame.text,
        )

    def _count_events(self, seq: int) -> int:
        """How many events came up to this number; one, if it is not known from where on."""
        pieces = 1 if self._seq is None else seq - self._seq
        self._seq = seq
        self.events += pieces
        self.joined += pieces - 1
        return pieces

    def _beat(self, at: float, size: int, *, wire: bool, text: str = "") -> None:
        """A heartbeat; both the wire and the client tell of it."""
        if self._beat_told and not wire:
            self._beat_told = False
            return
        if self.heartbeat_s is None and self.last_byte_at:
            self.heartbeat_s = round(max(at - self.last_byte_at, 0.1), 1)
        self.last_byte_at, self._beat_told = at, wire
        self.heartbeats += 1
        self._row(at, size, "beat", "heartbeat", text=text)

    def _opened(self, event: LinkOpened) -> None:
        if self.state in ("closed", "lost"):
            self._reopen(event.at)
        if self.state == "opening":
            self._move(event.at, "accepted")
        self.opened += 1
        self.last_byte_at, self.retry_at, self._beat_told = event.at, None, False
        if not event.resumed_after:
            self._seq, self._log, text = 0, "", self.words["log_open"]
        else:
            number = event.resumed_after.rpartition(".")[2]
            self.resumes.append(event.resumed_after)
            text = self.words["log_again"].format(n=event.attempt, seq=number)
        self._row(event.at, 0, "link", "open", id=event.resumed_after[:120], text=text)

    def _lost(self, event: LinkLost) -> None:
        if self.state in ("closed", "lost"):
            self._reopen(event.at)
        self._move(event.at, "refused" if self.state == "opening" else "break")
        self.lost += 1
        if event.retry_in_s is None:
            self.retry_at = None
            self._move(event.at, "give_up")
            text = self.words["log_given_up"].format(why=event.reason)
        else:
            self.retry_at = event.at + event.retry_in_s
            text = self.words["log_lost"].format(why=event.reason, s=f"{event.retry_in_s:.1f}")
        self._row(event.at, 0, "link", "lost", text=text)

    def _reopen(self, at: float) -> None:
        self._move(at, "open" if self.state == "closed" else "retry")

    def _move(self, at: float, trigger: str) -> None:
        self.state = MOVES[self.state][trigger]
        self.moved += 1
        self.moves.append((round(at - self.began_at, 3), self.state))

    def _row(self, at: float, size: int, kind: Kind, event: str, **more: Any) -> None:
        self.count += 1
        said = more.pop("text", "")
        if len(said) > TEXT:
            said = f"{said[: TEXT // 2]} … {said[-TEXT // 2 :]}"
        said = _CONTROL.sub("\ufffd", said)
        since = round(max(at - self.began_at, 0.0), 3)
        self.rows.append(Row(self.count, since, size, kind, event[:40], text=said, **more))


class Decoder(Protocol):
    """What turns the bytes of a stream into frames; `comments` counts its comment lines."""

    comments: int

    def feed(self, piece: bytes) -> Sequence[Any]:
        """The frames that this piece completes, each with `event`, `id` and `data`."""
        ...


class FrameTap:
    """The frames of one link after another, with their sizes, from bytes cut anywhere."""

    def __init__(self, make_decoder: Callable[[], Decoder]) -> None:
        self._make_decoder = make_decoder
        self.cut()

    def cut(self) -> None:
        """A new connection begins; what was not complete is gone."""
        self._decoder, self._size = self._make_decoder(), 0

    def feed(self, piece: bytes, at: float) -> list[SeenFrame]:
        """The frames and heartbeats that this piece completes."""
        seen: list[SeenFrame] = []
        for line in piece.splitlines(keepends=True):
            comments = self._decoder.comments
            try:
                frames = self._decoder.feed(line)
            except WireError:
                self.cut()
                continue
            if self._decoder.comments > comments:
                seen.append(SeenFrame(at, len(line), "", text=line.decode("utf-8", "replace").strip()))
                continue
            self._size += len(line)
            for frame in frames:
                seen.append(SeenFrame(at, self._size, frame.event, frame.id, frame.data))
                self._size = 0
        return seen


class LinkTape:
    """What a link brought, raw, for whoever looks, now or later; the oldest is forgotten. Lives on the link's loop."""

    def __init__(self, make_decoder: Callable[[], Decoder], clock: Callable[[], float] = time.time) -> None:
        self._make_decoder, self._clock = make_decoder, clock
        self._kept: deque[tuple[float, bytes | LinkEvent]] = deque()
        self._bytes = 0
        self._followers: list[Callable[[float, bytes | LinkEvent], None]] = []

    def take(self, item: bytes | LinkEvent) -> None:
        """Keep what came, and tell those who follow."""
        at = self._clock()
        self._kept.append((at, item))
        self._bytes += _cost(item)
        while self._bytes > TAPE_BYTES:
            self._bytes -= _cost(self._kept.popleft()[1])
        for follow in self._followers:
            follow(at, item)

    def follow(self, hear: Callable[[SeenFrame | LinkEvent], object]) -> None:
        """Tell everything that is kept, and go on with what comes."""
        follow = self._telling(hear)
        for at, item in tuple(self._kept):
            follow(at, item)
        self._followers.append(follow)

    def log(self, query: str = "") -> LinkLog:
        """What is kept, as a log in the language of this question."""
        log = LinkLog(words=link_labels_for(query))
        follow = self._telling(log.take)
        for at, item in tuple(self._kept):
            follow(at, item)
        return log

    def _telling(self, hear: Callable[[SeenFrame | LinkEvent], object]) -> Callable[[float, bytes | LinkEvent], None]:
        tap = FrameTap(self._make_decoder)

        def tell(at: float, item: bytes | LinkEvent) -> None:
            if isinstance(item, bytes):
                for frame in tap.feed(item, at):
                    hear(frame)
                return
            if isinstance(item, LinkOpened | LinkLost):
                tap.cut()
            hear(item)

        return tell


def _cost(item: bytes | LinkEvent) -> int:
    return 200 + (len(item) if isinstance(item, bytes) else 0)
