"""Hostile words in a real browser: nothing of them runs, and no request leaves the notebook's server."""

from playwright.sync_api import expect

from genie_nb.widgets.record import record_html, record_markdown, record_text, safe_markdown
from tests.browser.conftest import SHOTS, Lab
from tests.widgets.hostile import EVIL, PAYLOADS, RUN, hostile_run
from tests.widgets.sample_runs import FILES, folded, sample_run

SET_UP = """
from tests.browser.live_stage import *
from tests.widgets.hostile import *
stage, run = Stage(), hostile_run(PAYLOADS.values())
"""


COMMANDS = ".jp-OutputArea-output [data-commandlinker-command], .jp-MarkdownOutput [data-commandlinker-command]"


def assert_nothing_ran(lab: Lab) -> None:
    """Unfold everything, give it time to load, and look for traces."""
    lab.page.evaluate("document.querySelectorAll('.jp-Notebook details').forEach(element => { element.open = true; })")
    lab.page.wait_for_function("[...document.images].every(image => image.complete)")
    lab.page.mouse.move(400, 400)
    assert lab.page.evaluate("window.__owned") is None
    assert lab.foreign_requests == []
    assert lab.dialogs == []
    assert lab.page.locator(COMMANDS).count() == 0


def test_the_traps_would_notice(lab: Lab) -> None:
    lab.open([""])
    lab.page.evaluate(f"document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"{RUN}\">')")
    lab.page.wait_for_function("window.__owned === 1")
    with lab.page.expect_event("requestfailed"):
        lab.page.evaluate(f"document.body.insertAdjacentHTML('beforeend', '<img src={EVIL}/a.png>')")
    assert lab.foreign_requests[0] == "GET /a.png HTTP/1.1"


def test_no_markdown_of_a_record_carries_a_command_or_loads_a_picture(lab: Lab) -> None:
    hidden = {name: payload for name, payload in PAYLOADS.items() if name.startswith(("command", "image-md", "md-"))}
    texts = [safe_markdown(f"{name}\n\n{payload}") for name, payload in hidden.items()]
    outputs = [_cell({"text/markdown": text}) for text in texts]
    lab.open([*({"cell_type": "markdown", "source": text} for text in texts), *outputs])
    lab.page.wait_for_function(
        "count => document.querySelectorAll('.jp-RenderedMarkdown').length >= count", arg=2 * len(texts), timeout=30_000
    )
    assert_nothing_ran(lab)
    expect(lab.page.locator(".jp-RenderedMarkdown pre code").filter(has_text="commandlinker").first).to_be_visible()
    lab.page.locator(".jp-RenderedMarkdown").filter(has_text="command-md-title").first.screenshot(
        path=SHOTS / "command-md-title.png"
    )


def test_nothing_hostile_runs_in_the_live_view(lab: Lab) -> None:
    lab.open([SET_UP, "view = stage.view(); stage.play(view, paced(run, 2_000)); stage.end()"])
    lab.run(0)
    lab.run(1)
    view = lab.output(1).locator(".gnb").first
    expect(view).to_have_attribute("data-status", "finished")
    assert_nothing_ran(lab)
    files = view.locator(".gnb-file")
    assert files.count() == 3 * len(PAYLOADS)
    lab.page.wait_for_function(
        """() => {
            document.querySelectorAll(".gnb-file").forEach(file => { file.open = true; });
            return document.querySelectorAll(".gnb-file .gnb-preview:empty").length === 0;
        }""",
        polling=500,
    )
    assert_nothing_ran(lab)
    assert view.locator("script, object, embed, form, link, meta, base, video, audio, img:not([src^='data:'])").count() == 0
    assert view.locator("iframe:not([sandbox=''])").count() == 0


def test_nothing_hostile_runs_in_the_record_of_a_trusted_notebook(lab: Lab) -> None:
    lab.open([SET_UP, "Record(run, stage.read)"])
    lab.run(0)
    lab.run(1)
    expect(lab.output(1).locator(".gnb-record")).to_be_visible()
    assert_nothing_ran(lab)


def test_nothing_hostile_runs_in_the_record_of_an_untrusted_notebook(lab: Lab) -> None:
    run = folded(hostile_run(PAYLOADS.values()))
    html = record_html(run, read_file=lambda name, most_bytes: name.encode())
    lab.open([_cell({"text/html": html}), _cell({"text/markdown": record_markdown(run)})])
    expect(lab.output(0)).to_contain_text("How")
    assert_nothing_ran(lab)


def test_an_untrusted_record_can_still_be_read(lab: Lab) -> None:
    run = folded(sample_run())
    html = record_html(run, read_file=lambda name, most_bytes: FILES[name][:most_bytes])
    lab.open([_cell({"text/html": html, "text/plain": record_text(run)})])
    output = lab.output(0)
    expect(output.locator("h2").first).to_have_text("Sales grew by 12 %")
    assert output.locator("style").count() == 0
    for words in ("✓ Look at the file (done)", "north", "8,760 rows", "growth.png", "How: 4 steps"):
        expect(output).to_contain_text(words)
    assert output.locator("details.gnb-task").count() == 2
    lab.shot(0, "record-untrusted")


def _cell(bundle: dict[str, str]) -> dict[str, object]:
    output = {"output_type": "display_data", "data": bundle, "metadata": {}}
    return {"source": "", "outputs": [output], "execution_count": 1}
