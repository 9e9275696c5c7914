"""What cells cannot do: run for ever, fill memory or disk, flood, leave processes behind, read the parent's keys."""

import asyncio
import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from genie_nb.errors import InterpreterFailed
from genie_nb.parts import DocumentPart, Part, StreamPart

IDS = "import os, subprocess\np = subprocess.Popen(['sleep', '600'])\nprint(os.getpid(), p.pid, flush=True)\n"
AWAY = IDS.replace("'600']", "'600'], start_new_session=True")
DAEMON = (
    "import os, subprocess\nshell = ['setsid', 'sh', '-c', 'sleep 600 >/dev/null 2>&1 & echo $!']\n"
    "print(os.getpid(), subprocess.check_output(shell, text=True).strip(), flush=True)\n"
)


def processes(text: str) -> list[psutil.Process]:
    return [psutil.Process(int(pid)) for pid in text.split()]


ENDLESS = {
    "loop": "while True: pass",
    "sleep": "import time\ntime.sleep(600)",
    "a-program": "import subprocess\nsubprocess.run(['sleep', '600'])",
}


@pytest.mark.parametrize("code", ENDLESS.values(), ids=ENDLESS)
def test_a_cell_is_stopped_at_its_limit_and_keeps_its_names(shared: Any, code: str) -> None:
    ran = shared.run(f"kept = 3\nprint('began')\n{code}", timeout_s=0.5)
    assert (ran.end.status, ran.end.state_lost) == ("timeout", False)
    assert "limit of 0.5 s" in ran.end.message
    assert ran.text() == "began\n"
    assert shared.run("kept").only(DocumentPart).text == "3"


STUBBORN = {
    "swallows": "import time\nwhile True:\n    try: time.sleep(60)\n    except KeyboardInterrupt: pass",
    "ignores": "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass",
}


@pytest.mark.parametrize("code", STUBBORN.values(), ids=STUBBORN)
def test_a_cell_that_does_not_stop_is_killed_and_the_preamble_loaded_again(
    open_session: Callable[[str], Any], assert_gone: Callable[[list[psutil.Process]], None], code: str
) -> None:
    session = open_session("given = 5")
    found = processes(session.run(f"made = 1\n{IDS}").text())
    ran = session.run(code, timeout_s=0.5)
    assert_gone(found)
    assert (ran.end.status, ran.end.state_lost) == ("timeout", True)
    assert "are gone" in ran.end.message
    assert "loaded again" in ran.end.message
    after = session.run("print(given, 'made' in globals())")
    assert (after.text(), after.text("stderr"), after.end.state_lost) == ("5 False\n", "", False)


def test_an_awaiting_cell_is_stopped_at_its_limit(open_session: Callable[[], Any]) -> None:
    session = open_session()
    assert session.run("import asyncio\nawait asyncio.sleep(600)", timeout_s=0.5).end.status == "timeout"
    assert session.run("print('on')").text() == "on\n"


DEATHS = {
    "exit": ("import os\nos._exit(3)", "exit code 3"),
    "killed": ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "killed by signal 9"),
}


@pytest.mark.parametrize(("code", "how"), DEATHS.values(), ids=DEATHS)
def test_a_death_is_told_and_the_next_cell_has_a_fresh_kernel_with_the_preamble(
    open_session: Callable[[str], Any], code: str, how: str
) -> None:
    session = open_session("given = 5")
    session.run("made = 1")
    ran = session.run(code)
    assert (ran.end.status, ran.end.state_lost) == ("died", True)
    assert how in ran.end.message
    assert "loaded again" in ran.end.message
    after = session.run("print(given, 'made' in globals())")
    assert (after.text(), after.text("stderr"), after.end.state_lost) == ("5 False\n", "", False)


def test_a_death_between_two_cells_is_told_with_the_next(
    open_session: Callable[[], Any], assert_gone: Callable[[list[psutil.Process]], None]
) -> None:
    session = open_session()
    found = processes(session.run(IDS).text())
    found[0].kill()
    assert_gone(found)
    ran = session.run("print('on')")
    assert (ran.end.status, ran.end.state_lost) == ("ok", True)
    assert "variables of earlier cells are gone" in ran.text("stderr")
    assert ran.text() == "on\n"


def test_taking_too_much_memory_is_an_error_that_the_kernel_survives(shared: Any) -> None:
    ran = shared.run("kept = 4\nx = bytearray(3 * 1024 ** 3)")
    assert (ran.end.status, ran.error.name) == ("error", "MemoryError")
    assert shared.run("kept").only(DocumentPart).text == "4"


def test_a_file_cannot_grow_past_its_limit(shared: Any) -> None:
    ran = shared.run("with open('big', 'wb') as f: f.write(bytes(5_000_000))")
    assert (ran.end.status, ran.error.name) == ("error", "OSError")
    assert (shared.folder / "big").stat().st_size <= 4 * 1024 * 1024


