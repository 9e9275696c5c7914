"""Follow-ups: a question that means an earlier one, and the wish that it goes on from.

Above: `jobs`. Below: `question`, `wish`.
"""
# ruff: noqa: E501 - a rule, a sentence or a line of written code stands on one line

import re
from collections.abc import Sequence

from genie_nb.backend.models.analyst.columns import Source
from genie_nb.backend.models.analyst.question import read_question
from genie_nb.backend.models.analyst.wish import Wish

__all__ = ("wishes_of",)

_FOLLOWS = re.compile(
    r"^\s*(?:and|also|now|then|so|but|or|what about|how about|same|only|just|instead|draw|plot|chart|show (?:it|that|them)|make (?:it|that)|as an?|by|per|for|in|without|excluding|exclude|except|leave out|remove|ignore|drop)\b"
    r"|^\s*(?:the\s+)?(?:averages?|mean|median|totals?|sum|count|maximum|minimum|max|min|highest|lowest|best|worst|share)\W*$"
    r"|^\s*(?:which|what|who) (?:ones?\b|of (?:them|these|those)\b|(?:is|are|was|were|has|had) (?:the )?(?:\w+est|best|worst|most|least|first|last|next)\b\W*$)"
    r"|\b(?:it|that|this|those|these|them|the same)\s*(?:[?.!]|$|(?:as|by|for|in|per|only)\b)"
    r"|^\s*(?:那|再|还|换|改|只|仅|按|画|用.{1,8}图|去掉|去除|除去|除了|排除|剔除|不含|不包括|不算|扣除|也|同样|其中)|(?:平均|总计|合计|总和|中位数|最[高低大小多少])(?:值|是多少)?\W*$|(?:哪一?[个些种月天年]|谁)(?:是?最|更)|呢\s*[？?。]?\s*$|它|这个|那个|这些|那些|上面|刚才|同上",
    re.IGNORECASE,
)


def wishes_of(question: str, earlier: Sequence[str], sources: Sequence[Source]) -> list[Wish]:
    """The wishes of a question; what a follow-up leaves out is what the questions before it wanted."""
    return read_question(question, sources, before=_before(question, earlier, sources))


def _before(question: str, earlier: Sequence[str], sources: Sequence[Source]) -> Wish | None:
    if not _FOLLOWS.search(question):
        return None
    before: Wish | None = None
    for asked in earlier:
        wishes = read_question(asked, sources, before=before if _FOLLOWS.search(asked) else None)
        before = wishes[-1] if wishes else before
    return before
