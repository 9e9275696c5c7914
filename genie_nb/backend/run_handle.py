"""A handle on a run, wherever it works: what came of it, its events, and waiting for its end.

Above: `runs`, `remote`. Below: `channel`, `transcript`.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Generator, Mapping
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, Self

from genie_nb.backend.channel import EventChannel
from genie_nb.errors import GenieError
from genie_nb.events import ApprovalRequested, RunEvent, Verdict
from genie_nb.parts import FileRef, Plan, Usage
from genie_nb.transcript import Transcript

__all__ = ("RunHandle", "State")

State = Literal["pending", "running", "cancelling", "finished", "failed", "cancelled"]
TICK_S = 0.1
"""Seconds between two looks of a waiting thread at signals."""


class RunHandle:
    """One question being worked on; see `answer`, `plan`, `files`, `usage`, `error`.

    `await run` waits for its end on any event loop, `run.result()` without one. A failure never raises there: it stands in
    `run.error` and in the view.
    """

    def __init__(self, channel: EventChannel, query: str) -> None:
        self.query = query
        self.channel = channel
        self.transcript = Transcript(run_id=channel.run_id, query=query)
        self._state: State = "pending"
        self._error: GenieError | None = None
        self._ended: Future[None] = Future()

    @property
    def run_id(self) -> str:
        """Its name; whoever knows it may ask the server for it."""
        return self.channel.run_id

    def cancel(self, reason: str = "You stopped the run.") -> None:
        """Stop the run; callable from any thread, at any time. Its end comes as an event, within a second or so."""
        raise NotImplementedError

    def read_file(self, name: str, most_bytes: int | None = None) -> bytes:
        """The content of a file of the run, or no more than the first bytes of it.

        Raises:
            RequestError: The run has no such file.
        """
        raise NotImplementedError

    @property
    def questions(self) -> tuple[ApprovalRequested, ...]:
        """The tool calls that wait until a person allows them; see `decide`."""
        return tuple(call.asked for call in self.transcript.calls.values() if call.asked and call.waits)

    async def decide(
        self, call_id: str, verdict: Verdict, *, reason: str = "", arguments: str = "", by: str = "person"
    ) -> None:
        """Say whether a call that waits may be made; on any event loop. The first word counts.

        Args:
            call_id: Which call.
            verdict: `once`, `always` (its tool for the rest of the run) or `refused`.
            reason: Why it is refused; told to the model.
            arguments: JSON of what is to run instead of what was asked.
            by: Who says so.

        Raises:
            RequestError: No such call waits, or the arguments are no JSON object.
            LinkError: The server cannot be reached.
        """
        raise NotImplementedError

    def copy_file(self, name: str, target: Path, most_bytes: int) -> None:
        """Copy a file of the run to a path piece by piece, so that a large one does not fill the memory.

        Raises:
            RequestError: The run has no such file, or it has more bytes than that.
            OSError: The copy cannot be written.
        """
        raise NotImplementedError

    @property
    def tables(self) -> Mapping[str, str]:
        """The DataFrames that were handed over: each variable's name, and the run's file that holds it."""
        return {}

    @property
    def preamble(self) -> str:
        """Python that makes `tables` variables, as it runs in the run's folder before its first code."""
        return ""

    def on_end(self, call: Callable[[], object]) -> None:
        """Call this once the run has ended, on the thread that ends it; at once if it has."""
        self._ended.add_done_callback(lambda _: call())

    # What came of it

    @property
    def status(self) -> State:
        """`pending`, `running`, `cancelling`, then one of `finished`, `failed`, `cancelled`."""
        return self._state

    @property
    def answer(self) -> str:
        """The answer as Markdown; empty until the run has finished."""
        return self.transcript.answer

    @property
    def plan(self) -> Plan | None:
        """The plan as it stands now; None for an agent that makes none."""
        return self.transcript.plan

    @property
    def files(self) -> tuple[FileRef, ...]:
        """The files that a finished run delivered; of any other run those that it has made. They lie in `run.folder`."""
        finished = self.transcript.status == "finished"
        return self.transcript.deliverables if finished else tuple(self.transcript.files.values())

    @property
    def usage(self) -> Usage:
        """Tokens and calls as the model counted them; the offline analyst counts none."""
        return self.transcript.usage

    @property
    def seconds(self) -> float:
        """How long the run took, or has taken until now."""
        began = self.transcript.started_at
        return (self.transcript.ended_at or time.time()) - began if began else 0.0

    @property
    def error(self) -> GenieError | None:
        """Why the run did not finish, as an exception with one sentence; None if it did, or has not ended."""
        return self._error

    def events(self, *, after: int = 0) -> AsyncIterator[RunEvent]:
        """The run's events, from any event loop, at any time: those that were and those that come, up to the last."""
        return self.channel.read(after=after)

    def silent_s(self) -> float:
        """Seconds since the last event came."""
        return self.channel.silent_s()

    def events_so_far(self) -> list[RunEvent]:
        """The events that there are by now, in order; of a very long log its head in short."""
        cursor = self.channel.cursor()
        return [*(cursor.head() or ()), *(entry.event for entry in cursor.take())]

    # Waiting for it

    def result(self, timeout_s: float | None = None) -> Self:
        """Wait for the end of the run, on a thread without an event loop.

        Args:
            timeout_s: Seconds to wait at most. The run goes on after that.

        Raises:
            TimeoutError: The run has not ended yet.
            KeyboardInterrupt: You interrupted the waiting; the run is cancelled.
        """
        until = None if timeout_s is None else time.monotonic() + timeout_s
        try:
            while not self._ended.done():
                left = TICK_S if until is None else min(TICK_S, until - time.monotonic())
                if left <= 0:
                    raise TimeoutError(f"The run has not ended within {timeout_s:g} s; it goes on.")
                _wait(self._ended, left)
        except KeyboardInterrupt:
            self.cancel("You interrupted the run.")
            raise
        return self

    def __await__(self) -> Generator[Any, None, Self]:
        """Wait for the end on the running event loop; cancelling the waiting cancels the run."""
        return self._wait_here().__await__()

    async def _wait_here(self) -> Self:
        loop, ended = asyncio.get_running_loop(), asyncio.Event()
        self._ended.add_done_callback(lambda _: _wake(loop, ended))
        try:
            while not self._ended.done():
                with suppress(TimeoutError):  # the tick lets an interrupt of a notebook's cell through (ipykernel#881)
                    await asyncio.wait_for(ended.wait(), TICK_S)
        except (asyncio.CancelledError, KeyboardInterrupt):
            self.cancel("You interrupted the run.")
            raise
        return self


def _wait(ended: "Future[Any]", seconds: float) -> None:
    try:
        ended.exception(timeout=seconds)
    except TimeoutError:
        return


def _wake(loop: asyncio.AbstractEventLoop, ended: asyncio.Event) -> None:
    with suppress(RuntimeError):  # who waited is gone, and the loop with them
        loop.call_soon_threadsafe(ended.set)
