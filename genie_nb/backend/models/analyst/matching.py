"""Which columns the words of a question mean, and which words are then left.

Above: `question`. Below: `columns`, `intents`, `synonyms`.
"""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice

from genie_nb.backend.models.analyst.columns import CJK, Column, concepts_of, stem, words_of
from genie_nb.backend.models.analyst.intents import CHART_NAMES
from genie_nb.backend.models.analyst.synonyms import CONCEPTS

__all__ = ("Mention", "find_mentions")

MOST_MENTIONS = 20
"""A word that stands in a question more often is looked at no further."""
# Words of the analyst's own language: half a header that is one of these proves nothing.
_COMMON = frozenset(
    [
        "total", "sum", "average", "mean", "count", "number", "max", "min", "maximum", "minimum", "top", "value",
        "of", "the", "a", "an", "in", "on", "by", "for", "per", "and", "or", "to", "all", "first", "last", "new",
        "old", "high", "low", "rate", "percent", "growth", "change", "is", "are", "was", "unit", "avg", "median",
        "full", "net", "gross", "type", "kind", "many", "much", "most", "least", "list", "show", "line", "return",
        "error", "question", "answer", "position", "order", "class", "mark", "item",
    ]
)  # fmt: skip
_VAGUE_PARTS = ("占比", "比例", "平均", "数量", "总额", "最高", "合计", "增长", "情况", "产品的")
# Whose a quantity is: `patients` alone does not mean `patient_age`.
_OWNERS = frozenset(
    [
        "patient", "customer", "employee", "order", "student", "product", "user", "client", "item", "store",
        "city", "country", "person", "name", "team", "home", "away",
    ]
)  # fmt: skip


@dataclass(frozen=True)
class Mention:
    """Words `start:end` of a text that mean a column.

    Attributes:
        strength: 3 the whole name, 2 part of it, 1 a synonym; more is surer.
        others: Columns that the same words could mean as well.
    """

    start: int
    end: int
    column: Column
    strength: float
    others: tuple[Column, ...] = ()


def find_mentions(text: str, columns: Sequence[Column]) -> list[Mention]:
    """The columns that a text names, in the order of their words; no two share a word."""
    charts = [match.span() for match in islice(CHART_NAMES.finditer(text), MOST_MENTIONS)]
    candidates = [
        mention
        for column in columns
        for mention in _of_column(text, column)
        if not any(start <= mention.start and mention.end <= end for start, end in charts)
    ]
    candidates.sort(key=lambda m: (-round(m.strength), -(m.end - m.start), -m.strength, m.start))
    taken: list[Mention] = []
    owners: dict[int, int] = {}  # the place of a character → which of the taken mentions has it
    for mention in candidates:
        words = range(mention.start, mention.end)
        at = min((owners[place] for place in words if place in owners), default=-1)
        if at < 0:
            owners |= dict.fromkeys(words, len(taken))
            taken.append(mention)
            continue
        rival = taken[at]
        same = (rival.start, rival.end) == (mention.start, mention.end) and rival.column != mention.column
        if same and mention.strength >= rival.strength - 0.2 and mention.column.role == rival.column.role:
            taken[at] = Mention(rival.start, rival.end, rival.column, rival.strength, (*rival.others, mention.column))
    return sorted((_with_twins(mention, columns) for mention in taken), key=lambda m: m.start)


def _with_twins(mention: Mention, columns: Sequence[Column]) -> Mention:
    """The mention with the other columns of the same header, which pandas calls `sales.1`, `sales.2`."""
    twins = [c for c in columns if re.fullmatch(rf"{re.escape(mention.column.name)}\.\d+", c.name)]
    others = tuple(dict.fromkeys((*mention.others, *twins)))
    return replace(mention, others=others) if twins else mention


def _of_column(text: str, column: Column) -> list[Mention]:
    found = []
    for name in dict.fromkeys((column.name, column.base)):
        found += [Mention(m.start(), m.end(), column, 3.5 if name == column.name else 3.2) for m in _whole(name, text)]
    found += _english(text, column)
    if re.search(f"[{CJK}]", column.name):
        found += _chinese_part(text, column)
    for at in concepts_of(column.base):
        if column.role != "measure" or CONCEPTS[at][0] not in _OWNERS:
            found += _synonyms(text, column, CONCEPTS[at])
    return found


