"""The client: a run on another server as events, over a link that is made again whenever it breaks.

However often the link is cut, and wherever, its reader gets exactly the events of an unbroken run. httpx and httpx-sse open
the stream; the bytes are read by our own decoder, which knows the whole standard.

Above: `remote`. Below: `answers`, `connections`, `link`, `wire.native`, `wire.frames`, `events`.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from copy import copy
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import httpx
from httpx_sse import EventSource, aconnect_sse

from genie_nb.backend.answers import MOST_FILE_BYTES, read_bytes, read_object, refusal, seconds_in, word_in
from genie_nb.backend.connections import Connections
from genie_nb.backend.link import LONGEST_BEAT_S, REFUSED, SHORTEST_BEAT_S, Broken, LinkPatience, LinkPlace
from genie_nb.backend.stream_modes import StreamMode
from genie_nb.backend.wire.frames import Frame, FrameDecoder
from genie_nb.backend.wire.native import FrameId, Received, read_frame
from genie_nb.errors import LinkError, WireError
from genie_nb.events import (
    Event,
    Heartbeat,
    LinkClosed,
    LinkLost,
    LinkOpened,
    LogRestarted,
    NoteAdded,
    RunEvent,
    is_terminal,
)
from genie_nb.url_secrets import split_credentials

__all__ = ("Client", "check_opening")


class Client:
    """One server, asked over HTTP.

    It may be used on any event loop, also on several at once.

    Attributes:
        address: Where it answers, without the token.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str = "",
        patience: LinkPatience | None = None,
        on_bytes: Callable[[bytes], object] | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """A client of the server at this address.

        Args:
            url: As the server printed it; its `token` is taken out.
            token: The token, where the address has none.
            patience: How links are held.
            on_bytes: Is shown every piece of a stream as it arrives.
            transport: What carries the requests instead of the network.

        Raises:
            LinkError: This is no address of a server.
        """
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise LinkError(
                f"{url.split('?')[0][:100]!r} is no address of a server: it should begin with http:// or https://."
            )
        self.address, credentials = split_credentials(f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}")
        given = parse_qs(parts.query).get("token", [""])[0] or token
        self._patience = patience or LinkPatience()
        self._on_bytes = on_bytes
        self._connections = Connections(
            partial(
                httpx.AsyncClient,
                base_url=self.address,
                # What comes is read as it comes, and counted: a few compressed bytes can be very many.
                headers={"Accept-Encoding": "identity"} | ({"Authorization": f"Bearer {given}"} if given else credentials),
                timeout=httpx.Timeout(None, connect=self._patience.connect_s),
                follow_redirects=False,
                transport=transport,
                verify=httpx.create_ssl_context(),  # made here once: it reads files
            )
        )

    def taped(self, on_bytes: Callable[[bytes], object]) -> "Client":
        """The same client with the same connections; what comes through this one is shown piece by piece."""
        taped = copy(self)
        taped._on_bytes = on_bytes
        return taped

    async def ask(self, query: str, *, request_id: str, files: tuple[str, ...] = (), **options: Any) -> str:
        """Begin a run; returns its id. Asking again with the same request id joins it.

        Raises:
            LinkError: The server cannot be reached, or refuses.
        """
        body = {"query": query, "request_id": request_id, "files": list(files)}
        body |= {name: value for name, value in options.items() if value is not None}
        failed = 0
        while True:
            try:
                return word_in(await self._call("POST", "/v1/runs", params={"follow": "false"}, json=body), "run_id")
            except LinkError as error:
                failed += 1
                if error.status in REFUSED or 200 <= error.status < 400 or failed >= self._patience.tries:
                    raise
                await self._patience.sleep(self._wait_s(failed, error.retry_after_s))

    async def look(self, run_id: str) -> dict[str, Any]:
        """How a run stands, as JSON.

        Raises:
            LinkError: The server cannot be reached, or has no such run.
        """
        return await self._call("GET", _path(run_id))

    async def cancel(self, run_id: str, reason: str) -> None:
        """Stop a run; its end comes as an event.

        Raises:
            LinkError: The server cannot be reached, or has no such run.
        """
        await self._call("POST", f"{_path(run_id)}/cancel", params={"reason": reason})

    async def decide(self, run_id: str, call_id: str, **decision: str) -> None:
        """Say whether a call that waits may be made.

        Raises:
            LinkError: The server cannot be reached, or no such call waits there.
        """
        await self._call("POST", f"{_path(run_id)}/approvals/{quote(call_id)}", json=decision)

    async def upload(self, path: Path) -> str:
        """Bring a file; returns its id.

        Raises:
            LinkError: The server cannot be reached, or refuses.
            OSError: The file cannot be read.
        """
        with await asyncio.to_thread(path.open, "rb") as content:
            answer = await self._call("POST", "/v1/uploads", files={"file": (path.name, content)}, within_s=600.0)
        return word_in(answer, "id")

    async def read_file(self, run_id: str, name: str, most_bytes: int | None = None) -> bytes:
        """A file of a run, or no more than the first bytes of it.

        Raises:
            LinkError: The server cannot be reached, or has no such file, or one that is too large to be read whole.
        """
        async with self._answer("GET", _file_path(run_id, name), within_s=60.0) as answer:
            content = await read_bytes(answer, MOST_FILE_BYTES + 1 if most_bytes is None else most_bytes)
        if len(content) > MOST_FILE_BYTES:
            raise LinkError(f"The file {name!r} is larger than {MOST_FILE_BYTES:,} bytes.")
        return content

    async def save_file(self, run_id: str, name: str, target: Path, most_bytes: int) -> None:
        """Write a file of a run to a path, piece by piece.

        Raises:
            LinkError: The server cannot be reached, has no such file, or sends more bytes than that.
            OSError: It cannot be written.
        """
        async with self._answer("GET", _file_path(run_id, name), within_s=600.0) as answer:
            with await asyncio.to_thread(target.open, "wb") as written:
                async for piece in answer.aiter_bytes():
                    most_bytes -= len(piece)
                    if most_bytes < 0:
                        raise LinkError(f"The file {name!r} is too large to be copied.")
                    await asyncio.to_thread(written.write, piece)

    async def _call(self, method: str, path: str, *, within_s: float | None = None, **options: Any) -> dict[str, Any]:
        async with self._answer(method, path, within_s=within_s or self._patience.answer_s, **options) as answer:
            return await read_object(answer)

    @asynccontextmanager
    async def _answer(self, method: str, path: str, *, within_s: float, **options: Any) -> AsyncIterator[httpx.Response]:
        try:
            http = await self._connections.here()
            async with asyncio.timeout(within_s), http.stream(method, path, **options) as answer:
                if not answer.is_success:
                    raise await refusal(answer)
                yield answer
        except httpx.HTTPError as error:
            raise LinkError(f"The server {self.address} cannot be reached: {_reason(error)}.") from error
        except TimeoutError as error:
            raise LinkError(f"The server {self.address} did not answer within {within_s:g} s.") from error

    async def events(self, run_id: str, *, after: str = "", mode: StreamMode | None = None) -> AsyncIterator[Event]:
        """Follow a run.

        Args:
            run_id: Which.
            after: The id of the last event that the reader has.
            mode: How pieces of texts are joined on the way.

        Yields:
            The run's events in order, each once, up to the terminal one; `LogRestarted` where all before it is told anew;
            and what happens to the link.

        Raises:
            LinkError: The server refuses, or the link could not be made again.
        """
        place = LinkPlace(run_id, FrameId.parse(after) if after else None)
        failed = 0
        while True:
            place.move("open" if place.state == "closed" else "retry")
            heard = place.last, place.beats
            try:
                async with aclosing(self._follow_once(place, mode)) as following:
                    async for event in following:
                        yield event
                if place.ended:
                    yield LinkClosed(at=time.time())
                    return
                raise Broken("the server ended the stream before the run's end")
            except Broken as error:
                failed = 1 if heard != (place.last, place.beats) else failed + 1
                if failed >= self._patience.tries:
                    place.move("give_up")
                    yield LinkLost(at=time.time(), reason=str(error), retry_in_s=None)
                    raise LinkError(f"The link to {self.address} is lost: {error}. Tried {failed} times.") from error
                wait_s = self._wait_s(failed, max(place.retry_s, error.retry_after_s))
                yield LinkLost(at=time.time(), reason=str(error), retry_in_s=wait_s)
            await self._patience.sleep(wait_s)

    def _wait_s(self, failed: int, least_s: float) -> float:
        """Full jitter over the server's own wish; no server makes a reader wait for longer than its patience."""
        most = min(self._patience.first_s * 2.0 ** (failed - 1), self._patience.longest_s)
        return min(least_s + float(self._patience.chance()) * most, self._patience.longest_s)

    async def _follow_once(self, place: LinkPlace, mode: StreamMode | None) -> AsyncGenerator[Event, None]:
        """One connection, up to its end."""
        params = {"mode": mode.mode, "tokens": mode.token, "seconds": mode.time} if mode else {}
        headers = {"Last-Event-ID": str(place.last)} if place.last else {}
        path = f"{_path(place.run_id)}/events"
        try:
            async with AsyncExitStack() as stack:
                # httpx itself takes any silence: `_read` knows how much of it the server's heartbeats leave.
                http = await self._connections.here()
                asked = aconnect_sse(http, "GET", path, params=params, headers=headers, timeout=None)
                async with asyncio.timeout(self._patience.connect_s):
                    source = await stack.enter_async_context(asked)
                    place.ended = await self._accepted(source, place)
                if place.ended:
                    return
                yield LinkOpened(
                    at=time.time(),
                    url=f"{self.address}{path}",
                    attempt=place.opened,
                    resumed_after=str(place.last or ""),
                )
                async with aclosing(self._read(source.response, place)) as reading:
                    async for event in reading:
                        yield event
        except (httpx.HTTPError, httpx.StreamError) as error:
            place.broke()
            raise Broken(_reason(error)) from error
        except TimeoutError as error:
            place.broke()
            raise Broken(f"the server did not answer within {self._patience.connect_s:g} s") from error
        except WireError as error:
            place.broke()
            raise Broken(f"the server sent something else ({error})") from error

    async def _accepted(self, source: EventSource, place: LinkPlace) -> bool:
        """Whether there is nothing to come.

        Raises:
            LinkError: The server refuses for good.
            Broken: It refuses for now.
        """
        answer = source.response
        if answer.status_code == 204:
            return True
        if answer.status_code != 200:
            refused = await refusal(answer)
            place.move("refused")
            if answer.status_code in REFUSED:
                raise refused
            raise Broken(str(refused), refused.retry_after_s)
        check_opening(answer.status_code, answer.headers.get("content-type", ""))
        if heartbeat_s := seconds_in(answer.headers.get("x-genie-heartbeat")):
            place.heartbeat_s = min(max(heartbeat_s, SHORTEST_BEAT_S), LONGEST_BEAT_S)
        place.opened += 1
        place.move("accepted")
        return False

    async def _read(self, answer: httpx.Response, place: LinkPlace) -> AsyncGenerator[Event, None]:
        decoder = FrameDecoder(last_event_id=str(place.last or ""))
        pieces = answer.aiter_raw()
        silence_s = place.heartbeat_s * self._patience.silent_heartbeats
        while True:
            try:
                async with asyncio.timeout(silence_s):
                    piece = await anext(pieces, b"")
            except TimeoutError:
                place.move("silence")
                raise Broken(f"nothing came for {silence_s:g} s, not even a heartbeat") from None
            if not piece:
                place.move("break")
                return
            if self._on_bytes is not None:
                self._on_bytes(piece)
            comments = decoder.comments
            for frame in decoder.feed(piece):
                if decoder.retry_ms is not None:
                    place.retry_s = min(decoder.retry_ms / 1000, self._patience.longest_s)
                for event in self._take(_understood(frame), place):
                    yield event
                if place.ended:
                    place.move("done")
                    return
            if decoder.comments > comments:
                place.beats += 1
                yield Heartbeat(at=time.time())

    def _take(self, received: Received, place: LinkPlace) -> list[RunEvent]:
        """The events of a frame that are new to the reader, up to the terminal one.

        Raises:
            Broken: The server closes the connection, with a reason; or this is not what comes next.
        """
        if received.closing:
            place.move("break")
            raise Broken(f"the server closed it ({received.closing.replace('_', ' ')})")
        frame_id, last = received.id, place.last
        if frame_id is None:
            return []
        if wrong := received.misplaced(place.run_id, last):
            place.move("break")
            raise Broken(wrong)
        if last and not received.anew and frame_id.seq <= last.seq:
            return []
        place.last = frame_id
        events: list[RunEvent] = [LogRestarted(run_id=place.run_id)] if received.anew else []
        for event in received.events:
            events.append(event)
            if is_terminal(event):
                place.ended = True
                break
        return events

    async def close(self) -> None:
        """Close every connection."""
        await self._connections.close()


