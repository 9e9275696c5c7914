"""The pool: warm kernels, many at once, kernels that cannot start, and nothing left behind."""

import asyncio
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from genie_nb.backend.interpreter.base import CellFinished
from genie_nb.backend.interpreter.kernel import Kernel
from genie_nb.backend.interpreter.pool import KernelPool
from genie_nb.backend.interpreter.runner import Interpreter
from genie_nb.errors import InterpreterFailed
from genie_nb.parts import DocumentPart
from tests.processes import Program


@asynccontextmanager
async def open_pool(**settings: Any) -> AsyncIterator[KernelPool]:
    pool = KernelPool(**settings)
    try:
        yield pool
    finally:
        await pool.close()


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A place of its own for runtime folders, with a name that is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="g", ignore_cleanup_errors=True) as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield Path(folder)


def test_eight_kernels_start_in_parallel_and_none_is_left(runtime: Path) -> None:
    async def go() -> list[int]:
        async with open_pool(spare=0) as pool:
            kernels = await asyncio.gather(*(pool.take() for _ in range(8)))
            replies = await asyncio.gather(*(kernel.run("first = 1 + 1", lambda _: None) for kernel in kernels))
            assert [reply["status"] for reply in replies] == ["ok"] * 8
            return [kernel.pid for kernel in kernels]

    pids = asyncio.run(go())
    assert len(set(pids)) == 8
    assert not any(psutil.pid_exists(pid) for pid in pids)
    assert list(runtime.iterdir()) == []


def test_a_spare_is_started_for_the_one_taken_and_costs_nothing_if_it_died_while_waiting(
    runtime: Path, tmp_path: Path
) -> None:
    async def go() -> list[Any]:
        before = psutil.Process().children()
        async with open_pool() as pool:
            first = await pool.take()
            await pool.ready()
            taken = psutil.Process(first.pid).ppid()
            (spare,) = (child for child in psutil.Process().children() if child not in before and child.pid != taken)
            spare.kill()
            session = Interpreter(pool, folder=tmp_path)
            return [item async for item in session.run("'alive'", timeout_s=30)]

    assert asyncio.run(go()) == [DocumentPart(text="'alive'"), CellFinished("ok")]


def test_a_spare_that_died_is_not_handed_out(runtime: Path) -> None:
    async def go() -> None:
        async with open_pool() as pool:
            pool.warm()
            await pool.ready()
            (spare,) = psutil.Process().children()
            spare.kill()
            (dead,) = pool._kernels
            while dead.pid is not None:
                await asyncio.sleep(0.01)
            kernel = await pool.take()
            assert kernel is not dead
            assert (await kernel.run("1", lambda _: None))["status"] == "ok"

    asyncio.run(go())


def fake_python(folder: Path, script: str) -> str:
    path = folder / "python"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


BROKEN = {
    "no-ipykernel": ("echo 'No module named ipykernel' >&2; exit 1", "exit code 1.*No module named ipykernel"),
    "silent": ("exit 7", "exit code 7.*said nothing"),
    "hangs": ("sleep 600", "did not start within 1 s"),
}


@pytest.mark.parametrize(("script", "message"), BROKEN.values(), ids=BROKEN)
def test_a_kernel_that_cannot_start_fails_in_words(runtime: Path, tmp_path: Path, script: str, message: str) -> None:
    async def go() -> None:
        async with open_pool(python=fake_python(tmp_path, script), start_timeout_s=1.0) as pool:
            with pytest.raises(InterpreterFailed, match=message):
                await pool.take()

    asyncio.run(go())
    assert list(runtime.iterdir()) == []


def test_a_python_that_does_not_exist_fails_in_words(runtime: Path) -> None:
    async def go() -> None:
        async with open_pool(python="/nonexistent/python") as pool:
            with pytest.raises(InterpreterFailed, match="could not start: No such file"):
                await pool.take()

    asyncio.run(go())


