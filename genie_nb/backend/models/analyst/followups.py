"""Follow-ups: a question that means an earlier one, and the wish that it goes on from.

Above: `jobs`. Below: `question`, `wish`.
"""
# ruff: noqa: E501 - a rule, a sentence or a line of written code stands on one line

import re
from collections.abc import Sequence

from genie_nb.backend.models.analyst.columns import Source
from genie_nb.backend.models.analyst.question import read_question
from genie_nb.backend.models.analyst.wish import Wish

__all__ = ("refers_back", "wishes_of")

_FOLLOWS = re.compile(
    r"^\s*(?:and|also|now|then|so|but|or|what about|how about|same|only|just|instead|draw|plot|chart|show (?:it|that|them)|make (?:it|that)|as an?|by|per|(?:for|in)(?! (?:each|every|which|what|how)\b)|without|excluding|exclude|except|leave out|remove|ignore|drop)\b"
    r"|^\s*(?:the\s+)?(?:averages?|mean|median|totals?|sum|count|maximum|minimum|max|min|highest|lowest|best|worst|share)\W*$"
    r"|^\s*(?:which|what|who) (?:ones?\b|of (?:them|these|those)\b|(?:is|are|was|were|has|had) (?:the )?(?:\w+est|best|worst|most|least|first|last|next)\b\W*$)"
    r"|\b(?:it|that|this|those|these|them|the same)\s*(?:[?.!]|$|(?:as|by|for|in|per|only)\b)"
    r"|^\s*(?:那|再|还|换|改|只|仅|按|画|用.{1,8}图|去掉|去除|除去|除了|排除|剔除|不含|不包括|不算|扣除|也|同样|其中)|^\s*(?:平均|总计|合计|总和|中位数|最[高低大小多少])值?(?:是?多少)?\W*$|^\s*(?:哪一?[个些种月天年]|谁)(?:是?最|更)|呢\s*[？?。]?\s*$|它|这个|那个|这些|那些|上面|刚才|同上",
    re.IGNORECASE,
)


_IT = re.compile(
    r"(?:now |then )?(?:it|this|that|the (?:result|same|answer))|[把将]?(?:它|这个|那个|刚才的?)(?:结果)?", re.IGNORECASE
)
_ALL = re.compile(
    r"(?:now |then )?(?:(?:all(?: of)? )?(?:these|those|them|this)|everything|all|(?:the |these |all |our )*(?:results|findings|answers)|what (?:we|you|was|has been) (?:have )?found(?: so far)?)"
    r"|[把将]?(?:以上|上面|这些|那些|全部|所有)的?(?:结果|内容|发现|回答)?",
    re.IGNORECASE,
)
"""What asks for what was found before, and for nothing else."""
MOST_AGAIN = 8


def wishes_of(question: str, earlier: Sequence[str], sources: Sequence[Source]) -> list[Wish]:
    """The wishes of a question; what a follow-up leaves out is what the questions before it wanted."""
    if earlier and refers_back(question):
        again = [wish for wishes in _told(earlier, sources) for wish in wishes]
        return list(dict.fromkeys(again))[-MOST_AGAIN:] if _ALL.fullmatch(_bare(question)) else again[-1:]
    before = _told(earlier, sources) if _FOLLOWS.search(question) else []
    return read_question(question, sources, before=before[-1][-1] if before else None)


def refers_back(question: str) -> bool:
    """Whether a question names nothing but what was found before."""
    return any(pattern.fullmatch(_bare(question)) for pattern in (_IT, _ALL))


def _bare(question: str) -> str:
    return re.sub(r"\s+", " ", question).strip(" .?!。？！")


def _told(earlier: Sequence[str], sources: Sequence[Source]) -> list[list[Wish]]:
    """The wishes of the questions before, those that wanted nothing left out."""
    told: list[list[Wish]] = []
    for asked in earlier:
        before = told[-1][-1] if told and _FOLLOWS.search(asked) else None
        if wishes := read_question(asked, sources, before=before):
            told.append(wishes)
    return told
