"""A real JupyterLab in a real Chromium: `lab` opens notebooks, runs cells, reloads, switches themes, takes pictures.

Chromium is the one on the path (`GENIE_CHROMIUM` names another one). Where there is none the tests are skipped, but never
under `CI`.
"""

import itertools
import json
import os
import re
import shutil
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, TimeoutError, expect, sync_playwright

HERE = Path(__file__).parent
SHOTS = HERE / "shots"
NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = os.environ.get("GENIE_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), "")
CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
TOKEN = "browser-tests"
SETTINGS = {
    "@jupyterlab/apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none"},
}
WAIT_MS = 120_000
"""How long a test waits for what must come; it costs nothing where it comes, so it holds on a busy machine too."""
expect.set_options(timeout=WAIT_MS)
STATE = """() => {
    const panel = window.jupyterapp.shell.currentWidget, kernel = panel.sessionContext.session.kernel;
    const prompts = panel.content.widgets.map((cell) => cell.node.querySelector(".jp-InputPrompt")?.textContent);
    return `Prompts: ${prompts.filter(Boolean)}. The kernel is ${kernel.status}, ${kernel.connectionStatus}.`;
}"""
"""What tells a cell that still works from one whose end was lost."""
NO_CHROMIUM = "there is no Chromium: make chromium, or set GENIE_CHROMIUM"
_numbers = itertools.count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    missing = not Path(CHROMIUM).is_file() and "CI" not in os.environ
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)
            if missing:
                item.add_marker(pytest.mark.skip(reason=NO_CHROMIUM))


class Elsewhere(socketserver.ThreadingTCPServer):
    """Every host under `.example`, where hostile words lead: the browser is sent here, and what comes is kept."""

    daemon_threads = True

    def __init__(self) -> None:
        self.requests: list[str] = []
        super().__init__(("127.0.0.1", 0), _Keep)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def browser_argument(self) -> str:
        """What makes Chromium come here."""
        return f"--host-resolver-rules=MAP *.example 127.0.0.1:{self.server_address[1]}"


class _Keep(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        assert isinstance(self.server, Elsewhere)
        first_line = self.request.recv(500).decode(errors="replace").split("\r\n")[0]
        # A spare connection that is closed unused asked for nothing.
        if first_line:
            self.server.requests.append(first_line)


class Server:
    """A JupyterLab with its own folders, on a free port."""

    def __init__(self, root: Path) -> None:
        self.root = root / "notebooks"
        self.root.mkdir()
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--expose-app-in-browser"),
                *("--ServerApp.ip=127.0.0.1", "--ServerApp.port=0", "--ServerApp.open_browser=False"),
                *(f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={self.root}"),
                "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
            ],
            env=_environment(root),
            stderr=subprocess.PIPE,
            text=True,
        )
        self.url = self._wait_for_url()
        threading.Thread(target=self._drain, daemon=True).start()

    def _wait_for_url(self) -> str:
        assert self._process.stderr
        lines = []
        for line in self._process.stderr:
            lines.append(line)
            found = re.search(r"http://127\.0\.0\.1:\d+", line)
            if found and "/lab" in line:
                return found[0]
        raise RuntimeError("JupyterLab did not start:\n" + "".join(lines))

    def _drain(self) -> None:
        assert self._process.stderr
        for _ in self._process.stderr:
            continue

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(timeout=120)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(timeout=120)
        assert self._process.stderr
        self._process.stderr.close()


def _environment(root: Path) -> dict[str, str]:
    folders = {
        "JUPYTER_CONFIG_DIR": root / "config",
        "JUPYTER_DATA_DIR": root / "data",
        "JUPYTER_RUNTIME_DIR": root / "runtime",
        "JUPYTERLAB_SETTINGS_DIR": root / "settings",
        "JUPYTERLAB_WORKSPACES_DIR": root / "workspaces",
        "IPYTHONDIR": root / "ipython",
    }
    for folder in folders.values():
        folder.mkdir()
    for name, values in SETTINGS.items():
        path = root / "settings" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values), "utf-8")
    paths = [str(HERE.parent.parent), os.environ.get("PYTHONPATH", "")]
    return (
        os.environ
        | {name: str(path) for name, path in folders.items()}
        | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
    )


