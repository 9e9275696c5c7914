"""The documentation of what is installed: READMEs, the language reference, and docstrings, which are read and not imported.

Above: `engines`. Below: `corpus`, `index`, `passages`.
"""

import ast
import re
import sys
import sysconfig
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import partial
from importlib.metadata import Distribution, distributions
from pathlib import Path

from genie_nb.backend.search.corpus import Corpus
from genie_nb.backend.search.index import Entry
from genie_nb.backend.search.passages import Passage, cut_plain, cut_text

__all__ = ("Installed",)

MOST_FILE_BYTES = 2**20
DEPTH = 4
_PRIVATE = re.compile(
    r"(?:^|/)(?:_(?!_init__)[^/]*|tests?|testing|vendor|examples?|benchmarks?|conftest\.py|setup\.py)(?:/|$)"
)
_WORD = re.compile(r"[a-z][a-z0-9_]+")


class Installed(Corpus):
    """The packages of this Python."""

    name = "packages"
    patience_s = 10.0
    scope = "the documentation of the installed Python packages and of Python itself"

    def __init__(self, *, index_folder: Path | None, most_files: int, most_mib: int) -> None:
        self._most_files, self._most_bytes = most_files, most_mib * 2**20
        super().__init__(index_folder)

    def _key(self) -> str:
        return sys.prefix

    def entries(self, question: str, left_out: Counter[str]) -> Iterable[Entry]:
        """READMEs and topics; then modules: of packages that the question names, of loaded ones, of others."""
        yield from _topics()
        named = set(_WORD.findall(question.lower().replace("-", "_")))
        modules: list[Module] = []
        for name, package in _packages().items():
            yield Entry(f"{name} README", package.version, partial(_readme, package))
            modules += _modules(package, named)
        modules += _standard_library(named)
        size = 0
        once: dict[str, tuple[Path, int]] = {}
        for _, _, module, path, bytes_ in sorted(modules):
            once.setdefault(module, (path, bytes_))
        for number, (module, (path, bytes_)) in enumerate(once.items()):
            size += bytes_
            beyond = number >= self._most_files or size > self._most_bytes
            left_out[f"beyond the limit of {self._most_files:,} files or {self._most_bytes >> 20:,} MiB"] += beyond
            yield Entry(module, f"{path.stat().st_mtime_ns}.{bytes_}", None if beyond else partial(_docstrings, path))


def _packages() -> dict[str, Distribution]:
    """What is installed, by name; of one that lies in two places the one that is imported."""
    found: dict[str, Distribution] = {}
    for package in distributions():
        if package.name and package.version:
            found.setdefault(package.name, package)
    return found


def _topics() -> Iterator[Entry]:
    from pydoc_data.topics import topics  # only where it is searched: half a MiB

    for name, text in topics.items():
        yield Entry(f"Python help {name}", sys.version.split()[0], partial(lambda words: cut_text(words), text))


def _readme(package: Distribution) -> list[Passage]:
    said = package.metadata.json  # a header may be missing, and the README is one of them
    summary, text = str(said.get("summary", "")), str(said.get("description", ""))
    return ([Passage("", summary)] if summary else []) + list(cut_text(text))


Module = tuple[int, int, str, Path, int]
"""How far behind it stands, its depth, its name, its file, its bytes."""


def _modules(package: Distribution, named: set[str]) -> Iterator[Module]:
    for file in package.files or ():
        if file.suffix == ".py" and not _PRIVATE.search(file.as_posix()) and ".." not in file.parts:
            yield from _module(Path(str(file.locate())), file.as_posix(), named)


def _standard_library(named: set[str]) -> Iterator[Module]:
    root = Path(sysconfig.get_paths()["stdlib"])
    for path in sorted((*root.glob("*.py"), *root.glob("[a-z]*/*.py"))):
        name = path.relative_to(root).as_posix()
        if not _PRIVATE.search(name) and not name.startswith(
            ("site-packages", "dist-packages", "idlelib", "lib2to3", "turtledemo")
        ):
            yield from _module(path, name, named)


def _module(path: Path, name: str, named: set[str]) -> Iterator[Module]:
    parts = name.removesuffix(".py").removesuffix("/__init__").split("/")
    try:
        size = path.stat().st_size
    except OSError:
        return  # listed and not there
    if size <= MOST_FILE_BYTES and len(parts) <= DEPTH and path.is_file():
        behind = 0 if parts[0].lower() in named else 1 if parts[0] in sys.modules else 2
        yield behind, len(parts), ".".join(parts), path, size


def _docstrings(path: Path) -> Iterator[Passage]:
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        raise ValueError("cannot be read") from None
    yield from _documented(tree, "")


def _documented(node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef, name: str) -> Iterator[Passage]:
    text = ast.get_docstring(node)
    if text:
        head = f"{name}({ast.unparse(node.args)})\n\n" if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) else ""
        yield from (Passage(name, piece, name) for piece in cut_plain(head + text))
    if isinstance(node, ast.Module | ast.ClassDef):
        for inner in node.body:
            if isinstance(inner, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and not inner.name.startswith("_"):
                yield from _documented(inner, f"{name}.{inner.name}" if name else inner.name)
