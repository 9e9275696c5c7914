"""The times that a question names: points, lists of them, and ranges between them; English and Chinese.

A range is never its two ends: `January to June` is six months. A year said once holds for what stands beside it.

Above: `conditions`. Below: `columns`, `intents`.
"""
# ruff: noqa: E501 - a rule, a sentence or a line of written code stands on one line

import re
from calendar import month_name
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Literal

from genie_nb.backend.models.analyst.columns import Column
from genie_nb.backend.models.analyst.intents import number_word

__all__ = ("Found", "Span", "recent_in", "times_in")

_Y = r"(?P<y>(?:19|20)\d\d)(?!\d)"
_M = r"(?P<m>1[0-2]|0?[1-9])"
_D = r"(?P<d>3[01]|[12]\d|0?[1-9])"
_ZH = r"(?P<zh>十[一二]?|[一二三四五六七八九])"
_Q = r"(?P<q>[一二三四1-4])"
_NAME = r"(?P<name>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b"
_TO = r"\s*(?:to|until|till|through|thru|-|–|—|~|～|到|至)\s*"
_WORD = r"(?P<word>first|second|third|fourth|last|final|1st|2nd|3rd|4th)"
_MONTHS = tuple(name.lower()[:3] for name in month_name if name)
_ZH_MONTHS = ("一", "二", "三", "四", "五", "六", "七", "八", "九", "十", "十一", "十二")
_QUARTERS = ("fi", "se", "th", "fo", "1s", "2n", "3r", "4t", "1", "2", "3", "4", "一", "二", "三", "四", "", "", "", "la")
_NUMBERS = r"\d{1,2}|two|three|four|five|six|nine|ten|两|二|三|四|五|六|九|十"
_FORMS: tuple[tuple[str, str], ...] = (
    ("day", rf"(?<!\d){_Y}(?:[-/.]|\s*年\s*){_M}(?:[-/.]|\s*月\s*){_D}(?!\d)\s*[日号]?"),
    ("day", rf"\b{_NAME}\.?\s+{_D}(?:st|nd|rd|th)?(?!\d)(?:,?\s*{_Y})?"),
    ("day", rf"(?<![\d.,]){_D}(?:st|nd|rd|th)?\s+(?:of\s+)?{_NAME}\.?(?:,?\s*{_Y})?"),
    ("day", rf"(?<![\d/]){_M}/{_D}/{_Y}"),
    ("day", rf"(?<![\d/.]){_D}[/.]{_M}[/.]{_Y}"),
    ("day", rf"(?<!\d){_M}\s*月\s*{_D}\s*[日号]"),
    ("month", rf"(?<!\d){_Y}\s*年?\s*(?:{_M}|{_ZH})(?={_TO}(?:1[0-2]|[1-9]|[一二三四五六七八九十]+)\s*月)"),
    ("month", rf"(?<![\d-]){_Y}(?:[-/]{_M}(?![\d/-])|\s*年\s*的?(?:(?:0?(?P<m2>1[0-2]|[1-9]))|{_ZH})\s*月份?)"),
    ("month", rf"\b{_NAME}\.?,?\s*(?:of\s+|in\s+)?{_Y}"),
    ("month", rf"(?<![\d/.]){_M}/{_Y}"),
    ("part", rf"\b(?P<part>first|last|final) (?P<n>{_NUMBERS}) (?P<step>month|quarter)s (?:of|in) {_Y}"),
    ("part", rf"{_Y}\s*年的?(?P<part>前|后|最后)\s*(?P<n>{_NUMBERS})\s*个(?P<step>月|季度)"),
    ("quarter", rf"(?<!\d){_Y}\s*[年-]?\s*的?(?:第?\s*{_Q}\s*季度?|Q(?P<q2>[1-4])\b|第?(?P<q3>[一二三四1-4])(?={_TO}第?[一二三四1-4]\s*季度))"),
    ("quarter", rf"\b(?:Q|quarter ){_Q}\b(?:\s*(?:of\s+|in\s+|/|-)?\s*{_Y})?|第?(?P<q2>[一二三四1-4])(?:\s*季度|(?={_TO}第?[一二三四1-4]\s*季度))"),
    ("quarter", rf"\b{_WORD} quarter\b(?:\s+(?:of|in)\s+{_Y})?"),
    ("half", rf"\b(?P<half>first|second|last|latter) half\b(?:\s+(?:of|in)\s+{_Y})?|\bH(?P<half2>[12])\b(?:\s*{_Y.replace('y', 'y2', 1)})?"),
    ("half", rf"(?:{_Y}\s*年?的?)?(?P<half>[上下])半年"),
    ("month", rf"\b{_NAME}"),
    ("month", rf"(?<!\d)(?:{_M}|{_ZH})(?:\s*月份?(?!\d)|(?={_TO}(?:1[0-2]|[1-9]|[一二三四五六七八九十]+)\s*月))"),
    ("year", rf"(?<![\d.,$€£¥]){_Y}(?![.,]\d|\s*[%％])\s*年?"),
)  # fmt: skip
_LIMIT = re.compile(
    r"(?:\b(?:over|above|under|below|(?:more|less|greater|larger|higher|lower|smaller|fewer) than|least|at most|exceed\w*|equals?(?: to)?)|[<>=≥≤]|(?<![\w.])(?!(?:19|20)\d\d(?!\d))[\d.,]+\s*(?:and|to|-)|超过|[大小高低多少]于|不到|不足|至少|最多)\s*$",
    re.IGNORECASE,
)
_AMOUNT = re.compile(r"\s*(?:[元块万千件个岁人]|dollars?|euros?|usd|eur|units?|rows|people|k\b|(?:and|to|-|到|至)\s*[$€£¥]?(?!(?:19|20)\d\d(?!\d))\d)", re.IGNORECASE)  # fmt: skip
_LED = re.compile(
    r"(?:\b(?:in|during|for|of|from|between|since|until|till|to|through|before|after|and|or|vs\.?|versus|than|with|compare|on)|[,、和与到至~–-])\s*$",
    re.IGNORECASE,
)
_BOUNDS: tuple[tuple[str, str, str], ...] = (
    ("after", r"\b(?:after|later than)\s*$", r"\s*(?:以后|之后|后(?!\s*[\d一二两三四五六七八九十续]))"),
    ("before", r"\b(?:before|prior to|earlier than)\s*$", r"\s*(?:以前|之前|前(?!\s*[\d一二两三四五六七八九十]))"),
    ("until", r"(?:\b(?:until|till|up to|through|by the end of)|截至|截止到?)\s*$", r"\s*(?:及以前|及之前|为止)"),
    ("from", r"(?:\b(?:since|from|starting(?: in| from)?|as of)|自从?|从)\s*$", r"\s*(?:以来|起|开始|及以后|至今)"),
)  # fmt: skip


