"""The backend's own loop: on its own thread, not stalled by others, ending in bounds."""

import asyncio
import gc
import subprocess
import sys
import threading

import pytest

from genie_nb.backend.loop import BackendLoop, backend_loop
from tests.fakes import BOUND_S


async def thread_name() -> str:
    return threading.current_thread().name


def test_work_runs_on_a_thread_of_its_own_and_its_result_comes_back(backend: BackendLoop) -> None:
    assert backend.submit(thread_name()).result(BOUND_S) == "genie_nb-backend"
    assert threading.current_thread().name != "genie_nb-backend"


def test_an_exception_comes_back_to_whoever_asked(backend: BackendLoop) -> None:
    async def fail() -> None:
        raise LookupError("lost")

    with pytest.raises(LookupError, match="lost"):
        backend.submit(fail()).result(BOUND_S)


def test_functions_are_called_on_the_loop_in_order(backend: BackendLoop) -> None:
    seen: list[tuple[int, str]] = []
    done = threading.Event()
    for number in range(3):
        backend.call(lambda n: seen.append((n, threading.current_thread().name)), number)
    backend.call(done.set)

    assert done.wait(BOUND_S)
    assert seen == [(n, "genie_nb-backend") for n in range(3)]


def test_the_loop_works_while_the_thread_that_asked_is_busy(backend: BackendLoop) -> None:
    """The asking thread does nothing but wait here; the loop reaches its hundredth turn all the same."""
    turns = threading.Semaphore(0)

    async def tick() -> None:
        for _ in range(100):
            turns.release()
            await asyncio.sleep(0)

    backend.submit(tick())

    assert all(turns.acquire(timeout=BOUND_S) for _ in range(100))


def test_closing_cancels_what_runs_awaits_the_closers_and_ends_the_thread() -> None:
    backend = BackendLoop()
    order: list[str] = []
    began = threading.Event()

    async def endless() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            order.append("cancelled")

    async def closer() -> None:
        order.append("closed")

    backend.on_close(closer)
    backend.submit(endless())
    assert began.wait(BOUND_S)
    assert not backend.closed

    backend.close()
    backend.close()

    assert order == ["cancelled", "closed"]
    assert backend.closed
    assert not backend._thread.is_alive()


def test_a_closer_that_fails_keeps_no_other_from_closing() -> None:
    backend, closed = BackendLoop(), threading.Event()

    async def failing() -> None:
        raise OSError("gone")

    async def closer() -> None:
        closed.set()

    backend.on_close(failing)
    backend.on_close(closer)
    backend.close()

    assert closed.is_set()


def test_the_process_has_one_backend_loop_and_gets_a_new_one_after_its_end() -> None:
    first = backend_loop()
    assert backend_loop() is first
    first.close()

    second = backend_loop()

    assert second is not first
    assert second.submit(thread_name()).result(BOUND_S) == "genie_nb-backend"
    second.close()


def test_work_that_nobody_holds_is_not_collected() -> None:
    backend, ended = BackendLoop(), threading.Event()

    async def forgotten() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    backend.submit(forgotten())
    backend.submit(asyncio.sleep(0)).result(BOUND_S)
    gc.collect()
    assert not ended.is_set()
    backend.close()
    assert ended.is_set()


def test_a_process_ends_although_its_backend_is_at_work() -> None:
    code = (
        "import asyncio, threading; from genie_nb.backend.loop import backend_loop\n"
        "b, began = backend_loop(), threading.Event()\n"
        "async def endless():\n"
        "    began.set()\n"
        "    try: await asyncio.Event().wait()\n"
        "    finally: print('tidied')\n"
        "b.submit(endless()); began.wait(120)"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)

    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "tidied", "")
