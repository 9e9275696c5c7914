"""A server in a process of its own, seen from the process that started it: the same face, and the same faults.

The two talk over the child's standard input and output, a JSON object a line, which nobody else can reach. The first line
brings everything that the child is to serve with, the token too: it stands in no argument and no variable. The end of the
input tells the child that its parent is gone.

Above: `network`. Beside: `serving_process`, the child's side. Below: `handed_over`.
"""

import asyncio
import json
import os
import signal
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Self

from genie_nb.backend.loop import BackendLoop
from genie_nb.backend.server.faults import behind_of
from genie_nb.backend.server.handed_over import packed
from genie_nb.backend.server.serving import CLOSE_S
from genie_nb.errors import LinkError, SettingsError

__all__ = ("RemoteFaults", "ServerProcess")

START_S = 60.0
"""Seconds that a process gets to serve."""
ANSWER_S = 5.0
"""Seconds that it gets to do what it is told."""
END_S, LOOK_S = 2.0, 0.02
"""Seconds that it gets to exit where nothing is to be brought to an end, and between two looks at whether it has."""
LINE_BYTES = 2**22
_CHILD = "import sys; sys.path[:] = sys.argv[1:]; from genie_nb.serving_process import main; sys.exit(main())"


class ServerProcess:
    """A running server in a process of its own; `with` closes it, and it ends with this process in any case.

    Attributes:
        url: Where it answers, with its token.
        address: The same without the token.
        token: The token.
        heartbeat_s: Seconds of silence before a heartbeat.
        open_paths: Whether JDGenie's paths are served, to whoever reaches them, without a token.
        pid: The process.
        faults: What can be made to go wrong there, for a lesson or a test.
    """

    def __init__(self, backend: BackendLoop, given: Mapping[str, Any]) -> None:
        """Start the process; returns when its server answers.

        Args:
            backend: The loop that talks to it, whose end is the server's too.
            given: The arguments of `network.serve`.

        Raises:
            SettingsError: A setting is unknown or has a wrong value, the port cannot be had, or an object cannot be handed
                over to another process.
        """
        first = {"parent": os.getpid(), "given": packed(given)}
        self._backend = backend
        self._closed = threading.Lock()
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._asked = 0
        starting = backend.submit(self._start(first))
        try:
            told = starting.result()
        finally:
            starting.cancel()  # an interrupted cell leaves no process behind
        self.url, self.address, self.token = str(told["url"]), str(told["address"]), str(told["token"])
        self.heartbeat_s, self.open_paths = float(told["heartbeat_s"]), bool(told["open_paths"])
        self.faults = RemoteFaults(self)

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    # On the backend's loop

    async def _start(self, first: dict[str, Any]) -> dict[str, Any]:
        # Started by the loop's thread, which lives as long as this process: Linux ends a child with the thread that made it.
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-c", _CHILD, *sys.path),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,  # an interrupt of the cell is not the server's
            limit=LINE_BYTES,
        )
        told: dict[str, Any] = {}
        try:
            async with asyncio.timeout(START_S):
                self._say(first)
                told = await self._read()
        except TimeoutError:
            raise SettingsError(f"The server's process did not serve within {START_S:g} s. Start it again.") from None
        finally:
            if "url" not in told:
                await self._end(END_S)
        if "url" not in told:
            code = self._process.returncode
            ended = f"The server's process ended with exit code {code} before it served; its last words are above."
            raise SettingsError(told.get("error") or ended)
        self._reading = asyncio.create_task(self._listen(), name="server process")
        self._backend.on_close(self._stop, first=True)
        return told

    def _say(self, message: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        with suppress(ConnectionError, RuntimeError):  # it is gone: whoever waits for its answer is told so
            self._process.stdin.write(json.dumps(message).encode() + b"\n")

    async def _read(self) -> dict[str, Any]:
        """What it says next; nothing, if it is gone."""
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        message = json.loads(line) if line.endswith(b"\n") else {}
        return message if isinstance(message, dict) else {}

    async def _listen(self) -> None:
        while message := await self._read():
            answer = self._answers.pop(message["n"], None)
            if answer is not None and not answer.done():
                answer.set_result(message["value"])
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(LinkError(self._gone()))

    def _gone(self) -> str:
        return f"The process of the server at {self.address} has ended. Start another one."

    async def ask(self, what: str, **given: Any) -> Any:
        """Have it do something; its answer.

        Raises:
            LinkError: It is gone, or does not answer.
        """
        if self._reading.done():
            raise LinkError(self._gone())
        self._asked += 1
        number, answer = self._asked, asyncio.get_running_loop().create_future()
        self._answers[number] = answer
        self._say({"n": number, "do": what, **given})
        try:
            async with asyncio.timeout(ANSWER_S):
                return await answer
        except TimeoutError:
            raise LinkError(f"The process of the server at {self.address} did not answer within {ANSWER_S:g} s.") from None
        finally:
            self._answers.pop(number, None)

    async def _stop(self) -> None:
        await self._end(2 * CLOSE_S)
        await asyncio.wait({self._reading})

    async def _end(self, patience_s: float) -> None:
        """Let it come to its end, and make sure that it does."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            await self._ended(patience_s)
        finally:  # also if the loop has no time left
            self._kill()
            await self._ended(END_S)
            transport = getattr(self._process, "_transport", None)
            if transport is not None:
                transport.close()  # nothing public closes what such a fork held open

    def _kill(self) -> None:
        with suppress(ProcessLookupError, PermissionError):
            if sys.platform == "win32":
                self._process.kill()
            else:
                os.killpg(self._process.pid, signal.SIGKILL)  # a fork of it may live on, and hold the pipes open

    async def _ended(self, patience_s: float) -> None:
        """Wait for its exit; `process.wait()` would wait for its pipes too."""
        for _ in range(int(patience_s / LOOK_S)):
            if self._process.returncode is not None:
                return
            await asyncio.sleep(LOOK_S)

    # From any other thread

    @property
    def backend(self) -> BackendLoop:
        """The loop that talks to it."""
        return self._backend

    def close(self) -> None:
        """Stop to serve: every reader is told where to resume. Safe to call twice."""
        if not self._closed.acquire(blocking=False) or self._backend.closed:
            return
        self.faults.forget()
        self._backend.submit(self._stop()).result(timeout=3 * CLOSE_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        """Where it answers, without the token."""
        return f"<genie_nb server at {self.address}, process {self.pid}>"


class RemoteFaults:
    """`Faults` of a server in another process; each is in force there when the line that sets it has returned.

    On the backend's loop nothing waits: what is set there is on its way, and `behind` is what was last heard.
    """

    def __init__(self, server: ServerProcess) -> None:
        self._server = server
        self._asking: asyncio.Task[None] | None = None
        self._sent: set[asyncio.Task[Any]] = set()
        self._behind: list[tuple[str, int]] = []
        self.forget()

    def forget(self) -> None:
        """Everything is well, as it is at the beginning and at a server's end."""
        self._delay_s = 0.0
        self._stall = self._freeze_model = False

    @property
    def holding(self) -> bool:
        """Whether sends are held up."""
        return self._stall or self._delay_s > 0

    @property
    def delay_s(self) -> float:
        """Seconds that every send waits."""
        return self._delay_s

    @delay_s.setter
    def delay_s(self, seconds: float) -> None:
        self._delay_s = max(float(seconds), 0.0)
        self._do("set", name="delay_s", value=self._delay_s)

    @property
    def stall(self) -> bool:
        """Whether streams send nothing at all, as behind a proxy that froze: the connection stands, not a byte comes."""
        return self._stall

    @stall.setter
    def stall(self, on: object) -> None:
        self._stall = bool(on)
        self._do("set", name="stall", value=self._stall)

    @property
    def freeze_model(self) -> bool:
        """Whether the models of this server's runs say nothing more; the server itself is well."""
        return self._freeze_model

    @freeze_model.setter
    def freeze_model(self, on: object) -> None:
        self._freeze_model = bool(on)
        self._do("set", name="freeze_model", value=self._freeze_model)

    def cut(self) -> None:
        """Abort the connection of every open stream now; clients see it break in the middle."""
        self._do("cut")

    def lift(self) -> None:
        """Let everything be well again."""
        self.forget()
        self._do("lift")

    def behind(self, run_id: str = "") -> int:
        """How many events readers have not been sent yet: of this run, or of all.

        Raises:
            LinkError: The process is gone, or does not answer.
        """
        if not self._on_loop():
            self._server.backend.submit(self._look()).result()
        elif self._asking is None or self._asking.done():
            self._asking = self._soon(self._look())
        return behind_of(self._behind, run_id)

    async def _look(self) -> None:
        self._behind = []
        self._behind = [(str(path), int(behind)) for path, behind in await self._server.ask("waiting")]

    def _do(self, what: str, **given: Any) -> None:
        work = self._server.ask(what, **given)
        if self._on_loop():
            self._sent.add(sent := self._soon(work))
            sent.add_done_callback(self._sent.discard)
        else:
            self._server.backend.submit(work).result()

    def _on_loop(self) -> bool:
        try:
            return asyncio.get_running_loop() is self._server.backend.loop
        except RuntimeError:
            return False

    def _soon(self, work: Any) -> asyncio.Task[Any]:
        async def quietly() -> None:
            with suppress(LinkError):  # the page sees that the link is lost
                await work

        return asyncio.get_running_loop().create_task(quietly())
