"""Tools of MCP servers in runs, over stdio: real processes, well-behaved and hostile."""

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

import genie_nb as gn
from genie_nb.backend.loop import BackendLoop
from genie_nb.backend.mcp.peers import McpServer
from genie_nb.backend.models.base import ChatMessage
from genie_nb.backend.settings import Settings
from genie_nb.backend.tools import mcp
from genie_nb.backend.tools.base import ToolBox
from genie_nb.backend.tools.mcp_watch import CardWatch
from genie_nb.parts import DocumentPart, ErrorPart, ProgressPart, StreamPart
from tests.fakes import BOUND_S, a_call, events_of, make_context

CHILD = str(Path(__file__).with_name("mcp_child.py"))


class Far:
    """A server of a test, and what it noted."""

    def __init__(self, folder: Path) -> None:
        self.notes = folder / "notes"

    def entry(self, mode: str = "well", **more: Any) -> dict[str, Any]:
        return {"name": "demo", "command": sys.executable, "args": [CHILD, mode, str(self.notes)], **more}

    def noted(self) -> list[str]:
        return self.notes.read_text().split("\n") if self.notes.exists() else []

    async def has_noted(self, line: str) -> None:
        async with asyncio.timeout(BOUND_S):
            while line not in self.noted():
                await asyncio.sleep(0.02)


@pytest.fixture(autouse=True)
def _a_slow_machine_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENIE_MCP_WAIT_S", "30")


@pytest.fixture
def far(tmp_path: Path) -> Far:
    return Far(tmp_path)


@pytest.fixture
def on_backend(backend: BackendLoop, tmp_path: Path) -> Callable[..., Any]:
    """Work with the tools of some servers on a backend of the test's own, at whose end they are gone."""

    def run(work: Callable[..., Any], *entries: Any, **settings: Any) -> Any:
        async def bounded() -> Any:
            async with asyncio.timeout(BOUND_S):
                tools = await mcp.mcp_tools(Settings.load(mcp=entries, **settings), backend)
                box = ToolBox((), tools, tools.notes)
                return await work(box, make_context(tmp_path))

        return backend.submit(bounded()).result()

    return run


async def call(box: ToolBox, context: Any, name: str, call_id: str = "c1", **arguments: Any) -> Any:
    """Call a tool as an agent does; what the model was told, the parts, and the status."""
    from genie_nb.backend.models.base import ToolCallRequest
    from genie_nb.events import ToolStarted

    context.printer.emit(ToolStarted(call_id=call_id, tool=name, assignee="a"))
    told = await box.run(ToolCallRequest(call_id, name, json.dumps(arguments)), call_id, context)
    ended = context.printer.transcript.calls[call_id]
    return told, ended.parts, ended.status


def test_a_run_calls_a_tool_of_a_server_by_the_servers_and_the_tools_name(far: Far, tmp_path: Path) -> None:
    def script(messages: list[ChatMessage], tools: Any) -> gn.Say:
        if messages[-1].role == "user":
            assert "demo__weather" in [tool.name for tool in tools]
            return gn.Say("", calls=[("demo__weather", {"city": "Bern"})])
        return gn.Say(messages[-1].content)

    genie = gn.Genie(model=gn.ScriptedModel(script), agent="react", mcp=[far.entry()], runs_folder=tmp_path / "runs")
    run = genie.ask("?", show=False).result(timeout_s=BOUND_S)
    assert (run.status, run.answer) == ("finished", '{"city": "Bern", "sky": "clear"}')
    shown = next(iter(run.transcript.calls.values())).parts
    assert shown == [DocumentPart(text='{"city": "Bern", "sky": "clear"}', media_type="application/json")]


def test_the_offline_analyst_finds_a_servers_tool_by_its_words(far: Far, tmp_path: Path) -> None:
    genie = gn.Genie(mcp=[far.entry()], agent="react", model="offline", runs_folder=tmp_path / "runs")
    run = genie.ask("What is the weather today in Bern?", show=False).result(timeout_s=BOUND_S)
    assert [each.tool for each in run.transcript.calls.values()] == ["demo__weather"]
    assert "Bern" in run.answer
    assert "clear" in run.answer


def test_a_failure_of_a_tool_is_told_in_its_own_words(far: Far, on_backend: Callable[..., Any]) -> None:
    async def work(box: ToolBox, context: Any) -> None:
        told, parts, status = await call(box, context, "demo__fail")
        assert (told, status) == ("There is no such city.", "error")
        assert parts[-1] == ErrorPart(name="ToolFailed", message=told)

    on_backend(work, far.entry())


def test_progress_and_log_are_shown_in_the_card(far: Far, on_backend: Callable[..., Any]) -> None:
    async def work(box: ToolBox, context: Any) -> None:
        _, parts, status = await call(box, context, "demo__work")
        assert status == "ok"
        assert ProgressPart(done=3, total=3, message="part 3") in parts
        said = "".join(part.text for part in parts if isinstance(part, StreamPart))
        assert "warning: nearly done" in said

    on_backend(work, far.entry())


