"""Where a notebook keeps a run: once, where its live view stood, and never as it was half-way."""

from typing import Any

import pytest
from jupyter_client.manager import run_kernel

SET_UP = """
import asyncio, threading
import genie_nb as gn
gate = threading.Event()
async def hold() -> str:
    "Wait for the gate."
    while not gate.is_set():
        await asyncio.sleep(0.01)
    return "held"
def ask():
    model = gn.ScriptedModel([gn.Say(calls=[("hold", {})]), gn.Say("It is done.")])
    return gn.Genie(model=model, agent="react", tools=[hold]).ask("Is it done?")
"""
END = "gate.set(); first.shown.result(120); run.stage.shown.result(120); None"
RECORD = "gnb-record"


def shown(*cells: str) -> list[list[str]]:
    """What the cells after the first show in the end: `record`, `view`, or the words themselves."""
    with run_kernel(startup_timeout=45) as client:
        outputs = [_Outputs(client.execute(cell)) for cell in (SET_UP, *cells)]
        while not outputs[-1].done:
            message = client.get_iopub_msg(timeout=300)
            for output in outputs:
                output.take(message)
    return [[kind for kind in map(_kind, output.bundles) if kind] for output in outputs[1:]]


class _Outputs:
    """What one cell shows, in a page that is open: one that updates what it has."""

    def __init__(self, request: str) -> None:
        self._request = request
        self._ids: list[str] = []
        self.bundles: list[dict[str, str]] = []
        self.done = False

    def take(self, message: dict[str, Any]) -> None:
        """Take whatever the kernel says."""
        content, mine = message["content"], message["parent_header"].get("msg_id") == self._request
        match message["msg_type"]:
            case "update_display_data" if content["transient"]["display_id"] in self._ids:
                self.bundles[self._ids.index(content["transient"]["display_id"])] = content["data"]
            case "display_data" | "execute_result" if mine:
                self._ids.append(content.get("transient", {}).get("display_id", ""))
                self.bundles.append(content["data"])
            case "stream" | "error" if mine:
                self._ids.append("")
                self.bundles.append({"text/plain": str(content.get("text", content))})
            case "status" if mine:
                self.done = content["execution_state"] == "idle"


def _kind(bundle: dict[str, str]) -> str:
    if "application/vnd.jupyter.widget-view+json" in bundle:
        return "view"
    if RECORD in bundle.get("text/html", ""):
        return "record" if "It is done." in bundle["text/html"] else "half a record"
    return bundle.get("text/plain", "")


@pytest.mark.parametrize(
    "cell",
    [
        "run = ask(); first = run.stage; run",
        "run = ask(); first = run.stage; display(run)",
        "run = ask(); first = run.stage",
    ],
    ids=["its value", "displayed", "not mentioned"],
)
def test_a_run_that_nobody_awaits_is_kept_once_and_whole(cell: str) -> None:
    assert shown(cell, END)[0] == ["record"]


def test_a_run_that_goes_on_is_live_in_every_cell_that_shows_it() -> None:
    cells = shown("run = ask(); first = run.stage; run", "run", "display(run); run", END, "run")
    assert cells == [["record"], ["record"], ["record"], [], ["record"]]


@pytest.mark.parametrize(
    ("cell", "kept"),
    [("gate.set(); await run", "record"), ("gate.set(); print(run.result().answer)", "It is done.\n")],
    ids=["its value", "another value"],
)
def test_a_run_that_another_cell_awaits_is_kept_where_it_was_seen(cell: str, kept: str) -> None:
    assert shown("run = ask()", cell) == [["record"], [kept]]


@pytest.mark.parametrize(
    ("cell", "kept"),
    [
        ("gate.set(); await ask()", ["record"]),
        ("gate.set(); ask().result()", ["record"]),
        ("gate.set(); (await ask()).answer", ["'It is done.'", "record"]),
        ("gate.set(); run = ask().result(); print(run.answer)", ["It is done.\n", "record"]),
    ],
    ids=["awaited", "waited for", "another value", "printed"],
)
def test_a_run_that_its_cell_awaits_is_kept_once(cell: str, kept: list[str]) -> None:
    assert shown(cell) == [kept]
