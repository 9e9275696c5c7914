"""One server a process: `python -m benchmarks.peers.servers MAKE READERS BURSTS BURST PAUSE_S`.

It prints its port, waits until so many readers have opened `/stream`, writes the events, and prints the CPU seconds that it
took from the first event to the last reader's end.
"""

import asyncio
import json
import resource
import socket
import sys
from collections.abc import AsyncIterator, Callable
from typing import Any

import uvicorn
from fastapi.sse import EventSourceResponse as FastApiSse
from fastapi.sse import ServerSentEvent
from sse_starlette import EventSourceResponse

from genie_nb.backend.channel import EventChannel
from genie_nb.backend.server.metrics import Metrics
from genie_nb.backend.server.serving import UNSENT_BYTES
from genie_nb.backend.server.stream import EventStream, HandOver, LinkLimits, Links, StreamAnswer
from genie_nb.backend.server.wheel import HeartbeatWheel
from genie_nb.backend.wire.native import NativeCoat
from genie_nb.events import RunFinished, TextDelta, TextStarted, encode_event

__all__ = ("MAKES",)

EVENT_BYTES = 369
HEADERS = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-store")]


class Feed:
    """What is written, for whichever make: each event as an object, or as text in a queue for each reader."""

    def __init__(self) -> None:
        self.channel = EventChannel("f" * 32)
        self.queues: list[asyncio.Queue[tuple[int, str] | None]] = []
        self.opened = 0
        self.on_open: Callable[[], None] = lambda: None
        head = TextStarted(message_id="m1", channel="answer", assignee="writer")
        logged = self.channel.append(head)
        size = len(encode_event(self.channel.append(TextDelta(message_id="m1", text="")))) - len(str(logged.at)) + 18
        self.text = "x" * (EVENT_BYTES - size)

    def open(self) -> "asyncio.Queue[tuple[int, str] | None]":
        """A queue for one more reader."""
        self.queues.append(asyncio.Queue())
        self.came()
        return self.queues[-1]

    def came(self) -> None:
        """Count a reader."""
        self.opened += 1
        self.on_open()

    def write(self) -> None:
        """One event for every reader."""
        event = self.channel.append(TextDelta(message_id="m1", text=self.text))
        if self.queues:
            payload = encode_event(event).decode()
            for queue in self.queues:
                queue.put_nowait((event.seq, payload))

    def end(self) -> None:
        """The end for every reader."""
        self.channel.append(RunFinished(output=""))
        for queue in self.queues:
            queue.put_nowait(None)


def ours(feed: Feed) -> Any:
    """Our stream: log, cursors, heartbeat wheel, metrics, ids."""
    links = Links(HeartbeatWheel(), Metrics())

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/stream":
            stream = EventStream(feed.channel.cursor(2), NativeCoat(feed.channel), links, limits=LinkLimits())
            feed.came()
            await StreamAnswer(stream)(scope, receive, send)

    return HandOver(app)


def raw(feed: Feed) -> Any:
    """ASGI by hand: a queue a reader, one write an event; no heartbeat, no metrics, no notice of who left."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        queue = feed.open()
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        while (item := await queue.get()) is not None:
            body = f"id: {item[0]}\nevent: text_delta\ndata: {item[1]}\n\n".encode()
            await send({"type": "http.response.body", "body": body, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    return app


def sse_starlette(feed: Feed) -> Any:
    """sse-starlette's response over a queue a reader."""

    async def events(queue: Any) -> AsyncIterator[dict[str, str]]:
        while (item := await queue.get()) is not None:
            yield {"id": str(item[0]), "event": "text_delta", "data": item[1]}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await EventSourceResponse(events(feed.open()))(scope, receive, send)

    return app


def fastapi_sse(feed: Feed) -> Any:
    """FastAPI's own event streams over a queue a reader."""
    from fastapi import FastAPI

    app = FastAPI()

    @app.get("/stream", response_class=FastApiSse)
    async def stream() -> AsyncIterator[ServerSentEvent]:
        queue = feed.open()
        while (item := await queue.get()) is not None:
            yield ServerSentEvent(raw_data=item[1], event="text_delta", id=str(item[0]))

    return app


MAKES: dict[str, Callable[[Feed], Any]] = {"ours": ours, "raw": raw, "sse_starlette": sse_starlette, "fastapi": fastapi_sse}


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def _main(make: str, readers: int, bursts: int, burst: int, pause_s: float) -> None:
    feed, ready = Feed(), asyncio.Event()
    feed.on_open = lambda: ready.set() if feed.opened >= readers else None
    listening = socket.create_server(("127.0.0.1", 0), backlog=2048)
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)
    config = uvicorn.Config(
        MAKES[make](feed), http="httptools", ws="none", lifespan="off", log_config=None, access_log=False
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve([listening]))
    print(listening.getsockname()[1], flush=True)
    await ready.wait()
    await asyncio.sleep(0.2)
    before = _cpu_s()
    for _ in range(bursts):
        for _ in range(burst):
            feed.write()
        await asyncio.sleep(pause_s)
    feed.end()
    while any(cycle.response_complete is False for cycle in _cycles(server)):  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    print(json.dumps({"cpu_s": _cpu_s() - before}), flush=True)
    server.should_exit = True
    await serving


def _cycles(server: uvicorn.Server) -> list[Any]:
    cycles = (getattr(connection, "cycle", None) for connection in tuple(server.server_state.connections))
    return [cycle for cycle in cycles if cycle is not None]


if __name__ == "__main__":
    made, reader_count, burst_count, burst_size, pause = sys.argv[1:]
    asyncio.run(_main(made, int(reader_count), int(burst_count), int(burst_size), float(pause)))
