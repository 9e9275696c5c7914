"""The MCP service over real HTTP, against real MCP servers."""

import asyncio
import json
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from genie_nb.backend.mcp.sessions import McpPatience, McpServer, McpSessions
from genie_nb.backend.server.mcp_routes import mcp_health
from genie_nb.backend.server.serving import Server
from genie_nb.errors import AdmissionRefused, LinkError
from tests.backend.server.mcp_servers import McpProcess, mcp_process

Serve = Callable[..., Server]
TRANSPORTS = ("sse", "http")
QUICK = McpPatience(connect_s=5.0, read_s=0.5)


@pytest.fixture(scope="module", params=TRANSPORTS)
def far(request: pytest.FixtureRequest) -> Iterator[McpProcess]:
    with mcp_process(request.param) as process:
        yield process


@pytest.fixture
def server(serve: Serve) -> Server:
    return serve(None, services=("mcp",), fetch_hosts=("127.0.0.1",))


def post(server: Server, path: str, body: Any, **headers: str) -> httpx.Response:
    return httpx.post(f"{server.address}/v1/{path}", json=body, headers=headers, timeout=300)


def called(server: Server, url: str, name: str, arguments: dict[str, Any] | None = None, **headers: str) -> Any:
    answer = post(server, "tool/call", {"server_url": url, "name": name, "arguments": arguments or {}}, **headers)
    assert answer.status_code == 200
    return answer.json()


def test_a_server_is_there_lists_its_tools_and_calls_them(server: Server, far: McpProcess) -> None:
    assert post(server, "serv/pong", {"server_url": far.url}).json() == {"code": 200, "message": "success", "data": {}}
    listed = post(server, "tool/list", {"server_url": far.url}).json()
    assert (listed["code"], listed["message"]) == (200, "success")
    add = listed["data"][0]
    assert set(add) == {"name", "description", "inputSchema", "annotations"}
    assert (add["name"], add["description"], add["inputSchema"]["required"]) == ("add", "Add two numbers.", ["a", "b"])
    result = called(server, far.url, "add", {"a": 40, "b": 2})
    assert (result["code"], result["message"]) == (200, "success")
    assert set(result["data"]) == {"_meta", "content", "isError"}
    assert result["data"]["content"] == [{"type": "text", "text": "42", "annotations": None}]
    assert result["data"]["isError"] is False


def test_a_tool_that_raises_is_a_success_that_says_so(server: Server, far: McpProcess) -> None:
    result = called(server, far.url, "boom")
    assert (result["code"], result["data"]["isError"]) == (200, True)
    assert "boom" in result["data"]["content"][0]["text"]


def test_headers_and_cookies_are_forwarded_as_asked(server: Server, far: McpProcess) -> None:
    given = {"Cookie": "a=1", "X-Server-Keys": "X-Tenant, host", "X-Tenant": "blue", "X-Secret": "no"}
    body = {"server_url": far.url, "name": "headers", "arguments": {"Cookie": "b=2"}}
    answer = httpx.post(f"{server.address}/v1/tool/call", json=body, headers=given, timeout=300).json()
    seen = json.loads(answer["data"]["content"][0]["text"])
    assert (seen["cookie"], seen["x-tenant"]) == ("a=1; b=2", "blue")
    assert "x-secret" not in seen


@pytest.mark.parametrize("path", ["serv/pong", "tool/list", "tool/call"])
@pytest.mark.parametrize("url", ["", "localhost:1/sse", "file:///etc/passwd"])
def test_what_is_no_address_stays_in_the_envelope(server: Server, path: str, url: str) -> None:
    answer = post(server, path, {"server_url": url, "name": "add", "arguments": {}})
    assert answer.status_code == 200
    assert answer.json() == {"code": 500, "message": answer.json()["message"], "data": None}
    assert answer.json()["message"].startswith("Error: ")
    assert "begins with http://" in answer.json()["message"]


def test_private_addresses_are_refused_where_nothing_allows_them(serve: Serve) -> None:
    server = serve(None, services=("mcp",))
    answer = post(server, "serv/pong", {"server_url": "http://127.0.0.1:9/sse"}).json()
    assert (answer["code"], "private address" in answer["message"]) == (500, True)


@pytest.mark.parametrize(
    ("path", "body"),
    [("serv/pong", {}), ("tool/list", {}), ("tool/call", {"server_url": "http://a", "name": "add"}), ("tool/call", {})],
    ids=str,
)
def test_a_missing_field_is_422(server: Server, path: str, body: Any) -> None:
    assert post(server, path, body).status_code == 422


def test_a_server_that_is_not_there_is_told_in_one_sentence(server: Server) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    for path in ("sse", "mcp"):
        answer = post(server, "serv/pong", {"server_url": f"http://127.0.0.1:{port}/{path}"}).json()
        words = f"Error: The MCP server at 127.0.0.1:{port} could not be reached."
        assert answer == {"code": 500, "message": words, "data": None}


def test_a_server_that_takes_the_connection_and_says_nothing_is_given_up(server: Server) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        for path in ("sse", "mcp"):
            answer = post(server, "serv/pong", {"server_url": f"http://127.0.0.1:{port}/{path}"}, Timeout="1").json()
            assert answer["message"] == f"Error: The MCP server at 127.0.0.1:{port} did not answer in time."


