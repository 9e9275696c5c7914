"""What cells try to outlive: the end of their session, and kill -9 of the process that asked."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from genie_nb.backend.interpreter.launch import process_control
from genie_nb.parts import StreamPart

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has subreapers and parent-death signals")
GONE_S = 20.0
"""A bound for a machine under load; on a quiet one it takes some hundredths of a second."""

TELL = "import os, subprocess\nprint('ids', os.getpid(), {pids}, flush=True)\nopen('gate').read()\n"
"""Prints the ids of its processes, and goes on when they were read: nothing is sent while a cell holds the lock."""
ESCAPES = {
    "holds the interpreter lock": TELL.format(pids="''") + "7 ** 10 ** 9",
    "a regular expression without end": TELL.format(pids="''") + "import re\nre.match(r'(a+)+b', 'a' * 60)",
    "stopped itself": TELL.format(pids="''") + "import signal\nos.kill(os.getpid(), signal.SIGSTOP)",
    "stopped its whole group": TELL.format(pids="''") + "import signal\nos.killpg(0, signal.SIGSTOP)",
    "a program without environment in a session of its own": TELL.format(
        pids="subprocess.Popen(['/bin/sleep', '600'], env={}, start_new_session=True).pid"
    )
    + "while True: pass",
    "nobody's child without environment": TELL.format(
        pids="subprocess.check_output(['/usr/bin/setsid', '/bin/sh', '-c', '/bin/sleep 600 >/dev/null 2>&1 & echo $!'],"
        " env={}, text=True).strip()"
    )
    + "7 ** 10 ** 9",
}


def ids_in(line: str) -> list[psutil.Process]:
    return [psutil.Process(int(word)) for word in line.split()[1:]]


def wait_gone(found: list[psutil.Process]) -> list[psutil.Process]:
    """The processes that are left; a zombie has ended."""
    _, alive = psutil.wait_procs(found, timeout=GONE_S)
    return [process for process in alive if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]


SCRIPT = (
    "import asyncio, sys\n"
    "from pathlib import Path\n"
    "from genie_nb.backend.interpreter.pool import KernelPool\n"
    "from genie_nb.backend.interpreter.runner import Interpreter\n"
    "async def go():\n"
    "    async for part in Interpreter(KernelPool(spare=0), folder=Path(sys.argv[1])).run(sys.argv[2], timeout_s=600):\n"
    "        print(getattr(part, 'text', part), end='', flush=True)\n"
    "asyncio.run(go())\n"
)
"""A process that asks, as a notebook does."""


@contextmanager
def asking(code: str, folder: Path) -> Iterator[tuple[subprocess.Popen[str], list[psutil.Process]]]:
    """A process that runs the code in a kernel of its own, the kernel's processes, and at their end the supervisor."""
    os.mkfifo(folder / "gate")
    with subprocess.Popen([sys.executable, "-c", SCRIPT, str(folder), code], stdout=subprocess.PIPE, text=True) as person:
        assert person.stdout is not None
        found = ids_in(person.stdout.readline())
        (folder / "gate").write_text("")
        supervisor = found[0].parent()
        assert supervisor is not None
        yield person, [*found, supervisor]


@linux
@pytest.mark.parametrize("code", ESCAPES.values(), ids=ESCAPES)
def test_nothing_of_a_cell_outlives_kill_9_of_the_process_that_asked(code: str, tmp_path: Path) -> None:
    with asking(code, tmp_path) as (person, found):
        person.kill()
    assert wait_gone(found) == []


@linux
def test_a_kernel_does_not_outlive_kill_9_of_its_supervisor_and_of_the_process_that_asked(tmp_path: Path) -> None:
    with asking(ESCAPES["holds the interpreter lock"], tmp_path) as (person, found):
        person.send_signal(signal.SIGSTOP)  # so that it cannot end the kernel itself
        found[-1].kill()
        person.kill()
    assert wait_gone(found) == []


STOPPED = "a program without environment in a session of its own"
STOPS_SUPERVISOR = "import signal\nos.kill(os.getppid(), signal.SIGSTOP)\nwhile True"
STOPS_IT_FOR_EVER = "import signal\nwhile True: os.kill(os.getppid(), signal.SIGSTOP)\nwhile True"
SUPERVISED = ESCAPES | {
    "stopped its supervisor": ESCAPES[STOPPED].replace("while True", STOPS_SUPERVISOR),
    "stops its supervisor for ever": ESCAPES[STOPPED].replace("while True", STOPS_IT_FOR_EVER),
}


@linux
@pytest.mark.parametrize("code", SUPERVISED.values(), ids=SUPERVISED)
def test_nothing_of_a_cell_outlives_its_session(open_session: Callable[[], Any], code: str) -> None:
    session, printed, text = open_session(), threading.Event(), []
    os.mkfifo(session.folder / "gate")

    def seen(part: Any) -> None:
        if isinstance(part, StreamPart):
            text.append(part.text)
            printed.set()

    async def begin() -> Any:
        return asyncio.create_task(session.cell(code, seen=seen))

    task = session.backend.do(begin())
    assert printed.wait(30)
    found = ids_in("".join(text))
    (session.folder / "gate").write_text("")
    session.backend.do(session.interpreter.close())
    assert wait_gone(found) == []

    async def end() -> Any:
        return (await task).end.status

    assert session.backend.do(end()) == "died"


@linux
def test_a_kernel_dies_with_its_supervisor_and_the_next_cell_has_a_new_one(open_session: Callable[[], Any]) -> None:
    session = open_session()
    kernel = psutil.Process(int(session.run("import os; print(os.getpid())").text()))
    supervisor = kernel.parent()
    assert supervisor is not None
    supervisor.send_signal(signal.SIGKILL)
    assert wait_gone([kernel, supervisor]) == []

    async def dead() -> None:
        while session.interpreter._kernel.pid is not None:
            await asyncio.sleep(0.01)

    session.backend.do(dead())
    assert session.run("print('on')").text() == "on\n"


def test_where_there_is_no_such_control_nothing_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")

    process_control(-1, -1)
