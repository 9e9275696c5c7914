"""Views that are closed when newer ones are there: no output of a page breaks, and what a page shows goes on working."""

import json

from playwright.sync_api import expect

from tests.browser.conftest import Lab

SET_UP = """
import asyncio, threading, ipywidgets
import genie_nb as gn
gate = threading.Event()
async def hold() -> str:
    "Wait for the gate."
    while not gate.is_set():
        await asyncio.sleep(0.01)
    return "held"
WRITE = "open('a.md', 'w').write('# Head of A'); open('b.md', 'w').write('# B'); 1"
def ask(calls=()):
    script = [gn.Say(calls=[call]) for call in calls]
    model = gn.ScriptedModel([*script, gn.Say("It is done.")])
    return gn.Genie(model=model, agent="react", tools=[hold]).ask("Is it done?")
def views():
    return sum(one["model_module"] == "anywidget" for one in ipywidgets.Widget.get_manager_state()["state"].values())
async def until_views(count):
    "Wait for what pages say; the number of views in the end."
    for _ in range(400):
        if views() == count:
            break
        await asyncio.sleep(0.05)
    return views()
"""
MORE = "for _ in range(5):\n    await ask()\n    get_ipython().events.trigger('post_execute')"
BROKEN = "Error displaying widget"


def test_outputs_of_closed_views_are_records_before_and_after_a_reload(lab: Lab) -> None:
    cells = [
        "await ask()",
        "run = ask(); run.result(); run.stage.shown.result(20); 1",
        "(await ask()).answer",
        *["await ask()"] * 4,
    ]
    lab.open([SET_UP, *cells, "await until_views(3)"], "closed-views.ipynb")
    for index in range(len(cells) + 2):
        lab.run(index)
    expect(lab.output(len(cells) + 1).locator(".jp-OutputArea-output")).to_have_text("3")
    for _ in range(2):
        for index in range(1, len(cells) + 1):
            expect(lab.output(index).locator(".gnb-record")).to_have_count(1, timeout=30_000)
            expect(lab.output(index).locator(".gnb")).to_have_count(1)
        assert BROKEN not in lab.page.locator(".jp-Notebook").inner_text()
        lab.save()
        lab.reload()
    saved = json.loads((lab.server.root / "closed-views.ipynb").read_text("utf-8"))
    assert not any(
        "widget-view" in kind for cell in saved["cells"] for out in cell["outputs"] for kind in out.get("data", {})
    )


def test_a_view_that_a_reloaded_page_shows_goes_on_working(lab: Lab) -> None:
    calls = "[('code_interpreter', {'code': WRITE}), ('hold', {})]"
    lab.open([SET_UP, f"first = ask({calls}); None", "gate.set(); await first; None", MORE, "await until_views(4)"])
    lab.run(0)
    lab.run(1)
    expect(lab.output(1).locator(".gnb-file").first).to_be_visible(timeout=30_000)
    lab.save()
    lab.reload()
    view = lab.output(1).locator(".gnb").first
    expect(view).to_have_attribute("data-status", "running", timeout=30_000)
    for index in (2, 3, 4):
        lab.run(index)
    expect(lab.output(4).locator(".jp-OutputArea-output")).to_have_text("4")
    expect(view).to_have_attribute("data-status", "finished", timeout=30_000)
    view.locator(".gnb-file > summary").first.click()
    expect(view.locator(".gnb-preview").first).to_contain_text("Head of A")
    with lab.page.expect_download() as saved:
        view.locator(".gnb-zip").click()
    assert saved.value.suggested_filename == "files.zip"
    assert BROKEN not in lab.page.locator(".jp-Notebook").inner_text()


def test_a_closed_view_is_brought_back_with_all_its_buttons(lab: Lab) -> None:
    calls = "[('code_interpreter', {'code': WRITE})]"
    lab.open([SET_UP, f"first = ask({calls}); await first; None", MORE, "first.view()", MORE])
    for index in range(5):
        lab.run(index)
    view = lab.output(3).locator(".gnb").first
    expect(view).to_have_attribute("data-status", "finished", timeout=30_000)
    view.locator(".gnb-file > summary").first.click()
    expect(view.locator(".gnb-preview").first).to_contain_text("Head of A")
    with lab.page.expect_download() as saved:
        view.locator(".gnb-zip").click()
    assert saved.value.suggested_filename == "files.zip"
