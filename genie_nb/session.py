"""The front door: what a person calls. It builds the model and the tools of a run and joins the run to a live view.

Above: `magics`, `network`, `cli`. Below: the two wings, `backend` and `widgets`; this is the only room that knows both.
"""

import asyncio
import json
import os
import sys
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import wait
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast

from genie_nb.backend import runs
from genie_nb.backend.context import language_of
from genie_nb.backend.conversation import Conversation
from genie_nb.backend.inputs import table_of
from genie_nb.backend.interpreter.pool import KernelPool
from genie_nb.backend.interpreter.runner import Interpreter
from genie_nb.backend.loop import BackendLoop, backend_loop
from genie_nb.backend.models import create_model
from genie_nb.backend.models.base import ChatModel
from genie_nb.backend.preparing import Prepared
from genie_nb.backend.run_handle import RunHandle
from genie_nb.backend.runs import Equipment, RunRequest
from genie_nb.backend.settings import SearchSettings, Settings
from genie_nb.backend.tools.base import Tool, ToolBox
from genie_nb.backend.tools.code_interpreter import CodeInterpreter
from genie_nb.backend.tools.report import report_tool
from genie_nb.errors import RequestError
from genie_nb.events import Verdict
from genie_nb.parts import readable

if TYPE_CHECKING:
    import pandas as pd

    from genie_nb.widgets.stage import Stage

__all__ = ("Genie", "Paths", "Run", "ToolLike", "Viewed", "ask", "copies_of", "in_notebook", "paths_of", "search")

Paths = Iterable[str | os.PathLike[str]] | str | os.PathLike[str]
SHOWN_S = 3.0
"""Seconds that a waiting cell gives its live view to show the end."""
DECIDE_S = 30.0
"""Seconds that a decision may take to reach the run."""
ToolLike = Tool | Callable[..., Any]


class Viewed(RunHandle):
    """A run that can be seen in the notebook."""

    stage: "Stage | None" = None
    _backend: BackendLoop

    def view(self) -> None:
        """Show the live view of the run, again or for the first time, as output of the running cell.

        Raises:
            RequestError: There is no notebook to show it in.
        """
        if not in_notebook():
            raise RequestError("A live view needs a notebook; here is none. Read run.answer, or run.events().")
        from genie_nb.widgets.stage import Stage

        self.stage = Stage(self, self._backend.loop, self._record, stays=self.transcript.ended)

    def allow(self, call_id: str | None = None, *, always: bool = False, arguments: Mapping[str, Any] | None = None) -> None:
        """Allow a call that waits; callable from any thread.

        Args:
            call_id: Which; the first that waits, if none is named.
            always: Allow its tool for the rest of the run.
            arguments: What is to run instead of what was asked.

        Raises:
            RequestError: No such call waits.
        """
        changed = json.dumps(dict(arguments), ensure_ascii=False) if arguments is not None else ""
        self._decide(call_id, "always" if always else "once", arguments=changed)

    def refuse(self, call_id: str | None = None, reason: str = "") -> None:
        """Refuse a call that waits, the first if none is named; the reason is told to the model.

        Raises:
            RequestError: No such call waits.
        """
        self._decide(call_id, "refused", reason=reason)

    def _decide(self, call_id: str | None, verdict: Verdict, **given: str) -> None:
        waiting = next((question.call_id for question in self.questions), None)
        if waiting is None:
            raise RequestError("No call waits to be allowed. Look at run.questions.")
        self._backend.submit(self.decide(call_id or waiting, verdict, **given)).result(timeout=DECIDE_S)

    async def _wait_here(self) -> Self:
        self._note_what_the_kernel_lacks()
        with self.stage.awaited() if self.stage else nullcontext():
            await super()._wait_here()
            if self.stage is not None:
                await asyncio.wait({asyncio.wrap_future(self.stage.shown)}, timeout=SHOWN_S)
        return self

    def result(self, timeout_s: float | None = None) -> Self:
        """Wait for the end of the run, on a thread without an event loop; see `backend.runs.Run.result`."""
        self._note_what_the_kernel_lacks()
        with self.stage.awaited() if self.stage else nullcontext():
            super().result(timeout_s)
            if self.stage is not None:
                wait({self.stage.shown}, timeout=SHOWN_S)
        return self

    def _note_what_the_kernel_lacks(self) -> None:
        if self.stage is not None and not self.transcript.ended:
            from genie_nb.widgets.old_kernels import kernel_note

            kernel_note.say(language_of(self.query))

    def _ipython_display_(self) -> None:
        """As a cell's value: nothing where this cell shows the run, else a live view while it goes on, then its record."""
        if self.stage is not None and self.stage.covers:
            return
        if self.transcript.ended or not in_notebook():
            raise NotImplementedError  # IPython's word for: ask for the other forms
        self.view()

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        if self.stage is not None:
            self.stage.record_is_shown()
        return self._record()

    def _record(self) -> dict[str, str]:
        from genie_nb.widgets.record import record_html, record_markdown, record_text

        return {
            "text/plain": record_text(self.transcript),
            "text/markdown": record_markdown(self.transcript),
            "text/html": record_html(self.transcript, read_file=self.read_file),
        }

    def __repr__(self) -> str:
        """The run in one line, without ids or times."""
        return f"<Run {self.status}: {self.query[:60]!r}>"

    def to_notebook(self, path: str | os.PathLike[str], *, thoughts: bool = False, failed: bool = True) -> Path:
        """Write a notebook of what the agents ran, which runs again without genie_nb and without a model; returns its path.

        What its code reads is copied into a folder beside it, for `analysis.ipynb` into `analysis_files`. A notebook of that
        name is overwritten, a folder that is not ours never.

        Args:
            path: Where; its folder must exist.
            thoughts: Whether what the agents thought on the way is kept.
            failed: Whether code that raised an error is kept; running it again goes on after it.

        Raises:
            RequestError: The notebook or its folder cannot be written there.
        """
        from genie_nb.widgets import takeaway

        return takeaway.to_notebook(self, path, thoughts=thoughts, failed=failed)

    def to_html(self, path: str | os.PathLike[str] | None = None) -> str:
        """The run as one page that needs nothing else, and no network; written too where a path is given.

        Raises:
            RequestError: It cannot be written there.
        """
        from genie_nb.widgets import takeaway

        return takeaway.to_html([self], path)

    def to_markdown(self, path: str | os.PathLike[str] | None = None) -> str:
        """The run as Markdown: question, plan, answer, names of files; written too where a path is given.

        Raises:
            RequestError: It cannot be written there.
        """
        from genie_nb.widgets import takeaway

        return takeaway.to_markdown([self], path)

    def to_json(self, path: str | os.PathLike[str] | None = None) -> str:
        """The run as JSON: what came of it, and all its events as they are on the wire; written too where a path is given.

        Raises:
            RequestError: It cannot be written there.
        """
        from genie_nb.widgets import takeaway

        return takeaway.run_json(self, path)

    def to_zip(self, path: str | os.PathLike[str]) -> Path:
        """Write the files that the run made as a zip archive, whole or not at all; returns its path.

        Raises:
            RequestError: There are none, or it cannot be written there.
        """
        from genie_nb.widgets import takeaway

        return takeaway.to_zip(self, path)


