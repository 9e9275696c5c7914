"""The network's front door: `serve` makes this process a server, `connect` a client of one.

A client needs no library of the extra `server`, so the server's rooms are imported where one is made.

Above: `cli`. Below: `session`, `chat`, `backend.server`, `backend.remote`.
"""

import asyncio
import logging
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, overload

from genie_nb.backend import remote
from genie_nb.backend.client import Client
from genie_nb.backend.extras import require_extra
from genie_nb.backend.inbox import Inbox, summary_of
from genie_nb.backend.inputs import check_inputs
from genie_nb.backend.log.sqlite import SqliteStore
from genie_nb.backend.loop import backend_loop
from genie_nb.backend.models.base import ChatModel
from genie_nb.backend.runs import RunRequest
from genie_nb.backend.server import SERVICES
from genie_nb.backend.settings import Settings
from genie_nb.backend.stream_modes import StreamMode
from genie_nb.backend.wire.frames import FrameDecoder
from genie_nb.chat import Talk
from genie_nb.errors import RequestError, SettingsError
from genie_nb.events import LinkEvent
from genie_nb.parts import readable
from genie_nb.session import Genie, Paths, Run, ToolLike, Viewed, in_notebook, paths_of
from genie_nb.widgets.link_log import LinkLog, LinkTape

if TYPE_CHECKING:
    from genie_nb.backend.server.faults import Faults
    from genie_nb.backend.server.host import Ask, Host
    from genie_nb.backend.server.process import ServerProcess
    from genie_nb.backend.server.serving import Server
    from genie_nb.widgets.ask_box import AskBox
    from genie_nb.widgets.link_view import LinkView

__all__ = ("RemoteChat", "RemoteGenie", "RemoteRun", "connect", "serve", "watch")

log = logging.getLogger(__name__)

CLOSE_S = 5.0
"""Seconds that connections get to close."""
MODES = ("general", "token", "time")


class RemoteRun(Viewed, remote.RemoteRun):
    """One question being worked on by a server, and its live view in the notebook.

    Attributes:
        tape: What came over its link, raw.
    """

    def __init__(self, client: Client, *given: Any, **named: Any) -> None:
        self.tape = LinkTape(FrameDecoder)
        super().__init__(client.taped(self.tape.take), *given, **named)

    def _hear(self, event: LinkEvent) -> None:
        self.tape.take(event)
        super()._hear(event)

    def link_log(self) -> LinkLog:
        """What came over the link so far: its state, its counts, its raw frames with their times."""
        return self.tape.log(self.query)

    def watch(self, server: "Server | ServerProcess | None" = None) -> None:
        """Show the link, live; see `watch`."""
        watch(self, server)


class RemoteChat(Talk):
    """A conversation with a server: a question knows what was asked, answered and made before; see `RemoteGenie.chat`.

    The server remembers it while it is used, and for `server.session_s` after that (an hour by default).
    """

    def __init__(self, genie: "RemoteGenie", chat_id: str = "") -> None:
        self.chat_id = chat_id or secrets.token_hex(12)
        self.runs: list[RemoteRun] = []
        self._genie, self._order = genie, asyncio.Lock()

    def ask(self, query: str, *, files: Paths = (), agent: str | None = None, show: bool = True) -> RemoteRun:
        """Ask the next question; returns at once. It is worked on when the one before has ended.

        Args:
            query: The question.
            files: Files that come in; those of earlier questions are still there.
            agent: `plan_solve`, `react` or `report`; the connection's own where none is given.
            show: Whether the live view appears as output of the running cell, where there is a notebook.

        Raises:
            RequestError: A file cannot be read.
        """
        return _begun(self.prepare(query, files, agent=agent), show=show)

    def prepare(self, query: str, files: Paths, *, agent: str | None = None, mode: StreamMode | None = None) -> RemoteRun:
        """The next question, not asked yet."""
        place = {"order": self._order, "session_id": self.chat_id, "turn": len(self.runs)}
        run = self._genie.prepare(query, files, agent=agent, mode=mode, **place)
        self.runs.append(run)
        return run