def test_no_room_for_the_runtime_folder_fails_in_words(runtime: Path) -> None:
    runtime.rmdir()

    async def go() -> None:
        async with open_pool() as pool:
            with pytest.raises(InterpreterFailed, match="no room"):
                await pool.take()

    asyncio.run(go())


def test_a_closed_pool_gives_nothing(runtime: Path) -> None:
    async def go() -> None:
        async with open_pool() as pool:
            pool.warm()
            await pool.close()
            await pool.close()
            with pytest.raises(InterpreterFailed, match="shut down"):
                await pool.take()

    asyncio.run(go())
    assert list(runtime.iterdir()) == []


def test_closing_the_pool_while_a_session_waits_for_a_kernel_ends_its_wait(runtime: Path, tmp_path: Path) -> None:
    async def go() -> None:
        async with open_pool(spare=0) as pool:
            taking = asyncio.create_task(pool.take())
            await asyncio.wait({taking}, timeout=0.2)
            await pool.close()
            with pytest.raises(InterpreterFailed, match="shut down"):
                await taking

    asyncio.run(go())
    assert list(runtime.iterdir()) == []


PARENT = """
import asyncio, sys
from pathlib import Path
from genie_nb.backend.interpreter.pool import KernelPool
from genie_nb.backend.interpreter.runner import Interpreter

async def go():
    session = Interpreter(KernelPool(spare=0), folder=Path(sys.argv[1]))
    code = '''import os, subprocess
p = subprocess.Popen(['sleep', '600'])
print(os.getpid(), p.pid)
'''
    async for item in session.run(code, timeout_s=30):
        print(getattr(item, 'text', ''), end='', flush=True)
    {then}

asyncio.run(go())
"""


@pytest.mark.parametrize(
    ("then", "end"),
    [("await asyncio.sleep(600)", signal.SIGKILL), ("sys.exit()", None)],
    ids=["killed", "left-without-closing"],
)
def test_a_parent_that_is_gone_leaves_no_process_and_its_folder_goes_with_the_next_start(
    runtime: Path, tmp_path: Path, assert_gone: Callable[[list[psutil.Process]], None], then: str, end: signal.Signals | None
) -> None:
    command = [sys.executable, "-c", PARENT.replace("{then}", then), str(tmp_path)]
    with Program(command, stdout=subprocess.PIPE, text=True, env={"TMPDIR": str(runtime)}) as parent:
        assert parent.stdout is not None
        found = [psutil.Process(int(pid)) for pid in parent.stdout.readline().split()]
        assert len(found) == 2
        if end is not None:
            parent.send_signal(end)
    assert_gone(found)

    async def next_start() -> None:
        async with open_pool(spare=0) as pool:
            await pool.take()

    asyncio.run(next_start())
    assert list(runtime.iterdir()) == []


def test_a_living_pools_folder_is_left_alone(runtime: Path) -> None:
    async def go() -> None:
        one, two = KernelPool(spare=0), KernelPool(spare=0)
        kernel = await one.take()
        await two.take()
        await two.close()
        assert (await kernel.run("1", lambda _: None))["status"] == "ok"
        await one.close()

    asyncio.run(go())


def test_a_kernels_sockets_are_in_a_folder_that_only_its_user_may_enter(runtime: Path) -> None:
    async def go() -> None:
        async with open_pool(spare=0) as pool:
            kernel = await pool.take()
            assert isinstance(kernel, Kernel)
            (folder,) = runtime.iterdir()
            sockets = [path for path in folder.rglob("s-*") if path.is_socket()]
            assert len(sockets) >= 5
            assert {path.parent.stat().st_mode & 0o777 for path in sockets} | {folder.stat().st_mode & 0o777} == {0o700}
            listening = psutil.Process(kernel.pid).net_connections("inet")
            assert {connection.laddr.ip for connection in listening} <= {"127.0.0.1"}

    asyncio.run(go())
