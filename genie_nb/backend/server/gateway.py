"""The gateway: the page's endpoint in front of an `/AutoAgent` on another server, over HTTP.

However the other server fails, the page gets a finished packet: a refusal, an end without a result, a broken link, silence
(# B1, S6, S7, S8). A page that leaves closes the link at once.

Above: `genie_routes`. Below: `passing`, `wire.genie_web`, `wire.frames`.
"""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, aclosing, suppress

import httpx
import msgspec
from httpx_sse import aconnect_sse
from starlette.responses import Response

from genie_nb.backend.server.host import Host
from genie_nb.backend.server.passing import PassedOn
from genie_nb.backend.server.stream import LinkLimits
from genie_nb.backend.wire.frames import Frame, FrameDecoder
from genie_nb.backend.wire.genie_calls import JsonObject, one_line
from genie_nb.backend.wire.genie_requests import GptQueryReq
from genie_nb.backend.wire.genie_web import WebPackets
from genie_nb.errors import WireError
from genie_nb.parts import readable
from genie_nb.url_secrets import split_credentials

__all__ = ("Gateway",)

CONNECT_S = 60.0
FIRST_WORDS_S, FIRST_WORDS_BYTES = 5.0, 300
"""So much of a refusal is read, in time and in bytes."""
CUT_SHORT = "The server ended this stream before the result: {reason}. Ask again."
UNUSABLE = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError, msgspec.MsgspecError)
"""What an object may lead to that is none of an agent's: too deep, of wrong types, or without an encoding."""
SILENT_HEARTBEATS = 6
"""So many of the other server's heartbeats may be missing before the link counts as lost."""


class Gateway:
    """Streams from another server's `/AutoAgent` to the page."""

    def __init__(self, url: str, host: Host) -> None:
        address, credentials = split_credentials(url.rstrip("/"))
        self._url = f"{address}/AutoAgent"
        self._host = host
        self._http = httpx.AsyncClient(
            timeout=httpx.Timeout(None, connect=CONNECT_S),
            limits=httpx.Limits(max_connections=None),  # the host counts streams
            headers={"accept-encoding": "identity"} | credentials,
        )
        host.closers.append(self._http.aclose)

    def stream(self, asked: GptQueryReq) -> Response:
        """The answer to the page's question.

        Raises:
            AdmissionRefused: All connections are in use.
        """
        self._host.admission.check_link(len(self._host.links.open))
        server = self._host.settings.server
        return PassedOn(
            self._pass_on(asked),
            self._host.links,
            limits=LinkLimits(server.heartbeat_s, server.deadline_s, server.stall_s),
            last_words=lambda reason: _last_words(asked, CUT_SHORT.format(reason=reason)),
        )

    async def _pass_on(self, asked: GptQueryReq) -> AsyncGenerator[bytes, None]:
        opened = self._host.metrics.links.labels("gateway")
        opened.inc()
        try:
            async with aclosing(self._lines(asked)) as coming:
                async for line in coming:
                    self._host.metrics.events.labels("gateway").inc()
                    yield line
        finally:
            opened.dec()

    async def _lines(self, asked: GptQueryReq) -> AsyncGenerator[bytes, None]:
        """Packets until the finished one, each as a frame; whatever the other server sends, there is one."""
        packets = WebPackets(asked.trace_id, asked.agent_type)
        try:
            async with aclosing(self._frames(asked)) as frames:
                async for frame in frames:
                    for line in _lines_of(frame, packets):
                        yield line
                    if packets.finished:
                        return
                    if frame.data == "[DONE]":
                        break
            failed = "The agent's server ended the stream before its result."
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            failed = f"The agent's server {self._url} cannot be reached: {str(error) or type(error).__name__}."
        except TimeoutError:
            failed = "The agent's server fell silent, without even a heartbeat."
        except WireError as error:
            failed = f"The agent's server sent something else: {error}"
        yield _last_words(asked, failed)

    async def _frames(self, asked: GptQueryReq) -> AsyncGenerator[Frame, None]:
        silence_s = self._host.settings.server.agent_heartbeat_s * SILENT_HEARTBEATS
        async with AsyncExitStack() as stack:
            connecting = aconnect_sse(self._http, "POST", self._url, json=_request(asked))
            async with asyncio.timeout(max(CONNECT_S, silence_s)):
                answer = (await stack.enter_async_context(connecting)).response
            if answer.status_code != 200:
                raise WireError(f"it answered {answer.status_code}: {await _first_words(answer)}")
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


async def _first_words(answer: httpx.Response) -> str:
    """How an answer begins; no more of it is read."""
    told = b""
    with suppress(TimeoutError):
        async with asyncio.timeout(FIRST_WORDS_S):
            told = await anext(answer.aiter_raw(), b"")
    return told[:FIRST_WORDS_BYTES].decode(errors="replace")


def _last_words(asked: GptQueryReq, why: str) -> bytes:
    """The finished packet with this reason; made anew, as what was taken so far may be what cannot be sent."""
    packets = WebPackets(asked.trace_id, asked.agent_type).failure(readable(why))
    return b"".join(map(_framed, packets))


def _lines_of(frame: Frame, packets: WebPackets) -> list[bytes]:
    try:
        return [_framed(packet) for packet in _packets_of(frame, packets)]
    except UNUSABLE as error:
        raise WireError(f"{frame.data[:60]!r} cannot be used ({type(error).__name__}).") from error


def _framed(packet: JsonObject) -> bytes:
    return b"data:" + one_line(packet) + b"\n\n"


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
    """What JDGenie's gateway asks."""
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