class Run(Viewed, runs.Run):
    """One question being worked on, and its live view in the notebook."""


class Genie:
    """Everything configurable in one place; makes runs.

    Args:
        model: A model's name, or a model; without one: what the environment says, else the offline analyst.
        tools: Functions (typed, see `tool`) or tools that agents may call beside the code interpreter.
        settings: Any setting of `Settings` by name, e.g. `agent="react"`, `base_url=...`, `deadline_s=60`.

    Raises:
        SettingsError: A setting is unknown or has a wrong value, or a function cannot be a tool.
    """

    def __init__(self, *, model: str | ChatModel | None = None, tools: Sequence[ToolLike] = (), **settings: Any) -> None:
        name = model if isinstance(model, str) or model is None else model.name
        self.settings = Settings.load(model=name, **settings)
        self._model = None if isinstance(model, str) else model
        self._tools = tuple(_as_tool(given, self.settings.tool_timeout_s) for given in tools)
        if self.settings.agent != "search":  # which runs no code
            _kernel_pool(backend_loop(), self.settings.memory_mib)  # warms up while the question is being thought of

    def ask(
        self, query: str, *, files: Paths = (), data: "Mapping[str, pd.DataFrame] | None" = None, show: bool = True
    ) -> Run:
        """Start to work on a question; returns at once.

        Args:
            query: The question, in English or Chinese.
            files: Files to look at; they are copied, the originals stay as they are.
            data: DataFrames by variable name; they are handed over by value.
            show: Whether the live view appears as output of the running cell, where there is a notebook.
        """
        tables, remarks = copies_of({} if data is None else data), self.settings.remarks(language_of(query))
        request = RunRequest(readable(query), self.settings, paths_of(files), tables, remarks=remarks)
        run = self.prepare(request)
        if show and in_notebook():
            run.view()
        return run.start()

    def prepare(self, request: RunRequest) -> Run:
        """A run that is not started yet."""
        backend = backend_loop()
        pool = _kernel_pool(backend, self.settings.memory_mib, warm=request.settings.agent != "search")
        make_tools = partial(self._make_tools, request, pool)
        return Run(request, Equipment(self._make_model, make_tools, owned=self._model is None), backend)

    def make_runner(self, folder: Path) -> Interpreter:
        """A Python session in a folder, on a kernel that it takes with its first cell."""
        return Interpreter(_kernel_pool(backend_loop(), self.settings.memory_mib), folder=folder)

    def _make_model(self) -> ChatModel:
        return self._model or create_model(self.settings)

    async def _make_tools(self, request: RunRequest, pool: KernelPool, prepared: Prepared, model: ChatModel) -> ToolBox:
        settings = request.settings
        own = () if settings.agent == "search" else self._own_tools(request.conversation, pool, prepared, model)
        near = (*own, await asyncio.to_thread(_deep_search, settings, model), *self._tools)
        if settings.agent == "search" or not (settings.mcp or settings.mcp_url):
            return ToolBox(near)
        from genie_nb.backend.tools.mcp import mcp_tools

        far = await mcp_tools(settings, backend_loop())
        return ToolBox(near, far, far.notes)

    def _own_tools(
        self, conversation: Conversation | None, pool: KernelPool, prepared: Prepared, model: ChatModel
    ) -> tuple[Tool, ...]:
        if self.settings.tool_url:
            from genie_nb.backend.tools.genie_service import tools_of

            return tuple(tools_of(self.settings.tool_url, prepared.workspace))
        if conversation is None:
            runner = Interpreter(pool, folder=prepared.workspace.folder, preamble=prepared.preamble)
        else:
            runner = conversation.interpreter_of(pool, prepared)
        code = CodeInterpreter(runner, cell_timeout_s=self.settings.code_timeout_s, owned=conversation is None)
        return code, report_tool(self.settings, model)