@dataclass(frozen=True)
class Span:
    """A named stretch of time, from the first to the last of its months, or one day; `year` 0 for any year."""

    start: int
    end: int
    unit: Literal["year", "half", "quarter", "month", "day"]
    year: int
    first: int = 1
    last: int = 12
    day: int = 0

    def edge(self, *, last: bool = False) -> str:
        """The first or last thing of its unit in it: `2024`, `2024Q3`, `2024-03`, `2024-03-05`, `03-05`."""
        month = self.last if last else self.first
        match self.unit:
            case "year":
                return str(self.year)
            case "quarter" | "half":
                return f"{self.year}Q{(month + 2) // 3}"
            case "month":
                return f"{self.year}-{month:02d}"
        return f"{self.year}-{month:02d}-{self.day:02d}" if self.year else f"{month:02d}-{self.day:02d}"

    def beside(self, step: int) -> "Span":
        """The stretch of the same unit before or after it."""
        if self.unit == "day" and self.year:
            day = date(self.year, self.first, self.day) + timedelta(days=step)
            return replace(self, year=day.year, first=day.month, last=day.month, day=day.day)
        width = self.last - self.first + 1
        low = self.first - 1 + step * width
        year = self.year + low // 12 if self.year else 0
        return replace(self, year=year, first=low % 12 + 1, last=low % 12 + width)


