"""A bridge from httpx to an ASGI application that streams, and can be cut at any byte; `httpx.ASGITransport` cannot."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx

__all__ = ("AsgiBridge",)


class AsgiBridge(httpx.AsyncBaseTransport):
    """Carries requests to an application in the same loop.

    Attributes:
        cut_after: Asked at each answer's start: after how many bytes of its body the link breaks; None for never.
        requests: How many requests were made.
    """

    def __init__(self, app: Any, cut_after: Callable[[], int | None] = lambda: None) -> None:
        self.app, self.cut_after, self.requests = app, cut_after, 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests += 1
        body = await request.aread()
        sent: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
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
            sent.put_nowait(message)

        headers = [(name.lower(), value) for name, value in request.headers.raw]
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": request.method,
            "scheme": "http", "path": request.url.path, "raw_path": request.url.raw_path.split(b"?")[0],
            "query_string": request.url.query, "headers": headers, "server": ("127.0.0.1", 80), "client": ("127.0.0.1", 1),
            "root_path": "",
        }  # fmt: skip
        task = asyncio.create_task(self.app(scope, receive, send))
        start = await self._next(sent, task)
        stream = _Body(sent, task, left, self.cut_after() if "events" in request.url.path else None, self._next)
        return httpx.Response(start["status"], headers=start.get("headers", []), stream=stream)

    async def _next(self, sent: "asyncio.Queue[dict[str, Any]]", task: "asyncio.Task[None]") -> dict[str, Any]:
        getting = asyncio.create_task(sent.get())
        await asyncio.wait({getting, task}, return_when=asyncio.FIRST_COMPLETED)
        if not getting.done() and not sent.empty():
            await getting
        if getting.done():
            return getting.result()
        getting.cancel()
        task.result()
        return {"type": "http.response.body", "body": b""}


class _Body(httpx.AsyncByteStream):
    def __init__(self, sent: Any, task: Any, left: asyncio.Event, cut_after: int | None, read: Any) -> None:
        self._sent, self._task, self._left, self._cut, self._read = sent, task, left, cut_after, read

    async def __aiter__(self) -> AsyncIterator[bytes]:
        passed = 0
        while True:
            message = await self._read(self._sent, self._task)
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
        await asyncio.wait({self._task})
