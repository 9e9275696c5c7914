"""Which addresses the server may be sent to."""

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import httpcore
import httpcore2
import httpx
import httpx2
import pytest

from genie_nb.backend.fetching import AddressCheck, Resolve, check_address, guarded_transport, guarded_transport2
from genie_nb.backend.mcp.peers import McpServer
from genie_nb.backend.mcp.sessions import McpSessions
from genie_nb.backend.server.file_fetching import fetch_file
from genie_nb.backend.server.file_shelf import FileShelf
from genie_nb.backend.settings import ServerSettings
from genie_nb.errors import LinkError, RequestError


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


@pytest.mark.parametrize("address", ["64:ff9b::5db8:d70e", "64:ff9b::93.184.215.14", "::ffff:93.184.215.14"])
def test_a_public_address_that_an_ipv6_one_stands_for_passes(address: str) -> None:
    """A network without IPv4 reaches its addresses through NAT64."""
    check("http://mcp.example.org/", address)


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
        "192.0.0.1",
        "192.0.0.170",
        "192.0.2.1",
        "192.88.99.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "::ffff:192.0.0.1",
        "::7f00:1",
        "64:ff9b:1::1",
        "64:ff9b::c058:6301",
        "100::1",
        "2001::1",
        "2001:2::1",
        "2001:20::1",
        "2001:db8::1",
        "2002:5db8:d70e::",
        "3fff::1",
        "5f00::1",
        "fec0::1",
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


def test_a_host_is_allowed_by_its_name_however_that_is_written() -> None:
    check("http://b\u00fccher.example/", "10.0.0.1", fetch_hosts=("xn--bcher-kva.example",))
    check("http://xn--bcher-kva.example/", "10.0.0.1", fetch_hosts=("B\u00fccher.example.",))
    with pytest.raises(RequestError, match="private address"):
        check("http://bucher.example/", "10.0.0.1", fetch_hosts=("xn--bcher-kva.example",))


Library = tuple[Any, Any, Callable[..., Any]]
LIBRARIES = {"httpx": (httpx, httpcore, guarded_transport), "httpx2": (httpx2, httpcore2, guarded_transport2)}
either_library = pytest.mark.parametrize("library", LIBRARIES.values(), ids=LIBRARIES)


class Wire:
    """A network in which every address answers; it writes down what is asked of it."""

    def __init__(self, core: Any, *answers: bytes, unreachable: tuple[str, ...] = ()) -> None:
        self.core, self.answers, self.unreachable = core, list(answers), unreachable
        self.connected: list[tuple[str, int]] = []
        self.tls: list[str] = []
        self.written = b""

    async def connect_tcp(self, host: str, port: int, **_: Any) -> Any:
        self.connected.append((host, port))
        if host in self.unreachable:
            raise self.core.ConnectError("unreachable")
        wire = self

        class Stream(self.core.AsyncMockStream):
            async def write(self, buffer: bytes, *_: Any, **__: Any) -> None:
                wire.written += buffer

            async def start_tls(self, ssl_context: Any, server_hostname: str | None = None, **_: Any) -> Any:
                assert ssl_context.check_hostname
                wire.tls.append(server_hostname or "")
                return self

        return Stream([self.answers.pop(0)])


def answer(status: str, *headers: str) -> bytes:
    return "\r\n".join((f"HTTP/1.1 {status}", *headers, "content-length: 0", "connection: close", "", "")).encode()


async def get(library: Library, wire: Wire, url: str, resolve: Resolve, **settings: Any) -> int:
    http, _, guarded = library
    transport = guarded(ServerSettings.model_validate(settings), resolve=resolve, backend=wire)
    async with http.AsyncClient(transport=transport, follow_redirects=True) as client:
        return int((await client.get(url)).status_code)