Found = tuple[str, tuple[str, ...]]
"""An operation of a condition, and its values."""


def times_in(text: str, units: Collection[str], *, compared: bool) -> tuple[list[Found], str]:
    """The conditions on times in a text, and the text with their words blanked; only of these units.

    `compared`: `between` names two sides.
    """
    spans, blanked = _spans(text, units)
    ranges: list[tuple[Span | None, Span | None]] = []
    points: list[Span] = []
    at = 0
    while at < len(spans):
        span, before = spans[at], text[: spans[at].start]
        if at + 1 < len(spans) and _joined(text, span, spans[at + 1], compared=compared):
            ranges.append((span, spans[at + 1]))
            blanked = blanked[: span.start] + "·" * (spans[at + 1].end - span.start) + blanked[spans[at + 1].end :]
            at += 2
            continue
        bound = next(
            (
                name
                for name, led, followed in _BOUNDS
                if re.search(led, before, re.IGNORECASE) or re.match(followed, text[span.end :])
            ),
            "",
        )
        match bound:
            case "after" | "from":
                ranges.append((span.beside(1) if bound == "after" else span, None))
            case "before" | "until":
                ranges.append((None, span.beside(-1) if bound == "before" else span))
            case _:
                points.append(span)
        if bound:
            blanked = _blanked_around(blanked, span, bound)
        at += 1
    return _found(points, ranges), blanked


def _blanked_around(text: str, span: Span, bound: str) -> str:
    _, led, followed = next(rule for rule in _BOUNDS if rule[0] == bound)
    for match in (re.search(led, text[: span.start], re.IGNORECASE), re.compile(followed).match(text, span.end)):
        if match:
            text = text[: match.start()] + "·" * len(match[0]) + text[match.end() :]
    return text


def _joined(text: str, one: Span, other: Span, *, compared: bool) -> bool:
    gap = text[one.end : other.start]
    if re.fullmatch(_TO + r"(?:the\s+)?(?:end of\s+)?", gap, re.IGNORECASE):
        return True
    between = re.search(r"\bbetween\s*$", text[: one.start], re.IGNORECASE) or re.match(r"\s*之间", text[other.end :])
    return bool(between) and not compared and re.fullmatch(r"\s*(?:and|和|与)\s*", gap) is not None


def _spans(text: str, units: Collection[str]) -> tuple[list[Span], str]:
    """What the forms find, in the order of the text, and the text without it."""
    found: list[Span] = []
    left = text
    for unit, pattern in _FORMS:
        if unit not in units:
            continue
        for match in list(re.finditer(pattern, left, re.IGNORECASE)):
            if (span := _span(unit, match, text)) is not None:
                found.append(span)
                left = left[: match.start()] + "·" * len(match[0]) + left[match.end() :]
    return sorted(found, key=lambda span: span.start), left


def _span(unit: str, match: re.Match[str], text: str) -> Span | None:
    names = {name: value for name, value in match.groupdict().items() if value}
    start, end, year = match.start(), match.end(), int(names.get("y") or names.get("y2") or 0)
    before, after = text[:start], text[end:]
    match unit:
        case "year":
            low, high = (0, 0) if _LIMIT.search(before) or _AMOUNT.match(after) else (1, 12)
        case "quarter":
            number = next(names[name] for name in ("q", "q2", "q3", "word") if name in names).lower()
            high = 3 * (_QUARTERS.index(number[:2]) % 4 + 1)
            low = high - 2
        case "half":
            early = (names.get("half") or names["half2"]).lower() in ("first", "1", "上")
            low, high = (1, 6) if early else (7, 12)
        case "part":
            count = number_word(names["n"]) * (3 if names["step"] in ("quarter", "季度") else 1)
            low, high = (1, count) if names["part"].lower() in ("first", "前") else (13 - count, 12)
            unit = "half" if names["step"] in ("quarter", "季度") else "month"
        case _:
            low = high = _month(names, before, after)
    if not 1 <= low <= high <= 12:
        return None
    day = int(names.get("d", 0))
    return Span(start, end, unit, year, low, high, day)  # type: ignore[arg-type]


