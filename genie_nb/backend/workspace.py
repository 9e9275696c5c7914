"""The workspace: one run's folder. Files come in, the interpreter works in it, what it writes is listed.

Nothing outside the folder can be named through it, by `..`, by an absolute path or by a link. Files come in as copies, never
as links: what writes into the folder changes no original. The copies are made by the system, not through our memory.

Below: `parts`, `errors`.
"""

import errno
import hashlib
import mimetypes
import os
import secrets
import shutil
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from io import BufferedReader, BufferedWriter
from pathlib import Path

from genie_nb.errors import RequestError
from genie_nb.parts import FileRef

__all__ = ("INPUTS", "Workspace")

INPUTS = ".inputs"
"""The hidden folder with the tables that were handed over."""
MAX_FILES = 1_000
"""How many files of a run are listed; a flood of more is left on disk, unlisted."""
HASHED_BYTES = 256 * 2**20
"""So much is hashed in one look for files; what is larger gets no digest, because hashing cannot be cancelled."""
SPARE_BYTES = 64 * 2**20
"""Room that must stay on the disk beside the files that come in."""
PIECE_BYTES = 2**20
"""So much of a file that is copied is held in memory."""
COPY_BYTES = 256 * 2**20
"""So much of a file is copied by the system at a time."""
_NO_COPY_WITHIN = (errno.ENOSYS, errno.EXDEV, errno.EINVAL, errno.EOPNOTSUPP, errno.EBADF, errno.EPERM)
"""What a system says that cannot copy from this disk to that one by itself."""


