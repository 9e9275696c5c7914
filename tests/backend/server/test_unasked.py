"""The person's rules at every door where nobody can be asked: MCP, and JDGenie's dialects."""

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from mcp.client import Client

import genie_nb as gn
from genie_nb.backend.server.serving import Server
from genie_nb.backend.server.unasked import NOBODY_IN_JDGENIE, NOBODY_OVER_MCP
from tests.backend.server.mcp_servers import McpProcess, mcp_process

Serve = Callable[..., Server]
BOUND_S = 50.0
FORBIDS = {"tool": "code_interpreter", "arguments": {"code": "*remove*"}, "then": "refuse"}
ALLOWS = {"tool": "code_interpreter", "arguments": {"code": "print(*)"}, "then": "allow"}
ASKS = "code_interpreter"
RULES = [FORBIDS, ALLOWS, ASKS]
FORBIDDEN = "A rule of the person forbids this call of code_interpreter. Do without it."
CODES = {
    "forbidden": ("os.remove('a')", FORBIDDEN),
    "asked": ("open('made.txt', 'w').write('x')", NOBODY_OVER_MCP),
    "a further line": ("print(1)\nopen('made.txt', 'w').write('x')", NOBODY_OVER_MCP),
    "allowed": ("print(40 + 2)", "42"),
}


def over_mcp(server: Server, tool: str, **arguments: Any) -> Any:
    async def work() -> Any:
        async with asyncio.timeout(BOUND_S), Client(server.url.replace("/?", "/mcp?")) as client:
            return await client.call_tool(tool, arguments)

    return asyncio.run(work())


@pytest.mark.parametrize(("code", "told"), CODES.values(), ids=CODES.keys())
def test_run_code_obeys_the_rules_of_the_code_interpreter(serve: Serve, code: str, told: str) -> None:
    server = serve("offline", services=("offer",), settings={"approval": RULES})
    answer = over_mcp(server, "run_code", code=code)

    assert answer.content[0].text.strip() == told
    assert answer.is_error == (told != "42")
    assert not list(server.host.settings.runs_folder.rglob("made.txt"))
    assert len(list(server.host.settings.runs_folder.glob("code-*"))) == (told == "42")  # else no session is begun


def test_without_a_rule_code_is_run(serve: Serve) -> None:
    answer = over_mcp(serve("offline", services=("offer",)), "run_code", code="40 + 2")

    assert (answer.content[0].text, answer.is_error) == ("42", False)


def script(messages: Any, tools: Any) -> gn.Say:
    if messages[-1].role == "tool":
        return gn.Say(f"I was told: {messages[-1].content}")
    return gn.Say("", [("code_interpreter", {"code": "open('made.txt', 'w').write('x')"})])


def final(answer: httpx.Response) -> str:
    assert answer.status_code == 200
    return answer.text


def asked_of(server: Server, door: str) -> str:
    """All that this door answers to a question whose answer takes code."""
    address = server.address
    match door:
        case "tool service":
            return final(httpx.post(f"{address}/v1/tool/code_interpreter", json={"requestId": "r", "task": "?"}, timeout=50))
        case "tool service, whole":
            body = {"requestId": "r", "task": "?", "stream": False}
            return final(httpx.post(f"{address}/v1/tool/code_interpreter", json=body, timeout=50))
        case "report":
            body = {"requestId": "r", "task": "?", "fileType": "markdown"}
            return final(httpx.post(f"{address}/v1/tool/report", json=body, timeout=50))
        case "AutoAgent":
            body = {"requestId": "r", "query": "?", "agentType": 5}
            return final(httpx.post(f"{address}/AutoAgent", json=body, timeout=50))
        case "page":
            body = {"sessionId": "s", "requestId": "r", "query": "?", "deepThink": 0}
            return final(httpx.post(f"{address}/web/api/v1/gpt/queryAgentStreamIncr", json=body, timeout=50))
        case "MCP":
            return json.dumps(over_mcp(server, "run_agent", question="?", agent="react").structured_content)
    raise AssertionError(door)


DOORS = {
    "tool service": NOBODY_IN_JDGENIE,
    "tool service, whole": NOBODY_IN_JDGENIE,
    "report": NOBODY_IN_JDGENIE,
    "AutoAgent": NOBODY_IN_JDGENIE,
    "page": NOBODY_IN_JDGENIE,
    "MCP": NOBODY_OVER_MCP,
}


