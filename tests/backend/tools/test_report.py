"""The report as a tool: what the model is asked, what streams, which file appears, and what wrong input gives."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from pptx import Presentation

from genie_nb import events as ev
from genie_nb.backend.context import RunContext
from genie_nb.backend.models.base import Chunk, Finish, Text
from genie_nb.backend.models.base import ToolCallRequest as Request
from genie_nb.backend.models.sections import read_sections
from genie_nb.backend.reports.findings import findings
from genie_nb.backend.tools.base import ToolBox
from genie_nb.backend.tools.report import report_tool
from genie_nb.errors import ToolFailed
from genie_nb.parts import FileRef, Hit, SearchPart, TablePart
from genie_nb.transcript import Transcript, apply
from tests.backend.reports.sample_reports import SAMPLE
from tests.fakes import ChunkModel, a_call, events_of, make_context, of_kind, run

WRITTEN: Sequence[Chunk] = (Text("# T\n\n"), Text("words"), Finish())


def a_run(folder: Path, *events: ev.RunEvent, query: str = "Sales?", **settings: Any) -> RunContext:
    """A run in which this has happened."""
    context = make_context(folder, query=query, **({"slide_pictures": False} | settings))
    context.printer.emit(ev.RunStarted(query=query, agent="react", model="m", badge="offline rules"))
    for event in (*events, ev.ToolStarted(call_id="c1", tool="report", assignee="a")):
        context.printer.emit(event)
    return context


def report(context: RunContext, model: ChunkModel | None = None, **arguments: Any) -> str:
    model = model or ChunkModel([WRITTEN])
    return run(report_tool(context.settings, model).call(a_call(context, **({"task": "sales"} | arguments))))


TASK = (
    ev.TaskStarted(task_id="t1", title="Total by region", assignee="x", step_id="s1"),
    ev.ToolStarted(task_id="t1", call_id="c9", tool="code_interpreter", assignee="x"),
    ev.ToolOutput(task_id="t1", call_id="c9", part=TablePart(columns=("a",), rows=(("1",),), total_rows=1)),
    ev.ToolFinished(task_id="t1", call_id="c9", status="ok", output="a\n1", seconds=0),
    ev.TaskFinished(task_id="t1", status="completed", summary="North has 4."),
)


def test_the_text_streams_as_a_report_and_then_the_file_is_there(tmp_path: Path) -> None:
    context = a_run(tmp_path)
    assert report(context, file_name="sales", format="html").startswith("The report is written: sales.html (html, ")
    events = events_of(context)
    assert [event.text for event in of_kind(events, ev.TextDelta)] == ["# T\n\n", "words"]
    assert {event.channel for event in of_kind(events, ev.TextFinished)} == {"report"}
    (created,) = of_kind(events, ev.FileCreated)
    content = (tmp_path / "sales.html").read_bytes()
    assert (created.call_id, created.file.name, created.file.size) == ("c1", "sales.html", len(content))
    assert created.file.media_type == "text/html"
    assert len(created.file.sha256) == 64
    assert b"Written by m \xc2\xb7 offline rules" in content


def test_the_model_is_told_what_the_run_found(tmp_path: Path) -> None:
    model = ChunkModel([WRITTEN])
    report(a_run(tmp_path, *TASK), model, findings="South has 3.", task="the task", format="ppt")
    system, asked = model.asked[0]
    sections = read_sections(asked.content)
    assert "```chart" in system.content
    assert sections["report"] == '{"task": "the task", "format": "pptx"}'
    assert '"text": "South has 3."' in sections["findings"]
    assert '"title": "Total by region", "status": "completed", "text": "North has 4."' in sections["findings"]
    assert '"kind": "table", "columns": ["a"]' in sections["findings"]


def test_slides_come_as_a_presentation(tmp_path: Path) -> None:
    said = report(a_run(tmp_path, query="销售?"), ChunkModel([(Text(SAMPLE), Finish())]), fileType="ppt", fileName="茶")
    assert "茶.pptx" in said
    assert Presentation(io.BytesIO((tmp_path / "茶.pptx").read_bytes())).slides[0].shapes.title.text_frame.text == "茶饮报告"


@pytest.mark.parametrize(("wanted", "name"), [("markdown", "report.md"), ("pptx", "report.pptx"), (None, "report.html")])
def test_settings_say_what_the_call_does_not(tmp_path: Path, wanted: str | None, name: str) -> None:
    report(a_run(tmp_path, **({"report_format": wanted} if wanted else {})))
    assert (tmp_path / name).exists()


def test_a_second_report_of_a_name_takes_the_next_one(tmp_path: Path) -> None:
    context = a_run(tmp_path)
    model = ChunkModel([WRITTEN, WRITTEN])
    assert ["report.html" in report(context, model), "report-2.html" in report(context, model)] == [True, True]


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no-task": ({"task": ""}, "must say what the report is about"),
    "blank-task": ({"task": " \n"}, "must say what the report is about"),
    "task-no-text": ({"task": ["a"]}, "argument task must be text"),
    "huge-task": ({"task": "x" * 50_001}, "at most 50,000 characters"),
    "findings-no-text": ({"findings": {"a": 1}}, "argument findings must be text"),
    "huge-findings": ({"findings": "x" * 50_001}, "at most 50,000 characters"),
    "another-format": ({"format": "pdf"}, "html, markdown or pptx, not 'pdf'"),
    "format-no-text": ({"format": 3}, "html, markdown or pptx, not '3'"),
    "above": ({"file_name": "../../x"}, "cannot be used. Give a plain name"),
    "absolute": ({"file_name": "/tmp/x"}, "cannot be used. Give a plain name"),
    "nul": ({"file_name": "a\0b"}, "cannot be used. Give a plain name"),
    "long": ({"file_name": "x" * 999}, "is too long"),
    "reserved": ({"file_name": "nul.html"}, "No system takes the file name"),
    "name-no-text": ({"file_name": 4}, "must be text, not int"),
}


@pytest.mark.parametrize(("arguments", "why"), BAD.values(), ids=BAD)
def test_wrong_arguments_are_one_sentence_and_leave_no_trace(tmp_path: Path, arguments: dict[str, Any], why: str) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    model = ChunkModel([])
    with pytest.raises(ToolFailed, match=why):
        report(a_run(folder), model, **arguments)
    assert model.asked == []
    assert [path for path in tmp_path.rglob("*") if path != folder] == []


REPLIES: dict[str, tuple[str, str]] = {
    "nothing": (" \n", "wrote no report"),
    "a-title-only-of-binary": ("\x00\x01\x02", "The report is empty"),
    "huge": ("x" * 400_001, "at most 400,000 are made"),
}


@pytest.mark.parametrize(("text", "why"), REPLIES.values(), ids=REPLIES)
def test_a_reply_that_is_no_report_is_one_sentence(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(ToolFailed, match=why):
        report(a_run(tmp_path), ChunkModel([(Text(text), Finish())]))
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_fails_is_told_and_the_run_goes_on(tmp_path: Path) -> None:
    context = a_run(tmp_path)
    tools = ToolBox([report_tool(context.settings, ChunkModel([(Text("# T"),)]))])
    said = run(tools.run(Request("1", "report", '{"task": "t"}'), "c1", context))
    assert "The model's reply broke off." in said
    assert list(tmp_path.iterdir()) == []


def test_a_template_that_is_none_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "t.pptx").write_bytes(b"x")
    with pytest.raises(ToolFailed, match=r"t\.pptx is no presentation"):
        report(a_run(tmp_path, slides_template=tmp_path / "t.pptx"), format="pptx")


def folded(*events: ev.RunEvent) -> Transcript:
    transcript = Transcript()
    for event in events:
        apply(transcript, event)
    return transcript


def test_findings_tell_results_tables_sources_and_pictures_once() -> None:
    hits = (Hit(title="Page", source="https://a.example", text="said", number=1),)
    lines = findings(
        folded(
            *TASK,
            ev.ToolStarted(call_id="s", tool="deep_search", assignee="x"),
            ev.ToolOutput(call_id="s", part=SearchPart(stage="hits", hits=hits)),
            ev.ToolOutput(call_id="s", part=SearchPart(stage="sources", hits=hits)),
            ev.ToolFinished(call_id="s", status="ok", output="said", seconds=0),
            ev.ToolStarted(call_id="f", tool="code_interpreter", assignee="x"),
            ev.ToolFinished(call_id="f", status="error", output="failed", seconds=0),
            ev.FileCreated(file=FileRef(name="a.png", size=1, media_type="image/png", sha256="")),
            ev.TaskStarted(task_id="t2", title="Still at work", assignee="x", step_id="s2"),
        )
    ).splitlines()
    assert [line.split('"')[3] for line in lines] == ["result", "table", "source", "picture"]


def test_findings_keep_within_their_bound() -> None:
    many = [event for n in range(50) for event in _task(n)]
    lines = findings(folded(*many), most_characters=5_000)
    assert 3_000 < len(lines) <= 5_100


def _task(number: int) -> list[ev.RunEvent]:
    name = f"t{number}"
    return [
        ev.TaskStarted(task_id=name, title=name, assignee="x", step_id=name),
        ev.TaskFinished(task_id=name, status="completed", summary="words " * 100),
    ]
