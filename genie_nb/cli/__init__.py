"""`genie-nb lab | ask | serve | mcp | trust | doctor`: the project from a terminal.

Below: `network`, `session`; `terminal.py` shows a run there, `questions.py` asks what a run asks, `trust.py` asks whether a
folder's settings may count, `doctor.py` looks at the machine.
"""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from genie_nb.backend.extras import require_extra
from genie_nb.errors import SettingsError
from genie_nb.events import RunEvent, encode_event

__all__ = ("app", "main")

app = typer.Typer(
    name="genie-nb",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _say_version(wanted: object) -> None:
    if wanted:
        typer.echo(f"genie_nb {version('genie_nb')}")
        raise typer.Exit


@app.callback()
def genie_nb(
    *,
    _version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_say_version, help="Say which version this is.")
    ] = False,
) -> None:
    """Streaming multi-agent work, live in a notebook."""


@app.command()
def lab(
    notebook: Annotated[Path | None, typer.Argument(help="The notebook to open; else the first lesson.")] = None,
    browser: Annotated[bool, typer.Option(help="Open a browser; without one the address is printed.")] = True,
) -> None:
    """Open JupyterLab on a notebook."""
    notebook = notebook or Path("notebooks/01_first_answer.ipynb")
    if not notebook.is_file():
        raise typer.BadParameter(f"There is no notebook {notebook}.")
    try:
        require_extra("genie-nb lab", "lab", error=SettingsError)
    except SettingsError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    opened = notebook.resolve()
    root = Path.cwd() if opened.is_relative_to(Path.cwd()) else opened.parent
    address = f"/lab/tree/{quote(opened.relative_to(root).as_posix())}"
    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={root}", f"--LabApp.default_url={address}"]
    if not browser or not _has_screen():
        command.append("--no-browser")
        typer.echo("JupyterLab prints its address below; open it in a browser. Ctrl-C twice stops it.", err=True)
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")
    raise typer.Exit(subprocess.call(command))


def _has_screen() -> bool:
    return sys.platform in ("darwin", "win32") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


@app.command()
def ask(
    question: Annotated[str, typer.Argument(help="The question, in English or Chinese.")],
    *,
    file: Annotated[list[Path] | None, typer.Option("--file", "-f", help="A file to look at; several times.")] = None,
    agent: Annotated[str | None, typer.Option(help="plan_solve, react or report.")] = None,
    model: Annotated[str | None, typer.Option(help="A model's name; offline is the built-in analyst.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object at the end, nothing else.")] = False,
    events: Annotated[bool, typer.Option("--events", help="Print each event as one line of JSON.")] = False,
) -> None:
    """Ask a question about files; exits with 0 only if the run finished."""
    from genie_nb.cli.questions import answer_questions, at_prompt, no_prompt
    from genie_nb.session import Genie

    try:
        if not (as_json or events):
            _ask_about_folder()
        run = Genie(model=model, agent=agent).ask(question, files=file or (), show=False)
    except SettingsError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    plain = events or as_json
    seen = answer_questions(run, run.events(), at_prompt if sys.stdin.isatty() and not plain else no_prompt)
    try:
        if plain:
            asyncio.run(_print_events(seen, silent=not events))
        else:
            from genie_nb.cli.terminal import follow

            asyncio.run(follow(seen))
        run.result()
    except KeyboardInterrupt:
        run.cancel("You interrupted the run.")
        run.result(timeout_s=10)
    if as_json:
        for remark in run.request.remarks:
            typer.echo(remark, err=True)
        typer.echo(json.dumps(_outcome(run), ensure_ascii=False))
    elif not events and run.files:
        typer.echo(f"Files in {run.folder}", err=True)
    raise typer.Exit(0 if run.status == "finished" else 1)


def _ask_about_folder() -> None:
    from functools import partial

    from genie_nb.cli.trust import ask_about_folder

    ask_about_folder(partial(typer.echo, err=True))


async def _print_events(events: AsyncIterator[RunEvent], *, silent: bool) -> None:
    async for event in events:
        if not silent:
            typer.echo(encode_event(event).decode())


