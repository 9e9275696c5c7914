"""The answer first: where it stands in live view and record, what is folded, and that nothing of it jumps."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import SHOTS, Lab
from tests.browser.test_live_view import FLOOD, SET_UP, wait_for_end

SHOP = (
    "import datetime, genie_nb as gn\n"
    "with open('shop.csv', 'w') as file:\n"
    "    print('date,shop,category,units,revenue', file=file)\n"
    "    for n in range(400):\n"
    "        day = datetime.date(2024, 1, 1) + datetime.timedelta(days=n)\n"
    "        print(day, f'Shop {n % 4}', 'ABC'[n % 3], n % 17 + 1, f'{(n * 37) % 900 + 10}.5', sep=',', file=file)\n"
)
ASK = "import genie_nb as gn\nrun = await gn.ask({query!r}, files='shop.csv', model='offline', agent={agent!r})\nrun"
PROFILE = "What is in this file?"
CHART = "Draw revenue by month."
BARE = """(element) => {
    const bare = element.cloneNode(true);
    bare.querySelectorAll("style").forEach((one) => one.remove());
    [bare, ...bare.querySelectorAll("*")].forEach((one) => { one.removeAttribute("style"); one.removeAttribute("class"); });
    const frame = document.createElement("iframe");
    frame.style.cssText = "position: fixed; left: 0; top: 0; width: 1000px; height: 800px";
    document.body.append(frame);
    frame.contentDocument.body.append(frame.contentDocument.importNode(bare, true));
    const said = frame.contentDocument.body.innerText;
    frame.remove();
    return said;
}"""
"""A record's text as a page shows it that takes away every style and class, as GitHub does."""
SHIFTS = """() => {
    window.shifts = 0;
    window.shiftLog = [];
    new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) {
            const ours = entry.sources.some(({ node }) => {
                const element = node instanceof Element ? node : node?.parentElement;
                return element?.closest(".jp-Cell-outputArea");
            });
            const named = entry.sources.map(({ node, previousRect: a, currentRect: b }) => {
                const element = node instanceof Element ? node : node?.parentElement;
                return `${element?.dataset?.key || element?.className} ${a.y | 0}->${b.y | 0} (${b.height | 0})`;
            });
            window.shiftLog.push(`${entry.value.toFixed(4)}${ours ? "" : " (not ours)"}: ${named.join(", ")}`);
            if (ours) window.shifts += entry.value;
        }
    }).observe({ type: "layout-shift", buffered: true });
}"""
MOST_SHIFT = 0.05


def narrow(lab: Lab, width: int = 1100, height: int = 900) -> None:
    lab.page.set_viewport_size({"width": width, "height": height})


def depth(output: Locator, inner: Locator) -> float:
    """How far below the top of an output something begins, in pixels."""
    outer_box, inner_box = output.bounding_box(), inner.bounding_box()
    assert outer_box is not None
    assert inner_box is not None
    return inner_box["y"] - outer_box["y"]


def height(element: Locator) -> float:
    box = element.bounding_box()
    assert box is not None
    return box["height"]


def test_the_answer_is_the_first_that_a_reader_finds_trusted_and_untrusted(lab: Lab) -> None:
    narrow(lab)
    lab.open([SHOP, ASK.format(query=PROFILE, agent="plan_solve")], "answer-first.ipynb")
    lab.run(0)
    lab.run(1)
    record = lab.output(1).locator(".gnb-record")
    expect(record).to_be_visible()
    first = record.get_by_text(re.compile("shop.csv has 400 rows")).first
    print(f"trusted: answer {depth(lab.output(1), first):.0f} px, record {height(record):.0f} px")
    for name in ("light", "dark"):
        lab.theme(name)
        lab.shot(1, f"answer-first-trusted-{name}")
    assert depth(lab.output(1), first) <= 70
    assert height(record) <= 380
    said = record.evaluate(BARE)
    assert said.index(PROFILE) < said.index("shop.csv has 400 rows") < said.index("How: ")
    assert "import pandas" not in said  # the work is folded without any style
    lab.save()

    lab.page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    path = lab.server.root / "answer-first.ipynb"
    untrusted = lab.server.root / "untrusted.ipynb"
    untrusted.write_text(path.read_text("utf-8").replace("shop.csv has 400 rows", "shop.csv has 400 rows "), "utf-8")
    lab.page.goto(f"{lab.server.url}/lab/tree/untrusted.ipynb?token=browser-tests&reset")
    lab.wait_for_kernel()
    output = lab.output(1)
    first = output.get_by_text(re.compile("shop.csv has 400 rows")).first
    expect(first).to_be_visible()
    assert output.locator("style").count() == 0, "the notebook is trusted"
    body = output.locator("[data-status], .jp-RenderedHTMLCommon").first
    print(f"untrusted: answer {depth(output, first):.0f} px, record {height(body):.0f} px")
    for name in ("light", "dark"):
        lab.theme(name)
        lab.shot(1, f"answer-first-untrusted-{name}")
    assert depth(output, first) <= 70
    assert height(body) <= 380
    expect(output.get_by_text("import pandas").first).not_to_be_visible()


