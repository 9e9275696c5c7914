"""Kernels kept warm, so that nobody waits for one.

A pool lives on one event loop. It owns a folder that only this user may enter; a lock file in it tells a living pool from a
dead one, whose folder the next pool removes.

Above: `runner` and the tools. Below: `kernel`, `limits`, `errors`.
"""

import asyncio
import atexit
import contextlib
import fcntl
import os
import shutil
import sys
import tempfile
from collections import deque
from pathlib import Path

from genie_nb.backend.interpreter.kernel import Kernel
from genie_nb.backend.interpreter.limits import Limits
from genie_nb.errors import InterpreterFailed

__all__ = ("KernelPool",)

_PREFIX = f"genie-{os.getuid()}-"
_LONGEST_FOLDER = 70  # ipc addresses hold 107 bytes, and a kernel's sockets lie a little deeper


class KernelPool:
    """Warm kernels of one event loop; `close` it, or they end with this process."""

    def __init__(
        self,
        *,
        spare: int = 1,
        memory_mib: int = 2048,
        file_mib: int = 1024,
        python: str = sys.executable,
        start_timeout_s: float = 60.0,
    ) -> None:
        """A pool with no kernels yet.

        Args:
            spare: How many kernels wait warm.
            memory_mib: Mebibytes that cells may take beyond what a warm kernel holds.
            file_mib: Mebibytes that one file of a cell may grow to.
            python: The interpreter that kernels run.
            start_timeout_s: Seconds after which a kernel that is not warm has failed.
        """
        self._spare = spare
        self._limits = Limits(memory_mib=memory_mib, file_mib=file_mib)
        self._python = python
        self._start_timeout_s = start_timeout_s
        self._spares: deque[asyncio.Task[Kernel]] = deque()
        self._starting: set[asyncio.Task[Kernel]] = set()
        self._kernels: set[Kernel] = set()
        self._root: RuntimeFolder | None = None
        self._discarding: set[asyncio.Task[None]] = set()
        self._laying_out = asyncio.Lock()
        self._started = 0
        self._closed = False
        self._pid = os.getpid()
        atexit.register(self.close_now)

    def warm(self) -> None:
        """Start spare kernels in the background, up to the number wanted."""
        while not self._closed and len(self._spares) < self._spare:
            self._spares.append(self._begin())

    async def ready(self) -> None:
        """Wait until every spare kernel is warm, or failed."""
        if self._spares:
            await asyncio.wait(self._spares)

    async def take(self) -> Kernel:
        """A warm kernel, the taker's from now on; another one is started in its place.

        Raises:
            InterpreterFailed: No kernel could be started, or the pool is closed.
        """
        if self._closed:
            raise InterpreterFailed("The Python kernels were shut down.")
        starting = self._next_spare() or self._begin()
        try:
            await asyncio.wait({starting})
        except asyncio.CancelledError:
            if len(self._spares) < self._spare:
                self._spares.appendleft(starting)
            else:
                self._discarding.add(discarding := asyncio.create_task(_discard(starting)))
                discarding.add_done_callback(self._discarding.discard)
            raise
        if starting.cancelled():
            raise InterpreterFailed("The Python kernels were shut down.")
        kernel = starting.result()
        self.warm()
        return kernel

    async def close(self) -> None:
        """End every kernel, taken ones too; safe to call twice."""
        self._closed = True
        for starting in self._starting:
            starting.cancel()
        await asyncio.gather(*self._starting, *self._spares, *self._discarding, return_exceptions=True)
        self._spares.clear()
        await asyncio.gather(*(kernel.kill() for kernel in self._kernels))
        self._kernels.clear()
        if self._root is not None:
            await asyncio.to_thread(self._root.remove)
        atexit.unregister(self.close_now)

    def close_now(self) -> None:
        """End every kernel from any thread, without a loop; the last resort at exit."""
        if os.getpid() != self._pid:  # a forked child ends: the kernels are its parent's
            return
        self._closed = True
        for kernel in self._kernels:
            kernel.kill_now()
        if self._root is not None:
            self._root.remove()

    def _next_spare(self) -> asyncio.Task[Kernel] | None:
        while self._spares:
            starting = self._spares.popleft()
            if not starting.done():
                return starting
            if not starting.cancelled() and starting.exception() is None and starting.result().pid is not None:
                return starting
        return None

    def _begin(self) -> asyncio.Task[Kernel]:
        starting = asyncio.create_task(self._start())
        self._starting.add(starting)
        starting.add_done_callback(self._starting.discard)
        return starting

    async def _start(self) -> Kernel:
        folder = await self._kernel_folder()
        kernel = Kernel(folder, python=self._python, limits=self._limits)
        self._kernels = {known for known in self._kernels if not known.released} | {kernel}
        await kernel.start(timeout_s=self._start_timeout_s)
        return kernel

    async def _kernel_folder(self) -> Path:
        async with self._laying_out:
            if self._root is None:
                try:
                    self._root = await asyncio.to_thread(RuntimeFolder)
                except OSError as error:
                    raise InterpreterFailed(
                        f"There is no room for the Python kernel's runtime folder: {error.strerror or error}."
                    ) from error
        self._started += 1
        return self._root.path / f"k{self._started}"


async def _discard(starting: "asyncio.Task[Kernel]") -> None:
    """End a kernel that nobody wants any more, as soon as it has started."""
    await asyncio.wait({starting})
    if not starting.cancelled() and starting.exception() is None:
        await starting.result().kill()


class RuntimeFolder:
    """A folder for sockets and settings; the folders of pools that died without removing theirs go first.

    Raises:
        OSError: It cannot be made.
    """

    def __init__(self) -> None:
        parent = Path(tempfile.gettempdir())
        if len(os.fsencode(parent)) > _LONGEST_FOLDER:
            parent = Path("/tmp")
        for stale in parent.glob(f"{_PREFIX}*"):
            _remove_if_dead(stale)
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
        self._lock = os.open(self.path / "lock", os.O_CREAT | os.O_RDWR, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def remove(self) -> None:
        """Remove it; safe to call twice."""
        if self._lock >= 0:
            shutil.rmtree(self.path, ignore_errors=True)
            os.close(self._lock)
            self._lock = -1


def _remove_if_dead(folder: Path) -> None:
    """Remove a pool's folder if nobody holds its lock; one without a lock is just being made."""
    with contextlib.suppress(OSError):
        if folder.lstat().st_uid != os.getuid():
            return
        lock = os.open(folder / "lock", os.O_RDWR)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        finally:
            os.close(lock)
