"""The store: where logs of runs outlive the process that made them.

Above: `server.archive`. Below: `entry`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from genie_nb.backend.log.entry import Entry

__all__ = ("Store", "StoredRun")


@dataclass(frozen=True)
class StoredRun:
    """One run in a store.

    Attributes:
        epoch: The life of its log: ids of frames carry it.
        request_id: Whoever asked with this id again means this run; empty for none.
        owner: Who may read it: a digest of their token, empty where there is none.
        created: Seconds since the epoch.
        folder: The name of the run's folder within `runs_folder`; earlier versions wrote the whole path.
        query: What was asked.
        asked: A digest of all that was asked: the question, the agent, the files; empty where nobody knows it.
    """

    run_id: str
    epoch: str
    request_id: str
    owner: str
    created: float
    folder: str
    query: str
    asked: str = ""


class Store(Protocol):
    """Keeps logs; every call may block and is made in a worker thread, one at a time."""

    def create(self, run: StoredRun) -> None:
        """Begin a run's log."""
        ...

    def append(self, run_id: str, entries: Sequence[Entry]) -> None:
        """Add entries; what is there already by its number is left as it is."""
        ...

    def runs(self) -> list[StoredRun]:
        """Every run, newest first."""
        ...

    def read(self, run_id: str) -> list[Entry]:
        """The run's entries in order; none for an unknown run."""
        ...

    def delete(self, run_id: str) -> None:
        """Forget a run."""
        ...

    def close(self) -> None:
        """Write what is pending and close."""
        ...
