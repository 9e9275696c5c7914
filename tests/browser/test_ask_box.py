"""The ask box in a real notebook: a question is typed, files are dropped, the answer comes, a follow-up knows both."""

import hashlib
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import Lab

REGIONS = enumerate(("Nord", "Süd", "West"), 1)
ROWS = [f"{region},Q{quarter},{100 * n + 7 * quarter}\n" for n, region in REGIONS for quarter in (1, 2, 3)]
SALES = "region,quarter,sales\n" + "".join(ROWS)
MAKE = "import genie_nb as gn\nbox = gn.ask_box(model='offline')\nbox"
DIGEST = """
import hashlib
(chosen,) = box._composer._chosen.values()
hashlib.sha256(chosen.path.read_bytes()).hexdigest()"""
DROP = """([element, name, text]) => {
    const transfer = new DataTransfer();
    transfer.items.add(new File([text], name, { type: "text/csv" }));
    for (const type of ["dragenter", "dragover", "drop"])
        element.dispatchEvent(new DragEvent(type, { dataTransfer: transfer, bubbles: true, cancelable: true }));
}"""
HOVER = """element => {
    const transfer = new DataTransfer();
    transfer.items.add(new File(["x"], "x.csv"));
    element.dispatchEvent(new DragEvent("dragenter", { dataTransfer: transfer, bubbles: true, cancelable: true }));
}"""
LEAVE = HOVER.replace("dragenter", "dragleave")
ANSWER_MS = 240_000


def composer(lab: Lab, index: int = 0) -> Locator:
    return lab.output(index).locator(".gnb-composer")


def drop(lab: Lab, name: str, text: str, index: int = 0) -> None:
    element = composer(lab, index).element_handle()
    lab.page.evaluate(DROP, [element, name, text])


def answered(lab: Lab, count: int, index: int = 0) -> Locator:
    views = lab.output(index).locator(".gnb-chat .gnb-view > div > .gnb")
    expect(views).to_have_count(count, timeout=ANSWER_MS)
    expect(views.last).to_have_attribute("data-status", "finished", timeout=ANSWER_MS)
    return views.last


def test_a_question_about_a_dropped_file_is_answered_and_a_follow_up_knows_it(lab: Lab) -> None:
    lab.open([MAKE, "box.close()", "len(box.runs)"])
    lab.run(0)
    box = composer(lab)
    question = box.locator("textarea")
    expect(question).to_be_visible()
    lab.shot(0, "ask-empty-light")
    drop(lab, "../sales.csv", SALES)
    row = box.locator(".gnb-ask-files > li")
    expect(row).to_contain_text("CSV, 9 rows × 3 columns, UTF-8")
    expect(row.locator(".gnb-file-name")).to_have_text("sales.csv")
    expect(box.locator(".gnb-ask-why")).to_be_hidden()
    question.fill("What are the total sales by region?")
    for theme in ("dark", "light"):
        lab.theme(theme)
        lab.shot(0, f"ask-chosen-{theme}")
    question.press("Enter")
    first = answered(lab, 1)
    expect(first).to_contain_text("West")
    expect(first.locator(".gnb-given")).to_contain_text("CSV, 9 rows × 3 columns, UTF-8")
    expect(question).to_have_value("")
    expect(row).to_have_count(0)
    question.fill("And the mean?")
    box.locator(".gnb-ask-go").click()
    expect(answered(lab, 2)).to_contain_text("mean", ignore_case=True)
    chat = lab.output(0).locator(".gnb-chat")
    at_end = "chat => chat.scrollHeight - chat.scrollTop - chat.clientHeight < 4"
    lab.page.wait_for_function(at_end, arg=chat.element_handle(), timeout=ANSWER_MS)
    for theme in ("dark", "light"):
        lab.theme(theme)
        lab.shot(0, f"ask-answered-{theme}")
    lab.run(1)
    expect(lab.output(0).locator(".gnb-record")).to_have_count(2)
    expect(composer(lab)).to_have_count(0)
    lab.run(2)
    expect(lab.output(2)).to_contain_text("2")
    assert not list(Path(lab.server.root).glob("**/uploads-*"))


def test_shift_enter_is_a_new_line_and_runs_no_cell(lab: Lab) -> None:
    lab.open([MAKE, "print('ran')"])
    lab.run(0)
    question = composer(lab).locator("textarea")
    question.click()
    lab.page.keyboard.type("one")
    lab.page.keyboard.press("Shift+Enter")
    lab.page.keyboard.type("two")
    expect(question).to_have_value("one\ntwo")
    lab.page.keyboard.press("Control+Enter")
    assert lab.prompt(1) == "[ ]:"
    assert lab.output(0).locator(".gnb-chat .gnb").count() <= 1


