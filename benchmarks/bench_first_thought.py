"""From `gn.ask` to the first thought on the screen, in a real JupyterLab and Chromium, beside a bare `display`.

The first call in a kernel also imports what a run needs; later ones do not.
"""

import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from benchmarks.bench_live_view import LOOK
from benchmarks.report import report
from tests.browser.conftest import CHROMIUM, CHROMIUM_ARGS, Lab, Server

SET_UP = """
import time
import genie_nb as gn
from IPython.display import Markdown, display
def began(): open("began.txt", "w").write(str(time.time() * 1000))
"""
CELLS = {
    "first gn.ask of a kernel": "began()\nrun = gn.ask('2 + 3')",
    "second gn.ask": "began()\nrun = gn.ask('2 + 3')",
    "display(Markdown(...))": "began()\ndisplay(Markdown('I work by rules'))",
}
THOUGHT = "I work by rules"


def main() -> None:
    rows = []
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        server = Server(Path(folder))
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGS)
        lab = Lab(server, browser.new_context(viewport={"width": 1200, "height": 1400}).new_page(), [])
        lab.open([SET_UP, *CELLS.values()], "first.ipynb")
        lab.run(0)
        for index, name in enumerate(CELLS, start=1):
            output = f"[data-bench='{index}'] .jp-OutputArea-output"
            lab.page.evaluate(LOOK.replace("THE-END", THOUGHT).replace(".jp-OutputArea-output", output))
            lab.cell(index).evaluate("(cell, index) => { cell.dataset.bench = index; }", str(index))
            lab.start(index)
            lab.page.wait_for_function("window.seen", polling=20, timeout=60_000)
            began = float((server.root / "began.txt").read_text())
            rows.append({"what": name, "seconds to the screen": (lab.page.evaluate("window.seen") - began) / 1e3})
            lab.wait_done(index)
            lab.page.wait_for_timeout(6_000)
        browser.close()
        server.stop()
    report("first_thought", "From gn.ask to the first thought on the screen", rows)


if __name__ == "__main__":
    main()
