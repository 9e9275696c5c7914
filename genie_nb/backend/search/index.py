"""The index: one SQLite file with the passages of a corpus, searched by FTS5 and ranked by BM25.

It is a cache: it may be deleted at any time, one that is broken or of another version is built anew, and only what is new
or different since the last look is read again. Everything here blocks: call it from a worker thread.

Above: `folders`, `installed`. Below: `tokens`, `passages`.
"""

import math
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from genie_nb.backend.search.base import Document
from genie_nb.backend.search.passages import Passage
from genie_nb.backend.search.tokens import indexed, match_query
from genie_nb.parts import readable

__all__ = ("NOT_YET", "Built", "Entry", "Index", "Stopped")

VERSION = 1
BATCH = 100
"""After so many entries the work is kept, so that a build that is stopped goes on where it was."""
LOCK_S = 30.0
NOT_YET = "not read yet, the next search goes on from here"
_SCHEMA = (
    "CREATE TABLE entries(id INTEGER PRIMARY KEY, name TEXT UNIQUE, stamp TEXT, fault TEXT)",
    "CREATE TABLE passages(id INTEGER PRIMARY KEY, entry INTEGER, title TEXT, source TEXT, text TEXT)",
    "CREATE INDEX passages_by_entry ON passages(entry)",
    """CREATE VIRTUAL TABLE words USING fts5(title, body, content='', tokenize="porter unicode61 remove_diacritics 2")""",
    f"PRAGMA user_version = {VERSION}",
)
_FIND = """
SELECT title, source, text FROM (
  SELECT rowid AS found, bm25(words) AS score FROM words WHERE words MATCH ? ORDER BY score LIMIT ?
) JOIN passages ON passages.id = found ORDER BY score, source
"""


class Stopped(Exception):
    """The build was asked to stop; what was read so far is kept."""


@dataclass(frozen=True)
class Entry:
    """Something that may be in an index: a file, a module.

    Attributes:
        name: Its source, e.g. `notes/plan.md`.
        stamp: Changes whenever its content may have.
        load: Reads its passages; a ValueError says in a few words why there are none. None keeps what was read of it
            before, if anything was.
    """

    name: str
    stamp: str
    load: Callable[[], Iterable[Passage]] | None


@dataclass
class Built:
    """What an index holds after a look at its corpus; `faults` counts what was left out, by reason."""

    entries: int = 0
    read: int = 0
    faults: Counter[str] = field(default_factory=Counter)


class Index:
    """One index file; each call opens and closes it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def refresh(
        self,
        entries: Iterable[Entry],
        stop: threading.Event,
        tell: Callable[[int], None] = lambda read: None,
        patience_s: float = math.inf,
    ) -> Built:
        """Make the index hold exactly these entries, or as many of them as can be read in time.

        Args:
            entries: All of them, whether new or not; what is not among them is forgotten.
            stop: Set when nobody waits for the index any more.
            tell: Called now and then with how many were read.
            patience_s: Seconds after which no more are read; those that are in the index already stay as they are.

        Raises:
            Stopped: `stop` was set.
            sqlite3.Error: The file cannot be written.
        """
        late = time.monotonic() + patience_s
        with self._open() as database:
            known = {name: (key, stamp, fault) for key, name, stamp, fault in database.execute("SELECT * FROM entries")}
            built = Built()
            for entry in entries:
                if stop.is_set():
                    database.commit()
                    raise Stopped
                key, stamp, fault = known.get(entry.name, (0, "", ""))
                if stamp != entry.stamp and entry.load is None:
                    continue
                known.pop(entry.name, None)
                if stamp != entry.stamp and entry.load is not None and time.monotonic() > late:
                    built.faults[NOT_YET] += 1
                    continue
                if stamp != entry.stamp and entry.load is not None:
                    fault = _replace(database, key, entry, entry.load)
                    built.read += 1
                    if built.read % BATCH == 0:
                        database.commit()
                        tell(built.read)
                built.entries += not fault
                built.faults.update([fault] if fault else [])
            for key, _, _ in known.values():
                _remove(database, key)
            database.commit()
            return built

    def find(self, query: str, k: int) -> list[Document]:
        """The `k` passages that fit a question best.

        Raises:
            sqlite3.Error: The file cannot be read.
        """
        match = match_query(query)
        if not match or k < 1:
            return []
        with self._open() as database:
            return [Document(*row) for row in database.execute(_FIND, (match, k))]

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """The database; a broken one is thrown away first."""
        try:
            database = self._connect()
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError:
            self.forget()
            database = self._connect()
        with closing(database):
            try:
                yield database
            except sqlite3.OperationalError:
                raise
            except sqlite3.DatabaseError:
                self.forget()  # broken somewhere inside: the next call builds it anew
                raise

    def _connect(self) -> sqlite3.Connection:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path.touch(mode=0o600)
        database = sqlite3.connect(self.path, timeout=LOCK_S)
        try:
            database.execute("PRAGMA synchronous = OFF")  # a cache: what a crash breaks is built anew
            if _version(database) != VERSION:
                _create(database)
        except sqlite3.Error:
            database.close()
            raise
        return database

    def forget(self) -> None:
        """Delete the file."""
        for path in (self.path, self.path.with_name(self.path.name + "-journal")):
            path.unlink(missing_ok=True)


def _version(database: sqlite3.Connection) -> int:
    return int(database.execute("PRAGMA user_version").fetchone()[0])


def _create(database: sqlite3.Connection) -> None:
    database.execute("BEGIN IMMEDIATE")
    if _version(database) != VERSION:  # another process may have been faster
        for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            if not name.startswith(("words_", "sqlite_")):
                database.execute(f'DROP TABLE "{name}"')
        for statement in _SCHEMA:
            database.execute(statement)
    database.commit()


def _replace(database: sqlite3.Connection, key: int, entry: Entry, load: Callable[[], Iterable[Passage]]) -> str:
    """Read an entry anew; returns why there is nothing of it, or nothing."""
    fault, found = "", list[Passage]()
    try:
        found = list(load())
    except ValueError as error:
        fault = str(error)
    if key:
        _remove(database, key)
    cursor = database.execute("INSERT INTO entries(name, stamp, fault) VALUES (?, ?, ?)", (entry.name, entry.stamp, fault))
    for passage in found:
        _add(database, cursor.lastrowid or 0, entry.name, passage)
    return fault


def _add(database: sqlite3.Connection, entry: int, name: str, passage: Passage) -> None:
    passage = Passage(readable(passage.heading), readable(passage.text), readable(passage.path))
    title = f"{name} > {passage.path}" if passage.path else name
    source = f"{name}#{passage.heading}" if passage.heading else name
    row = database.execute(
        "INSERT INTO passages(entry, title, source, text) VALUES (?, ?, ?, ?)", (entry, title, source, passage.text)
    ).lastrowid
    database.execute("INSERT INTO words(rowid, title, body) VALUES (?, ?, ?)", (row, indexed(title), indexed(passage.text)))


def _remove(database: sqlite3.Connection, key: int) -> None:
    for row, title, text in database.execute("SELECT id, title, text FROM passages WHERE entry = ?", (key,)).fetchall():
        database.execute(
            "INSERT INTO words(words, rowid, title, body) VALUES ('delete', ?, ?, ?)", (row, indexed(title), indexed(text))
        )
    database.execute("DELETE FROM passages WHERE entry = ?", (key,))
    database.execute("DELETE FROM entries WHERE id = ?", (key,))