def _month(names: dict[str, str], before: str, after: str) -> int:
    """The month's number, or 0 for a `may` that is no month."""
    if name := names.get("name", "").lower():
        plain = len(name) > 3 and name != "march"
        joined = re.match(rf"(?:{_TO}|\s+and\s+){_NAME}", after, re.IGNORECASE)
        sure = plain or "y" in names or "d" in names or _LED.search(before) or joined
        return _MONTHS.index(name[:3]) + 1 if sure else 0
    number = names.get("m") or names.get("m2")
    return int(number) if number else _ZH_MONTHS.index(names["zh"]) + 1


def _found(points: list[Span], ranges: list[tuple[Span | None, Span | None]]) -> list[Found]:
    lone = [span for span in points if span.unit == "year"]
    loose = [span for span in points if span.unit != "year"]
    ends = [span for pair in ranges for span in pair if span]
    yearless = any(not span.year for span in [*loose, *ends])
    years = {span.year for span in [*loose, *ends] if span.year}
    if len(lone) == 1 and yearless:  # `in 2024, from March to May`
        loose, ranges = _given(loose, ranges, lone[0].year)
        lone = []
    elif len(years) == 1 and not lone:  # `March and May 2024`
        loose = [span if span.year else replace(span, year=next(iter(years))) for span in loose]
    dated = [_same_year(pair) for pair in ranges]
    found: list[Found] = []
    if len(dated) == 1 and not loose and (only := _bounds(dated[0])):
        found += only
        dated = []
    months = [month for pair in dated if not _year_of(pair) for month in _months(pair)]
    if any(None in pair and not _year_of(pair) for pair in dated):
        found.append(("recent", ("Y", "0", "1")))  # `since March` is the March of the last year in the table
    stretches = [_stretch(pair) for pair in dated if _year_of(pair)]
    if stretches:
        found.append(("in", (*stretches, *(_whole(span) for span in loose if span.year))))
        loose = [span for span in loose if not span.year]
    return [*found, *_listed(lone, loose, months)]


def _given(
    loose: list[Span], ranges: list[tuple[Span | None, Span | None]], year: int
) -> tuple[list[Span], list[tuple[Span | None, Span | None]]]:
    """The same with a year for what has none."""

    def dated(span: Span | None) -> Span | None:
        return replace(span, year=year) if span and not span.year else span

    return [replace(span, year=span.year or year) for span in loose], [
        (dated(one), dated(other) if not (one and one.year) else other) for one, other in ranges
    ]


def _same_year(pair: tuple[Span | None, Span | None]) -> tuple[Span | None, Span | None]:
    """A range whose ends both have a year if one has: `from November to February 2024` begins in 2023."""
    one, other = pair
    if one and other and other.year and not one.year:
        one = replace(one, year=other.year - (one.first > other.last))
    elif one and other and one.year and not other.year:
        other = replace(other, year=one.year + (other.last < one.first))
    elif one and other and one.year == other.year and one.year and one.first > other.last:
        one = replace(one, year=one.year - 1) if one.unit != "year" else one
    return one, other


def _year_of(pair: tuple[Span | None, Span | None]) -> bool:
    return any(span and (span.year or span.unit == "day") for span in pair)