@pytest.mark.parametrize(("query", "agent"), [(PROFILE, "react"), (CHART, "plan_solve")], ids=["simple", "chart"])
def test_nothing_of_a_run_jumps(lab: Lab, query: str, agent: str) -> None:
    narrow(lab)
    lab.open([SHOP, ASK.format(query=query, agent=agent)])
    lab.run(0)
    lab.page.evaluate(SHIFTS)
    lab.start(1)
    expect(lab.output(1).locator(".gnb-view .gnb-stage")).to_be_visible()
    lab.shot(1, f"answer-first-now-{agent}")
    lab.wait_done(1)
    expect(lab.output(1).locator(".gnb-record")).to_be_visible()
    lab.page.wait_for_timeout(2500)
    lab.shot(1, f"answer-first-ended-{agent}")
    shifted = lab.page.evaluate("() => window.shifts")
    print(f"{query} layout shift {shifted:.3f}", *lab.page.evaluate("() => window.shiftLog"), sep="\n  ")
    assert shifted <= MOST_SHIFT


FAILED = """
import genie_nb as gn
from tests.browser.live_stage import *
from tests.widgets.sample_runs import *
begun, done = [], []
for n in range(1, 13):
    begun.append(ev.TaskStarted(task_id=f"t{n}", title=f"Step {n}", assignee="executor"))
    failed = n == 9
    begun += call(f"c{n}", "code_interpreter", '{"code": "x = 1"}', [CodePart(code="x = 1")], f"t{n}")
    begun.append(ev.TaskFinished(task_id=f"t{n}", status="failed" if failed else "completed",
                                 summary="The file has no column region." if failed else "ok"))
run = numbered([started("Twelve steps?"), *begun, ev.RunFailed(code="model", message="Step 9 failed.")])
Record(run, lambda *_: b"")
"""


def test_of_a_run_of_twelve_steps_the_one_that_failed_is_seen_without_scrolling(lab: Lab) -> None:
    narrow(lab)
    lab.open([FAILED])
    lab.run(0)
    failing = lab.output(0).get_by_text("The file has no column region.")
    expect(failing).to_be_visible()
    print(f"failed: the step's reason {depth(lab.output(0), failing):.0f} px")
    lab.shot(0, "answer-first-failed")
    assert depth(lab.output(0), failing) <= 500


def test_pictures_are_kept_at_three_widths(lab: Lab) -> None:
    lab.open([SHOP, ASK.format(query=CHART, agent="plan_solve")])
    lab.run(0)
    lab.run(1)
    expect(lab.output(1).locator(".gnb-record")).to_be_visible()
    for width in (700, 1100, 1600):
        narrow(lab, width, 1600)
        for name in ("light", "dark"):
            lab.theme(name)
            lab.shot(1, f"answer-first-chart-{width}-{name}")
    assert Path(SHOTS / "answer-first-chart-700-dark.png").exists()


def test_nothing_jumps_while_20_000_tokens_come(lab: Lab) -> None:
    narrow(lab)
    lab.open([SET_UP + FLOOD, "view = stage.view(); stage.play(view, paced(flood, 2_000)); stage.end()"])
    lab.run(0)
    lab.page.evaluate(SHIFTS)
    lab.run(1)
    wait_for_end(lab, 1)
    lab.page.wait_for_timeout(1500)
    shifted = lab.page.evaluate("() => window.shifts")
    print(f"20,000 tokens: layout shift {shifted:.3f}", *lab.page.evaluate("() => window.shiftLog"), sep="\n  ")
    assert shifted <= MOST_SHIFT
