"""The shelf: files that clients of the tool service bring and that its runs make, by the request id that they belong to.

On the disk each lies under digests of its request id and its name, so neither can lead anywhere, whatever characters it has
(# T13, T15); a small index file beside it keeps both as they are. Sizes are bytes.

Above: `file_routes`, `tool_routes`. Below: `uploads`, `quota`, `wire.genie_calls`.
"""

import asyncio
import hashlib
import json
import mimetypes
import os
import re
import stat
import tempfile
import time
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote
from weakref import WeakKeyDictionary

from genie_nb.backend.file_names import safe_name
from genie_nb.backend.server.host import Host
from genie_nb.backend.server.quota import Quota
from genie_nb.backend.server.uploads import PIECE_BYTES
from genie_nb.backend.settings import ServerSettings
from genie_nb.backend.wire.genie_calls import FileUrls, JsonObject, file_item
from genie_nb.errors import AdmissionRefused, RequestError
from genie_nb.parts import FileRef, readable

__all__ = ("FileShelf", "Shelved", "media_type_of", "shelf_name", "urls_of")

LONGEST_NAME = 1000
"""Characters of a name or a request id."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True)
class Shelved:
    """A file on the shelf.

    Attributes:
        name: As clients call it; may hold `/`, but leads nowhere.
        path: Where it lies; the last part of the path is a name that every system takes.
        size: Bytes.
        at: When it was put there, in seconds since the epoch; 0 where nobody asked.
    """

    request_id: str
    name: str
    path: Path
    size: int
    at: float = 0.0

    def item(self, base: str) -> JsonObject:
        """The file as JDGenie lists it; `base` is the server's address with a `/` at its end."""
        ref = FileRef(name=self.name, size=self.size, media_type=media_type_of(self.name), sha256="")
        return file_item(ref, urls_of(base, self.request_id, self.name))


class FileShelf:
    """Stores files. What reads and writes the disk is synchronous: call it from a worker thread."""

    def __init__(self, folder: Path, settings: ServerSettings) -> None:
        self._folder, self._max_bytes = folder, settings.max_upload_mib * 2**20
        self._quota = Quota(folder, settings)
        self._coming: dict[str, set[asyncio.Task[None]]] = {}

    @classmethod
    def of(cls, host: Host) -> "FileShelf":
        """The one shelf of a host."""
        if host not in _shelves:
            folder = host.settings.runs_folder.expanduser().absolute() / "tool_files"
            _shelves[host] = cls(folder, host.settings.server)
        return _shelves[host]

    def put(self, request_id: str, name: str, content: bytes | Path | BinaryIO) -> Shelved:
        """Put a file there, in the place of one of that name; nobody ever sees half of it.

        Raises:
            RequestError: The name or the request id is none, or the path leads to no ordinary file.
            AdmissionRefused: The file is too large, or there is too much already.
            OSError: The disk is full, for example.
        """
        request_id, name = _checked_id(request_id), shelf_name(name)
        self._check_size(len(content) if isinstance(content, bytes) else 0)
        path = self._path(request_id, name)
        index = json.dumps({"requestId": request_id, "name": name, "at": time.time()}).encode()
        self._quota.make_folder(path.parent)
        size = self._write(path, content)
        self._write(path.parent.with_suffix(".json"), index, counted=False)
        return Shelved(request_id, name, path, size)

    def find(self, request_id: str, name: str) -> Shelved | None:
        """The file of that name, if there is one."""
        try:
            request_id, name = _checked_id(request_id), shelf_name(name)
            path = self._path(request_id, name)
        except RequestError:
            return None
        try:
            return Shelved(request_id, name, path, path.stat().st_size)
        except OSError:
            return None

    def listed(self, request_id: str) -> list[Shelved]:
        """All files of a request id, the oldest first."""
        found = []
        for index in self._folder_of(request_id).glob("*.json"):
            with suppress(OSError, ValueError, KeyError, RequestError):  # half of a pair: its file is gone, or yet to come
                kept = json.loads(index.read_bytes())
                path = self._path(kept["requestId"], kept["name"])
                found.append(Shelved(kept["requestId"], kept["name"], path, path.stat().st_size, kept["at"]))
        return sorted(found, key=lambda file: (file.at, file.name))

    def expect(self, request_id: str, work: Coroutine[Any, Any, None]) -> None:
        """Let this work put files there; whoever waits for them to be `settled` waits for it. On the loop."""
        coming = self._coming.setdefault(request_id, set())
        task = asyncio.get_running_loop().create_task(work)
        coming.add(task)
        task.add_done_callback(lambda done: self._came(request_id, done))

    async def settled(self, request_id: str) -> None:
        """Wait until everything lies there that ended runs have made."""
        if coming := self._coming.get(request_id):
            await asyncio.wait(tuple(coming))

    def _came(self, request_id: str, task: "asyncio.Task[None]") -> None:
        coming = self._coming[request_id]
        coming.discard(task)
        if not coming:
            del self._coming[request_id]

    def _folder_of(self, request_id: str) -> Path:
        return self._folder / _digest(readable(request_id))

    def _path(self, request_id: str, name: str) -> Path:
        return self._folder_of(request_id) / _digest(name) / safe_name(name)

    def _write(self, path: Path, content: bytes | Path | BinaryIO, *, counted: bool = True) -> int:
        handle, unfinished = tempfile.mkstemp(dir=path.parent, prefix=".")
        try:
            with os.fdopen(handle, "wb") as target:
                size = self._copy(content, target)
            if counted:
                self._quota.check()
            os.replace(unfinished, path)
        finally:
            with suppress(FileNotFoundError):
                os.unlink(unfinished)
        return size

    def _copy(self, content: bytes | Path | BinaryIO, target: BinaryIO) -> int:
        if isinstance(content, bytes):
            return target.write(content)
        if isinstance(content, Path):
            with _opened(content) as source:
                return self._copy(source, target)
        size = 0
        while piece := content.read(PIECE_BYTES):
            size += len(piece)
            self._check_size(size)
            target.write(piece)
        return size

    def _check_size(self, size: int) -> None:
        if size > self._max_bytes:
            limit = f"A file may have {self._max_bytes // 2**20} MiB here."
            raise AdmissionRefused(limit, why="file", retry_after_s=0, status=413)


