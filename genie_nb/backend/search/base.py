"""What a search engine is and what it finds; what a reader of pages is.

Above: the engines, the loop. Below: `errors`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

__all__ = ("Document", "Engine", "Page", "ReadPage", "Tell", "is_web")

Tell = Callable[[str, int], None]
"""Takes words about what is being read and how much of it was, or, with 0, a remark on what was left out."""


@dataclass(frozen=True)
class Document:
    """One thing that an engine found.

    Attributes:
        title: What it is called.
        source: Where it is: a URL, a path in a searched folder (`notes/plan.md#Costs`), or a name in installed code.
        text: The passage that fits the query.
    """

    title: str
    source: str
    text: str


class Engine(Protocol):
    """Something that can be searched."""

    @property
    def name(self) -> str:
        """The engine's name, e.g. `folders`, `tavily`."""
        ...

    @property
    def scope(self) -> str:
        """What it searches, in words that a model can choose by."""
        ...

    async def prepare(self, question: str, tell: Tell) -> None:
        """Get ready for the queries of a question, e.g. read what is new in a folder.

        Raises:
            ToolFailed: It cannot be searched; the message says why and what to do.
        """
        ...

    async def search(self, query: str, k: int) -> list[Document]:
        """The best `k` finds, the best first.

        Raises:
            ToolFailed: It could not be searched; the message says why and what to do.
        """
        ...


@dataclass(frozen=True)
class Page:
    """What a page says."""

    title: str
    text: str


class ReadPage(Protocol):
    """Something that reads pages."""

    async def read(self, url: str) -> Page:
        """The page at an address.

        Raises:
            ToolFailed: It must not or cannot be read; the message says why.
        """
        ...


def is_web(source: str) -> bool:
    """Whether a source is an address of a web page."""
    return source.startswith(("http://", "https://"))
