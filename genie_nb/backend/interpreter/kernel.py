"""One child IPython kernel: started, warmed, limited, fed with cells, interrupted, and ended with all its processes.

The process is ours (`asyncio` tells of its death at once, which no message would); the protocol is jupyter_client's. A
kernel is the child of a supervisor (`launch.py`), which ends all that the kernel has started; it leads a process group and
talks over ipc sockets in a folder of its own, which goes when it goes.

Above: `pool` and `runner`. Below: `limits`, `launch.py` and `startup.py` (sent to the child), `errors`.
"""

import asyncio
import contextlib
import os
import shutil
import signal
import time
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genie_nb.backend.interpreter.limits import (
    Limits,
    child_environment,
    interrupt_group,
    is_alive,
    kill_group,
    kill_tree,
    limit_process,
)
from genie_nb.errors import InterpreterFailed

if TYPE_CHECKING:
    from jupyter_client.asynchronous.client import AsyncKernelClient

__all__ = ("Kernel", "KernelDied", "Message")

Message = dict[str, Any]
"""A message of the Jupyter protocol: https://jupyter-client.readthedocs.io/en/stable/messaging.html."""

_LAUNCH = files(__package__).joinpath("launch.py").read_text("utf-8")
# In a namespace of its own, so that a session starts with no names that are not the model's.
_WARM_UP = f"""(lambda names: (
    exec(compile({files(__package__).joinpath("startup.py").read_text("utf-8")!r}, "startup.py", "exec"), names),
    names["set_up"](get_ipython()),
))({{"__name__": "startup"}})"""
_LAST_WORDS_S = 0.2
_END_S = 4.0
"""Seconds that a supervisor gets to end every process of its kernel."""
_AGAIN_S = 0.2
_LATE_OUTPUT_S = 5.0
_MESSAGE_BYTES = 32 * 1024 * 1024
_LOST: Message = {
    "msg_type": "stream",
    "content": {"name": "stderr", "text": "Some output was too large, or came too late, and is lost.\n"},
}


class KernelDied(Exception):
    """The kernel's process ended; says how."""


