"""The main job as a newcomer does it: open the first lesson in JupyterLab, run it, stop a run, save, reopen, convert."""

import json
import subprocess
import sys
from pathlib import Path

import nbformat
from playwright.sync_api import expect

from tests.browser.conftest import SHOTS, TOKEN, Lab

LESSON = Path(__file__).parents[2] / "notebooks" / "01_first_answer.ipynb"
ASK = """
import genie_nb as gn, pathlib
rows = [f"2024-{month:02},{region},{amount}" for month in range(1, 13)
        for region, amount in (("North", 100 + 4 * month), ("South", 90 + 9 * month), ("West", 120 + month))]
pathlib.Path("sales.csv").write_text("month,region,revenue\\n" + "\\n".join(rows))
"""
QUESTION = 'run = await gn.ask("Which region grew fastest? Draw it.", files=["sales.csv"])\nrun'
LOOP = """
forever = gn.ScriptedModel([gn.Say("I loop.", calls=[("code_interpreter", {"code": "while True: pass"})])])
run = await gn.Genie(model=forever, agent="react").ask("Loop.")
run
"""


SLOWLY = """
from genie_nb.backend.models.analyst import OfflineAnalyst
run = gn.Genie(model=OfflineAnalyst(pace_s=0.1)).ask("Which region grew fastest? Draw it.", files=["sales.csv"])
"""

BLOCKED = """
import time
forever = gn.ScriptedModel([gn.Say("I loop.", calls=[("code_interpreter", {"code": "while True: pass"})])])
run = gn.Genie(model=forever, agent="react").ask("Loop.")
while run.status in ("pending", "running"):
    time.sleep(0.1)
"""
AWAITED = """
from genie_nb.widgets.run_view import RunView
views, hear = set(), RunView._hear
def note(view, *message):
    views.add(view)
    hear(view, *message)
RunView._hear = note
run = await gn.ask("What is the sum of the squares of 1 to 10?")
[(view._sent > 0, view._sent - view._acknowledged) for view in views]
"""


def open_lesson(lab: Lab) -> None:
    notebook = nbformat.read(LESSON, as_version=4)
    for cell in notebook.cells:
        cell.pop("outputs", None)
    lab.open([json.loads(json.dumps(cell)) | ({"outputs": [], "execution_count": None} if cell.cell_type == "code" else {})
              for cell in notebook.cells], "lesson.ipynb")  # fmt: skip


def test_the_first_lesson_runs_from_top_to_bottom_in_jupyterlab(lab: Lab) -> None:
    open_lesson(lab)
    lab.run_all()
    codes = [at for at, cell in enumerate(nbformat.read(LESSON, as_version=4).cells) if cell.cell_type == "code"]
    for index in codes:
        lab.wait_done(index)
    assert lab.page.locator(".jp-OutputArea-output[data-mime-type='application/vnd.jupyter.error']").count() == 0
    expect(lab.page.locator(".gnb-record").first).to_contain_text("AMZN")


def test_a_page_has_nothing_more_to_say_when_an_awaiting_cell_ends(lab: Lab) -> None:
    """A word that comes in that moment can cost the next cell its end, and leave it `[*]`; see `PageWidget`."""
    lab.open(["import genie_nb as gn", AWAITED])
    lab.run(0)
    lab.run(1)
    expect(lab.output(1)).to_contain_text("[(True, 0)]")


def test_a_real_run_is_live_then_a_record_that_survives_without_a_kernel(lab: Lab) -> None:
    lab.open([ASK, QUESTION], "first.ipynb")
    lab.run(0)
    lab.start(1)
    expect(lab.output(1).locator(".gnb").first).to_have_attribute("data-status", "running")
    lab.wait_done(1)
    expect(lab.output(1).locator(".gnb")).to_have_count(1)
    expect(lab.output(1)).to_contain_text("South")
    for theme in ("light", "dark"):
        lab.theme(theme)
        lab.shot(1, f"lesson-{theme}")
    lab.save()

    saved = lab.server.root / "first.ipynb"
    assert "widget-view" not in saved.read_text("utf-8")
    lab.page.goto(f"{lab.server.url}/lab/tree/first.ipynb?token={TOKEN}&reset")
    expect(lab.page.locator(".gnb-record")).to_contain_text("South")

    html = saved.with_suffix(".html")
    command = [sys.executable, "-m", "nbconvert", "--to", "html", "--output", str(html), str(saved)]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    lab.page.context.set_offline(True)
    lab.page.goto(html.as_uri())
    expect(lab.page.locator(".gnb-record")).to_contain_text("South")
    lab.page.locator(".gnb-record").screenshot(path=SHOTS / "nbconvert.png")


def test_stop_ends_a_run_while_its_cell_is_still_waiting(lab: Lab) -> None:
    lab.open(["import genie_nb as gn", LOOP, "1 + 1"], "stop.ipynb")
    lab.run(0)
    lab.start(1)
    lab.output(1).get_by_role("button", name="Stop").click()
    lab.wait_done(1)
    expect(lab.output(1)).to_contain_text("You stopped the run.")
    lab.run(2)
    expect(lab.output(2)).to_contain_text("2")


def test_stop_ends_a_run_while_a_cell_blocks_the_kernel(lab: Lab) -> None:
    lab.open(["import genie_nb as gn", BLOCKED, "run.status"], "blocked.ipynb")
    lab.run(0)
    lab.start(1)
    lab.output(1).get_by_role("button", name="Stop").click()
    lab.wait_done(1)
    lab.run(2)
    expect(lab.output(2)).to_contain_text("cancelled")


def test_a_chart_is_on_the_screen_while_the_run_goes_on(lab: Lab) -> None:
    lab.page.set_viewport_size({"width": 1280, "height": 2600})
    lab.open([ASK, SLOWLY], "live.ipynb")
    lab.theme("light")
    lab.run(0)
    lab.run(1)
    chart = lab.output(1).locator(".gnb-now-chart img").first
    expect(chart).to_be_visible()
    expect(lab.output(1).locator(".gnb").first).to_have_attribute("data-status", "running")
    expect(lab.output(1).locator(".gnb-task .gnb-fault")).to_have_count(0)
    lab.shot(1, "readme")
