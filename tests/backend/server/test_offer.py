"""genie_nb as an MCP server, over standard input and output and over HTTP, asked by the protocol's own client."""

import asyncio
import base64
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import mcp.types as mt
import pytest
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters
from mcp.shared.exceptions import MCPError

import genie_nb as gn
from genie_nb.backend.interpreter.base import CellFinished
from genie_nb.backend.server.offer_telling import told_cell
from genie_nb.backend.server.serving import Server
from genie_nb.parts import StreamPart
from tests.fakes import BOUND_S, StuckModel

Serve = Callable[..., Server]
MODES = ("legacy", "auto")
"""The protocol with a handshake, and the one of 2026 without."""


def at(server: Server) -> str:
    return server.url.replace("/?", "/mcp?")


def asking(work: Callable[..., Any]) -> Any:
    async def bounded() -> Any:
        async with asyncio.timeout(BOUND_S):
            return await work()

    return asyncio.run(bounded())


class Heard:
    """What a client heard while a call was at work."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.progress: list[tuple[float, str]] = []

    async def hear_log(self, params: Any) -> None:
        self.log.append(str(params.data))

    async def hear_progress(self, progress: float, total: float | None, message: str | None) -> None:
        self.progress.append((progress, message or ""))


@asynccontextmanager
async def client_of(target: Any, mode: str, heard: Heard | None = None) -> AsyncIterator[Client]:
    heard = heard or Heard()
    async with Client(target, mode=mode, logging_callback=heard.hear_log, log_level="info") as client:
        yield client


def program(folder: Path) -> StdioServerParameters:
    root = str(Path(gn.__file__).parents[1])
    env = {"PYTHONPATH": root, "GENIE_RUNS_FOLDER": str(folder / "runs")}
    return StdioServerParameters(command=sys.executable, args=["-m", "genie_nb.cli", "mcp"], env=env, cwd=folder)


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
def test_another_assistant_runs_an_agent_and_code_over_standard_output(mode: str, tmp_path: Path) -> None:
    (tmp_path / "sales.csv").write_text("region,sales\nnorth,3\nsouth,4\n")

    async def work() -> None:
        heard = Heard()
        async with client_of(program(tmp_path), mode, heard) as client:
            assert [tool.name for tool in (await client.list_tools()).tools] == [
                "run_agent",
                "search",
                "make_report",
                "run_code",
            ]
            await client.call_tool("run_code", {"code": "x = 41\nprint('on the side')"})
            again = await client.call_tool("run_code", {"code": "open('a.txt', 'w').write('hello')\nx + 1"})
            assert again.content[0].text == "42"
            assert again.content[1].type == "resource_link"
            read = await client.read_resource(again.content[1].uri)
            assert read.contents[0].text == "hello"
            other = await client.call_tool("run_code", {"code": "x", "session": "another"})
            assert other.is_error
            assert "NameError" in other.content[0].text
            question = {"question": "What is the total of sales?", "files": [str(tmp_path / "sales.csv")]}
            answer = await client.call_tool("run_agent", question, progress_callback=heard.hear_progress)
            assert not answer.is_error
            assert "7" in answer.structured_content["answer"]
            assert answer.structured_content["outcome"] == "finished"
        assert "on the side" in heard.log
        assert [number for number, _ in heard.progress] == sorted({number for number, _ in heard.progress})
        assert any("calls code_interpreter" in message for _, message in heard.progress)

    asking(work)


@pytest.mark.parametrize("mode", MODES)
def test_a_run_over_http_gives_its_answer_and_its_files(serve: Serve, mode: str) -> None:
    def script(messages: Any, tools: Any) -> gn.Say:
        if messages[-1].role == "user":
            return gn.Say("", calls=[("code_interpreter", {"code": "open('a b.txt', 'w').write('hi')"})])
        return gn.Say("Here it is.")

    server = serve(gn.ScriptedModel(script), services=("offer",))

    async def work() -> None:
        async with client_of(at(server), mode) as client:
            answer = await client.call_tool("run_agent", {"question": "?"})
            assert answer.structured_content["answer"] == "Here it is."
            (link,) = [part for part in answer.content if part.type == "resource_link"]
            assert [str(each.uri) for each in (await client.list_resources()).resources] == [link.uri]
            assert (await client.read_resource(link.uri)).contents[0].text == "hi"
            with pytest.raises(MCPError, match="There is no resource"):
                await client.read_resource(link.uri.replace("a%20b", "..%2f..%2fc"))

    asking(work)


def test_a_search_answers_with_its_sources(serve: Serve, tmp_path: Path) -> None:
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "bikes.md").write_text("# Bicycles\nThe red bicycle costs 400 francs.\n")
    server = serve("offline", services=("offer",))

    async def work() -> None:
        async with client_of(at(server), "legacy") as client:
            asked = {"question": "What does the red bicycle cost?", "folders": [str(folder)]}
            found = await client.call_tool("search", asked)
            assert "400 francs" in found.structured_content["answer"]
            (source,) = found.structured_content["sources"]
            assert (source["number"], "bikes.md" in source["source"]) == (1, True)
            assert "bikes.md" in found.content[0].text

    asking(work)


@pytest.mark.slow
@pytest.mark.parametrize(("form", "ending"), [("html", ".html"), ("markdown", ".md"), ("pptx", ".pptx")])
def test_a_report_comes_back_as_a_resource(serve: Serve, tmp_path: Path, form: str, ending: str) -> None:
    (tmp_path / "sales.csv").write_text("region,sales\nnorth,3\nsouth,4\n")
    server = serve("offline", services=("offer",), settings={"agent": "plan_solve"})

    async def work() -> None:
        async with client_of(at(server), "auto") as client:
            asked = {"task": "The total of sales by region", "files": [str(tmp_path / "sales.csv")], "format": form}
            made = await client.call_tool("make_report", asked)
            assert not made.is_error
            (uri,) = [uri for uri in made.structured_content["files"] if uri.endswith(ending)]
            (content,) = (await client.read_resource(uri)).contents
            assert getattr(content, "text", "") or content.blob

    asking(work)


def test_a_run_that_fails_says_why(serve: Serve) -> None:
    server = serve(gn.ScriptedModel([]), services=("offer",))

    async def work() -> None:
        async with client_of(at(server), "legacy") as client:
            answer = await client.call_tool("run_agent", {"question": "?"})
            assert answer.is_error
            assert answer.content[0].text == answer.structured_content["error"]

    asking(work)


@pytest.mark.parametrize("mode", MODES)
def test_a_call_that_its_client_gives_up_ends_its_run(serve: Serve, mode: str) -> None:
    server = serve(StuckModel(), services=("offer",))

    async def work() -> None:
        async with client_of(at(server), mode) as client:
            calling = asyncio.create_task(client.call_tool("run_agent", {"question": "?"}))
            while not [kept for kept in server.host.archive.kept() if kept.run.status == "running"]:
                await asyncio.sleep(0.02)
            calling.cancel()
            (kept,) = server.host.archive.kept()
            while kept.run.status != "cancelled":
                await asyncio.sleep(0.02)
            assert str(kept.run.error) == "The assistant that asked gave the call up."

    asking(work)


def test_a_call_that_a_person_must_allow_is_refused_where_none_can_be_asked(serve: Serve) -> None:
    def script(messages: Any, tools: Any) -> gn.Say:
        if messages[-1].role == "user":
            return gn.Say("", calls=[("code_interpreter", {"code": "1"})])
        return gn.Say(messages[-1].content)

    server = serve(gn.ScriptedModel(script), services=("offer",), settings={"approval": ["code_interpreter"]})

    async def work() -> None:
        async with client_of(at(server), "legacy") as client:
            answer = await client.call_tool("run_agent", {"question": "?"})
            assert "over MCP nobody can be asked" in answer.structured_content["answer"]

    asking(work)


WRONG = {
    "an-unknown-tool": ("rm", {}, "There is no tool 'rm'. There are: run_agent, search, make_report, run_code."),
    "a-missing-argument": ("run_agent", {}, "The arguments of run_agent do not fit: question: Field required."),
    "an-unknown-argument": (
        "run_code",
        {"code": "1", "shell": "yes"},
        "The arguments of run_code do not fit: shell: Extra inputs are not permitted.",
    ),
    "a-file-that-is-not-there": ("run_agent", {"question": "?", "files": ["/nowhere.csv"]}, "nowhere.csv"),
}


@pytest.mark.parametrize(("tool", "arguments", "words"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_done_is_one_sentence(serve: Serve, tool: str, arguments: dict[str, Any], words: str) -> None:
    server = serve(gn.ScriptedModel([]), services=("offer",))

    async def work() -> None:
        async with client_of(at(server), "legacy") as client:
            answer = await client.call_tool(tool, arguments)
            assert answer.is_error
            assert words in answer.content[0].text
            assert "\n" not in answer.content[0].text

    asking(work)


HELLO = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
STRANGERS: dict[str, tuple[dict[str, str], int]] = {
    "without-the-token": ({"Authorization": ""}, 401),
    "with-another-token": ({"Authorization": "Bearer guess"}, 401),
    "by-another-name": ({"Host": "evil.example"}, 421),
    "from-another-page": ({"Origin": "http://evil.example"}, 403),
}


@pytest.mark.parametrize(("headers", "status"), STRANGERS.values(), ids=STRANGERS)
def test_a_stranger_is_not_let_in(serve: Serve, headers: dict[str, str], status: int) -> None:
    server = serve(gn.ScriptedModel([]), services=("offer",))
    given = {"Authorization": f"Bearer {server.host.token}", **headers}
    assert httpx.post(f"{server.address}/mcp", json=HELLO, headers=given, timeout=BOUND_S).status_code == status


def test_python_sessions_make_room_for_others(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    from genie_nb.backend.server import offer

    monkeypatch.setattr(offer, "MOST_SESSIONS", 1)
    server = serve(gn.ScriptedModel([]), services=("offer",))

    async def work() -> None:
        async with client_of(at(server), "legacy") as client:
            await client.call_tool("run_code", {"code": "x = 1", "session": "a"})
            await client.call_tool("run_code", {"code": "x = 2", "session": "b"})
            gone = await client.call_tool("run_code", {"code": "x", "session": "a"})
            assert "NameError" in gone.content[0].text

    asking(work)


DRAWN = """import numpy as np
from IPython.display import SVG, Image, display
import matplotlib.pyplot as plt
print('\\r1/2\\r2/2')
display(Image(data=b'\\x89PNG' + bytes({size}), format='png'))
display(SVG('<svg xmlns="http://www.w3.org/2000/svg"/>'))"""


def test_a_large_chart_is_a_link_and_a_small_one_a_picture(serve: Serve) -> None:
    server = serve(gn.ScriptedModel([]), services=("offer",))

    async def work() -> None:
        async with client_of(at(server), "legacy") as client:
            small = (await client.call_tool("run_code", {"code": DRAWN.format(size=100)})).content
            assert [part.type for part in small] == ["text", "image", "resource_link"]
            assert small[0].text == "2/2"
            large = (await client.call_tool("run_code", {"code": DRAWN.format(size=90_000)})).content
            assert [(part.type, getattr(part, "mime_type", "")) for part in large[1:]] == [
                ("resource_link", "image/png"),
                ("resource_link", "image/svg+xml"),
            ]
            read = await client.read_resource(large[1].uri)
            assert len(base64.b64decode(read.contents[0].blob)) == 90_004

    asking(work)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["sigterm", "sigint"])
def test_a_signal_ends_the_program_and_nothing_is_written_to_the_output(number: int, tmp_path: Path) -> None:
    given = program(tmp_path)
    process = subprocess.Popen(
        [given.command, *given.args], env=given.env, cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
        message = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello}
        process.stdin.write(json.dumps(message).encode() + b"\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["result"]["serverInfo"]["name"] == "genie_nb"
        process.send_signal(number)
        assert process.wait(timeout=300) == 128 + number
        assert process.stdout.read() == b""
    finally:
        process.kill()
        process.wait(timeout=120)
        process.stdin.close()
        process.stdout.close()


def test_an_assistant_is_told_which_font_the_charts_of_its_code_lack() -> None:
    contents = told_cell([StreamPart(text="drawn")], CellFinished("ok", unshown="a地区"))
    (text,) = (content.text for content in contents if isinstance(content, mt.TextContent))
    assert text.startswith("drawn\nCharts show boxes in place of “地区”")
    assert "fonts-noto-cjk" in text