@either_library
def test_a_guarded_transport_connects_to_the_very_address_that_was_looked_at(library: Library) -> None:
    """The name service would say something else when asked once more."""
    told = iter((["93.184.215.14", "93.184.215.15"], ["127.0.0.1"]))
    wire = Wire(library[1], answer("200 OK"), unreachable=("93.184.215.14",))

    async def resolve(host: str, port: int) -> list[str]:
        return next(told)

    assert asyncio.run(get(library, wire, "https://mcp.example.org:8443/a", resolve)) == 200
    assert wire.connected == [("93.184.215.14", 8443), ("93.184.215.15", 8443)]
    assert wire.tls == ["mcp.example.org"]
    assert b"\r\nhost: mcp.example.org:8443\r\n" in wire.written.lower()


@either_library
def test_a_guarded_transport_connects_to_nothing_if_one_address_is_private(library: Library) -> None:
    wire = Wire(library[1])
    with pytest.raises(RequestError, match=r"'mcp\.example\.org' is at a private address"):
        asyncio.run(get(library, wire, "http://mcp.example.org/", names("93.184.215.14", "10.0.0.1")))
    with pytest.raises(RequestError, match=r"'::1' is at a private address"):
        asyncio.run(get(library, wire, "http://[::1]/", names("::1")))
    assert wire.connected == []


@either_library
def test_a_redirect_is_checked_like_the_first_address(library: Library) -> None:
    wire = Wire(library[1], answer("302 Found", "location: http://127.0.0.1:1/secret"))

    async def resolve(host: str, port: int) -> list[str]:
        return ["93.184.215.14"] if host == "first.example" else [host]

    with pytest.raises(RequestError, match=r"'127\.0\.0\.1' is at a private address"):
        asyncio.run(get(library, wire, "http://first.example/", resolve))
    assert wire.connected == [("93.184.215.14", 80)]


@either_library
@pytest.mark.parametrize("settings", [{"private_addresses": True}, {"fetch_hosts": ("Far.example.",)}], ids=["all", "host"])
def test_what_the_settings_allow_is_connected_to_by_its_name(library: Library, settings: dict[str, Any]) -> None:
    wire = Wire(library[1], answer("200 OK"))
    assert asyncio.run(get(library, wire, "http://far.example/", names(), **settings)) == 200
    assert wire.connected == [("far.example", 80)]


@either_library
def test_no_proxy_of_the_machine_is_asked(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    wire = Wire(library[1], answer("200 OK"))
    assert asyncio.run(get(library, wire, "http://far.example/", names("93.184.215.14"))) == 200
    assert wire.connected == [("93.184.215.14", 80)]


class Rebound(asyncio.SelectorEventLoop):
    """A machine on which the name service first says a public address and ever after one of the machine itself."""

    said = 0
    connected: tuple[str, ...] = ()

    async def getaddrinfo(self, host: Any, port: Any, **_: Any) -> Any:
        address = str(host)
        if address == "rebound.example":
            self.said += 1
            address = "93.184.215.14" if self.said == 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    async def create_connection(self, factory: Any, host: Any = None, port: Any = None, **options: Any) -> Any:
        self.connected += (host,)
        if host != "127.0.0.1":
            raise OSError("no route")
        return await super().create_connection(factory, host, port, **options)


@pytest.mark.parametrize("who", ["files", "mcp"])
def test_a_name_that_is_pointed_here_after_the_check_leads_nowhere(who: str, tmp_path: Path) -> None:
    async def main() -> tuple[str, ...]:
        asked = []

        async def secret(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            asked.append(await reader.readline())
            writer.close()

        async with await asyncio.start_server(secret, "127.0.0.1", 0) as server:
            url = f"http://rebound.example:{server.sockets[0].getsockname()[1]}/secret"
            await (fetch(url) if who == "files" else ping(url))
        assert asked == []
        return cast(Rebound, asyncio.get_running_loop()).connected

    async def fetch(url: str) -> None:
        with pytest.raises(RequestError, match="cannot be had"):
            await fetch_file(url, FileShelf(tmp_path, ServerSettings()), ServerSettings())

    async def ping(url: str) -> None:
        sessions = McpSessions(check=AddressCheck(ServerSettings()))
        with pytest.raises(LinkError, match="could not be reached"):
            await sessions.ping(McpServer(url))
        await sessions.close()

    with asyncio.Runner(loop_factory=Rebound) as runner:
        assert set(runner.run(main())) == {"93.184.215.14"}
