"""Uploads: files that clients bring, each in a folder of its own under a name that cannot lead out of it.

Above: the route tables. Below: `errors`.
"""

import asyncio
import re
from pathlib import Path
from typing import BinaryIO

from starlette.datastructures import UploadFile

from genie_nb.errors import AdmissionRefused, RequestError

__all__ = ("safe_name", "save_upload", "uploaded")

PIECE_BYTES = 1024 * 1024
_BAD = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*]')
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)")
_ID = re.compile(r"[A-Za-z0-9_-]{16}")


def safe_name(name: str) -> str:
    """A file's name without anything that leads elsewhere, on any system.

    Raises:
        RequestError: Nothing is left of it.
    """
    cleaned = _BAD.sub("_", name.replace("\\", "/").rsplit("/", 1)[-1]).strip(". ")
    cleaned = cleaned.encode("utf-8", "replace")[-200:].decode("utf-8", "ignore")
    if not cleaned:
        raise RequestError(f"{name[:80]!r} is no name for a file.")
    return f"_{cleaned}" if _RESERVED.match(cleaned) else cleaned


async def save_upload(folder: Path, file: UploadFile, max_mib: int) -> Path:
    """Write an uploaded file into a new folder; returns its path.

    Raises:
        RequestError: Its name is none.
        AdmissionRefused: It is too large.
    """
    path = folder / safe_name(file.filename or "")
    await asyncio.to_thread(folder.mkdir, mode=0o700, parents=True)
    written = 0
    with await asyncio.to_thread(path.open, "xb") as target:
        while piece := await file.read(PIECE_BYTES):
            written += len(piece)
            if written > max_mib * 2**20:
                await asyncio.to_thread(_discard, target, path)
                raise AdmissionRefused(f"A file may have {max_mib} MiB here.", retry_after_s=0, status=413)
            await asyncio.to_thread(target.write, piece)
    return path


def _discard(target: BinaryIO, path: Path) -> None:
    target.close()
    path.unlink()
    path.parent.rmdir()


def uploaded(folder: Path, upload: str) -> Path:
    """The path of an uploaded file by the id that was given for it.

    Raises:
        RequestError: There is no such upload.
    """
    upload_id, _, name = upload.partition("/")
    path = folder / upload_id / name
    if not _ID.fullmatch(upload_id) or not name or safe_name(name) != name or not path.is_file():
        raise RequestError(f"There is no uploaded file {upload[:100]!r}. Upload it first.")
    return path
