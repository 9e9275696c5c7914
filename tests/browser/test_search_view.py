"""A search in a real browser: chips, hits that unfold, a failing engine in words, citations that open their passage."""

from pathlib import Path

from playwright.sync_api import expect

from tests.browser.conftest import SHOTS, Lab

NOTES = {
    "plan.md": "# Plan\n\n## Costs\n\nThe heat pump costs 12,400 euro, and its installation takes three days.\n\n"
    "## Subsidy\n\nThe state pays 30 percent of the costs if the application is sent before the work begins.\n",
    "diary.md": "# Diary\n\nThe heat pump was loud on Sunday.\n",
}
SET_UP = """
import genie_nb as gn
from tests.browser.live_stage import *
from tests.widgets.searches import search_run
stage = Stage()
"""
ASK = """
run = gn.search("What does the heat pump cost, and what does the state pay?", folders=["{folder}"], index_folder="{index}")
run.result(60); None
"""


def notes(folder: Path) -> Path:
    folder.mkdir()
    for name, text in NOTES.items():
        (folder / name).write_text(text)
    return folder


def test_a_search_of_folders_is_seen_and_its_citations_open_their_passages(lab: Lab, tmp_path: Path) -> None:
    ask = ASK.format(folder=notes(tmp_path / "notes"), index=tmp_path / "index")
    lab.open([SET_UP, ask, "run"])
    lab.run(0)
    lab.run(1)
    lab.run(2)
    record = lab.output(2).locator(".gnb-record")
    expect(record).to_contain_text("How")
    citation = record.locator(".gnb-answer .gnb-cite").first
    expect(citation).to_have_text("[1]")
    opened = lab.page.locator(".gnb-popover:popover-open")
    expect(opened).to_have_count(0)
    citation.click()
    expect(opened).to_contain_text("The state pays 30 percent")
    lab.page.keyboard.press("Escape")
    expect(opened).to_have_count(0)
    lab.shot(2, "search-record")
    assert lab.foreign_requests == []


def test_stages_unfold_and_light_and_dark_can_be_read(lab: Lab) -> None:
    lab.open([SET_UP, "view = stage.view(); stage.play(view, burst(search_run())); stage.end()"])
    lab.run(0)
    lab.run(1)
    view = lab.output(1).locator(".gnb").first
    expect(view).to_have_attribute("data-status", "finished")
    expect(view.locator(".gnb-chip")).to_have_count(3)
    expect(view).to_contain_text("brave refused the key")
    view.locator(".gnb-how > summary").click()
    view.locator(".gnb-card > summary").first.click()
    hit = view.locator(".gnb-hit").first
    hit.locator("summary").click()
    expect(hit.locator(".gnb-passage")).to_be_visible()
    link = view.locator(".gnb-hit a[href^='https://example.org']").first
    assert link.get_attribute("rel") == "noopener noreferrer"
    assert link.get_attribute("target") == "_blank"
    expect(view.locator(".gnb-cite-row")).to_have_count(3)
    for theme in ("light", "dark"):
        lab.theme(theme)
        lab.shot(1, f"search-{theme}")
    view.locator(".gnb-answer .gnb-cite", has_text="[2]").click()
    expect(lab.page.locator(".gnb-popover:popover-open")).to_contain_text("Loud ones and quiet ones.")
    lab.page.screenshot(path=SHOTS / "search-popover.png", animations="disabled")
    assert view.locator("a[href^='javascript']").count() == 0
    assert lab.foreign_requests == []