_shelves: "WeakKeyDictionary[Host, FileShelf]" = WeakKeyDictionary()


def shelf_name(name: str) -> str:
    """The name that a file gets here: without steps to elsewhere and without control characters.

    Raises:
        RequestError: Nothing is left of it, or it is too long.
    """
    parts = _CONTROL.sub("_", readable(name)).replace("\\", "/").split("/")
    cleaned = "/".join(part for part in parts if part.strip(". "))
    if not cleaned or len(cleaned) > LONGEST_NAME:
        raise RequestError(f"{name[:80]!r} is no name for a file.")
    return cleaned


def urls_of(base: str, request_id: str, name: str) -> FileUrls:
    """The addresses of a file, every part quoted (# T15); `base` is the server's, with a `/` at its end."""
    place = f"{quote(readable(request_id), safe='')}/{quote(readable(name), safe='')}"
    return FileUrls(f"{base}v1/file_tool/preview/{place}", f"{base}v1/file_tool/download/{place}")


def media_type_of(name: str) -> str:
    """A file's type by its name; not every system knows Markdown."""
    known = "text/markdown" if name.lower().endswith(".md") else mimetypes.guess_type(name)[0]
    return known or "application/octet-stream"


def _checked_id(request_id: str) -> str:
    """The request id; `.` and `..` are steps of a path to every client, quoted or not."""
    if not request_id or request_id in (".", "..") or len(request_id) > LONGEST_NAME:
        raise RequestError(f"{request_id[:80]!r} is no request id.")
    return readable(request_id)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _opened(path: Path) -> BinaryIO:
    """Open an ordinary file; what is none by now, a pipe or a link, is refused at once."""
    try:
        content = os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb")
    except OSError as error:
        raise RequestError(f"There is no file {path.name!r}.") from error
    if not stat.S_ISREG(os.fstat(content.fileno()).st_mode):
        content.close()
        raise RequestError(f"{path.name!r} is no ordinary file.")
    return content
