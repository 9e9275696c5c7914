"""Admission: how many connections and runs a server takes, and what the others are told.

A run beyond the limit waits its turn in a bounded queue and says its place; beyond that it is refused at once (# S16).

Above: the route tables. Below: `runs`, `errors`.
"""

from collections import deque

from genie_nb.backend.run_handle import RunHandle
from genie_nb.backend.runs import Run
from genie_nb.errors import AdmissionRefused

__all__ = ("Admission",)


class Admission:
    """Counts runs; lives on the backend's loop.

    Attributes:
        working: Runs at work.
        queue: Runs that wait, the next one first.
    """

    def __init__(self, *, max_links: int, max_runs: int, max_queue: int) -> None:
        self._max_links, self._max_runs, self._max_queue = max_links, max_runs, max_queue
        self.working: set[RunHandle] = set()
        self.queue: deque[Run] = deque()
        self.closed = False

    def check_link(self, open_links: int) -> None:
        """Whether one more connection may be opened.

        Raises:
            AdmissionRefused: There are as many as may be, or the server shuts down.
        """
        if self.closed:
            raise AdmissionRefused(
                "The server is shutting down. Try another one, or later.", why="closing", retry_after_s=5, status=503
            )
        if open_links >= self._max_links:
            raise AdmissionRefused(
                f"All {self._max_links} connections of this server are in use. Try again in a moment.",
                why="links",
                retry_after_s=2,
                status=503,
            )

    def check_run(self) -> None:
        """Whether one more run may be begun, or wait.

        Raises:
            AdmissionRefused: The queue is full, or the server shuts down.
        """
        self.check_link(-1)
        if len(self.working) >= self._max_runs and len(self.queue) >= self._max_queue:
            raise AdmissionRefused(
                f"{len(self.working)} runs are at work and {len(self.queue)} wait: the server takes no more for now.",
                why="runs",
                retry_after_s=10,
                status=429,
            )

    def begin(self, run: Run) -> None:
        """Start the run now, or when its turn comes; call `check_run` before it is made."""
        run.on_end(lambda: self._ended(run))
        if len(self.working) < self._max_runs:
            self._start(run)
        else:
            self.queue.append(run)
            run.queued(len(self.queue))

    def _start(self, run: Run) -> None:
        self.working.add(run)
        run.start()

    def _ended(self, run: Run) -> None:
        if run in self.working:
            self.working.discard(run)
        elif run in self.queue:  # it was cancelled before its turn
            self.queue.remove(run)
        while self.queue and len(self.working) < self._max_runs and not self.closed:
            self._start(self.queue.popleft())
        for place, waiting in enumerate(self.queue, 1):
            waiting.queued(place)
