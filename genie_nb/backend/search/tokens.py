"""Tokens: how text is cut for the index, and how a question becomes a query of it.

Chinese, Japanese and Korean are written without spaces, so their runs of letters become pairs of neighbours: 成本控制 is
indexed as 成本 本控 控制. Everything else is left to SQLite's `unicode61` and `porter`, with `camelCase` also taken apart.

Above: `index`. Below: nothing.
"""

import re
import unicodedata

__all__ = ("indexed", "match_query", "terms")

CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uac00-\ud7af\U00020000-\U0003134f"
MOST_TERMS = 48
"""Of a longer question only so many terms are looked for."""

_RUN = re.compile(f"[{CJK}]+")
_CAMEL = re.compile(r"\b(?=\w*[a-z0-9][A-Z])\w+")
_SEAM = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_WORD = re.compile(r"\w+")
_STOP_WORDS = """
    a about after all also am an and any are as at be been but by can could did do does for from get had has have how i if
    in into is it its me my no not of on or our please should so than that the their them then there these they this to was
    we were what when where which who whom whose why will with would you your tell give show find search
"""
_STOP = frozenset(_STOP_WORDS.split())
_FILLER = re.compile(
    "请问|(?<![申邀])请(?![求假])|什么时候|什么|怎么样|怎么|怎样|如何|为什么|为何|哪些|哪个|哪里|哪儿|多少|是否|有没有|能不能|可以|关于|一下|告诉我|"
    "我们|你们|他们|以及|吗|呢|吧|是|在|了|和|与|及|(?<!目)的(?![确士])"
)


def indexed(text: str) -> str:
    """The text as the index takes it: words between spaces."""
    text = unicodedata.normalize("NFKC", text)
    text = _CAMEL.sub(lambda found: f"{found[0]} {_SEAM.sub(' ', found[0])}", text)
    return _RUN.sub(lambda found: f" {' '.join(_pairs(found[0]))} ", text)


def _pairs(run: str) -> list[str]:
    return [run[at : at + 2] for at in range(len(run) - 1)] or [run]


def terms(question: str) -> list[str]:
    """What of a question is worth looking for, each once; everything, if nothing of it is."""
    text = unicodedata.normalize("NFKC", question)
    found = _terms(_FILLER.sub(" ", text))
    kept = [term for term in found if term.lower() not in _STOP]
    return (kept or found or _terms(text))[:MOST_TERMS]


def _terms(text: str) -> list[str]:
    return list(dict.fromkeys(word for word in _WORD.findall(indexed(text)) if word.strip("_")))


def match_query(question: str) -> str:
    """The question as an expression of FTS5; empty if there is no word in it."""
    return " OR ".join(f'"{term}"{"*" if _RUN.fullmatch(term) and len(term) == 1 else ""}' for term in terms(question))
