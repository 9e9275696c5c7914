"""Downloads: files of runs, sent in pieces from an opened descriptor; never whole in memory.

Above: the route tables. Below: `archive`, `workspace`.
"""

import asyncio
import os
from collections.abc import AsyncGenerator
from io import BufferedReader
from pathlib import Path
from urllib.parse import quote

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from genie_nb.backend.restored import is_own_folder
from genie_nb.backend.server.archive import Kept
from genie_nb.backend.workspace import Workspace
from genie_nb.errors import RequestError

__all__ = ("file_answer",)

PIECE_BYTES = 256 * 1024


class _Download(StreamingResponse):
    """Sends what lies in a file when it is opened, and closes it, whoever leaves."""

    def __init__(self, content: BufferedReader, headers: dict[str, str]) -> None:
        super().__init__(_pieces(content), media_type="application/octet-stream", headers=headers)
        self._content = content

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._content.close()


async def _pieces(content: BufferedReader) -> AsyncGenerator[bytes, None]:
    left = os.fstat(content.fileno()).st_size  # one that grows for ever would be sent for ever
    while left > 0 and (piece := await asyncio.to_thread(content.read, min(left, PIECE_BYTES))):
        left -= len(piece)
        yield piece


async def file_answer(kept: Kept, name: str) -> StreamingResponse:
    """A file of a run as a download.

    Raises:
        RequestError: The run has no such file.
    """
    content = await asyncio.to_thread(_opened, kept.run.folder, name)
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name.rsplit('/', 1)[-1])}",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox",
    }
    return _Download(content, headers)


def _opened(folder: Path, name: str) -> BufferedReader:
    if not is_own_folder(folder):
        raise RequestError(f"The run has no file {name!r}.")
    return Workspace(folder.resolve()).open(name)