def _bounds(pair: tuple[Span | None, Span | None]) -> list[Found]:
    one, other = pair
    if not _year_of(pair):
        return []
    low, high = one.edge() if one else "", other.edge(last=True) if other else ""
    if one and other and one.unit == other.unit == "year" and low > high:
        low, high = high, low
    return [*([("from", (low,))] if low else []), *([("until", (high,))] if high else [])]


def _stretch(pair: tuple[Span | None, Span | None]) -> str:
    one, other = pair
    return f"{one.edge() if one else ''}..{other.edge(last=True) if other else ''}"


def _whole(span: Span) -> str:
    low, high = span.edge(), span.edge(last=True)
    return low if low == high else f"{low}..{high}"


def _months(pair: tuple[Span | None, Span | None]) -> list[int]:
    one, other = pair
    first, last = one.first if one else 1, other.last if other else 12
    return list(range(first, last + 1)) if first <= last else [*range(first, 13), *range(1, last + 1)]


def _listed(lone: list[Span], loose: list[Span], months: list[int]) -> list[Found]:
    """Points side by side: years, quarters and months by themselves where that means the same, else one by one."""
    years = {span.year for span in loose}
    if loose and (len(years) > 1 or any(span.unit == "day" for span in loose)) and not lone:
        return [("in", tuple(map(_whole, loose)))]
    wanted = [str(span.year) for span in [*lone, *loose] if span.year]
    quarters = [str(q) for span in loose if span.unit in ("quarter", "half") for q in range((span.first + 2) // 3, span.last // 3 + 1)]  # fmt: skip
    each = [str(month) for span in loose if span.unit == "month" for month in range(span.first, span.last + 1)]
    each += map(str, months)
    listed = (("year", wanted), ("quarter", quarters), ("month", each))
    if quarters and each:
        thirds = [str(month) for q in quarters for month in range(3 * int(q) - 2, 3 * int(q) + 1)]
        listed = (("year", wanted), ("quarter", []), ("month", [*thirds, *each]))
    return [(op, tuple(dict.fromkeys(values))) for op, values in listed if values]


_COUNTED = r"(\d{1,2}|two|three|four|five|six|seven|ten|twelve|两|二|三|四|五|六|七|十)"
_UNITS = {
    "day": "D", "天": "D", "日": "D", "week": "W", "周": "W", "month": "M", "月": "M", "quarter": "Q", "季度": "Q", "year": "Y", "年": "Y",
}  # fmt: skip
_RECENT = (
    (rf"\b(?:last|past|recent|latest)\s+{_COUNTED}\s+(day|week|month|quarter|year)s?\b(?! (?:of|in) \d)|(?:最近|近|过去)的?\s*{_COUNTED}\s*个?(天|日|周|月|季度|年)", ""),
    (r"\b(?:this|the current|the latest|the most recent)\s+(month|quarter|year)\b|(?:今|本)(年|月)|本(季度|周)|这个(月|季度)", "0"),
    (r"\b(?:last|previous)\s+(month|quarter|year)\b(?! of)|去(年)|上个?(月|季度|周)", "1"),
    (r"(前年)", "2"),
)  # fmt: skip


def recent_in(text: str, time: Column) -> tuple[list[Found], str]:
    """`this year`, `last month`, `the last 3 months`, `去年`, `近三个月`: counted back from the last date in the table."""
    found: list[Found] = []
    for pattern, skip in _RECENT:
        match = re.search(pattern, text, re.IGNORECASE)
        if match is None or re.match(r"the last year", match[0]):
            continue
        words: Sequence[str] = [group.lower() for group in match.groups() if group]
        count = "1" if skip else str(number_word(words[0]))
        unit = "Y" if words[-1] == "前年" else _UNITS[words[-1]]
        if time.grain == "year" and unit != "Y":
            continue
        found.append(("recent", (unit, skip or "0", count)))
        text = text[: match.start()] + "·" * len(match[0]) + text[match.end() :]
    return found, text
