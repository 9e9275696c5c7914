"""The store on disk: logs of runs in one SQLite file, which another process may read at the same time.

Above: `server.archive`. Below: `base`, `entry`.
"""

import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple
from pathlib import Path
from typing import Any

import msgspec

from genie_nb.backend.log.base import StoredRun
from genie_nb.backend.log.entry import Entry
from genie_nb.errors import SettingsError, WireError
from genie_nb.events import NoteAdded, RunEvent, decode_event

__all__ = ("SqliteStore",)

VERSION = 2
APPLICATION = 0x6E6965  # says in the file's header whose it is
BUSY_S = 5.0
SCHEMA = """
CREATE TABLE runs (
    run_id TEXT PRIMARY KEY, epoch TEXT NOT NULL, request_id TEXT NOT NULL, owner TEXT NOT NULL,
    created REAL NOT NULL, folder TEXT NOT NULL, query TEXT NOT NULL, asked TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;
CREATE TABLE entries (
    run_id TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, seq INTEGER NOT NULL, event BLOB NOT NULL,
    PRIMARY KEY (run_id, seq)
) WITHOUT ROWID;
"""
SINCE_1 = "ALTER TABLE runs ADD COLUMN asked TEXT NOT NULL DEFAULT ''"
"""What a file of version 1 lacks."""


class SqliteStore:
    """Keeps logs in a file; see `Store`."""

    def __init__(self, path: Path) -> None:
        """Open the file, or make it.

        Raises:
            SettingsError: It cannot be used.
        """
        self._path = path
        self._turn = threading.Lock()
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            self._file = sqlite3.connect(path, timeout=BUSY_S, check_same_thread=False, isolation_level=None)
            self._set_up()
        except (OSError, sqlite3.Error) as error:
            reason = getattr(error, "strerror", None) or error
            raise SettingsError(f"Runs cannot be kept in {path}: {reason}. Choose another file.") from error

    def _set_up(self) -> None:
        self._file.execute("PRAGMA journal_mode = WAL")
        self._file.execute("PRAGMA synchronous = NORMAL")
        self._file.execute("PRAGMA foreign_keys = ON")
        (version,) = self._file.execute("PRAGMA user_version").fetchone()
        (application,) = self._file.execute("PRAGMA application_id").fetchone()
        tables = self._file.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if version == VERSION and application == APPLICATION:
            return
        if version == 1 and application == APPLICATION:
            self._file.executescript(f"BEGIN IMMEDIATE; {SINCE_1}; PRAGMA user_version = {VERSION}; COMMIT;")
            return
        if version or tables:
            raise SettingsError(f"The file {self._path} holds something else, or runs of a newer genie_nb. Choose another.")
        self._file.executescript(
            f"BEGIN IMMEDIATE; {SCHEMA} PRAGMA user_version = {VERSION}; PRAGMA application_id = {APPLICATION}; COMMIT;"
        )

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._turn:
            try:
                self._file.execute("BEGIN IMMEDIATE")
                yield self._file
                self._file.execute("COMMIT")
            except (sqlite3.Error, ValueError) as error:  # ValueError: a text that no encoding can carry
                raise OSError(f"{self._path.name} cannot be written: {error}") from error
            finally:  # whatever went wrong, the next one begins anew
                if self._file_is_open() and self._file.in_transaction:
                    self._file.execute("ROLLBACK")

    def _file_is_open(self) -> bool:
        try:
            return self._file.total_changes >= 0
        except sqlite3.ProgrammingError:
            return False

    def create(self, run: StoredRun) -> None:
        """Begin a run's log.

        Raises:
            OSError: The file cannot be written.
        """
        with self._transaction() as file:
            file.execute("INSERT OR IGNORE INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?)", astuple(run))

    def append(self, run_id: str, entries: Sequence[Entry]) -> None:
        """Add entries; what is there already by its number is left as it is.

        Raises:
            OSError: The file cannot be written.
        """
        with self._transaction() as file:
            rows = ((run_id, entry.seq, entry.encoded) for entry in entries)
            file.executemany("INSERT OR IGNORE INTO entries VALUES (?, ?, ?)", rows)

    def runs(self) -> list[StoredRun]:
        """Every run, newest first.

        Raises:
            OSError: The file cannot be read.
        """
        return [StoredRun(*row) for row in self._read("SELECT * FROM runs ORDER BY created DESC, run_id")]

    def read(self, run_id: str) -> list[Entry]:
        """The run's entries in order; none for an unknown run.

        Raises:
            OSError: The file cannot be read.
        """
        rows = self._read("SELECT seq, event FROM entries WHERE run_id = ? ORDER BY seq", run_id)
        return [_entry(run_id, int(seq), bytes(encoded)) for seq, encoded in rows]

    def _read(self, query: str, *values: str) -> list[Any]:
        with self._turn:
            try:
                return list(self._file.execute(query, values).fetchall())
            except sqlite3.Error as error:
                raise OSError(f"{self._path.name} cannot be read: {error}") from error

    def delete(self, run_id: str) -> None:
        """Forget a run.

        Raises:
            OSError: The file cannot be written.
        """
        with self._transaction() as file:
            file.execute("DELETE FROM runs WHERE run_id = ?", (run_id,))

    def close(self) -> None:
        """Close the file; safe to call twice."""
        with self._turn:
            self._file.close()


def _entry(run_id: str, seq: int, encoded: bytes) -> Entry:
    """An entry as it was; an event that this version does not know becomes a note in its place."""
    try:
        return Entry(decode_event(encoded), encoded)
    except WireError as error:
        unknown: RunEvent = NoteAdded(seq=seq, run_id=run_id, at=_at(encoded), text=str(error), level="warning")
        return Entry(unknown)


def _at(encoded: bytes) -> float:
    try:
        return float(msgspec.json.decode(encoded)["at"])
    except (msgspec.DecodeError, KeyError, TypeError, ValueError):
        return 0.0
