"""What a run does inside a person's kernel: what it shows where, and how a cell can be left."""

import os
from typing import Any

import psutil

from tests.notebooks.kernel_cells import Cells

VIEW = "application/vnd.jupyter.widget-view+json"
SLEEP = ["sleep", f"600.{os.getpid():07}"]
"""A program that is known by its argument, whatever else runs on this machine."""
ENDLESS_CODE = f"import subprocess\nsubprocess.run(['setsid', '-f', *{SLEEP}])\nprint(1)\nwhile True: pass"
ENDLESS = f"[gn.Say('I loop.', calls=[('code_interpreter', {{'code': {ENDLESS_CODE!r}}})])]"


def kinds(shown: list[dict[str, Any]]) -> list[tuple[str, set[str]]]:
    return [(message["msg_type"], set(message["content"].get("data", {}))) for message in shown]


RECORD = {"text/plain", "text/markdown", "text/html"}


def test_an_awaited_run_leaves_its_record_as_the_value_of_the_cell(cells: Cells) -> None:
    shown = cells.run("await genie([gn.Say('It is **42**.')]).ask('What?')")
    assert kinds(shown) == [("display_data", {VIEW}), ("execute_result", RECORD), ("update_display_data", set())]
    assert "It is **42**." in shown[1]["content"]["data"]["text/plain"]


def test_a_cell_with_another_value_shows_the_record_after_it(cells: Cells) -> None:
    shown = cells.run("run = await genie([gn.Say('It is **42**.')]).ask('What?')\n6 * 7")
    assert kinds(shown) == [
        ("display_data", {VIEW}),
        ("execute_result", {"text/plain"}),
        ("display_data", RECORD),
        ("update_display_data", set()),
    ]


def test_a_run_that_is_waited_for_without_a_loop_shows_its_record_too(cells: Cells) -> None:
    shown = cells.run("genie([gn.Say('It is **42**.')]).ask('What?').result()")
    assert kinds(shown)[1:] == [("execute_result", RECORD), ("update_display_data", set())]


def test_a_run_that_nobody_awaits_is_replaced_by_its_record(cells: Cells) -> None:
    shown = cells.run("run = genie([gn.Say('It is **42**.')]).ask('What?')")
    display = shown[0]["content"]
    update = cells.until("update_display_data") if len(shown) == 1 else shown[1]
    assert set(display["data"]) == {VIEW}
    assert set(update["content"]["data"]) == RECORD
    assert update["content"]["transient"] == display["transient"]


def test_the_live_view_can_be_shown_again_and_stays(cells: Cells) -> None:
    cells.run("run = await genie([gn.Say('It is **42**.')]).ask('What?')")
    assert kinds(cells.run("run.view()\nawait run\nNone")) == [("display_data", {VIEW})]


def test_an_interrupted_await_ends_in_a_cancelled_run_with_a_sentence(cells: Cells) -> None:
    cells.run(f"run = genie({ENDLESS}).ask('Loop.')")
    cell = cells.start("print('waiting')\nawait run")
    cells.until("stream", text="waiting\n")
    cells.manager.interrupt_kernel()
    cells.finish(cell)
    assert cells.value("await run\nrun.status, str(run.error)") == "('cancelled', 'You interrupted the run.')"
    assert cells.value("1 + 1") == "2"


def test_an_interrupted_result_cancels_too(cells: Cells) -> None:
    cells.run(f"run = genie({ENDLESS}).ask('Loop.')")
    cell = cells.start("print('waiting')\nrun.result()")
    cells.until("stream", text="waiting\n")
    cells.manager.interrupt_kernel()
    cells.finish(cell)
    assert cells.value("run.result().status") == "'cancelled'"


def test_stop_reaches_a_run_that_a_cell_is_awaiting(cells: Cells) -> None:
    cell = cells.start(f"run = genie({ENDLESS}).ask('Loop.')\nawait run")
    comm = cells.until("display_data")["content"]["data"][VIEW]["model_id"]
    message = cells.client.session.msg(
        "comm_msg", {"comm_id": comm, "data": {"method": "custom", "content": {"type": "cancel"}}}
    )
    cells.client.shell_channel.send(message)
    shown = cells.finish(cell)
    assert "You stopped the run." in shown[-2]["content"]["data"]["text/plain"]


def test_no_process_is_left_when_the_persons_kernel_is_killed(cells: Cells) -> None:
    cells.run(
        f"run = genie({ENDLESS}).ask('Loop.', show=False)\n"
        "async for event in run.events():\n    if 'StreamPart' in str(event): break"
    )
    person = psutil.Process(int(cells.value("import os; os.getpid()")))
    children = person.children(recursive=True)
    orphans = [process for process in psutil.process_iter(["cmdline"]) if process.info["cmdline"] == SLEEP]
    assert children
    assert any(orphan not in children for orphan in orphans)
    person.kill()
    _, alive = psutil.wait_procs(children + orphans, timeout=20)
    assert not alive


def test_the_magic_asks_and_keeps_the_run(cells: Cells) -> None:
    cells.run("%load_ext genie_nb")
    cells.run("%%genie --model offline\nthe sum of the squares of 1 to 10")
    assert "385" in cells.value("await run\nrun.answer")
    cells.run("%genie --model offline --name other what's 2 + 3")
    assert "5" in cells.value("await other\nother.answer")


def test_the_magic_hands_a_dataframe_over(cells: Cells) -> None:
    cells.run(
        "%load_ext genie_nb\nimport pandas as pd\nscores = pd.DataFrame({'team': ['a', 'b', 'a'], 'points': [1, 2, 5]})"
    )
    cells.run("%%genie --data scores --agent react\nTotal points by team")
    answer = cells.value("await run\nrun.answer")
    assert "6" in answer
    assert "2" in answer


def test_the_same_cell_can_be_run_twice_and_gives_the_same_record(cells: Cells) -> None:
    ask = "await gn.ask('the sum of the squares of 1 to 10', model='offline')"
    first, second = (cells.run(ask)[1]["content"]["data"] for _ in range(2))
    assert "385" in first["text/plain"]
    assert first == second
