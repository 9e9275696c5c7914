"""`genie-nb doctor`: what is installed, which model would be used, what is missing, in plain words.

Above: `cli`. Below: `session`'s rooms.
"""

import asyncio
import importlib.metadata as metadata
import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from genie_nb.backend.extras import EXTRAS, missing_extra
from genie_nb.backend.interpreter.base import CellFinished
from genie_nb.backend.interpreter.pool import KernelPool
from genie_nb.backend.interpreter.runner import Interpreter
from genie_nb.backend.models import create_model
from genie_nb.backend.settings import Settings
from genie_nb.errors import GenieError, InterpreterFailed
from genie_nb.parts import ErrorPart

__all__ = ("examine",)

_PACKAGES = ("ipykernel", "ipywidgets", "anywidget", "jupyter-client", "pandas", "matplotlib", "openai")
ANSWER_S = 3.0
"""Seconds that a model's server has to answer."""
_OPENAI_URL = "https://api.openai.com/v1"


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
    for name in _PACKAGES:
        try:
            say(f"  ok       {name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            complete = False
            say(f"  missing  {name}: install genie_nb again")
    for extra, what in EXTRAS.items():
        if missing_extra(what, extra):
            say(f'  missing  the extra "{extra}", for {what}: pip install "genie_nb[{extra}]"')
        else:
            say(f'  ok       the extra "{extra}", for {what}')
    return complete


def _examine_model(say: Callable[[str], object]) -> bool:
    try:
        settings = Settings.load()
        model = create_model(settings)
    except GenieError as error:
        say(f"  wrong    model: {error}")
        return False
    for remark in settings.remarks():
        say(f"  note     {remark}")
    say(f"  ok       model: {model.name} ({model.badge})")
    if model.badge == "offline rules":
        say("           It follows rules and is no language model. For one, set OPENAI_API_KEY, or OPENAI_BASE_URL and")
        say("           GENIE_MODEL for a server of your own.")
        return True
    return _examine_address(say, settings, model.name)


def _examine_address(say: Callable[[str], object], settings: Settings, model: str) -> bool:
    """Ask the model's server which models it has, once and briefly; a server that does not say is well all the same."""
    address = (settings.base_url or _OPENAI_URL).rstrip("/")
    key = settings.api_key.get_secret_value().strip() if settings.api_key else ""
    parts = urlsplit(address)
    shown = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
    try:
        answer = httpx.get(f"{address}/models", headers={"authorization": f"Bearer {key}"} if key else {}, timeout=ANSWER_S)
    except httpx.TimeoutException:
        say(f"  wrong    {shown} does not answer within {ANSWER_S:g} s")
        return False
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        reason = re.sub(r"^\[Errno -?\d+\] ", "", " ".join(str(error).split())) or type(error).__name__
        say(f"  wrong    {shown} does not answer: {reason}")
        return False
    if answer.status_code in (401, 403):
        say(f"  wrong    {shown} answers, but refuses the key" if key else f"  wrong    {shown} answers, and wants a key")
        return False
    names = _names_in(answer)
    known = f" and has {model}" if model in names else f", but does not name {model} among its models" if names else ""
    say(f"  ok       {shown} answers{known}")
    return True


def _names_in(answer: httpx.Response) -> set[str]:
    try:
        listed: Any = answer.json()["data"]
        return {str(entry["id"]) for entry in listed}
    except (ValueError, KeyError, TypeError):
        return set()


def _examine_interpreter(say: Callable[[str], object]) -> bool:
    try:
        fonts = asyncio.run(_run_cell())
    except InterpreterFailed as error:
        say(f"  wrong    code interpreter: {error}")
        return False
    say(f"  ok       code interpreter: a child kernel of {Path(sys.executable).name} ran a cell with pandas")
    if fonts:
        say("  ok       fonts: charts show Chinese")
    else:
        say("  missing  a font with Chinese characters: charts show boxes in their place (on Debian: fonts-noto-cjk)")
    return True


async def _run_cell() -> bool:
    """Run a cell that uses pandas and draws a chart; whether a font has its characters."""
    code = (
        "import matplotlib.pyplot as plt, pandas\n"
        "plt.title('中文'), plt.gcf().canvas.draw(), plt.close()\n"
        "pandas.DataFrame({'a': [1]}).a.sum()"
    )
    unshown = ""
    pool = KernelPool(spare=0)
    try:
        with tempfile.TemporaryDirectory() as folder:
            runner = Interpreter(pool, folder=Path(folder))
            async for part in runner.run(code, timeout_s=60):
                if isinstance(part, ErrorPart):
                    raise InterpreterFailed(f"{part.name}: {part.message}")
                if isinstance(part, CellFinished):
                    unshown = part.unshown
            await runner.close()
    finally:
        await pool.close()
    return not unshown


def _examine_browser(say: Callable[[str], object]) -> None:
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found:
        say(f"  ok       browser for the tests: {Path(found).name}")
    else:
        say("  missing  chromium, only for the browser tests: make chromium")
