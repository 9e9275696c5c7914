"""Files that a request names by an address elsewhere: fetched onto the shelf, if the server may go there (# T14).

Above: `tool_routes`. Below: `fetching`, `file_shelf`.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import BinaryIO
from urllib.parse import unquote

import httpx

from genie_nb.backend.fetching import guarded_transport
from genie_nb.backend.server.file_shelf import FileShelf, Shelved
from genie_nb.backend.settings import ServerSettings
from genie_nb.errors import RequestError

__all__ = ("fetch_file",)

FETCH_S = 60.0
"""Seconds that one file may take."""
MOST_REDIRECTS = 5
PIECE_BYTES = 256 * 1024


async def fetch_file(url: str, shelf: FileShelf, settings: ServerSettings) -> Shelved:
    """Fetch a file; it lies under its address instead of a request id, so that it replaces nobody's.

    Raises:
        RequestError: The server must not go there, or cannot, or what is there is no file, or is too large.
    """
    try:
        async with asyncio.timeout(FETCH_S), _answer(url, settings) as answer:
            if answer.status_code != 200:
                raise RequestError(f"The file {url[:200]!r} cannot be had: the answer there is {answer.status_code}.")
            name = unquote(answer.url.path.rsplit("/", 1)[-1]) or "file"
            with await asyncio.to_thread(tempfile.TemporaryFile) as content:
                await _save(answer, content, settings.max_upload_mib)
                return await asyncio.to_thread(shelf.put, url, name, content)
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
        raise RequestError(f"The file {url[:200]!r} cannot be had: {str(error) or type(error).__name__}.") from error


@asynccontextmanager
async def _answer(url: str, settings: ServerSettings) -> AsyncIterator[httpx.Response]:
    client = httpx.AsyncClient(
        transport=await asyncio.to_thread(guarded_transport, settings),
        follow_redirects=True,
        max_redirects=MOST_REDIRECTS,
        trust_env=False,
    )
    async with client, client.stream("GET", url) as answer:
        yield answer


async def _save(answer: httpx.Response, content: BinaryIO, most_mib: int) -> None:
    left = most_mib * 2**20
    async for piece in answer.aiter_bytes(PIECE_BYTES):
        left -= len(piece)
        if left < 0:
            raise RequestError(f"The file {str(answer.url)[:200]!r} is larger than {most_mib} MiB, so it was not fetched.")
        await asyncio.to_thread(content.write, piece)
    await asyncio.to_thread(content.seek, 0)