class Workspace:
    """One run's folder. Its methods read and write the disk: call them from a worker thread."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._seen: dict[str, tuple[int, int]] = {}

    @classmethod
    def create(cls, folder: Path) -> "Workspace":
        """Make the folder.

        Raises:
            RequestError: It cannot be made.
        """
        try:
            folder.mkdir(parents=True, mode=0o700)
        except OSError as error:
            raise RequestError(_why_no_folder(folder, error)) from error
        return cls(folder.resolve())

    def bring(self, inputs: Mapping[str, Path], wanted: Callable[[], bool] = lambda: True) -> dict[str, FileRef]:
        """Copy inputs (name → source) into the folder; one takes the place of a file of its name.

        Args:
            inputs: What is copied.
            wanted: Whether anybody still waits for it; asked between two pieces of a copy.

        Raises:
            RequestError: The disk has no room for them, the folder is gone, or nobody waits any more.
        """
        unfinished = self.folder / f".{secrets.token_hex(8)}"
        try:
            needed = sum(path.stat().st_size for path in inputs.values()) + SPARE_BYTES
            if shutil.disk_usage(self.folder).free < needed:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            for name, source in inputs.items():
                _copy(source, unfinished, wanted)
                os.replace(unfinished, self.folder / name)
            known = {file.name: file for file in self.changed()}
            return {name: known.get(name) or file_ref(name, self.folder / name) for name in inputs}
        except OSError as error:
            unfinished.unlink(missing_ok=True)
            raise RequestError(_why_no_folder(self.folder, error)) from error

    def resolve(self, name: str) -> Path:
        """The path of a file in the folder.

        Raises:
            RequestError: The name leads out of the folder, or to no file.
        """
        try:
            path = (self.folder / name).resolve()
            if path.is_relative_to(self.folder) and path.is_file():
                return path
        except (OSError, ValueError, RuntimeError) as error:  # too long, a NUL in it, links in a circle
            raise RequestError(f"The run has no file {name!r}.") from error
        raise RequestError(f"The run has no file {name!r}.")

    def open(self, name: str) -> BufferedReader:
        """A file in the folder, opened to be read.

        Raises:
            RequestError: The name leads out of the folder, or to no file.
        """
        try:
            return _open(self.resolve(name))
        except OSError as error:
            raise RequestError(f"The run has no file {name!r}.") from error

    def read(self, name: str, most_bytes: int | None = None) -> bytes:
        """The content of a file in the folder, or no more than the first bytes of it.

        Raises:
            RequestError: The name leads out of the folder, or to no file.
        """
        with self.open(name) as content:
            try:
                return content.read(most_bytes)
            except OSError as error:
                raise RequestError(f"The run has no file {name!r}.") from error

    def copy(self, name: str, target: Path, most_bytes: int) -> None:
        """Copy a file of the folder piece by piece.

        Raises:
            RequestError: The name leads out of the folder, or to no file, or to one with more bytes than that.
            OSError: The copy cannot be written.
        """
        path = self.resolve(name)
        with target.open("wb") as copy:
            try:
                content = _open(path)
            except OSError as error:
                raise RequestError(f"The run has no file {name!r}.") from error
            with content:
                while piece := content.read(PIECE_BYTES):
                    most_bytes -= len(piece)
                    if most_bytes < 0:
                        raise RequestError(f"The file {name!r} is too large to be copied.")
                    copy.write(piece)

    def put(self, name: str, content: bytes) -> FileRef:
        """Store a file under a plain name, or under the next free one like it; it appears whole, and `changed` skips it.

        Raises:
            RequestError: There is no room on the disk for it.
            OSError: It cannot be stored.
        """
        stem, suffix = os.path.splitext(name)
        number = 1
        while os.path.lexists(self.folder / name):
            number += 1
            name = f"{stem}-{number}{suffix}"
        part, path = self.folder / f".{name}.part", self.folder / name
        try:
            part.write_bytes(content)
            part.replace(path)
        except OSError as error:
            part.unlink(missing_ok=True)
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise RequestError(_why_no_folder(self.folder, error)) from error
            raise
        status = path.lstat()
        self._seen[name] = (status.st_mtime_ns, status.st_size)
        return file_ref(name, path)

    def changed(self) -> list[FileRef]:
        """The files that are new or different since the last call, by name."""
        found: list[FileRef] = []
        left = HASHED_BYTES
        for name, path, stamp in self._files():
            if self._seen.get(name) == stamp or (name not in self._seen and len(self._seen) >= MAX_FILES):
                continue
            with suppress(OSError):  # gone since, or not readable yet: it is new the next time
                file = file_ref(name, path, most_bytes=left)
                left -= file.size if file.sha256 else 0
                found.append(file)
                self._seen[name] = stamp
        return sorted(found, key=lambda file: file.name)

    def _files(self) -> Iterator[tuple[str, Path, tuple[int, int]]]:
        for parent, folders, names in os.walk(self.folder):
            folders[:] = sorted(folder for folder in folders if not _hidden(folder))
            for name in sorted(names):
                path = Path(parent, name)
                status = _status(path)
                if _hidden(name) or status is None or not stat.S_ISREG(status.st_mode):
                    continue
                yield path.relative_to(self.folder).as_posix(), path, (status.st_mtime_ns, status.st_size)


def _copy(source: Path, target: Path, wanted: Callable[[], bool]) -> None:
    """Copy a file within the system: by reference where the disk can, else past our memory; else piece by piece."""
    with source.open("rb") as content, target.open("xb") as copy:
        step = _copy_within if hasattr(os, "copy_file_range") else _copy_piece
        while wanted():
            try:
                if not step(content, copy):
                    return
            except OSError as error:
                if step is _copy_piece or error.errno not in _NO_COPY_WITHIN:
                    raise
                step = _copy_piece
    raise OSError(errno.ECANCELED, os.strerror(errno.ECANCELED))


def _copy_within(content: BufferedReader, copy: BufferedWriter) -> int:
    return os.copy_file_range(content.fileno(), copy.fileno(), COPY_BYTES)


def _copy_piece(content: BufferedReader, copy: BufferedWriter) -> int:
    return copy.write(content.read(PIECE_BYTES))


def file_ref(name: str, path: Path, *, most_bytes: int = HASHED_BYTES) -> FileRef:
    """What is said of a file: its name, size, type and digest; a larger file than `most_bytes` gets no digest.

    Raises:
        OSError: It is gone, or no ordinary file.
    """
    with _open(path) as content:
        size = os.fstat(content.fileno()).st_size
        digest = hashlib.file_digest(content, "sha256").hexdigest() if size <= most_bytes else ""
    media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return FileRef(name=name, size=size, media_type=media_type, sha256=digest)


def _open(path: Path) -> BufferedReader:
    """Open an ordinary file; what was put in its place since it was looked at, a pipe or a link, is refused at once.

    Raises:
        OSError: It is gone, or no ordinary file.
    """
    content = os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb")
    if not stat.S_ISREG(os.fstat(content.fileno()).st_mode):
        content.close()
        raise OSError(errno.EINVAL, "no ordinary file")
    return content


def _hidden(name: str) -> bool:
    """Whether a name is not for the person; one that is no UTF-8 cannot be told in an event either."""
    return name.startswith(".") or name == "__pycache__" or name != os.fsencode(name).decode(errors="replace")


def _status(path: Path) -> os.stat_result | None:
    """What the disk says of a file, not of what a link leads to; None if it is gone."""
    try:
        return path.lstat()
    except OSError:
        return None


def _why_no_folder(folder: Path, error: OSError) -> str:
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return (
                f"There is no room on the disk for the run's folder in {folder.parent.name}. Free some space and ask again."
            )
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return (
                f"The run's folder cannot be made: the folder {folder.parent.name} is not writable. "
                "Set GENIE_RUNS_FOLDER to one that is."
            )
        case _:
            return f"The run's folder cannot be made in {folder.parent.name}: {error.strerror or error}."
