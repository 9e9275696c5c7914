"""IPython's tracebacks made short and the same on every machine: the cell's own lines, and where in a library it ended.

Above: `outputs`. Below: `parts`.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from genie_nb.parts import ErrorPart

__all__ = ("clean_error", "clean_paths", "clean_repr")

_MAX_CHARACTERS = 20_000
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
# A path is looked for where a word begins only: from every slash it would take a hostile text's length squared.
_FOLDERS = r"(?<![^\s\"'(=<\[])/[^\s\"':(=<\[]*"
_PACKAGES = re.compile(rf"{_FOLDERS}/(?:site|dist)-packages/")
_STDLIB = re.compile(rf"{_FOLDERS}/lib/(python3\.\d+/)")
_CELL_FILE = re.compile(rf"{_FOLDERS}/ipykernel_\d+/\d+\.py|(?<=\()\d+\.py(?=, line)")
_FRAME = re.compile(r"\s*(?:File (?P<path>.+?):\d+|Cell In\[\d+\], line \d+)")
_ADDRESS = re.compile(r" at 0x[0-9a-f]+")
_NO_SOURCE = "Could not get source"


def clean_error(name: str, message: str, frames: Sequence[str], folder: Path) -> ErrorPart:
    """An error of a cell without colours, IPython's own frames and paths of the machine."""
    most = 4 * _MAX_CHARACTERS  # cut before anything is looked for: an error may bring 100 MB
    message = message[:most]
    blocks = [_ANSI.sub("", frame[-most:]).strip("\n") for frame in frames[-50:]]
    kept = [block for block in _shorten(blocks) if not _is_heading(block)]
    return ErrorPart(
        name=name,
        message=clean_paths(_ANSI.sub("", message), folder)[:_MAX_CHARACTERS],
        traceback=clean_paths("\n".join(kept), folder)[-_MAX_CHARACTERS:],
    )


def clean_paths(text: str, folder: Path) -> str:
    """The text with paths relative to the run's folder, to the installed packages or to the standard library."""
    text = text.replace(f"{folder}/", "")
    return _CELL_FILE.sub("<cell>", _STDLIB.sub(r"\1", _PACKAGES.sub("", text)))


def clean_repr(text: str) -> str:
    """An object's text without its address in memory."""
    return _ADDRESS.sub("", text)


def _is_heading(block: str) -> bool:
    return not block.strip("- \n") or block.endswith("Traceback (most recent call last)")


def _shorten(blocks: Sequence[str]) -> list[str]:
    """Keep every frame of a cell whole, and of neighbouring library frames the last one's place and line."""
    kept: list[str] = []
    for place, block in enumerate(blocks):
        frame = _FRAME.match(block)
        if frame is None or frame["path"] is None:
            kept.append(block)
        elif place + 1 == len(blocks) or not _is_library(blocks[place + 1]):
            kept.append(_shorten_frame(block, frame["path"]))
    return kept


def _is_library(block: str) -> bool:
    frame = _FRAME.match(block)
    return frame is not None and frame["path"] is not None


def _shorten_frame(block: str, path: str) -> str:
    heading, *lines = block.split("\n")
    if not (_PACKAGES.match(path) or _STDLIB.match(path)):
        heading = heading.replace(path, Path(path).name) if path.startswith(("/", "~")) else heading
    marked = [line for line in lines if re.match(r"-+> ", line) and _NO_SOURCE not in line]
    return "\n".join([heading, *marked])
