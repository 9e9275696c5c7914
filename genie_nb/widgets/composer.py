"""The composer: where a question is written and its files are chosen; an anywidget that starts nothing itself.

Files come over the comm in pieces; a page sends the next one when it is told that the last has come. What is chosen, and
whether a run goes on, is state that every page shows; what is typed stays with its page.

Messages may come on any thread, so all that is kept here is guarded by a lock.

Above: `ask_box`. Below: `ask_labels`, `labels`, `page_widget`.
"""

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any, Protocol

import traitlets

from genie_nb.controls import show_line
from genie_nb.errors import GenieError
from genie_nb.widgets.ask_labels import ASK_LABELS
from genie_nb.widgets.labels import labels_for
from genie_nb.widgets.page_widget import PageWidget
from genie_nb.widgets.record import STYLE

__all__ = ("Box", "Coming", "Composer", "Offer", "Summary")

MOST_FILES = 50
"""So many files are chosen for one question."""


MOST_ASKED = 50
"""So many earlier questions can be called back."""


class Summary(Protocol):
    """What a file holds; see `backend.inbox.FileSummary`."""

    @property
    def about(self) -> str:
        """The same in few words."""

    @property
    def questions(self) -> Mapping[str, Sequence[str]]:
        """Questions that fit it, by language."""


class Coming(Protocol):
    """A file on its way; see `backend.inbox.Incoming`."""

    name: str
    path: Path
    got: int

    def write(self, piece: bytes) -> int:
        """Take the next piece; returns how many bytes are there."""

    def finish(self) -> Summary:
        """All is there: what it holds."""

    def discard(self) -> None:
        """Remove it."""


class Box(Protocol):
    """Where files come in; see `backend.inbox.Inbox`."""

    def begin(self, name: str, size: int) -> Coming:
        """Make room for a file, or raise a `GenieError` with the reason."""

    def close(self) -> None:
        """Remove everything that came in."""


@dataclass(frozen=True)
class Offer:
    """What can be chosen for a question; no modes, no choice of them."""

    agents: Sequence[str] = ("plan_solve", "react")
    agent: str = "plan_solve"
    modes: Sequence[str] = ()


@dataclass
class _Chosen:
    """A file of the next question."""

    name: str
    size: int
    path: Path | None = None
    coming: Coming | None = None
    about: str = ""
    questions: Mapping[str, Sequence[str]] = field(default_factory=dict)
    why: str = ""

    @property
    def told(self) -> dict[str, Any]:
        whole = self.path is not None or bool(self.why)
        questions = {language: [show_line(one) for one in texts] for language, texts in self.questions.items()}
        told = {"name": show_line(self.name), "size": self.size, "about": self.about, "why": self.why, "whole": whole}
        return told | {"questions": questions}


