"""What awaited runs leave in the person's kernel: registered widgets, memory, and state in a saved notebook.

Each run is a cell of its own, `await ask()`, in one real kernel: a scripted model calls a tool once and answers. `Out[]` is
the person's business; so the cells of the second way keep only the answer.
"""

import argparse
import json
import time
from typing import Any

from jupyter_client.manager import run_kernel

from benchmarks.report import Row, report

SET_UP = """
import gc, json, os
import psutil, ipywidgets
import genie_nb as gn
def look(city: str) -> str:
    "Look a city up."
    return f"{city}: 12 °C, wind from the west, " + "no rain " * 40
def ask():
    words = "It is cold in Oslo, and the wind comes from the west. " * 20
    model = gn.ScriptedModel([gn.Say(calls=[("look", {"city": "Oslo"})]), gn.Say(f"## Weather\\n\\n{words}")])
    return gn.Genie(model=model, agent="react", tools=[look]).ask("How is the weather in Oslo?")
"""
MEASURE = """
gc.collect()
_widgets = ipywidgets.Widget.get_manager_state()["state"]
print(json.dumps({
    "widgets": len(_widgets),
    "views": sum(one["model_module"] == "anywidget" for one in _widgets.values()),
    "state": len(json.dumps(_widgets)),
    "rss": psutil.Process().memory_info().rss,
}))
"""
WAYS = {"the run is kept in Out[]": "await ask()", "only its answer is": "(await ask()).answer"}
WARM = 5


def run_cell(client: Any, code: str) -> str:
    """Run a cell; what it prints."""
    printed: list[str] = []
    reply = client.execute_interactive(
        code,
        timeout=120,
        output_hook=lambda m: printed.append(m["content"]["text"]) if m["msg_type"] == "stream" else None,
    )
    if reply["content"]["status"] != "ok":
        raise RuntimeError("\n".join(reply["content"].get("traceback", [])))
    return "".join(printed)


def measure(client: Any) -> dict[str, float]:
    time.sleep(0.5)  # the last frames and acknowledgements
    found: dict[str, float] = json.loads(run_cell(client, MEASURE))
    return found


def grown(code: str, counts: list[int]) -> list[dict[str, float]]:
    """What there is after so many runs, and how much the process has grown since the first few."""
    with run_kernel(startup_timeout=45) as client:
        run_cell(client, SET_UP)
        for _ in range(WARM):
            run_cell(client, code)
        before = measure(client)
        rows, done = [], 0
        for count in counts:
            for _ in range(count - done):
                run_cell(client, code)
            done = count
            now = measure(client)
            rows.append(now | {"runs": count, "grown": (now["rss"] - before["rss"]) / 2**20})
        return rows


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--runs", type=int, nargs="*", default=[121, 500])
    counts = sorted(arguments.parse_args().runs)
    rows: list[Row] = [
        {
            "cell": way,
            "runs": float(found["runs"]),
            "views": found["views"],
            "widgets": found["widgets"],
            "state in the notebook, MB": found["state"] / 1e6,
            "grown by, MiB": found["grown"],
        }
        for way, code in WAYS.items()
        for found in grown(code, counts)
    ]
    report("views", "Runs that have ended leave three views, and little else, in the person's kernel", rows)


if __name__ == "__main__":
    main()
