"""What a run does inside a person's kernel: what it shows where, and how a cell can be left."""

import os
from typing import Any

import psutil
import pytest

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


VIEWS = "sum(type(one).__name__ == 'RunView' for one in __import__('ipywidgets').Widget.widgets.values())"
WIDGETS = "len(__import__('ipywidgets').Widget.widgets)"
ASK = "genie([gn.Say('It is **42**.')]).ask('What?')"


def page_says(cells: Cells, comm: str, **content: object) -> None:
    """Say what a page says, and wait until it was heard."""
    data = {"comm_id": comm, "data": {"method": "custom", "content": content}}
    cells.client.shell_channel.send(cells.client.session.msg("comm_msg", data))
    cells.run("from genie_nb.backend.loop import backend_loop; backend_loop().submit(asyncio.sleep(0)).result()")


@pytest.mark.parametrize(
    "cell",
    [
        f"await {ASK}",
        f"(await {ASK}).answer",
        f"run = {ASK}; run.result(); run.stage.shown.result(20); None",
        f"{ASK}.result()",
    ],
    ids=["awaited", "another value", "not the value", "waited for"],
)
def test_the_three_newest_views_stay_open_and_of_older_ones_nothing_is_left(cells: Cells, cell: str) -> None:
    for _ in range(7):
        cells.run(cell)
    assert cells.value(f"{VIEWS}, {WIDGETS}") == "(3, 6)"


def test_views_of_runs_that_nobody_awaits_are_closed_too(cells: Cells) -> None:
    for _ in range(7):
        shown = cells.run(f"run = {ASK}; None")
        if len(shown) == 1:
            cells.until("update_display_data")
    assert cells.value("run.stage.shown.result(20); " + VIEWS) == "3"


def ask_often(cells: Cells, count: int) -> list[str]:
    """Await so many runs, each in a cell of its own, with a page that says hello; the ids of their views."""
    cells.run("import asyncio")
    views = []
    for _ in range(count):
        views.append(cells.run(f"await {ASK}")[0]["content"]["data"][VIEW]["model_id"])
        page_says(cells, views[-1], type="hello", n=0)
    return views


def test_a_view_is_closed_when_each_page_has_said_that_it_does_not_show_it(cells: Cells) -> None:
    first, *_ = ask_often(cells, 3)
    page_says(cells, first, type="hello", n=0)
    cells.run(f"await {ASK}")
    assert cells.value(VIEWS) == "4"
    page_says(cells, first, type="place", shown=False)
    assert cells.value(VIEWS) == "4"
    page_says(cells, first, type="place", shown=False)
    assert cells.value(f"{VIEWS}, {first!r} in __import__('ipywidgets').Widget.widgets") == "(3, False)"


def test_a_view_that_a_page_shows_still_goes_on(cells: Cells) -> None:
    (first,) = ask_often(cells, 1)
    page_says(cells, first, type="hello", n=0)
    cells.run(f"await {ASK}")
    cells.run(f"await {ASK}")
    cell = cells.start(f"await {ASK}")
    asked = cells.until("comm_msg", data={"method": "custom", "content": {"type": "where"}})
    assert asked["content"]["comm_id"] == first
    cells.finish(cell)
    page_says(cells, first, type="place", shown=True)  # it was loaded in the middle of the run
    page_says(cells, first, type="place", shown=False)
    for _ in range(25):
        cells.run(f"await {ASK}")
    assert cells.value(f"{VIEWS}, {first!r} in __import__('ipywidgets').Widget.widgets") == "(4, True)"


def test_views_of_a_page_that_is_gone_are_closed_all_the_same(cells: Cells) -> None:
    ask_often(cells, 27)
    assert cells.value(VIEWS) == "23"


def test_a_run_whose_view_is_closed_can_be_seen_again(cells: Cells) -> None:
    cells.run(f"first = {ASK}; await first")
    for _ in range(4):
        cells.run(f"await {ASK}")
    assert cells.value("first.stage._view is None") == "True"
    assert kinds(cells.run("first.view()")) == [("display_data", {VIEW})]
    for _ in range(4):
        cells.run(f"await {ASK}")
    assert cells.value(f"{VIEWS}, first.stage._view.tell_all()['live']['status']") == "(4, 'finished')"


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
    assert orphans  # on Linux they are descendants all the same: of their supervisor
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
