"""Walking folders: the files below them that can be read, and never anything outside them.

No link is followed, neither to a file nor to a folder, even if it is put there while the walk is on: files are opened by
their folder's descriptor. Only the folders that a person names may themselves be links.

Above: `folders`. Below: `reading`, `index`.
"""

import os
import stat
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath

from genie_nb.backend.search.index import Entry
from genie_nb.backend.search.passages import Passage
from genie_nb.backend.search.pdf_text import PDF_SUFFIXES, missing_pdf_library
from genie_nb.backend.search.reading import SUFFIXES, passages_of, read_bytes

__all__ = ("Walk", "labelled")

_SKIPPED = {"node_modules", "__pycache__", "site-packages", "venv", "env", "build", "dist", "genie_runs"}
DEPTH = 40


@dataclass
class Walk:
    """One walk through folders.

    Attributes:
        roots: Folders by the name that their files are told under.
        left_out: What was passed over, by reason.
    """

    roots: dict[str, Path]
    most_files: int
    most_bytes: int
    left_out: Counter[str] = field(default_factory=Counter)

    def entries(self) -> Iterator[Entry]:
        """The files, each with its passages on demand; to be loaded before the next one is asked for."""
        files = size = 0
        for label, root in self.roots.items():
            for parent, folders, names, descriptor in os.fwalk(root, follow_symlinks=False):
                below = PurePosixPath(Path(parent).relative_to(root).as_posix())
                folders[:] = sorted(name for name in folders if not _is_skipped(name)) if len(below.parts) < DEPTH else []
                for name in sorted(names):
                    status = self._wanted(name, descriptor)
                    if status is None:
                        continue
                    read = min(status.st_size, read_bytes(name)[1])
                    if files == self.most_files or size + read > self.most_bytes:
                        self.left_out[f"beyond the limit of {self.most_files:,} files or {self.most_bytes >> 20:,} MiB"] += 1
                        continue
                    files, size = files + 1, size + read
                    load = partial(_load, name, descriptor)
                    yield Entry(f"{label}/{below / name}", f"{status.st_mtime_ns}.{status.st_size}", load)

    def _wanted(self, name: str, descriptor: int) -> os.stat_result | None:
        """The status of a file that is to be read, or None."""
        suffix = PurePosixPath(name).suffix.lower()
        if suffix not in SUFFIXES or _is_hidden(name):
            return None
        if suffix in PDF_SUFFIXES and (lacking := missing_pdf_library()):
            self.left_out[f"PDFs: {lacking.rstrip('.')}"] += 1  # not kept as a fault: the library may come
            return None
        try:
            status = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
        except OSError:
            return None  # gone since
        if stat.S_ISLNK(status.st_mode):
            self.left_out["links, which are not followed"] += 1
            return None
        if not stat.S_ISREG(status.st_mode):
            return None
        if status.st_size > read_bytes(name)[0]:
            self.left_out["too large"] += 1
            return None
        return status


def labelled(folders: Iterable[Path]) -> dict[str, Path]:
    """The folders by short names: their own, with a number where two have one.

    Raises:
        ValueError: One is no folder, or cannot be read; the message says which.
    """
    found: dict[str, Path] = {}
    for folder in folders:
        try:
            root = folder.expanduser().resolve(strict=True)
            os.listdir(root)
        except NotADirectoryError:
            raise ValueError(f"{folder} is a file. Name the folder that it is in.") from None
        except PermissionError:
            raise ValueError(f"The folder {folder} cannot be read: you have no permission for it.") from None
        except (OSError, ValueError, RuntimeError):  # not there, a name too long, a NUL in it, links in a circle
            raise ValueError(f"The folder {str(folder)[:200]!r} does not exist. Look for a typo.") from None
        if root in found.values():
            continue
        name, number = root.name or "root", 1
        while (label := name if number == 1 else f"{name} ({number})") in found:
            number += 1
        found[label] = root
    return found


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name != os.fsencode(name).decode(errors="replace")


def _is_skipped(name: str) -> bool:
    return name in _SKIPPED or _is_hidden(name) or name.endswith(".egg-info")


def _load(name: str, descriptor: int) -> list[Passage]:
    try:
        opened = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=descriptor)
        with os.fdopen(opened, "rb") as content:
            if not stat.S_ISREG(os.fstat(opened).st_mode):
                raise ValueError("is no ordinary file")
            head = content.read(read_bytes(name)[1])
    except OSError as error:
        raise ValueError(f"cannot be read ({error.strerror})") from None
    return list(passages_of(name, head))
