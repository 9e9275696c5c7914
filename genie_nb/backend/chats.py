"""Kept conversations: their runs' logs in one file, so that they outlive the process.

Above: `session`. Below: `runs`, `restored`, `log`.
"""

import asyncio
import logging
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from genie_nb.backend.channel import Wake
from genie_nb.backend.log.base import StoredRun
from genie_nb.backend.log.entry import Entry
from genie_nb.backend.log.sqlite import SqliteStore
from genie_nb.backend.restored import is_own_folder
from genie_nb.backend.runs import Run
from genie_nb.errors import RequestError, SettingsError

__all__ = ("ChatEntry", "ChatStore")

log = logging.getLogger(__name__)

FILE = "chats.sqlite"
GATHER_S = 0.05
"""Events of so many seconds are stored together."""
SETTLE_S = 5.0
TITLE_CHARACTERS = 80


@dataclass(frozen=True)
class ChatEntry:
    """A conversation that is kept.

    Attributes:
        title: Its first question.
        asked_at: When its last question was asked, in seconds since the epoch.
    """

    chat_id: str
    title: str
    questions: int
    asked_at: float

    def __repr__(self) -> str:
        """The conversation in one line."""
        asked = time.strftime("%Y-%m-%d %H:%M", time.localtime(self.asked_at))
        return f"<Chat {self.chat_id}: {self.title!r}, {self.questions} question{'s'[: self.questions != 1]}, {asked}>"


class ChatStore:
    """The conversations of one folder. Its methods read and write the disk.

    Attributes:
        folder: The `runs_folder` that holds the file and the conversations' own folders.
    """

    def __init__(self, folder: Path) -> None:
        """Open the folder's file, or make it.

        Raises:
            SettingsError: It cannot be used.
        """
        self.folder = folder
        self._store = SqliteStore(folder / FILE)
        self._keeping: dict[asyncio.Task[None], Run] = {}
        self._unfinished: dict[str, tuple[StoredRun, Run]] = {}

    def entries(self) -> list[ChatEntry]:
        """Every conversation, the last used first.

        Raises:
            SettingsError: The file cannot be read.
        """
        by_chat: dict[str, list[StoredRun]] = {}
        for stored in self._runs():
            by_chat.setdefault(stored.owner, []).append(stored)
        return [
            ChatEntry(chat_id, runs[-1].query.strip()[:TITLE_CHARACTERS], len(runs), runs[0].created)
            for chat_id, runs in by_chat.items()
        ]

    def _runs(self) -> list[StoredRun]:
        try:
            return self._store.runs()
        except OSError as error:
            raise SettingsError(f"Kept conversations cannot be read: {error}.") from error

    def runs(self, chat_id: str) -> list[tuple[StoredRun, list[Entry]]]:
        """The runs of a conversation with their logs, the oldest first.

        Raises:
            RequestError: There is no such conversation.
            SettingsError: The file cannot be read.
        """
        runs = [stored for stored in reversed(self._runs()) if stored.owner == chat_id]
        if not runs:
            raise RequestError(f"There is no conversation {chat_id[:80]!r}. Look at gn.chats().")
        try:
            return [(stored, self._store.read(stored.run_id)) for stored in runs]
        except OSError as error:
            raise SettingsError(f"The conversation {chat_id} cannot be read: {error}.") from error

    def delete(self, chat_id: str, folder: Path) -> None:
        """Forget a conversation, and remove its folder with everything in it; a folder that lies elsewhere is kept.

        Raises:
            SettingsError: The file cannot be written, or the folder cannot be removed.
        """
        try:
            for stored in self._runs():
                if stored.owner == chat_id:
                    self._store.delete(stored.run_id)
        except OSError as error:
            raise SettingsError(f"The conversation {chat_id} cannot be deleted: {error}.") from error
        if folder.parent != self.folder or not is_own_folder(folder):
            return
        try:
            shutil.rmtree(folder)
        except OSError as error:
            raise SettingsError(f"The folder {folder} of conversation {chat_id} cannot be deleted: {error}.") from error

    def keep(self, run: Run, chat_id: str) -> None:
        """Write a run's log from now until its end; called on the backend's loop."""
        stored = StoredRun(run.run_id, run.channel.epoch, "", chat_id, time.time(), run.folder.name, run.query)
        self._unfinished[run.run_id] = stored, run
        task = asyncio.get_running_loop().create_task(self._follow(stored, run), name=f"keep {run.run_id}")
        self._keeping[task] = run
        task.add_done_callback(self._keeping.pop)

    async def settled(self) -> None:
        """Wait until every run that has ended is kept to its end; bounded."""
        ended = [task for task, run in self._keeping.items() if run.channel.ended]
        if ended:
            await asyncio.wait(ended, timeout=SETTLE_S)

    async def _follow(self, stored: StoredRun, run: Run) -> None:
        """Write until the end; if that fails the run goes on without, and says so."""
        cursor, wake = run.channel.cursor(), Wake()
        try:
            await asyncio.to_thread(self._store.create, stored)
            while not cursor.at_end:
                wake.clear()
                if run.channel.wake_after(cursor.seq, wake):
                    await wake.wait()
                await asyncio.sleep(0 if run.channel.ended else GATHER_S)
                await asyncio.to_thread(self._store.append, run.run_id, cursor.take())
            del self._unfinished[run.run_id]
        except OSError as error:
            log.error("The log of run %s is not stored from here on: %s", run.run_id, error)
            run.warn(f"This question will be lost with the process: {error}.")

    async def close(self) -> None:
        """Write what is left, and close the file; not in a thread, as a process that ends starts none."""
        with suppress(OSError):
            for stored, run in self._unfinished.values():
                self._store.create(stored)
                self._store.append(run.run_id, run.channel.after(0))
        self._store.close()
