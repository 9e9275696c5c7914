"""Fetching: which addresses this process may be sent to by the people who ask it, and by what a model reads.

A URL in a request could name the machine's own services or its neighbours' (server-side request forgery). So the name is
resolved and every address that it has must be a public one, unless the settings say otherwise. A name may be pointed
elsewhere after that (DNS rebinding); so `guarded_transport` looks where it connects, and connects to the very address that
it looked at. A redirect is a new connection, or one to an address that was looked at; no proxy is asked.

Above: `search`, `mcp`, the server. Below: `errors`.
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

import httpcore
import httpx

from genie_nb.errors import RequestError

if TYPE_CHECKING:
    import httpx2

__all__ = ("AddressCheck", "FetchRules", "check_address", "guarded_transport", "guarded_transport2")

RESOLVE_S = 5.0
"""Seconds that a name server has."""
MOST_ADDRESSES = 4
"""So many addresses of one name are tried."""
MOST_CONNECTIONS, MOST_IDLE, IDLE_S = 100, 20, 5.0
"""What httpx itself keeps open."""

_NAT64 = ip_network("64:ff9b::/96")
_UNICAST = ip_network("2000::/3")
"""What of IPv6 is given out: https://www.iana.org/assignments/ipv6-address-space"""
_SPECIAL = tuple(
    map(
        ip_network,
        (
            # https://www.iana.org/assignments/iana-ipv4-special-registry
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
            "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16",
            "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
            # https://www.iana.org/assignments/iana-ipv6-special-registry, as far as it lies in 2000::/3; the tunnels Teredo
            # (in 2001::/23) and 6to4 (2002::/16) lead to IPv4 addresses through somebody else's machine
            "2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20",
        ),
    )
)  # fmt: skip
"""What serves a special purpose, said here in full: what `is_global` knows of it depends on the version of Python."""

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""The addresses of a host name."""


class FetchRules(Protocol):
    """Settings that say where may be fetched from."""

    @property
    def section(self) -> str:
        """The section of the settings that these are."""
        ...

    @property
    def private_addresses(self) -> bool:
        """Whether every address is allowed."""
        ...

    @property
    def fetch_hosts(self) -> tuple[str, ...]:
        """Host names that are always allowed."""
        ...


@dataclass(frozen=True)
class AddressCheck:
    """`check_address` as a hook of an httpx or httpx2 client: an early look before every request, redirects included.

    What it lets pass may have moved when the client connects; only a guarded transport holds.
    """

    settings: FetchRules

    async def __call__(self, request: Any) -> None:
        """Check where the request goes.

        Raises:
            RequestError: It must not go there.
        """
        await check_address(str(request.url), self.settings)


async def _resolve(host: str, port: int) -> list[str]:
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[4][0]) for address in found]


async def check_address(url: str, settings: FetchRules, *, resolve: Resolve = _resolve) -> None:
    """Let a URL pass that the server may fetch.

    Args:
        url: Any text that claims to be one.
        settings: `private_addresses` lets every address pass, `fetch_hosts` every address of these hosts.
        resolve: The name service.

    Raises:
        RequestError: It is no http(s) URL, its host is unknown, or one of the host's addresses is not public.
    """
    await _allowed(*_place(url), settings, resolve)


def guarded_transport(
    rules: FetchRules, *, verify: ssl.SSLContext | None = None, resolve: Resolve = _resolve, backend: Any = None
) -> httpx.AsyncHTTPTransport:
    """A transport for `httpx.AsyncClient(transport=...)` that connects only where the rules allow; reads files: on a thread.

    Its requests raise `RequestError` in place of a connection that is not allowed.

    Args:
        rules: Where may be fetched from.
        verify: Whom TLS trusts; those whom httpx trusts, where it is not given.
        resolve: The name service.
        backend: What makes the connections.
    """
    trusted = verify or httpx.create_ssl_context()
    transport = httpx.AsyncHTTPTransport(verify=trusted, trust_env=False)
    _guard(transport, httpcore, trusted, _Guard(rules, resolve, httpcore, backend))
    return transport


def guarded_transport2(
    rules: FetchRules, *, verify: ssl.SSLContext | None = None, resolve: Resolve = _resolve, backend: Any = None
) -> "httpx2.AsyncHTTPTransport":
    """The same for `httpx2.AsyncClient`, which MCP's library uses; the first import takes a second: on a thread."""
    import httpcore2
    import httpx2

    trusted = verify or httpx2.create_ssl_context()
    transport = httpx2.AsyncHTTPTransport(verify=trusted, trust_env=False)
    _guard(transport, httpcore2, trusted, _Guard(rules, resolve, httpcore2, backend))
    return transport


