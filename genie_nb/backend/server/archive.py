"""The archive: every run that this server knows, at work or ended, for as long as it is kept.

A run belongs to whoever asked for it; readers only borrow its events. With a store its log outlives the process: a run that
was at work when the process died is found again as interrupted.

Above: the route tables. Below: `admission`, `log`, `runs`.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ParamSpec, TypeVar

from genie_nb.backend.channel import Wake
from genie_nb.backend.log.base import Store, StoredRun
from genie_nb.backend.restored import RestoredRun
from genie_nb.backend.runs import Run
from genie_nb.backend.server.admission import Admission
from genie_nb.backend.settings import ServerSettings
from genie_nb.errors import AdmissionRefused, RequestConflict, RequestError, SettingsError

__all__ = ("Archive", "Kept")

P = ParamSpec("P")
T = TypeVar("T")

log = logging.getLogger(__name__)

GATHER_S = 0.02
"""Events of so many seconds are stored together."""
INTERRUPTED = "The server was stopped while it worked on this. Ask again."


@dataclass(eq=False)
class Kept:
    """A run that the server knows.

    Attributes:
        listeners: How many streams follow it now.
        ended_at: When it ended, in seconds since the epoch; 0 while it works.
    """

    run: Run | RestoredRun
    stored: StoredRun
    listeners: int = 0
    ended_at: float = 0.0
    _orphaned: asyncio.TimerHandle | None = None


class Archive:
    """Finds runs by their ids; lives on the backend's loop."""

    def __init__(
        self, admission: Admission, settings: ServerSettings, store: Store | None = None, *, runs_folder: Path = Path()
    ) -> None:
        self._admission, self._settings, self._store, self._runs_folder = admission, settings, store, runs_folder
        self._kept: dict[str, Kept] = {}
        self._requests: dict[tuple[str, str], str] = {}
        self._on_disk: dict[str, StoredRun] = {}
        self._opened_at = 0.0
        self._storing: dict[str, asyncio.Task[None]] = {}
        self._deleting: set[asyncio.Task[None]] = set()
        self._turn = asyncio.Lock()

    async def open(self) -> None:
        """Learn which runs are in the store; from now on they are kept as long as runs that end now.

        Raises:
            SettingsError: The store cannot be read.
        """
        if self._store is None:
            return
        try:
            found = await asyncio.to_thread(self._store.runs)
        except OSError as error:
            raise SettingsError(f"The runs' log {error}. Move the file away, or choose another.") from error
        self._opened_at = time.time()
        for stored in found:
            self._on_disk[stored.run_id] = stored
            if stored.request_id:
                self._requests.setdefault((stored.owner, stored.request_id), stored.run_id)
        self._forget_old()

    def kept(self) -> list[Kept]:
        """Every run in memory, newest first."""
        return list(reversed(self._kept.values()))

    async def begin(
        self, make_run: Callable[[], Run], *, request_id: str = "", owner: str = "", asked: str = ""
    ) -> tuple[Kept, bool]:
        """A new run, or the one that was asked for with this request id before; and whether it is new.

        Args:
            make_run: Makes the new one.
            request_id: The client's name for it; none, if it wants a new one in any case.
            owner: Whose it is.
            asked: A digest of all that is asked.

        Raises:
            AdmissionRefused: There is no room for another run.
            RequestConflict: The request id belongs to another question.
        """
        known = self._requests.get((owner, request_id)) if request_id else None
        if known is not None and (kept := await self._find(known)) is not None:
            if kept.stored.asked not in ("", asked):
                raise RequestConflict(
                    f"The request id {request_id[:80]!r} belongs to another question. Ask this one with a new id."
                )
            return kept, False
        self._admission.check_run()
        run = make_run()
        stored = StoredRun(run.run_id, run.channel.epoch, request_id, owner, time.time(), run.folder.name, run.query, asked)
        kept = self._keep(run, stored)
        if request_id:
            self._requests[owner, request_id] = run.run_id
        if self._store is not None:
            self._store_log(run, stored, self._store)
        run.on_end(lambda: self._ended(kept))
        self._admission.begin(run)
        self._watch_orphan(kept)
        return kept, True

    async def every(self, owner: str) -> list[Kept]:
        """Every run of that owner, newest first; those in the store are read.

        Raises:
            AdmissionRefused: The store cannot be read for now.
        """
        for stored in [stored for stored in self._on_disk.values() if stored.owner == owner]:
            await self._find(stored.run_id)
        return sorted(
            (kept for kept in self._kept.values() if kept.stored.owner == owner),
            key=lambda kept: kept.stored.created,
            reverse=True,
        )

    async def find(self, run_id: str, owner: str = "") -> Kept:
        """The run of that name.

        Raises:
            RequestError: There is none, or it is somebody else's.
        """
        kept = await self._find(run_id)
        if kept is None or kept.stored.owner != owner:
            raise RequestError(f"There is no run {run_id[:80]!r} here. Ended runs are kept for a while only.")
        return kept

    async def _find(self, run_id: str) -> Kept | None:
        self._forget_old()
        if run_id in self._kept:
            return self._kept[run_id]
        stored = self._on_disk.get(run_id)
        if stored is None or self._store is None:
            return None
        run = await self._restored(stored, self._store)
        if run_id in self._kept:  # somebody else was quicker
            return self._kept[run_id]
        kept = self._keep(run, stored)
        kept.ended_at = time.time()
        self._on_disk.pop(run_id, None)
        return kept

    async def _restored(self, stored: StoredRun, store: Store) -> RestoredRun:
        def restored() -> RestoredRun:
            return RestoredRun(stored, store.read(stored.run_id), self._runs_folder, why_interrupted=INTERRUPTED)

        try:
            return await self._ask_store(restored)
        except OSError as error:
            raise AdmissionRefused(f"The run cannot be read for now: {error}.", why="store", retry_after_s=10) from error

    def listens(self, kept: Kept) -> Callable[[], None]:
        """Count a listener; what is returned counts it out again."""
        kept.listeners += 1
        if kept._orphaned is not None:
            kept._orphaned.cancel()
            kept._orphaned = None

        def leave() -> None:
            kept.listeners -= 1
            self._watch_orphan(kept)

        return leave

    def _watch_orphan(self, kept: Kept) -> None:
        after_s = self._settings.orphan_s
        if after_s is None or kept.listeners or kept.run.channel.ended:
            return
        reason = f"Nobody listened for {after_s:g} s, so the server stopped the run."
        kept._orphaned = asyncio.get_running_loop().call_later(after_s, kept.run.cancel, reason)

    def _keep(self, run: Run | RestoredRun, stored: StoredRun) -> Kept:
        self._forget_old()
        kept = self._kept[run.run_id] = Kept(run, stored)
        return kept

    def _ended(self, kept: Kept) -> None:
        kept.ended_at = time.time()
        if kept._orphaned is not None:
            kept._orphaned.cancel()

    def _forget_old(self) -> None:
        """Forget ended runs that are too old, or too many; what was in the store at the start ended then at the latest."""
        ended = [(self._opened_at, stored) for stored in reversed(self._on_disk.values())]
        ended += [(kept.ended_at, kept.stored) for kept in self._kept.values() if kept.ended_at and not kept.listeners]
        too_old = time.time() - self._settings.keep_s
        forgotten = [
            stored
            for number, (ended_at, stored) in enumerate(ended)
            if ended_at < too_old or len(ended) - number > self._settings.keep_runs
        ]
        for stored in forgotten:
            self._kept.pop(stored.run_id, None)
            self._on_disk.pop(stored.run_id, None)
            if self._requests.get((stored.owner, stored.request_id)) == stored.run_id:
                del self._requests[stored.owner, stored.request_id]
        if self._store is not None and forgotten:
            deleting = asyncio.get_running_loop().create_task(self._delete(forgotten, self._store), name="delete runs")
            self._deleting.add(deleting)
            deleting.add_done_callback(self._deleting.discard)

    async def _delete(self, forgotten: list[StoredRun], store: Store) -> None:
        for stored in forgotten:
            if (storing := self._storing.get(stored.run_id)) is not None:
                await asyncio.wait({storing})
            try:
                await self._ask_store(store.delete, stored.run_id)
            except OSError as error:
                log.warning("The run %s stays in the store: %s", stored.run_id, error)

    def _store_log(self, run: Run, stored: StoredRun, store: Store) -> None:
        run.channel.stored = 0
        task = asyncio.get_running_loop().create_task(self._follow(run, stored, store), name=f"store {run.run_id}")
        self._storing[run.run_id] = task
        task.add_done_callback(lambda _: self._storing.pop(run.run_id, None))

    async def _follow(self, run: Run, stored: StoredRun, store: Store) -> None:
        """Write the run's log into the store until its end; if that fails the run goes on without."""
        channel = run.channel
        cursor, wake = channel.cursor(), Wake()
        try:
            await self._ask_store(store.create, stored)
            while not cursor.at_end:
                wake.clear()
                if channel.wake_after(cursor.seq, wake):
                    await wake.wait()
                await asyncio.sleep(0 if channel.ended else GATHER_S)
                await self._ask_store(store.append, channel.run_id, cursor.take())
                channel.stored = cursor.seq
        except OSError as error:
            channel.stored = None
            log.error("The log of run %s is not stored from here on: %s", channel.run_id, error)
            run.warn(f"This run will be lost with the server: {error}.")

    async def _ask_store(self, call: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
        async with self._turn:
            return await asyncio.to_thread(call, *args, **named)

    async def close(self) -> None:
        """Let what is being stored be stored, and close the store."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(2.0):
                await asyncio.gather(*self._storing.values(), *self._deleting)
        if self._store is not None:
            await self._ask_store(self._store.close)
