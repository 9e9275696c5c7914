"""How often the passage that answers a question is found first, or among the first five; beside FTS5's default tokenizer.

Three sets of questions whose answer is known:

- English and Chinese notes that are generated: each company has four notes about its town, founder, product and number of
  people, among others of the same make; questions ask in other words than the notes use.
- Python's own reference (`help("for")`): a question is three words drawn from one topic, rarer ones more often, as in
  "known-item" tests (Azzopardi and others, 2007, https://doi.org/10.1145/1277741.1277820): once as they stand there, which
  is kind to a tokenizer that knows no stems, and once in another form that some topic has: `returns` for `returned`.

Run: python -m benchmarks.quality_search
"""

import math
import random
import re
import sqlite3
import tempfile
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from pydoc_data.topics import topics

from benchmarks.report import report
from genie_nb.backend.search.index import Entry, Index
from genie_nb.backend.search.passages import Passage, cut_text

__all__ = ("Known", "chinese", "english", "main", "ours", "plain", "share")

COMPANIES = 200
Find = Callable[[str], list[str]]
"""The names of the notes that fit a question best, five at most."""


@dataclass(frozen=True)
class Known:
    """Notes by name, and questions with the name of the note that answers them."""

    notes: dict[str, str]
    questions: list[tuple[str, str]]


_SYLLABLES = ("nor", "vel", "tar", "mi", "kel", "dos", "ran", "lu", "bex", "oni", "sar", "pe")
_GOODS = ("heat pumps", "bicycles", "cheese", "violins", "batteries", "gloves", "windows", "tractors", "lamps", "clocks")
_TOWNS = ("Lyon", "Oslo", "Turin", "Graz", "Porto", "Gdansk", "Bergen", "Leeds", "Ghent", "Brno", "Split", "Cork")
_PEOPLE = ("Anna Berg", "Luis Costa", "Mira Novak", "John Hill", "Eva Lund", "Karl Weiss", "Nina Ros", "Omar Said")
_ENGLISH = {
    "town": (
        "{name} has its headquarters in {town}. The office is open on weekdays.",
        "Where is the head office of {name}?",
    ),
    "founder": ("{name} was founded by {person} in {year}. The first years were hard.", "Who started {name}?"),
    "goods": ("{name} makes {goods} and sells them all over Europe.", "What does the company {name} produce?"),
    "people": ("About {count} people work for {name}. Most of them like it.", "How many employees work at {name}?"),
}
_MARKS = "华安宏盛泰和中远东方金海天地长江明光新世永隆"
_GOODS_ZH = ("热泵", "自行车", "奶酪", "小提琴", "蓄电池", "手套", "门窗", "拖拉机", "灯具", "钟表")
_TOWNS_ZH = ("杭州", "成都", "西安", "青岛", "厦门", "长沙", "大连", "昆明", "合肥", "苏州", "洛阳", "珠海")
_PEOPLE_ZH = ("王建国", "李晓红", "张志强", "刘美玲", "陈大伟", "杨雪梅", "赵国庆", "周小平")
_CHINESE = {
    "town": ("{name}公司的总部设在{town}。办公室工作日开放。", "{name}公司的总部在哪个城市？"),
    "founder": ("{name}公司由{person}于{year}年创立，最初几年很困难。", "{name}公司是谁创立的？"),
    "goods": ("{name}公司主要生产{goods}，产品销往全国各地。", "{name}公司生产什么产品？"),
    "people": ("大约有{count}人在{name}公司工作，其中多数人很满意。", "在{name}公司工作的有多少人？"),
}


def _generated(templates: dict[str, tuple[str, str]], names: list[str], words: dict[str, tuple[str, ...]]) -> Known:
    chance = random.Random(7)
    notes, questions = {}, []
    for name in names:
        facts = {key: chance.choice(choices) for key, choices in words.items()}
        facts |= {"name": name, "year": str(chance.randint(1950, 2020)), "count": str(chance.randint(12, 9_000))}
        for topic, (said, asked) in templates.items():
            notes[f"{name}-{topic}"] = said.format(**facts)
            questions.append((asked.format(**facts), f"{name}-{topic}"))
    return Known(notes, questions)


