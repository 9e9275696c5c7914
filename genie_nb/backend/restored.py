"""A run from a store: its work is over, its log is read like any other.

A run that was at work when its process died is found as interrupted.

Above: `chats`, `server.archive`. Below: `run_handle`, `channel`, `log`, `workspace`.
"""

from collections.abc import Sequence
from pathlib import Path

from genie_nb.backend.channel import EventChannel
from genie_nb.backend.log.base import StoredRun
from genie_nb.backend.log.entry import Entry
from genie_nb.backend.run_handle import RunHandle
from genie_nb.backend.workspace import Workspace
from genie_nb.errors import RequestError, WireError, error_of
from genie_nb.events import RunFailed, Verdict
from genie_nb.transcript import Transcript, apply

__all__ = ("INTERRUPTED", "RestoredRun", "folder_within", "is_own_folder")

INTERRUPTED = "The process that worked on this was stopped. Ask again."

NO_FOLDER = ".none"
"""The name, within `runs_folder`, that stands for a folder which a store does not name."""
DAMAGED = "What was kept of this run is damaged from event {number} on ({why}). Ask again."


class RestoredRun(RunHandle):
    """A run as a store has it.

    Attributes:
        interrupted: Whether the store has not all of it; the end is then only in this handle's log, which has an epoch of
            its own each time, as a reader may have had more than was stored.
    """

    def __init__(
        self, stored: StoredRun, entries: Sequence[Entry], runs_folder: Path, *, why_interrupted: str = INTERRUPTED
    ) -> None:
        """Restore a run; one whose log is damaged is read up to there. It folds, so it may take a while.

        Args:
            stored: The run.
            entries: Its log.
            runs_folder: The folder that holds the run's own.
            why_interrupted: What is said of a run without an end.
        """
        transcript = Transcript(run_id=stored.run_id, query=stored.query)
        sound, why = _sound(entries, transcript)
        self.interrupted = not (sound and sound[-1].terminal)
        super().__init__(EventChannel(stored.run_id, epoch=None if self.interrupted else stored.epoch), stored.query)
        self.stored, self.transcript = stored, transcript
        self.folder = folder_within(runs_folder, stored.folder)
        self.channel.restore(sound)
        if self.interrupted:
            at = sound[-1].event.at if sound else 0.0
            failed = RunFailed(code="interrupted", message=why or why_interrupted, at=at)
            self.channel.append(failed, first=lambda logged: apply(transcript, logged))
        status = self.transcript.status
        self._state = status if status in ("finished", "failed", "cancelled") else "failed"
        code = self.transcript.error_code
        self._error = error_of(code, self.transcript.error) if code else None
        self._ended.set_result(None)

    def cancel(self, reason: str = "") -> None:
        """Nothing: it has ended."""

    async def decide(
        self, call_id: str, verdict: Verdict, *, reason: str = "", arguments: str = "", by: str = "person"
    ) -> None:
        """Nothing can wait any more."""
        raise RequestError(f"No call {call_id[:80]!r} waits to be allowed: the run has ended.")

    def read_file(self, name: str, most_bytes: int | None = None) -> bytes:
        """See `RunHandle.read_file`."""
        return self._workspace(name).read(name, most_bytes)

    def copy_file(self, name: str, target: Path, most_bytes: int) -> None:
        """See `RunHandle.copy_file`."""
        self._workspace(name).copy(name, target, most_bytes)

    def _workspace(self, name: str) -> Workspace:
        if not is_own_folder(self.folder):
            raise RequestError(f"The run has no file {name!r}.")
        return Workspace(self.folder.resolve())


def folder_within(runs_folder: Path, stored: str) -> Path:
    """Where a kept run's folder lies: directly in `runs_folder`, whatever path the store holds.

    Only the last part of that path counts, so that a project which was copied or moved uses its own folders, and a store
    that somebody else wrote cannot name any other folder of this machine.
    """
    name = Path(stored).name
    return runs_folder.expanduser().absolute() / (name if name not in ("", "..") else NO_FOLDER)


def is_own_folder(folder: Path) -> bool:
    """Whether this is a folder itself and no link to another one."""
    return folder.is_dir() and not folder.is_symlink()


def _sound(entries: Sequence[Entry], transcript: Transcript) -> tuple[Sequence[Entry], str]:
    """As many entries, from the first on, as tell one story, folded into the transcript; and what is wrong with the next."""
    for number, entry in enumerate(entries, 1):
        try:
            if entry.seq != number:
                raise WireError("an event is missing")
            apply(transcript, entry.event)
        except WireError as error:
            return entries[: number - 1], DAMAGED.format(number=number, why=error)
        if entry.terminal:
            return entries[:number], ""
    return entries, ""
