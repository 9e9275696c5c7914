"""A call that waits to be allowed, in a real notebook: seen, changed, allowed; after a reload refused, with a reason."""

from playwright.sync_api import expect

from tests.browser.conftest import Lab

SET_UP = """
import genie_nb as gn

code = "import pandas as pd\\nfor name in ['old.csv', 'older.csv']:\\n    print('removing', name)"
model = gn.ScriptedModel([
    gn.Say("I will tidy up the folder.", calls=[("code_interpreter", {"code": code})]), gn.Say("All is tidy."),
])
genie = gn.Genie(model=model, agent="react", approval=["code_interpreter"])
"""
ASK = "run = genie.ask({query!r})"
QUESTION = ".gnb-question"


def test_a_changed_call_runs_as_it_was_changed_and_the_notebooks_keys_do_nothing_meanwhile(lab: Lab) -> None:
    lab.open([SET_UP, ASK.format(query="Tidy up"), "print(next(iter(run.transcript.calls.values())).output)"])
    lab.run(0)
    lab.run(1)
    question = lab.output(1).locator(QUESTION)
    expect(question).to_contain_text("May this run?")
    expect(lab.output(1).locator(".gnb-status")).to_have_text("Waiting for you")
    lab.shot(1, "question")
    lab.theme("dark")
    lab.shot(1, "question-dark")
    lab.theme("light")
    question.locator("summary").click()
    field = question.locator("textarea")
    field.fill("print('nothing was removed')")
    field.press("Escape")
    field.press("d")
    field.press("d")
    field.press("Backspace")
    field.press("Backspace")
    question.get_by_role("button", name="Allow once").click()
    expect(lab.output(1)).to_contain_text("allowed, changed by you")
    expect(lab.output(1).locator(".gnb").first).to_have_attribute("data-status", "finished")
    lab.run(2)
    expect(lab.output(2)).to_contain_text("nothing was removed")


def test_a_question_waits_over_a_reload_and_a_refusal_takes_its_reason_along(lab: Lab) -> None:
    lab.open([SET_UP, ASK.format(query="整理文件夹"), "print(next(iter(run.transcript.calls.values())).output)"])
    lab.run(0)
    lab.run(1)
    expect(lab.output(1).locator(QUESTION)).to_contain_text("允许运行吗？")
    lab.save()
    lab.reload()
    question = lab.output(1).locator(QUESTION)
    expect(question).to_contain_text("允许运行吗？")
    question.locator("input").fill("请保留 old.csv")
    question.get_by_role("button", name="拒绝").click()
    expect(lab.output(1).locator(".gnb").first).to_have_attribute("data-status", "finished")
    lab.run(2)
    expect(lab.output(2)).to_contain_text("This call of code_interpreter was refused. The reason: 请保留 old.csv")


UNSEEN = """
import genie_nb as gn

code = 'access = "user"\\nif access != "user\u202e \u2066# only for admins\u2069 \u2066":\\n    print("ran\u200b it")'
model = gn.ScriptedModel([gn.Say(calls=[("code_interpreter", {"code": code})]), gn.Say("Done.")])
genie = gn.Genie(model=model, agent="react", approval=["code_interpreter"])
"""


def test_code_with_characters_that_cannot_be_seen_is_shown_as_it_runs_and_changed_as_it_is(lab: Lab) -> None:
    said = "print(ascii(next(iter(run.transcript.calls.values())).output), gn is not None)"
    lab.open([UNSEEN, ASK.format(query="Check"), said])
    lab.run(0)
    lab.run(1)
    question = lab.output(1).locator(QUESTION)
    expect(question).to_contain_text("⟨U+202E⟩, ⟨U+2066⟩, ⟨U+2069⟩, ⟨U+200B⟩", timeout=30_000)
    code = lab.output(1).locator("pre.gnb-code").first
    expect(code).to_contain_text('if access != "user⟨U+202E⟩ ⟨U+2066⟩# only for admins⟨U+2069⟩ ⟨U+2066⟩":')
    lab.shot(1, "question-unseen")
    lab.theme("dark")
    lab.shot(1, "question-unseen-dark")
    lab.theme("light")
    question.locator("summary").click()
    field = question.locator("textarea")
    field.fill(field.input_value().replace("ran", "has run"))
    question.get_by_role("button", name="Allow once").click()
    expect(lab.output(1).locator(".gnb").first).to_have_attribute("data-status", "finished", timeout=30_000)
    lab.run(2)
    expect(lab.output(2)).to_contain_text("has run\\u200b it")