def english(companies: int = COMPANIES) -> Known:
    """Notes in English."""
    chance = random.Random(3)
    names = sorted({"".join(chance.choices(_SYLLABLES, k=3)).capitalize() for _ in range(2 * companies)})[:companies]
    return _generated(_ENGLISH, names, {"town": _TOWNS, "person": _PEOPLE, "goods": _GOODS})


def chinese(companies: int = COMPANIES) -> Known:
    """Notes in Chinese."""
    chance = random.Random(3)
    names = sorted({"".join(chance.choices(_MARKS, k=3)) for _ in range(2 * companies)})[:companies]
    return _generated(_CHINESE, names, {"town": _TOWNS_ZH, "person": _PEOPLE_ZH, "goods": _GOODS_ZH})


def reference(questions: int = 400, *, other_forms: bool = False) -> Known:
    """Python's reference, and words drawn from its topics, as they stand there or in another form."""
    chance = random.Random(5)
    notes = {name: text for name, text in topics.items() if len(text) > 400}
    words = {name: Counter(re.findall(r"[a-z]{4,}", text.lower())) for name, text in notes.items()}
    spread = Counter(word for counted in words.values() for word in counted)
    asked = []
    for name in chance.choices(sorted(notes), k=questions):
        known = sorted(word for word in words[name] if 1 < spread[word] < len(notes) / 3)
        weights = [words[name][word] * math.log(len(notes) / spread[word]) for word in known]
        drawn = chance.choices(known, weights, k=3)
        asked.append((" ".join(_other_form(word, spread) if other_forms else word for word in drawn), name))
    return Known(notes, asked)


def _other_form(word: str, known: Counter[str]) -> str:
    """Another form of the word that the notes have, or the word itself."""
    stem = re.sub(r"(?:ing|ed|es|s)$", "", word)
    forms = [form for ending in ("s", "ed", "ing", "es", "e", "") if (form := stem + ending) in known and form != word]
    return max(forms, key=known.__getitem__, default=word)


def ours(known: Known, folder: Path) -> Find:
    """Our index."""
    index = Index(folder / "ours.sqlite")
    read = [Entry(name, "1", partial(lambda text: list(cut_text(text)), text)) for name, text in known.notes.items()]
    index.refresh(read, threading.Event())
    return lambda question: _names([document.source.partition("#")[0] for document in index.find(question, 25)])


def plain(known: Known, folder: Path) -> Find:
    """FTS5 as it comes: its default tokenizer, the question's words joined by OR, the same passages, BM25."""
    database = sqlite3.connect(folder / "plain.sqlite")
    database.execute("CREATE VIRTUAL TABLE words USING fts5(name UNINDEXED, title, body)")
    for name, text in known.notes.items():
        rows = [(name, name, passage.text) for passage in _cut(text)]
        database.executemany("INSERT INTO words VALUES (?, ?, ?)", rows)

    def find(question: str) -> list[str]:
        match = " OR ".join(f'"{word}"' for word in re.findall(r"\w+", question))
        sql = "SELECT name FROM words WHERE words MATCH ? ORDER BY bm25(words) LIMIT 25"
        return _names([name for (name,) in database.execute(sql, (match,))])

    return find


def _cut(text: str) -> list[Passage]:
    return list(cut_text(text))


def _names(found: list[str]) -> list[str]:
    return list(dict.fromkeys(found))[:5]


def share(known: Known, find: Find) -> tuple[float, float]:
    """The shares of questions whose note is found first, and among the first five."""
    ranks = [(answer, find(question)) for question, answer in known.questions]
    first = sum(found[:1] == [answer] for answer, found in ranks)
    five = sum(answer in found for answer, found in ranks)
    return first / len(ranks), five / len(ranks)


def main() -> None:
    """Measure and report."""
    rows: list[dict[str, str | float]] = []
    sets = {
        "English notes": english(),
        "Chinese notes": chinese(),
        "Python's reference": reference(),
        "Python's reference, other forms": reference(other_forms=True),
    }
    for name, known in sets.items():
        for engine, build in (("genie_nb", ours), ("FTS5, default tokenizer", plain)):
            with tempfile.TemporaryDirectory() as folder:
                hit1, hit5 = share(known, build(known, Path(folder)))
            rows.append({"questions": f"{name} ({len(known.questions)})", "engine": engine, "hit@1": hit1, "hit@5": hit5})
    report("quality_search", "How often the answer's passage is found first, and among the first five", rows)


if __name__ == "__main__":
    main()