def test_a_flood_of_prints_is_cut_and_says_how_much(shared: Any) -> None:
    ran = shared.run("for _ in range(300): print('x' * 999)")
    assert len(ran.text()) == 200_000
    assert ran.text("stderr") == "\n... 100000 more characters not shown\n"
    assert ran.end.status == "ok"


def test_an_endless_flood_is_stopped_at_its_limit(shared: Any) -> None:
    ran = shared.run("while True: print('x' * 1000)", timeout_s=1.0)
    assert ran.end.status == "timeout"
    assert len(ran.text()) == 200_000
    assert "more characters not shown" in ran.text("stderr")


def test_no_secret_of_the_parent_is_in_a_childs_environment(
    open_session: Callable[[], Any], backend: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted = ("OPENAI_API_KEY", "GENIE_TOKEN", "AWS_SECRET_ACCESS_KEY", "https_proxy", "PYTHONPATH", "PYTHONSTARTUP")
    for name in planted:
        monkeypatch.setenv(name, "/canary-7f3a")
    backend.do(renewed(backend))
    code = "import os, json, subprocess\nprint(json.dumps(dict(os.environ)))\nprint(subprocess.getoutput('env'))"
    printed = open_session().run(code).text()
    assert "canary-7f3a" not in printed
    environment = json.loads(printed.splitlines()[0])
    assert environment["HOME"] == os.environ["HOME"]
    assert "/genie-" in environment["IPYTHONDIR"]


async def renewed(backend: Any) -> None:
    """Use up the spare kernel that was started before."""
    kernel = await backend.pool.take()
    await kernel.kill()


@contextmanager
def in_mid_cell(session: Any, code: str) -> Iterator[tuple[list[psutil.Process], asyncio.Task[Any]]]:
    """Run code that prints its process ids and goes on; hand out these processes and the reading task."""
    printed, text = threading.Event(), []

    def seen(part: Part) -> None:
        if isinstance(part, StreamPart):
            text.append(part.text)
            printed.set()

    async def begin() -> asyncio.Task[Any]:
        return asyncio.create_task(session.cell(code, seen=seen))

    task = session.backend.do(begin())
    assert printed.wait(120)
    yield processes("".join(text)), task


@pytest.mark.parametrize("ids", [IDS, AWAY, DAEMON], ids=["same-group", "left-the-group", "nobodys-child"])
def test_closing_in_the_middle_of_a_cell_leaves_no_process(
    open_session: Callable[[], Any], assert_gone: Callable[[list[psutil.Process]], None], ids: str
) -> None:
    session = open_session()
    with in_mid_cell(session, f"{ids}while True: pass") as (found, task):
        session.backend.do(session.interpreter.close())
        assert_gone(found)
        assert session.backend.do(asyncio.wait_for(task, 10)).end.status == "died"
    with pytest.raises(InterpreterFailed, match="closed"):
        session.run("1")


def test_closing_in_the_middle_of_the_preparation_leaves_no_process(
    open_session: Callable[[str], Any], assert_gone: Callable[[list[psutil.Process]], None], tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "gate")
    session = open_session("import os, time\nopen('gate', 'w').write(str(os.getpid()))\ntime.sleep(600)")

    async def begin() -> asyncio.Task[Any]:
        return asyncio.create_task(session.cell("1"))

    task = session.backend.do(begin())
    found = processes((tmp_path / "gate").read_text())
    session.backend.do(session.interpreter.close())
    assert_gone(found)
    with pytest.raises(InterpreterFailed, match="closed"):
        session.backend.do(asyncio.wait_for(task, 10))


def test_cancelling_the_reader_stops_the_cell_and_keeps_the_session(open_session: Callable[[], Any]) -> None:
    session = open_session()
    with in_mid_cell(session, f"{IDS}while True: pass") as (found, task):
        session.backend.do(cancelled(task))
        assert session.run("print(os.getpid())").text() == f"{found[0].pid}\n"


def test_cancelling_the_reader_of_a_stubborn_cell_ends_it_and_the_next_cell_says_so(
    open_session: Callable[[], Any], assert_gone: Callable[[list[psutil.Process]], None]
) -> None:
    session = open_session()
    deaf_before_it_prints = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
    with in_mid_cell(session, f"{deaf_before_it_prints}{IDS}while True: pass") as (found, task):
        session.backend.do(cancelled(task))
        assert_gone(found)
    ran = session.run("1")
    assert ran.end.state_lost
    assert "are gone" in ran.text("stderr")


async def cancelled(task: asyncio.Task[Any]) -> None:
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()


def test_a_second_cell_waits_for_the_first(shared: Any) -> None:
    async def both() -> Any:
        first = shared.cell("first = 1\nimport time\ntime.sleep(0.3)\nfirst = 2")
        return await asyncio.gather(first, shared.cell("first"))

    _, second = shared.backend.do(both())
    assert second.only(DocumentPart).text == "2"


def test_a_preamble_that_fails_is_named(open_session: Callable[[str], Any]) -> None:
    with pytest.raises(InterpreterFailed, match=r"FileNotFoundError.*missing"):
        open_session("open('missing')").run("1")