class RemoteGenie:
    """A `Genie` whose runs work on a server; see `connect`."""

    def __init__(
        self, url: str, *, agent: str | None = None, stream_mode: StreamMode | None = None, token: str = ""
    ) -> None:
        self.client = Client(url, token=token)
        self._agent, self._mode = agent, stream_mode

    def ask(self, query: str, *, files: Paths = (), show: bool = True) -> RemoteRun:
        """Have a question worked on; returns at once.

        Args:
            query: The question.
            files: Files to look at; they are uploaded.
            show: Whether the live view appears as output of the running cell, where there is a notebook.

        Raises:
            RequestError: A file cannot be read.
        """
        return _begun(self.prepare(query, files), show=show)

    def prepare(
        self, query: str, files: Paths, *, agent: str | None = None, mode: StreamMode | None = None, **place: Any
    ) -> RemoteRun:
        """A run that is not asked for yet."""
        found = tuple(check_inputs(paths_of(files)).values())
        own = {"agent": agent or self._agent, "mode": mode or self._mode}
        return RemoteRun(self.client, backend_loop(), readable(query), files=found, **own, **place)

    def chat(self, chat_id: str = "") -> RemoteChat:
        """A conversation with the server; with the name of one that it still remembers, the same again."""
        return RemoteChat(self, chat_id)

    def ask_box(self) -> "AskBox":
        """A box to ask in, as a cell's value: questions are typed, files dropped, agent and stream mode chosen for each.

        Its questions are one conversation.
        """
        from genie_nb.widgets.ask_box import AskBox
        from genie_nb.widgets.composer import Offer

        own, chat = self._mode or StreamMode.checked(), self.chat()

        def start(query: str, *, agent: str, mode: str | None, files: list[Path]) -> RemoteRun:
            chosen = own if mode in (None, own.mode) else StreamMode.checked(mode or "general")
            return chat.prepare(query, files, agent=agent, mode=chosen).start()

        agents = tuple(dict.fromkeys((self._agent or "plan_solve", "plan_solve", "react")))
        modes = tuple(dict.fromkeys((own.mode, *MODES)))
        return AskBox(
            start,
            box=Inbox.within(Settings.load().runs_folder),
            loop=backend_loop().loop,
            summary_of=summary_of,
            offer=Offer(agents, agents[0], modes),
        )

    def close(self) -> None:
        """Close the connections to the server."""
        backend_loop().submit(self.client.close()).result(timeout=CLOSE_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _begun(run: RemoteRun, *, show: bool) -> RemoteRun:
    if show and in_notebook():
        run.view()
    return run.start()


def connect(url: str, *, agent: str | None = None, mode: str = "general", token: int = 5, time: float = 5.0) -> RemoteGenie:
    """A `Genie` whose runs work on the server at this address, and are seen here.

    Args:
        url: The address that the server printed, with its token.
        agent: `plan_solve`, `react` or `report`; the server's choice where none is given.
        mode: How pieces of texts are joined on the way: `general`, `token` or `time`.
        token: How many pieces come together, in the mode `token`.
        time: Seconds that a piece is held at most, in the modes `token` and `time`.

    Raises:
        LinkError: This is no address of a server.
        WireError: There is no such stream mode.
    """
    return RemoteGenie(url, agent=agent, stream_mode=StreamMode.checked(mode, token, time))


@overload
def serve(*, process: Literal[True], **given: Any) -> "ServerProcess": ...
@overload
def serve(*, process: Literal[False] = False, **given: Any) -> "Server": ...
def serve(
    *,
    process: bool = False,
    port: int = 0,
    address: str = "127.0.0.1",
    services: Sequence[str] = SERVICES,
    model: str | ChatModel | None = None,
    tools: Sequence[ToolLike] = (),
    settings: Mapping[str, Any] | None = None,
    **server: Any,
) -> "Server | ServerProcess":
    """Start the bundled server, on the backend's own loop or in a process of its own; `with` closes it.

    On the backend's loop it keeps its time beside a cell that sleeps or computes in Python, but not beside a single call of
    C code that holds the interpreter's lock, such as `sum(range(10**9))` or a regular expression that takes long. In a
    process of its own it always does. That process ends with this one, also when this one is killed.

    Args:
        process: Whether it gets a process of its own. There, a model is best given by its name; of models and tools that are
            objects, it can have those that can be pickled and come from a module, not those written in a cell.
        port: Where it listens; 0 takes any free one.
        address: What it is bound to; anything but this machine's own needs to be asked for here.
        services: Which of the services: `agent`, `tools`, `mcp`, `model`, and `offer`, genie_nb as an MCP server.
        model: The model of its runs; see `Genie`.
        tools: What its agents may call; see `Genie`.
        settings: Other settings of its runs by name; see `Genie`.
        server: Settings of the server by name, e.g. `heartbeat_s=2`, `log="runs.sqlite"`; see `ServerSettings`.

    Raises:
        SettingsError: A setting is unknown or has a wrong value, the port cannot be had, an extra is not installed, or an
            object cannot be handed over to another process.
    """
    require_extra("gn.serve", "server", error=SettingsError)
    if process:
        from genie_nb.backend.server.process import ServerProcess

        here = {"port": port, "address": address, "services": tuple(services), "model": model, "tools": tuple(tools)}
        return ServerProcess(backend_loop(), {**here, "settings": dict(settings or {}), **server})
    unknown = set(services) - set(SERVICES)
    if unknown:
        raise SettingsError(f"There is no service {sorted(unknown)[0]!r}. There are {', '.join(SERVICES)}.")
    if {"mcp", "offer"} & set(services) and set(services) != set(SERVICES):
        require_extra(f"The service {sorted({'mcp', 'offer'} & set(services))[0]}", "mcp", error=SettingsError)
    from genie_nb.backend.server.serving import Server

    host = _host(_ServedGenie(model=model, tools=tools, **dict(settings or {})), server)
    return Server(host, backend_loop(), address=address, port=port, services=tuple(services))


def serve_stdio(*, model: str | ChatModel | None = None, tools: Sequence[ToolLike] = (), **settings: Any) -> None:
    """Be an MCP server over standard input and output, until the input ends; nothing else may write to the output.

    Args:
        model: The model of its runs; see `Genie`.
        tools: What its agents may call; see `Genie`.
        settings: Other settings of its runs by name; see `Genie`.

    Raises:
        SettingsError: A setting is unknown or has a wrong value, or an extra is not installed.
    """
    require_extra("genie-nb mcp", "server", "mcp", error=SettingsError)
    host = _host(_ServedGenie(model=model, tools=tools, **settings), {})
    from genie_nb.backend.server.offer_stdio import be_stdio_server

    backend_loop().submit(be_stdio_server(host)).result()


def _host(genie: "_ServedGenie", server: Mapping[str, Any]) -> "Host":
    """What a server's routes work on."""
    from genie_nb.backend.server.host import Host

    chosen = genie.settings.with_server(**server)
    for remark in chosen.remarks():
        log.warning(remark)

    def make_run(ask: "Ask") -> Run:
        one = genie.settings.with_run(**(ask.options or {}))
        return genie.prepare(
            RunRequest(readable(ask.query), one, ask.files, {}, ask.retention, ask.conversation, ask.remarks)
        )

    store = SqliteStore(chosen.server.log) if chosen.server.log else None
    host = Host(make_run, chosen, store, genie.make_runner)
    genie.faults = host.faults
    return host


class _ServedGenie(Genie):
    """A `Genie` whose models can be frozen."""

    faults: "Faults"

    def _make_model(self) -> ChatModel:
        from genie_nb.backend.server.faults import FrozenModel

        return FrozenModel(super()._make_model(), self.faults)


def watch(run: RemoteRun, server: "Server | ServerProcess | None" = None) -> None:
    """Show the link of a run, live: its state, its heartbeats, every raw frame; as output of the running cell.

    Args:
        run: A run on a server, from `connect(...).ask(...)`.
        server: The server, if it was started here: the panel's buttons break its links.

    Raises:
        RequestError: There is no notebook to show it in.
    """
    if not in_notebook():
        raise RequestError("The link view needs a notebook; here is none. Read run.link_log().")
    from IPython.display import display

    from genie_nb.widgets.link_view import LinkView

    backend = backend_loop()
    heartbeat_s = server.heartbeat_s if server else None
    faults = server.faults if server else None
    view = LinkView(loop=backend.loop, query=run.query, faults=faults, heartbeat_s=heartbeat_s)
    backend.call(_follow, run, view)
    display(view)  # type: ignore[no-untyped-call]  # IPython has no types


def _follow(run: RemoteRun, view: "LinkView") -> None:
    if run.status == "running":
        view.begin()
    run.tape.follow(view.take)
