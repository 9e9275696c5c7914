"""Virtual environments with an installed genie_nb, made with the pip of the interpreter and the index that it is told of."""

import json
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

__all__ = ("Environment", "built_wheel", "interpreter", "why_no_index")

ROOT = Path(__file__).parents[2]
INSTALL_S, QUESTION_S = 900, 500
PIP = ("-m", "pip", "--disable-pip-version-check", "--no-input")


def interpreter(version: str) -> str | None:
    """A Python of this version, e.g. `3.13`, on the path or among pyenv's; None if there is none that runs."""
    if sys.version_info[:2] == tuple(map(int, version.split("."))):
        return sys.executable
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates = [shutil.which(f"python{version}"), *sorted(map(str, pyenv.glob(f"{version}*/bin/python{version}")))]
    return next((path for path in candidates if path and _is(path, version)), None)


def _is(path: str, version: str) -> bool:
    told = [path, "-c", "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2])"]
    done = subprocess.run(told, capture_output=True, text=True, check=False, timeout=30)
    return done.returncode == 0 and done.stdout.strip() == version


@cache
def why_no_index(folder: Path) -> str:
    """Why pip can fetch nothing here; empty if it can."""
    wanted = [sys.executable, *PIP, "download", "-q", "--no-deps", "--no-cache-dir", "-d", str(folder), "hatchling==1.33.0"]
    done = subprocess.run(wanted, capture_output=True, text=True, check=False, timeout=INSTALL_S, cwd=folder)
    said = (done.stderr.strip().splitlines() or ["pip says nothing"])[-1]
    return f"No package index can be reached: {said}" if done.returncode else ""


@cache
def built_wheel(folder: Path) -> Path:
    """The wheel of this checkout."""
    _run([sys.executable, *PIP, "wheel", "-q", "--no-deps", "-w", str(folder), str(ROOT)], folder)
    (wheel,) = folder.glob("genie_nb-*.whl")
    return wheel


class Environment:
    """An empty environment for one Python."""

    def __init__(self, python: str, folder: Path) -> None:
        self._folder = folder
        self._python = folder / "venv" / "bin" / "python"
        _run([python, "-m", "venv", str(folder / "venv")], folder)

    def install(self, *what: str) -> None:
        """Install as a person would, by pip."""
        _run([str(self._python), *PIP, "install", "-q", *what], self._folder)

    def ask(self, *parts: str, **variables: str) -> dict[str, Any]:
        """What `question.py` says of these parts; `variables` are the environment's."""
        home = self._folder / "home"
        home.mkdir(exist_ok=True)
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "LD_LIBRARY_PATH", "TMPDIR") if name in os.environ}
        work = self._folder / "work"
        work.mkdir(exist_ok=True)
        shutil.copy(Path(__file__).with_name("question.py"), work)
        asked = [str(self._python), "-W", "ignore", "question.py", *parts]
        done = _run(asked, work, QUESTION_S, kept | {"HOME": str(home)} | variables)
        told: dict[str, Any] = json.loads(done.splitlines()[-1])
        assert Path(told["place"]).is_relative_to(self._folder), "another genie_nb was asked"
        return told


def _run(command: list[str], folder: Path, seconds: float = INSTALL_S, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=seconds, env=env)
    assert done.returncode == 0, f"{' '.join(command[:6])} …\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout
