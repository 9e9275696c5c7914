"""What the notebooks of the browser tests import: scripted runs, shown on a backend loop of their own."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path

from IPython.display import display

from genie_nb import events as ev
from genie_nb.widgets.record import record_html, record_markdown, record_text
from genie_nb.widgets.run_view import RunView
from tests.widgets.sample_runs import FILES, folded


class Stage:
    """A loop on its own thread, and the views that follow their runs there."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.cancelled = threading.Event()
        self.decided: list[tuple[str, str, str, str]] = []
        self.contents = dict(FILES)
        threading.Thread(target=self.loop.run_forever, daemon=True).start()

    async def decide(self, call_id: str, verdict: str, *, reason: str = "", arguments: str = "") -> None:
        """Keep what a reader said of a call."""
        self.decided.append((call_id, verdict, reason, arguments))

    def read(self, name: str, most_bytes: int) -> bytes:
        """The content of a file; of an unknown one its name, which may be hostile."""
        return self.contents.get(name, name.encode())[:most_bytes]

    def copy(self, name: str, target: Path, most_bytes: int) -> None:
        """Copy a file."""
        target.write_bytes(self.read(name, most_bytes))

    def view(self) -> RunView:
        """A displayed view whose Stop button sets `cancelled`."""
        view = RunView(
            on_cancel=self.cancelled.set, decide=self.decide, read_file=self.read, copy_file=self.copy, loop=self.loop
        )
        show(view)
        return view

    def play(self, view: RunView, events: AsyncIterator[ev.RunEvent]) -> None:
        """Let the view follow."""
        self._following = asyncio.run_coroutine_threadsafe(view.follow(events), self.loop)

    def end(self) -> None:
        """Wait for the end of what is played."""
        self._following.result(timeout=300)


def show(view: RunView) -> None:
    """Display the view, again if need be."""
    bundle = {"model_id": view.model_id, "version_major": 2, "version_minor": 0}
    display({"application/vnd.jupyter.widget-view+json": bundle, "text/plain": repr(view)}, raw=True)


class Record:
    """A finished run as its cell's value."""

    def __init__(self, events: Iterable[ev.RunEvent], read_file: Callable[[str, int], bytes]) -> None:
        self.transcript, self.read_file = folded(events), read_file

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        return {
            "text/plain": record_text(self.transcript),
            "text/markdown": record_markdown(self.transcript),
            "text/html": record_html(self.transcript, read_file=self.read_file),
        }


async def burst(events: Iterable[ev.RunEvent]) -> AsyncIterator[ev.RunEvent]:
    """All at once."""
    for event in events:
        yield event


async def paced(events: Iterable[ev.RunEvent], per_second: float) -> AsyncIterator[ev.RunEvent]:
    """So many a second."""
    loop = asyncio.get_running_loop()
    start = loop.time()
    for number, event in enumerate(events):
        await asyncio.sleep(max(0.0, start + number / per_second - loop.time()))
        yield event


async def gated(events: list[ev.RunEvent], at: int, gate: asyncio.Event) -> AsyncIterator[ev.RunEvent]:
    """Waits for the gate before the event of that number."""
    for number, event in enumerate(events):
        if number == at:
            await gate.wait()
        yield event