class Composer(PageWidget):
    """The area where a question is written.

    Attributes:
        state: What the pages show: files, whether a run goes on, what can be chosen, words.
    """

    _esm = (files("genie_nb.widgets") / "static" / "ask_box.js").read_text("utf-8")
    _css = STYLE + (files("genie_nb.widgets") / "static" / "ask_box.css").read_text("utf-8")

    state = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        *,
        ask: Callable[[str, str, str | None, list[Path]], object],
        stop: Callable[[], object],
        box: Box,
        loop: asyncio.AbstractEventLoop,
        offer: Offer,
    ) -> None:
        """Open it; call this on the kernel's main thread.

        Args:
            ask: Takes question, agent, stream mode and files; a `GenieError` is told to the page.
            stop: Stops what is worked on.
            box: Where files come in.
            loop: Files are looked at in its worker threads.
            offer: What can be chosen.
        """
        self._ask, self._stop, self._box, self._loop, self._offer = ask, stop, box, loop, offer
        self._lock = threading.RLock()
        self._chosen: dict[str, _Chosen] = {}
        self._running, self._lang = False, ""
        self._asked: list[str] = []
        super().__init__(state=self._told())
        self.on_msg(self._hear)

    def __repr__(self) -> str:
        return "<genie_nb composer>"

    def show_running(self, *, running: bool, query: str = "") -> None:
        """Say whether a run goes on, and which question was asked."""
        with self._lock:
            self._running = running
            if query:
                self._lang = labels_for(query)["lang"]
                self._asked = [*self._asked, query][-MOST_ASKED:]
            self._tell()

    def choose(self, path: Path, summary: Summary) -> None:
        """Put a file that lies here among those of the next question."""
        with self._lock:
            self._chosen[f"path {path}"] = _Chosen(
                path.name, path.stat().st_size, path, about=summary.about, questions=summary.questions
            )
            self._tell()

    def _told(self) -> dict[str, Any]:
        return {
            "files": [{"id": key} | chosen.told for key, chosen in self._chosen.items()],
            "running": self._running,
            "lang": self._lang,
            "agents": list(self._offer.agents),
            "agent": self._offer.agent,
            "modes": list(self._offer.modes),
            "asked": self._asked,
            "most": MOST_FILES,
            "labels": ASK_LABELS,
        }

    def _tell(self) -> None:
        self.state = self._told()

    def _hear(self, _composer: "Composer", content: object, buffers: Sequence[bytes]) -> None:
        with self._lock:
            match content:
                case {"type": "file", "id": str(key), "name": str(name), "size": int(size)} if key not in self._chosen:
                    self._begin(key, name, size)
                case {"type": "piece", "id": str(key), "at": int(at)} if buffers:
                    self._take(key, at, bytes(buffers[0]))
                case {"type": "remove", "id": str(key)}:
                    self._remove(key)
                case {"type": "ask", "query": str(query), "agent": str(agent), "mode": str(mode), "page": str(page)}:
                    self._obey_ask(query, agent, mode, page)
                case {"type": "stop"}:
                    self._stop()

    def _begin(self, key: str, name: str, size: int) -> None:
        if len(self._chosen) >= MOST_FILES:
            return
        chosen = self._chosen[key] = _Chosen(name[-200:], size)
        try:
            chosen.coming = self._box.begin(name, size)
            chosen.name = chosen.coming.name
        except GenieError as error:
            chosen.why = str(error)
        self._tell()
        if chosen.coming is not None:
            self.send({"type": "got", "id": key, "at": 0})

    def _take(self, key: str, at: int, piece: bytes) -> None:
        chosen = self._chosen.get(key)
        if chosen is None or chosen.coming is None or chosen.path is not None or chosen.why:
            return
        if at != chosen.coming.got:  # said twice
            return
        try:
            got = chosen.coming.write(piece)
        except GenieError as error:
            self._refuse(chosen, str(error))
            return
        self.send({"type": "got", "id": key, "at": got})
        if got >= chosen.size:
            asyncio.run_coroutine_threadsafe(asyncio.to_thread(self._look, chosen, chosen.coming), self._loop)

    def _look(self, chosen: _Chosen, coming: Coming) -> None:
        """Look at a file that has come; in a worker thread, as large ones take a while."""
        try:
            summary = coming.finish()
        except GenieError as error:
            with self._lock:
                self._refuse(chosen, str(error))
            return
        with self._lock:
            chosen.path, chosen.about, chosen.questions = coming.path, summary.about, summary.questions
            self._tell()

    def _refuse(self, chosen: _Chosen, why: str) -> None:
        chosen.why = why
        if chosen.coming is not None:
            chosen.coming.discard()
        self._tell()

    def _remove(self, key: str) -> None:
        chosen = self._chosen.pop(key, None)
        if chosen is not None:
            if chosen.coming is not None:
                chosen.coming.discard()
            self._tell()

    def _obey_ask(self, query: str, agent: str, mode: str, page: str) -> None:
        if self._running or not query.strip() or agent not in self._offer.agents or mode not in ("", *self._offer.modes):
            return
        if any(chosen.path is None and not chosen.why for chosen in self._chosen.values()):
            return
        paths = [chosen.path for chosen in self._chosen.values() if chosen.path is not None]
        try:
            self._ask(query, agent, mode or None, paths)
        except GenieError as error:
            self.send({"type": "refused", "page": page, "why": str(error)})
            return
        self._chosen = {}  # their files stay until the box is closed: the run may still be about to read them
        self._tell()
        self.send({"type": "asked", "page": page})
