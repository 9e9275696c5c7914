"""A bridge from httpx to an ASGI application that streams, and can be cut at any byte; `httpx.ASGITransport` cannot.

It can also be slow, hold little, and lose the server at its other end.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx

__all__ = ("AsgiBridge",)


class AsgiBridge(httpx.AsyncBaseTransport):
    """Carries requests to an application in the same loop.

    Attributes:
        app: What answers; None while nobody does.
        cut_after: Asked at each answer's start: after how many bytes of its body the link breaks; None for never.
        pause: Awaited before each piece is taken over: a reader that stalls.
        room: How many pieces may be on their way before the application has to wait; 0 for any number.
        requests: How many requests were made.
    """

    def __init__(self, app: Any, cut_after: Callable[[], int | None] = lambda: None) -> None:
        self.app, self.cut_after, self.requests = app, cut_after, 0
        self.pause: Callable[[], Awaitable[None]] | None = None
        self.room = 0
        self._serving: dict[int, asyncio.Task[None]] = {}

    def abort(self, scope: Any) -> None:
        """Cut the link of this request, from the server's end."""
        if (task := self._serving.get(id(scope))) is not None:
            task.cancel()

    async def lose_server(self) -> None:
        """Nobody answers any more, and every link breaks."""
        self.app = None
        tasks = set(self._serving.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests += 1
        if self.app is None:
            raise httpx.ConnectError("nobody listens there")
        body = await request.aread()
        sent: asyncio.Queue[dict[str, Any]] = asyncio.Queue(self.room)
        left = asyncio.Event()
        asked = False

        async def receive() -> dict[str, Any]:
            nonlocal asked
            if not asked:
                asked = True
                return {"type": "http.request", "body": body, "more_body": False}
            await left.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            await sent.put(message)

        headers = [(name.lower(), value) for name, value in request.headers.raw]
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": request.method,
            "scheme": "http", "path": request.url.path, "raw_path": request.url.raw_path.split(b"?")[0],
            "query_string": request.url.query, "headers": headers, "server": ("127.0.0.1", 80), "client": ("127.0.0.1", 1),
            "root_path": "",
        }  # fmt: skip
        task = self._serving[id(scope)] = asyncio.create_task(self.app(scope, receive, send))
        task.add_done_callback(lambda _: self._serving.pop(id(scope)))
        start = await self.next(sent, task)
        stream = _Body(sent, task, left, self.cut_after() if "events" in request.url.path else None, self)
        return httpx.Response(start["status"], headers=start.get("headers", []), stream=stream)

    async def next(self, sent: "asyncio.Queue[dict[str, Any]]", task: "asyncio.Task[None]") -> dict[str, Any]:
        getting = asyncio.create_task(sent.get())
        try:
            await asyncio.wait({getting, task}, return_when=asyncio.FIRST_COMPLETED)
            if not getting.done() and not sent.empty():
                await getting
            if getting.done():
                return getting.result()
        finally:
            getting.cancel()
        if task.cancelled():
            raise httpx.ReadError("the server is gone")
        task.result()
        return {"type": "http.response.body", "body": b""}


class _Body(httpx.AsyncByteStream):
    def __init__(self, sent: Any, task: Any, left: asyncio.Event, cut_after: int | None, bridge: Any) -> None:
        self._sent, self._task, self._left, self._cut, self._bridge = sent, task, left, cut_after, bridge

    async def __aiter__(self) -> AsyncIterator[bytes]:
        passed = 0
        while True:
            if self._bridge.pause is not None:
                await self._bridge.pause()
            message = await self._bridge.next(self._sent, self._task)
            piece = message.get("body", b"")
            if self._cut is not None and passed + len(piece) >= self._cut:
                yield piece[: self._cut - passed]
                raise httpx.ReadError("the link was cut")
            passed += len(piece)
            if piece:
                yield piece
            if not message.get("more_body"):
                return

    async def aclose(self) -> None:
        self._left.set()
        while not self._task.done():
            while not self._sent.empty():  # what is still sent goes nowhere
                self._sent.get_nowait()
            await asyncio.wait({self._task}, timeout=0.001 if self._bridge.room else None)
