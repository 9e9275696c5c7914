"""A run: one question's life, from the request to exactly one terminal event.

This is the only place that turns an exception into a `run_failed` event.

Above: `session`. Below: everything that a run uses.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from genie_nb.backend.agents import Answer, create_agent
from genie_nb.backend.approvals import Approvals, Pauses
from genie_nb.backend.channel import EventChannel, Retention
from genie_nb.backend.context import RunContext, StepBudget
from genie_nb.backend.conversation import Conversation
from genie_nb.backend.loop import BackendLoop
from genie_nb.backend.models.base import ChatModel
from genie_nb.backend.playbooks import Playbook, fitting_playbook, read_playbooks
from genie_nb.backend.preparing import Prepared, preamble_of, prepare, table_file
from genie_nb.backend.printer import Printer
from genie_nb.backend.run_handle import RunHandle, State
from genie_nb.backend.settings import Settings
from genie_nb.backend.tools.base import ToolBox
from genie_nb.backend.tracing import trace_run, tracing
from genie_nb.backend.workspace import Workspace
from genie_nb.errors import Deadline, GenieError, RequestError
from genie_nb.errors import RunCancelled as Cancelled
from genie_nb.events import RunCancelled, RunFailed, RunFinished, RunQueued, RunStarted, Verdict
from genie_nb.parts import readable

__all__ = ("LIFE", "Equipment", "Run", "RunRequest", "new_folder")

log = logging.getLogger(__name__)

LIFE: dict[State, dict[str, State]] = {
    "pending": {"start": "running", "cancel": "cancelled"},
    "running": {"finish": "finished", "fail": "failed", "cancel": "cancelling"},
    "cancelling": {"stopped": "cancelled", "finish": "finished", "fail": "cancelled", "cancel": "cancelling"},
    "finished": {"cancel": "finished"},
    "failed": {"cancel": "failed"},
    "cancelled": {"cancel": "cancelled"},
}
"""State → trigger → state; an absent trigger is a mistake of ours."""
CONVERSATION_SHARE = 0.25
"""The share of the model's length that earlier questions and answers may fill."""
CLEANUP_S = 5.0
"""Seconds that kernels, tools and connections get to close before the run ends without waiting for them."""


@dataclass(frozen=True)
class RunRequest:
    """What is asked.

    Attributes:
        files: Paths of files to look at.
        tables: DataFrames to hand over, by variable name.
        retention: How much of its log is kept event by event; None keeps all.
        conversation: What the question belongs to; None for one that stands alone.
        remarks: What its reader must know before it begins.
    """

    query: str
    settings: Settings
    files: tuple[str | Path, ...] = ()
    tables: Mapping[str, Any] = field(default_factory=dict)
    retention: Retention | None = None
    conversation: Conversation | None = None
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Equipment:
    """Who makes what a run needs, once it is known to be needed: the model, and the tools for its workspace."""

    model: Callable[[], ChatModel]
    tools: Callable[[Prepared, ChatModel], Awaitable[ToolBox]]
    owned: bool = True
    """Whether the model is the run's own, to be closed with it."""


