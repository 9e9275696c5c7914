"""A question taken apart into clauses, one for each thing that is wanted.

Above: `question`. Below: `intents`, `matching`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from genie_nb.backend.models.analyst.columns import Column
from genie_nb.backend.models.analyst.intents import AGGREGATES, INTENTS, TRIGGER, has
from genie_nb.backend.models.analyst.matching import find_mentions

__all__ = ("Clause", "split_question")

MOST_CLAUSES = 30
"""A question with more has its rest in the last one."""
_JOINTS = re.compile(
    r"(?P<stop>[;；。？?！!\n]+|\.\s+(?=[A-Z])|\.$)"
    r"|(?P<weak>(?:[,，、]\s*)?(?:\b(?:and then|and also|then|after that|afterwards|finally|as well as|also|next)\b"
    r"|然后再?|接着|最后|并且|并(?!列)|同时|以及|还有|随后|再(?=[画做列看算给求])))"
    r"|(?P<comma>[,，]\s*(?:and\b)?)|(?P<joined>\band\b|(?<![总求之方不])(?:[和与]|及(?!格))(?!.{0,6}(?:关系|相关|对比|相比|比较|差)))",
    re.IGNORECASE,
)
_IT = re.compile(r"\b(?:it|them|this|that|these|the result|the same)\b|结果|它", re.IGNORECASE)


@dataclass(frozen=True)
class Clause:
    """One wish in the person's words; `fresh` at the start of a sentence."""

    text: str
    fresh: bool


def split_question(question: str, columns: Sequence[Column]) -> list[Clause]:
    """The clauses of a question; words that want nothing stay with the clause before them."""
    clauses: list[Clause] = []
    start, fresh, joint, kind = 0, True, "", "stop"
    joints = islice(_JOINTS.finditer(question), MOST_CLAUSES - 1)
    marks = [(match.start(), match.end(), match.lastgroup or "", match[0]) for match in joints]
    for at, end, next_kind, words in [*marks, (len(question), len(question), "stop", "")]:
        piece = question[start:at]
        if piece.strip():
            before = clauses[-1].text if clauses else ""
            if clauses and not _is_new(before, piece, kind, columns):
                clauses[-1] = Clause(before + joint + piece, clauses[-1].fresh)
            else:
                clauses.append(Clause(piece, fresh))
            fresh = False
        start, joint, kind = end, words, next_kind
        if next_kind == "stop" and words.strip() not in ("", "."):
            fresh = True
    return [Clause(clause.text.strip(), clause.fresh) for clause in clauses]


def _is_new(before: str, piece: str, kind: str, columns: Sequence[Column]) -> bool:
    if kind == "stop":
        return True
    if not TRIGGER.search(before):
        return False
    if not TRIGGER.search(piece):
        return False
    has_columns = bool(find_mentions(before, columns))
    if has("chart", piece) and (_IT.search(piece) or not find_mentions(piece, columns)):
        return True
    if kind == "joined":
        if has("compare", piece) and _IT.search(piece):
            return False
        if has("compare", before) or has("correlation", before):
            return False
        if has("quality", before) and has("quality", piece):
            return False
        both_aggregates = _only_aggregates(before) and _only_aggregates(piece)
        return has_columns and not (both_aggregates and not find_mentions(piece, columns))
    if kind == "comma" and has("quality", before) and has("quality", piece):
        return False
    if _only_aggregates(before) and _only_aggregates(piece) and not has_columns:
        return False
    return has_columns or any(has(name, before) for name in ("profile", "quality", "chart", "distribution"))


def _only_aggregates(text: str) -> bool:
    return any(has(name, text) for name in AGGREGATES) and not any(
        has(name, text) for name in INTENTS if name not in ("top", "bottom", "share")
    )
