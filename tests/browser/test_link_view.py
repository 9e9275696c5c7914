"""The link view in a real notebook: frames as they come, a link cut with its button, heartbeats, hostile text, pictures."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Lab

SET_UP = """
import genie_nb as gn
text = "The heartbeat tells a silent model from a dead link. " * 8
words = [word + " " for word in text.split()]
def far(pace_s=0.05, heartbeat_s=1, words=words, **options):
    model = gn.ScriptedModel(lambda *_: gn.Say(words, pace_s=pace_s))
    server = gn.serve(model=model, settings={"agent": "react"}, heartbeat_s=heartbeat_s)
    return server, gn.connect(server.url, **options)
"""
WATCH = "server, genie = far(); run = genie.ask('How does a link live?', show=False); gn.watch(run, server)"
HISTORY = """() => {
    window.seen = [];
    const look = () => {
        const state = document.querySelector(".gl")?.dataset.state;
        if (state && window.seen.at(-1) !== state) window.seen.push(state);
    };
    new MutationObserver(look).observe(document.body, { subtree: true, attributes: true, childList: true });
}"""


@pytest.fixture
def mistakes(lab: Lab) -> list[str]:
    found: list[str] = []
    lab.page.on("pageerror", lambda error: found.append(str(error)))
    return found


def states(page: Page) -> list[str]:
    return list(page.evaluate("window.seen"))


def test_a_link_that_is_cut_is_lost_opened_again_and_the_run_ends(lab: Lab, mistakes: list[str]) -> None:
    lab.open([SET_UP, WATCH, "run.result(60); print(run.answer == text, run.link_log().reconnects)"])
    lab.page.evaluate(HISTORY)
    lab.run(0)
    lab.run(1)
    view = lab.output(1).locator(".gl")
    expect(view.locator(".gl-frame").nth(12)).to_be_attached()
    expect(view).to_have_attribute("data-state", "open")
    view.get_by_role("button", name="Cut the link").click()
    expect(view).to_have_attribute("data-state", "lost")
    lab.shot(1, "link-lost")
    expect(view).to_have_attribute("data-state", "open")
    expect(view.locator("[data-count=reconnects]")).to_have_text("1")
    lab.run(2)
    expect(lab.output(2)).to_contain_text("True 1")
    expect(view).to_have_attribute("data-state", "closed")
    assert states(lab.page) == ["closed", "opening", "open", "lost", "opening", "open", "closed"]
    expect(view.locator(".gl-says")).to_have_text("The run has ended, and all of it has come.")
    expect(view.locator(".gl-frame .gl-event").last).to_have_text("run_finished")
    assert mistakes == []


def test_the_view_speaks_chinese_where_the_question_does(lab: Lab, mistakes: list[str]) -> None:
    watch = WATCH.replace("How does a link live?", "连接是怎样保持的？")
    lab.open([SET_UP, watch, "run.result(60)"])
    lab.run(0)
    lab.run(1)
    view = lab.output(1).locator(".gl")
    expect(view.locator(".gl-frame").nth(5)).to_be_attached()
    view.get_by_role("button", name="切断连接").click()
    expect(view.locator(".gl-word")).to_have_text("已断开")
    lab.shot(1, "link-lost-chinese")
    expect(view.locator(".gl-said").last).to_contain_text("再次打开，第 2 次连接")
    lab.run(2)
    expect(view.locator(".gl-says")).to_have_text("运行已结束，内容已全部收到。")
    shown = view.evaluate("root => [...root.querySelectorAll('.gl-rows tr')].forEach(row => row.remove()) || root.innerText")
    assert not any(word in shown for word in ("undefined", "link", "bytes", "event ", "lost"))
    assert mistakes == []


def test_a_frozen_model_shows_what_a_heartbeat_is_for_in_light_and_dark(lab: Lab, mistakes: list[str]) -> None:
    lab.open([SET_UP, WATCH, "run.result(60)"])
    lab.run(0)
    lab.run(1)
    view = lab.output(1).locator(".gl")
    expect(view.locator(".gl-frame").nth(10)).to_be_attached()
    lab.shot(1, "link-flowing-light")
    view.get_by_role("button", name="Freeze the model").click()
    expect(view.locator(".gl-rows .gl-beat").nth(3)).to_be_attached()
    expect(view.get_by_role("button", name="Freeze the model")).to_have_attribute("aria-pressed", "true")
    expect(view).to_have_attribute("data-state", "open")
    for theme in ("light", "dark"):
        lab.theme(theme)
        assert lab.shot(1, f"link-frozen-{theme}").stat().st_size > 10_000
    view.get_by_role("button", name="Stall").click()
    expect(view).to_have_attribute("data-silence", "long")
    lab.shot(1, "link-stalled-dark")
    expect(view).to_have_attribute("data-state", "lost")
    view.get_by_role("button", name="Stall").click()
    view.get_by_role("button", name="Freeze the model").click()
    lab.run(2)
    expect(view).to_have_attribute("data-state", "closed")
    lab.shot(1, "link-closed-dark")
    lab.theme("light")
    lab.shot(1, "link-closed-light")
    for width in (820, 700):
        lab.page.set_viewport_size({"width": width, "height": 1400})
        edge = view.locator(".gl-rows").evaluate("rows => rows.getBoundingClientRect().right")
        ends = view.locator(".gl-frame .gl-text > div > :last-child")
        assert max(ends.evaluate_all("ends => ends.map(end => end.getBoundingClientRect().right)")) <= edge
        lab.shot(1, f"link-narrow-{width}")
    assert mistakes == []


def test_what_comes_over_the_wire_is_only_ever_text(lab: Lab, mistakes: list[str]) -> None:
    hostile = "words = ['<img src=x onerror=alert(1)>', '</td><script>alert(2)</script>', '\\u202e\\x1b[31m', '&lt;b&gt;']"
    watch = "server, genie = far(words=words); run = genie.ask('<b>bold?</b>', show=False); gn.watch(run)\n"
    lab.open([SET_UP + hostile, watch + "run.result(60)"])
    lab.run(0)
    lab.run(1)
    view = lab.output(1).locator(".gl")
    expect(view).to_have_attribute("data-state", "closed")
    expect(view.locator(".gl-rows")).to_contain_text("<img src=x onerror=alert(1)>")
    assert view.locator("img, script, b:not(.gl-fault b)").count() == 0
    expect(view.get_by_role("button", name="Cut the link")).to_be_disabled()
    assert lab.dialogs == []
    assert mistakes == []


def test_the_table_follows_only_a_reader_who_is_at_its_end(lab: Lab) -> None:
    lab.open([SET_UP, WATCH, "run.result(60)"])
    lab.run(0)
    lab.run(1)
    rows = lab.output(1).locator(".gl-rows")
    expect(rows.locator(".gl-frame").nth(30)).to_be_attached()
    at_end = "box => box.scrollHeight - box.scrollTop - box.clientHeight < 12"
    assert rows.evaluate(at_end)
    rows.evaluate("box => { box.scrollTop = 20; }")
    before = rows.locator(".gl-frame").count()
    expect(rows.locator(".gl-frame").nth(before + 8)).to_be_attached()
    assert rows.evaluate("box => box.scrollTop") == 20
    lab.run(2)


def test_a_reloaded_page_shows_the_link_as_it_is(lab: Lab, mistakes: list[str]) -> None:
    lab.open([SET_UP, WATCH, "run.result(60)"])
    lab.run(0)
    lab.run(1)
    view = lab.output(1).locator(".gl")
    expect(view.locator(".gl-frame").nth(10)).to_be_attached()
    lab.save()
    lab.reload()
    expect(view.locator(".gl-frame").nth(20)).to_be_attached()
    expect(view.locator(".gl-frame .gl-event").first).to_have_text("run_started")
    lab.run(2)
    expect(view).to_have_attribute("data-state", "closed")
    assert mistakes == []


def test_three_stream_modes_side_by_side(lab: Lab) -> None:
    plot = """
from genie_nb.widgets.link_view import chunk_plot
modes = {"general": {}, "token": {"token": 8}, "time": {"time": 0.8}}
runs = {mode: gn.connect(server.url, mode=mode, **more).ask("How?", show=False) for mode, more in modes.items()}
chunk_plot({mode: run.result(60).link_log().chunks() for mode, run in runs.items()})
"""
    lab.open([SET_UP + "server, genie = far()", plot])
    lab.run(0)
    lab.run(1)
    expect(lab.output(1).locator("img, svg").first).to_be_visible()
    for theme in ("light", "dark"):
        lab.theme(theme)
        assert lab.shot(1, f"chunks-{theme}").stat().st_size > 5_000
