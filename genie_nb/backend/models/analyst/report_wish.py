"""Whether a question asks for a report, in which form, and what is left of the question without those words.

Above: `conversation`. Below: nothing.
"""
# ruff: noqa: E501 - a rule, a sentence or a line of written code stands on one line

import re
from dataclasses import dataclass

__all__ = ("ReportWish", "report_wish")


@dataclass(frozen=True)
class ReportWish:
    """A report that is wanted.

    Attributes:
        format: `html`, `markdown` or `pptx`; empty where the question names none.
        rest: The question without the words that ask for the report.
    """

    format: str
    rest: str


_FORM = r"html|markdown|md|pptx?|power ?point|web|slide|written|short|brief|full|detailed|complete|nice|final|summary|data|analysis|business|monthly|quarterly|annual"
_NOUN = r"(?:report|slides|slide ?(?:deck|show)|deck|presentation|power ?point|pptx?|(?:html|web) ?page)"
_MAKE = r"(?:write|make|create|generate|prepare|build|produce|draft|compile|give me|show me|put|turn|export|save|present|deliver|summari[sz]e|i (?:want|need)|work (?:it|this) out first,? then write)"
_THINGS = r"(?:it|this|that|these|everything|all|me|us|the (?:results?|findings?|answers?|analysis))"
_TOPIC = r"(?:\s+(?:on|about|of|for|from|with|showing|that shows|which shows|covering|comparing|including)\b)?"
_AS = r"(?:as|into|in)"
_END = r"(?!\.?\w|\s+(?:table|column|type|date|number|id|file|field|name|period|status|code)s?\b)"

_ENGLISH = (
    # what the agent that always reports adds
    re.compile(r"\s*\bwork it out first, then write it as a report with the tool report\.?\s*$", re.IGNORECASE),
    # Make a report about …; and write it as an HTML report; … with the tool report
    re.compile(rf"(?:[,;.]?\s*\b(?:and|then|also)\b\s*|\bplease\s+|\b(?:can|could) you\s+)*\b{_MAKE}\b\s+(?:{_THINGS}\s+)?(?:{_AS}\s+)?(?:(?:a|an|the|some|one|my)\s+)?(?:(?:{_FORM})[\s-]+){{0,3}}{_NOUN}\b{_END}(?:\s+with the tool report|{_TOPIC})", re.IGNORECASE),
    # …, as slides; … in a report
    re.compile(rf"[,;.]?\s*\b{_AS}\s+(?:(?:a|an|one)\s+)?(?:(?:{_FORM})[\s-]+){{0,3}}{_NOUN}\b{_END}(?:\s+please)?", re.IGNORECASE),
    # A report on …; HTML report: …
    re.compile(rf"^\s*(?:(?:a|an|the)\s+)?(?:(?:{_FORM})[\s-]+){{0,3}}{_NOUN}\b{_END}(?:\s*[:：,]|\s+(?:on|about|of|for)\b)", re.IGNORECASE),
    re.compile(rf"(?<=[.;!?])\s*(?:(?:a|an|the)\s+)?(?:(?:{_FORM})[\s-]+){{0,3}}{_NOUN}(?:\s+please)?[.!]?\s*$", re.IGNORECASE),
)  # fmt: skip
_KIND = r"(?:HTML|Markdown|MD|PPTX?|网页版?|word|电子)?(?:格式|形式|版)?的?"
_CHINESE_NOUN = rf"{_KIND}(?:分析|数据|总结|调研|研究|统计|销售分析|月度|季度|年度)?(?:报告(?![期人日编单书率])|幻灯片|PPTX?|演示文稿|演示稿|汇报材料|简报|网页)"
_CHINESE_MAKE = (
    r"(?:生成|写成|写|做成|做|制作成?|撰写|输出成?为?|整理成?|形成|编写|出具?|导出成?为?|转成|转为|汇总成|呈现为?)"
)
_CHINESE = (
    re.compile(r"[，,。；;]?\s*先完成分析，再用工具 report 写成报告[。.]?"),
    re.compile(rf"[，,。；;]?\s*(?:并且?|然后|再|最后|同时)?(?:请|麻烦)?(?:帮我|给我|为我)?(?:把|将)?(?:结果|它|这些|以上)?(?:用|以|按)?{_CHINESE_MAKE}(?:成|为)?(?:一[份个套页篇]|[份个篇])?{_CHINESE_NOUN}", re.IGNORECASE),
    re.compile(rf"[，,。；;]?\s*(?:并且?|然后|再|最后|同时)?(?:用|以){_CHINESE_NOUN}(?:的?形式)?(?:展示|呈现|输出|汇报|说明)?", re.IGNORECASE),
    # 写一份关于…的报告
    re.compile(rf"(?:请|麻烦)?(?:帮我|给我|为我)?{_CHINESE_MAKE}(?:成|为)?(?:一[份个套页篇]|[份个篇])?{_KIND}(?=关于|有关)|{_CHINESE_MAKE}一[份个套页篇](?=.{{1,30}}?{_CHINESE_NOUN})", re.IGNORECASE),
    re.compile(rf"的?{_CHINESE_NOUN}(?:[：:])?", re.IGNORECASE),
    re.compile(r"^\s*(?:请|帮我|给我)*(?:写|做|生成|出|制作)?(?:一[份个套页篇])?(?:关于|有关)"),
)  # fmt: skip
_CHINESE_ASKED = re.compile(_CHINESE_NOUN, re.IGNORECASE)
_FORMATS = (
    ("pptx", r"\bslides\b|\bslide ?(?:deck|show)\b|\bdeck\b|presentation|power ?point|pptx?|幻灯片|演示文?稿"),
    ("markdown", r"(?<![a-z])markdown(?![a-z])|\bmd (?:file|report)\b"),
    ("html", r"(?<![a-z])html(?![a-z])|\bweb ?page\b|网页"),
)


def report_wish(question: str) -> ReportWish | None:
    """The report that a question asks for, or none."""
    rest, asked = question, ""
    for pattern in _ENGLISH:
        if found := pattern.search(rest):
            asked += found[0] + " "
            rest = rest[: found.start()] + " " + rest[found.end() :]
    if re.search(r"[\u4e00-\u9fff]", question) and _CHINESE_ASKED.search(_without_names(rest)):
        for pattern in _CHINESE:
            if found := pattern.search(rest):
                asked += found[0] + " "
                rest = rest[: found.start()] + rest[found.end() :]
    if not asked:
        return None
    kind = next((name for name, words in _FORMATS if re.search(words, asked, re.IGNORECASE)), "")
    return ReportWish(kind, _tidy(rest))


def _without_names(text: str) -> str:
    """The text without what is quoted and without names of files."""
    return re.sub(r"“[^”]*”|\"[^\"]*\"|`[^`]*`|[\w\u4e00-\u9fff-]+\.\w{2,5}\b", " ", text)


def _tidy(rest: str) -> str:
    rest = re.sub(r"\s+", " ", rest).strip(" ,;:，；：、")
    rest = re.sub(r"(?:\b(?:and|then|also|please|with)|[并且和然后再请]+)\s*[.。]?$", "", rest, flags=re.IGNORECASE)
    rest = re.sub(
        r"^(?:(?:and|then|also|please|on|about|of)\s+|[并且和然后再请，。]+|帮我|给我)+", "", rest, flags=re.IGNORECASE
    )
    return rest.strip(" ,;:，；：、.。") or "overview"
