"""What an index costs: building it and asking it, beside bm25s on the same passages.

The passages are the docstrings and READMEs of what is installed. bm25s keeps its index in memory and has no Chinese; ours
is a file that is there again the next time.

Run: python -m benchmarks.bench_search
"""

import statistics
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import bm25s

from benchmarks.report import report
from genie_nb.backend.search.index import Entry, Index
from genie_nb.backend.search.installed import Installed
from genie_nb.backend.search.passages import Passage

__all__ = ("main",)

MODULES, TRIES = 1_500, 3
QUESTIONS = (
    "how do I merge two DataFrames",
    "timeout of a client request",
    "asynchronous generator cleanup",
    "read a CSV file with a separator",
    "draw a bar chart with error bars",
)


def corpus() -> list[Entry]:
    """Passages in memory, so that only the index is measured."""
    read = []
    for entry in Installed(index_folder=None, most_files=MODULES, most_mib=64).entries("", Counter()):
        try:
            found = list(entry.load()) if entry.load else []
        except ValueError:
            continue  # a file that no reader understands
        read.append(Entry(entry.name, "1", lambda found=found: found))
    return read


def timed(work: Callable[[], object]) -> float:
    """Milliseconds that it took."""
    began = time.perf_counter()
    work()
    return 1_000 * (time.perf_counter() - began)


def ours(entries: list[Entry], folder: Path) -> tuple[float, float, float]:
    """Milliseconds to build, to look again at an unchanged corpus, and of a question."""
    index = Index(folder / "index.sqlite")
    build = timed(lambda: index.refresh(entries, threading.Event()))
    again = timed(lambda: index.refresh(entries, threading.Event()))
    asked = [timed(lambda question=question: index.find(question, 5)) for question in QUESTIONS for _ in range(10)]
    return build, again, statistics.median(asked)


def peer(passages: list[Passage]) -> tuple[float, float, float]:
    """The same of bm25s, which builds anew each time."""
    texts = [f"{passage.path} {passage.text}" for passage in passages]
    retriever = bm25s.BM25()
    build = timed(lambda: retriever.index(bm25s.tokenize(texts, stopwords="en", show_progress=False), show_progress=False))

    def ask(question: str) -> None:
        tokens = bm25s.tokenize(question, stopwords="en", show_progress=False)
        retriever.retrieve(tokens, k=5, show_progress=False)

    asked = [timed(lambda question=question: ask(question)) for question in QUESTIONS for _ in range(10)]
    return build, build, statistics.median(asked)


def main() -> None:
    """Measure and report the medians of some tries."""
    entries = corpus()
    passages = [passage for entry in entries for passage in (entry.load() if entry.load else ())]
    tries: dict[str, list[tuple[float, float, float]]] = {"genie_nb (SQLite FTS5)": [], "bm25s": []}
    for _ in range(TRIES):
        with tempfile.TemporaryDirectory() as folder:
            tries["genie_nb (SQLite FTS5)"].append(ours(entries, Path(folder)))
        tries["bm25s"].append(peer(passages))
    rows = [
        {
            "engine": engine,
            "build ms": statistics.median(build for build, _, _ in measured),
            "unchanged ms": statistics.median(again for _, again, _ in measured),
            "question ms": statistics.median(question for _, _, question in measured),
        }
        for engine, measured in tries.items()
    ]
    size = sum(len(passage.text) for passage in passages) / 2**20
    report("search", f"{len(passages):,} passages, {size:.1f} MiB of text: building an index and asking it", rows)


if __name__ == "__main__":
    main()