def _whole(name: str, text: str) -> list[re.Match[str]]:
    if name.lower() in ("", "a", "i", "in", "no", "is", "on", "of", "to"):
        return []
    return list(islice(_named(name).finditer(text), MOST_MENTIONS))


@lru_cache(maxsize=4096)
def _named(name: str) -> re.Pattern[str]:
    pattern = re.escape(name).replace(r"\ ", r"[\s_]+").replace("_", r"[\s_]+")
    edge = (r"(?<![A-Za-z0-9_])", r"(?![A-Za-z0-9_])")
    before = edge[0] if name[:1].isascii() and name[:1].isalnum() else ""
    after = edge[1] if name[-1:].isascii() and name[-1:].isalnum() else ""
    return re.compile(before + pattern + after, 0 if len(name) == 1 else re.IGNORECASE)


def _english(text: str, column: Column) -> list[Mention]:
    """Runs of the question's words that are words of the header, plural or not, with a letter wrong in a long one."""
    name = words_of(column.base)
    if not name:
        return []
    tokens = [(m.start(), m.end(), stem(m[0])) for m in re.finditer(r"[A-Za-zÀ-ÿ]+[0-9]*(?:'s)?", text)]
    found, at = [], 0
    while at < len(tokens):
        run = at
        while run < len(tokens) and run - at <= len(name) and _same(tokens[run][2], name):
            run += 1
            following = [token[2] for token in tokens[run : run + 2]]
            if len(following) == 2 and following[0] == "of" and _same(following[1], name):
                run += 1  # years of experience, years_experience
        words = [token[2] for token in tokens[at:run] if token[2] != "of"]
        if words and (len(words) == len(name) or any(word not in _COMMON for word in words)):
            whole = len(set(words)) == len(set(name))
            if not whole and column.role == "measure" and set(words) <= _OWNERS:
                at = max(run, at + 1)
                continue
            strength = 3.1 if whole else 1.4 + 0.5 * len(words) / len(name) + (0.1 if words[-1] == name[-1] else 0)
            found.append(Mention(tokens[at][0], tokens[run - 1][1], column, strength))
        at = max(run, at + 1)
    return found


def _same(word: str, name: list[str]) -> bool:
    if word in name:
        return True
    return len(word) >= 5 and any(
        5 <= len(other) <= 2 * len(word) <= 4 * len(other)
        and word[0] == other[0]
        and difflib.SequenceMatcher(None, word, other).ratio() >= 0.86
        for other in name
    )


def _chinese_part(text: str, column: Column) -> list[Mention]:
    """The longest part of a Chinese header that stands in the text, if it is half of the header."""
    name = column.base
    for size in range(len(name) - 1, max(1, len(name) // 2 - 1), -1):
        parts = [name[at : at + size] for at in range(len(name) - size + 1)]
        for part in parts:
            if (at := text.find(part)) >= 0 and part not in _VAGUE_PARTS:
                return [Mention(at, at + size, column, 1.5 + 0.5 * size / len(name))]
    return []


def _synonyms(text: str, column: Column, terms: Sequence[str]) -> list[Mention]:
    found = []
    for term in terms:
        if term.isascii():
            pattern = rf"(?<![A-Za-z0-9]){re.escape(term)}(?:s|es)?(?![A-Za-z0-9])"
            if term.endswith("y"):
                pattern = rf"(?<![A-Za-z0-9])(?:{term}|{term[:-1]}ies)(?![A-Za-z0-9])"
        elif len(term) == 1:
            pattern = rf"(?<=[每各按逐分哪])个?一?{term}" if column.role == "time" else rf"(?<=[每各按分哪两])个?{term}"
        else:
            pattern = re.escape(term)
        strength = 2.6 if " " in term else 1.3 if terms.index(term) == 0 else 1.2
        places = islice(re.finditer(pattern, text, re.IGNORECASE), MOST_MENTIONS)
        found += [Mention(m.start(), m.end(), column, strength) for m in places]
    return found