@pytest.mark.parametrize(("door", "told"), DOORS.items(), ids=DOORS.keys())
def test_an_agents_call_that_a_person_must_allow_is_refused_at_once(serve: Serve, door: str, told: str) -> None:
    server = serve(gn.ScriptedModel(script), settings={"approval": [ASKS]})
    said = asked_of(server, door)

    (kept,) = server.host.archive.kept()
    (call,) = kept.run.transcript.calls.values()
    assert told in said
    assert (call.status, told in call.output, kept.run.status) == ("denied", True, "finished")
    assert not list(server.host.settings.runs_folder.rglob("made.txt"))


def test_in_our_own_dialect_the_question_still_waits_for_an_answer(serve: Serve, connect: Callable[[str], Any]) -> None:
    server = serve(gn.ScriptedModel(script), settings={"approval": [ASKS]})
    run = connect(server.url).ask("?", show=False)

    async def allow() -> None:
        async for event in run.events():
            if type(event).__name__ == "ApprovalRequested":
                await run.decide(event.call_id, "once")

    asyncio.run(allow())
    assert run.answer.startswith("I was told: 1")


@pytest.fixture(scope="module")
def far() -> Iterator[McpProcess]:
    with mcp_process("http") as process:
        yield process


CALLS: dict[str, tuple[Any, str]] = {
    "no rule": ([], ""),
    "forbidden by its name": (
        [{"tool": "sums__add", "then": "refuse"}],
        "A rule of the person forbids this call of sums__add.",
    ),
    "asked by its arguments": ([{"tool": "sums__*", "arguments": {"a": "40"}}], NOBODY_IN_JDGENIE),
    "other arguments": ([{"tool": "sums__*", "arguments": {"a": "41"}}], ""),
    "another tool": (["sums__boom"], ""),
}


@pytest.mark.parametrize("named", [True, False], ids=["named in the settings", "not named"])
@pytest.mark.parametrize(("rules", "told"), CALLS.values(), ids=CALLS.keys())
def test_a_call_of_an_mcp_tool_obeys_the_rules(serve: Serve, far: McpProcess, rules: Any, told: str, named: bool) -> None:
    """A server that the settings do not name has the name that it would have there."""
    label = "sums" if named else "127_0_0_1"
    settings: dict[str, Any] = json.loads(json.dumps({"approval": rules}).replace("sums", label))
    settings |= {"mcp": [{"name": "sums", "url": far.url}]} if named else {}
    server = serve("offline", services=("mcp",), fetch_hosts=("127.0.0.1",), settings=settings)
    body = {"server_url": far.url, "name": "add", "arguments": {"a": 40, "b": 2}}
    answer = httpx.post(f"{server.address}/v1/tool/call", json=body, timeout=50).json()

    assert (answer["code"], answer["data"] is None) == ((500, True) if told else (200, False))
    assert told.replace("sums", label) in answer["message"]


@pytest.mark.parametrize("asks", [True, False])
def test_a_server_that_is_marked_to_ask_is_not_asked_without_a_person(serve: Serve, far: McpProcess, asks: bool) -> None:
    settings = {"mcp": [{"url": "http://other.example/mcp"}, {"url": f" {far.url}", "asks": asks}]}
    server = serve("offline", services=("mcp",), fetch_hosts=("127.0.0.1",), settings=settings)
    body = {"server_url": far.url, "name": "add", "arguments": {"a": 40, "b": 2}}
    answer = httpx.post(f"{server.address}/v1/tool/call", json=body, timeout=50).json()

    assert (answer["code"], NOBODY_IN_JDGENIE in answer["message"]) == ((500, True) if asks else (200, False))


def test_the_model_endpoint_runs_nothing(serve: Serve) -> None:
    """It answers with calls for its client to make; whatever the rules say, no code is run here."""
    server = serve("offline", services=("model",), settings={"approval": [{"then": "refuse"}]})
    tools = [{"type": "function", "function": {"name": "code_interpreter", "parameters": {"type": "object"}}}]
    body = {
        "model": "offline",
        "messages": [{"role": "user", "content": "the sum of the squares of 1 to 10"}],
        "tools": tools,
    }
    bearer = {"Authorization": f"Bearer {server.token}"}
    answer = httpx.post(f"{server.address}/v1/chat/completions", json=body, headers=bearer, timeout=50)

    assert answer.status_code == 200
    assert server.host.archive.kept() == []
