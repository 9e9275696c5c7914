"""Texts that were handed over, PDF documents too: their beginning, or the sentences that hold the question's words, quoted.

Above: `jobs`. Below: `searching`, `scripts`, `columns`, `conversation`.
"""
# ruff: noqa: E501 - a rule, a sentence or a line of written code stands on one line

import re
from collections.abc import Mapping, Sequence
from typing import Any

from genie_nb.backend.models.analyst.columns import Source
from genie_nb.backend.models.analyst.conversation import Conversation, Script, read_result
from genie_nb.backend.models.analyst.intents import has
from genie_nb.backend.models.analyst.phrases import say
from genie_nb.backend.models.analyst.pieces import indent_list, text_of
from genie_nb.backend.models.analyst.scripts import code_call, failure
from genie_nb.backend.models.analyst.searching import quoted, quotes_of, subject_of, terms_of
from genie_nb.parts import RESULT_TYPE

__all__ = ("texts_asked", "texts_script")

MOST_TEXTS = 4
_ELSEWHERE = re.compile(
    r"\b(?:documentation|manual|web|internet|folders?|library|knowledge base|notebooks?)\b|网上|互联网|文件夹|知识库|手册",
    re.IGNORECASE,
)
_SAYS = re.compile(
    r"\b(?:says?|said|mention(?:s|ed)?)\b|\baccording to\b|\b(?:in|from) (?:the|this|my|these) (?:documents?|notes?|pdf|texts?)\b|文档|文件里|笔记|文章|正文|提到|说了|写了",
    re.IGNORECASE,
)
_ABOUT = re.compile(
    r"[这该本]?[个份篇]?(?:文件|文档|笔记|文章|文本)(?:里面?|中)?|(?:主要)?(?:讲|说|写|提到)了?(?:些|的是)?什么?|关于"
)
_OF_THE_FILE = frozenset(
    [
        "document",
        "file",
        "note",
        "text",
        "pdf",
        "page",
        "say",
        "says",
        "mention",
        "mentioned",
        "according",
        "content",
        "paragraph",
        "report",
    ]
)

_SENTENCES = '''\
def sentences(text):
    """A text's sentences; a line that begins with a small letter goes on with the one before it."""
    text = re.sub(r"[^\\S\\n]+|\\n(?=[a-z])", " ", text)
    return [re.sub(r"^(?:[#>*•-]+\\s+)+", "", part.strip()) for part in re.split(r"(?<=[.!?])\\s+(?=[A-Z0-9\\"“(])|(?<=[。！？；])|\\n+", text) if part.strip()]
'''


def texts_asked(conversation: Conversation, *, computed: bool) -> list[Source]:
    """The texts at hand that the question is about; `computed`: it is a sum to do."""
    question = conversation.question
    texts = [source for source in conversation.sources if source.kind in ("text", "pdf")]
    tables = any(source.tabular for source in conversation.sources)
    said = not tables or _SAYS.search(question) is not None
    lowered = question.lower()
    named = [
        source
        for source in texts
        if source.name.lower() in lowered
        or (said and re.search(rf"(?<!\w){re.escape(source.name.rsplit('.', 1)[0].lower())}(?!\w)", lowered))
    ]
    if named or not texts:
        return named[:MOST_TEXTS]
    if computed or (subject_of(question) is not None and _ELSEWHERE.search(question)):
        return []
    return texts[:MOST_TEXTS] if said else []


def texts_script(conversation: Conversation, texts: Sequence[Source]) -> Script:
    """Read the texts, and quote what holds the question's words."""
    language, question = conversation.language, conversation.question
    words = _words(question, texts)
    found: list[tuple[str, str]] = []
    told: list[str] = []
    for source in texts:
        thought = say(f"I read {source.name}.", f"读取 {source.name}。", language)
        output = yield code_call(_cell(source, words), thought)
        facts = (read_result(output) or {}).get("value")
        if facts is None:
            told.append(failure(output, language))
            continue
        found += [(f"{source.name}, {_place(source, entry['at'], language)}", entry["text"]) for entry in facts["found"]]
        told.append(_overview(source, facts, words, language))
    quotes = quotes_of(words, found)
    if not quotes:
        return "\n\n".join(told)
    listed = "\n".join(f"- “{quoted(text)}” ({place})" for place, text in quotes)
    remark = say(
        "These are quotes, chosen by rules for the words that they share with the question; no language model has read the text.",
        "以上是按规则根据与问题共有的词选出的原文，没有经过语言模型阅读。",
        language,
    )
    return f"{listed}\n\n{remark}"