def test_a_session_is_kept_and_its_tools_are_listed_once_for_many_runs(far: Far, on_backend: Callable[..., Any]) -> None:
    async def work(box: ToolBox, context: Any) -> None:
        await call(box, context, "demo__weather", city="Bern")

    on_backend(work, far.entry())
    on_backend(work, far.entry())
    noted = far.noted()
    assert len([line for line in noted if line.startswith("began")]) == 1
    assert noted.count("listed") == 1
    assert noted.count("called weather") == 2


def test_tools_that_change_are_listed_again_and_join_the_run(far: Far, on_backend: Callable[..., Any]) -> None:
    async def work(box: ToolBox, context: Any) -> None:
        assert "demo__grown" not in [spec.name for spec in box.specs]
        await call(box, context, "demo__grow")
        while "demo__grown" not in [spec.name for spec in box.specs]:
            await asyncio.sleep(0.02)
        told, _, _ = await call(box, context, "demo__grown", "c2")
        assert told == "nothing"

    on_backend(work, far.entry())


def test_a_server_that_dies_is_told_with_its_last_words_and_started_again(far: Far, on_backend: Callable[..., Any]) -> None:
    async def work(box: ToolBox, context: Any) -> None:
        told, _, status = await call(box, context, "demo__die")
        assert status == "error"
        assert told == "The MCP server demo ended with exit code 7. Its last words: Out of memory."
        told, _, status = await call(box, context, "demo__weather", "c2", city="Bern")
        assert status == "ok"

    on_backend(work, far.entry())
    assert len([line for line in far.noted() if line.startswith("began")]) == 2


def test_a_call_that_takes_too_long_is_told_and_the_server_hears_of_it(far: Far, on_backend: Callable[..., Any]) -> None:
    async def work(box: ToolBox, context: Any) -> None:
        told, _, status = await call(box, context, "demo__hang")
        assert (told, status) == ("The tool demo__hang did not return within 0.3 s and was given up.", "error")
        await far.has_noted("cancelled")
        assert (await call(box, context, "demo__weather", "c2", city="Bern"))[2] == "ok"

    on_backend(work, far.entry(timeout_s=0.3))


def test_a_run_that_is_cancelled_gives_its_call_up_at_the_server(far: Far, on_backend: Callable[..., Any]) -> None:
    async def work(box: ToolBox, context: Any) -> None:
        calling = asyncio.create_task(call(box, context, "demo__hang"))
        await far.has_noted("called hang")
        calling.cancel()
        await far.has_noted("cancelled")
        await asyncio.wait({calling})

    on_backend(work, far.entry())


HOSTILE = {
    "flood": "The MCP server demo floods: it sent more than a call may bring, so its connection was closed.",
    "huge": "The MCP server demo sent a message of more than 8 MiB, so its connection was closed.",
    "nonsense": "The MCP server demo answered with what is no answer of the protocol: content: ",
}


@pytest.mark.parametrize("tool", HOSTILE)
def test_what_a_hostile_tool_does_is_one_sentence(tool: str, far: Far, on_backend: Callable[..., Any]) -> None:
    async def work(box: ToolBox, context: Any) -> None:
        before = psutil.Process().memory_info().rss
        told, parts, status = await call(box, context, f"demo__{tool}")
        assert status == "error"
        assert told.startswith(HOSTILE[tool])
        assert "\n" not in told
        assert len(parts) < 250
        assert psutil.Process().memory_info().rss - before < 100 * 2**20
        assert (await call(box, context, "demo__weather", "c2", city="Bern"))[2] == "ok"

    on_backend(work, far.entry())


ABSENT = {
    "dying": "The MCP server demo ended with exit code 1. Its last words: No database at the usual place. "
    "Its tools are left out.",
    "endless": "The MCP server demo lists more than 500 tools or 4 MiB of them, so none is used. Its tools are left out.",
    "untyped": "The MCP server demo answered with what is no answer of the protocol: 0.inputSchema.type: "
    "input should be 'object'. Its tools are left out.",
    "many": "The MCP server demo lists more than 500 tools or 4 MiB of them, so none is used. Its tools are left out.",
}


@pytest.mark.parametrize("mode", ABSENT)
def test_a_server_without_tools_to_use_is_one_sentence_in_the_run(
    mode: str, far: Far, on_backend: Callable[..., Any]
) -> None:
    async def work(box: ToolBox, context: Any) -> None:
        assert box.notes == (ABSENT[mode],)
        assert box.specs == ()

    on_backend(work, far.entry(mode))


def test_a_program_that_is_not_there_is_one_sentence_in_the_run(on_backend: Callable[..., Any]) -> None:
    async def work(box: ToolBox, context: Any) -> None:
        missing = "The MCP server nowhere cannot be started: 'nowhere': No such file or directory."
        assert box.notes == (f"{missing} Its tools are left out.",)

    on_backend(work, "nowhere")


