"""A host with runs that tests feed, behind the real application, for links without a network."""

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from genie_nb.backend.channel import EventChannel, Retention
from genie_nb.backend.client import Client
from genie_nb.backend.link import LinkPatience
from genie_nb.backend.log.base import Store, StoredRun
from genie_nb.backend.run_handle import RunHandle
from genie_nb.backend.runs import Run
from genie_nb.backend.server.app import create_app
from genie_nb.backend.server.archive import Kept
from genie_nb.backend.server.guard import owner_of
from genie_nb.backend.server.host import Ask, Host
from genie_nb.backend.settings import Settings
from genie_nb.events import Event, RunEvent, is_terminal
from genie_nb.transcript import apply
from tests.asgi_bridge import AsgiBridge

__all__ = ("Fed", "Hosting", "run_events")


class Fed(RunHandle):
    """A run whose events a test says; it has no files."""

    folder = Path("no-such-folder")

    def __init__(self, events: Iterable[RunEvent] = (), *, retention: Retention | None = None, run_id: str = "run1") -> None:
        super().__init__(EventChannel(run_id, retention=retention), "How many?")
        self.cancelled = ""
        self.say(*events)

    def say(self, *events: RunEvent) -> None:
        for event in events:
            self.channel.append(event, first=lambda logged: apply(self.transcript, logged))
            if is_terminal(event):
                self._state = self.transcript.status  # type: ignore[assignment]
                self._ended.set_result(None)

    def cancel(self, reason: str = "") -> None:
        self.cancelled = reason


class Hosting:
    """One server without a network; lives on the running loop."""

    def __init__(
        self, folder: Path, *, store: Store | None = None, make_run: Callable[[Ask], Run] | None = None, **server: Any
    ) -> None:
        def no_run(ask: Ask) -> Run:
            raise AssertionError("no run is to be made here")

        settings = Settings.load(runs_folder=folder).with_server(token="secret", **server)
        self.host = Host(make_run or no_run, settings, store)
        self.host.wheel.clock = asyncio.get_running_loop().time
        self.app = create_app(self.host)
        self.bridge = AsgiBridge(self.app)

    def keep(self, run: RunHandle) -> Kept:
        stored = StoredRun(run.run_id, run.channel.epoch, "", owner_of("secret"), 0.0, "", run.query)
        kept = self.host.archive._keep(run, stored)
        run.on_end(lambda: self.host.archive._ended(kept))
        return kept

    def client(self, **patience: Any) -> Client:
        async def no_wait(_seconds: float) -> None:
            return None

        quick = LinkPatience(**{"sleep": no_wait, "chance": lambda: 0.0, "tries": 5, **patience})
        return Client("http://127.0.0.1/?token=secret", patience=quick, transport=self.bridge)

    async def close(self) -> None:
        await self.host.close()


def run_events(events: Iterable[Event]) -> list[RunEvent]:
    """What of a client's events is about the run."""
    return [event for event in events if not type(event).__name__.startswith(("Link", "Heartbeat"))]  # type: ignore[misc]