def _words(question: str, texts: Sequence[Source]) -> list[str]:
    """What the question looks for; nothing where it asks what the text is."""
    subject = subject_of(question)
    if subject is None and has("profile", question):
        return []
    question = _ABOUT.sub(" ", question)
    names = {word for source in texts for word in terms_of(source.name)}
    return [word for word in terms_of(subject or question) if word not in names | _OF_THE_FILE]


def _place(source: Source, at: int, language: str) -> str:
    return say(f"page {at}", f"第 {at} 页", language) if source.kind == "pdf" else say(f"line {at}", f"第 {at} 行", language)


def _cell(source: Source, words: Sequence[str]) -> str:
    """Code that reads a text part by part, and finds the sentences with one of the words."""
    if source.kind == "pdf":
        parts = [
            "from pypdf import PdfReader",
            "",
            f"parts = [(at, page.extract_text()) for at, page in enumerate(PdfReader({text_of(source.name)}).pages, 1)]",
        ]
    else:
        parts = [
            f"with {source.read.removesuffix('.read()')} as file:",
            "    text = file.read()",
            "parts = list(enumerate(text.splitlines(), 1))",
        ]
        parts += ["for at in range(len(parts) - 1, 0, -1):", "    if parts[at][1][:1].islower():  # the sentence goes on", "        parts[at - 1] = (parts[at - 1][0], parts[at - 1][1] + '\\n' + parts.pop(at)[1])"]  # fmt: skip
    return "\n".join(
        [
            "import json",
            "import re",
            "",
            *parts,
            "",
            _SENTENCES,
            f"words = {indent_list(words)}  # what the question looks for",
            "found = [",
            '    {"at": at, "text": sentence[:400], "words": sum(word in sentence.lower() for word in words)}',
            "    for at, part in parts",
            "    for sentence in sentences(part)",
            "]",
            'whole = " ".join(entry["text"] for entry in found)',
            'found = sorted((entry for entry in found if entry["words"]), key=lambda entry: -entry["words"])[:30]',
            'facts = {"parts": len(parts), "words": len(whole.split()), "begins": whole[:600], "found": found}',
            "print(whole[:600])",
            f'display({{"{RESULT_TYPE}": json.dumps({{"value": facts}})}}, raw=True)  # for the analyst alone',
            "",
        ]
    )


def _overview(source: Source, facts: Mapping[str, Any], words: Sequence[str], language: str) -> str:
    """How long a text is and how it begins; and that it does not hold what was looked for."""
    parts = facts["parts"]
    unit = ("page", "页") if source.kind == "pdf" else ("line", "行")
    size = say(
        f"{source.name} has {parts:,} {unit[0]}{'s' * (parts != 1)} and about {facts['words']:,} words.",
        f"{source.name} 共 {parts:,} {unit[1]}。",
        language,
    )
    if words:
        listed = say(", ", "、", language).join(f"“{word}”" for word in words[:6])
        none = say(f"No sentence of {source.name} holds {listed}.", f"{source.name} 中没有包含{listed}的句子。", language)
        size = f"{none} {size}" if language != "zh" else f"{none}{size}"
    if not facts["begins"]:
        return size + say(" No text can be read in it.", "其中没有可读取的文字。", language)
    begins = say("It begins:", "开头是：", language)
    cut = "…" if len(facts["begins"]) >= 600 else ""
    quote = re.sub(r"^([#>+-])", r"\\\1", quoted(facts["begins"], 600))  # no heading and no list
    return f"{size}{say(' ', '', language)}{begins}\n\n> {quote}{cut}"
