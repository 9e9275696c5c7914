"""The host: everything that the routes of one server share, and its life from opening to draining.

Above: `app`, the route tables. Below: `archive`, `admission`, `sessions`, `stream`, `unasked`, `wheel`,
`metrics`.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from genie_nb.backend.channel import Retention
from genie_nb.backend.conversation import Conversation
from genie_nb.backend.interpreter.base import CodeRunner
from genie_nb.backend.log.base import Store
from genie_nb.backend.run_handle import RunHandle
from genie_nb.backend.runs import Run
from genie_nb.backend.server.admission import Admission
from genie_nb.backend.server.archive import Archive, Kept
from genie_nb.backend.server.metrics import Metrics
from genie_nb.backend.server.sessions import Sessions
from genie_nb.backend.server.stream import EventStream, LinkLimits, Links, StreamAnswer
from genie_nb.backend.server.tokens import token_of
from genie_nb.backend.server.unasked import refuse_questions
from genie_nb.backend.server.wheel import HeartbeatWheel
from genie_nb.backend.settings import Settings
from genie_nb.backend.wire.coat import Coat
from genie_nb.errors import AdmissionRefused
from genie_nb.parts import readable

__all__ = ("Ask", "Host", "MakeRun", "MakeRunner")

CLOSE_S = 5.0
"""Seconds that what the routes have gets to close."""
BEFORE_ITS_TURN = "The server was shut down before its turn. Ask again."
AT_WORK = "The server was shut down while it worked on this. Ask again."


@dataclass(frozen=True)
class Ask:
    """What a client asks.

    Attributes:
        files: Uploaded files to look at.
        options: Settings of this run: the agent, its deadline.
        retention: How much of the run's log is kept event by event.
        session_id: The conversation that it belongs to; none, if it stands alone.
        turn: How many questions the client asked in it before.
        conversation: The same, found.
        remarks: What the reader must know before it begins.
        nobody: Why nobody can be asked about its calls; empty where somebody can.
    """

    query: str
    files: tuple[Path, ...] = ()
    options: dict[str, Any] | None = None
    retention: Retention | None = None
    session_id: str = ""
    turn: int = 0
    conversation: Conversation | None = None
    remarks: tuple[str, ...] = ()
    nobody: str = ""

    def digest(self) -> str:
        """What tells this question from others: its words, its agent, its files, its conversation."""
        agent, files = (self.options or {}).get("agent"), [str(file) for file in self.files]
        asked = (readable(self.query), agent, files, *filter(None, [self.session_id]))
        return hashlib.sha256(repr(asked).encode()).hexdigest()[:32]


MakeRun = Callable[[Ask], Run]
"""Makes a run that is not started yet."""
MakeRunner = Callable[[Path], CodeRunner]
"""Makes a Python session in a folder."""


class Host:
    """One server's state; lives on the backend's loop."""

    def __init__(
        self, make_run: MakeRun, settings: Settings, store: Store | None = None, make_runner: MakeRunner | None = None
    ) -> None:
        self._make_run = make_run
        self.make_runner = make_runner
        self.settings = settings
        server = settings.server
        self.token = token_of(server)
        self.metrics = Metrics()
        self.wheel = HeartbeatWheel()
        self.links = Links(self.wheel, self.metrics)
        self.faults = self.links.faults
        self.admission = Admission(max_links=server.max_links, max_runs=server.max_runs, max_queue=server.max_queue)
        self.archive = Archive(self.admission, server, store, runs_folder=settings.runs_folder)
        self.sessions = Sessions(settings)
        self._refusing: set[asyncio.Task[None]] = set()
        self.closers: list[Callable[[], Awaitable[None]]] = []
        """What the routes want closed with the server."""
        self.leavers: list[Callable[[], None]] = []
        """What ends streams that are not ours when nothing new is taken any more."""
        self.uploads = settings.runs_folder.expanduser().absolute() / "uploads"

    async def begin(self, ask: Ask, *, request_id: str = "", owner: str = "", follow: bool = True) -> tuple[Kept, bool]:
        """The run that this asks for, and whether it is new.

        Args:
            ask: What is asked.
            request_id: The client's name for it, if it has one.
            owner: Whose it is.
            follow: Whether its events are to be streamed: then nothing begins without room for a connection.

        Raises:
            AdmissionRefused: There is no room for another run, or for its stream.
            RequestConflict: The request id belongs to another question.
            SettingsError: An option has a wrong value.
        """
        bounds = Retention(max_bytes=self.settings.server.keep_log_mib * 2**20)
        asked = replace(ask, options=self._within_ours(ask.options or {}), retention=bounds)

        def make_run() -> Run:
            if follow:
                self.admission.check_link(len(self.links.open))
            if not ask.session_id:
                return self._make_run(asked)
            session = self.sessions.find(owner, ask.session_id)
            remarks = session.missing(ask.turn)
            run = self._make_run(replace(asked, conversation=session.conversation, remarks=remarks))
            session.begin(run)
            return run

        kept, new = await self.archive.begin(make_run, request_id=request_id, owner=owner, asked=ask.digest())
        if new:
            kept.run.on_end(lambda: self._count_tools(kept))
        if new and ask.nobody:
            self._refusing.add(refusing := asyncio.create_task(refuse_questions(kept.run, ask.nobody)))
            refusing.add_done_callback(self._refusing.discard)
        return kept, new

    def _within_ours(self, options: dict[str, Any]) -> dict[str, Any]:
        """The options, with no more time than a run of this server may take."""
        most_s = self.settings.deadline_s
        return options | {"deadline_s": min(options.get("deadline_s") or most_s, most_s)}

    def stream(
        self, kept: Kept, coat: Coat, *, after: int = 0, anew: bool = False, dialect: str = "native", heartbeat_s: float = 0
    ) -> StreamAnswer:
        """The run's events as a response.

        Args:
            kept: The run.
            coat: The dialect.
            after: The number of the last event that the reader has.
            anew: Whether the reader's place is in another log.
            dialect: The dialect's name in the metrics.
            heartbeat_s: Seconds of silence before a heartbeat, where it is not the native dialect's.

        Raises:
            AdmissionRefused: All connections are in use.
        """
        self.admission.check_link(len(self.links.open))
        server = self.settings.server
        every_s = heartbeat_s or server.heartbeat_s
        limits = LinkLimits(every_s, server.deadline_s, server.stall_s)
        if after or anew:
            self.metrics.resumed.inc()
        cursor, on_close = kept.run.channel.cursor(after, anew=anew), self.archive.listens(kept)
        stream = EventStream(cursor, coat, self.links, limits=limits, dialect=dialect, on_close=on_close)
        return StreamAnswer(stream, {"X-Genie-Heartbeat": f"{every_s:g}"})

    def look(self) -> None:
        """Bring the gauges up to date."""
        states = dict.fromkeys(("pending", "running", "cancelling", "finished", "failed", "cancelled"), 0)
        for kept in self.archive.kept():
            states[kept.run.status] += 1
        for state, count in states.items():
            self.metrics.runs.labels(state).set(count)
        self.metrics.queued.set(len(self.admission.queue))
        for stream in self.links.open:
            stream.count()
        lags = [stream.behind for stream in self.links.open]
        self.metrics.lag.set(max(lags, default=0))
        self.metrics.pending.set(sum(lags))

    def count_refusal(self, error: Exception) -> None:
        """Count a request that fails with this error, if it is refused for want of room."""
        if isinstance(error, AdmissionRefused):
            self.metrics.refused.labels(error.why).inc()

    def _count_tools(self, kept: Kept) -> None:
        for call in kept.run.transcript.calls.values():
            self.metrics.tool_seconds.labels(call.tool).observe(call.seconds)

    async def drain(self) -> None:
        """Take nothing new and tell every reader where to resume."""
        self.admission.closed = True
        self.faults.lift()
        self.links.close("server_shutdown")
        for leave in self.leavers:
            leave()

    async def stop_runs(self) -> None:
        """Cancel every run that works or waits, and wait for their ends; their readers were told before."""
        stopped = (*self.admission.queue, *self.admission.working)
        for run in stopped:
            run.cancel(BEFORE_ITS_TURN if run.status == "pending" else AT_WORK)
        await asyncio.gather(*(_end_of(run) for run in stopped))

    async def close(self) -> None:
        """Stop the wheel, close what the routes have, every session, and the store."""
        self.wheel.close()
        closing = [asyncio.ensure_future(close()) for close in (*self.closers, self.sessions.close)]
        _, late = await asyncio.wait(closing, timeout=CLOSE_S)
        for one in late:
            one.cancel()
        await self.archive.close()


async def _end_of(run: RunHandle) -> None:
    await run
