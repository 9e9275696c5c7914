"""Searching by rules: queries from the parts of a question, a verdict by coverage, an answer of quoted passages.

It reads what any model is shown that thinks for a search, and it says of its answers that they are quotes.

Above: `OfflineAnalyst`, `jobs`. Below: `conversation`, `columns`, `phrases`.
"""
# ruff: noqa: E501 - a rule or a sentence stands on one line

import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from genie_nb.backend.models.analyst.columns import words_of
from genie_nb.backend.models.analyst.conversation import Conversation
from genie_nb.backend.models.analyst.phrases import say

__all__ = ("asks_documents", "quoted", "quotes_of", "searching", "subject_of", "terms_of")

ENOUGH = 0.65
"""The share of a question's words that must stand in what was found."""
QUOTES = 4
QUOTE_CHARACTERS = 320
KEPT = 0.45
"""A quote that fits the question less than this, beside the best one, is left out,"""
KEPT_FRESH = 0.25
"""or less than this, where it has a word of the question that no other quote has."""

_PLACE = r"(?:notes?|docs?|documents?|documentation|manuals?|files?|folders?|notebooks?|knowledge base|papers?|readmes?|web|internet|pages?|library)"
_PLACE_ZH = "(?:文档|笔记|资料|文件夹|文件|知识库|手册|论文|网上|互联网|网络)"
_NAMED = [
    re.compile(rf"^\W*(?:please\s+|can you\s+|could you\s+)?(?:search|look|dig|check)(?:\s+(?:through|in|into|over|up))?\s+(?:(?:my|our|the|these|all|this)\s+)*(?:[\w.-]+\s+)?{_PLACE}\b\s*(?:for|about|on|to find(?: out)?)?\s*:?\s*(?P<what>.+)$", re.IGNORECASE | re.DOTALL),
    re.compile(r"^\W*(?:please\s+|can you\s+|could you\s+)?(?:do a\s+)?(?:deep[ _]search|search)\s*(?:for|about|on)?\s*:?\s+(?P<what>.+)$", re.IGNORECASE | re.DOTALL),
    re.compile(rf"^\W*(?:please\s+)?(?:find|look up)\s+(?P<what>.+?)\s+(?:in|from)\s+(?:(?:my|our|the|these)\s+)*(?:[\w.-]+\s+)?{_PLACE}\W*$", re.IGNORECASE | re.DOTALL),
    re.compile(rf"^\W*what (?:do|does) (?:(?:my|our|the|these)\s+)*(?:[\w.-]+\s+)?{_PLACE} say (?:about|on|of)\s+(?P<what>.+)$", re.IGNORECASE | re.DOTALL),
    re.compile(rf"^\W*according to (?:(?:my|our|the|these)\s+)*(?:[\w.-]+\s+)?{_PLACE}\s*[,:]?\s*(?P<what>.+)$", re.IGNORECASE | re.DOTALL),
    re.compile(rf"^\W*(?:请|帮我|麻烦)*(?:在|从|到)?(?:我的|我们的|这些|本地|所有)*{_PLACE_ZH}(?:里面|里|中|内|上)?(?:去)?(?:深度)?(?:搜索|搜一下|搜|查找|查一下|查询|查|检索|找一下|找)(?:一下)?(?:关于)?\W*(?P<what>.+)$", re.DOTALL),
    re.compile(rf"^\W*(?:请|帮我|麻烦)*(?:深度)?(?:搜索|搜一下|检索|查一下|查找)(?:一下)?(?:关于)?(?P<what>(?!量|次数|词).+?)(?:的(?:相关)?{_PLACE_ZH})?\W*$", re.DOTALL),
    re.compile(rf"^\W*{_PLACE_ZH}(?:里面|里|中)?(?:是?怎么|如何)?(?:说|写|提到)(?:了)?(?:什么)?(?:关于)?\W*(?P<what>.+)$", re.DOTALL),
]  # fmt: skip
_COMMON_WORDS = """
    a about all an and any are as at be been by can could did do does for from get had has have how i if in into is it its me
    my no not of on or our please should so than that the their them then there these they this to was we were what when
    where which who whom whose why will with would you your find search tell give show say many much
"""
_COMMON = frozenset(word for words in _COMMON_WORDS.split() for word in words_of(words))
_FILLER = re.compile(
    "请问|什么时候|什么|怎么样|怎么|怎样|如何|为什么|哪些|哪个|哪里|多少|是否|有没有|可以|关于|一下|我们|以及|还有|(?<![申邀])请(?![求假])|[吗呢吧是在了和与及]|(?<!目)的(?![确士])"
)
_SEAM = re.compile(
    r"[;；?？!！。\n]+|,?\s+\b(?:and|as well as|but also)\b\s+|[，、]|以及|还有|(?<=[\u4e00-\u9fff])和(?=[\u4e00-\u9fff])",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[\"“(\[A-Z0-9])|(?<=[。！？；])|\n+")
_MARKS = re.compile(r"^\s*(?:#+|[-*+•>|]|\d{1,2}[.)])+\s+|^[\s|:=~`*-]+$|\|\s*$")
_GREETING = re.compile(r"^\W*(?:hi|hello|hey|thanks?|thank you|ok|test|你好|您好|谢谢|在吗)\b", re.IGNORECASE)


def subject_of(question: str) -> str | None:
    """What is to be searched for, if the question says that something is to be searched."""
    for pattern in _NAMED:
        found = pattern.match(question.strip())
        if found and terms_of(found["what"]):
            return found["what"].strip(' \t\n:：,，"“”「」?？.。!！')
    return None


def asks_documents(question: str) -> bool:
    """Whether a question could be answered by a text: it has something to look for, and greets nobody."""
    return len(terms_of(question)) >= 2 and not _GREETING.match(question)


def searching(conversation: Conversation) -> str:
    """The reply to a job of a search."""
    question, job = conversation.question, conversation.search
    most = job.get("most")
    most = most if isinstance(most, int) and most > 0 else 1
    match job.get("wanted"):
        case "queries":
            return "\n".join(_queries(question, most))
        case "verdict":
            return _verdict(question, conversation, most)
        case _:
            return _answer(question, conversation)


def terms_of(text: str) -> list[str]:
    """The words of a text that tell something, each once: stems, and pairs of Chinese letters."""
    words = [word for word in words_of(text) if word not in _COMMON and len(word) > 1]
    words += re.findall(r"(?<![\w.])\d[\d.,]*\d|(?<!\w)\d(?!\w)", text)
    runs = re.findall(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+", _FILLER.sub(" ", text))
    return list(dict.fromkeys([*words, *(pair for run in runs for pair in _pairs(run))]))


def _pairs(run: str) -> list[str]:
    return [run[at : at + 2] for at in range(len(run) - 1)] or [run]


def _queries(question: str, most: int) -> list[str]:
    """The question, then each of its parts that says something by itself."""
    whole = (subject_of(question) or question).strip()
    parts = [part.strip(" ,.，。:：") for part in _SEAM.split(whole)]
    telling = [part for part in parts if len(terms_of(part)) >= 2]
    asked = [whole, *(telling if len(telling) > 1 else [])]
    return [" ".join(query.split()) for query in dict.fromkeys(asked)][:most]


@dataclass(frozen=True)
class _Quote:
    """A sentence of a passage; `words` are those of the question that stand in it."""

    number: int
    at: int
    text: str
    words: frozenset[str]


def _texts(conversation: Conversation) -> list[tuple[int, str, str]]:
    """The passages' numbers, titles and texts."""
    return [
        (one["number"], str(one.get("title", "")), str(one.get("text", "")))
        for one in conversation.passages
        if isinstance(one.get("number"), int)
    ]


def _verdict(question: str, conversation: Conversation, most: int) -> str:
    """Whether the words of the question stand in what was found; those that do not are looked for by themselves."""
    language = conversation.language
    wanted = terms_of(subject_of(question) or question)
    held = set(terms_of(" ".join(f"{title} {text}" for _, title, text in _texts(conversation))))
    missing = [term for term in wanted if term not in held]
    share = 1 - len(missing) / max(1, len(wanted))
    enough = bool(held) and share >= ENOUGH
    why = say(
        f"{len(wanted) - len(missing)} of the {len(wanted)} words that the question is about stand in what was found",
        f"问题中的 {len(wanted)} 个词有 {len(wanted) - len(missing)} 个出现在找到的内容里",
        language,
    )
    if missing:
        why += say("; missing: ", "；缺少：", language) + say(", ", "、", language).join(_spelled(question, missing)[:6])
    queries = [] if enough else _spelled(question, missing)[:most]
    return json.dumps({"enough": enough, "why": why + say(".", "。", language), "queries": queries}, ensure_ascii=False)


def _spelled(question: str, stems: Sequence[str]) -> list[str]:
    """Stems as the question spells them; pairs of Chinese letters that follow each other are one word again."""
    found = [
        word for word in re.findall(r"[A-Za-zÀ-ÿ]+[0-9]*|\d[\d.,]*", question) if set(words_of(word) or [word]) & set(stems)
    ]
    for run in re.findall(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+", _FILLER.sub(" ", question)):
        word = ""
        for pair in [*_pairs(run), ""]:
            if pair in stems:
                word = word + pair[-1] if word else pair
            elif word:
                found.append(word)
                word = ""
    return list(dict.fromkeys(found))


def _answer(question: str, conversation: Conversation) -> str:
    language = conversation.language
    wanted = frozenset(terms_of(subject_of(question) or question))
    quotes = _best(list(_sentences(conversation, wanted)))
    if not quotes:
        return say(
            "No passage that was found holds words of the question. I am a set of rules and not a language model: ask in the words of the texts.",
            "找到的段落里没有问题中的词。我是由规则组成的，不是语言模型：请用原文的词来提问。",
            language,
        )  # fmt: skip
    listed = "\n".join(f"- “{quoted(quote.text)}” [{quote.number}]" for quote in quotes)
    remark = say(
        "These are quotes, chosen by rules for the words that they share with the question; no language model has read them.",
        "以上是按规则根据与问题共有的词选出的原文，没有经过语言模型阅读。",
        language,
    )
    return f"{listed}\n\n{remark}"


def _sentences(conversation: Conversation, wanted: frozenset[str]) -> Iterator[_Quote]:
    for number, title, text in _texts(conversation):
        above = wanted & set(terms_of(title))
        for at, sentence in enumerate(_SENTENCE.split(text)):
            said = " ".join(_MARKS.sub("", sentence).split())
            words = wanted & set(terms_of(said))
            if words and len(said) >= 8:
                yield _Quote(number, at, said, frozenset(words | above) if len(words) > 1 else frozenset(words))


def _best(quotes: list[_Quote]) -> list[_Quote]:
    """The sentences that hold the rarest words, each adding to those before it; in the order of the passages."""
    counts = Counter(word for quote in quotes for word in quote.words)
    worth = {word: math.log(1 + len(quotes) / count) for word, count in counts.items()}

    def score(quote: _Quote, known: set[str]) -> float:
        fresh = sum(worth[word] for word in quote.words - known)
        return fresh + 0.5 * sum(worth[word] for word in quote.words & known) - 0.001 * quote.number

    chosen: list[_Quote] = []
    known: set[str] = set()
    best = 0.0
    left = {quote.text: quote for quote in reversed(quotes)}
    while left and len(chosen) < QUOTES:
        quote = max(left.values(), key=lambda one: (score(one, known), -one.number, -one.at))
        best = best or score(quote, known)
        if score(quote, known) < (KEPT_FRESH if quote.words - known else KEPT) * best:
            break
        chosen.append(left.pop(quote.text))
        known |= quote.words
    return sorted(chosen, key=lambda quote: (quote.number, quote.at))


def quotes_of(words: Sequence[str], sentences: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """The best of these sentences, each with its place, that hold some of the words."""
    wanted = frozenset(words)
    held = [(at, wanted & set(terms_of(text))) for at, (_, text) in enumerate(sentences)]
    chosen = _best([_Quote(at, at, sentences[at][1], frozenset(words)) for at, words in held if words])
    return [sentences[quote.at] for quote in chosen]


def quoted(text: str, most: int = QUOTE_CHARACTERS) -> str:
    """A quote as Markdown that shows it letter by letter, cut at its length."""
    cut = text if len(text) <= most else text[: most - 1] + "…"
    return re.sub(r"([\\`*\[\]<>]|(?<!\w)_|_(?!\w))", r"\\\1", cut)
