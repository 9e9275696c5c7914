"""What a token costs on its way to the screen, in a real JupyterLab and Chromium, beside two usual ways.

Each way streams Markdown at 200 tokens a second. Counted: bytes that the page receives over its websocket from the start
of the cell until it shows the last token, how long after the kernel had it that is, and browser tasks of over 50 ms.
The record is what the static result costs at the end.
"""

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import sync_playwright

from benchmarks.report import report
from tests.browser.conftest import CHROMIUM, CHROMIUM_ARGS, Lab, Server

SET_UP = """
import asyncio, time
import genie_nb as gn
def words(count):
    kinds = ["so ", "it ", "**is** ", "a ", "word ", "of ", "`x` ", "and ", "on "]
    breaks = {59: "\\n\\n", 30: "\\n- "}
    return [breaks.get(n % 60, "") + kinds[n % 9] for n in range(count)] + ["THE-END"]
def said(): return str(time.time() * 1000)
async def paced(tokens):
    start = time.perf_counter()
    for n, token in enumerate(tokens):
        await asyncio.sleep(max(0.0, start + n / 200 - time.perf_counter()))
        yield token
"""
WAYS = {
    "genie_nb live view": """
tokens = words({count})
class Paced(gn.ScriptedModel):
    async def stream(self, messages, tools):
        from genie_nb.backend.models.base import Finish, Text
        async for token in paced(tokens):
            yield Text(token)
        open("last.txt", "w").write(said())
        yield Finish()
run = gn.Genie(model=Paced([]), agent="react").ask("Write.")
await run
None
""",
    "ipywidgets.HTML, value += token": """
import ipywidgets, html
from IPython.display import display
from markdown_it import MarkdownIt
view, text, markdown = ipywidgets.HTML(), "", MarkdownIt()
display(view)
async for token in paced(words({count})):
    text += token
    view.value = markdown.render(text)
open("last.txt", "w").write(said())
""",
    "display(Markdown, display_id)": """
from IPython.display import Markdown, display
handle, text = display(Markdown(""), display_id=True), ""
async for token in paced(words({count})):
    text += token
    handle.update(Markdown(text))
open("last.txt", "w").write(said())
""",
}
SEEN = '[...document.querySelectorAll(".jp-OutputArea-output")].some(o => o.textContent.includes("THE-END"))'
LOOK = f"""() => {{
    window.long = []; window.seen = 0;
    new PerformanceObserver(list => window.seen || window.long.push(...list.getEntries().map(e => e.duration)))
        .observe({{ type: "longtask" }});
    const observer = new MutationObserver(() => {{
        if (!window.seen && {SEEN}) {{ window.seen = Date.now(); observer.disconnect(); }}
    }});
    observer.observe(document.querySelector(".jp-Notebook"), {{ childList: true, subtree: true, characterData: true }});
}}"""


@dataclass(frozen=True)
class Cost:
    """What one stream cost."""

    megabytes: float
    with_record: float
    delay_s: float
    long_tasks: int
    longest_ms: float


def measure(lab: Lab, way: str, count: int) -> Cost:
    lab.open([SET_UP, WAYS[way].replace("{count}", str(count))], f"bench{count}{len(way)}.ipynb")
    lab.run(0)
    lab.page.wait_for_timeout(3_000)
    lab.page.evaluate(LOOK)
    before = lab.bytes_received
    lab.start(1)
    lab.page.wait_for_function("window.seen", polling=20, timeout=300_000)
    until_seen = lab.bytes_received - before
    lab.page.wait_for_timeout(2_000)
    last = float((lab.server.root / "last.txt").read_text())
    long = lab.page.evaluate("window.long")
    return Cost(
        until_seen / 1e6,
        (lab.bytes_received - before) / 1e6,
        lab.page.evaluate("window.seen") / 1e3 - last / 1e3,
        len(long),
        max(long, default=0.0),
    )


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--tokens", type=int, default=2_000)
    arguments.add_argument("--times", type=int, default=10, help="how many times more the second stream of ours has")
    given = arguments.parse_args()
    plan = [(way, given.tokens) for way in WAYS] + [(next(iter(WAYS)), given.tokens * given.times)]
    rows = []
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        server = Server(Path(folder))
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGS)
        ours = 0.0
        for way, count in plan:
            page = browser.new_context(viewport={"width": 1200, "height": 1400}).new_page()
            cost = measure(Lab(server, page, []), way, count)
            page.context.close()
            ours = ours or cost.megabytes
            rows.append(
                {
                    "way": way, "tokens": float(count), "MB": cost.megabytes, "× ours": cost.megabytes / ours,
                    "MB with record": cost.with_record, "last token after s": cost.delay_s,
                    "tasks > 50 ms": float(cost.long_tasks), "longest ms": cost.longest_ms,
                }
            )  # fmt: skip
        browser.close()
        server.stop()
    report("live_view", "Streaming an answer at 200 tokens a second to JupyterLab", rows)


if __name__ == "__main__":
    main()