def test_a_server_that_is_no_mcp_server_is_told(server: Server) -> None:
    answer = post(server, "serv/pong", {"server_url": f"{server.address}/nothing/sse"}).json()
    assert (answer["code"], "HTTP status 40" in answer["message"]) == (500, True)
    answer = post(server, "serv/pong", {"server_url": f"{server.address}/nothing"}).json()
    assert answer["code"] == 500
    assert "TaskGroup" not in answer["message"]


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_server_that_dies_in_mid_call_is_told_and_found_again_when_it_is_back(server: Server, transport: str) -> None:
    with mcp_process(transport) as process:
        assert called(server, process.url, "count")["data"]["content"][0]["text"] == "1"
        died = called(server, process.url, "die")
        assert (died["code"], died["data"]) == (500, None)
        assert "closed the connection" in died["message"]
    with mcp_process(transport, process.port) as again:
        assert called(server, again.url, "count")["data"]["content"][0]["text"] == "1"


def test_the_health_is_genie_clients() -> None:
    health = mcp_health()
    assert (health["status"], set(health)) == ("healthy", {"status", "timestamp", "version"})


def sessions_of(work: Callable[[McpSessions], Any], **options: Any) -> None:
    """Work with sessions on a loop of its own; at the end nothing is left of them."""

    async def run() -> None:
        sessions = McpSessions(**options)
        try:
            await work(sessions)
        finally:
            await sessions.close()
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    async def bounded() -> None:
        async with asyncio.timeout(120):
            await run()

    asyncio.run(bounded())


def test_a_session_is_kept_for_many_calls_and_many_at_once(far: McpProcess) -> None:
    async def work(sessions: McpSessions) -> None:
        server = McpServer(far.url)
        answers = await asyncio.gather(*(sessions.call_tool(server, "add", {"a": n, "b": 1}) for n in range(8)))
        assert [answer.content[0].text for answer in answers] == [str(n + 1) for n in range(8)]
        kept = sessions._kept[server]
        await sessions.list_tools(server)
        assert sessions._kept == {server: kept}
        await sessions.ping(McpServer(far.url, (("cookie", "a=1"),)))
        assert len(sessions) == 2

    sessions_of(work)


def test_a_tool_that_hangs_is_given_up_and_the_next_call_works(far: McpProcess) -> None:
    async def work(sessions: McpSessions) -> None:
        server = McpServer(far.url)
        await sessions.ping(server)
        with pytest.raises(LinkError, match="did not answer in time"):
            await sessions.call_tool(server, "hang", {}, QUICK)
        assert (await sessions.call_tool(server, "add", {"a": 1, "b": 1})).content[0].text == "2"

    sessions_of(work)


def test_there_are_never_more_sessions_than_allowed(far: McpProcess) -> None:
    async def work(sessions: McpSessions) -> None:
        one, two, three = (McpServer(far.url, (("cookie", name),)) for name in "abc")
        await sessions.ping(one)
        await sessions.ping(two)
        await sessions.ping(three)
        assert set(sessions._kept) == {two, three}
        hanging = [asyncio.create_task(sessions.call_tool(server, "hang", {}, QUICK)) for server in (two, three)]
        await asyncio.sleep(0)
        with pytest.raises(AdmissionRefused) as refused:
            await sessions.ping(one)
        assert refused.value.why == "mcp_sessions"
        assert all(isinstance(ended, LinkError) for ended in await asyncio.gather(*hanging, return_exceptions=True))

    sessions_of(work, most=2)


def test_a_session_that_nobody_uses_is_closed(far: McpProcess) -> None:
    async def work(sessions: McpSessions) -> None:
        await sessions.ping(McpServer(far.url))
        holding = next(iter(sessions._kept.values()))._holding
        assert holding is not None
        await asyncio.wait({holding}, timeout=10)
        assert holding.done()
        assert len(sessions) == 0

    sessions_of(work, idle_s=0.01)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_server_that_began_anew_between_two_calls_is_not_noticed_by_the_caller(transport: str) -> None:
    async def work(sessions: McpSessions) -> None:
        with mcp_process(transport) as process:
            server = McpServer(process.url)
            await sessions.call_tool(server, "count", {})
        restarted = await asyncio.to_thread(McpProcess, transport, process.port)
        try:
            assert (await sessions.call_tool(server, "count", {})).content[0].text == "1"
            assert len(await sessions.list_tools(server)) == 7
        finally:
            restarted.kill()

    ticks = iter(range(0, 10_000, 10))
    sessions_of(work, clock=lambda: float(next(ticks)))


def test_an_sse_server_under_another_path_is_found_too() -> None:
    """Its streamable HTTP is refused, so it is asked over SSE (# C2)."""

    class Moved(threading.Thread):
        pass

    async def work(sessions: McpSessions) -> None:
        with mcp_process("sse") as process:
            plain = McpServer(process.url + "?from=elsewhere")
            assert len(await sessions.list_tools(plain)) == 7

    sessions_of(work)
