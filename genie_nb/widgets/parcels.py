"""Parcels: the files of a run in one zip archive, packed past our memory, and handed to a page piece by piece.

A page asks for each piece when it has the one before, so that a parcel of any size holds up nothing.

Above: `run_view`, `takeaway`. Below: `parts`, `errors`.
"""

import os
import tempfile
import zipfile
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import IO

from genie_nb.errors import RequestError
from genie_nb.parts import FileRef

__all__ = ("PIECE_BYTES", "CopyFile", "Parcel", "stays_inside", "write_zip")

CopyFile = Callable[[str, Path, int], None]
"""Copies a file of a run by its name to a path, if it has no more bytes than that."""
PIECE_BYTES = 2_000_000
"""So much goes to a page in one message."""
FOLDER_BYTES = 2**63 - 1


def stays_inside(name: str) -> bool:
    """Whether a name leads to a place in a folder, and to none that is the folder's own."""
    parts = name.split("/")
    return not any(part in ("", "..") or part.startswith(".") or "\\" in part or "\0" in part for part in parts)


def write_zip(target: IO[bytes], copy_file: CopyFile, files: Iterable[FileRef], most_bytes: int = FOLDER_BYTES) -> int:
    """Write a zip archive of a run's files, one after the other; returns how many. Files that are gone are left out.

    Raises:
        RequestError: Together they have more bytes than that.
        OSError: The disk has no room.
    """
    count = 0
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        part = Path(folder, "part")
        for file in files:
            if not stays_inside(file.name):
                continue
            if file.size > most_bytes:
                raise RequestError(f"The files together are too large; {file.name!r} is the one too many.")
            try:
                copy_file(file.name, part, most_bytes)
            except RequestError:
                if part.exists() and part.stat().st_size:  # larger than it was said to be
                    raise
                continue
            most_bytes -= part.stat().st_size
            archive.write(part, file.name)
            part.unlink()
            count += 1
    return count


class Parcel:
    """An archive that waits for its page on the disk, under no name; it is gone with this object.

    Attributes:
        size: Bytes.
    """

    def __init__(self, copy_file: CopyFile, files: Iterable[FileRef], most_bytes: int) -> None:
        """Pack it; see `write_zip`.

        Raises:
            RequestError: The files have more bytes than that, or none of them is there.
            OSError: The disk has no room.
        """
        with ExitStack() as packing:
            self._content = packing.enter_context(tempfile.TemporaryFile())
            if not write_zip(self._content, copy_file, files, most_bytes):
                raise RequestError("None of the run's files is there any more.")
            self.size = self._content.seek(0, os.SEEK_END)
            packing.pop_all()  # it stays open until somebody closes it

    def piece(self, at: int) -> bytes:
        """The piece that begins there."""
        self._content.seek(max(at, 0))
        return self._content.read(PIECE_BYTES)

    def close(self) -> None:
        """Remove it."""
        self._content.close()
