"""The live view of one run: an anywidget that follows the run's events and shows them in every page that is open.

Events are folded and painted in a worker thread, and sent as numbered frames: at most one in 33 ms, fewer while pages have
not acknowledged the last ones. A page that missed one asks, and gets a snapshot; a page that opens later starts from one.
What is pending is never more than what changed in the transcript, so a page that is gone costs nothing.

A view that is closed leaves nothing in the kernel and nothing in a saved notebook. Before that pages are asked whether they
show it still: one that was loaded while the run went on does not know that a record took the view's place.

Above: `session`. Below: `page_widget`, `patches`, `pulse`, `previews`, `transcript`.
"""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from typing import Any

import traitlets

from genie_nb.errors import GenieError, WireError
from genie_nb.events import NoteAdded, RunEvent, is_terminal
from genie_nb.parts import FileRef
from genie_nb.widgets.page_widget import PageWidget
from genie_nb.widgets.parcels import CopyFile, Parcel
from genie_nb.widgets.patches import Painter
from genie_nb.widgets.previews import PREVIEW_BYTES, ReadFile, pictures_of, preview_html
from genie_nb.widgets.pulse import Pulse
from genie_nb.widgets.questions import changed_arguments
from genie_nb.widgets.record import STYLE

__all__ = ("RunView",)

FRAME_S = 0.05
"""Seconds between two frames while the page keeps up."""
IN_FLIGHT = 4
"""Frames that may be unacknowledged before the next one is held back, twice as long with each."""
HELD_S = 0.5
"""The longest that a frame is held back, in seconds: the page's answers may only wait behind a busy cell."""
GONE, GONE_S = 200, 5.0
"""With so many unacknowledged frames the page is taken to be gone, and each is held back for so many seconds."""
REMIND_S = 1.0
"""Seconds before a silent page is told which frame was the last; doubled with each time."""
REMIND_MOST_S = 600.0
SEEN_S = 0.5
"""Seconds that an open page gets to show the end."""
DOWNLOAD_BYTES = 20_000_000
"""Larger files are not sent to a page."""
ZIP_BYTES = 500_000_000
"""Files that have more bytes together are not sent to a page."""
Decide = Callable[..., Coroutine[Any, Any, None]]
"""`RunHandle.decide` of the run."""
PAGE_LABELS = ("silent", "tool", "waiting", "stopping", "loading", "packing")


