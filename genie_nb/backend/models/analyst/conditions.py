"""Conditions that a question sets by itself: years, months, spans and limits of numbers.

Conditions on the values of text columns cannot be read without the rows; `look` finds those in the kernel.

Above: `question`. Below: `columns`, `matching`.
"""
# ruff: noqa: E501 - a rule, a sentence or a line of written code stands on one line

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from genie_nb.backend.models.analyst.columns import Column, words_of
from genie_nb.backend.models.analyst.matching import Mention

__all__ = ("Condition", "conditions_in")

Op = Literal["is", "is not", "year", "month", "quarter", "from", "until", ">", ">=", "<", "<="]

_MONTHS = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
_MONTH = r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
_CHINESE_MONTHS = ("一", "二", "三", "四", "五", "六", "七", "八", "九", "十", "十一", "十二")
_YEAR = r"((?:19|20)\d\d)"
_NUMBER = r"(-?\d[\d,]*(?:\.\d+)?)"
_LIMITS: tuple[tuple[Op, str], ...] = (
    (">=", rf"(?:at least|no less than|not less than|>=|≥|不低于|不少于|不小于|至少)\s*[$€£¥]?{_NUMBER}"),
    ("<=", rf"(?:at most|no more than|not more than|up to|<=|≤|不超过|不高于|不大于|至多|最多)\s*[$€£¥]?{_NUMBER}"),
    (">", rf"(?:over|above|more than|greater than|larger than|higher than|exceed(?:s|ing)?|older than|longer than|>|超过|大于|高于|多于)\s*[$€£¥]?{_NUMBER}"),
    ("<", rf"(?:under|below|less than|smaller than|lower than|fewer than|younger than|shorter than|<|低于|小于|少于|不到)\s*[$€£¥]?{_NUMBER}"),
    (">=", rf"{_NUMBER}\s*(?:岁|元|万|分|度|%)?(?:及以上|以上|or more|or higher|or older|and above)"),
    ("<", rf"{_NUMBER}\s*(?:岁|元|万|分|度|%)?以下"),
)  # fmt: skip


@dataclass(frozen=True)
class Condition:
    """Rows that count: those whose `column` stands so to the `values`."""

    column: str
    op: Op
    values: tuple[str, ...]


def conditions_in(
    text: str, time: Column | None, measures: Sequence[Mention], columns: Sequence[Column]
) -> tuple[list[Condition], str]:
    """The conditions in a text, and the text with their words blanked."""
    found: list[Condition] = []
    if time is not None:
        text = _spans(text, time, found)
        text = _dates(text, time, found)
    for op, pattern in _LIMITS:
        for match in list(re.finditer(pattern, text, re.IGNORECASE)):
            nearest = _nearest(match.start(), measures) or _meant(match[0], columns)
            if nearest is not None:
                found.append(Condition(nearest.name, op, (match[1].replace(",", ""),)))
                text = _blank(text, match)
    return found, text


def _meant(words: str, columns: Sequence[Column]) -> Column | None:
    """The column that `older than 50` means without naming it; else the only one with numbers."""
    measures = [column for column in columns if column.role == "measure"]
    if re.search(r"older|younger|岁", words, re.IGNORECASE):
        return next((column for column in measures if "age" in words_of(column.name) or "年龄" in column.name), None)
    return measures[0] if len(measures) == 1 else None


def _nearest(at: int, measures: Sequence[Mention]) -> Column | None:
    before = [mention for mention in measures if mention.end <= at]
    return before[-1].column if before else (measures[0].column if measures else None)


def _blank(text: str, match: re.Match[str]) -> str:
    return text[: match.start()] + "·" * (match.end() - match.start()) + text[match.end() :]


def _spans(text: str, time: Column, found: list[Condition]) -> str:
    """`between 2019 and 2021`, `from 2020 to 2022`, `since 2020`, `before 2019`, `2019年到2021年`."""
    both = re.search(
        rf"(?:between\s+{_YEAR}\s+and|(?:from|从|自)?\s*{_YEAR}\s*年?\s*(?:to|until|through|-|–|—|~|到|至))\s*{_YEAR}(?!\d)\s*年?(?:之间|间|期间)?",
        text,
        re.IGNORECASE,
    )
    if both:
        found += [Condition(time.name, "from", (both[1] or both[2],)), Condition(time.name, "until", (both[3],))]
        return _blank(text, both)
    patterns: tuple[tuple[Op, int, str], ...] = (
        ("from", 0, rf"\b(?:since|from|starting(?: in)?)\s+{_YEAR}(?!\d)|{_YEAR}年?(?:以来|起|及以后)|(?:自|从){_YEAR}年?"),
        ("from", 1, rf"\b(?:after)\s+{_YEAR}(?!\d)|{_YEAR}年?(?:以后|之后|后)"),
        ("until", -1, rf"\b(?:before|prior to)\s+{_YEAR}(?!\d)|{_YEAR}年?(?:以前|之前|前)"),
        ("until", 0, rf"\b(?:until|up to|through)\s+{_YEAR}(?!\d)|截至{_YEAR}年?"),
    )  # fmt: skip
    for op, shift, pattern in patterns:
        if match := re.search(pattern, text, re.IGNORECASE):
            year = next(group for group in match.groups() if group)
            found.append(Condition(time.name, op, (str(int(year) + shift),)))
            text = _blank(text, match)
    return text


def _dates(text: str, time: Column, found: list[Condition]) -> str:
    years: list[str] = []
    months: list[str] = []
    quarters: list[str] = []
    if time.grain == "date":
        for pattern in (
            rf"\b({_MONTH})\.?,?\s+(?:of\s+)?{_YEAR}(?!\d)",
            rf"\b(?:in|during|for|of)\s+({_MONTH})\b",
            rf"\b({_MONTH})(?=\s+and\s+{_MONTH}\b)",
            rf"(?<=and )({_MONTH})\b",
        ):
            for match in list(re.finditer(pattern, text, re.IGNORECASE)):
                months.append(str(1 + next(at for at, name in enumerate(_MONTHS) if name.startswith(match[1].lower()[:3]))))
                years += [group for group in match.groups()[1:] if group]
                text = _blank(text, match)
        for match in list(
            re.finditer(
                rf"(?:{_YEAR}\s*[年-])?\s*(?<!\d)(1[0-2]|0?[1-9])\s*月份?(?!\d)|{_YEAR}-(0[1-9]|1[0-2])(?![\d-])", text
            )
        ):
            years += [group for group in (match[1], match[3]) if group]
            months.append(str(int(match[2] or match[4])))
            text = _blank(text, match)
        for match in list(re.finditer(r"(?<![一-九\d])(十[一二]?|[一二三四五六七八九])月份?", text)):
            months.append(str(_CHINESE_MONTHS.index(match[1]) + 1))
            text = _blank(text, match)
        for match in list(re.finditer(r"\bQ([1-4])\b|第?([一二三四1-4])季度", text, re.IGNORECASE)):
            quarters.append(str("一二三四".find(match[2]) + 1 or match[2]) if match[2] else match[1])
            text = _blank(text, match)
    for match in list(re.finditer(rf"(?<![\d.,]){_YEAR}(?![\d.,]\d|\d)\s*年?", text)):
        years.append(match[1])
        text = _blank(text, match)
    for op, values in (("year", years), ("quarter", quarters), ("month", months)):
        if values:
            found.append(Condition(time.name, op, tuple(dict.fromkeys(values))))  # type: ignore[arg-type]
    return text
