"""Playbooks: written procedures; a planner is shown the one that plainly fits. Off unless a folder is set (# B24).

A playbook is a Markdown file. Its title, and the paragraph below it, say what it is for: they alone are compared with the
question; the rest is what is to be done.

Above: `runs`, `agents`. Below: `errors`.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from genie_nb.errors import SettingsError

__all__ = ("Playbook", "fitting_playbook", "read_playbooks")

MOST_PLAYBOOKS = 500
MOST_BYTES = 64 * 1024
"""A larger file is no procedure that a model could follow."""
ENOUGH = 2
"""So many words of the question must stand in a playbook's title and first paragraph."""

_HEAD = re.compile(r"\s*#\s+(?P<title>[^\n]+)\n+(?P<about>(?!#)[^\n]*(?:\n(?!\s*\n|#)[^\n]+)*)?")
_WORD = re.compile(r"[A-Za-z0-9]+|[\u3400-\u9fff]+")
_COMMON_WORDS = """
    a about an and are as ask asks at be by can do does for from has have how i in is it me my of on or our please
    question questions should show somebody that the this to use used want was we were what when where which who why will
    with you your
"""
_COMMON = frozenset(_COMMON_WORDS.split())


@dataclass(frozen=True)
class Playbook:
    """A procedure.

    Attributes:
        name: Its file's name.
        about: What it is for.
        text: All of it, as Markdown.
    """

    name: str
    title: str
    about: str
    text: str


def read_playbooks(folder: Path) -> list[Playbook]:
    """The playbooks of a folder by name; reads the disk.

    Raises:
        SettingsError: There is no such folder, or a file in it is no playbook.
    """
    try:
        paths = sorted(
            path for path in folder.expanduser().iterdir() if path.suffix == ".md" and not path.name.startswith(".")
        )
    except OSError as error:
        raise SettingsError(f"The playbooks in {folder} cannot be read: {error.strerror or error}.") from error
    if len(paths) > MOST_PLAYBOOKS:
        raise SettingsError(f"{folder} holds {len(paths)} playbooks; {MOST_PLAYBOOKS} are the most.")
    return [_read(path) for path in paths]


def _read(path: Path) -> Playbook:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise SettingsError(f"The playbook {path.name} is larger than {MOST_BYTES // 1024} KiB. Shorten it.")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        raise SettingsError(f"The playbook {path.name} cannot be read: {error}.") from error
    head = _HEAD.match(text)
    if head is None:
        raise SettingsError(f"The playbook {path.name} has no title: begin it with a line `# Title`.")
    return Playbook(path.name, head["title"].strip(), (head["about"] or "").strip(), text)


def fitting_playbook(question: str, playbooks: list[Playbook]) -> Playbook | None:
    """The playbook that shares the most words with the question, if those are enough; of two that fit alike, none."""
    asked = _words(question)
    scored = sorted(
        ((len(asked & _words(f"{book.title} {book.about}")), book) for book in playbooks), key=lambda pair: -pair[0]
    )
    if not scored or scored[0][0] < ENOUGH or (len(scored) > 1 and scored[0][0] == scored[1][0]):
        return None
    return scored[0][1]


def _words(text: str) -> set[str]:
    """Words without endings; of Chinese each pair of neighbouring letters."""
    found: set[str] = set()
    for word in _WORD.findall(text.lower()):
        if word.isascii():
            found.add(re.sub(r"(?:ies|es|s|ing|ed)$", "", word) if len(word) > 4 else word)
        else:
            found.update(word[at : at + 2] for at in range(len(word) - 1))
    return found - _COMMON
