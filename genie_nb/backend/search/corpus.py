"""Corpora: engines over one index each, which is brought up to date before a question is searched for.

Reading goes on in a worker thread, stops soon after nobody waits for it, and goes on from there the next time.

Above: `engines`. Below: `index`, `walking`, `base`.
"""

import asyncio
import hashlib
import math
import os
import sqlite3
import tempfile
import threading
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable
from functools import cached_property
from pathlib import Path

import platformdirs

from genie_nb.backend.search.base import Document, Tell
from genie_nb.backend.search.index import Built, Entry, Index, Stopped
from genie_nb.backend.search.walking import Walk, labelled
from genie_nb.errors import ToolFailed

__all__ = ("Corpus", "Folders")


def _index_file(folder: Path | None, name: str, key: str) -> Path:
    """Where an index lies: in the folder, or in the platform's folder for caches, never beside what is indexed."""
    parent = folder or Path(platformdirs.user_cache_dir("genie_nb", appauthor=False)) / "search"
    try:
        parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not os.access(parent, os.W_OK):
            raise OSError("not writable")
    except OSError:
        parent = Path(tempfile.mkdtemp(prefix="genie_nb-search-"))
    return parent / f"{name}-{hashlib.sha256(key.encode('utf-8', 'surrogateescape')).hexdigest()[:16]}.sqlite"


class Corpus(ABC):
    """An engine over an index."""

    name: str
    scope: str
    patience_s = math.inf
    """Seconds that reading what is new may take; the next search goes on from there."""

    def __init__(self, index_folder: Path | None) -> None:
        self._index_folder = index_folder
        self._preparing = asyncio.Lock()

    @cached_property
    def index(self) -> Index:
        """The index; to be asked for in a worker thread, as it looks at the disk."""
        return Index(_index_file(self._index_folder, self.name, self._key()))

    @abstractmethod
    def _key(self) -> str:
        """What tells this corpus from others of its name."""

    @abstractmethod
    def entries(self, question: str, left_out: Counter[str]) -> Iterable[Entry]:
        """Everything that the index is to hold, what matters most for the question first.

        Args:
            question: What will be searched for.
            left_out: Gets what is passed over, by reason.

        Raises:
            ValueError: There is nothing to be had; the message says why and what to do.
        """

    async def prepare(self, question: str, tell: Tell) -> None:
        """Read what is new; tells how far it is, and what was left out.

        Raises:
            ToolFailed: There is nothing to search, or the index cannot be written.
        """
        stop, loop = threading.Event(), asyncio.get_running_loop()

        def told(read: int) -> None:
            loop.call_soon_threadsafe(tell, self.name, read)

        async with self._preparing:
            try:
                built, left_out = await asyncio.to_thread(self._refresh, question, stop, told)
            finally:
                stop.set()
        left = Counter(left_out) + built.faults
        if left:
            said = "; ".join(f"{reason} ({count:,})" for reason, count in left.most_common(4))
            tell(f"{self.name}: {built.entries:,} files searched; left out: {said}.", 0)

    def _refresh(self, question: str, stop: threading.Event, told: Callable[[int], None]) -> tuple[Built, Counter[str]]:
        for left in (1, 0):
            try:
                left_out: Counter[str] = Counter()
                return self.index.refresh(self.entries(question, left_out), stop, told, self.patience_s), left_out
            except Stopped:
                return Built(), Counter()
            except ValueError as error:
                raise ToolFailed(str(error)) from None
            except sqlite3.OperationalError as error:
                raise ToolFailed(f"The search index cannot be written: {error}. Set search.index_folder.") from error
            except sqlite3.DatabaseError as error:  # it was broken and is gone now
                if not left:
                    raise ToolFailed(f"The search index cannot be used: {error}. Set search.index_folder.") from error
        raise AssertionError  # one of the two rounds has returned or raised

    async def search(self, query: str, k: int) -> list[Document]:
        """The passages that fit best.

        Raises:
            ToolFailed: The index cannot be read.
        """
        try:
            return await asyncio.to_thread(lambda: self.index.find(query, k))
        except sqlite3.Error as error:
            raise ToolFailed(f"The search index cannot be read: {error}. Ask again; it is built anew.") from error


class Folders(Corpus):
    """The folders that a person names."""

    name = "folders"

    def __init__(self, folders: Iterable[Path], *, index_folder: Path | None, most_files: int, most_mib: int) -> None:
        self._folders = tuple(folders)
        self._most = most_files, most_mib * 2**20
        names = ", ".join(folder.name or str(folder) for folder in self._folders)
        self.scope = f"the person's folders {names}: notebooks, notes, code, pages, PDFs"
        super().__init__(index_folder)

    def _key(self) -> str:
        return "\n".join(sorted(map(str, labelled(self._folders).values())))

    def entries(self, question: str, left_out: Counter[str]) -> Iterable[Entry]:
        """The files below the folders."""
        walk = Walk(labelled(self._folders), *self._most, left_out)
        return walk.entries()
