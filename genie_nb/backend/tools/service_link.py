"""The link to JDGenie's tool service: ask it, bring it files, fetch what it made.

The service names where a file lies by its own idea of its address, which need not be reachable and must not be trusted:
files are asked for at the service's address only.

Above: `genie_service`. Below: `wire/frames`, `errors`.
"""

import asyncio
import json
import os
import secrets
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from genie_nb.backend.wire.frames import FrameDecoder
from genie_nb.errors import SettingsError, ToolFailed, WireError
from genie_nb.parts import readable
from genie_nb.url_secrets import split_credentials

__all__ = ("GenieToolService", "ServiceLimits")

PIECE_BYTES = 256 * 1024


@dataclass(frozen=True)
class ServiceLimits:
    """What the service may take.

    Attributes:
        connect_s: Seconds until a connection stands.
        idle_s: Seconds of silence after which a stream counts as lost. JDGenie's heartbeat is held up by its own
            model calls (# T1), so this is much longer than the heartbeat's 15 s.
        file_mib: The largest file that is brought or fetched.
        files: So many files are asked for in one run.
        total_mib: How much they may be together.
    """

    connect_s: float = 10.0
    idle_s: float = 120.0
    file_mib: int = 200
    files: int = 100
    total_mib: int = 1000


class GenieToolService:
    """A connection to one service, for one run.

    Raises:
        SettingsError: The address is none.
    """

    def __init__(
        self, url: str, *, limits: ServiceLimits | None = None, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self.limits = limits or ServiceLimits()
        try:
            address, credentials = split_credentials(url.rstrip("/"))
            self.url = httpx.URL(address)
        except httpx.InvalidURL as error:
            raise SettingsError(f"The setting 'tool_url' is no address: {error}.") from error
        if self.url.scheme not in ("http", "https") or not self.url.host or (self.url.port or 0) > 65535:
            raise SettingsError(f"The setting 'tool_url' must be like http://127.0.0.1:1601, not {url[:100]!r}.")
        self._http = httpx.AsyncClient(
            base_url=self.url,
            headers=credentials,
            timeout=httpx.Timeout(self.limits.idle_s, connect=self.limits.connect_s),
            follow_redirects=False,
            transport=transport,
        )

    async def stream(self, path: str, body: dict[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
        """Ask for something that is answered as a stream.

        Yields:
            The messages in order; heartbeats are left out.

        Raises:
            ToolFailed: It cannot be reached, refuses, falls silent, says that it failed, or ends before `[DONE]`.
        """
        decoder = FrameDecoder()
        try:
            async with self._http.stream("POST", path, json=body) as answer:
                if answer.status_code != 200:
                    raise ToolFailed(await self._refusal(answer))
                async for piece in answer.aiter_bytes():
                    for frame in decoder.feed(piece):
                        if frame.data.startswith("[DONE]"):
                            return
                        if not frame.data.startswith("heartbeat"):
                            yield _message(frame.data)
        except httpx.HTTPError as error:
            raise ToolFailed(self._why(error)) from error
        except WireError as error:
            raise ToolFailed(f"The tool service's stream cannot be read: {error}") from error
        # JDGenie's service just stops when it fails (# T9).
        raise ToolFailed("The tool service's stream is truncated: it ended without saying that it is done.")

    async def bring(self, request_id: str, name: str, path: Path) -> None:
        """Upload a file under a name.

        Raises:
            ToolFailed: It cannot be read, is too large, or the service does not take it.
        """
        boundary = secrets.token_hex(16)
        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        try:
            if (await asyncio.to_thread(path.stat)).st_size > self.limits.file_mib * 2**20:
                raise ToolFailed(f"The file {name} is larger than {self.limits.file_mib} MiB, so it was not brought there.")
            form = _form(path, name, request_id, boundary)
            answer = await self._http.post("/v1/file_tool/upload_file_data", content=form, headers=headers)
            if answer.status_code != 200:
                raise ToolFailed(await self._refusal(answer))
        except httpx.HTTPError as error:
            raise ToolFailed(self._why(error)) from error
        except OSError as error:
            raise ToolFailed(f"The file {name} cannot be read: {error.strerror or error}.") from error

    async def fetch(self, request_id: str, name: str, target: Path, most_bytes: int) -> int:
        """Download a file of no more than so many bytes; returns how many it has. Half of a file is never left.

        Raises:
            ToolFailed: It is not there, is too large, or cannot be written.
        """
        if name in (".", ".."):  # every client takes them for steps of a path, quoted or not
            raise ToolFailed(f"{name!r} is no name for a file.")
        unfinished = target.with_name(f".fetched-{secrets.token_hex(8)}")
        place = f"/v1/file_tool/download/{quote(request_id, safe='')}/{quote(name, safe='')}"
        try:
            async with self._http.stream("GET", place) as answer:
                if answer.status_code != 200:
                    raise ToolFailed(await self._refusal(answer))
                size = await self._save(answer.aiter_bytes(PIECE_BYTES), unfinished, name, most_bytes)
            await asyncio.to_thread(os.replace, unfinished, target)
            return size
        except httpx.HTTPError as error:
            raise ToolFailed(self._why(error)) from error
        except OSError as error:
            raise ToolFailed(f"The file {name} cannot be written: {error.strerror or error}.") from error
        finally:
            with suppress(FileNotFoundError):
                await asyncio.to_thread(unfinished.unlink)

    async def _save(self, pieces: AsyncIterator[bytes], target: Path, name: str, most_bytes: int) -> int:
        size, most_bytes = 0, min(most_bytes, self.limits.file_mib * 2**20)
        with await asyncio.to_thread(target.open, "xb") as content:
            async for piece in pieces:
                size += len(piece)
                if size > most_bytes:
                    raise ToolFailed(f"The file {name} is larger than {most_bytes / 2**20:.4g} MiB, so it was not fetched.")
                await asyncio.to_thread(content.write, piece)
        return size

    async def close(self) -> None:
        """Close the connections; safe to call twice."""
        await self._http.aclose()

    async def _refusal(self, answer: httpx.Response) -> str:
        told = ""
        async for piece in answer.aiter_bytes():
            told += piece.decode(errors="replace")
            if len(told) > 400:
                break
        return f"The tool service at {self.url} answered {answer.status_code}: {readable(told[:400]) or 'nothing more'}"

    def _why(self, error: httpx.HTTPError) -> str:
        match error:
            case httpx.ReadTimeout():
                return f"The tool service at {self.url} said nothing for {self.limits.idle_s:g} s, so it was given up."
            case httpx.ConnectError() | httpx.ConnectTimeout():
                return f"The tool service at {self.url} cannot be reached: {error or type(error).__name__}."
            case _:
                said = str(error) or type(error).__name__
                return f"The link to the tool service at {self.url} broke, its answer is truncated: {said}."


async def _form(path: Path, name: str, request_id: str, boundary: str) -> AsyncIterator[bytes]:
    """A form with a file, read piece by piece; its name is percent-encoded, as the service decodes it."""
    part = f"--{boundary}\r\nContent-Disposition: form-data; name="
    yield f'{part}"requestId"\r\n\r\n{request_id}\r\n'.encode()
    yield f'{part}"file"; filename="{quote(name, safe="")}"\r\nContent-Type: application/octet-stream\r\n\r\n'.encode()
    with await asyncio.to_thread(path.open, "rb") as content:
        while piece := await asyncio.to_thread(content.read, PIECE_BYTES):
            yield piece
    yield f"\r\n--{boundary}--\r\n".encode()


def _message(text: str) -> dict[str, Any]:
    try:
        message = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ToolFailed(f"The tool service sent what is no message: {readable(text)[:200]!r}.") from error
    if not isinstance(message, dict):
        raise ToolFailed(f"The tool service sent what is no message: {readable(text)[:200]!r}.")
    if message.get("error"):
        raise ToolFailed(f"The tool service failed: {readable(str(message['error']))[:1000]}")
    return message
