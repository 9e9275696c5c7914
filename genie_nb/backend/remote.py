"""A remote run: the same handle as a run in this process, fed from a server's stream.

Its log is the client's own: numbered here, dated there. What happens to the link is shown as a wait, and never ends the run.

Above: `session`. Below: `client`, `run_handle`.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Self

from genie_nb import events as ev
from genie_nb.backend.channel import EventChannel, Retention
from genie_nb.backend.client import Client
from genie_nb.backend.loop import BackendLoop
from genie_nb.backend.run_handle import RunHandle
from genie_nb.backend.stream_modes import StreamMode
from genie_nb.errors import GenieError, LinkError, RequestError, error_of
from genie_nb.errors import RunCancelled as Cancelled
from genie_nb.transcript import apply

__all__ = ("RemoteRun",)

log = logging.getLogger(__name__)

FILE_S = 60.0
"""Seconds that a file may take to come."""
COPY_S = 600.0
"""Seconds that a file of any size may take to come."""
MOST_BYTES = 2**30
"""How much a server may tell of one run, as JSON: what a run is shows, so even its head in short takes memory."""


class RemoteRun(RunHandle):
    """A run that works on a server.

    Attributes:
        on_link: Is told what happens to the link, on the backend's loop.
    """

    def __init__(
        self,
        client: Client,
        backend: BackendLoop,
        query: str,
        *,
        files: tuple[Path, ...] = (),
        mode: StreamMode | None = None,
        most_bytes: int = MOST_BYTES,
        order: asyncio.Lock | None = None,
        **options: Any,
    ) -> None:
        super().__init__(EventChannel("", retention=Retention()), query)
        self.on_link: Callable[[ev.LinkEvent], object] = lambda event: None
        self._client, self._backend = client, backend
        self._files, self._mode, self._options = files, mode, options
        self._most_bytes, self._order = most_bytes, order
        self._request_id = secrets.token_hex(16)
        self._cancelled = ""
        self._task: asyncio.Task[None] | None = None

    @property
    def folder(self) -> Path:
        """Where a run's files lie: this one's on the server.

        Raises:
            RequestError: Always, as there is no folder of it here.
        """
        raise RequestError("The files of this run lie on its server. Use run.read_file(name), or run.to_zip(path) for all.")

    def start(self) -> Self:
        """Ask, and follow, on the backend's loop."""
        self._backend.call(self._begin)
        return self

    def cancel(self, reason: str = "You stopped the run.") -> None:
        """Stop the run, there and here; callable from any thread, at any time."""
        if not self._ended.done():
            self._backend.call(self._cancel, reason)

    async def decide(
        self, call_id: str, verdict: ev.Verdict, *, reason: str = "", arguments: str = "", by: str = ""
    ) -> None:
        """See `RunHandle.decide`; who says so is the server's to know."""
        await self._client.decide(self.run_id, call_id, verdict=verdict, reason=reason, arguments=arguments)

    def read_file(self, name: str, most_bytes: int | None = None) -> bytes:
        """The content of a file of the run, from the server; not to be called on the backend's loop.

        Raises:
            RequestError: The run has no such file, or the server cannot be reached.
        """
        try:
            return self._backend.submit(self._client.read_file(self.run_id, name, most_bytes)).result(FILE_S)
        except (LinkError, TimeoutError) as error:
            raise RequestError(f"The file {name!r} could not be fetched: {error}") from error

    def copy_file(self, name: str, target: Path, most_bytes: int) -> None:
        """Copy a file of the run from the server to a path piece by piece; see `RunHandle.copy_file`."""
        saving = self._backend.submit(self._client.save_file(self.run_id, name, target, most_bytes))
        try:
            saving.result(COPY_S)
        except (LinkError, TimeoutError) as error:
            saving.cancel()
            raise RequestError(f"The file {name!r} could not be fetched: {error}") from error

    # On the backend's loop

    def _begin(self) -> None:
        if self._state == "pending" and self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._work(), name="remote run")
            self._task.add_done_callback(self._end)

    def _cancel(self, reason: str) -> None:
        if self._ended.done() or self._cancelled:
            return
        self._cancelled = reason
        if self._state == "running":
            self._state = "cancelling"
            self._backend.submit(self._ask_to_cancel(reason))
        elif self._task is not None:
            self._task.cancel()
        else:
            self._add(ev.RunCancelled(reason=reason))

    async def _ask_to_cancel(self, reason: str) -> None:
        try:
            await self._client.cancel(self.run_id, reason)
        except LinkError as error:
            log.warning("The server could not be told to stop run %s: %s", self.run_id, error)
            if self._task is not None:
                self._task.cancel()

    async def _work(self) -> None:
        async with self._order or nullcontext():
            uploads = [await self._client.upload(path) for path in self._files]
            run_id = await self._client.ask(self.query, request_id=self._request_id, files=tuple(uploads), **self._options)
        self.channel.run_id = self.transcript.run_id = run_id
        self._state = "running"
        async for event in self._client.events(run_id, mode=self._mode):
            if isinstance(event, ev.LinkEvent):
                self._hear(event)
            else:
                self._add(event)
                self._check_size()

    def _check_size(self) -> None:
        if self.channel.told_bytes > self._most_bytes and not self.channel.ended:
            raise LinkError(
                f"The server told more than {self._most_bytes:,} bytes of the run, so it is followed no longer. "
                "It may go on there; stop it there if it should not."
            )

    def _hear(self, event: ev.LinkEvent) -> None:
        self.on_link(event)
        if isinstance(event, ev.LinkLost) and event.retry_in_s is not None:
            reason = f"The link to {self._client.address} is lost: {event.reason}"
            self._add(ev.ModelWaiting(reason=reason, seconds=event.retry_in_s, attempt=1))

    def _add(self, event: ev.RunEvent) -> None:
        self.channel.append(event, first=lambda logged: apply(self.transcript, logged))
        match event:
            case ev.RunFinished():
                self._state = "finished"
            case ev.RunFailed(code=code, message=message):
                self._state, self._error = "failed", error_of(code, message)
            case ev.RunCancelled(reason=reason):
                self._state, self._error = "cancelled", Cancelled(reason)
        if ev.is_terminal(event):
            self._ended.set_result(None)

    def _end(self, task: "asyncio.Task[None]") -> None:
        if self._ended.done():
            return
        if task.cancelled() or self._cancelled:
            self._add(ev.RunCancelled(reason=self._cancelled or "The run was left, as its process ends."))
            return
        error = task.exception()
        told = error if isinstance(error, GenieError | OSError) else LinkError(f"The run could not be followed: {error}")
        self._add(ev.RunFailed(code=getattr(told, "code", "link"), message=str(told)))
