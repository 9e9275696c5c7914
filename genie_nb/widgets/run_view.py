"""The live view of one run: an anywidget that follows the run's events and shows them in every page that is open.

Events are folded and painted in a worker thread, and sent as numbered frames: at most one in 33 ms, the fewer the more of them
no page has acknowledged. A page that missed one asks, and gets a snapshot; a page that opens later starts from one. What is
pending is never more than what changed in the transcript, so a page that is gone costs nothing.

Above: `session`. Below: `patches`, `pulse`, `previews`, `transcript`.
"""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from importlib.resources import files
from typing import Any

import anywidget
import traitlets

from genie_nb.errors import GenieError
from genie_nb.events import RunEvent, is_terminal
from genie_nb.parts import FileRef
from genie_nb.widgets.patches import Painter
from genie_nb.widgets.previews import preview_html
from genie_nb.widgets.pulse import Pulse
from genie_nb.widgets.record import STYLE

__all__ = ("RunView",)

FRAME_S = 0.033
"""Seconds between two frames while the page keeps up."""
IN_FLIGHT = 4
"""Frames that may be unacknowledged before the next one is held back."""
HELD_S = 5.0
"""The longest that a frame is held back, in seconds."""
DOWNLOAD_BYTES = 20_000_000
"""Larger files are not sent to a page."""


class RunView(anywidget.AnyWidget):  # type: ignore[misc]
    """What a person sees of one run while it goes on."""

    _esm = (files("genie_nb.widgets") / "static" / "run_view.js").read_text("utf-8")
    _css = STYLE

    folded = traitlets.Bool(False).tag(sync=True)
    snapshot = traitlets.Int(0).tag(sync=True, to_json=lambda _, view: view._tell_all())

    def __init__(
        self,
        *,
        on_cancel: Callable[[], None],
        read_file: Callable[[str], bytes],
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        """Open the view; call this on the kernel's main thread.

        Args:
            on_cancel: Called on the loop's thread when a reader wants the run to stop.
            read_file: Gives the bytes of a file of the run; called in worker threads.
            loop: The loop that `follow` runs on; without one it is the loop that first calls `follow`.
        """
        self._on_cancel, self._read_file, self._loop = on_cancel, read_file, loop
        self._lock = threading.Lock()
        self._painter, self._pulse = Painter(), Pulse()
        self._kind: tuple[object, ...] | None = None
        self._sent = self._acknowledged = 0
        self._waiting_events: list[tuple[RunEvent, float]] = []
        self._wake: asyncio.Event | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        super().__init__()
        self.on_msg(self._hear)

    def __repr__(self) -> str:
        return "<genie_nb live view>"

    def fold(self) -> None:
        """Fold the view to its first line; a click unfolds it."""
        self.folded = True

    async def follow(self, events: AsyncIterator[RunEvent]) -> None:
        """Show a run until its terminal event, or until there are no more events.

        Raises:
            WireError: An event speaks of something that never started.
        """
        self._loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()
        reading = asyncio.create_task(self._read(events))
        try:
            while not reading.done():
                await self._wake.wait()
                self._wake.clear()
                await self._show()
                await self._pace(reading)
            await reading
        finally:
            reading.cancel()
        await self._show(at_once=True)
        self._start(self._repeat_the_last())

    async def _read(self, events: AsyncIterator[RunEvent]) -> None:
        assert self._wake
        try:
            async for event in events:
                self._waiting_events.append((event, time.monotonic()))
                self._wake.set()
                if is_terminal(event):
                    return
        finally:
            self._wake.set()

    async def _show(self, *, at_once: bool = False) -> None:
        taken, self._waiting_events = self._waiting_events, []
        may_send = at_once or self._in_flight < IN_FLIGHT
        frame = await asyncio.to_thread(self._advance, taken, may_send=may_send)
        if frame:
            self.send(frame)

    @property
    def _in_flight(self) -> int:
        return self._sent - self._acknowledged
