"""The loop of a deep search: its order, its bounds, its verdicts, and engines and pages that fail."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest

from genie_nb.backend.search.base import Document, Page, Tell
from genie_nb.backend.search.deep import Bounds, DeepSearch, Found, Judged, Tools
from genie_nb.backend.search.ranking import Pool, best_part
from genie_nb.errors import ToolFailed
from genie_nb.parts import SearchPart
from tests.fakes import run

PLAN = Document("Plan", "notes/plan.md", "The pump costs 12,400.")
WEB = Document("Pumps", "https://a.org/pumps", "A snippet.")


@dataclass
class FakeEngine:
    """Finds what a function says; `gates` hold a query up until another one was asked."""

    find: Callable[[str], list[Document]] = lambda query: [Document(query, f"notes/{query}.md", f"about {query}")]
    name: str = "notes"
    scope: str = "notes"
    fault: str = ""
    gates: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._done: dict[str, asyncio.Event] = {}

    async def prepare(self, question: str, tell: Tell) -> None:
        if self.fault.startswith("prepare"):
            raise ToolFailed(self.fault)

    async def search(self, query: str, k: int) -> list[Document]:
        self.asked.append(query)
        if query in self.gates:
            await self._event(self.gates[query]).wait()
        self._event(query).set()
        if self.fault:
            raise ToolFailed(self.fault)
        return self.find(query)

    def _event(self, query: str) -> asyncio.Event:
        return self._done.setdefault(query, asyncio.Event())


@dataclass
class FakeReader:
    """Reads pages from a table; others fail."""

    pages: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    async def read(self, url: str) -> Page:
        self.asked.append(url)
        if url not in self.pages:
            raise ToolFailed(f"{url} answers with status 404.")
        return Page("Title", self.pages[url])


@dataclass
class FakeThinker:
    """Asks these queries, then judges as the list says; when it is over, everything is enough."""

    queries: Sequence[str] = ("one", "two")
    verdicts: Sequence[Judged] = ()
    judged: list[list[Document]] = field(default_factory=list)
    stuck: bool = False

    async def decompose(self, question: str, most: int) -> Sequence[str]:
        return self.queries

    async def judge(self, question: str, found: Sequence[Document], asked: Sequence[str], most: int) -> Judged:
        self.judged.append(list(found))
        if self.stuck:
            await asyncio.Event().wait()
        at = len(self.judged) - 1
        return self.verdicts[at] if at < len(self.verdicts) else Judged(enough=True, why="Enough.")


def searched(
    *engines: FakeEngine, thinker: FakeThinker | None = None, reader: FakeReader | None = None, **bounds: float
) -> tuple[Found, list[SearchPart]]:
    shown: list[SearchPart] = []
    tools = Tools(engines, reader or FakeReader(), thinker or FakeThinker(), shown.append, lambda words, read: None)
    return run(DeepSearch("the question", tools, Bounds(**bounds)).run()), shown  # type: ignore[arg-type]


def stages(shown: list[SearchPart]) -> list[str]:
    return [part.stage for part in shown]


def test_stages_come_in_order_and_the_sources_are_what_was_found() -> None:
    found, shown = searched(FakeEngine())
    assert stages(shown) == ["queries", "hits", "hits", "verdict"]
    assert shown[0].queries == ("one", "two")
    assert [document.source for document in found.sources] == ["notes/one.md", "notes/two.md"]


def test_finds_stand_beside_their_own_query_whichever_comes_first() -> None:
    """# T6: the first query is answered last."""
    engine = FakeEngine(gates={"one": "two", "two": "three"})
    _, shown = searched(engine, thinker=FakeThinker(("one", "two", "three")))
    beside = [(part.query, [hit.title for hit in part.hits]) for part in shown if part.stage == "hits"]
    assert beside == [("one", ["one"]), ("two", ["two"]), ("three", ["three"])]


def test_rewritten_queries_are_searched_in_the_next_round() -> None:
    """# T5, T8: more than one round works, and heeds the verdict's queries."""
    thinker = FakeThinker(("one",), [Judged(enough=False, why="More.", queries=("two", "ONE", " two "))])
    engine = FakeEngine()
    found, shown = searched(engine, thinker=thinker, rounds=3)
    assert engine.asked == ["one", "two"]
    assert [(part.round, part.queries) for part in shown if part.stage == "queries"] == [(1, ("one",)), (2, ("two",))]
    assert [part.enough for part in shown if part.stage == "verdict"] == [False, True]
    assert len(found.sources) == 2


MORE = [Judged(enough=False, queries=(f"more {number}",)) for number in range(20)]
BOUNDS = {
    "one round": ({"rounds": 1}, 1),
    "three rounds": ({"rounds": 3}, 3),
}


@pytest.mark.parametrize(("bounds", "asked"), BOUNDS.values(), ids=BOUNDS.keys())
def test_rounds_are_bounded(bounds: dict[str, float], asked: int) -> None:
    engine = FakeEngine()
    searched(engine, thinker=FakeThinker(("one",), MORE), **bounds)
    assert len(engine.asked) == asked


