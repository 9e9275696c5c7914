"""Fetching: which addresses this process may be sent to by the people who ask it, and by what a model reads.

A URL in a request could name the machine's own services or its neighbours' (server-side request forgery). So the name is
resolved and every address that it has must be a public one, unless the settings say otherwise. A redirect is a new address
and is checked anew. Between the check and the connection a name may be pointed elsewhere; `AddressCheck` therefore looks
again before every single request.

Above: `search`, `mcp`, the server. Below: `errors`.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any, Protocol
from urllib.parse import urlsplit

from genie_nb.errors import RequestError

__all__ = ("AddressCheck", "FetchRules", "check_address")

RESOLVE_S = 5.0
"""Seconds that a name server has."""
_NAT64 = ip_network("64:ff9b::/96")

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""The addresses of a host name."""


class FetchRules(Protocol):
    """Settings that say where may be fetched from."""

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
    """`check_address` as a hook: of an httpx or httpx2 client, which calls it before every request, redirects included.

    httpx.AsyncClient(event_hooks={"request": [AddressCheck(settings)]})
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
    host, port = _place(url)
    if settings.private_addresses or host in {name.lower() for name in settings.fetch_hosts}:
        return
    try:
        async with asyncio.timeout(RESOLVE_S):
            addresses = await resolve(host, port)
    except (OSError, UnicodeError) as error:  # a TimeoutError is an OSError; UnicodeError: the name is too long
        raise RequestError(f"The host {host!r} has no known address.") from error
    if not addresses or any(not _is_public(address) for address in addresses):
        raise RequestError(
            f"The host {host!r} is at a private address, and the server fetches from public ones only. "
            "Its setting fetch_hosts can name the host."
        )


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
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def _behind(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address that an IPv6 one leads to: mapped, 6to4, Teredo, NAT64."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else address)
