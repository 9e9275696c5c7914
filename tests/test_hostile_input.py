"""What a hostile model, tool or file does not get done: each case was a fault once."""

import asyncio
import io
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pandas as pd
import pytest
from markdown_it import MarkdownIt
from rich.console import Console

import genie_nb as gn
from genie_nb import events as ev
from genie_nb.backend.agents.plan import change_plan
from genie_nb.backend.interpreter.pool import KernelPool
from genie_nb.backend.interpreter.tracebacks import clean_error, clean_paths
from genie_nb.backend.loop import BackendLoop
from genie_nb.backend.models.base import Finish, Reasoning, Text, ToolCallFragment
from genie_nb.backend.models.call_fragments import CallAssembler
from genie_nb.backend.models.model_errors import page_title
from genie_nb.backend.settings import Settings
from genie_nb.backend.tools.returned import shown_and_told
from genie_nb.backend.workspace import Workspace, file_ref
from genie_nb.cli.terminal import follow
from genie_nb.errors import RequestError, SettingsError, ToolFailed
from genie_nb.parts import CodePart, DocumentPart, FileRef, Plan, StreamPart, TablePart
from genie_nb.widgets.blocks import TextFlow
from genie_nb.widgets.gate import closed_frame
from genie_nb.widgets.patches import Painter
from genie_nb.widgets.previews import PREVIEW_BYTES
from genie_nb.widgets.record import record_html, record_markdown
from tests.fakes import ChunkModel
from tests.widgets.sample_runs import folded, numbered, started


def test_a_pipe_in_the_place_of_a_file_is_refused_without_waiting_for_a_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "r.txt")
    with pytest.raises(OSError, match="no ordinary file"):
        file_ref("r.txt", tmp_path / "r.txt")


def test_a_link_in_the_place_of_a_file_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "r.txt").symlink_to("/etc/passwd")
    with pytest.raises(OSError, match="symbolic"):
        file_ref("r.txt", tmp_path / "r.txt")
    with pytest.raises(RequestError):
        Workspace(tmp_path).read("r.txt")


def test_a_file_too_large_to_hash_is_listed_without_a_digest(tmp_path: Path) -> None:
    with (tmp_path / "huge.bin").open("wb") as file:
        file.truncate(2**33)
    (listed,) = Workspace(tmp_path).changed()
    assert (listed.size, listed.sha256) == (2**33, "")


