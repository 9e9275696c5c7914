"""Folders to search, in files of every kind, and what was told while they were read."""

from pathlib import Path

from genie_nb.backend.search.base import Document
from genie_nb.backend.search.corpus import Folders
from tests.fakes import run

__all__ = ("Told", "folders", "search", "write")


class Told:
    """What an engine said while it got ready."""

    def __init__(self) -> None:
        self.remarks: list[str] = []
        self.read = 0

    def __call__(self, words: str, read: int) -> None:
        if read:
            self.read = read
        else:
            self.remarks.append(words)


def write(folder: Path, files: dict[str, str | bytes]) -> Path:
    """The folder with these files in it."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def folders(*paths: Path, index: Path, most_files: int = 1_000, most_mib: int = 10) -> Folders:
    """An engine over folders."""
    return Folders(paths, index_folder=index, most_files=most_files, most_mib=most_mib)


def search(engine: Folders, query: str, k: int = 5, told: Told | None = None) -> list[Document]:
    """What an engine finds after it got ready."""

    async def both() -> list[Document]:
        await engine.prepare(query, told or Told())
        return await engine.search(query, k)

    return run(both())
