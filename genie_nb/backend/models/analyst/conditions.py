"""Conditions that a question sets by itself: times and limits of numbers.

Conditions on the values of text columns cannot be read without the rows; `look` finds those in the kernel.

Above: `question`. Below: `times`, `columns`, `matching`.
"""
# ruff: noqa: E501 - a rule, a sentence or a line of written code stands on one line

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, cast

from genie_nb.backend.models.analyst.columns import Column, part_of, words_of
from genie_nb.backend.models.analyst.intents import has
from genie_nb.backend.models.analyst.matching import Mention
from genie_nb.backend.models.analyst.times import Found, recent_in, times_in

__all__ = ("THINGS", "Condition", "Op", "conditions_in")

Op = Literal[
    "is",
    "is not",
    "yes",
    "no",
    "year",
    "month",
    "quarter",
    "in",
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

_NUMBER = r"(-?\d[\d,]*(?:\.\d+)?\s*(?:million|thousand|[km](?![a-z])|[万亿千])?)"
_SCALES = {"million": 1e6, "m": 1e6, "thousand": 1e3, "k": 1e3, "万": 1e4, "亿": 1e8, "千": 1e3}
_UNIT = r"\s*(?:岁|元|块|分|度|℃|天|%|个|件)?的?"
_LIMITS: tuple[tuple[Op, str], ...] = (
    (">=", rf"(?:at least|no less than|not less than|>=|≥|不低于|不少于|不小于|至少)\s*[$€£¥]?{_NUMBER}"),
    ("<=", rf"(?:at most|no more than|not more than|up to|<=|≤|不超过|不高于|不大于|至多|最多)\s*[$€£¥]?{_NUMBER}"),
    ("<", rf"(?:under|below|less than|smaller than|lower than|fewer than|younger than|shorter than|colder than|cooler than|cheaper than|slower than|<|低于|小于|少于|不到|不足)\s*[$€£¥]?{_NUMBER}"),
    (">", rf"(?:over|above|more than|\b\w+er than|exceed(?:s|ing)?|more expensive than|>|超过|大于|高于|多于)\s*[$€£¥]?{_NUMBER}"),
    (">=", rf"(?<!\d){_NUMBER}{_UNIT}(?:及以上|以上|\s*(?:or more|or higher|or older|or above|and above|\+))"),
    ("<", rf"(?<!\d){_NUMBER}{_UNIT}以下"),
)  # fmt: skip


_PEOPLE = "employees|hires|people|customers|students|patients|users|members"
# What rows are called: their number is meant, where no column is named.
THINGS = rf"(?:(?:{_PEOPLE}|orders|transactions|visits|admissions|movies|films|games|matches|rows|records|cases|accidents|incidents|tickets|events|respondents|responses)\b|[个名位条笔]?(?:订单|员工|客户|学生|病人|患者|记录|交易|人))"  # fmt: skip


@dataclass(frozen=True)
class Condition:
    """Rows that count: those whose `column` stands so to the `values`; without a column, groups of so many rows."""

    column: str
    op: Op
    values: tuple[str, ...]


def conditions_in(
    text: str, time: Column | None, measures: Sequence[Mention], columns: Sequence[Column]
) -> tuple[list[Condition], str]:
    """The conditions in a text, and the text with their words blanked."""
    found: list[Condition] = []
    text = _times(text, time, columns, found)
    text = _equals(text, measures, found)
    text = _columns_apart(text, measures, columns, found)
    text = _between(text, measures, columns, found)
    for op, pattern in _LIMITS:
        for match in list(re.finditer(pattern, text, re.IGNORECASE)):
            if not _beside(text, match, measures) and re.match(rf"\s*{THINGS}", text[match.end() :], re.IGNORECASE):  # fmt: skip
                found.append(Condition("", op, (_plain_number(match[1]),)))
                text = _blank(text, match)
                continue
            nearest = _nearest(text, match, measures) or _meant(match[0], columns)
            if nearest is not None:
                found.append(Condition(nearest.name, op, (_plain_number(match[1]),)))
                text = _blank(text, match)
    return found, _signs(text, measures, columns, found)


_ALL_UNITS = ("day", "month", "part", "quarter", "half", "year")


def _times(text: str, time: Column | None, columns: Sequence[Column], found: list[Condition]) -> str:
    """The times named; where the table has years and no dates, quarters and months are those of columns of their own."""
    recent: list[Found] = []
    if time is not None:
        recent, text = recent_in(text, time)
    if time is not None and time.grain == "date":
        listed, left = times_in(text, _ALL_UNITS, compared=has("compare", text))
        parts: Mapping[str, Column] = {}
    else:
        parts = {unit: column for column in columns if (unit := part_of(column.name)) and column.grain == "part"}
        units = [*(["year"] if time else []), *parts, *(["half", "part"] if parts else [])]
        listed, left = times_in(text, [*units, *(["quarter"] if parts else [])], compared=has("compare", text))
        if (of_parts := _by_parts(listed, parts, years=time is not None)) is None:
            listed, left = times_in(text, ["year"] if time else [], compared=has("compare", text))
        else:
            listed = of_parts
    counted = [entry for entry in listed if entry[0] != "recent" or not recent]
    for op, values in [*recent, *counted]:
        if column := parts.get(op) or time:
            found.append(Condition(column.name, cast("Op", op), values))
    return left


def _by_parts(listed: Sequence[Found], parts: Mapping[str, Column], *, years: bool) -> list[Found] | None:
    """The same as conditions on a column of years and one of quarters or months; None where it cannot be told by those."""
    ends = {op: values[0] for op, values in listed if op in ("from", "until") and len(values[0]) > 4}
    low, high = ends.get("from", ""), ends.get("until", "")
    if any(op in ("in", "recent") for op, _ in listed) or low[:4] != high[:4] or len(low) != len(high):
        return listed if not ends and all(len(v) == 4 for op, vs in listed if op == "in" for v in vs) and years else None  # type: ignore[return-value]
    made = [(op, values) for op, values in listed if op not in ends]
    if ends:
        unit, digits = ("quarter", 1) if "Q" in low else ("month", 2)
        numbers = range(int(low[-digits:]), int(high[-digits:]) + 1)
        made += [("year", (low[:4],)), (unit, tuple(map(str, numbers)))]
    if "quarter" not in parts and "month" in parts:
        made = [("month", _months_of(values)) if op == "quarter" else (op, values) for op, values in made]
    known = {*parts, *(("year", "from", "until") if years else ())}
    return made if all(op in known for op, _ in made) else None


def _months_of(quarters: Sequence[str]) -> tuple[str, ...]:
    return tuple(str(month) for quarter in quarters for month in range(3 * int(quarter) - 2, 3 * int(quarter) + 1))


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


def _between(text: str, measures: Sequence[Mention], columns: Sequence[Column], found: list[Condition]) -> str:
    pattern = rf"between\s*[$€£¥]?{_NUMBER}\s*and\s*[$€£¥]?{_NUMBER}|(?<!\d){_NUMBER}{_UNIT}\s*(?:到|至|-|~)\s*{_NUMBER}{_UNIT}之间"
    match = re.search(pattern, text, re.IGNORECASE)
    nearest = (_nearest(text, match, measures) or _meant(match[0], columns)) if match else None
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


def _meant(words: str, columns: Sequence[Column]) -> Column | None:
    """The column that `older than 50` means without naming it; else the only one with numbers."""
    measures = [column for column in columns if column.role == "measure"]
    if re.search(r"older|younger|岁", words, re.IGNORECASE):
        return next((column for column in measures if "age" in words_of(column.name) or "年龄" in column.name), None)
    if re.search(r"[$€£¥元]", words):
        measures = [column for column in measures if column.sign != ("", "") and "%" not in column.sign] or measures
    return min(measures, key=lambda column: column.weight, default=None)


def _nearest(text: str, limit: re.Match[str], measures: Sequence[Mention]) -> Column | None:
    """The measure that a limit is set to: the one beside it, else the last before it."""
    before = [mention for mention in measures if mention.end <= limit.start()]
    return _beside(text, limit, measures) or (before[-1].column if before else (measures[0].column if measures else None))


def _beside(text: str, limit: re.Match[str], measures: Sequence[Mention]) -> Column | None:
    """The measure right before or right after a limit, as in `stock under 5 units` or `more than 20 units`."""
    before = [mention for mention in measures if mention.end <= limit.start()]
    if before and re.fullmatch(_BESIDE, text[before[-1].end : limit.start()], re.IGNORECASE):
        return before[-1].column
    after = [mention for mention in measures if mention.start >= limit.end()]
    if after and re.fullmatch(r"\s*(?:of\s+|in\s+|的)?", text[limit.end() : after[0].start], re.IGNORECASE):
        return after[0].column
    return None


_BESIDE = r"\s*(?:(?:is|are|was|were|of|that is|which is|values?)\s+|[是为在的])*"


def _blank(text: str, match: re.Match[str]) -> str:
    return text[: match.start()] + "·" * (match.end() - match.start()) + text[match.end() :]