class RunView(PageWidget):
    """What a person sees of one run while it goes on."""

    _esm = (files("genie_nb.widgets") / "static" / "run_view.js").read_text("utf-8")
    _css = STYLE

    snapshot = traitlets.Any().tag(sync=True, to_json=lambda _, view: view.tell_all())

    def __init__(
        self,
        *,
        on_cancel: Callable[[], None],
        decide: Decide,
        read_file: ReadFile,
        copy_file: CopyFile | None = None,
        query: str = "",
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        """Open the view; call this on the kernel's main thread.

        Args:
            on_cancel: Called on the loop's thread when a reader wants the run to stop.
            decide: Awaited on the loop when a reader says whether a call may be made.
            read_file: Reads a file of the run; called in worker threads.
            copy_file: Copies a file of the run; without one its files cannot be had together.
            query: The question, for the time before the run begins.
            loop: The loop that `follow` will run on; without one, buttons work from `follow` on.
        """
        self._on_cancel, self._decide, self._loop = on_cancel, decide, loop
        self._read_file, self._copy_file = read_file, copy_file
        # The painter and the count of frames belong to whoever holds the lock; everything else to the loop's thread.
        self._lock = threading.Lock()
        self._painter, self._pulse, self._told = Painter(query), Pulse(), _Told()
        self._sent = self._acknowledged = 0
        self._has_page = self._leaving = False
        self._arrived: list[tuple[RunEvent, float]] = []
        self._news = asyncio.Event()
        self._sent_at = 0.0
        self._reminder: asyncio.TimerHandle | None = None
        self._answers: set[asyncio.Task[None]] = set()
        self._parcels: dict[str, Parcel] = {}
        self._pages = self._unheard = 0
        super().__init__()
        self.on_msg(self._hear)

    def __repr__(self) -> str:
        return "<genie_nb live view>"

    def close(self) -> None:
        """Take the view from every page."""
        if self._reminder and self._loop and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._reminder.cancel)  # a timer would hold the closed view for many minutes
        for parcel in self._parcels.values():
            parcel.close()
        super().close()

    def retire(self) -> None:
        """Close the view once every page has said that it does not show it; one that a page shows goes on."""
        if not self._has_page:
            self.close()
            return
        self._unheard = max(self._pages, 1)
        self.send({"type": "where"})

    @property
    def retiring(self) -> bool:
        """Whether it is open only until pages have answered."""
        return self.comm is not None and self._unheard > 0

    def _hear_of_place(self, *, shown: bool) -> None:
        if self._unheard == 0:
            return
        self._unheard = 0 if shown else self._unheard - 1
        if not shown and self._unheard == 0:
            self.close()

    def tell_all(self) -> dict[str, Any]:
        """Everything that pages have been told so far, for a page that opens now."""
        with self._lock:
            return {
                "n": self._sent,
                "p": self._painter.page.snapshot(),
                "live": self._pulse.state(self._painter.transcript, time.monotonic()),
                "labels": self._page_labels(),
            }

    async def follow(self, events: AsyncIterator[RunEvent], silent_s: Callable[[], float] = lambda: 0.0) -> None:
        """Show a run until its terminal event, or until there are no more events.

        Args:
            events: The run's events, those that were and those that come.
            silent_s: Seconds since the last of them came. A view that begins late is handed old events all at once, and
                shows the same clock as one that was there.
        """
        self._loop = asyncio.get_running_loop()
        reading = asyncio.create_task(self._read(events, silent_s))
        try:
            while not reading.done():
                await self._look()
                await self._rest(reading)
            await asyncio.to_thread(self._send_pictures)
            await self._look(at_once=True)
            await reading
        finally:
            reading.cancel()

    def leave(self) -> None:
        """Let pages hide the view as soon as a record is drawn beside it; told as a frame, so that `seen` waits for it."""
        with self._lock:
            if not self._leaving:
                self._leaving = True
                self._sent += 1
                self.send({"type": "frame", "n": self._sent, "leave": True})

    async def seen(self) -> None:
        """Wait until an open page has shown all that it was sent, for no longer than `SEEN_S`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(SEEN_S):
                while self._has_page and self._acknowledged < self._sent:
                    self._news.clear()
                    await self._news.wait()

    async def _read(self, events: AsyncIterator[RunEvent], silent_s: Callable[[], float]) -> None:
        async for event in events:
            self._arrived.append((event, time.monotonic() - silent_s()))
            self._news.set()
            if is_terminal(event):
                return

    async def _rest(self, reading: asyncio.Task[None]) -> None:
        """Wait until there may be a frame to send: something came, a page caught up, or a held frame is due."""
        await asyncio.wait({reading}, timeout=FRAME_S)
        if reading.done():
            return
        news = asyncio.create_task(self._news.wait())
        timeout = self._due_in_s() if self._painter.pending else None
        await asyncio.wait({reading, news}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        news.cancel()
        self._news.clear()

    def _held_s(self) -> float:
        """How long after the last frame the next one waits for an answer of a page."""
        late = self._sent - self._acknowledged - IN_FLIGHT
        if late < 0:
            return 0.0
        return min(FRAME_S * 2 ** (late + 1), HELD_S) if late < GONE else GONE_S

    def _due_in_s(self) -> float:
        return self._sent_at + self._held_s() - time.monotonic()

    async def _look(self, *, at_once: bool = False) -> None:
        arrived, self._arrived = self._arrived, []
        send = at_once or self._due_in_s() <= 0
        if await asyncio.to_thread(self._advance, arrived, send=send):
            self._sent_at = time.monotonic()
            self._remind_after(REMIND_S)

    def _advance(self, arrived: list[tuple[RunEvent, float]], *, send: bool) -> bool:
        """Fold what came; paint and send it if a frame is due. Frames leave under the lock, so that they stay in order."""
        with self._lock:
            for event, came in arrived:
                self._take(event)
                self._pulse.beat(event, came)
            if not send:
                return False
            frame = self._frame()
            if frame:
                self._sent += 1
                self.send({"type": "frame", "n": self._sent} | frame)
            return bool(frame)

    def _take(self, event: RunEvent) -> None:
        try:
            self._painter.take(event)
        except WireError as error:
            self._painter.take(NoteAdded(seq=event.seq, run_id=event.run_id, text=str(error), level="warning"))

    def _frame(self) -> dict[str, Any]:
        frame: dict[str, Any] = {}
        patches = self._painter.paint()
        if patches:
            frame["p"] = patches
        kind = self._pulse.kind(self._painter.transcript)
        if kind != self._told.kind:
            self._told.kind = kind
            frame["live"] = self._pulse.state(self._painter.transcript, time.monotonic())
        if self._painter.labels is not self._told.labels:
            self._told.labels = self._painter.labels
            frame["labels"] = self._page_labels()
        return frame

    def _page_labels(self) -> dict[str, str]:
        return {name: self._painter.labels[name] for name in PAGE_LABELS}

    def _remind_after(self, seconds: float) -> None:
        """The last frame may be lost without a later one to show the gap: so a silent page is told its number."""
        if self._reminder:
            self._reminder.cancel()
        if self._loop and seconds <= REMIND_MOST_S:
            self._reminder = self._loop.call_later(seconds, self._remind, seconds)

    def _remind(self, seconds: float) -> None:
        if self.comm is not None and self._acknowledged < self._sent:
            self.send({"type": "at", "n": self._sent})
            self._remind_after(seconds * 2)

    def _hear(self, _view: "RunView", content: object, _buffers: object) -> None:
        if self._loop and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._obey, content)

    def _obey(self, content: object) -> None:
        self._has_page = True
        match content:
            case {"type": "ack", "n": int(number)}:
                self._acknowledged = max(self._acknowledged, min(number, self._sent))
                self._news.set()
            case {"type": "hello", "n": int(number)}:
                self._pages += 1
                if number == self._sent:
                    self._acknowledged = self._sent
                else:
                    self._answer(asyncio.to_thread(self._send_snapshot))
            case {"type": "hello" | "gap"}:
                self._answer(asyncio.to_thread(self._send_snapshot))
            case {"type": "place", "shown": bool(shown)}:
                self._hear_of_place(shown=shown)
            case {"type": "cancel"}:
                self._on_cancel()
            case {"type": "decide", "call": str(call_id), "verdict": str(verdict), "text": str(text), "reason": str(reason)}:
                self._answer(self._tell_decision(call_id, verdict, text, reason))
            case {"type": "zip", "id": str(parcel)}:
                self._answer(asyncio.to_thread(self._pack, parcel))
            case {"type": "piece", "id": str(parcel), "at": int(at)}:
                self._answer(asyncio.to_thread(self._send_piece, parcel, at))
            case {"type": "preview" | "download" as kind, "name": str(name), "key": str(key)}:
                file = self._painter.file(name)
                if file:
                    self._answer(asyncio.to_thread(self._send_file, kind, key, file))

    def _answer(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._answers.add(task)
        task.add_done_callback(self._answers.discard)

    async def _tell_decision(self, call_id: str, verdict: str, text: str, reason: str) -> None:
        call = self._painter.transcript.calls.get(call_id)
        if call is None or call.asked is None or verdict not in ("once", "always", "refused"):
            return
        try:
            changed = "" if verdict == "refused" else changed_arguments(call.asked, text)
            await self._decide(call_id, verdict, reason=reason, arguments=changed)
        except GenieError as error:
            self.send({"type": "undecided", "call": call_id, "why": str(error)})

    def _send_snapshot(self) -> None:
        everything = self.tell_all()
        self.send({"type": "snapshot"} | everything)

    def _send_file(self, kind: str, key: str, file: FileRef) -> None:
        labels = self._painter.labels
        if kind == "download" and file.size > DOWNLOAD_BYTES:
            self._send_preview(key, f'<p class="gnb-muted">{escape(labels["too_large"])}</p>')
            return
        try:
            content = self._read_file(file.name, PREVIEW_BYTES if kind == "preview" else DOWNLOAD_BYTES)
        except (GenieError, OSError):
            self._send_preview(key, f'<p class="gnb-muted">{escape(labels["unreadable"])}</p>')
            return
        if kind == "preview":
            self._send_preview(key, preview_html(file, content, labels, pictures_of(self._painter.transcript, file)))
        else:
            self.send({"type": "download", "name": file.name.rsplit("/", 1)[-1]}, buffers=[content])

    def _send_pictures(self) -> None:
        """Send what opens with the last frame: a page that had to ask would ask in the moment when an awaiting cell ends."""
        for key, file in self._painter.pictures():
            self._send_file("preview", key, file)

    def _pack(self, parcel_id: str) -> None:
        """Pack the run's files for the page that asks; of former archives that were not fetched, the last is kept."""
        labels, files = self._painter.labels, self._painter.files()
        told = {"type": "parcel", "id": parcel_id}
        if self._copy_file is None or sum(file.size for file in files) > ZIP_BYTES:
            self.send(told | {"why": labels["zip_too_large"]})
            return
        try:
            parcel = Parcel(self._copy_file, files, ZIP_BYTES)
        except (GenieError, OSError):
            self.send(told | {"why": labels["zip_failed"]})
            return
        while len(self._parcels) > 1:
            self._parcels.pop(next(iter(self._parcels))).close()
        self._parcels[parcel_id] = parcel
        self.send(told | {"size": parcel.size})

    def _send_piece(self, parcel_id: str, at: int) -> None:
        parcel = self._parcels.get(parcel_id)
        if parcel is None:
            return
        piece = parcel.piece(at)
        self.send({"type": "piece", "id": parcel_id, "at": at}, buffers=[piece])
        if at + len(piece) >= parcel.size:
            self._parcels.pop(parcel_id, parcel).close()

    def _send_preview(self, key: str, html: str) -> None:
        self.send({"type": "preview", "key": key, "html": html})


@dataclass
class _Told:
    """What the pages know besides patches."""

    kind: tuple[object, ...] | None = None
    labels: Mapping[str, str] | None = None
