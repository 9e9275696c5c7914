"""The guard: who may call the server. It stands before every route, as an ASGI middleware.

- The host name must be one of ours: a name that a web page makes point to 127.0.0.1 is not (DNS rebinding).
- A request from a page must come from a page that is allowed; only those get CORS headers.
- The native dialect needs the token, compared in constant time.
- JDGenie's dialects cannot carry one: they answer on loopback without a proxy, or where they are switched on by name.

Above: `app`. Below: `problems`.
"""

import hashlib
import secrets
from collections.abc import Iterable, Mapping
from contextlib import suppress
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders, QueryParams
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from genie_nb.backend.server.problems import problem
from genie_nb.backend.settings import ServerSettings

__all__ = ("LOOPBACK", "Guard", "owner_of", "takes_no_token")

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1", "[::1]"})
OPEN = ("/health", "/web/health")
"""Paths that tell nothing and need no token."""
TOKENLESS = ("/web/", "/AutoAgent", "/data/", "/v1/tool/", "/v1/file_tool/", "/v1/serv/")
"""JDGenie's paths."""


def takes_no_token(server: ServerSettings, address: str) -> bool:
    """Whether JDGenie's paths are served, without a token.

    Where `hosts` names others than this machine a proxy stands before it, and all who are behind that come from loopback.
    """
    return server.jdgenie == "on" or (server.jdgenie == "loopback" and address in LOOPBACK and not server.hosts)


def owner_of(token: str) -> str:
    """What a run remembers of whose it is."""
    return hashlib.sha256(token.encode()).hexdigest()[:16] if token else ""


class Guard:
    """Refuses what should not come in."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        token: str,
        hosts: Iterable[str],
        origins: Iterable[str],
        jdgenie: bool,
        max_body: int,
        larger: Mapping[str, int],
    ) -> None:
        """Guard an application.

        Args:
            app: What is guarded.
            token: What the native dialect needs.
            hosts: Host names that the server answers to; `*` for any.
            origins: Pages that may call it from a browser.
            jdgenie: Whether JDGenie's dialects are served.
            max_body: Bytes that a request's body may have.
            larger: The same for paths that take more.
        """
        self._app, self._token = app, token
        self._max_body, self._larger = max_body, dict(larger)
        self._hosts, self._origins, self._jdgenie = frozenset(hosts), frozenset(origins), jdgenie

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        origin = headers.get("origin", "")
        refusal = self._refusal(scope, headers, origin)
        if refusal is not None:
            await refusal(scope, receive, send)
        elif origin and scope["method"] == "OPTIONS":
            await Response(status_code=204, headers=_cors(origin, headers))(scope, receive, send)
        else:
            sent = _with_cors(send, origin) if origin in self._origins else send
            await self._let_through(scope, receive, sent)

    async def _let_through(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, as long as its body is not too large: whoever reads it, the answer then comes from here."""
        limit = self._limit(scope)
        body, begun = _Body(receive, limit), False

        async def sent(message: Message) -> None:
            nonlocal begun
            if begun or not body.too_large:
                begun = True
                await send(message)

        with suppress(ClientDisconnect):  # nobody is left to be told, or the body was cut off here
            await self._app(scope, body.receive, sent)
        if body.too_large and not begun:
            await _too_large(limit)(scope, receive, send)

    def _limit(self, scope: Scope) -> int:
        return self._larger.get(scope["path"], self._max_body)

    def _refusal(self, scope: Scope, headers: Headers, origin: str) -> Response | None:
        host = _hostname(headers.get("host", ""))
        if "*" not in self._hosts and host not in self._hosts:
            return problem(421, "unknown_host", f"This server does not answer to the name {host[:100]!r}.")
        if origin and origin not in self._origins and origin.partition("://")[2] != headers.get("host"):
            return problem(403, "unknown_origin", f"Pages from {origin[:100]} may not call this server.")
        length = headers.get("content-length", "0")
        limit = self._limit(scope)
        if not (length.isascii() and length.isdigit()) or len(length) > 18 or int(length) > limit:
            return _too_large(limit)
        if scope["path"] in OPEN or scope["method"] == "OPTIONS":
            return None
        if scope["path"].startswith(TOKENLESS):
            if not self._jdgenie:
                return problem(404, "switched_off", "JDGenie's dialects carry no token, so they are off here.")
            return None
        given = _token_in(scope, headers)
        # An empty token is nobody's, also where settings that nobody checked hold one.
        if not given.strip() or not secrets.compare_digest(given.encode(), self._token.encode()):
            return problem(401, "unauthorized", "Give the server's token: as 'Authorization: Bearer ...', or as ?token=...")
        scope["owner"] = owner_of(given)
        return None


def _token_in(scope: Scope, headers: Headers) -> str:
    kind, _, given = headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return given.strip()
    return QueryParams(scope["query_string"]).get("token", "")


def _cors(origin: str, headers: Headers) -> dict[str, str]:
    """What a page needs before it may call: its own origin, never `*`, as it sends credentials."""
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Credentials": "true",
        "Access-Control-Allow-Methods": "GET, POST, DELETE, OPTIONS",
        "Access-Control-Allow-Headers": headers.get("access-control-request-headers", "cache-control, content-type"),
        "Access-Control-Max-Age": "600",
        "Vary": "Origin",
    }


class _Body:
    """A body on its way in, counted; one that grows too large ends here like one whose sender left.

    Attributes:
        too_large: Whether it did.
    """

    def __init__(self, receive: Receive, left: int) -> None:
        self._receive, self._left = receive, left
        self.too_large = False

    async def receive(self) -> Message:
        """Its next piece."""
        if not self.too_large:
            message = await self._receive()
            self._left -= len(message.get("body", b""))
            self.too_large = self._left < 0
        return {"type": "http.disconnect"} if self.too_large else message


def _too_large(limit: int) -> Response:
    return problem(413, "too_large", f"A request's body may have {limit:,} bytes here.")


def _hostname(netloc: str) -> str:
    """The host's name in a `Host` header, in lower case and without its port; none where it is nonsense."""
    try:
        return urlsplit(f"//{netloc}").hostname or ""
    except ValueError:
        return ""


def _with_cors(send: Send, origin: str) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(raw=list(message.get("headers", ())))
            headers["Access-Control-Allow-Origin"] = origin
            headers["Access-Control-Allow-Credentials"] = "true"
            headers.add_vary_header("Origin")
            message = {**message, "headers": headers.raw}
        await send(message)

    return sent
