"""The loop of a deep search: queries from the question, hits beside their query, pages read, a verdict, then the answer.

Everything that thinks is behind `Thinker`, so the loop itself knows no model. Its bounds always hold: rounds, queries, hits,
pages and sources by number, everything before the answer by time. An engine or a page that fails is shown and survived.

Above: `tools/deep_search`. Below: `base`, `ranking`.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from genie_nb.backend.search.base import Document, Engine, ReadPage, Tell, is_web
from genie_nb.backend.search.ranking import Pool, best_part
from genie_nb.errors import ToolFailed
from genie_nb.parts import Hit, SearchPart

__all__ = ("Bounds", "DeepSearch", "Found", "Judged", "Thinker", "Tools")

SHOWN_CHARACTERS = 1_500
"""How much of a hit is shown, and given to whoever judges and answers."""
QUERY_CHARACTERS = 300

Show = Callable[[SearchPart], None]


@dataclass(frozen=True)
class Bounds:
    """How far one search may go; see `SearchSettings`."""

    rounds: int = 2
    queries: int = 4
    hits: int = 5
    pages: int = 6
    sources: int = 8
    seconds: float = 120.0


@dataclass(frozen=True)
class Judged:
    """Whether what was found is enough, why, and what to search for if it is not."""

    enough: bool
    why: str = ""
    queries: tuple[str, ...] = ()


class Thinker(Protocol):
    """Whoever decides what to search for and whether it is enough."""

    async def decompose(self, question: str, most: int) -> Sequence[str]:
        """At most so many queries for a question."""
        ...

    async def judge(self, question: str, found: Sequence[Document], asked: Sequence[str], most: int) -> Judged:
        """Whether these finds of these queries are enough to answer."""
        ...


@dataclass(frozen=True)
class Found:
    """What a search brought: the sources to answer from, the best first, and the sentences of engines that failed."""

    sources: tuple[Document, ...]
    faults: tuple[str, ...] = ()


@dataclass(frozen=True)
class Tools:
    """What a search works with; `tell` is for engines that get ready."""

    engines: Sequence[Engine]
    reader: ReadPage
    thinker: Thinker
    show: Show
    tell: Tell


@dataclass
class DeepSearch:
    """One search, from its question to its sources."""

    question: str
    tools: Tools
    bounds: Bounds
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._pool = Pool()
        self._round = 0
        self._read: set[str] = set()
        self._faults: dict[str, None] = {}
        self._answered = False
        self._broken: dict[str, str] = {}

    async def run(self) -> Found:
        """Search until it is enough, or a bound is met.

        Raises:
            ToolFailed: No engine could be searched at all.
        """
        try:
            async with asyncio.timeout(self.bounds.seconds) as limit:
                await self._prepare()
                await self._rounds()
        except TimeoutError:
            if not limit.expired():
                raise
            self._verdict(Judged(enough=False, why=f"The time is up: {self.bounds.seconds:g} s."))
        if self._faults and not self._answered:
            raise ToolFailed(" ".join(self._faults))
        return Found(tuple(self._pool.best(self.bounds.sources)), tuple(self._faults))

    async def _prepare(self) -> None:
        async def one(engine: Engine) -> None:
            try:
                await engine.prepare(self.question, self.tools.tell)
            except ToolFailed as failed:
                self._broken[engine.name] = str(failed)

        async with asyncio.TaskGroup() as group:
            for engine in self.tools.engines:
                group.create_task(one(engine))

    async def _rounds(self) -> None:
        queries = self._new(await self.tools.thinker.decompose(self.question, self.bounds.queries)) or [self.question]
        for number in range(1, self.bounds.rounds + 1):
            self._round = number
            self.asked += queries
            self.tools.show(SearchPart(stage="queries", round=self._round, query=self.question, queries=tuple(queries)))
            await self._search(queries)
            await self._read_pages()
            judged = await self.tools.thinker.judge(
                self.question, self._pool.best(self.bounds.sources), self.asked, self.bounds.queries
            )
            self._verdict(judged)
            queries = self._new(judged.queries)
            if judged.enough or not queries:
                return

    def _new(self, queries: Sequence[str]) -> list[str]:
        """The queries that were not asked yet, cleaned, at most as many as a round may have."""
        known = {query.casefold() for query in self.asked}
        cleaned = (" ".join(query.split())[:QUERY_CHARACTERS] for query in queries)
        found = {query.casefold(): query for query in cleaned if query and query.casefold() not in known}
        return list(found.values())[: self.bounds.queries]

    async def _search(self, queries: Sequence[str]) -> None:
        """Ask every engine every query at the same time; what comes is shown in the order of the queries (# T6)."""
        pairs = [(query, engine) for query in queries for engine in self.tools.engines]
        async with asyncio.TaskGroup() as group:
            running = [group.create_task(self._ask(*pair)) for pair in pairs]
            for (query, engine), task in zip(pairs, running, strict=True):
                documents, note = await task
                hits = self._pool.add(documents)
                self.tools.show(
                    SearchPart(
                        stage="hits",
                        round=self._round,
                        query=query,
                        engine=engine.name,
                        hits=tuple(map(_hit, hits)),
                        note=note,
                    )
                )

    async def _ask(self, query: str, engine: Engine) -> tuple[list[Document], str]:
        try:
            if engine.name in self._broken:
                raise ToolFailed(self._broken[engine.name])
            found = await engine.search(query, self.bounds.hits)
            self._answered = True
            return [_short(document) for document in found[: self.bounds.hits]], ""
        except ToolFailed as failed:
            self._faults[str(failed)] = None
            return [], str(failed)

    async def _read_pages(self) -> None:
        """Read the pages behind the best hits; what was read takes the snippet's place (# T7)."""
        pages = [one for one in self._pool.best(self.bounds.sources) if is_web(one.source) and one.source not in self._read]
        pages = pages[: max(0, self.bounds.pages - len(self._read))]
        if not pages:
            return
        self._read |= {page.source for page in pages}
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._read_page(page)) for page in pages]
        read = [task.result() for task in tasks]
        hits = tuple(_hit(document) for document, _ in read if document)
        note = " ".join(fault for _, fault in read if fault)
        self.tools.show(SearchPart(stage="hits", round=self._round, engine="pages", hits=hits, note=note))

    async def _read_page(self, snippet: Document) -> tuple[Document | None, str]:
        try:
            page = await self.tools.reader.read(snippet.source)
        except ToolFailed as failed:
            self._faults[str(failed)] = None
            return None, str(failed)
        text = best_part(page.text, [self.question, *self.asked], SHOWN_CHARACTERS)
        document = Document(snippet.title or page.title, snippet.source, text or snippet.text)
        self._pool.put(document)
        return document, ""

    def _verdict(self, judged: Judged) -> None:
        self.tools.show(SearchPart(stage="verdict", round=max(1, self._round), enough=judged.enough, note=judged.why))


def _short(document: Document) -> Document:
    return Document(document.title[:200], document.source[:2_000], document.text[:SHOWN_CHARACTERS])


def _hit(document: Document) -> Hit:
    return Hit(title=document.title, source=document.source, text=document.text)
