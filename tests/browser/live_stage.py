"""What the notebooks of the browser tests import: scripted runs, shown on a backend loop of their own."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterable

from IPython.display import display

from genie_nb import events as ev
from genie_nb.widgets.record import record_html, record_markdown, record_text
from genie_nb.widgets.run_view import RunView
from tests.widgets.sample_runs import folded


class Stage:
    """A loop on its own thread, and the views that follow their runs there."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.cancelled = threading.Event()
        self.contents: dict[str, bytes] = {}
        threading.Thread(target=self.loop.run_forever, daemon=True).start()

    def view(self) -> RunView:
        """A displayed view whose Stop button sets `cancelled`."""
        view = RunView(on_cancel=self.cancelled.set, read_file=self.contents.__getitem__, loop=self.loop)
        show(view)
        return view

    def play(self, view: RunView, events: AsyncIterator[ev.RunEvent]) -> Callable[[], None]:
        """Let the view follow; the result waits for the end."""
        future = asyncio.run_coroutine_threadsafe(view.follow(events), self.loop)
        return lambda: future.result(timeout=100)


def show(view: RunView) -> None:
    """Display the view, again if need be."""
    bundle = {"model_id": view.model_id, "version_major": 2, "version_minor": 0}
    display({"application/vnd.jupyter.widget-view+json": bundle, "text/plain": repr(view)}, raw=True)


class Record:
    """A finished run as its cell's value."""

    def __init__(self, events: Iterable[ev.RunEvent], contents: dict[str, bytes]) -> None:
        self.transcript, self.contents = folded(events), contents

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        return {
            "text/plain": record_text(self.transcript),
            "text/markdown": record_markdown(self.transcript),
            "text/html": record_html(self.transcript, read_file=self.contents.__getitem__),
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


async def gated(events: Iterable[ev.RunEvent], gates: dict[int, asyncio.Event]) -> AsyncIterator[ev.RunEvent]:
    """Waits for a gate before the event of that number."""
    for number, event in enumerate(events):
        if number in gates:
            await gates[number].wait()
        yield event
