"""What is taken away, in a browser: the notebook in JupyterLab, the page without anything."""

import shutil
from pathlib import Path

import pandas as pd
import pytest
from playwright.sync_api import expect

import genie_nb as gn
from genie_nb.widgets.takeaway import to_html
from tests.browser.conftest import SHOTS, TOKEN, WAIT_MS, Lab
from tests.widgets.hostile import PAYLOADS, hostile_run
from tests.widgets.sample_runs import sample_run
from tests.widgets.test_notebook import Told

ROWS = [
    (f"2024-{month:02}", region, amount)
    for month in range(1, 13)
    for region, amount in (("北方", 100 + 4 * month), ("南方", 90 + 9 * month), ("西部", 120 + month))
]


def test_an_exported_notebook_shows_everything_and_runs_again_in_jupyterlab(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(lab.server.root)
    pd.DataFrame(ROWS, columns=["月份", "地区", "销售额"]).to_csv("销售 数据.csv", index=False)
    run = gn.ask("哪个地区增长最快？画图。", files=["销售 数据.csv"], show=False).result(60)
    run.to_notebook("分析.ipynb")
    shutil.rmtree(run.folder)
    lab.page.goto(f"{lab.server.url}/lab/tree/分析.ipynb?token={TOKEN}&reset")
    lab.wait_for_kernel()
    SHOTS.mkdir(exist_ok=True)
    whole = lab.page.locator(".jp-Notebook")
    expect(whole.locator(".jp-RenderedImage img")).to_have_count(1)
    expect(whole.locator("table").first).to_be_visible()
    lab.page.screenshot(path=SHOTS / "take_away_top.png")
    lab.page.locator(".jp-Notebook .jp-Cell").last.scroll_into_view_if_needed()
    lab.page.screenshot(path=SHOTS / "take_away_end.png")
    link = lab.page.locator(".jp-Notebook .jp-Cell").last.get_by_role("link", name=run.files[0].name)
    assert lab.page.request.get(str(link.evaluate("link => link.href"))).ok

    lab.run_all()
    lab.page.wait_for_function(
        """() => {
            const cells = window.jupyterapp.shell.currentWidget.content.widgets.filter(cell => cell.model.type === "code");
            return cells.every(cell => cell.model.executionState === "idle" && cell.model.executionCount)
                && cells.at(-1).node.querySelector(".jp-OutputArea-output");
        }""",
        timeout=WAIT_MS,
    )
    assert lab.page.locator(".jp-OutputArea-output[data-mime-type='application/vnd.jupyter.error']").count() == 0
    expect(whole).to_contain_text("南方")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_of_a_run_needs_nothing_and_follows_the_reader_s_colours(lab: Lab, tmp_path: Path, scheme: str) -> None:
    to_html([Told(sample_run())], tmp_path / "run.html")
    page = lab.page
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto((tmp_path / "run.html").as_uri())
    expect(page.locator(".gnb-answer")).to_contain_text("Sales grew by 12 %")
    SHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SHOTS / f"take_away_page_{scheme}.png", full_page=True)
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    colour = page.evaluate("getComputedStyle(document.querySelector('.gnb')).backgroundColor")
    assert (sum(map(int, colour.removeprefix("rgb(").removesuffix(")").split(","))) > 382) is (scheme == "light")


def test_the_page_of_a_hostile_run_does_nothing(lab: Lab, tmp_path: Path) -> None:
    to_html([Told(hostile_run(PAYLOADS.values()))], tmp_path / "run.html")
    lab.page.goto((tmp_path / "run.html").as_uri())
    expect(lab.page.locator(".gnb-record")).to_be_visible()
    lab.page.wait_for_function("document.readyState === 'complete' && [...document.images].every(image => image.complete)")
    assert [frame.evaluate("window.__owned") for frame in lab.page.frames if frame == lab.page.main_frame] == [None]
    assert lab.foreign_requests == []
    assert lab.dialogs == []
