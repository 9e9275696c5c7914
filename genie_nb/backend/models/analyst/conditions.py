"""Conditions that a question sets by itself: years, months, spans and limits of numbers.

Conditions on the values of text columns cannot be read without the rows; `look` finds those in the kernel.

Above: `question`. Below: `columns`, `matching`.
"""
# ruff: noqa: E501 - a rule, a sentence or a line of written code stands on one line

import re
from calendar import month_name
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from genie_nb.backend.models.analyst.columns import Column, words_of
from genie_nb.backend.models.analyst.intents import number_word
from genie_nb.backend.models.analyst.matching import Mention

__all__ = ("Condition", "conditions_in")

_QUARTERS = {
    "first": "1",
    "1st": "1",
    "second": "2",
    "2nd": "2",
    "third": "3",
    "3rd": "3",
    "fourth": "4",
    "4th": "4",
    "last": "4",
    "final": "4",
}
Op = Literal[
    "is",
    "is not",
    "yes",
    "year",
    "month",
    "quarter",
    "days",
    "from",
    "until",
    "recent",
    "latest",
    "spent",
    ">",
    ">=",
    "<",
    "<=",
]

_MONTHS = tuple(name.lower() for name in month_name if name)
_MONTH = r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
_CHINESE_MONTHS = ("一", "二", "三", "四", "五", "六", "七", "八", "九", "十", "十一", "十二")
_YEAR = r"((?:19|20)\d\d)"
_NUMBER = r"(-?\d[\d,]*(?:\.\d+)?\s*(?:million|thousand|[km](?![a-z])|[万亿千])?)"
_SCALES = {"million": 1e6, "m": 1e6, "thousand": 1e3, "k": 1e3, "万": 1e4, "亿": 1e8, "千": 1e3}
_UNIT = r"\s*(?:岁|元|块|分|度|℃|天|%|个|件)?的?"
_LIMITS: tuple[tuple[Op, str], ...] = (
    (">=", rf"(?:at least|no less than|not less than|>=|≥|不低于|不少于|不小于|至少)\s*[$€£¥]?{_NUMBER}"),
    ("<=", rf"(?:at most|no more than|not more than|up to|<=|≤|不超过|不高于|不大于|至多|最多)\s*[$€£¥]?{_NUMBER}"),
    ("<", rf"(?:under|below|less than|smaller than|lower than|fewer than|younger than|shorter than|colder than|cooler than|cheaper than|slower than|<|低于|小于|少于|不到|不足)\s*[$€£¥]?{_NUMBER}"),
    (">", rf"(?:over|above|more than|\b\w+er than|exceed(?:s|ing)?|more expensive than|>|超过|大于|高于|多于)\s*[$€£¥]?{_NUMBER}"),
    (">=", rf"{_NUMBER}{_UNIT}(?:及以上|以上|\s*(?:or more|or higher|or older|or above|and above|\+))"),
    ("<", rf"{_NUMBER}{_UNIT}以下"),
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
    text = _equals(text, measures, found)
    if time is not None:
        text = _days(text, time, found)
        text = _recent(text, time, found)
        text = _spans(text, time, found)
    text = _columns_apart(text, measures, columns, found)
    text = _between(text, measures, columns, found)
    for op, pattern in _LIMITS:
        for match in list(re.finditer(pattern, text, re.IGNORECASE)):
            nearest = _nearest(match.start(), measures) or _meant(match[0], columns)
            up_to = time is not None and re.match(rf"up to {_YEAR}$", match[0], re.IGNORECASE)
            if nearest is not None and not up_to:
                found.append(Condition(nearest.name, op, (_plain_number(match[1]),)))
                text = _blank(text, match)
    text = _signs(text, measures, columns, found)
    if time is not None:
        text = _dates(text, time, found)
    return found, text


def _plain_number(text: str) -> str:
    """`2万` and `1.5k` as digits."""
    unit = re.search(r"[A-Za-z万亿千]+$", text)
    digits = text[: unit.start() if unit else None].replace(",", "").strip()
    return f"{float(digits) * _SCALES[unit[0].lower()]:.12g}" if unit else digits


def _equals(text: str, measures: Sequence[Mention], found: list[Condition]) -> str:
    """`rating of 5`, `评分等于5`."""
    for mention in measures:
        match = re.match(rf"\s*(?:of|=|equals?|equal to|等于|为)\s*{_NUMBER}(?![\d.%])", text[mention.end :], re.IGNORECASE)
        if match:
            value = _plain_number(match[1])
            found += [Condition(mention.column.name, ">=", (value,)), Condition(mention.column.name, "<=", (value,))]
            return text[: mention.end] + "·" * match.end() + text[mention.end + match.end() :]
    return text


_DAY = r"(\d{4})(?:[-/.]|年)(\d{1,2})(?:[-/.]|月)(\d{1,2})(?:日|号)?"


def _days(text: str, time: Column, found: list[Condition]) -> str:
    """Whole dates, one or from one to another."""
    match = re.search(rf"{_DAY}(?:\s*(?:to|until|and|through|-|–|~|到|至)\s*{_DAY})?", text)
    if match is None or time.grain != "date":
        return text
    parts = [int(group) for group in match.groups() if group]
    days = [f"{year:04d}-{month:02d}-{day:02d}" for year, month, day in zip(*[iter(parts)] * 3, strict=True)]
    found.append(Condition(time.name, "days", (days[0], days[-1])))
    return _blank(text, match)


def _between(text: str, measures: Sequence[Mention], columns: Sequence[Column], found: list[Condition]) -> str:
    pattern = rf"between\s*[$€£¥]?{_NUMBER}\s*and\s*[$€£¥]?{_NUMBER}|{_NUMBER}{_UNIT}\s*(?:到|至|-|~)\s*{_NUMBER}{_UNIT}之间"
    match = re.search(pattern, text, re.IGNORECASE)
    nearest = (_nearest(match.start(), measures) or _meant(match[0], columns)) if match else None
    if match is None or nearest is None:
        return text
    low, high = (_plain_number(group) for group in match.groups() if group)
    found += [Condition(nearest.name, ">=", (low,)), Condition(nearest.name, "<=", (high,))]
    return _blank(text, match)


_APART = re.compile(
    r"(?:(below|under|less than|lower than|fewer than|低于|小于|少于|不到)|(above|over|more than|higher than|greater than|超过|高于|大于|多于))\s*(?:the|their|its)?\s*$",
    re.IGNORECASE,
)


def _columns_apart(text: str, measures: Sequence[Mention], columns: Sequence[Column], found: list[Condition]) -> str:
    """One column against another, as in `products with stock below reorder level`."""
    for mention in measures:
        before = _APART.search(text[: mention.start])
        if before is None:
            continue
        named = [other.column for other in measures if other.column != mention.column]
        others = [c for c in columns if c.role == "measure" and c != mention.column]
        other = (named or sorted(others, key=lambda column: column.weight) or [None])[0]  # type: ignore[list-item]
        if other is not None:
            found.append(Condition(other.name, "<" if before[1] else ">", (f"[{mention.column.name}]",)))
            return text[: before.start()] + "·" * (mention.end - before.start()) + text[mention.end :]
    return text


def _signs(text: str, measures: Sequence[Mention], columns: Sequence[Column], found: list[Condition]) -> str:
    """`negative`, `spent` and `income` where amounts have both signs; `out of stock`."""
    signed = next(
        (c for c in [*(m.column for m in measures), *columns] if c.signed and not c.averaged and not c.snapshot), None
    )
    stocked = next((c for c in columns if c.role == "measure" and "stock" in c.meanings), None)
    rainy = next((c for c in columns if c.role == "measure" and "rain" in c.meanings), None)
    rules: tuple[tuple[Column | None, Op, str], ...] = (
        (stocked, "<=", r"\b(?:out of stock|sold out)\b|缺货|断货|售罄|无库存|没有库存"),
        (signed, "spent", r"\b(?:spen[dt]\w*|expenses?|expenditures?|paid out|outgoings?|debits?|costs?|withdrawals?)\b|支出|花费|花了|花销|开销|消费"),
        (rainy, ">", r"\b(?:rainy|wet) days?\b|(?:下雨|降雨|降水|有雨|雨)的?天数?"),
        (signed, ">", r"\b(?:earn(?:ed|ings)?|deposits?|credits)\b|收入|进账|入账"),
        (signed, "<", r"(?<!负)\bnegative\b(?! values?)|(?:为|是)负"),
    )  # fmt: skip
    for column, op, pattern in rules:
        match = re.search(pattern, text, re.IGNORECASE) if column else None
        if column and match and (op == "spent" or not any(condition.column == column.name for condition in found)):
            found.insert(0, Condition(column.name, op, ("0",)))
            if not any(m.start <= match.start() < m.end for m in measures):
                text = _blank(text, match)
    return text


_COUNTED = r"(\d{1,2}|two|three|four|five|six|seven|ten|twelve|两|二|三|四|五|六|七|十)"
_UNITS = {
    "day": "D",
    "天": "D",
    "日": "D",
    "week": "W",
    "周": "W",
    "month": "M",
    "月": "M",
    "quarter": "Q",
    "季度": "Q",
    "year": "Y",
    "年": "Y",
}


def _recent(text: str, time: Column, found: list[Condition]) -> str:
    """`this year`, `last month`, `the last 3 months`, `今年`, `去年`, `近三个月`: counted back from the last date in the table."""
    patterns = (
        (rf"\b(?:last|past|recent|latest)\s+{_COUNTED}\s+(day|week|month|quarter|year)s?\b|(?:最近|近|过去)\s*{_COUNTED}\s*个?(天|日|周|月|季度|年)", ""),
        (r"\b(?:this|the current|the latest|the most recent)\s+(month|quarter|year)\b|(?:今|本)(年|月)|本(季度|周)|这个(月|季度)", "0"),
        (r"\b(?:last|previous)\s+(month|quarter|year)\b(?! of)|去(年)|上个?(月|季度|周)", "1"),
    )  # fmt: skip
    for pattern, skip in patterns:
        match = re.search(pattern, text, re.IGNORECASE)
        if match is None or re.match(r"the last year", match[0]):
            continue
        words = [group.lower() for group in match.groups() if group]
        count = "1" if skip else str(int(words[0]) if words[0].isdigit() else number_word(words[0]))
        unit = _UNITS[words[-1]]
        if time.grain == "year" and unit != "Y":
            continue
        found.append(Condition(time.name, "recent", (unit, skip or "0", count)))
        text = _blank(text, match)
    return text


def _meant(words: str, columns: Sequence[Column]) -> Column | None:
    """The column that `older than 50` means without naming it; else the only one with numbers."""
    measures = [column for column in columns if column.role == "measure"]
    if re.search(r"older|younger|岁", words, re.IGNORECASE):
        return next((column for column in measures if "age" in words_of(column.name) or "年龄" in column.name), None)
    if re.search(r"[$€£¥元]", words):
        measures = [column for column in measures if column.sign != ("", "") and "%" not in column.sign] or measures
    return min(measures, key=lambda column: column.weight, default=None)


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
        halves = r"\b(?:(first)|(second|last|latter)) half\b|\bH([12])\b|([上下])半年|\b(last|final|first|second|third|fourth|1st|2nd|3rd|4th) quarter\b"
        for match in list(re.finditer(halves, text, re.IGNORECASE)):
            first = bool(match[1]) or match[3] == "1" or match[4] == "上"
            quarters += [_QUARTERS[match[5].lower()]] if match[5] else ["1", "2"] if first else ["3", "4"]
            text = _blank(text, match)
    for match in list(re.finditer(rf"(?<![\d.,$€£¥]){_YEAR}(?![\d.,]\d|\d)\s*年?", text)):
        years.append(match[1])
        text = _blank(text, match)
    for op, values in (("year", years), ("quarter", quarters), ("month", months)):
        if values:
            found.append(Condition(time.name, op, tuple(dict.fromkeys(values))))  # type: ignore[arg-type]
    return text
