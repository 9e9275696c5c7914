"""No HTML that may stand in a page carries a command of JupyterLab, which a click on it would run."""

import json

import pytest
from markdown_it import MarkdownIt
from nbconvert import HTMLExporter
from nbformat import NotebookNode

from genie_nb import events as ev
from genie_nb.parts import DocumentPart, ErrorPart, FileRef, Hit, ImagePart, Part, SearchPart, StreamPart, TablePart
from genie_nb.widgets.gate import clean
from genie_nb.widgets.labels import labels_for
from genie_nb.widgets.notebook import Beside, run_notebook
from genie_nb.widgets.notebook_order import read_events
from genie_nb.widgets.notebook_outputs import fenced, outputs_of, parts_markdown
from genie_nb.widgets.patches import Painter
from genie_nb.widgets.previews import preview_html
from genie_nb.widgets.record import record_html, record_markdown, safe_markdown
from genie_nb.widgets.render import code_html, markdown_html, table_html
from tests.widgets.hostile import COMMAND, PAYLOADS, hostile_run
from tests.widgets.sample_runs import call, folded, numbered, started, words
from tests.widgets.test_render import Reader

COMMANDS = {name: payload for name, payload in PAYLOADS.items() if "commandlinker" in payload.lower()}
LABELS = labels_for("Q?")
TYPES = ("text/html", "text/markdown", "text/plain", "text/csv", "text/x-python", "application/json", "image/svg+xml")
trusting = MarkdownIt("commonmark", {"html": True}).enable("table")

every_command = pytest.mark.parametrize("payload", COMMANDS.values(), ids=COMMANDS)


def parts_of(payload: str) -> list[Part]:
    hit = Hit(title=payload, source=f"https://a.example/{payload}", text=payload, number=1)
    return [
        *(DocumentPart(text=payload, media_type=kind) for kind in TYPES),
        StreamPart(text=payload),
        TablePart(columns=(payload,), dtypes=(payload,), rows=((payload,),)),
        ImagePart(content=payload.encode(), media_type="image/svg+xml", alt=payload),
        ErrorPart(name=payload, message=payload, traceback=payload),
        SearchPart(stage="sources", hits=(hit,)),
        SearchPart(stage="hits", query=payload, engine=payload, hits=(hit,), note=payload),
    ]


def told(payload: str) -> list[ev.RunEvent]:
    """A run that says it in every place, also as an argument, as a table at hand and as what is asked."""
    inside = [
        *hostile_run([payload])[1:-1],
        *call("more", "code_interpreter", json.dumps({"code": payload}), parts_of(payload)),
        *call("tool", payload, json.dumps({payload: payload, "x": payload}), parts_of(payload)),
        ev.ToolStarted(call_id="ask", tool=payload, assignee="a"),
        ev.ApprovalRequested(call_id="ask", tool=payload, arguments=json.dumps({payload: payload}), files=(payload,)),
        *words("m1", f"```\n{payload}\n```\n{payload} [1]", "answer"),
    ]
    return numbered([started(payload), *inside, ev.RunFinished(output=f"{payload}\n\n{payload}")])


def assert_no_command(html: str) -> None:
    for tag, attributes in Reader(html).tags:
        assert not [name for name in attributes if name.startswith("data-commandlinker")], (tag, attributes)


def assert_no_command_in_markdown(markdown: str) -> None:
    """Neither as HTML, nor hidden in a code block that another reader may not see."""
    assert_no_command(trusting.render(markdown))
    assert_no_command(markdown)


def test_there_are_commands_to_try_and_the_reader_would_notice() -> None:
    assert len(COMMANDS) >= 12
    with pytest.raises(AssertionError):
        assert_no_command(f"<p>x</p><button {COMMAND}>x</button>")


@every_command
def test_the_gate_lets_none_through(payload: str) -> None:
    assert_no_command(clean(payload))
    assert_no_command(markdown_html(payload))
    for language in ("html", "python", ""):
        assert_no_command(code_html(payload, language))
    assert_no_command(table_html(TablePart(columns=(payload,), dtypes=(payload,), rows=((payload,),)), payload))


@every_command
def test_the_live_view_holds_none(payload: str) -> None:
    painter = Painter(payload)
    for event in told(payload):
        painter.take(event)
    for patch in painter.page.snapshot() + painter.paint():
        if patch[0] == "h":
            assert_no_command(patch[3])
        assert not (patch[0] in "+=" and [name for name in patch[-2] or {} if "commandlinker" in name])


@every_command
def test_the_record_holds_none(payload: str) -> None:
    assert_no_command(record_html(folded(told(payload)), read_file=lambda *_: payload.encode()))


@every_command
@pytest.mark.parametrize("media_type", TYPES)
def test_previews_of_files_hold_none(payload: str, media_type: str) -> None:
    file = FileRef(name=payload, size=len(payload), media_type=media_type, sha256="")
    assert_no_command(preview_html(file, payload.encode(), LABELS))


@every_command
def test_markdown_of_records_and_exports_holds_none(payload: str) -> None:
    assert_no_command_in_markdown(record_markdown(folded(told(payload))))
    assert_no_command_in_markdown(safe_markdown(payload))
    assert_no_command_in_markdown(fenced(payload, "text", LABELS))
    for block in parts_markdown(parts_of(payload), LABELS)[0]:
        assert_no_command_in_markdown(block)


@every_command
def test_outputs_and_cells_of_an_exported_notebook_hold_none(payload: str) -> None:
    for output in outputs_of(parts_of(payload), LABELS):
        assert_no_command(output.get("data", {}).get("text/html", ""))
        assert_no_command_in_markdown(output.get("data", {}).get("text/markdown", ""))
    notebook: NotebookNode = run_notebook(*read_events(told(payload), payload), Beside(), thoughts=True)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            assert_no_command_in_markdown(cell.source)
    page, _ = HTMLExporter(template_name="basic").from_notebook_node(notebook)
    assert_no_command(page)


def test_a_code_block_that_acts_nowhere_else_is_kept_and_another_is_shown_as_it_is() -> None:
    assert safe_markdown("a\n```html\n<b>x</b>\n```\nb") == "a\n```html\n<b>x</b>\n```\nb"
    shown = trusting.render(safe_markdown(f"a\n```html\n<button {COMMAND}>\n\n  *x* &amp; y\n```\nb"))
    assert Reader(shown).words.split("\n", 1)[1] == f"<button {COMMAND}>\n\n  *x* &amp; y\n\nb\n"
    assert [tag for tag, _ in Reader(shown).tags] == ["p", "pre", "code", "p"]
