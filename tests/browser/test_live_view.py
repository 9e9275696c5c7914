"""The live view in a real notebook: whole after a flood, a reload, in a second view; stopped, unfolded, saved from."""

import itertools
import re
import zipfile
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Lab
from tests.widgets.sample_runs import CODE, FILES

SET_UP = """
import asyncio
from tests.browser.live_stage import *
from tests.widgets.sample_runs import *
stage, gate = Stage(), asyncio.Event()
"""
FLOOD = """
tokens = [f"t{n} " if n % 40 else f"t{n}\\n\\n" for n in range(20_000)]
deltas = [ev.TextDelta(message_id="m", text=token) for token in tokens]
text = "".join(tokens)
flood = numbered([
    started(), ev.TextStarted(message_id="m", channel="answer", assignee="planner"), *deltas,
    ev.TextFinished(message_id="m", channel="answer", text=text), ev.RunFinished(output=text),
])
"""
FLOOD_WORDS = [f"t{n}" for n in range(20_000)]


def answer_words(lab: Lab, index: int) -> list[str]:
    text = lab.output(index).locator(".gnb-answer > .gnb-inside").text_content() or ""
    return text.split()


def wait_for_end(lab: Lab, index: int) -> None:
    expect(lab.output(index).locator(".gnb").first).to_have_attribute("data-status", "finished")


def test_after_a_flood_of_20_000_tokens_every_word_is_there(lab: Lab) -> None:
    lab.open([SET_UP + FLOOD, "view = stage.view(); stage.play(view, burst(flood)); stage.end()"])
    lab.run(0)
    lab.run(1)
    wait_for_end(lab, 1)
    assert answer_words(lab, 1) == FLOOD_WORDS


def test_a_reload_in_mid_run_shows_all_that_was_and_all_that_comes(lab: Lab) -> None:
    lab.open(
        [
            SET_UP + FLOOD,
            "view = stage.view(); stage.play(view, gated(flood, 10_002, gate))",
            "stage.loop.call_soon_threadsafe(gate.set); stage.end()",
        ]
    )
    lab.run(0)
    lab.run(1)
    expect(lab.output(1)).to_contain_text("t9999")
    lab.save()
    lab.reload()
    expect(lab.output(1)).to_contain_text("t9999")
    assert answer_words(lab, 1) == FLOOD_WORDS[:10_000]
    lab.run(2)
    wait_for_end(lab, 1)
    assert answer_words(lab, 1) == FLOOD_WORDS


def test_a_second_view_that_opens_late_shows_the_same(lab: Lab) -> None:
    lab.open(
        [
            SET_UP + FLOOD,
            "view = stage.view(); stage.play(view, gated(flood, 15_002, gate))",
            "show(view)",
            "stage.loop.call_soon_threadsafe(gate.set); stage.end()",
        ]
    )
    lab.run(0)
    lab.run(1)
    expect(lab.output(1)).to_contain_text("t14999")
    lab.run(2)
    expect(lab.output(2)).to_contain_text("t14999")
    lab.run(3)
    for index in (1, 2):
        wait_for_end(lab, index)
        assert answer_words(lab, index) == FLOOD_WORDS


@pytest.mark.parametrize("way", ["button", "escape"])
def test_stop_reaches_the_run_while_its_cell_awaits(lab: Lab, way: str) -> None:
    lab.open(
        [
            SET_UP,
            "view = stage.view(); stage.play(view, gated(sample_run(), 100, gate))\n"
            "stopped = await asyncio.to_thread(stage.cancelled.wait, 60); print(stopped)",
        ]
    )
    lab.run(0)
    lab.start(1)
    stop = lab.output(1).locator(".gnb-stop")
    expect(stop).to_be_visible()
    if way == "button":
        stop.click()
    else:
        stop.press("Escape")
    lab.wait_done(1)
    expect(lab.output(1)).to_contain_text("True")
    expect(stop).to_be_disabled()


def test_the_stream_goes_on_while_a_cell_computes(lab: Lab) -> None:
    busy = "import time\nstage.loop.call_soon_threadsafe(gate.set)\nwhile not stage.cancelled.is_set(): time.sleep(0.05)"
    lab.open([SET_UP, "view = stage.view(); stage.play(view, gated(sample_run(), 100, gate))", busy])
    lab.run(0)
    lab.run(1)
    lab.start(2)
    wait_for_end(lab, 1)
    lab.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.interrupt()")
    lab.wait_done(2)


def unfold(lab: Lab, index: int) -> None:
    """Show how the answer came about."""
    lab.output(index).locator(".gnb-how > summary").click()


