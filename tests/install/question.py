"""Runs inside an installed environment: works on questions there and prints what came of them as JSON.

    python question.py PART...

It is started in an empty folder, with no source of genie_nb beside it, and imports nothing but what a person has installed.
"""

import json
import sys
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from queue import Empty
from typing import Any

SECONDS = 240.0
SALES = "region,amount\nNorth,10\nSouth,20\nNorth,30\n"
QUESTION = "What is the total amount by region?"
NOT_A_WORKBOOK = b"PK\x03\x04" + bytes(60)


class Notebook:
    """A kernel as JupyterLab starts it, without a page."""

    def __init__(self) -> None:
        from jupyter_client.manager import KernelManager

        self.manager = KernelManager()
        self.manager.kernel_cmd = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        self.manager.start_kernel()
        self.client: Any = self.manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=SECONDS)

    def run(self, code: str) -> list[dict[str, Any]]:
        """What a cell shows."""
        cell, shown, end = self.client.execute(code), [], time.monotonic() + SECONDS
        while True:
            try:
                message = self.client.get_iopub_msg(timeout=max(0.1, end - time.monotonic()))
            except Empty:
                raise SystemExit(f"The cell did not end within {SECONDS:g} s: {code}") from None
            content = message["content"]
            if message["parent_header"].get("msg_id") != cell:
                continue
            if message["msg_type"] == "error":
                raise SystemExit("\n".join(content["traceback"]))
            if message["msg_type"] == "status" and content["execution_state"] == "idle":
                return shown
            if "data" in content:
                shown.append(content["data"])

    def value(self, code: str) -> str:
        return str(self.run(code)[-1]["text/plain"])

    def close(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)
        self.manager.cleanup_resources()


def in_a_notebook() -> dict[str, Any]:
    """The offline analyst over a CSV file in a kernel: live view, record, exports, a conversation."""
    Path("sales.csv").write_text(SALES, encoding="utf-8")
    notebook = Notebook()
    try:
        notebook.run("import genie_nb as gn")
        shown = notebook.run(f"run = gn.ask({QUESTION!r}, files=['sales.csv'], model='offline')\nawait run")
        notebook.run("run.to_notebook('run.ipynb'); run.to_html('run.html'); run.to_json('run.json')")
        notebook.run("chat = gn.Chat(model='offline')\nawait chat.ask('2 + 3', show=False)")
        wanted = "'Write an HTML report on amount by region', files=['sales.csv'], model='offline', show=False"
        notebook.run(f"report = await gn.ask({wanted})")
        return {
            "views": sum("application/vnd.jupyter.widget-view+json" in data for data in shown),
            "records": [data["text/plain"] for data in shown if "text/html" in data],
            "notes": [data["text/plain"] for data in shown if "With ipykernel" in data.get("text/plain", "")],
            "answer": notebook.value("run.answer"),
            "chat": notebook.value("chat.runs[-1].answer"),
            "report": notebook.value("[file.name for file in report.files]"),
            "exports": sorted(path.name for path in Path().glob("run.*")),
        }
    finally:
        notebook.close()


def by_a_model() -> dict[str, Any]:
    """A model over HTTP, as the environment's variables name it."""
    import genie_nb as gn

    Path("sales.csv").write_text(SALES, encoding="utf-8")
    run = gn.ask(QUESTION, files=["sales.csv"], agent="react").result(SECONDS)
    return {"status": run.status, "answer": run.answer, "error": str(run.error or "")}


def over_the_network() -> dict[str, Any]:
    """A server and its client in one process."""
    import genie_nb as gn

    Path("sales.csv").write_text(SALES, encoding="utf-8")
    with gn.serve(model="offline") as server, gn.connect(server.url) as genie:
        run = genie.ask(QUESTION, files=["sales.csv"]).result(SECONDS)
        return {"status": run.status, "answer": run.answer}


def with_every_extra() -> dict[str, Any]:
    """Excel, slides, MCP: what the extras bring."""
    import pandas as pd

    import genie_nb as gn

    pd.DataFrame({"region": ["North", "South"], "amount": [40, 20]}).to_excel("sales.xlsx", index=False)
    run = gn.ask("Write a report with slides on amount by region", files=["sales.xlsx"], model="offline").result(SECONDS)
    server = {"name": "own", "command": sys.executable, "args": ["-m", "genie_nb.cli", "mcp", "--model", "offline"]}
    listed = gn.ask("2 + 3", model="offline", mcp=[server], mcp_wait_s=60).result(SECONDS)
    return {
        "answer": run.answer,
        "files": [file.name for file in run.files],
        "answer with a server": listed.answer,
        "notes": notes_of(listed),
    }


def what_is_missing() -> dict[str, Any]:
    """The sentence that each use of a missing extra gives."""
    import genie_nb as gn

    Path("a.xlsx").write_bytes(NOT_A_WORKBOOK)
    Path("a.pdf").write_bytes(b"%PDF-1.4\n")
    Path("sales.csv").write_text(SALES, encoding="utf-8")

    def run(question: str, **options: Any) -> Any:
        return gn.ask(question, model="offline", **options).result(SECONDS)

    def sentence(work: Callable[[], Any]) -> str:
        try:
            return str(work().error or "")
        except gn.GenieError as error:
            return f"{type(error).__name__}: {error}"

    slides = run("Write a report with slides on amount by region", files=["sales.csv"])
    mcp = run("2 + 3", mcp=["no-such-program"])
    return {
        "server": sentence(gn.serve),
        "excel": sentence(lambda: run("What is in it?", files=["a.xlsx"])),
        "pdf": sentence(lambda: run("What is in it?", files=["a.pdf"])),
        "slides": f"{slides.answer} {slides.error or ''}",
        "slides' calls": [call.output for call in slides.transcript.calls.values() if call.tool == "report"],
        "mcp": notes_of(mcp),
        "mcp's answer": mcp.answer,
    }


def notes_of(run: Any) -> list[str]:
    return [item.text for item in run.transcript.items if type(item).__name__ == "Note"]


PARTS = {
    "notebook": in_a_notebook,
    "model": by_a_model,
    "server": over_the_network,
    "extras": with_every_extra,
    "missing": what_is_missing,
}


def main() -> None:
    import genie_nb

    told: dict[str, Any] = {part: PARTS[part]() for part in sys.argv[1:]}
    told["place"] = genie_nb.__file__
    told["installed"] = {found.name: found.version for found in metadata.distributions()}
    print(json.dumps(told, ensure_ascii=False))


if __name__ == "__main__":
    main()