def test_a_verdict_without_new_queries_ends_the_search() -> None:
    engine = FakeEngine()
    searched(engine, thinker=FakeThinker(("one",), [Judged(enough=False, queries=("one",))]), rounds=5)
    assert engine.asked == ["one"]


def test_queries_hits_and_sources_are_bounded() -> None:
    many = FakeEngine(lambda query: [Document(f"{query}{n}", f"{query}{n}.md", "x") for n in range(50)])
    found, shown = searched(many, thinker=FakeThinker([f"q{n}" for n in range(50)]), queries=3, hits=4, sources=5)
    assert many.asked == ["q0", "q1", "q2"]
    assert all(len(part.hits) == 4 for part in shown if part.stage == "hits")
    assert len(found.sources) == 5


def test_no_queries_at_all_mean_the_question_itself() -> None:
    engine = FakeEngine()
    searched(engine, thinker=FakeThinker(("", "  ")))
    assert engine.asked == ["the question"]


def test_time_is_bounded_and_said_and_what_was_found_is_kept() -> None:
    found, shown = searched(FakeEngine(), thinker=FakeThinker(stuck=True), seconds=0.2)
    assert len(found.sources) == 2
    assert shown[-1].stage == "verdict"
    assert shown[-1].note == "The time is up: 0.2 s."


def test_an_engine_that_never_answers_holds_nobody_up_for_ever() -> None:
    found, shown = searched(FakeEngine(gates={"one": "never"}), thinker=FakeThinker(("one",)), seconds=0.2)
    assert found.sources == ()
    assert shown[-1].note == "The time is up: 0.2 s."


@pytest.mark.parametrize("fault", ["It refused.", "prepare: no folder."])
def test_one_failing_engine_is_shown_and_survived(fault: str) -> None:
    found, shown = searched(FakeEngine(), FakeEngine(name="web", fault=fault))
    assert [(part.engine, part.note) for part in shown if part.note and part.stage == "hits"] == [("web", fault)] * 2
    assert len(found.sources) == 2
    assert found.faults == (fault,)


def test_if_every_engine_fails_the_search_does_and_says_why() -> None:
    with pytest.raises(ToolFailed, match=r"It refused\. It is away\."):
        searched(FakeEngine(fault="It refused."), FakeEngine(name="web", fault="It is away."))


def test_the_text_of_a_page_takes_the_snippets_place() -> None:
    """# T7."""
    thinker = FakeThinker(("pump",))
    reader = FakeReader({WEB.source: "Filler. " * 60 + "\n\nThe pump question is answered here."})
    found, shown = searched(FakeEngine(lambda query: [WEB, PLAN]), thinker=thinker, reader=reader)
    (pages,) = [part for part in shown if part.engine == "pages"]
    assert pages.hits[0].text.endswith("The pump question is answered here.")
    assert thinker.judged[0][0].text == pages.hits[0].text
    assert found.sources[0].title == "Pumps"
    assert reader.asked == [WEB.source]


def test_a_page_that_cannot_be_read_leaves_its_snippet() -> None:
    found, shown = searched(FakeEngine(lambda query: [WEB]))
    (pages,) = [part for part in shown if part.engine == "pages"]
    assert "status 404" in pages.note
    assert found.sources == (WEB,)


def test_pages_are_bounded_and_read_once() -> None:
    reader = FakeReader()
    web = FakeEngine(lambda query: [Document("x", f"https://a.org/{n}", "x") for n in range(8)])
    thinker = FakeThinker(("one",), [Judged(enough=False, queries=("two",))])
    searched(web, thinker=thinker, reader=reader, pages=3, hits=8)
    assert reader.asked == ["https://a.org/0", "https://a.org/1", "https://a.org/2"]


def test_what_several_queries_find_comes_first_and_once() -> None:
    pool = Pool()
    a, b, c = (Document(name, f"{name}.md", name) for name in "abc")
    assert pool.add([a, b, a]) == [a, b]
    pool.add([c, b])
    assert pool.best(9) == [b, a, c]
    same = Document("other title", "https://a.org/x/", "other")
    pool.add([Document("t", "https://a.org/x", "one")])
    assert pool.add([same, Document("t", "https://a.org/x#part", "two")])[0].text == "one"


PARTS = {
    "the piece with the words": ("No.\n\n" * 900 + "The pump costs 7." + "\n\nNo." * 900, "pump cost", "pump costs 7."),
    "Chinese": ("没有。\n\n" * 300 + "热泵的价格是七元。\n\n" + "也没有。\n\n" * 300, "热泵价格", "热泵的价格是七元。"),
    "no word of it": ("A. " * 900, "pump", "A."),
    "nothing": ("", "pump", ""),
}  # fmt: skip


@pytest.mark.parametrize(("text", "question", "part"), PARTS.values(), ids=PARTS.keys())
def test_the_part_of_a_page_that_fits(text: str, question: str, part: str) -> None:
    found = best_part(text, [question], 400)
    assert part in found
    assert len(found) <= 400
