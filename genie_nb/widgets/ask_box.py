"""The ask box: a conversation that scrolls like a chat, and below it the area where the next question is written.

It starts nothing itself: `start` does, and gives a run for each question. While a cell shows it, each answer is a live view.
Below it stands a second output with the records of its runs, which a page hides as long as the box lives: a notebook that is
opened without a kernel shows the conversation. When the box is closed, the records take its place.

Above: `chat`, `network`. Below: `composer`, `stage`, `record`.
"""

import asyncio
import logging
import secrets
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from concurrent.futures import wait as wait_for
from html import escape
from pathlib import Path
from typing import Any, Protocol

import ipywidgets
from IPython.core.getipython import get_ipython

from genie_nb.errors import RequestError
from genie_nb.transcript import Transcript
from genie_nb.widgets.ask_labels import ASK_LABELS
from genie_nb.widgets.composer import Box, Composer, Offer, Summary
from genie_nb.widgets.record import record_html, record_markdown, record_text
from genie_nb.widgets.stage import Followed, view_of

__all__ = ("AskBox", "AskedRun", "Start")

log = logging.getLogger(__name__)

CLOSE_S = 3.0
"""Seconds that a run gets to stop when the box is closed."""
_HIDE_DEAD_BOX = (
    ".jp-Cell-outputArea:has(.gnb-saved):not(:has(.gnb-askbox)) > .jp-OutputArea-child:not(:has([data-mime-type]))"
    "{display:none}"
)
"""Without a kernel JupyterLab says in the box's place that a widget is missing, or that it loads for ever."""
_VIEW = "application/vnd.jupyter.widget-view+json"


class AskedRun(Followed, Protocol):
    """What the box needs of a run."""

    @property
    def transcript(self) -> Transcript:
        """What a reader should see of it."""

    def on_end(self, call: Callable[[], object]) -> None:
        """Call this once it has ended."""


class Start(Protocol):
    """What starts a run."""

    def __call__(self, query: str, *, agent: str, mode: str | None, files: list[Path]) -> Any:
        """Start to work on a question, and return its `AskedRun`; or raise a `GenieError` with the reason."""