def test_a_task_folds_when_it_is_done_but_not_one_that_was_unfolded_by_hand(lab: Lab) -> None:
    lab.open(
        [
            SET_UP + "run = sample_run(); at = [type(e).__name__ for e in run].index('TaskFinished')",
            "view = stage.view(); stage.play(view, gated(run, at, gate))",
            "stage.loop.call_soon_threadsafe(gate.set); stage.end()",
        ]
    )
    lab.run(0)
    lab.run(1)
    unfold(lab, 1)
    task = lab.output(1).locator(".gnb-task").first
    expect(task).to_have_attribute("open", "")
    expect(task.locator(".gnb-code").first).to_have_text(CODE)
    task.locator("> summary").click()
    task.locator("> summary").click()
    lab.run(2)
    wait_for_end(lab, 1)
    tasks = lab.output(1).locator(".gnb-task")
    assert [task.evaluate("task => task.open") for task in tasks.all()] == [True, False]


HEIGHTS = """() => {
    window.heights = [];
    const area = () => document.querySelectorAll(".jp-Notebook .jp-Cell")[1].querySelector(".jp-Cell-outputArea");
    const look = () => { heights.push(area()?.offsetHeight || 0); requestAnimationFrame(look); };
    look();
}"""
SALES = "import pandas as pd\nimport genie_nb as gn\nsales = pd.DataFrame({'region': list('ABAB'), 'sales': [1, 2, 3, 4]})"


@pytest.mark.parametrize("cell", ["run", "await run"], ids=["its value", "awaited"])
def test_nothing_jumps_while_a_run_goes_on_and_when_its_record_comes(lab: Lab, cell: str) -> None:
    ask = f"run = gn.ask('total sales by region as a chart', data={{'sales': sales}}); {cell}"
    lab.open([SALES, ask])
    lab.run(0)
    lab.page.evaluate(HEIGHTS)
    lab.run(1)
    expect(lab.output(1).locator(".gnb-record .gnb-files .gnb-picture")).to_be_visible()
    expect(lab.output(1).locator(".gnb")).to_have_count(1)
    expect(lab.output(1)).not_to_have_attribute("style", re.compile("min-height: [1-9]"))
    heights = lab.page.evaluate("() => new Promise(done => requestAnimationFrame(() => done(heights)))")
    assert heights[-1] > 500
    # Only what the work took is given back, once, when the record stands.
    assert len([one for one, two in itertools.pairwise(heights) if two < one]) <= 1


def test_the_window_of_the_work_follows_its_end_unless_it_was_scrolled_up(lab: Lab) -> None:
    cells = [f"stage.loop.call_soon_threadsafe(gates[{n}].set)" for n in (0, 1)]
    lab.open(
        [
            SET_UP + LONG,
            "view = stage.view(); stage.play(view, talking(gates))",
            *cells,
        ]
    )
    lab.run(0)
    lab.run(1)
    unfold(lab, 1)
    work = lab.output(1).locator(".gnb-work > .gnb-inside")
    expect(work).to_contain_text("line 99")
    left = "box => Math.round(box.scrollHeight - box.scrollTop - box.clientHeight)"
    assert work.evaluate("box => box.scrollHeight > box.clientHeight + 500")
    assert work.evaluate(left) < 8
    work.hover()
    lab.page.mouse.wheel(0, -400)
    lab.page.wait_for_function(f"box => ({left})(box) > 300", arg=work.element_handle())
    top = work.evaluate("box => box.scrollTop")
    lab.run(2)
    expect(work).to_contain_text("line 199")
    assert abs(work.evaluate("box => box.scrollTop") - top) < 8
    work.evaluate("box => { box.scrollTop = box.scrollHeight; }")
    lab.run(3)
    expect(work).to_contain_text("line 299")
    lab.page.wait_for_function(f"box => ({left})(box) < 8", arg=work.element_handle())


def test_a_file_can_be_looked_at_and_saved(lab: Lab) -> None:
    lab.open([SET_UP, "view = stage.view(); stage.play(view, burst(sample_run())); stage.end()"])
    lab.run(0)
    lab.run(1)
    file = lab.output(1).locator(".gnb-file").filter(has_text="sales.csv")
    file.locator("> summary .gnb-file-name").click()
    expect(file.locator("td").first).to_have_text("2026-01-02")
    with lab.page.expect_download() as download:
        file.locator("button").click()
    assert download.value.suggested_filename == "sales.csv"
    assert download.value.path().read_bytes() == FILES["sales.csv"]


LONG = """
gates = [asyncio.Event(), asyncio.Event()]
words = [f"line {n}\\n\\n" for n in range(300)]
run = [started(), ev.TextStarted(message_id="m", channel="plan_thought", assignee="x")]
run = numbered([*run, *(ev.TextDelta(message_id="m", text=text) for text in words)])
async def talking(gates):
    for number, event in enumerate(run):
        if number in (102, 202):
            await gates[number // 200].wait()
        yield event
"""
GIVEN = """
given = (
    FileRef(name="sales.csv", size=1_204_000, media_type="text/csv", sha256="", about="CSV, 1,204 rows × 7 columns, GBK"),
    FileRef(name="a long name of a workbook with the budget of the year 2026.xlsx", size=98_000, media_type="x/y", sha256="",
            about="Excel, 5 sheets: Budget 204 × 18, Actuals 204 × 18, Forecast 96 × 12, People 48 × 9, …"),
    FileRef(name="contract.pdf", size=3_204_000, media_type="application/pdf", sha256="", about="PDF, 12 pages"),
)
tables = (FileRef(name="df", size=88_000, media_type="x/arrow", sha256="", about="DataFrame, 2,000 rows × 5 columns"),)
first = msgspec.structs.replace(sample_run()[0], files=given, tables=tables)
run = [first, *sample_run()[1:]]
stage.contents |= {"sales.csv": FILES["sales.csv"]}
"""


