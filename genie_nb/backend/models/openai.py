"""A model behind a URL that speaks OpenAI's chat.completions: OpenAI itself, Ollama, vLLM, llama.cpp, LM Studio, gateways.

The only importer of `openai`. The SDK opens the connection and sends the request; the answer's bytes are read here, because
its own reader misreads what many servers send, and retries are ours, so that the person sees them. Under the SDK lies httpx,
since its version 3 httpx2: what a broken body raises belongs to the library that the response comes from.

Above: `session`, the agents. Below: `chat_request`, `chat_stream`, `patience`, `model_errors`.
"""

import asyncio
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, aclosing, suppress
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from genie_nb.backend.models.base import ChatMessage, Chunk, Finish, ToolSpec, Waiting
from genie_nb.backend.models.chat_request import OPTIONS, chat_request
from genie_nb.backend.models.chat_stream import ChatStream
from genie_nb.backend.models.model_errors import Endpoint, Failure, explain, failure_of, road_failure
from genie_nb.backend.models.patience import Patience, why_again
from genie_nb.errors import ModelError, SettingsError
from genie_nb.url_secrets import split_credentials

if TYPE_CHECKING:
    from openai import APIStatusError, AsyncAPIResponse, AsyncOpenAI

__all__ = ("OpenAIModel",)

_OPENAI_URL = "https://api.openai.com/v1"
_DRAIN_S = 0.5


@dataclass
class _Try:
    """What one try has come to."""

    begun: bool = False
    retry_after_s: float | None = None


