"""Which addresses the server may be sent to."""

import asyncio
import socket

import httpx
import pytest

from genie_nb.backend.fetching import AddressCheck, Resolve, check_address
from genie_nb.backend.settings import ServerSettings
from genie_nb.errors import RequestError


def names(*addresses: str) -> Resolve:
    async def resolve(host: str, port: int) -> list[str]:
        return list(addresses)

    return resolve


def check(url: str, *addresses: str, **settings: object) -> None:
    asyncio.run(check_address(url, ServerSettings.model_validate(settings), resolve=names(*addresses)))


@pytest.mark.parametrize(
    "url", ["http://mcp.example.org/sse", "https://mcp.example.org:8443", "HTTPS://mcp.example.org/a b"]
)
def test_a_public_address_passes(url: str) -> None:
    check(url, "93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c")


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.9.9.9",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1%eth0",
        "fd00::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
    ],
)
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    with pytest.raises(RequestError, match=r"'mcp\.example\.org' is at a private address"):
        check("http://mcp.example.org/", address)
    with pytest.raises(RequestError, match="private address"):
        check("http://mcp.example.org/", "93.184.215.14", address)
    check("http://mcp.example.org/", address, private_addresses=True)
    check("http://MCP.example.org./", address, fetch_hosts=("Mcp.Example.org",))


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1/", "http://2130706433/", "http://0x7f.1/", "http://127.1/", "http://[::1]/", "http://localhost/"],
)
def test_this_machine_is_found_under_every_name_it_has(url: str) -> None:
    with pytest.raises(RequestError, match="private address"):
        asyncio.run(check_address(url, ServerSettings()))


@pytest.mark.parametrize(
    "url", ["", "mcp.example.org", "file:///etc/passwd", "ftp://mcp.example.org", "http://", "http://[::1", "http://a:b/"]
)
def test_only_http_addresses_pass(url: str) -> None:
    with pytest.raises(RequestError, match="no address that begins with http"):
        check(url, "93.184.215.14")


def test_an_unknown_host_is_told() -> None:
    async def resolve(host: str, port: int) -> list[str]:
        raise socket.gaierror("unknown")

    with pytest.raises(RequestError, match=r"'nowhere\.example' has no known address"):
        asyncio.run(check_address("http://nowhere.example", ServerSettings(), resolve=resolve))


def test_a_redirect_is_checked_like_the_first_address() -> None:
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(302, headers={"location": "http://127.0.0.1:1/secret"})

    async def fetch() -> None:
        check = AddressCheck(ServerSettings(fetch_hosts=("first.example",)))
        transport = httpx.MockTransport(answer)
        async with httpx.AsyncClient(transport=transport, follow_redirects=True, event_hooks={"request": [check]}) as client:
            await client.get("http://first.example/")

    with pytest.raises(RequestError, match=r"'127\.0\.0\.1' is at a private address"):
        asyncio.run(fetch())
    assert asked == ["http://first.example/"]
