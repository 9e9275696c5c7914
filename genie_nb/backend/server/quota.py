"""A quota: how much may lie in a folder that clients fill, and for how long.

Above: `file_shelf`, `uploads`. Below: `errors`.
"""

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from genie_nb.backend.settings import ServerSettings
from genie_nb.errors import AdmissionRefused

__all__ = ("Quota",)


class Quota:
    """Watches over one folder. Its methods read and write the disk: call them from a worker thread."""

    def __init__(self, folder: Path, settings: ServerSettings, clock: Callable[[], float] = time.time) -> None:
        self._folder, self._clock = folder, clock
        self._most_mib, self._keep_s = settings.max_stored_mib, settings.keep_files_s
        self._turn = threading.Lock()

    def make_folder(self, folder: Path) -> None:
        """Make a folder in the watched one, or find it there; it is not removed as an old one from now on."""
        with self._turn:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for used in (folder, folder.parent):
                os.utime(used)

    def check(self) -> None:
        """Remove what is too old; what is left must fit, with what was just written.

        Raises:
            AdmissionRefused: It does not; whoever wrote last takes it away again.
        """
        with self._turn:
            kept = self._swept(self._clock() - self._keep_s)
        if kept > self._most_mib * 2**20:
            raise AdmissionRefused(
                f"Files of clients take all {self._most_mib} MiB that they may have here. Try again when old ones are gone.",
                why="files",
                retry_after_s=3600,
                status=507,
            )

    def _swept(self, too_old: float) -> int:
        """Remove what is older; returns the bytes of what stays."""
        kept = 0
        for parent, _, names in os.walk(self._folder, topdown=False):
            used_at = Path(parent).lstat().st_mtime
            for path in (Path(parent, name) for name in names):
                with suppress(FileNotFoundError):  # somebody else was quicker
                    status = path.lstat()
                    if status.st_mtime < too_old:
                        path.unlink()
                    else:
                        kept += status.st_size
            if used_at < too_old and Path(parent) != self._folder:
                with suppress(OSError):  # it is not empty
                    os.rmdir(parent)
        return kept