class AskBox(ipywidgets.VBox):
    """A box to ask in, as a cell's value or shown by `display`.

    Attributes:
        runs: The runs of its questions, the oldest first.
    """

    def __init__(
        self,
        start: Start,
        *,
        box: Box,
        loop: asyncio.AbstractEventLoop,
        summary_of: Callable[[Path], Summary],
        offer: Offer | None = None,
        on_close: Callable[[], object] = lambda: None,
    ) -> None:
        """Make the box; call this on the kernel's main thread.

        Args:
            start: Starts a run for each question.
            box: Where files come in; closed with this box.
            loop: The loop that runs are followed on.
            summary_of: What the file at a path holds, or a `GenieError` with the reason why it cannot be used.
            offer: What can be chosen for a question.
            on_close: Called when the box is closed.
        """
        self._on_close = on_close
        self.runs: list[AskedRun] = []
        self._start, self._box, self._loop, self._summary_of = start, box, loop, summary_of
        self._display_id, self._saved_id = secrets.token_hex(8), secrets.token_hex(8)
        self._is_shown = False
        self._saving = threading.Lock()
        self._lock = threading.Lock()
        self._ends: list[Future[None]] = []
        self._closed = False
        self._composer = Composer(ask=self._ask, stop=self.stop, box=box, loop=loop, offer=offer or Offer())
        self._conversation = ipywidgets.VBox()
        self._conversation.add_class("gnb-chat")
        super().__init__([self._conversation, self._composer])
        self.add_class("gnb-askbox")

    def __repr__(self) -> str:
        """The box in one line."""
        count = len(self.runs)
        return f"<AskBox: {count} question{'s'[: count != 1]}>"

    def ask(self, query: str, *, agent: str = "", mode: str | None = None, files: Iterable[str | Path] = ()) -> Any:
        """Ask as if it were typed; returns the run.

        Raises:
            RequestError: The box is closed.
        """
        return self._ask(query, agent or self._composer.state["agent"], mode, [Path(file) for file in files])

    def add(self, *paths: str | Path) -> None:
        """Put files that lie here among those of the next question; nothing is copied before it is asked.

        Raises:
            RequestError: A file cannot be used.
        """
        found = [Path(path).expanduser().absolute() for path in paths]
        told = [(path, self._summary_of(path)) for path in found]
        for path, summary in told:
            self._composer.choose(path, summary)

    def stop(self) -> None:
        """Stop what is worked on."""
        for run in self.runs:
            run.cancel()

    def close(self) -> None:
        """End the box: what is worked on is stopped, what was uploaded is removed, the records stay in its place."""
        if self._closed:
            return
        self._closed = True
        self.stop()
        wait_for(self._ends, timeout=CLOSE_S)
        self._box.close()
        self._on_close()
        _publish(self._records(), self._display_id, update=True)
        with self._saving:
            _publish({}, self._saved_id, update=True)
        for view in (*self._conversation.children, self._conversation, self._composer):
            view.close()
        super().close()

    def _ask(self, query: str, agent: str, mode: str | None, files: list[Path]) -> Any:
        if self._closed:
            raise RequestError("This box is closed. Make another one.")
        run = self._start(query, agent=agent, mode=mode, files=files)
        ended: Future[None] = Future()
        with self._lock:
            self.runs.append(run)
            self._ends.append(ended)
        view = view_of(run, self._loop)
        self._conversation.children = (*self._conversation.children, view)
        self._composer.show_running(running=True, query=query)
        following = asyncio.run_coroutine_threadsafe(view.follow(run.events(), run.silent_s), self._loop)
        following.add_done_callback(_tell_failure)
        run.on_end(lambda: self._after(ended))
        return run

    def _after(self, ended: "Future[None]") -> None:
        ended.set_result(None)
        if not self._closed:
            self._composer.show_running(running=not all(end.done() for end in self._ends))
            asyncio.run_coroutine_threadsafe(asyncio.to_thread(self._save), self._loop).add_done_callback(_tell_failure)

    def _save(self) -> None:
        """Bring the output that a saved notebook shows up to date."""
        with self._saving:
            if self._is_shown and not self._closed:
                _publish(self._saved(), self._saved_id, update=True)

    def _saved(self) -> dict[str, str]:
        """The records, and how to ask again."""
        records = self._records() if self.runs else {"text/plain": "", "text/markdown": "", "text/html": ""}
        hint = " ".join(labels["again"] for labels in ASK_LABELS.values())
        inside = f'<style>{_HIDE_DEAD_BOX}</style>{records["text/html"]}<p class="gnb-muted">{hint}</p>'
        html = f'<div class="gnb-saved">{inside}</div>'
        text, markdown = (f"{records[kind]}\n\n{hint}".strip() for kind in ("text/plain", "text/markdown"))
        return {"text/plain": text, "text/markdown": markdown, "text/html": html}

    def _records(self) -> dict[str, str]:
        """Every run's record; the words of the box itself where nothing was asked."""
        if not self.runs:
            return {"text/plain": repr(self), "text/html": f"<p>{escape(repr(self))}</p>"}
        transcripts = [run.transcript for run in self.runs]
        records = (record_html(run.transcript, read_file=run.read_file) for run in self.runs)
        return {
            "text/plain": "\n\n".join(map(record_text, transcripts)),
            "text/markdown": "\n\n---\n\n".join(map(record_markdown, transcripts)),
            "text/html": "\n".join(records),
        }

    def _ipython_display_(self) -> None:
        """Show the box where `close` can put its records, and below it what a saved notebook shows."""
        bundle = {_VIEW: {"version_major": 2, "version_minor": 0, "model_id": self.model_id}, "text/plain": repr(self)}
        _publish(self._records() if self._closed else bundle, self._display_id)
        if not self._closed:
            self._is_shown = True
            _publish(self._saved(), self._saved_id)


def _publish(bundle: dict[str, Any], display_id: str, *, update: bool = False) -> None:
    shell: Any = get_ipython()
    if shell is not None:
        shell.display_pub.publish(data=bundle, metadata={}, transient={"display_id": display_id}, update=update)


def _tell_failure(following: "Future[None]") -> None:
    if not following.cancelled() and (error := following.exception()) is not None:
        log.error("A run could not be shown", exc_info=error)
