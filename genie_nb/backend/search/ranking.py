"""Ranking: the finds of many queries as one list without doubles, and the part of a long page that fits a question.

Above: the loop. Below: `tokens`, `passages`, `base`.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence

from genie_nb.backend.search.base import Document
from genie_nb.backend.search.passages import cut_plain
from genie_nb.backend.search.tokens import indexed, terms

__all__ = ("Pool", "best_part")

FUSION = 60
"""The constant of reciprocal rank fusion (Cormack and others, 2009, https://doi.org/10.1145/1571941.1572114)."""
PIECE_CHARACTERS = 350
PAGE_PIECES = 1_000
"""Of a page so many pieces are compared."""


class Pool:
    """Everything that was found so far; what several queries found counts for more."""

    def __init__(self) -> None:
        self._found: dict[str, Document] = {}
        self._scores: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._found)

    def add(self, ranked: Sequence[Document]) -> list[Document]:
        """Take the finds of one query, the best first; returns them without doubles."""
        keys = list(dict.fromkeys(map(_key, ranked)))
        for document in ranked:
            self._found.setdefault(_key(document), document)
        for rank, key in enumerate(keys):
            self._scores[key] = self._scores.get(key, 0.0) + 1 / (FUSION + rank)
        return [self._found[key] for key in keys]

    def put(self, document: Document) -> None:
        """Give a find another text."""
        self._found[_key(document)] = document

    def best(self, most: int) -> list[Document]:
        """The finds with the highest scores; of equal ones the earlier."""
        return [self._found[key] for key in sorted(self._scores, key=lambda key: -self._scores[key])[:most]]


def _key(document: Document) -> str:
    """A page is one thing, whatever part of it was found; passages of a file are told apart by their text."""
    if document.source.startswith(("http://", "https://")):
        return document.source.partition("#")[0].rstrip("/")
    return f"{document.source}\n{document.text}"


def best_part(text: str, questions: Iterable[str], most_characters: int) -> str:
    """The pieces of a text that hold most of the questions' words, in their order, within a length."""
    pieces = [piece for _, piece in zip(range(PAGE_PIECES), cut_plain(text, PIECE_CHARACTERS), strict=False)]
    wanted = {term.casefold() for question in questions for term in terms(question)}
    words = [Counter(indexed(piece).casefold().split()) for piece in pieces]
    rarity = {term: math.log(1 + len(pieces) / (1 + sum(term in said for said in words))) for term in wanted}
    scores = [sum(rarity[term] for term in wanted if term in said) for said in words]
    chosen: list[int] = []
    left = most_characters
    for at in sorted(range(len(pieces)), key=lambda number: (-scores[number], number)):
        if scores[at] > 0 and len(pieces[at]) <= left:
            chosen.append(at)
            left -= len(pieces[at])
    return "\n\n".join(pieces[at] for at in sorted(chosen)) or text[:most_characters].strip()
