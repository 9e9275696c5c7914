"""The link view: a connection as a person can see it, frame by frame, with buttons that break it.

The panel shows where the link stands, how long it has been silent against its heartbeat, and every raw frame with its time
and bytes. It is sent at most ten frames a second; a page that missed one asks, and gets everything anew.

Above: `network`. Below: `link_log`, `link_labels`, `page_widget`.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.resources import files
from itertools import islice
from typing import Any, Protocol

import traitlets

from genie_nb.events import LinkEvent
from genie_nb.widgets.link_labels import link_labels_for
from genie_nb.widgets.link_log import Chunk, LinkLog, Row, SeenFrame
from genie_nb.widgets.page_widget import PageWidget

__all__ = ("Breakable", "ChunkPlot", "LinkView", "chunk_plot")

FRAME_S = 0.1
"""Seconds between two frames."""
IN_FLIGHT, HELD_S = 4, 0.5
"""With so many unacknowledged frames the next one is held back for so many seconds."""
GONE, GONE_S = 40, 5.0
"""With so many the page is taken to be gone."""
REMIND_S, REMINDS = 1.0, 8
"""Seconds before a silent page is told which frame was the last; doubled with each of so many times."""
ROWS_SENT = 80
"""A frame holds no more of the last rows: nobody reads a thousand lines a second."""
ROWS_SHOWN = 400
"""So many rows a page shows."""
DELAY_S = 2.0
"""What the button delays."""


class Breakable(Protocol):
    """What the buttons act on: a server's faults."""

    delay_s: float
    stall: Any
    freeze_model: Any

    def cut(self) -> None:
        """Abort every open connection."""
        ...

    def behind(self, run_id: str = "") -> int:
        """How many events wait to be sent."""
        ...