class Kernel:
    """A kernel; `start` it before anything else, and `kill` it at the end even if it died.

    Attributes:
        released: Whether it was killed and holds nothing any more.
    """

    def __init__(self, folder: Path, *, python: str, limits: Limits) -> None:
        """A kernel that is not started; `folder` is its own and does not exist yet."""
        self._folder = folder
        self._python = python
        self._limits = limits
        self._process: asyncio.subprocess.Process | None = None  # the supervisor
        self._pid: int | None = None
        self._exited: asyncio.Task[None] | None = None
        self._client: AsyncKernelClient | None = None
        self.released = False

    @property
    def pid(self) -> int | None:
        """The id of its process and of its process group, while it lives and is ready."""
        return self._pid if self._process and self._process.returncode is None else None

    async def lives(self) -> bool:
        """Whether it can run a cell: one that has just died may not have been noticed by its supervisor yet."""
        return self.pid is not None and await asyncio.to_thread(is_alive, self.pid)

    async def start(self, *, timeout_s: float) -> None:
        """Start the process, warm it up and put the limits on.

        Raises:
            InterpreterFailed: It did not start; nothing of it is left.
        """
        ready = False
        try:
            async with asyncio.timeout(timeout_s):
                await self._launch()
                await self._warm_up()
            ready = True
        except TimeoutError as error:
            raise InterpreterFailed(f"The Python kernel did not start within {timeout_s:g} s.") from error
        except OSError as error:
            raise InterpreterFailed(f"The Python kernel could not start: {error.strerror or error}.") from error
        except KernelDied as error:
            said = await asyncio.to_thread(_last_line, self._log)
            raise InterpreterFailed(f"The Python kernel ended while starting ({error}): {said}") from error
        finally:
            if not ready:
                await self.kill()

    async def run(self, code: str, take: Callable[[Message], None], *, silent: bool = False) -> Message:
        """Run code to its end.

        Args:
            code: Python as IPython takes it.
            take: Called with each output message as it comes; must be quick.
            silent: Not counted as a cell and not remembered.

        Returns:
            The content of the reply: `status` is `ok`, `error` or `aborted`.

        Raises:
            KernelDied: The process ended first.
        """
        if self._client is None:
            raise KernelDied("it was ended")
        request = self._client.execute(code, silent=silent, store_history=not silent, allow_stdin=False)
        reply, whole = await self._unless_dead(_collect(self._client, request, take))
        if not whole:
            take(_LOST)
            await self._connect()
        return dict(reply)

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        if self.pid is not None:
            interrupt_group(self.pid)

    async def kill(self) -> None:
        """End every process of it and remove its folder; safe to call twice."""
        if self._process is not None and self._exited is not None:
            self._tell_supervisor(signal.SIGTERM)
            give_up = time.monotonic() + _END_S
            while not self._exited.done() and time.monotonic() < give_up:
                self._tell_supervisor(signal.SIGCONT)  # a cell may have stopped it, and may do so again
                await asyncio.wait({self._exited}, timeout=_AGAIN_S)
            if not self._exited.done():
                await asyncio.to_thread(kill_tree, self._process.pid)
            await asyncio.wait({self._exited})
            await self._process.wait()  # who watched for the exit may have been cancelled
        if self._client is not None:
            self._client.stop_channels()
            self._client = None
        await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)
        self.released = True

    def kill_now(self) -> None:
        """End every process of it without waiting; for the last resort, where no loop runs any more."""
        if self._process is not None and self._process.returncode is None:
            self._tell_supervisor(signal.SIGTERM)
            kill_group(self._pid, self._mark)

    def _tell_supervisor(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    @property
    def _mark(self) -> str:
        return str(self._folder)

    @property
    def _connection(self) -> Path:
        return self._folder / "connection.json"

    @property
    def _pid_file(self) -> Path:
        return self._folder / "pid"

    @property
    def _log(self) -> Path:
        return self._folder / "stderr"

    async def _launch(self) -> None:
        connection = self._connection
        laying_out = asyncio.create_task(asyncio.to_thread(self._lay_out, connection))
        try:
            self._process = await asyncio.create_subprocess_exec(
                *(self._python, "-c", _LAUNCH, str(os.getpid()), self._mark, str(self._pid_file), "-f", str(connection)),
                "--HistoryManager.enabled=False",
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=await asyncio.shield(laying_out),
                cwd=self._folder,
                env=child_environment(self._folder),
                start_new_session=True,
            )
        finally:
            await asyncio.wait({laying_out})
            if laying_out.exception() is None:
                laying_out.result().close()
        self._exited = asyncio.create_task(self._watch(self._process))
        await self._connect()
        self._pid = int(await asyncio.to_thread(self._pid_file.read_text, "ascii"))

    async def _connect(self) -> None:
        """Open the sockets; again where a message that was too large has closed one."""
        import zmq
        from jupyter_client.asynchronous.client import AsyncKernelClient

        if self._client is not None:
            self._client.stop_channels()
        self._client = client = AsyncKernelClient(connection_file=str(self._connection))
        await asyncio.to_thread(client.load_connection_file)
        client.context.setsockopt(zmq.MAXMSGSIZE, _MESSAGE_BYTES)
        client.start_channels(stdin=False, hb=False, control=False)
        await self._unless_dead(client.wait_for_ready())

    def _lay_out(self, connection: Path) -> Any:
        from jupyter_client.connect import write_connection_file

        self._folder.mkdir(mode=0o700)
        # The prefix is the kernel's own: kernels that share one race for the same numbers.
        write_connection_file(str(connection), transport="ipc", ip=str(self._folder / "s"))
        return self._log.open("wb")

    async def _watch(self, process: asyncio.subprocess.Process) -> None:
        await process.wait()
        await asyncio.to_thread(kill_group, self._pid, self._mark)

    async def _warm_up(self) -> None:
        assert self._pid is not None
        reply = await self.run(_WARM_UP, lambda _: None, silent=True)
        if reply["status"] != "ok":
            raise InterpreterFailed(f"The Python kernel could not warm up: {reply.get('ename')}: {reply.get('evalue')}")
        await asyncio.to_thread(limit_process, self._pid, self._limits)

    async def _unless_dead(self, work: Any) -> Any:
        assert self._process is not None
        assert self._exited is not None
        working = asyncio.ensure_future(work)
        try:
            await asyncio.wait({working, self._exited}, return_when=asyncio.FIRST_COMPLETED)
            if not working.done():
                # What it said last may still be in the pipe.
                await asyncio.wait({working}, timeout=_LAST_WORDS_S)
            # Cancelled without our doing means that `kill` closed the sockets under it.
            if working.done() and not working.cancelled():
                return working.result()
        finally:
            if not working.done():
                working.cancel()
                await asyncio.wait({working})
        raise KernelDied(_how(self._process.returncode))


async def _collect(client: "AsyncKernelClient", request: str, take: Callable[[Message], None]) -> tuple[Message, bool]:
    """The reply, and whether the output came to its end."""
    relaying = asyncio.create_task(_relay(client, request, take))
    try:
        reply = await _reply(client, request)
        # iopub may drop messages, the last one too; the reply is then the proof that the cell ended.
        await asyncio.wait({relaying}, timeout=_LATE_OUTPUT_S)
        return reply, relaying.done()
    finally:
        relaying.cancel()
        await asyncio.wait({relaying})


async def _relay(client: "AsyncKernelClient", request: str, take: Callable[[Message], None]) -> None:
    while True:
        message = await client.get_iopub_msg()
        if message["parent_header"].get("msg_id") != request:
            continue
        if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
            return
        take(message)


async def _reply(client: "AsyncKernelClient", request: str) -> Message:
    while True:
        message = await client.get_shell_msg()
        if message["parent_header"].get("msg_id") == request:
            content: Message = message["content"]
            return content


def _how(returncode: int | None) -> str:
    if returncode is not None and returncode < 0:
        return f"killed by signal {-returncode}"
    return f"exit code {returncode}"


def _last_line(log: Path) -> str:
    try:
        lines = log.read_text("utf-8", "replace").split("\n")
    except OSError as error:
        return f"its log cannot be read ({error.strerror})."
    return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing.")
