"""What a hostile model, tool or file does not get done: each case was a fault once."""

import asyncio
import io
import os
import threading
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from rich.console import Console

from genie_nb import events as ev
from genie_nb.backend.interpreter.tracebacks import clean_error, clean_paths
from genie_nb.backend.models.call_fragments import CallAssembler
from genie_nb.backend.models.model_errors import page_title
from genie_nb.backend.settings import Settings
from genie_nb.backend.workspace import Workspace, file_ref
from genie_nb.cli.terminal import follow
from genie_nb.errors import RequestError, SettingsError
from genie_nb.parts import CodePart, DocumentPart, StreamPart
from genie_nb.widgets.blocks import TextFlow
from genie_nb.widgets.patches import Painter
from genie_nb.widgets.record import record_html, record_markdown
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
    thread.join(timeout=20)
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
    assert "not valid JSON" in record_html(folded(run), read_file=lambda name: b"")


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