def test_a_refused_file_says_why_and_can_be_removed_by_keyboard(lab: Lab) -> None:
    lab.open([MAKE])
    lab.run(0)
    box = composer(lab)
    box.locator("input[type=file]").set_input_files(
        [
            {"name": "report.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7 not one"},
            {"name": "leer.csv", "mimeType": "text/csv", "buffer": b""},
            {"name": "Umsätze 2026 – 最终.csv", "mimeType": "text/csv", "buffer": SALES.replace(",", ";").encode("utf-16")},
        ]
    )
    rows = box.locator(".gnb-ask-files > li")
    expect(rows).to_have_count(3)
    expect(rows.nth(0)).to_contain_text("is broken: its pages cannot be found")
    expect(rows.nth(1)).to_contain_text("is empty (0 bytes)")
    expect(rows.nth(2)).to_contain_text("CSV (semicolons), 9 rows × 3 columns, UTF-16")
    for theme in ("dark", "light"):
        lab.theme(theme)
        lab.shot(0, f"ask-refused-{theme}")
    remove = box.get_by_role("button", name="Remove report.pdf")
    remove.focus()
    remove.press("Enter")
    expect(rows).to_have_count(2)
    lab.page.evaluate(HOVER, box.element_handle())
    expect(box.locator(".gnb-ask-drop")).to_be_visible()
    lab.shot(0, "ask-drop-light")
    lab.page.evaluate(LEAVE, box.element_handle())
    expect(box.locator(".gnb-ask-drop")).to_be_hidden()


def test_a_large_file_comes_in_pieces_whole(lab: Lab) -> None:
    lab.open(
        [
            MAKE,
            DIGEST,
        ]
    )
    lab.run(0)
    content = b"a,b\n" + b"12345,67890\n" * 500_000
    composer(lab).locator("input[type=file]").set_input_files([{"name": "a.csv", "mimeType": "text/csv", "buffer": content}])
    expect(composer(lab).locator("li")).to_contain_text("CSV, 500,000 rows × 2 columns")
    lab.run(1)
    expect(lab.output(1)).to_contain_text(hashlib.sha256(content).hexdigest())


@pytest.mark.parametrize("way", ["button", "escape"])
def test_what_is_worked_on_can_be_stopped(lab: Lab, way: str) -> None:
    slow = "model = gn.ScriptedModel([gn.Say([f'w{n} ' for n in range(2000)], pace_s=0.05)])"
    lab.open([f"import genie_nb as gn\n{slow}\nbox = gn.ask_box(model=model, agent='react')\nbox"])
    lab.run(0)
    question = composer(lab).locator("textarea")
    question.fill("慢慢说？")
    question.press("Enter")
    stop = composer(lab).locator(".gnb-ask-stop")
    expect(stop).to_be_visible()
    expect(stop).to_have_text("停止")
    expect(lab.output(0).locator(".gnb-chat")).to_contain_text("w3")
    for theme in ("dark", "light"):
        lab.theme(theme)
        lab.shot(0, f"ask-running-{theme}")
    stop.click() if way == "button" else question.press("Escape")
    expect(lab.output(0).locator(".gnb-chat .gnb-how[data-status]").first).to_have_attribute("data-status", "cancelled")
    expect(composer(lab).locator(".gnb-ask-go")).to_be_visible()


BLOCK = """
import time
until = time.monotonic() + 60
while not any(run.status == "finished" for run in box.runs) and time.monotonic() < until:
    time.sleep(0.1)
"""


def test_a_question_is_answered_while_a_cell_blocks_the_kernel(lab: Lab) -> None:
    lab.open([MAKE, BLOCK, "time.monotonic() < until"])
    lab.run(0)
    question = composer(lab).locator("textarea")
    expect(question).to_be_visible()
    lab.start(1)
    question.fill("2 + 3?")
    question.press("Enter")
    expect(answered(lab, 1)).to_contain_text("5")
    lab.wait_done(1)
    lab.run(2)
    expect(lab.output(2)).to_contain_text("True")


CHARTS = "total sales by region as a chart; also average sales by quarter as a chart"
AT_END = "chat => chat.scrollHeight - chat.scrollTop - chat.clientHeight < 4"