def _guard(transport: Any, core: Any, trusted: ssl.SSLContext, guard: "_Guard") -> None:
    """Let a transport connect through a guard. A pool takes one, but httpx hands none on to it."""
    if "_pool" not in vars(transport):
        raise RuntimeError(
            f"This version of {type(transport).__module__} keeps its connections where no guard reaches them."
        )
    transport._pool = core.AsyncConnectionPool(
        ssl_context=trusted,
        max_connections=MOST_CONNECTIONS,
        max_keepalive_connections=MOST_IDLE,
        keepalive_expiry=IDLE_S,
        network_backend=guard,
    )


class _Guard:
    """A network backend of httpcore: resolves once, checks, and connects to what it checked.

    The host's name stays the connection's: in the pool, in TLS and in the header `Host`.
    """

    def __init__(self, rules: FetchRules, resolve: Resolve, core: Any, backend: Any) -> None:
        self._rules, self._resolve = rules, resolve
        self._backend = backend or core.AnyIOBackend()
        self._failures = (core.ConnectError, core.ConnectTimeout)

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  # as httpcore calls it
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> Any:
        *first, last = (await _allowed(host, port, self._rules, self._resolve))[:MOST_ADDRESSES]
        options = {"timeout": timeout, "local_address": local_address, "socket_options": socket_options}
        for address in first:
            try:
                return await self._backend.connect_tcp(address, port, **options)
            except self._failures:
                continue
        return await self._backend.connect_tcp(last, port, **options)

    async def connect_unix_socket(self, path: str, **_: Any) -> Any:
        raise RequestError(f"{path!r} is no place to fetch from.")

    async def sleep(self, seconds: float) -> None:
        await self._backend.sleep(seconds)


async def _allowed(host: str, port: int, settings: FetchRules, resolve: Resolve) -> list[str]:
    """Where a host may be connected to: its addresses, or itself if it is allowed by name.

    Raises:
        RequestError: It is unknown, or one of its addresses is not public.
    """
    if settings.private_addresses or _ascii(host) in map(_ascii, settings.fetch_hosts):
        return [host]
    try:
        async with asyncio.timeout(RESOLVE_S):
            addresses = list(dict.fromkeys(await resolve(host, port)))
    except (OSError, UnicodeError) as error:  # a TimeoutError is an OSError; UnicodeError: the name is too long
        raise RequestError(f"The host {host!r} has no known address.") from error
    if not addresses or any(not _is_public(address) for address in addresses):
        variables = f"GENIE_{settings.section.upper()}_"
        raise RequestError(
            f"The host {host!r} is at a private address, and only public ones are fetched from. To allow it, name it in "
            f"{variables}_FETCH_HOSTS, the setting {settings.section}.fetch_hosts; "
            f"{variables}_PRIVATE_ADDRESSES=true allows all."
        )
    return addresses


def _ascii(host: str) -> str:
    """A host's name as it stands in a request, see https://www.rfc-editor.org/rfc/rfc5891 for others than English."""
    host = host.lower().rstrip(".")
    try:
        return host.encode("idna").decode()
    except UnicodeError:
        return host


def _place(url: str) -> tuple[str, int]:
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        parts, host, port = urlsplit(""), "", None
    if parts.scheme not in ("http", "https") or not host:
        raise RequestError(f"{url[:200]!r} is no address that begins with http:// or https://.")
    return host, port or (443 if parts.scheme == "https" else 80)


def _is_public(text: str) -> bool:
    address = _behind(ip_address(text.partition("%")[0]))
    if isinstance(address, IPv6Address) and address not in _UNICAST:
        return False
    return address.is_global and not any(address in network for network in _SPECIAL)


def _behind(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address that an IPv6 one stands for: mapped, or behind NAT64."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address
