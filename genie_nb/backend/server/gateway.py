"""The gateway: the page's endpoint in front of an `/AutoAgent` on another server, over HTTP.

However the other server fails, the page gets a finished packet: a refusal, an end without a result, a broken link, silence
(# B1, S6, S7, S8). A page that leaves closes the link at once.

Above: `genie_routes`. Below: `wire.genie_web`, `wire.frames`.
"""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing

import httpx
from httpx_sse import aconnect_sse
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from genie_nb.backend.server.host import Host
from genie_nb.backend.wire.frames import Frame, FrameDecoder
from genie_nb.backend.wire.genie_calls import JsonObject, one_line
from genie_nb.backend.wire.genie_requests import GptQueryReq
from genie_nb.backend.wire.genie_web import WebPackets
from genie_nb.errors import WireError

__all__ = ("Gateway",)

CONNECT_S = 60.0
SILENT_HEARTBEATS = 6
"""So many of the other server's heartbeats may be missing before the link counts as lost."""


class Gateway:
    """Streams from another server's `/AutoAgent` to the page."""

    def __init__(self, url: str, host: Host) -> None:
        self._url = f"{url.rstrip('/')}/AutoAgent"
        self._host = host
        self._http = httpx.AsyncClient(timeout=httpx.Timeout(None, connect=CONNECT_S))
        host.closers.append(self._http.aclose)

    def stream(self, asked: GptQueryReq) -> Response:
        """The answer to the page's question.

        Raises:
            AdmissionRefused: All connections are in use.
        """
        self._host.admission.check_link(len(self._host.links.open))
        packets = WebPackets(asked.trace_id, asked.agent_type)
        headers = {"Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no"}
        return _PassedOn(self._pass_on(asked, packets), headers)

    async def _pass_on(self, asked: GptQueryReq, packets: WebPackets) -> AsyncGenerator[bytes, None]:
        opened = self._host.metrics.links.labels("gateway")
        opened.inc()
        try:
            async with aclosing(self._packets(asked, packets)) as coming:
                async for packet in coming:
                    self._host.metrics.events.labels("gateway").inc()
                    yield b"data:" + one_line(packet) + b"\n\n"
        finally:
            opened.dec()

    async def _packets(self, asked: GptQueryReq, packets: WebPackets) -> AsyncGenerator[JsonObject, None]:
        try:
            async with aclosing(self._frames(asked)) as frames:
                async for frame in frames:
                    for packet in _packets_of(frame, packets):
                        yield packet
                    if packets.finished:
                        return
                    if frame.data == "[DONE]":
                        break
            failed = "The agent's server ended the stream before its result."
        except httpx.HTTPError as error:
            failed = f"The agent's server {self._url} cannot be reached: {str(error) or type(error).__name__}."
        except TimeoutError:
            failed = "The agent's server fell silent, without even a heartbeat."
        except WireError as error:
            failed = f"The agent's server sent something else: {error}"
        for packet in packets.failure(failed):
            yield packet

    async def _frames(self, asked: GptQueryReq) -> AsyncGenerator[Frame, None]:
        silence_s = self._host.settings.server.agent_heartbeat_s * SILENT_HEARTBEATS
        async with aconnect_sse(self._http, "POST", self._url, json=_request(asked)) as source:
            answer = source.response
            if answer.status_code != 200:
                told = (await answer.aread())[:200].decode(errors="replace")
                raise WireError(f"it answered {answer.status_code}: {told}")
            decoder, pieces = FrameDecoder(), answer.aiter_raw()
            while True:
                async with asyncio.timeout(silence_s):
                    piece = await anext(pieces, b"")
                if not piece:
                    break
                for frame in decoder.feed(piece):
                    yield frame
            last = decoder.end()
            if last is not None:
                yield last


class _PassedOn(Response):
    """Sends what comes, and stops at once when the reader leaves, however silent the other side is."""

    media_type = "text/event-stream"

    def __init__(self, pieces: AsyncGenerator[bytes, None], headers: dict[str, str]) -> None:
        super().__init__(None, headers=headers)
        del self.headers["content-length"]
        self._pieces = pieces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request."""
        writing = asyncio.create_task(self._write(send))
        leaving = asyncio.create_task(_left(receive))
        try:
            await asyncio.wait({writing, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            leaving.cancel()
            writing.cancel()
            await asyncio.wait({writing, leaving})
        if not writing.cancelled():
            writing.result()

    async def _write(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        async with aclosing(self._pieces) as pieces:
            async for piece in pieces:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue


def _packets_of(frame: Frame, packets: WebPackets) -> list[JsonObject]:
    if frame.data.startswith("heartbeat"):
        return [packets.heartbeat()]
    if frame.data == "[DONE]":
        return []
    try:
        response = json.loads(frame.data)
    except ValueError as error:
        raise WireError(f"{frame.data[:60]!r} is no JSON") from error
    if not isinstance(response, dict):
        raise WireError(f"{frame.data[:60]!r} is no object")
    return packets.take(response)


def _request(asked: GptQueryReq) -> JsonObject:
    """What the original's gateway asks."""
    return {
        "requestId": asked.trace_id,
        "erp": "genie",
        "query": asked.query,
        "agentType": asked.agent_type,
        "basePrompt": "",
        "sopPrompt": "",
        "isStream": True,
        "outputStyle": asked.output_style,
    }