def _understood(frame: Frame) -> Received:
    """What a frame says; an event that this version does not know becomes a note in its place.

    Raises:
        WireError: It is no frame of the native dialect at all.
    """
    try:
        return read_frame(frame)
    except WireError as error:
        frame_id = FrameId.parse(frame.id)
        note = NoteAdded(seq=frame_id.seq, run_id=frame_id.run_id, text=str(error), level="warning")
        return Received(frame_id, (note,), anew=frame.event == "snapshot", joined=frame.event == "joined")


def check_opening(status: int, content_type: str) -> None:
    """Whether an answer opens an event stream.

    Raises:
        WireError: It does not: https://html.spec.whatwg.org/multipage/server-sent-events.html#sse-processing-model
    """
    if status != 200:
        raise WireError(f"the answer has status {status}, not 200")
    if content_type.partition(";")[0].strip().lower() != "text/event-stream":
        raise WireError(f"the answer is of type {content_type[:60] or 'nothing'}, not text/event-stream")


def _path(run_id: str) -> str:
    return f"/v1/runs/{quote(run_id, safe='')}"


def _file_path(run_id: str, name: str) -> str:
    if {".", ".."} & set(name.split("/")):  # every client takes them for steps of a path, quoted or not
        raise LinkError(f"{name!r} is no name of a file.")
    return f"{_path(run_id)}/files/{quote(name)}"


def _reason(error: Exception) -> str:
    return str(error).rstrip(".") or type(error).__name__
