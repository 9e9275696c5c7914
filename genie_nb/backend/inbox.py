"""The inbox: files that a page brings, in a folder that only this person can read and that goes with its owner.

Each lies in a folder of its own, under a name that leads nowhere. A file comes in pieces and is looked at when it is whole.

Above: `chat`, `network`. Below: `file_names`, `inputs`, `suggestions`, `errors`.
"""

import os
import secrets
import shutil
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from genie_nb.backend.file_names import safe_name
from genie_nb.backend.inputs import check_inputs, profile_file
from genie_nb.backend.suggestions import fitting_questions
from genie_nb.errors import RequestError

__all__ = ("FILE_BYTES", "FileSummary", "Inbox", "Incoming", "summary_of")

FILE_BYTES = 2**30
"""The largest file that a page may bring; a larger one is given by its path."""
SPARE_BYTES = 2**28
"""Room that stays on the disk beside what comes in."""


class Incoming:
    """One file on its way. Its methods write the disk.

    Attributes:
        name: Its name here.
        path: Where it lies.
        size: How many bytes it was said to have.
    """

    def __init__(self, path: Path, size: int) -> None:
        self.path, self.name, self.size = path, path.name, size
        self.got = 0
        path.parent.mkdir(mode=0o700)
        self._written: BinaryIO = path.open("xb")

    def write(self, piece: bytes) -> int:
        """Take the next piece; returns how many bytes are there.

        Raises:
            RequestError: There are more than were said, or the disk takes no more.
        """
        if self.got + len(piece) > self.size:
            raise RequestError(f"{self.name} has more bytes than its page said. Choose it again.")
        try:
            self._written.write(piece)
        except OSError as error:
            raise RequestError(f"{self.name} cannot be kept: {error.strerror or error}.") from error
        self.got += len(piece)
        return self.got

    def finish(self) -> "FileSummary":
        """All is there: what the file holds.

        Raises:
            RequestError: It is not whole, is empty, broken, or not what its name says.
        """
        try:
            self._written.close()
        except OSError as error:
            raise RequestError(f"{self.name} cannot be kept: {error.strerror or error}.") from error
        if self.got != self.size:
            raise RequestError(f"{self.name} came only in part. Choose it again.")
        return summary_of(self.path)

    def discard(self) -> None:
        """Remove the file."""
        self._written.close()
        shutil.rmtree(self.path.parent, ignore_errors=True)


class Inbox:
    """The folder; it is made with its first file, and removed by `close` or with the process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._count = 0
        self._removing = weakref.finalize(self, shutil.rmtree, folder, True)

    @classmethod
    def within(cls, runs_folder: Path) -> "Inbox":
        """An inbox beside the folders of runs."""
        return cls(runs_folder.expanduser().absolute() / f"uploads-{secrets.token_hex(6)}")

    def begin(self, name: str, size: int) -> Incoming:
        """Make room for a file.

        Raises:
            RequestError: Its name is none, or it is empty or too large for a page, or the disk has no room.
        """
        name = safe_name(name)
        if size <= 0:
            raise RequestError(f"The file {name} is empty (0 bytes), so there is nothing to look at.")
        if size > FILE_BYTES:
            raise RequestError(
                f"{name} has {size / 1e9:.1f} GB; a page brings files of up to {FILE_BYTES / 1e9:.1f} GB. "
                f'Give its path instead: box.add("{name}").'
            )
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if shutil.disk_usage(self.folder).free < size + SPARE_BYTES:
                raise RequestError(f"There is no room on the disk for {name}. Free some space and choose it again.")
            self._count += 1
            return Incoming(self.folder / str(self._count) / name, size)
        except OSError as error:
            raise RequestError(f"{name} cannot be kept: {error.strerror or error}.") from error

    def close(self) -> None:
        """Remove everything that came in."""
        self._removing()


@dataclass(frozen=True)
class FileSummary:
    """What a file holds.

    Attributes:
        about: The same in few words, e.g. `CSV, 1,204 rows × 7 columns, GBK`.
        questions: Questions that fit it, by language.
    """

    about: str
    questions: Mapping[str, Sequence[str]]


def summary_of(given: str | os.PathLike[str]) -> FileSummary:
    """What the file at a path holds.

    Raises:
        RequestError: It cannot be used.
    """
    ((name, path),) = check_inputs([given]).items()
    profile = profile_file(path, name)
    return FileSummary(profile.about, fitting_questions(profile))
