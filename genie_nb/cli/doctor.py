"""`genie-nb doctor`: what is installed, which model would be used, what is missing, in plain words.

Above: `cli`. Below: `session`'s rooms.
"""

import asyncio
import importlib.metadata as metadata
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from genie_nb.backend.interpreter.pool import KernelPool
from genie_nb.backend.interpreter.runner import Interpreter
from genie_nb.backend.models import create_model
from genie_nb.backend.settings import Settings
from genie_nb.errors import GenieError, InterpreterFailed
from genie_nb.parts import ErrorPart

__all__ = ("examine",)

_PACKAGES = ("ipykernel", "ipywidgets", "anywidget", "jupyter-client", "pandas", "matplotlib", "openai")
_EXTRAS = {"jupyterlab": "to work in notebooks: pip install 'genie_nb[lab]'"}


def examine(say: Callable[[str], object]) -> bool:
    """Look at everything and say it; returns whether a run could work here."""
    say(f"genie_nb {metadata.version('genie_nb')} on Python {platform.python_version()}, {platform.system()}")
    healthy = _examine_packages(say)
    healthy &= _examine_model(say)
    healthy &= _examine_interpreter(say)
    _examine_browser(say)
    say("All is well." if healthy else "Something is missing; see above.")
    return healthy


def _examine_packages(say: Callable[[str], object]) -> bool:
    complete = True
    for name in (*_PACKAGES, *_EXTRAS):
        try:
            say(f"  ok       {name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            complete &= name in _EXTRAS
            say(f"  missing  {name}: {_EXTRAS.get(name, 'install genie_nb again')}")
    return complete


def _examine_model(say: Callable[[str], object]) -> bool:
    try:
        model = create_model(Settings.load())
    except GenieError as error:
        say(f"  wrong    model: {error}")
        return False
    say(f"  ok       model: {model.name} ({model.badge})")
    if model.badge == "offline rules":
        say("           It follows rules and is no language model. For one, set OPENAI_API_KEY, or OPENAI_BASE_URL and")
        say("           GENIE_MODEL for a server of your own.")
    return True


def _examine_interpreter(say: Callable[[str], object]) -> bool:
    try:
        shown = asyncio.run(_run_cell())
    except InterpreterFailed as error:
        say(f"  wrong    code interpreter: {error}")
        return False
    say(f"  ok       code interpreter: a child kernel of {Path(sys.executable).name} {shown}")
    return True


async def _run_cell() -> str:
    pool = KernelPool(spare=0)
    try:
        with tempfile.TemporaryDirectory() as folder:
            runner = Interpreter(pool, folder=Path(folder))
            async for part in runner.run("import pandas; pandas.DataFrame({'a': [1]}).a.sum()", timeout_s=60):
                if isinstance(part, ErrorPart):
                    raise InterpreterFailed(f"{part.name}: {part.message}")
            await runner.close()
    finally:
        await pool.close()
    return "ran a cell with pandas"


def _examine_browser(say: Callable[[str], object]) -> None:
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found:
        say(f"  ok       browser for the tests: {Path(found).name}")
    else:
        say("  missing  chromium, only for the browser tests: make chromium")
