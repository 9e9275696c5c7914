"""The model service: the offline analyst, or another model of ours, behind OpenAI's chat completions.

For lessons and tests a body may say under `genie` at what pace the words come and what goes wrong; see `Disturbance`.

Source of the format: https://platform.openai.com/docs/api-reference/chat

Above: `app`. Below: `host`, `chat_completion`, `models`.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

from fastapi import APIRouter, Request
from pydantic import ValidationError
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from genie_nb.backend.models.analyst import OfflineAnalyst
from genie_nb.backend.models.base import ChatModel, Chunk, ToolCallFragment
from genie_nb.backend.server.chat_completion import Completion, CompletionBody, chat_error
from genie_nb.backend.server.host import Host
from genie_nb.backend.server.leaving import left
from genie_nb.errors import ModelError, RateLimited

__all__ = ("ModelRoutes",)

LOOK_S = 0.25
"""Seconds between two looks at whether the server closes, while a reply is stalled on purpose."""
NAMES = {"offline"}
"""Every model of ours answers to these, beside its own name."""
STATUS = {"rate_limit": 429, "quota": 429, "overloaded": 503, "timeout": 504, "context_length": 400, "invalid_request": 400}


def _analyst() -> ChatModel:
    return OfflineAnalyst(pace_s=0.0)  # the pace is kept here


class ModelRoutes:
    """The routes over one host.

    Attributes:
        open: The replies under way.
    """

    def __init__(self, host: Host, make_model: Callable[[], ChatModel] = _analyst) -> None:
        self._host, self._make_model = host, make_model
        self.open: set[_Reply] = set()
        self.router = APIRouter(prefix="/v1", tags=["model"])
        self.router.add_api_route("/chat/completions", self.complete, methods=["POST"], response_model=None)
        self.router.add_api_route("/models", self.models, methods=["GET"], response_model=None)

    async def models(self) -> Response:
        """Which models there are: one."""
        model = {"id": self._make_model().name, "object": "model", "created": 0, "owned_by": "genie_nb"}
        return JSONResponse({"object": "list", "data": [model]})

    async def complete(self, request: Request) -> Response:
        """The next message of a conversation, streamed or whole."""
        try:
            body = CompletionBody.model_validate_json(await request.body())
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            return chat_error(400, f"{place or 'The body'}: {first['msg']}.", param=place or None)
        model = self._make_model()
        if body.model not in NAMES | {model.name}:
            await model.close()
            words = f"The model {body.model[:100]!r} does not exist here; there is {model.name!r}."
            return chat_error(404, words, param="model", code="model_not_found")
        faults = body.genie
        if faults.status is not None:
            await model.close()
            code = "rate_limit_exceeded" if faults.status == 429 else "server_error"
            return chat_error(faults.status, "This error was asked for.", code=code, retry_after_s=faults.retry_after_s)
        self._host.admission.check_link(len(self.open) + len(self._host.links.open))
        return _Reply(self, model, body)

    @property
    def closing(self) -> bool:
        """Whether the server takes nothing new."""
        return self._host.admission.closed

    def cut(self, scope: Scope) -> None:
        """Cut the connection that carries this request."""
        self._host.links.abort(scope)


class _Reply(Response):
    """One reply of a model; its reader leaving ends the model's work at once."""

    def __init__(self, routes: ModelRoutes, model: ChatModel, body: CompletionBody) -> None:
        super().__init__(None)
        self._routes, self._model, self._body = routes, model, body
        self._completion = Completion(model.name, body.spoken())
        self._stalled = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the reply."""
        self._routes.open.add(self)
        work = asyncio.create_task(self._answer(scope, receive, send), name="model reply")
        gone = asyncio.create_task(left(receive), name="model reader")
        try:
            while not (work.done() or gone.done() or (self._stalled and self._routes.closing)):
                await asyncio.wait({work, gone}, timeout=LOOK_S, return_when=asyncio.FIRST_COMPLETED)
            if self._stalled:
                self._routes.cut(scope)
        finally:
            work.cancel()
            gone.cancel()
            await asyncio.wait({work, gone})
            self._routes.open.discard(self)
        if not work.cancelled():
            work.result()

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with aclosing(self._model.stream(*self._body.spoken())) as chunks:
                if self._body.stream:
                    await self._stream(self._disturbed(chunks), scope, receive, send)
                else:
                    await self._whole(self._disturbed(chunks), scope, receive, send)
        finally:
            await self._model.close()

    async def _whole(self, chunks: AsyncGenerator[Chunk, None], scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with aclosing(chunks):
                async for chunk in chunks:
                    self._completion.take(chunk)
        except ModelError as error:
            await _failure(error)(scope, receive, send)
        except _Cut:
            self._routes.cut(scope)
        else:
            await JSONResponse(self._completion.whole())(scope, receive, send)

    async def _stream(self, chunks: AsyncGenerator[Chunk, None], scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def say(*said: Any) -> None:
            nonlocal started
            if not started:
                started = True
                headers = [
                    (b"content-type", b"text/event-stream; charset=utf-8"),
                    (b"cache-control", b"no-cache, no-transform"),
                ]
                await send({"type": "http.response.start", "status": 200, "headers": headers})
                said = (self._completion.opening(), *said)
            text = "".join(f"data: {one if isinstance(one, str) else json.dumps(one)}\n\n" for one in said)
            await send({"type": "http.response.body", "body": text.encode(), "more_body": True})

        try:
            async with aclosing(chunks):
                async for chunk in chunks:
                    event = self._completion.take(chunk)
                    await say(*(() if event is None else (event,)))
            await say(*self._completion.closing(usage=self._body.wants_usage), "[DONE]")
        except ModelError as error:
            if not started:
                await _failure(error)(scope, receive, send)
                return
            await say({"error": {"message": str(error), "type": "server_error", "code": error.kind}})
        except _Cut:
            self._routes.cut(scope)
            return
        await send({"type": "http.response.body", "body": b""})

    async def _disturbed(self, chunks: AsyncIterator[Chunk]) -> AsyncGenerator[Chunk, None]:
        """The chunks at the pace and with the faults that were asked for."""
        faults, said, broken = self._body.genie, 0, set[int]()
        self._stalled = faults.delay_s > 0
        await asyncio.sleep(faults.delay_s)
        self._stalled = False
        async for chunk in chunks:
            if said == faults.cut_after:
                raise _Cut
            if said == faults.stall_after:
                self._stalled = True
                await asyncio.Event().wait()
            if faults.malformed and isinstance(chunk, ToolCallFragment) and chunk.arguments:
                arguments = "" if chunk.index in broken else '{"cut off'
                broken.add(chunk.index)
                chunk = ToolCallFragment(chunk.index, chunk.call_id, chunk.name, arguments)
            said += 1
            yield chunk
            await asyncio.sleep(1 / faults.tokens_per_s)


class _Cut(Exception):
    """No error: the connection is to be cut here, as was asked for."""


def _failure(error: ModelError) -> Response:
    status = 429 if isinstance(error, RateLimited) else STATUS.get(error.kind, 500)
    return chat_error(status, str(error), code=error.kind)
