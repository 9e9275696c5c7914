"""Questions that fit a file, for somebody who does not know yet what can be asked; in both languages. Pure.

Above: `inbox`. Below: `profiles`.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from genie_nb.backend.profiles import InputProfile

__all__ = ("fitting_questions",)

_NO_MEASURE = re.compile(
    r"(.*[_ ])?(id|ids|no|nr|code|zip|index|year|month|day|week|hour|lat|latitude|lon|longitude|phone)"
    r"|.*(编号|编码|代码|序号|邮编|电话|年份|月份|年|月|日)|unnamed.*",
    re.IGNORECASE,
)
_ONE_OF_A_SIZE = re.compile(
    r".*(price|rate|ratio|share|age|score|mean|average|avg|percent|temperature|rating|weight|height).*"
    r"|.*(价|率|比例|占比|年龄|平均|评分|得分|温度|身高|体重).*",
    re.IGNORECASE,
)
"""Columns whose sum says nothing."""
_OF_ONE_EACH = re.compile(
    r".*(name|title|address|comment|note|text|description).*|.*(姓名|名称|标题|地址|备注|描述).*", re.IGNORECASE
)
"""Columns that tell rows apart rather than groups them."""
_LONGEST_EXAMPLE = 30
_TEXTS = {
    "en": {
        "what": "What is in {file}?",
        "sum": "What is the total {measure} by {group}?",
        "mean": "What is the mean {measure} by {group}?",
        "months": "Draw {measure} by month.",
        "sum bars": "Draw the total {measure} by {group}.",
        "mean bars": "Draw the mean {measure} by {group}.",
        "counts": "How many rows are there by {group}?",
        "alone": "What is the mean {measure}?",
    },
    "zh": {
        "what": "{file} 里有什么？",
        "sum": "各{group}的{measure}总和是多少？",
        "mean": "各{group}的{measure}平均值是多少？",
        "months": "按月画出{measure}。",
        "sum bars": "画出各{group}的{measure}总和。",
        "mean bars": "画出各{group}的{measure}平均值。",
        "counts": "各{group}分别有多少行？",
        "alone": "{measure}的平均值是多少？",
    },
}


def fitting_questions(profile: InputProfile) -> dict[str, tuple[str, ...]]:
    """At most three questions about a file, by language: what it holds, a figure by group, a chart."""
    measure = next(_measures(profile.columns), "")
    group = next(_groups(profile.columns), "")
    dated = any(column["kind"] == "date" for column in profile.columns)
    names = {"file": profile.name, "measure": measure, "group": group}
    kinds = ("what", *_kinds(measure, group, dated=dated))
    return {language: tuple(texts[kind].format(**names) for kind in kinds) for language, texts in _TEXTS.items()}


def _kinds(measure: str, group: str, *, dated: bool) -> Iterator[str]:
    way = "mean" if _ONE_OF_A_SIZE.fullmatch(measure) else "sum"
    if measure and group:
        yield way
        yield "months" if dated and way == "sum" else f"{way} bars"
    elif measure:
        yield "alone"
        if dated and way == "sum":
            yield "months"
    elif group:
        yield "counts"


def _measures(columns: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for column in columns:
        if column["kind"] == "number" and not _NO_MEASURE.fullmatch(str(column["name"]).strip()):
            yield str(column["name"])


def _groups(columns: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Columns of words, those that look like groups before those that look like single things."""
    for column in sorted(columns, key=lambda column: bool(_OF_ONE_EACH.fullmatch(str(column["name"])))):
        examples = [str(example) for example in column.get("examples", ())]
        wordy = all(len(example) <= _LONGEST_EXAMPLE and not re.search(r"\d\d|@", example) for example in examples)
        if column["kind"] == "text" and wordy and not _NO_MEASURE.fullmatch(str(column["name"]).strip()):
            yield str(column["name"])
