"""One session of code: cells one after another on a kernel of the pool, with limits, and with words for what went wrong.

A cell that reaches its limit is interrupted; if it does not stop within a second its kernel is killed, and the next cell
gets a fresh one. The same happens when the reader of a cell goes away.

Above: `tools/code_interpreter`. Below: `pool`, `kernel`, `outputs`, `base`.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path

from genie_nb.backend.interpreter.base import CellFinished, Output
from genie_nb.backend.interpreter.kernel import Kernel, KernelDied, Message
from genie_nb.backend.interpreter.outputs import CellOutput
from genie_nb.backend.interpreter.pool import KernelPool
from genie_nb.errors import InterpreterFailed
from genie_nb.parts import ErrorPart, StreamPart

__all__ = ("Interpreter",)

Shown = asyncio.Queue[Output | None]
"""What a cell shows, as it comes; None after the last."""
_GRACE_S = 1.0
_PREPARE_S = 60.0
_CLOSED = "This Python session is closed."
_LOST_BETWEEN = "The Python process ended after the last cell: variables of earlier cells are gone.\n"


class Interpreter:
    """A `CodeRunner` on a kernel from a pool, which it takes with its first cell."""

    def __init__(self, pool: KernelPool, *, folder: Path, preamble: str = "") -> None:
        """A session with no kernel yet.

        Args:
            pool: Where kernels come from.
            folder: The folder that cells run in; exists.
            preamble: Code that runs unseen on every new kernel, before the first cell.
        """
        self._pool = pool
        self._folder = folder
        self._preamble = preamble
        self._turn = asyncio.Lock()
        self._kernel: Kernel | None = None
        self._driving: asyncio.Task[CellFinished] | None = None
        self._closed = False
        self._unseen = ""

    def add_preamble(self, code: str) -> None:
        """Run this unseen before the next cell too, and on every new kernel."""
        if code and code not in self._preamble:
            self._preamble += f"\n{code}"
            self._unseen += f"\n{code}"

    async def run(self, code: str, *, timeout_s: float) -> AsyncGenerator[Output | CellFinished, None]:
        """Run one cell; see `CodeRunner.run`.

        Yields:
            What the cell shows, as it comes, then one `CellFinished`.

        Raises:
            InterpreterFailed: No kernel could be started, the preamble failed, or the session is closed.
        """
        async with self._turn:
            lost = self._kernel is not None and not await self._kernel.lives()
            kernel = await self._prepared_kernel(lost=lost)
            if lost:
                yield StreamPart(text=_LOST_BETWEEN, stream="stderr")
            shown: Shown = asyncio.Queue()
            # Held here too, so that it stops its cell even when this generator is gone before.
            self._driving = driving = asyncio.create_task(self._drive(kernel, code, timeout_s, shown))
            driving.add_done_callback(lambda _: shown.put_nowait(None))
            try:
                while (part := await shown.get()) is not None:
                    yield part
                end = driving.result()
                if end.state_lost:
                    await kernel.kill()
                    self._kernel = None
                yield replace(end, state_lost=end.state_lost or lost)
            finally:
                driving.cancel()
                await asyncio.wait({driving})

    async def close(self) -> None:
        """End the session and every process of it; safe to call twice, at any time."""
        self._closed = True
        if self._kernel is not None:
            await self._kernel.kill()

    async def _prepared_kernel(self, *, lost: bool) -> Kernel:
        if self._closed:
            raise InterpreterFailed(_CLOSED)
        if self._kernel is not None and not lost:
            unseen, self._unseen = self._unseen, ""
            if unseen:
                await self._prepare(self._kernel, unseen)
            return self._kernel
        if self._kernel is not None:
            await self._kernel.kill()
        self._kernel = None
        # A spare may have died while it waited; a second death is the preparation's own.
        with contextlib.suppress(KernelDied):
            return await self._new_kernel()
        try:
            return await self._new_kernel()
        except KernelDied as error:
            raise InterpreterFailed(f"The Python process ended in the session's preparation ({error}).") from error

    async def _new_kernel(self) -> Kernel:
        kernel = await self._pool.take()
        self._kernel = kernel
        prepared = False
        try:
            self._unseen = ""
            await self._prepare(kernel, f"__import__('os').chdir({str(self._folder)!r})\n{self._preamble}")
            prepared = True
        finally:
            if not prepared:
                self._kernel = None
                await kernel.kill()
        return kernel

    async def _prepare(self, kernel: Kernel, setup: str) -> None:
        if self._closed:
            raise InterpreterFailed(_CLOSED)
        try:
            async with asyncio.timeout(_PREPARE_S):
                reply = await kernel.run(setup, lambda _: None, silent=True)
        except TimeoutError as error:
            raise InterpreterFailed(f"The session's preparation took longer than {_PREPARE_S:g} s.") from error
        if reply["status"] != "ok":
            what = f"{reply.get('ename')}: {reply.get('evalue')}"
            raise InterpreterFailed(f"The session's preparation failed with {what}.")

    async def _drive(self, kernel: Kernel, code: str, timeout_s: float, shown: asyncio.Queue[Output | None]) -> CellFinished:
        """Run the cell on a clock of its own, which a slow reader does not stop."""
        output = CellOutput(self._folder)

        def take(message: Message) -> None:
            for part in output.take(message):
                shown.put_nowait(part)

        running = asyncio.create_task(kernel.run(code, take))
        try:
            done, _ = await asyncio.wait({running}, timeout=timeout_s)
        finally:
            await self._stop(kernel, running)
        end = self._end(running, None if done else timeout_s)
        if end.status == "error" and output.error is None:
            output.error = _unseen_error(running.result())
            shown.put_nowait(output.error)
        for part in output.rest():
            shown.put_nowait(part)
        return replace(end, unshown=output.unshown)

    async def _stop(self, kernel: Kernel, running: asyncio.Task[Message]) -> None:
        if not running.done():
            kernel.interrupt()
            await asyncio.wait({running}, timeout=_GRACE_S)
        if not running.done():
            await kernel.kill()
            await asyncio.wait({running})

    def _end(self, running: asyncio.Task[Message], passed_limit_s: float | None) -> CellFinished:
        gone = "variables of earlier cells are gone" + (
            ", what was loaded at the start of the session is loaded again." if self._preamble else "."
        )
        try:
            reply = running.result()
        except KernelDied as error:
            if passed_limit_s is not None:
                message = f"The code did not stop at its limit of {passed_limit_s:g} s, so its process was killed; {gone}"
                return CellFinished("timeout", message, state_lost=True)
            if self._closed:
                return CellFinished("died", _CLOSED, state_lost=True)
            return CellFinished("died", f"The Python process ended ({error}); {gone}", state_lost=True)
        if passed_limit_s is not None:
            message = f"The code was stopped at its limit of {passed_limit_s:g} s; variables set so far are kept."
            return CellFinished("timeout", message)
        if reply["status"] == "ok":
            return CellFinished("ok")
        message = f"The code raised {reply.get('ename', 'an error')}; variables set before that line are kept."
        return CellFinished("error", message)


def _unseen_error(reply: Message) -> ErrorPart:
    return ErrorPart(name=str(reply.get("ename", "Error")), message=str(reply.get("evalue", "")))