def test_a_server_that_hangs_at_its_start_holds_up_no_run(far: Far, on_backend: Callable[..., Any]) -> None:
    async def work(box: ToolBox, context: Any) -> None:
        late = "The MCP server demo is not ready yet; the run goes on, and its tools join as soon as it is."
        assert box.notes == (late,)

    on_backend(work, far.entry("hanging"), mcp_wait_s=0)


def test_the_tools_of_a_server_that_is_late_join_the_run(far: Far, on_backend: Callable[..., Any]) -> None:
    async def work(box: ToolBox, context: Any) -> None:
        assert box.specs == ()
        while not box.specs:
            await asyncio.sleep(0.02)
        assert (await call(box, context, "demo__weather", city="Bern"))[2] == "ok"

    on_backend(work, far.entry(), mcp_wait_s=0)


def test_what_a_server_says_of_its_tools_is_made_harmless(far: Far, on_backend: Callable[..., Any]) -> None:
    async def work(box: ToolBox, context: Any) -> None:
        specs = {spec.name: spec for spec in box.specs}
        assert len(specs) == 4
        assert {"demo__half", "demo__turns_round_and_round", "demo__far"} < set(specs)
        for spec in specs.values():
            assert spec.parameters["type"] == "object"
            assert "$ref" not in json.dumps(spec.parameters)
            assert len(spec.description) <= 4000
            assert (await call(box, context, spec.name, spec.name, a={}))[2] == "ok"

    on_backend(work, far.entry("lying"))


def test_a_server_sees_none_of_our_secrets_but_what_it_is_given(
    far: Far, on_backend: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary-7351")
    monkeypatch.setenv("SOMEBODYS_TOKEN", "sk-canary-7351")

    async def work(box: ToolBox, context: Any) -> None:
        told, _, _ = await call(box, context, "demo__secrets")
        assert json.loads(told)["FOR_YOU"] == "a value"
        assert "canary" not in told
        assert "PATH" in json.loads(told)

    on_backend(work, far.entry(env={"FOR_YOU": "a value"}))


def test_a_server_and_what_it_started_end_with_the_backend(
    far: Far, on_backend: Callable[..., Any], backend: BackendLoop
) -> None:
    async def work(box: ToolBox, context: Any) -> None:
        assert box.specs

    on_backend(work, far.entry("stubborn"))
    pids = [int(line.split()[1]) for line in far.noted() if line.startswith(("began", "child"))]
    assert len(pids) == 2
    backend.close()
    left = [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)]
    assert psutil.wait_procs(left, timeout=120)[1] == []


def test_two_servers_of_one_name_keep_their_tools_apart(tmp_path: Path, on_backend: Callable[..., Any]) -> None:
    first, second = Far(tmp_path), Far(tmp_path)

    async def work(box: ToolBox, context: Any) -> None:
        names = [spec.name for spec in box.specs]
        assert len(set(names)) == len(names)
        assert {"demo__weather", "demo-2__weather"} <= set(names)

    on_backend(work, first.entry(), {**second.entry(), "env": {"A": "1"}})


def test_a_tool_of_a_server_that_asks_needs_a_person(far: Far, on_backend: Callable[..., Any]) -> None:
    async def work(box: ToolBox, context: Any) -> None:
        assert {spec.asks for spec in box.specs} == {True}

    on_backend(work, far.entry(asks=True))


def test_a_service_without_servers_is_one_sentence_in_the_run(on_backend: Callable[..., Any]) -> None:
    async def work(box: ToolBox, context: Any) -> None:
        assert box.notes == ("The setting mcp_url names a service, but mcp names no server that it could reach.",)

    on_backend(work, mcp_url="http://127.0.0.1:9")


def test_a_flood_of_progress_and_log_is_shown_in_part(tmp_path: Path) -> None:
    context, now = make_context(tmp_path), 0.0
    from genie_nb.events import ToolStarted

    context.printer.emit(ToolStarted(call_id="c1", tool="t", assignee="a"))
    watch = CardWatch(a_call(context), clock=lambda: now)
    for done in range(1000):
        now += 0.01
        watch.progress(done, 1000, "")
        watch.log("line")
    watch.finish()
    watch.log("too late")
    watch.progress(5, 5, "too late")
    shown = [event.part for event in events_of(context)[1:]]
    progress = [part for part in shown if isinstance(part, ProgressPart)]
    lines = [part.text for part in shown if isinstance(part, StreamPart)]
    assert 90 <= len(progress) <= 110
    assert (progress[0].done, progress[-1].done) == (0, 999)
    assert len(lines) == 201
    assert lines[-1] == "… and more, which is left out.\n"


def test_a_servers_secrets_do_not_stand_in_its_name() -> None:
    entry = Settings.load(mcp=[{"url": "http://a:pass@h/mcp", "headers": {"X-Key": "sk-canary"}}]).mcp[0]
    server = McpServer.of(entry, entry.label)
    assert dict(server.headers) == {"authorization": "Basic YTpwYXNz", "x-key": "sk-canary"}
    assert "canary" not in repr(server) + repr(entry)
