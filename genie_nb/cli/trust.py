"""Whether the settings of a folder may count: the question in a terminal, and the command `genie-nb trust`.

Above: `cli`. Below: `backend.folder_settings`, `backend.settings`.
"""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from genie_nb.backend.folder_settings import FolderSettings, distrust, read_folder, trust
from genie_nb.backend.settings import Settings
from genie_nb.controls import show_line
from genie_nb.url_secrets import without_passwords

__all__ = ("ask_about_folder", "change_trust")

SECRET = ("api_key", "token", "_key", "env", "headers", "password", "secret")
"""Endings of names whose values are not shown."""


def ask_about_folder(say: Callable[[str], object]) -> None:
    """Ask at a terminal whether to trust what the working folder's settings leave out; elsewhere the run says it.

    Raises:
        SettingsError: The file cannot be read, or trust cannot be kept.
    """
    found = read_folder(Path.cwd(), Settings.defaults())
    if not found.left_out or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return
    say("The genie.yaml in this folder also sets:")
    _show(found, say)
    print("Do you trust it? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() in ("y", "yes"):
        trust(found)
    else:
        say("Not trusted: these settings do not count.")


def change_trust(folder: Path, say: Callable[[str], object], *, forget: bool) -> None:
    """Trust the folder's `genie.yaml` as it is now, or no more; says what that means.

    Raises:
        SettingsError: There is no such file, it cannot be read, or trust cannot be kept.
    """
    if forget:
        distrust(folder)
        say(f"{folder.resolve()} is not trusted. Only settings that can do no harm count there.")
        return
    found = read_folder(folder, Settings.defaults(), trusted=False)
    if not found.digest:
        say(f"There is no genie.yaml in {folder.resolve()}, so there is nothing to trust.")
        return
    trust(found)
    say(f"The genie.yaml in {folder.resolve()} is trusted until it changes." + (" It sets:" if found.left_out else ""))
    _show(found, say)


def _show(found: FolderSettings, say: Callable[[str], object]) -> None:
    """What would count, with its values but for secrets."""
    for name in found.left_out:
        for line in _lines(name, found.ignored[name]):
            say(f"  {show_line(without_passwords(line))}")


def _lines(name: str, value: Any) -> Iterator[str]:
    if isinstance(value, dict) and not name.endswith(SECRET):
        for inner, held in value.items():
            yield from _lines(f"{name}.{inner}", held)
    elif isinstance(value, list):
        for number, held in enumerate(value):
            yield from _lines(f"{name}[{number}]", held)
    else:
        yield f"{name}: {'(not shown)' if name.endswith(SECRET) else value}"