class LinkView(PageWidget):
    """What a person sees of one link.

    Attributes:
        link: What became of it so far.
        words: What the page says; see `link_labels`.
    """

    _esm = (files("genie_nb.widgets") / "static" / "link_view.js").read_text("utf-8")
    _css = (files("genie_nb.widgets") / "static" / "link_view.css").read_text("utf-8")

    words = traitlets.Dict(read_only=True).tag(sync=True)
    snapshot = traitlets.Any().tag(sync=True, to_json=lambda _, view: view.tell_all())

    def __init__(
        self,
        *,
        loop: asyncio.AbstractEventLoop,
        query: str = "",
        faults: Breakable | None = None,
        heartbeat_s: float | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Open the view; call this on the kernel's main thread.

        Args:
            loop: The loop that `take` is called on.
            query: The run's question, whose language the view speaks.
            faults: What the buttons act on; without it they are disabled.
            heartbeat_s: Seconds between heartbeats; without it, as seen.
            clock: Seconds since the epoch.
        """
        self._loop, self._faults, self._clock = loop, faults, clock
        # The log and the count of frames belong to whoever holds the lock; everything else to the loop's thread.
        self._lock = threading.Lock()
        self.link = LinkLog(heartbeat_s, words=link_labels_for(query))
        self._sent = self._acknowledged = self._rows_told = self._moves_told = self._reminded = 0
        self._sent_at = 0.0
        self._told: dict[str, Any] = {}
        self._ticking: asyncio.TimerHandle | None = None
        super().__init__()
        self.on_msg(self._hear)

    @traitlets.default("words")
    def _words(self) -> dict[str, str]:
        return dict(self.link.words)

    def __repr__(self) -> str:
        return "<genie_nb link view>"

    def tell_all(self) -> dict[str, Any]:
        """Everything that pages have been told so far, for a page that opens now."""
        with self._lock:
            rows = list(islice(reversed(self.link.rows), self.link.count - self._rows_told, None))[:ROWS_SHOWN]
            return {
                "n": self._sent,
                "rows": _plain(reversed(rows)),
                "faulty": self._faults is not None,
            } | self._state()

    def begin(self) -> None:
        """The link is being opened; on the loop."""
        with self._lock:
            self.link.begin(self._clock())
        self._tick_soon()

    def take(self, item: SeenFrame | LinkEvent) -> None:
        """Show what came next; on the loop."""
        with self._lock:
            self.link.take(item)
        self._tick_soon()

    def _tick_soon(self) -> None:
        if self._ticking is None:
            self._ticking = self._loop.call_later(FRAME_S, self._tick)

    def _tick(self) -> None:
        self._ticking = None
        if self.comm is None:
            return
        now = time.monotonic()
        with self._lock:
            self.link.advance(self._clock())
            if now - self._sent_at >= self._held_s():
                self._send_frame(now)
            waits = self.link.count > self._rows_told or self.link.state != "closed"
        if self._acknowledged < self._sent and self._reminded < REMINDS:
            waits = True
            if now - self._sent_at >= REMIND_S * 2**self._reminded:
                self._reminded += 1
                self.send({"type": "at", "n": self._sent})
        if waits:
            self._tick_soon()

    def _held_s(self) -> float:
        late = self._sent - self._acknowledged
        return 0.0 if late < IN_FLIGHT else HELD_S if late < GONE else GONE_S

    def _send_frame(self, now: float) -> None:
        """Send what is new, if anything is; with the lock held, so that frames stay in order."""
        new = self.link.count - self._rows_told
        state = self._state()
        counts = {key: value for key, value in state.items() if key not in ("now", "silent")}
        if not new and counts == self._told:
            return
        rows = list(islice(reversed(self.link.rows), min(new, ROWS_SENT)))[::-1]
        moves = list(self.link.moves)[-(self.link.moved - self._moves_told) :] if self.link.moved > self._moves_told else []
        self._rows_told, self._moves_told, self._told = self.link.count, self.link.moved, counts
        self._sent, self._sent_at, self._reminded = self._sent + 1, now, 0
        self.send({"type": "frame", "n": self._sent, "rows": _plain(rows), "moves": moves} | state)

    def _state(self) -> dict[str, Any]:
        log, now, faults = self.link, self._clock(), self._faults
        run_id = log.last_id.partition(".")[0]
        return {
            "now": round(max(now - log.began_at, 0.0), 2) if log.began_at else 0.0,
            "silent": round(log.silent_s(now), 2),
            "state": log.state,
            "began": log.began_at,
            "retry": round(log.retry_at - log.began_at, 2) if log.retry_at and log.state == "lost" else None,
            "beat": log.heartbeat_s,
            "last": log.last_id,
            "opened": log.opened,
            "counts": {
                "bytes": log.bytes,
                "events": log.events,
                "heartbeats": log.heartbeats,
                "reconnects": log.reconnects,
                "joined": log.joined,
                "pending": faults.behind(run_id) if faults is not None and run_id else None,
            },
            "faults": _set(faults) if faults is not None else None,
        }

    def _hear(self, _view: "LinkView", content: object, _buffers: object) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._obey, content)

    def _obey(self, content: object) -> None:
        match content:
            case {"type": "ack", "n": int(number)}:
                self._acknowledged = max(self._acknowledged, min(number, self._sent))
            case {"type": "hello", "n": int(number)} if number == self._sent:
                self._acknowledged = self._sent
            case {"type": "hello" | "gap"}:
                self.send({"type": "snapshot"} | self.tell_all())
            case {"type": "fault", "name": str(name), "on": bool(on)} if self._faults is not None:
                self._break(self._faults, name, on=on)

    def _break(self, faults: Breakable, name: str, *, on: bool) -> None:
        match name:
            case "cut":
                faults.cut()
            case "delay":
                faults.delay_s = DELAY_S if on else 0.0
            case "stall":
                faults.stall = on
            case "freeze":
                faults.freeze_model = on
        self._tick_soon()


def _set(faults: Breakable) -> dict[str, bool]:
    return {"delay": faults.delay_s > 0, "stall": bool(faults.stall), "freeze": bool(faults.freeze_model)}


def _plain(rows: Iterable[Row]) -> list[list[Any]]:
    return [list(row) for row in rows]


class ChunkPlot:
    """A picture of chunks against time."""

    def __init__(self, svg: str, name: str) -> None:
        self.svg, self._name = svg, name

    def _repr_svg_(self) -> str:
        return self.svg

    def __repr__(self) -> str:
        return f"<chunks against time: {self._name}>"


def chunk_plot(series: Mapping[str, Sequence[Chunk]]) -> ChunkPlot:
    """Chunks against time, one lane for each stream mode: a line for every chunk, as high as the events joined in it.

    Args:
        series: The chunks of the same run by the stream mode's name; see `LinkLog.chunks`.
    """
    import io
    import warnings

    import matplotlib as mpl
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    ink, line = "#808a95", "#808a9555"
    figure = Figure(figsize=(7.4, 0.5 + 1.25 * max(len(series), 1)), layout="constrained")
    lanes = figure.subplots(max(len(series), 1), 1, sharex=True, squeeze=False)[:, 0]
    for lane, (name, chunks), colour in zip(
        lanes, series.items(), ("#1e88e5", "#00897b", "#d9822b", "#8e6bbf") * 9, strict=False
    ):
        lane.vlines([chunk.at_s for chunk in chunks], 0, [chunk.pieces for chunk in chunks], color=colour, linewidth=1.4)
        lane.plot([chunk.at_s for chunk in chunks], [chunk.pieces for chunk in chunks], "o", color=colour, markersize=3.2)
        lane.set_title(name, loc="left", color=ink, fontsize=10, fontweight="bold", pad=4)
        lane.set_title(_said(chunks), loc="right", color=ink, fontsize=9, pad=4)
        lane.set_ylim(0, max((chunk.pieces for chunk in chunks), default=1) * 1.25)
        lane.set_xlim(left=0)
        lane.yaxis.set_major_locator(MaxNLocator(3, integer=True))
        lane.tick_params(colors=ink, labelsize=8, length=0)
        lane.grid(axis="y", color=line, linewidth=0.6)
        lane.set_facecolor("none")
        lane.spines[["top", "right", "left"]].set_visible(False)
        lane.spines["bottom"].set_color(line)
    lanes[-1].set_xlabel("seconds", color=ink, fontsize=9)
    figure.supylabel("events in a chunk", color=ink, fontsize=9)
    picture = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": "genie_nb"}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from")  # in a name, where no font is there
        figure.savefig(picture, format="svg", transparent=True, metadata={"Date": None})
    return ChunkPlot(picture.getvalue(), ", ".join(series))


def _said(chunks: Sequence[Chunk]) -> str:
    events, size = sum(chunk.pieces for chunk in chunks), sum(chunk.size for chunk in chunks)
    return f"{len(chunks):,} chunks  ·  {events:,} events  ·  {size:,} bytes"
