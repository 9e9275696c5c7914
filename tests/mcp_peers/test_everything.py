"""npm's `server-everything` over all three transports: its tools are the tools of a run."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import genie_nb as gn
from genie_nb.parts import DocumentPart, ImagePart, ProgressPart
from tests.mcp_peers.peers import EVERYTHING, NODE, missing, serving_everything

WHY_NOT = missing()
pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)]
CALLS: dict[str, dict[str, Any]] = {
    "echo": {"message": "hi"},
    "get-sum": {"a": 2, "b": 3},
    "get-structured-content": {"location": "Chicago"},
    "get-tiny-image": {},
    "get-resource-reference": {},
    "get-resource-links": {"count": 2},
    "trigger-long-running-operation": {"duration": 1, "steps": 3},
    "gzip-file-as-resource": {"outputType": "resource", "data": "data:text/plain;base64,aGVsbG8="},
    "get-env": {},
}


def script(messages: Any, tools: Any) -> gn.Say:
    if messages[-1].role == "user":
        return gn.Say("all", calls=[(f"all__{name}", arguments) for name, arguments in CALLS.items()])
    return gn.Say("done")


@pytest.fixture(params=["stdio", "sse", "streamableHttp"])
def entry(request: pytest.FixtureRequest) -> Iterator[dict[str, Any]]:
    if request.param == "stdio":
        yield {"name": "all", "command": NODE, "args": [EVERYTHING, "stdio"]}
        return
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    path = "sse" if request.param == "sse" else "mcp"
    with serving_everything(request.param, port):
        yield {"name": "all", "url": f"http://127.0.0.1:{port}/{path}"}


def test_a_run_uses_server_everything(entry: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENIE_MCP_WAIT_S", "30")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary-7351")
    genie = gn.Genie(model=gn.ScriptedModel(script), agent="react", mcp=[entry], runs_folder=tmp_path / "runs")
    run = genie.ask("Call them all.", show=False).result(timeout_s=50)
    calls = {call.tool.removeprefix("all__"): call for call in run.transcript.calls.values()}
    assert {name: call.status for name, call in calls.items()} == dict.fromkeys(CALLS, "ok")
    assert calls["echo"].output == "Echo: hi"
    assert "5" in calls["get-sum"].output
    assert json.loads(calls["get-structured-content"].output)["conditions"] == "Light rain / drizzle"
    assert [type(part) for part in calls["get-tiny-image"].parts] == [DocumentPart, ImagePart, DocumentPart]
    assert "Link to" in calls["get-resource-links"].output
    assert "demo://resource" in calls["get-resource-reference"].output
    assert ProgressPart(done=3, total=3) in calls["trigger-long-running-operation"].parts
    assert [file.name for file in run.files] == ["README.md.gz"]
    assert "canary" not in calls["get-env"].output
