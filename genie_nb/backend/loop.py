"""The backend's own event loop, on a thread of its own: a cell that sleeps or computes in Python does not stall it.

A single call of C code that holds the interpreter's lock does, as it stalls every thread of the process.

Runs, kernel clients and model connections live here. Everybody else hands work over with `submit` or `call`.
"""

import asyncio
import atexit
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

__all__ = ("BackendLoop", "backend_loop")

T = TypeVar("T")

CLOSE_S = 5.0
"""Seconds that tasks get to end when the process does."""


class BackendLoop:
    """An event loop that runs on a daemon thread until `close`."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.loop.set_default_executor(ThreadPoolExecutor(thread_name_prefix="genie_nb-worker"))
        self._submitted: set[Future[Any]] = set()
        self._closers: list[Callable[[], Coroutine[Any, Any, None]]] = []
        self._first_closers: list[Callable[[], Coroutine[Any, Any, None]]] = []
        self._thread = threading.Thread(target=self._run, name="genie_nb-backend", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()

    @property
    def closed(self) -> bool:
        """Whether the loop takes no more work."""
        return self.loop.is_closed() or not self._thread.is_alive()

    def submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Run a coroutine on the loop; callable from any thread."""
        future = asyncio.run_coroutine_threadsafe(work, self.loop)
        self._submitted.add(future)  # a task that nobody holds would be collected while it waits
        future.add_done_callback(self._submitted.discard)
        return future

    def call(self, function: Callable[..., object], *arguments: object) -> None:
        """Call a function on the loop soon; callable from any thread."""
        self.loop.call_soon_threadsafe(function, *arguments)

    def on_close(self, closer: Callable[[], Coroutine[Any, Any, None]], *, first: bool = False) -> None:
        """Await `closer()` before the loop ends; with `first`, before what runs is cancelled."""
        (self._first_closers if first else self._closers).append(closer)

    def close(self) -> None:
        """Cancel what runs, await the closers, stop the thread; bounded, safe to call twice."""
        if self.closed:
            return
        ending = self.submit(self._wind_down())
        try:
            ending.result(timeout=CLOSE_S)
        except TimeoutError:
            ending.cancel()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(timeout=CLOSE_S)
        if not self._thread.is_alive():
            self.loop.close()

    async def _wind_down(self) -> None:
        await asyncio.gather(*(closer() for closer in self._first_closers), return_exceptions=True)
        running = asyncio.all_tasks() - {asyncio.current_task()}
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await asyncio.gather(*(closer() for closer in self._closers), return_exceptions=True)


def _at_end(close: Callable[[], None]) -> None:
    """Call this when the process ends, before its worker threads do; `atexit` would be too late to write anything.

    What was registered last is called first: the workers' own end was registered when `ThreadPoolExecutor` was loaded.
    """
    getattr(threading, "_register_atexit", atexit.register)(close)


_current: BackendLoop | None = None
_lock = threading.Lock()


def backend_loop() -> BackendLoop:
    """The process's backend loop, started at the first call and closed with the process."""
    global _current
    with _lock:
        if _current is None or _current.closed:
            _current = BackendLoop()
            _at_end(_current.close)
        return _current