def test_a_flood_of_files_stays_within_the_limit_over_several_looks(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    for start in range(0, 2_000, 1_000):
        for number in range(start, start + 1_000):
            (tmp_path / f"f{2_000 - number:04}").touch()
        workspace.changed()
    assert len(workspace._seen) == 1_000


def bounded(work) -> None:  # noqa: ANN001
    """Quadratic work on these texts takes minutes; done at all, it is done in time."""
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(timeout=300)
    assert not thread.is_alive()


SLOW = {
    "paths in what is printed": lambda: clean_paths("(/" * 500_000, Path("/run")),
    "a huge error message": lambda: clean_error("E", "(/" * 5_000_000, ["(/" * 5_000_000], Path("/run")),
    "titles of a page": lambda: page_title("<title>" * 1_000_000),
    "blanks at the end of a text": lambda: list(_flow(" " * 400_000 + "x").changed()),
    "arguments in tiny pieces": lambda: _assemble("x" * 100, 200_000),
}


def _flow(text: str) -> TextFlow:
    flow = TextFlow()
    flow.feed(text)
    return flow


def _assemble(piece: str, count: int) -> None:
    calls = CallAssembler()
    list(calls.feed([{"index": 0, "id": "c", "function": {"name": "f"}}]))
    for _ in range(count):
        list(calls.feed([{"index": 0, "function": {"arguments": piece}}]))


@pytest.mark.parametrize("work", SLOW.values(), ids=SLOW)
def test_a_long_hostile_text_costs_time_in_proportion_to_its_length(work) -> None:  # noqa: ANN001
    bounded(work)


@pytest.mark.parametrize("text", [r"\![x](https://evil.example/p.png)", "![x](https://evil.example/p.png)"])
def test_the_records_markdown_loads_no_picture_whatever_is_escaped(text: str) -> None:
    run = folded(numbered([started(), ev.RunFinished(output=text)]))
    assert "<img" not in MarkdownIt().render(record_markdown(run))


@pytest.mark.parametrize("text", [r"[x\](javascript:alert(1))", "[x](javascript:alert(1))"])
def test_the_records_markdown_has_no_link_that_runs(text: str) -> None:
    reader = MarkdownIt()
    reader.validateLink = lambda url: True  # a reader that trusts every address
    run = folded(numbered([started(), ev.RunFinished(output=text)]))
    assert 'href="javascript' not in reader.render(record_markdown(run))


ARGUMENTS = {"an escape that JSON has not": r'{"code": "\x41"}', "brackets without end": "[" * 200_000, "no JSON": '{"code'}


@pytest.mark.parametrize("arguments", ARGUMENTS.values(), ids=ARGUMENTS)
def test_malformed_arguments_break_neither_the_view_nor_the_record(arguments: str) -> None:
    run = numbered(
        [
            started(),
            ev.ToolStarted(call_id="c1", tool="code_interpreter", assignee="executor"),
            ev.ToolArguments(call_id="c1", fragment=arguments),
            ev.ToolFinished(call_id="c1", status="error", output="not valid JSON"),
            ev.RunFinished(output="done"),
        ]
    )
    painter = Painter()
    for event in run:
        painter.take(event)
        painter.paint()
    assert "not valid JSON" in record_html(folded(run), read_file=lambda *_: b"")


@pytest.mark.parametrize(
    "part", [CodePart(code="x = 1\n" * 1_000_000), DocumentPart(text="[1," * 2_000_000, media_type="application/json")]
)
def test_a_huge_part_is_cut_in_what_is_sent_to_the_page(part: CodePart | DocumentPart) -> None:
    painter = Painter()
    for event in numbered(
        [
            started(),
            ev.ToolStarted(call_id="c1", tool="t", assignee="executor"),
            ev.ToolOutput(call_id="c1", part=part),
        ]
    ):
        painter.take(event)
    assert len(str(painter.paint())) < 2_000_000


def test_no_control_character_of_a_tool_or_a_model_reaches_the_terminal() -> None:
    evil = "\x1b]52;c;ZXZpbA==\x07\x1b]0;title\x07\x9b31m"

    async def events():  # noqa: ANN202
        for event in numbered(
            [
                started(),
                ev.ToolStarted(call_id="c1", tool="t", assignee="executor"),
                ev.ToolOutput(call_id="c1", part=StreamPart(text=evil)),
                ev.ToolOutput(call_id="c1", part=DocumentPart(text="no json", media_type="application/json")),
                ev.ToolFinished(call_id="c1", status="ok"),
                ev.TextStarted(message_id="m", channel="answer", assignee="summary"),
                ev.TextDelta(message_id="m", text="Well: " + evil),
                ev.TextFinished(message_id="m", channel="answer", text="Well: " + evil),
                ev.RunFinished(output="Well: " + evil),
            ]
        ):
            yield event

    shown = io.StringIO()
    asyncio.run(follow(events(), Console(file=shown, force_terminal=False)))
    assert "Well" in shown.getvalue()
    assert not {"\x1b", "\x07", "\x9b"} & set(shown.getvalue())


@pytest.mark.parametrize("line", ["api_key: *sk-canary", "api_key: !sk-canary x", "- sk-canary", "sk-canary"])
def test_a_broken_settings_file_tells_no_key(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("genie.yaml").write_text(line + "\n", encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        Settings.load()
    assert "sk-canary" not in repr(caught.value) + repr(caught.value.__cause__)
    assert "genie.yaml" in str(caught.value)


def test_a_framed_document_cannot_be_clicked() -> None:
    assert 'srcdoc="&lt;!doctype html&gt;&lt;html inert&gt;' in closed_frame("<a href='https://evil.example'>x</a>", "page")


def test_a_plan_of_thousands_of_steps_is_refused() -> None:
    steps = [{"id": f"s{n}", "title": "t", "detail": "d"} for n in range(4_000)]
    with pytest.raises(ToolFailed, match="over 100 steps"):
        change_plan(Plan(), json.dumps({"add": steps}))


@pytest.mark.slow
def test_a_table_that_a_tool_returns_is_told_in_bounds() -> None:
    wide = pd.DataFrame([["x" * 200_000] * 500] * 40)
    (part,), told = shown_and_told("t", wide)
    assert isinstance(part, TablePart)
    assert (part.total_rows, part.total_columns) == (40, 500)
    assert len(told) < 20_000
    assert len(str(part)) < 500_000


class Unreadable(Exception):
    def __str__(self) -> str:
        raise ValueError("no")


def test_an_exception_whose_message_raises_is_still_told_to_the_model(tmp_path: Path) -> None:
    def fail() -> None:
        """Fail."""
        raise Unreadable

    model = gn.ScriptedModel([gn.Say(calls=[("fail", {})]), gn.Say("done")])
    run = gn.Genie(model=model, agent="react", tools=[fail], runs_folder=tmp_path).ask("?", show=False).result()
    assert run.status == "finished"
    assert "Unreadable" in next(iter(run.transcript.calls.values())).output


def test_lone_surrogates_of_a_question_and_of_a_tools_name_can_be_recorded(tmp_path: Path) -> None:
    model = gn.ScriptedModel([gn.Say(calls=[("t\ud800", {})]), gn.Say("done")])
    run = gn.Genie(model=model, agent="react", runs_folder=tmp_path).ask("q \ud800", show=False).result()
    assert run.status == "finished"
    assert asyncio.run(gn.record(run.events(), tmp_path / "run.jsonl")) == len(run.channel)


def test_a_hidden_input_cannot_take_the_place_of_the_runs_own_folder(tmp_path: Path) -> None:
    (tmp_path / ".inputs").write_text("a,b\n1,2\n")
    model = gn.ScriptedModel([gn.Say("done")])
    genie = gn.Genie(model=model, agent="react", runs_folder=tmp_path / "runs")
    run = genie.ask("?", files=[tmp_path / ".inputs"], data={"df": pd.DataFrame({"n": [1]})}, show=False).result()
    assert run.error is None


def test_cancelling_after_the_backend_has_closed_does_nothing(make_run, backend: BackendLoop) -> None:  # noqa: ANN001
    run = make_run(gn.ScriptedModel([gn.Say("done")])).start().result()
    backend.close()
    run.cancel()
    assert run.status == "finished"


def test_a_forked_child_that_ends_leaves_the_parents_kernels_alone() -> None:
    code = (
        "import os, sys, genie_nb as gn\n"
        "cell = lambda text: gn.Say(calls=[('code_interpreter', {'code': text})])\n"
        "def script(messages, tools):\n"
        "    if messages[-1].role == 'user': return cell('x = 41')\n"
        "    if 'forked' not in done:\n"
        "        done.append('forked')\n"
        "        return cell('print(x + 1)')\n"
        "    return gn.Say(messages[-1].content)\n"
        "done = []\n"
        "genie = gn.Genie(model=gn.ScriptedModel([cell('1')] + [gn.Say('one')]), agent='react')\n"
        "genie.ask('?').result()\n"
        "child = os.fork()\n"
        "if child == 0: sys.exit()\n"
        "os.waitpid(child, 0)\n"
        "run = gn.Genie(model=gn.ScriptedModel(script), agent='react').ask('?').result()\n"
        "print(run.answer, [call.status for call in run.transcript.calls.values()])\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.stdout.split("\n")[-2] == "42 ['ok', 'ok']", done.stdout + done.stderr


def test_runs_cancelled_while_a_kernel_starts_leave_no_more_spares_than_wanted() -> None:
    async def main() -> int:
        pool = KernelPool(spare=1)
        try:
            taking = [asyncio.create_task(pool.take()) for _ in range(4)]
            await asyncio.sleep(0)
            for task in taking:
                task.cancel()
            await asyncio.gather(*taking, return_exceptions=True)
            return len(pool._spares)
        finally:
            await pool.close()

    assert asyncio.run(main()) == 1


ENDLESS = {
    "text": [Text("x" * 6_000_000)],
    "reasoning": [Reasoning("x" * 6_000_000)],
    "a call": [ToolCallFragment(0, "a", "t", "x" * 6_000_000)],
    "all together": [Text("x" * 2_000_000), Reasoning("x" * 2_000_000), ToolCallFragment(0, "a", "t", "x" * 2_000_000)],
}


@pytest.mark.parametrize("endless", ENDLESS.values(), ids=ENDLESS)
def test_a_reply_without_end_is_stopped(endless, make_run) -> None:  # noqa: ANN001
    run = make_run(ChunkModel([[*endless, Finish()]])).start().result()
    assert run.status == "failed"
    assert "grew beyond 5,000,000 characters" in str(run.error)


def test_thousands_of_calls_in_one_reply_run_a_few_at_a_time(make_run) -> None:  # noqa: ANN001
    now, most = 0, 0

    @gn.tool
    async def count(number: int) -> str:
        """Count."""
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0)
        now -= 1
        return f"counted {number}"

    calls = [("count", {"number": number}) for number in range(300)]
    run = make_run(gn.ScriptedModel([gn.Say(calls=calls), gn.Say("done")]), count).start().result()
    assert run.status == "finished"
    assert most <= 16


def test_a_large_file_is_previewed_by_its_head(tmp_path: Path) -> None:
    asked: list[int] = []

    def read(name: str, most_bytes: int) -> bytes:
        asked.append(most_bytes)
        return b"n\n" + b"1\n" * 1_000

    file = FileRef(name="large.csv", size=200_000_000, media_type="text/csv", sha256="")
    run = numbered([started(), ev.FileCreated(file=file), ev.RunFinished(output="done", files=(file,))])
    html = record_html(folded(run), read_file=read)
    assert asked == [PREVIEW_BYTES]
    assert "8 of 999+ rows" in html


def test_a_record_carries_no_more_than_its_share_of_files() -> None:
    picture = b"\x89PNG" + b"x" * 1_500_000
    files = tuple(FileRef(name=f"{n}.png", size=len(picture), media_type="image/png", sha256="") for n in range(40))
    run = numbered([started(), ev.RunFinished(output="done", files=files)])
    html = record_html(folded(run), read_file=lambda *_: picture)
    assert len(html) < 20_000_000
    assert "39.png" in html