def test_what_was_given_is_listed_and_all_that_was_made_comes_as_one_archive(lab: Lab) -> None:
    head = "import msgspec\nfrom genie_nb.parts import FileRef\n"
    lab.open(
        [SET_UP + head + GIVEN, "view = stage.view(); stage.play(view, burst(run)); stage.end()", "Record(run, stage.read)"]
    )
    lab.run(0)
    lab.run(1)
    wait_for_end(lab, 1)
    unfold(lab, 1)
    given = lab.output(1).locator(".gnb-given .gnb-file")
    expect(given).to_have_count(4)
    expect(given.first).to_contain_text("CSV, 1,204 rows × 7 columns, GBK")
    given.first.locator("> summary").click()
    expect(given.first.locator("td").first).to_have_text("2026-01-02")
    with lab.page.expect_download() as download:
        lab.output(1).locator(".gnb-zip").click()
    assert download.value.suggested_filename == "files.zip"
    with zipfile.ZipFile(download.value.path()) as archive:
        assert sorted(archive.namelist()) == sorted(FILES)
        assert all(archive.read(name) == content for name, content in FILES.items())
    expect(lab.output(1).locator(".gnb-zip")).to_be_enabled()
    lab.run(2)
    for theme in ("light", "dark"):
        lab.theme(theme)
        lab.shot(1, f"files-{theme}")
        lab.shot(2, f"files-record-{theme}")


def test_streaming_never_takes_the_focus(lab: Lab) -> None:
    lab.open([SET_UP, "view = stage.view(); stage.play(view, gated(sample_run(), 30, gate))", ""])
    lab.run(0)
    lab.run(1)
    lab.cell(2).locator(".cm-content").click()
    focused = lab.page.evaluate_handle("document.activeElement")
    lab.page.keyboard.type("stage.loop.call_soon_threadsafe(gate.set); stage.end()")
    lab.run(2)
    wait_for_end(lab, 1)
    assert lab.page.evaluate("element => !document.activeElement.closest('.gnb-view')", focused)


MONEY = "Ortho has the highest average Cost: $5,546.91; cardio has the lowest ($3,900.24)."


def test_dollars_are_money_in_the_record_and_no_formulas(lab: Lab) -> None:
    said = f"class Plain(Record):\n    def _repr_mimebundle_(self, **_): return {{'text/html': '<p>{MONEY}</p>'}}\n"
    said += "class Words(Record):\n    def _repr_mimebundle_(self, **_):\n"
    said += "        return {'text/markdown': super()._repr_mimebundle_()['text/markdown']}\n"
    run = f"run = numbered([started('Is it $5 or $6?'), ev.RunFinished(output={MONEY!r})])"
    lab.open([SET_UP + said + run, "Plain(run, None)", "Record(run, None)", "Words(run, None)"])
    lab.run(0)
    for index in (1, 2, 3):
        lab.run(index)
    # The same words in a page of their own are typeset: by then the record would have been, too.
    expect(lab.output(1).locator("mjx-container").first).to_be_attached()
    for index in (2, 3):
        expect(lab.output(index)).to_contain_text(MONEY)
        expect(lab.output(index)).to_contain_text("Is it $5 or $6?")
        expect(lab.output(index).locator("mjx-container")).to_have_count(0)
    lab.shot(2, "record-dollars")
    lab.shot(3, "record-dollars-markdown")


def test_light_and_dark_pictures(lab: Lab) -> None:
    lab.open(
        [
            SET_UP + "run = sample_run()",
            "view = stage.view(); stage.play(view, gated(run, int(len(run) * 0.7), gate))",
            "stage.loop.call_soon_threadsafe(gate.set); stage.end(); Record(run, stage.read)",
        ]
    )
    lab.run(0)
    lab.run(1)
    expect(lab.output(1)).to_contain_text("Sales grew")
    grounds: dict[str, Any] = {}
    for theme in ("light", "dark"):
        lab.theme(theme)
        assert lab.shot(1, f"running-{theme}").stat().st_size > 10_000
        style = "element => getComputedStyle(element).backgroundColor"
        grounds[theme] = lab.output(1).locator(".gnb").evaluate(style)
    assert grounds["light"] != grounds["dark"]
    lab.run(2)
    for theme in ("dark", "light"):
        lab.theme(theme)
        assert lab.shot(2, f"record-{theme}").stat().st_size > 10_000