class Lab:
    """One browser window on the server."""

    def __init__(self, server: Server, page: Page, foreign_requests: list[str]) -> None:
        self.server, self.page, self.foreign_requests = server, page, foreign_requests
        self.dialogs: list[str] = []
        self.bytes_received = 0
        self.watch(page)

    def watch(self, page: Page) -> None:
        """Count what the page receives."""
        page.on("websocket", lambda socket: socket.on("framereceived", self._count))
        page.on("dialog", lambda dialog: (self.dialogs.append(dialog.message), dialog.dismiss()))

    def _count(self, payload: bytes | str) -> None:
        self.bytes_received += len(payload)

    def open(self, cells: list[str | dict[str, object]], name: str = "") -> None:
        """Write a notebook of these cells (code, or whole cells as JSON), open it, and wait for its kernel."""
        name = name or f"test-{next(_numbers)}.ipynb"
        notebook = {
            "cells": [_cell(number, cell) for number, cell in enumerate(cells)],
            "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
            "nbformat": 4,
            "nbformat_minor": 5,
        }
        (self.server.root / name).write_text(json.dumps(notebook), "utf-8")
        self.page.goto(f"{self.server.url}/lab/tree/{name}?token={TOKEN}&reset")
        self.wait_for_kernel()

    def close(self) -> None:
        """End the open notebook's kernel."""
        self.page.evaluate("() => window.jupyterapp?.shell?.currentWidget?.sessionContext?.shutdown()")

    def reload(self) -> None:
        """Load the page again; the kernel goes on."""
        self.page.reload()
        self.wait_for_kernel()

    def wait_for_kernel(self) -> None:
        """Wait until the open notebook is there with a kernel that answers."""
        self.page.wait_for_function(
            """() => {
                const panel = window.jupyterapp?.shell?.currentWidget;
                const kernel = panel?.context?.sessionContext?.session?.kernel;
                return panel?.content?.widgets?.length > 0 && kernel?.connectionStatus === "connected"
                    && ["idle", "busy"].includes(kernel.status);
            }""",
            timeout=WAIT_MS,
        )

    def start(self, index: int) -> None:
        """Run a cell without waiting for its end."""
        before = self.prompt(index)
        # The command does nothing until the notebook is the current widget.
        self.page.wait_for_function(
            """([index, before]) => {
                const app = window.jupyterapp, panel = app.shell.currentWidget;
                const prompt = panel.content.widgets[index].node.querySelector(".jp-InputPrompt").textContent;
                if (prompt !== before) return true;
                app.shell.activateById(panel.id);
                panel.content.activeCellIndex = index;
                if (app.commands.isEnabled("notebook:run-cell")) app.commands.execute("notebook:run-cell");
                return false;
            }""",
            arg=[index, before],
            polling=250,
            timeout=WAIT_MS,
        )

    def run(self, index: int) -> None:
        """Run a cell and wait for its end."""
        self.start(index)
        self.wait_done(index)

    def run_all(self) -> None:
        """Run every cell, without waiting for their ends."""
        # What `evaluate` is given back it would wait for.
        self.page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }")

    def wait_done(self, index: int) -> None:
        """Wait until a cell shows the number of a finished execution."""
        try:
            self.page.wait_for_function(
                """(index) => /\\[\\d+\\]/.test(window.jupyterapp.shell.currentWidget.content.widgets[index].node
                    .querySelector(".jp-InputPrompt").textContent)""",
                arg=index,
                timeout=WAIT_MS,
            )
        except TimeoutError as error:
            raise AssertionError(f"Cell {index} did not end. {self.page.evaluate(STATE)}") from error

    def prompt(self, index: int) -> str:
        """What stands left of a cell."""
        return self.cell(index).locator(".jp-InputPrompt").first.text_content() or ""

    def cell(self, index: int) -> Locator:
        """A cell."""
        return self.page.locator(".jp-Notebook .jp-Cell").nth(index)

    def output(self, index: int) -> Locator:
        """What a cell shows below its code."""
        return self.cell(index).locator(".jp-Cell-outputArea")

    def save(self) -> None:
        """Save the notebook."""
        self.page.evaluate("async () => { await window.jupyterapp.commands.execute('docmanager:save'); }")

    def theme(self, name: str) -> None:
        """Switch to `light` or `dark`."""
        theme = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}[name]
        self.page.evaluate("theme => window.jupyterapp.commands.execute('apputils:change-theme', { theme })", theme)
        light = "true" if name == "light" else "false"
        self.page.wait_for_function("light => document.body.dataset.jpThemeLight === light", arg=light, timeout=WAIT_MS)
        self.page.locator("#jupyterlab-splash").wait_for(state="detached", timeout=WAIT_MS)

    def shot(self, index: int, name: str) -> Path:
        """A picture of a cell's output in `shots/`."""
        SHOTS.mkdir(exist_ok=True)
        path = SHOTS / f"{name}.png"
        self.output(index).screenshot(path=path)
        return path


def _cell(number: int, cell: str | dict[str, object]) -> dict[str, object]:
    empty = {"cell_type": "code", "id": f"cell-{number}", "metadata": {}, "outputs": [], "execution_count": None}
    return empty | ({"source": cell} if isinstance(cell, str) else cell)


@pytest.fixture(scope="session")
def lab_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    root = tmp_path_factory.mktemp("lab")
    server = Server(root)
    yield server
    server.stop()
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture(scope="session")
def elsewhere() -> Iterator[Elsewhere]:
    with Elsewhere() as server:
        yield server
        server.shutdown()


@pytest.fixture(scope="module")
def chromium(elsewhere: Elsewhere) -> Iterator[Browser]:
    # Playwright's loop counts as running in this thread as long as it lives: no `asyncio.run` of a later test would work.
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*CHROMIUM_ARGS, elsewhere.browser_argument])
        yield browser
        browser.close()


@pytest.fixture
def lab(lab_server: Server, chromium: Browser, elsewhere: Elsewhere) -> Iterator[Lab]:
    """A fresh browser window on the session's JupyterLab."""
    elsewhere.requests.clear()
    context = chromium.new_context(viewport={"width": 1200, "height": 1400})
    context.set_default_timeout(WAIT_MS)
    page = context.new_page()
    window = Lab(lab_server, page, elsewhere.requests)
    yield window
    window.close()
    context.close()
