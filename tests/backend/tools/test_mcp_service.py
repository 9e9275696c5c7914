"""A run's MCP servers behind JDGenie's service, and over HTTP without it: real servers, a real service."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

import genie_nb as gn
from genie_nb.backend.mcp.bounds import MOST_BYTES
from genie_nb.backend.mcp.peers import McpServer
from genie_nb.backend.tools.mcp_service import McpService
from genie_nb.backend.tools.mcp_watch import CardWatch
from genie_nb.errors import LinkError
from tests.backend.server.mcp_servers import McpProcess, mcp_process
from tests.fakes import a_call, make_context
from tests.fakes import run as within_bounds


@pytest.fixture(autouse=True)
def _a_slow_machine_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENIE_MCP_WAIT_S", "30")


@pytest.fixture(scope="module", params=["sse", "http"])
def far(request: pytest.FixtureRequest) -> Iterator[McpProcess]:
    with mcp_process(request.param) as process:
        yield process


def script(messages: Any, tools: Any) -> gn.Say:
    if messages[-1].role == "user":
        calls = [("demo__add", {"a": 40, "b": 2}), ("demo__boom", {}), ("demo__headers", {})]
        return gn.Say("", calls=[call for call in calls if call[0] in [tool.name for tool in tools]])
    return gn.Say("done")


@pytest.mark.parametrize("way", ["straight", "service"])
def test_a_run_calls_the_tools_of_a_server_at_an_address(far: McpProcess, way: str, tmp_path: Path) -> None:
    entry = {"name": "demo", "url": far.url, "headers": {"X-Tenant": "blue"}}
    given: dict[str, Any] = {"model": gn.ScriptedModel(script), "agent": "react", "runs_folder": tmp_path / "runs"}
    with gn.serve(services=("mcp",), fetch_hosts=("127.0.0.1",)) as service:
        service_url = service.address if way == "service" else None
        run = gn.Genie(mcp=[entry], mcp_url=service_url, **given).ask("?", show=False).result(timeout_s=50)
    calls = {call.tool: call for call in run.transcript.calls.values()}
    assert (calls["demo__add"].status, calls["demo__add"].output) == ("ok", '{"result": 42}' if way == "straight" else "42")
    assert calls["demo__boom"].status == "error"
    assert "boom" in calls["demo__boom"].output
    seen = json.loads(calls["demo__headers"].output)
    assert seen.get("result", seen)["x-tenant"] == "blue"


def test_tools_that_change_at_an_address_are_listed_again(tmp_path: Path) -> None:
    with mcp_process("http") as process:

        def growing(messages: Any, tools: Any) -> gn.Say:
            names = [tool.name for tool in tools]
            if messages[-1].role == "user":
                return gn.Say("", calls=[("demo__grow", {})])
            return gn.Say("done") if "demo__grown" in names else gn.Say("", calls=[("demo__count", {"a": len(messages)})])

        entry = {"name": "demo", "url": process.url}
        given: dict[str, Any] = {"agent": "react", "runs_folder": tmp_path / "runs", "max_task_steps": 200}
        genie = gn.Genie(model=gn.ScriptedModel(growing), mcp=[entry], **given)
        run = genie.ask("?", show=False).result(timeout_s=50)
    assert (run.status, run.answer) == ("finished", "done")


def service(answer: Any, tmp_path: Path) -> tuple[McpService, CardWatch]:
    transport = httpx.MockTransport(answer)
    return (
        McpService("http://user:pass@h:1/", McpServer("http://s/sse"), transport=transport),
        CardWatch(a_call(make_context(tmp_path))),
    )


def spaces(request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, content=b" " * (MOST_BYTES + 1))


def silent(request: httpx.Request) -> httpx.Response:
    raise httpx.ReadTimeout("no", request=request)


def absent(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("all is closed", request=request)


REFUSED = {
    "refused": (lambda _: httpx.Response(200, json={"code": 500, "message": "Error: no.", "data": None}), "refused: no."),
    "refused-in-silence": (lambda _: httpx.Response(200, json={"code": 500}), "refused: it did not say why"),
    "a-status": (lambda _: httpx.Response(502), "answered with HTTP status 502."),
    "no-json": (lambda _: httpx.Response(200, content=b"<html>"), "answered with what is no envelope of JSON."),
    "no-envelope": (lambda _: httpx.Response(200, json=[1]), "answered with what is no envelope of JSON."),
    "too-much": (spaces, "sent an answer of more than 8 MiB."),
    "silent": (silent, "did not answer in time."),
    "absent": (absent, "cannot be reached: all is closed."),
}


@pytest.mark.parametrize(("answer", "words"), REFUSED.values(), ids=REFUSED)
def test_what_goes_wrong_at_the_service_is_one_sentence(answer: Any, words: str, tmp_path: Path) -> None:
    far, watch = service(answer, tmp_path)
    for asking in (far.list_tools(), far.call_tool("t", {}, 1.0, watch)):
        with pytest.raises(LinkError) as told:
            within_bounds(asking)
        assert str(told.value) == f"The MCP service at h:1 {words}"


def test_the_service_is_asked_as_jdgenie_asks_it(tmp_path: Path) -> None:
    asked: list[Any] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append((request.url.path, json.loads(request.content)))
        return httpx.Response(200, json={"code": 200, "data": None})

    far, watch = service(answer, tmp_path)
    assert within_bounds(far.list_tools()) == []
    assert within_bounds(far.call_tool("t", {"a": 1}, 1.0, watch)) == {}
    assert asked == [
        ("/v1/tool/list", {"server_url": "http://s/sse"}),
        ("/v1/tool/call", {"server_url": "http://s/sse", "name": "t", "arguments": {"a": 1}}),
    ]