def ask(
    query: str,
    *,
    files: Paths = (),
    data: "Mapping[str, pd.DataFrame] | None" = None,
    show: bool = True,
    **options: Any,
) -> Run:
    """Start to work on a question and show it live; returns at once.

    Args:
        query: The question, in English or Chinese.
        files: Files to look at; they are copied, the originals stay as they are.
        data: DataFrames by variable name; they are handed over by value.
        show: Whether the live view appears as output of the running cell, where there is a notebook.
        options: What `Genie` takes, e.g. `agent="react"`, `model="gpt-5-mini"`, `tools=[...]`.

    Raises:
        SettingsError: An option is unknown or has a wrong value.
    """
    return Genie(**options).ask(query, files=files, data=data, show=show)


def search(query: str, *, folders: Paths = (), show: bool = True, **options: Any) -> Run:
    """Start a deep search and show it live; returns at once. The answer cites by number the passages it was made from.

    Args:
        query: The question, in English or Chinese.
        folders: Folders to search, with all that is below them; without any: what the settings say, else the documentation
            of what is installed.
        show: Whether the live view appears as output of the running cell, where there is a notebook.
        options: Settings of the search, e.g. `rounds=3`, `engines=["tavily"]` (see `SearchSettings`), and else what `Genie`
            takes, e.g. `model="gpt-5-mini"`.

    Raises:
        SettingsError: An option is unknown or has a wrong value.
    """
    own = {name: options.pop(name) for name in SearchSettings.model_fields if name in options}
    named = {"folders": tuple(folder.absolute() for folder in paths_of(folders))} if folders else {}
    return Genie(agent="search", search={**own, **named}, **options).ask(query, show=show)


def paths_of(files: Paths) -> tuple[Path, ...]:
    """One path or several, as paths."""
    several = (files,) if isinstance(files, str | os.PathLike) else files
    return tuple(Path(os.fspath(path)) for path in several)


def _deep_search(settings: Settings, model: ChatModel) -> Tool:
    """The tool that searches; it is loaded with the first run, in a worker thread, while that run's kernel starts."""
    from genie_nb.backend.tools.deep_search import deep_search_tool

    return deep_search_tool(settings, model)


def _as_tool(given: ToolLike, timeout_s: float) -> Tool:
    if hasattr(given, "spec"):
        return cast("Tool", given)
    from genie_nb.backend.tools.functions import tool

    return tool(timeout_s=timeout_s)(given)


def copies_of(frames: Mapping[str, Any]) -> dict[str, Any]:
    """Each DataFrame as it is now; what cannot be handed over becomes the reason, which the run will tell."""
    if not isinstance(frames, Mapping):
        kind = type(frames).__name__
        return {"data": RequestError(f'data= takes DataFrames by name, and is a {kind}: write data={{"df": df}}.')}
    copies: dict[str, Any] = {}
    for name, frame in frames.items():
        try:
            copies[name] = table_of(name, frame)
        except RequestError as error:
            copies[name] = error
    return copies


_pools: dict[tuple[int, int], KernelPool] = {}
_pools_lock = threading.Lock()


def _kernel_pool(backend: BackendLoop, memory_mib: int, *, warm: bool = True) -> KernelPool:
    """The pool of kernels with this much memory; warming up, if it is wanted."""
    with _pools_lock:
        pool = _pools.get((id(backend), memory_mib))
        if pool is None:
            pool = _pools[id(backend), memory_mib] = KernelPool(memory_mib=memory_mib)
            backend.on_close(pool.close)
    if warm:
        backend.call(pool.warm)
    return pool


def in_notebook() -> bool:
    """Whether this process is a Jupyter kernel, found out without loading IPython."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return getattr(shell, "kernel", None) is not None
