"""A server as a child process: JSON lines over its standard input and output (the protocol's stdio transport).

The child sees none of this process's secrets, has a process group of its own, and is ended with its session: its input is
closed, then it is told to end, then killed, and with it what it started. What it writes to its standard error, and lines
that are no messages, go to whoever watches.

Above: `sessions`. Below: `bounds`, `errors`.
"""

import asyncio
import os
import signal
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from genie_nb.backend.mcp.bounds import MOST_BYTES, Bounds
from genie_nb.backend.mcp.peers import McpServer
from genie_nb.errors import LinkError
from genie_nb.parts import readable

__all__ = ("Child",)

_ALLOWED = frozenset(
    {"HOME", "LANG", "LANGUAGE", "LD_LIBRARY_PATH", "LOGNAME", "PATH", "SHELL", "TERM", "TMPDIR", "TZ", "USER"}
)
LINE_CHARACTERS = 2_000
"""So much of a line of a log is kept."""
END_S = 0.7
"""Seconds that a child gets after its input is closed, and again after it was told to end."""


class Child:
    """One server's process.

    Args:
        server: What to start.
        bounds: How much it may say.
        log: Called with each line that is for people.
        gone: Called once its output has ended.
    """

    def __init__(self, server: McpServer, bounds: Bounds, log: Callable[[str], None], gone: Callable[[], None]) -> None:
        self._server, self._bounds, self._log, self._gone = server, bounds, log, gone
        self._last: deque[str] = deque(maxlen=3)
        self._process: asyncio.subprocess.Process | None = None

    def how_it_ended(self) -> str:
        """One sentence, once it has: with its exit code and its last words."""
        code = self._process.returncode if self._process else None
        if code is None:
            return ""
        ended = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
        said = f" Its last words: {self._last[-1]}" if self._last else ""
        return f"{self._server.there} {ended}.{said}"

    @asynccontextmanager
    async def streams(self) -> AsyncIterator[Any]:
        """Start it; what the library reads from and writes to.

        Raises:
            LinkError: It cannot be started.
        """
        import anyio

        process = self._process = await self._start()
        to_us, incoming = anyio.create_memory_object_stream[Any](0)
        outgoing, from_us = anyio.create_memory_object_stream[Any](0)
        pipes = [
            asyncio.create_task(pipe, name=f"mcp {self._server.name}")
            for pipe in (self._read(process, to_us), self._write(process, from_us), self._listen(process))
        ]
        try:
            yield incoming, outgoing
        finally:
            # First of all, so that nothing of it is left whatever becomes of the waiting.
            ending = asyncio.create_task(self._end(process))
            try:
                await asyncio.shield(ending)
            finally:
                for pipe in pipes:
                    pipe.cancel()
                for stream in (to_us, incoming, outgoing, from_us):
                    stream.close()
                await asyncio.wait(pipes, timeout=END_S)

    async def _start(self) -> asyncio.subprocess.Process:
        allowed = {name: value for name, value in os.environ.items() if name in _ALLOWED or name.startswith("LC_")}
        try:
            return await asyncio.create_subprocess_exec(
                *self._server.command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=allowed | dict(self._server.env),
                start_new_session=True,
                limit=MOST_BYTES,
            )
        except (OSError, ValueError) as error:  # ValueError: a NUL in a word
            reason = getattr(error, "strerror", None) or error
            raise LinkError(f"{self._server.there} cannot be started: {self._server.command[0]!r}: {reason}.") from error

    async def _read(self, process: asyncio.subprocess.Process, to_us: Any) -> None:
        """Messages, line by line; no line is read before the last one was taken."""
        import anyio
        from mcp.shared.message import SessionMessage
        from mcp.types import jsonrpc_message_adapter

        assert process.stdout is not None
        try:
            while line := await process.stdout.readuntil(b"\n"):
                self._bounds.take(len(line))
                try:
                    message = jsonrpc_message_adapter.validate_json(line, by_name=False)
                except ValueError:  # a server that prints
                    self._tell(line)
                    continue
                await to_us.send(SessionMessage(message))
        except asyncio.IncompleteReadError as error:
            self._tell(error.partial)
            await _ended(process)  # its exit code comes a moment after its last output
        except asyncio.LimitOverrunError:
            self._bounds.too_large()
        except (LinkError, anyio.BrokenResourceError, anyio.ClosedResourceError, ConnectionError):
            pass  # given up, or already closing
        finally:
            self._gone()
            to_us.close()

    async def _write(self, process: asyncio.subprocess.Process, from_us: Any) -> None:
        from mcp.types import JSONRPCRequest

        assert process.stdin is not None
        with suppress(ConnectionError):
            async for item in from_us:
                if isinstance(item.message, JSONRPCRequest):
                    self._bounds.asked()
                line = item.message.model_dump_json(by_alias=True, exclude_unset=True)
                process.stdin.write(line.encode() + b"\n")
                await process.stdin.drain()

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        """Its standard error, of which a line without an end is told in pieces."""
        assert process.stderr is not None
        rest = b""
        while piece := await process.stderr.read(65536):
            *lines, rest = (rest + piece).split(b"\n")
            if len(rest) > LINE_CHARACTERS:
                lines, rest = [*lines, rest], b""
            for line in lines:
                self._tell(line)
        self._tell(rest)

    def _tell(self, line: bytes) -> None:
        text = readable(line[: 4 * LINE_CHARACTERS].decode(errors="replace").strip())[:LINE_CHARACTERS]
        if text:
            self._last.append(text)
            self._log(text)

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        if process.stdin is not None:
            process.stdin.close()
        try:
            for number in (None, signal.SIGTERM, signal.SIGKILL):
                if number is not None:
                    _signal_group(process.pid, number)
                if await _ended(process):
                    break
        finally:  # also if there is no time for manners: the loop ends
            _signal_group(process.pid, signal.SIGKILL)  # what it started, and left behind
            transport = getattr(process, "_transport", None)
            if transport is not None:
                transport.close()  # a grandchild may hold the pipes open, and nothing public closes them
            await _ended(process)


async def _ended(process: asyncio.subprocess.Process) -> bool:
    """Whether it ends within its time; `process.wait()` would wait for its pipes too, which a grandchild may hold."""
    with suppress(TimeoutError):
        async with asyncio.timeout(END_S):
            while process.returncode is None:  # noqa: ASYNC110  # nothing tells of it but for `wait`
                await asyncio.sleep(0.01)
    return process.returncode is not None


def _signal_group(group: int, number: int) -> None:
    if sys.platform == "win32":
        return
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