class OpenAIModel:
    """A model behind a URL.

    Args:
        name: The model's name there.
        base_url: Where its API begins, often ending in `/v1`; OpenAI's own if not given.
        api_key: Its key; local servers need none.
        context_tokens: How many tokens of conversation it takes.
        patience: How long it is waited for.

    Raises:
        SettingsError: The URL or the key cannot be used.
    """

    def __init__(
        self,
        name: str,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        context_tokens: int = 128_000,
        patience: Patience | None = None,
    ) -> None:
        self._name = name
        self._base_url, self._credentials = split_credentials(_checked_url(base_url or _OPENAI_URL))
        self._api_key = _checked_key(api_key or "")
        self._context_tokens = context_tokens
        self._patience = patience or Patience()
        self._endpoint = Endpoint(name, f"{self._base_url}/chat/completions", self._api_key)
        self._refused: set[str] = set()
        self._opening = asyncio.Lock()
        self._client: AsyncOpenAI | None = None

    def __repr__(self) -> str:
        return f"OpenAIModel({self._name!r}, {self.badge!r})"

    @property
    def name(self) -> str:
        """The model's name at its server."""
        return self._name

    @property
    def badge(self) -> str:
        """`local: HOST` for this machine, else `live: HOST`."""
        host = urlsplit(self._base_url).hostname or ""
        return f"{'local' if _is_loopback(host) else 'live'}: {host}"

    @property
    def context_tokens(self) -> int:
        """How many tokens of conversation the model takes."""
        return self._context_tokens

    async def stream(self, messages: Sequence[ChatMessage], tools: Sequence[ToolSpec]) -> AsyncGenerator[Chunk, None]:
        """Answer the conversation; leaving early ends the request at the server too.

        Yields:
            Chunks as they come, `Waiting` before every new try, `Finish` at the end. Nothing is tried again once a chunk of
            the reply was given out.

        Raises:
            ModelError: No complete reply; `partial` is what had come.
        """
        attempt = 1
        while True:
            this_try = _Try()
            request = chat_request(self._name, messages, tools, without=self._refused)
            try:
                async with aclosing(self._ask(request, this_try)) as chunks:
                    async for chunk in chunks:
                        this_try.begun = True
                        yield chunk
                return
            except ModelError as error:
                if not this_try.begun and self._learns_from(error):
                    continue
                wait_s = self._patience.wait_s(error, attempt=attempt, retry_after_s=this_try.retry_after_s)
                if this_try.begun or wait_s is None:
                    raise
                reason = why_again(error, self._endpoint.host)
            attempt += 1
            yield Waiting(reason, wait_s, attempt)
            await self._patience.sleep(wait_s)

    async def close(self) -> None:
        """Give back the connections; safe to call twice."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    def _learns_from(self, error: ModelError) -> bool:
        """Whether the server refused an option that had been sent, which is left out from now on."""
        if error.kind != "invalid_request":
            return False
        named = {option for option in OPTIONS if option in str(error)}
        learnt = not named <= self._refused
        self._refused |= named
        return learnt

    async def _ask(self, request: dict[str, Any], this_try: _Try) -> AsyncGenerator[Chunk, None]:
        client = await self._connected()
        async with AsyncExitStack() as upstream:
            response = await self._open(
                upstream, client.chat.completions.with_streaming_response.create(**request), this_try
            )
            async with aclosing(self._read(response)) as chunks:
                async for chunk in chunks:
                    yield chunk

    async def _open(self, upstream: AsyncExitStack, answer: Any, this_try: _Try) -> "AsyncAPIResponse[Any]":
        import openai

        patience = self._patience
        try:
            async with asyncio.timeout(patience.reply_s):
                response: AsyncAPIResponse[Any] = await upstream.enter_async_context(answer)
                return response
        except TimeoutError:
            failure = Failure("timeout", f"none within {patience.reply_s:g} s")
        except openai.APITimeoutError:
            failure = Failure("unreachable", f"no connection within {patience.connect_s:g} s")
        except openai.APIConnectionError as error:
            failure = road_failure(error)
        except openai.APIStatusError as error:
            this_try.retry_after_s = patience.retry_after_s(error.response.headers)
            failure = _refusal(error)
        raise explain(failure, self._endpoint, wait_s=this_try.retry_after_s)

    async def _read(self, response: "AsyncAPIResponse[Any]") -> AsyncGenerator[Chunk, None]:
        reader = ChatStream(self._endpoint)
        clock = asyncio.get_running_loop().time
        deadline = clock() + self._patience.idle_s
        async with aclosing(_body_of(response.http_response)) as pieces:
            while (piece := await self._next_piece(pieces, deadline, reader)) is not None:
                signs = reader.signs_of_life
                for chunk in reader.feed(piece):
                    yield chunk
                    if isinstance(chunk, Finish):
                        await _drain(pieces)
                        return
                if reader.signs_of_life > signs:
                    deadline = clock() + self._patience.idle_s
            for chunk in reader.end():
                yield chunk

    async def _next_piece(self, pieces: AsyncGenerator[bytes, None], deadline: float, reader: ChatStream) -> bytes | None:
        """The next bytes, or None at the end of the body."""
        try:
            async with asyncio.timeout_at(deadline):
                return await anext(pieces, None)
        except TimeoutError:
            raise reader.fail("stalled", f"nothing for {self._patience.idle_s:g} s") from None

    async def _connected(self) -> "AsyncOpenAI":
        async with self._opening:
            if self._client is None:
                # Importing the SDK takes a second or more, and making TLS contexts reads files: not on the loop.
                self._client = await asyncio.to_thread(self._connect)
            return self._client

    def _connect(self) -> "AsyncOpenAI":
        import openai

        timeout = openai.Timeout(None, connect=self._patience.connect_s)
        client = openai.AsyncOpenAI(
            api_key=self._api_key or "none",
            base_url=self._base_url,
            timeout=timeout,
            max_retries=0,
            default_headers=self._credentials,
        )
        # The resources are imported when first touched, which takes another 30 to 80 ms.
        _ = client.chat.completions.with_streaming_response
        return client


async def _body_of(response: Any) -> AsyncGenerator[bytes, None]:
    """The body of a response of httpx or httpx2, up to its end, whichever way it came."""
    library = sys.modules[type(response).__module__.partition(".")[0]]
    with suppress(library.RequestError):
        async with aclosing(response.aiter_bytes()) as pieces:
            async for piece in pieces:
                yield piece


async def _drain(pieces: AsyncGenerator[bytes, None]) -> None:
    """Read what follows the end of a reply, so that the connection can be used again; not for long."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_DRAIN_S):
            async for _ in pieces:
                continue


def _refusal(error: "APIStatusError") -> Failure:
    try:
        body: object = error.response.json()
    except ValueError:
        body = error.response.text
    status = error.status_code
    return failure_of(body, status=status) or Failure("server", status=status)


def _checked_url(base_url: str) -> str:
    try:
        parts = urlsplit(base_url)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise SettingsError(f"base_url must be like https://host/v1, and it is {base_url!r}.")
    return base_url.rstrip("/")


def _checked_key(api_key: str) -> str:
    key = api_key.strip()
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise SettingsError("The API key holds a character that no key has, e.g. a space or a quote; copy it again.")
    return key


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