def _outcome(run: Any) -> dict[str, Any]:
    """What `--json` prints of a run that has ended."""
    import msgspec

    return {
        "answer": run.answer,
        "outcome": run.status,
        "plan": msgspec.to_builtins(run.plan),
        "files": [{**msgspec.to_builtins(file), "path": str(run.folder / file.name)} for file in run.files],
        "usage": msgspec.to_builtins(run.usage),
        "seconds": round(run.seconds, 3),
        "error": {"code": run.error.code, "message": str(run.error)} if run.error else None,
    }


PORTS = {"agent": 8080, "tools": 1601, "mcp": 8188, "model": 1600, "offer": 8189}
"""Where JDGenie's services listen; the last two are ours."""

OPEN_PATHS = (
    "JDGenie's paths take no token: whoever reaches them, such as every user of this machine, can run code here. "
    "GENIE_SERVER__JDGENIE=off switches them off."
)


@app.command()
def serve(
    *,
    service: Annotated[
        list[str] | None, typer.Option("--service", help="agent, tools, mcp, model or offer; several times; else all.")
    ] = None,
    port: Annotated[int | None, typer.Option(help="0 takes any free one.")] = None,
    address: Annotated[str, typer.Option(help="What to bind to; only this machine can call 127.0.0.1.")] = "127.0.0.1",
    token: Annotated[str | None, typer.Option(help="The token; one is made if none is given.")] = None,
    model: Annotated[str | None, typer.Option(help="A model's name; offline is the built-in analyst.")] = None,
    log: Annotated[Path | None, typer.Option(help="A SQLite file that keeps the runs' logs.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one line of JSON when ready.")] = False,
) -> None:
    """Serve runs over HTTP until Ctrl-C or SIGTERM."""
    services = tuple(service or PORTS)
    chosen = port if port is not None else PORTS.get(services[0], 0)
    _serve_until_stopped(
        {"port": chosen, "address": address, "services": services, "model": model, "token": token, "log": log},
        as_json=as_json,
    )


@app.command("mcp")
def offer(
    *,
    http: Annotated[bool, typer.Option("--http", help="Over streamable HTTP instead of standard input and output.")] = False,
    port: Annotated[int | None, typer.Option(help="With --http; 0 takes any free one.")] = None,
    token: Annotated[str | None, typer.Option(help="With --http: the token; one is made if none is given.")] = None,
    model: Annotated[str | None, typer.Option(help="A model's name; offline is the built-in analyst.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="With --http: print one line of JSON when ready.")] = False,
) -> None:
    """Offer genie_nb to other assistants as an MCP server: run an agent, run code."""
    if http:
        chosen = PORTS["offer"] if port is None else port
        _serve_until_stopped({"port": chosen, "services": ("offer",), "model": model, "token": token}, as_json=as_json)
        return
    from genie_nb.cli.stdio import be_stdio_server

    raise typer.Exit(be_stdio_server(model))


def _serve_until_stopped(given: dict[str, Any], *, as_json: bool) -> None:
    import signal
    import threading

    from genie_nb.serving_process import serve_until, told_of

    def started(server: Any) -> None:
        services, place = given["services"], "mcp" if given["services"] == ("offer",) else ""
        url = server.url.replace("/?", f"/{place}?")
        told = told_of(server) | {"url": url, "services": services}
        typer.echo(json.dumps(told) if as_json else f"Serving {', '.join(services)} at\n\n    {url}\n\nCtrl-C stops.")
        if server.open_paths and not as_json:
            typer.echo(OPEN_PATHS)
        sys.stdout.flush()

    try:
        if not as_json:
            _ask_about_folder()
        serve_until(threading.Event(), given, started, signals=(signal.SIGINT, signal.SIGTERM))
    except SettingsError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None


@app.command()
def trust(
    folder: Annotated[Path, typer.Argument(help="The folder whose genie.yaml is trusted.")] = Path(),
    *,
    forget: Annotated[bool, typer.Option("--forget", help="Trust it no more.")] = False,
) -> None:
    """Let every setting in a folder's genie.yaml count, until the file changes."""
    from genie_nb.cli.trust import change_trust

    try:
        change_trust(folder, typer.echo, forget=forget)
    except SettingsError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None


@app.command()
def doctor() -> None:
    """Say what is installed, which model would be used, and what is missing."""
    from genie_nb.cli.doctor import examine

    healthy = examine(typer.echo)
    raise typer.Exit(0 if healthy else 1)


def main() -> None:
    """The command `genie-nb`."""
    app()
