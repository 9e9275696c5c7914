"""Writes `lowest.txt`: the lowest versions that `pyproject.toml` allows, with which a question must still be worked on.

    python -m tests.install.lowest

`make lock` does so. What is not named in `pyproject.toml` is as new as it can be: that is how a person's environment looks
who has kept the libraries of their own work. The extra `mcp` is left out: its library needs pydantic 2.12.
"""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

__all__ = ("LOWEST", "lowest_of")

ROOT = Path(__file__).parents[2]
LOWEST = Path(__file__).with_name("lowest.txt")
EXTRAS = ("server", "reports", "otel")
PYTHON = "3.11"
HEAD = f"# The lowest versions on Python {PYTHON}: base, {', '.join(EXTRAS)}. Written by tests/install/lowest.py.\n"


def lowest_of(project: str) -> dict[str, str]:
    """The floors of the base and the extras, by name, as a pyproject.toml says them."""
    said = tomllib.loads(project)["project"]
    lines = said["dependencies"] + [line for extra in EXTRAS for line in said["optional-dependencies"][extra]]
    found = [re.fullmatch(r"([\w-]+)>=([\w.]+)", line) for line in lines]
    return {match[1]: match[2] for match in found if match}


def main() -> None:
    """Resolve anew; what the file held does not count."""
    uv = Path(sys.executable).with_name("uv")
    chosen = [part for extra in EXTRAS for part in ("--extra", extra)]
    command = [str(uv), "pip", "compile", "-q", "--resolution", "lowest-direct", "--no-annotate", "--no-header"]
    command += ["--python-version", PYTHON, *chosen, "pyproject.toml"]
    resolved = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    LOWEST.write_text(HEAD + resolved, encoding="utf-8")


if __name__ == "__main__":
    main()