class Run(RunHandle):
    """A run that works in this process."""

    def __init__(self, request: RunRequest, equipment: Equipment, backend: BackendLoop) -> None:
        super().__init__(EventChannel(secrets.token_hex(16), retention=request.retention), request.query)
        self.request = request
        self.folder = request.conversation.folder if request.conversation else new_folder(request.settings, self.run_id[:6])
        self._printer = Printer(self.channel, self.transcript)
        self._equipment = equipment
        self._approvals = Approvals(
            request.settings.approval,
            timeout_s=request.settings.approval_timeout_s,
            allowed=request.conversation.allowed if request.conversation else None,
        )
        self._backend = backend
        self._reason = ""
        self._task: asyncio.Task[Answer] | None = None
        self._tracing: asyncio.Task[None] | None = None

    # Its life

    def start(self) -> Self:
        """Begin to work, on the backend's loop."""
        self._backend.call(self._begin)
        return self

    def cancel(self, reason: str = "You stopped the run.") -> None:
        """Stop the run; callable from any thread, at any time. Its end comes as an event, within a second or so."""
        if not self._ended.done():
            self._backend.call(self._cancel, reason)

    async def decide(
        self, call_id: str, verdict: Verdict, *, reason: str = "", arguments: str = "", by: str = "person"
    ) -> None:
        """See `RunHandle.decide`."""
        decision = {"reason": reason, "arguments": arguments, "by": by}
        await asyncio.wrap_future(self._backend.submit(self._take_decision(call_id, verdict, **decision)))

    def read_file(self, name: str, most_bytes: int | None = None) -> bytes:
        """The content of a file of the run, or no more than the first bytes of it.

        Raises:
            RequestError: The run has no such file.
        """
        if not self.folder.is_dir():
            raise RequestError(f"The run has no file {name!r}.")
        return Workspace(self.folder.resolve()).read(name, most_bytes)

    def copy_file(self, name: str, target: Path, most_bytes: int) -> None:
        """Copy a file of the run to a path piece by piece; see `RunHandle.copy_file`."""
        if not self.folder.is_dir():
            raise RequestError(f"The run has no file {name!r}.")
        Workspace(self.folder.resolve()).copy(name, target, most_bytes)

    @property
    def tables(self) -> Mapping[str, str]:
        """The DataFrames that were handed over: each variable's name, and the run's file that holds it."""
        return {name: table_file(name) for name in self.request.tables}

    @property
    def preamble(self) -> str:
        """Python that makes `tables` variables, as it runs in the run's folder before its first code."""
        return preamble_of(self.request.tables)

    # On the backend's loop

    def _move(self, trigger: str) -> None:
        self._state = LIFE[self._state][trigger]

    def warn(self, text: str) -> None:
        """Tell the person something about this run that is nobody's text."""
        if not self.channel.ended:
            self._printer.note(text, warning=True)

    async def _take_decision(self, call_id: str, verdict: Verdict, **decision: str) -> None:
        self._approvals.decide(call_id, verdict, **decision)

    def queued(self, place: int) -> None:
        """Say how many runs have to end before this one begins."""
        if self._state == "pending":
            self._printer.emit(RunQueued(place=place))

    def _begin(self) -> None:
        if self._state == "pending":
            self._move("start")
            self._task = asyncio.get_running_loop().create_task(self._work(), name=f"run {self.run_id}")
            self._task.add_done_callback(self._end)
            if tracing():
                self._tracing = asyncio.get_running_loop().create_task(trace_run(self.events()), name="trace")

    def _cancel(self, reason: str) -> None:
        before = self._state
        self._move("cancel")
        if before == "pending":
            self._reason = reason
            self._print_end(self._cancelled_event())
        elif before == "running" and self._task is not None:
            self._reason = reason
            self._task.cancel()

    def _end(self, task: "asyncio.Task[Answer]") -> None:
        """Called once, whatever became of the work, even if it was cancelled before its first step."""
        if task.cancelled():
            if self._state == "running":  # nobody asked: the process is going down
                self._move("cancel")
            self._move("stopped")
            self._print_end(self._cancelled_event())
        elif (error := task.exception()) is not None:
            self._move("fail")
            self._print_end(self._failed_event(error) if self._state == "failed" else self._cancelled_event())
        else:
            self._move("finish")
            self._print_end(RunFinished(output=readable(task.result().text), files=task.result().files))

    def _cancelled_event(self) -> RunCancelled:
        reason = self._reason or "The run was stopped because its process ends."
        self._error = Cancelled(reason)
        return RunCancelled(reason=readable(reason))

    def _failed_event(self, error: BaseException) -> RunFailed:
        self._error = _as_genie_error(error)
        return RunFailed(code=self._error.code, message=readable(str(self._error)))

    def _print_end(self, terminal: RunFinished | RunFailed | RunCancelled) -> None:
        try:
            if self.transcript.status == "pending":
                self._printer.emit(self._started())
            self._printer.close_open(getattr(terminal, "message", "") or getattr(terminal, "reason", ""))
            self._printer.emit(terminal)
        finally:
            self._ended.set_result(None)

    def _started(self, model: ChatModel | None = None, prepared: Prepared | None = None) -> RunStarted:
        settings = self.request.settings
        name, badge = (model.name, model.badge) if model else (settings.model or "", "")
        query, agent = readable(self.request.query), readable(settings.agent)
        files, tables = (prepared.files, prepared.tables) if prepared else ((), ())
        return RunStarted(query=query, agent=agent, model=readable(name), badge=badge, files=files, tables=tables)

    async def _work(self) -> Answer:
        if not self.request.query.strip():
            raise RequestError("The question is empty. Ask something, for example: What is in this file?")
        conversation = self.request.conversation
        if conversation is None:
            return await self._answer()
        async with conversation.turn(self.request.query, self._printer) as turn:
            answer = await self._answer(conversation)
            turn.answer = answer.text
            return answer

    async def _answer(self, conversation: Conversation | None = None) -> Answer:
        request, settings = self.request, self.request.settings
        async with AsyncExitStack() as stack, _deadline(settings.deadline_s) as deadline:
            agent, model = create_agent(settings.agent), self._equipment.model()
            if self._equipment.owned:
                stack.push_async_callback(_bounded, model.close)
            if conversation is None:
                prepared, before = await prepare(request.files, request.tables, self.folder), ""
            else:
                prepared = await conversation.prepare(request.files, request.tables)
                before = conversation.told(int(model.context_tokens * CONVERSATION_SHARE))
            tools = await self._equipment.tools(prepared, model)
            stack.push_async_callback(_bounded, tools.close)
            budget = StepBudget(settings.max_steps)
            playbook = await _playbook(request.query, settings)
            context = RunContext(
                request.query,
                prepared.inputs,
                self._printer,
                prepared.workspace,
                settings,
                budget,
                self._approvals,
                before,
                playbook.text if playbook else "",
            )
            self._printer.emit(self._started(model, prepared))
            if playbook:
                self._printer.note(f"The planner is shown the playbook {playbook.title!r} ({playbook.name}).")
            for note in (*request.remarks, *tools.notes):
                self._printer.note(note, warning=True)
            self._approvals.pauses = _pauses(deadline)
            return await agent.run(model, tools, context)


@asynccontextmanager
async def _deadline(seconds: float) -> AsyncIterator[asyncio.Timeout]:
    try:
        async with asyncio.timeout(seconds) as deadline:
            yield deadline
    except TimeoutError as error:
        if not deadline.expired():
            raise
        raise Deadline(
            f"The run stopped at its deadline of {seconds:g} s. Ask something smaller, or raise deadline_s."
        ) from error


async def _playbook(query: str, settings: Settings) -> Playbook | None:
    if settings.playbooks is None or settings.agent != "plan_solve":
        return None
    return fitting_playbook(query, await asyncio.to_thread(read_playbooks, settings.playbooks))


def _pauses(deadline: asyncio.Timeout) -> Pauses:
    """Let a deadline stand still while a person is asked."""
    loop, left_s = asyncio.get_running_loop(), 0.0

    def stop() -> None:
        nonlocal left_s
        left_s = (deadline.when() or loop.time()) - loop.time()
        deadline.reschedule(None)

    def go() -> None:
        deadline.reschedule(loop.time() + left_s)

    return Pauses(stop, go)


def new_folder(settings: Settings, name: str) -> Path:
    """A folder for a run, or for a conversation; it is not made yet."""
    return settings.runs_folder.expanduser().absolute() / f"{time.strftime('%Y%m%d-%H%M%S')}-{name}"


async def _bounded(close: Callable[[], Awaitable[None]]) -> None:
    """Close something, within a limit of time and even if the run is being cancelled."""
    closing = asyncio.ensure_future(close())
    done, _ = await asyncio.wait({closing}, timeout=CLEANUP_S)
    if not done:
        closing.cancel()
        log.warning("Closing took more than %s s and was given up", CLEANUP_S)
    elif not closing.cancelled() and (error := closing.exception()) is not None:
        log.warning("Closing failed", exc_info=error)


def _as_genie_error(error: BaseException) -> GenieError:
    """The cause of a failure as one of our errors, out of any groups that tasks wrapped it in."""
    while isinstance(error, BaseExceptionGroup):
        ours = [inner for inner in error.exceptions if isinstance(inner, GenieError)]
        error = (ours or error.exceptions)[0]
    if isinstance(error, GenieError):
        return error
    log.error("A run failed by a fault of genie_nb", exc_info=error)
    return GenieError(f"genie_nb itself failed: {type(error).__name__}: {error}. Please report this with the log.")
