"""Uploads: files that clients bring, each in a folder of its own under a name that cannot lead out of it.

Above: the route tables. Below: `quota`, `errors`.
"""

import asyncio
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import BinaryIO

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request

from genie_nb.backend.file_names import safe_name
from genie_nb.backend.server.quota import Quota
from genie_nb.backend.settings import ServerSettings
from genie_nb.errors import AdmissionRefused, RequestError

__all__ = ("form_of", "larger_bodies", "save_upload", "uploaded")

PIECE_BYTES = 1024 * 1024
TEXT_MIB = 32
"""The largest text that may come inside JSON, which is held in memory."""
FORM_BYTES = 64 * 1024
"""What a form may have around its file."""
_ID = re.compile(r"[A-Za-z0-9_-]{16}")


def larger_bodies(settings: ServerSettings) -> dict[str, int]:
    """The paths that take files, and how many bytes a request to them may have."""
    form = settings.max_upload_mib * 2**20 + FORM_BYTES
    return {
        "/v1/uploads": form,
        "/v1/file_tool/upload_file_data": form,
        "/v1/file_tool/upload_file": min(TEXT_MIB, settings.max_upload_mib) * 2**20,
    }


@asynccontextmanager
async def form_of(request: Request) -> AsyncIterator[FormData]:
    """The form that a request brings, with one file at most; what is on the disk of it goes with it."""
    form = await request.form(max_files=1, max_fields=20, max_part_size=FORM_BYTES)
    try:
        yield form
    finally:
        await form.close()


async def save_upload(folder: Path, file: UploadFile, quota: Quota) -> Path:
    """Write an uploaded file into a new folder; returns its path. If it cannot be had nothing is left of it.

    Raises:
        RequestError: Its name is none.
        AdmissionRefused: There is too much already.
        OSError: The disk is full, for example.
    """
    path = folder / safe_name(file.filename or "")
    await asyncio.to_thread(_copy, file.file, path, quota)
    return path


def _copy(content: BinaryIO, path: Path, quota: Quota) -> None:
    path.parent.mkdir(mode=0o700, parents=True)
    try:
        with path.open("xb") as target:
            shutil.copyfileobj(content, target, PIECE_BYTES)
        quota.check()
    except (OSError, AdmissionRefused):
        shutil.rmtree(path.parent, ignore_errors=True)
        raise


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
