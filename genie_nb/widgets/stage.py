"""The stage: where in a notebook a run is seen, first as a live view, in the end as a static record.

- A run that nobody awaits: its live view is replaced by its record when it ends. As the value of the very cell that shows
  its live view it shows nothing more: see `covers`.
- A run that a cell awaits: the record is the cell's value, and its live view goes then; if the cell has another value, the
  record is displayed after the cell.
- A run that another cell awaits: its live view is replaced by its record when that cell ends; it is also that cell's value.
- A live view that is asked for after the end stays what it is.

Of the views whose record has its place the newest few stay open. The model of an older one is closed, so that neither the
kernel nor a saved notebook keeps it, unless a page shows it still: one that was loaded while the run went on, whose output
the record does not reach. `run.view()` shows any run again.

So a saved notebook holds a run's record where its live view stood or in the cell that awaits it, and no widget that nobody
asked for. The record comes before the view goes:
a page never is shorter in between, so nothing on it jumps.

Above: `session`. Below: `run_view`.
"""

import asyncio
import logging
import secrets
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, cast

from IPython.core.getipython import get_ipython

from genie_nb.events import RunEvent, Verdict
from genie_nb.widgets.run_view import RunView

__all__ = ("Followed", "Stage", "view_of")

log = logging.getLogger(__name__)

_VIEW = "application/vnd.jupyter.widget-view+json"
OPEN_VIEWS = 3
"""So many views stay open whose record has its place."""
RETIRING_VIEWS = 20
"""So many more wait for a page to say whether it shows them."""


class Followed(Protocol):
    """What the stage needs of a run.

    Attributes:
        query: The question.
    """

    query: str

    def events(self) -> AsyncIterator[RunEvent]:
        """Every event of the run, up to its last."""
        ...

    def silent_s(self) -> float:
        """Seconds since the last event came."""
        ...

    def cancel(self) -> None:
        """Stop the run."""
        ...

    async def decide(self, call_id: str, verdict: Verdict, *, reason: str = "", arguments: str = "") -> None:
        """Say whether a call that waits may be made."""
        ...

    def read_file(self, name: str, most_bytes: int | None = None) -> bytes:
        """The content of a file of the run, or no more than the first bytes of it."""
        ...

    def copy_file(self, name: str, target: Path, most_bytes: int) -> None:
        """Copy a file of the run to a path piece by piece."""
        ...


def view_of(run: Followed, loop: asyncio.AbstractEventLoop) -> RunView:
    """A view of the run, which does not follow it yet."""
    return RunView(
        on_cancel=run.cancel,
        decide=run.decide,
        read_file=run.read_file,
        copy_file=run.copy_file,
        query=run.query,
        loop=loop,
    )


class Stage:
    """Shows one run as output of the cell that is running now; made on the kernel's main thread.

    Attributes:
        shown: Done when the end of the run is shown, and its record has its place.
    """

    def __init__(
        self,
        run: Followed,
        loop: asyncio.AbstractEventLoop,
        record: Callable[[], dict[str, str]],
        *,
        stays: bool = False,
    ) -> None:
        self._record = record
        self._shell = cast("Any", get_ipython())
        self._display_id = secrets.token_hex(8)
        self._lock = threading.Lock()
        self._ended = False
        self._cell_over = stays
        self._awaited = self._elsewhere = False
        self._record_due = self._record_shown = False
        self.shown: Future[None] = Future()
        self._view: RunView | None = view_of(run, loop)
        self._publish({_VIEW: {"version_major": 2, "version_minor": 0, "model_id": self._view.model_id}})
        if stays:
            self.shown.set_result(None)
        else:
            self._shell.events.register("post_execute", self._after_cell)
        following = asyncio.run_coroutine_threadsafe(self._follow(run, self._view), loop)
        following.add_done_callback(self._followed)

    async def _follow(self, run: Followed, view: RunView) -> None:
        await view.follow(run.events(), run.silent_s)
        if self._awaited:
            await asyncio.to_thread(view.leave)
        await view.seen()
        self._ended = True
        await asyncio.to_thread(self._place)  # a record is made of files and colours: not the loop's work

    def _followed(self, following: Future[None]) -> None:
        error = None if following.cancelled() else following.exception()
        if error is None:
            return
        log.error("The run could not be shown", exc_info=error)
        with self._lock:
            if not self.shown.done():
                self.shown.set_exception(error)

    def _place(self) -> None:
        """Give the record its place, once the run has ended and it is known whether a cell awaits it."""
        with self._lock:
            if self.shown.done() or not self._ended or not (self._awaited or self._cell_over):
                return
            self._record_due = self._awaited
            if not self._awaited:
                self._publish(self._record(), update=True)
            self.shown.set_result(None)
        if not self._record_due:
            _settled.add(self)

    @contextmanager
    def awaited(self) -> Iterator[None]:
        """While a cell waits for the run; after that the record is the cell's to show."""
        self._awaited, self._elsewhere = True, self._cell_over
        self._place()
        waited = False
        try:
            yield
            waited = True
        finally:
            self._awaited = waited

    @property
    def covers(self) -> bool:
        """Whether the running cell shows the run here, and will to its end: nothing more is to be shown as its value."""
        return not (self._cell_over or self._awaited)

    def record_is_shown(self) -> None:
        """Say that the record was shown as the cell's value."""
        self._record_shown = True
        self._leave()

    def _after_cell(self) -> None:
        if self._record_due and not self._record_shown:
            self._leave()
        self._cell_over = True
        self._place()
        if self._record_due and self._elsewhere:
            self._publish(self._record(), update=True)
        elif self._record_due:
            if not self._record_shown:
                self._shell.display_pub.publish(data=self._record(), metadata={})
            self._publish({}, update=True)
        if self.shown.done():
            self._shell.events.unregister("post_execute", self._after_cell)
            if self._record_due:
                _settled.add(self)

    def _leave(self) -> None:
        """Tell the view that its record comes next to it, where it does."""
        if self._awaited and not self._cell_over and self._view is not None:
            self._view.leave()

    def give_up_view(self) -> RunView | None:
        """The live view, which is no longer this stage's."""
        view, self._view = self._view, None
        return view

    def _publish(self, bundle: dict[str, Any], *, update: bool = False) -> None:
        """Show the bundle where the live view stands."""
        self._shell.display_pub.publish(data=bundle, metadata={}, transient={"display_id": self._display_id}, update=update)


class _Settled:
    """The stages whose record has its place and whose view is still open; and the views that wait to be closed."""

    def __init__(self) -> None:
        self._stages: deque[Stage] = deque()
        self._retiring: deque[RunView] = deque()
        self._lock = threading.Lock()

    def add(self, stage: Stage) -> None:
        """Let one more view stay open, and the oldest one no longer, if there are too many."""
        with self._lock:
            self._stages.append(stage)
            old = [self._stages.popleft().give_up_view() for _ in range(len(self._stages) - OPEN_VIEWS)]
        for view in filter(None, old):
            view.retire()
            self._wait_for(view)

    def _wait_for(self, view: RunView) -> None:
        """Wait for what pages say, but for so many views at most: a page that is gone says nothing."""
        with self._lock:
            self._retiring = deque(one for one in (*self._retiring, view) if one.retiring)
            unheard = self._retiring.popleft() if len(self._retiring) > RETIRING_VIEWS else None
        if unheard is not None:
            unheard.close()


_settled = _Settled()