def test_the_end_of_an_answer_with_charts_is_in_sight_until_somebody_scrolls_up(lab: Lab) -> None:
    lab.open([MAKE])
    lab.run(0)
    drop(lab, "sales.csv", SALES)
    question = composer(lab).locator("textarea")
    expect(composer(lab).locator(".gnb-ask-files > li")).to_contain_text("CSV")
    question.fill(CHARTS)
    question.press("Enter")
    chat = lab.output(0).locator(".gnb-chat")
    pictures = answered(lab, 1).locator(".gnb-files .gnb-picture")
    expect(pictures).to_have_count(2)
    lab.page.wait_for_function(AT_END, arg=chat.element_handle())
    assert chat.evaluate("chat => chat.scrollHeight > chat.clientHeight + 500")
    below = "chat => chat.getBoundingClientRect().bottom - chat.lastElementChild.getBoundingClientRect().bottom"
    assert 0 <= chat.evaluate(below) < 20
    chat.hover(position={"x": 100, "y": 200})
    lab.page.mouse.wheel(0, -300)
    lab.page.wait_for_function(f"chat => !({AT_END})(chat)", arg=chat.element_handle())
    top = chat.evaluate("chat => chat.scrollTop")
    answered(lab, 1).evaluate("answer => { answer.style.paddingBottom = '200px'; }")
    lab.page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert chat.evaluate("chat => chat.scrollTop") == top


@pytest.mark.parametrize("width", [1200, 700, 480])
def test_the_button_to_ask_is_at_the_right_at_every_width(lab: Lab, width: int) -> None:
    lab.page.set_viewport_size({"width": width, "height": 900})
    lab.open([MAKE])
    lab.run(0)
    box, button = composer(lab).bounding_box(), composer(lab).locator(".gnb-ask-go").bounding_box()
    assert box
    assert button
    assert 0 <= box["x"] + box["width"] - button["x"] - button["width"] < 20
    lab.shot(0, f"ask-{width}")


def test_questions_that_fit_the_file_are_offered_and_the_last_one_comes_back_with_up(lab: Lab) -> None:
    lab.open([MAKE])
    lab.run(0)
    drop(lab, "sales.csv", SALES)
    box = composer(lab)
    question, ideas = box.locator("textarea"), box.get_by_role("group", name="Questions that fit your files")
    expect(ideas.get_by_role("button")).to_have_count(3)
    for theme in ("dark", "light"):
        lab.theme(theme)
        lab.shot(0, f"ask-ideas-{theme}")
    fitting = ideas.get_by_role("button").nth(1)
    said = fitting.text_content() or ""
    fitting.click()
    expect(question).to_have_value(said)
    expect(question).to_be_focused()
    expect(ideas.get_by_role("button")).to_have_count(0)
    question.press("Enter")
    expect(answered(lab, 1)).to_contain_text("total")
    expect(question).to_have_value("")
    question.press("ArrowUp")
    expect(question).to_have_value(said)
    question.press("ArrowDown")
    expect(question).to_have_value("")
    question.fill("mine")
    question.press("ArrowUp")
    expect(question).to_have_value("mine")


def test_four_questions_take_little_room(lab: Lab) -> None:
    lab.page.set_viewport_size({"width": 700, "height": 900})
    lab.open([MAKE])
    lab.run(0)
    drop(lab, "sales.csv", SALES)
    box = composer(lab)
    expect(box.get_by_role("group", name="Questions that fit your files").get_by_role("button")).to_have_count(3)
    asked = ("What are the total sales by region?", "And by quarter?", "What is the mean?", "How many rows are there?")
    for number, query in enumerate(asked, 1):
        box.locator("textarea").fill(query)
        box.locator("textarea").press("Enter")
        answered(lab, number)
    lab.page.wait_for_timeout(1000)
    chat = lab.output(0).locator(".gnb-chat")
    height = chat.evaluate("chat => chat.scrollHeight")
    heights = chat.evaluate("chat => [...chat.children].map(child => child.offsetHeight)")
    print(f"four questions: {height} px of {heights}")
    lab.shot(0, "ask-four")
    assert height <= 1600


def test_a_notebook_that_is_opened_without_a_kernel_shows_the_conversation(lab: Lab) -> None:
    lab.open([MAKE], "kept.ipynb")
    lab.run(0)
    drop(lab, "sales.csv", SALES)
    composer(lab).locator("textarea").fill("What are the total sales by region?")
    expect(composer(lab).locator(".gnb-ask-go")).to_be_enabled()
    composer(lab).locator("textarea").press("Enter")
    expect(answered(lab, 1)).to_contain_text("West")
    saved = lab.output(0).locator(".gnb-saved")
    expect(saved.locator(".gnb-record")).to_have_count(1)
    expect(saved).to_be_hidden()
    lab.save()
    path = lab.server.root / "kept.ipynb"
    (lab.server.root / "opened.ipynb").write_text(path.read_text("utf-8"), "utf-8")
    lab.page.goto(f"{lab.server.url}/lab/tree/opened.ipynb?token=browser-tests&reset")
    lab.wait_for_kernel()
    expect(lab.output(0).locator(".gnb-record")).to_contain_text("West")
    for theme in ("dark", "light"):
        lab.theme(theme)
        lab.shot(0, f"ask-kept-{theme}")
    expect(lab.output(0)).to_contain_text("Run this cell to ask again.")
    expect(lab.output(0).get_by_text("Loading widget")).to_be_hidden()
