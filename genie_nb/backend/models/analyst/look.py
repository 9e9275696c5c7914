"""What the look into the rows found, worked into a wish: values named in the question become conditions or groups.

Above: `executor`. Below: `leftovers`, `question`.
"""
# ruff: noqa: E501 - a rule, a sentence or a line of written code stands on one line

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from genie_nb.backend.models.analyst.columns import Column, part_of, stem
from genie_nb.backend.models.analyst.conditions import Condition
from genie_nb.backend.models.analyst.intents import AGGREGATES, PERIODS, has
from genie_nb.backend.models.analyst.leftovers import unresolved
from genie_nb.backend.models.analyst.wish import Wish

__all__ = ("unread_times", "with_values")

_PARTICLES = frozenset("是否有无大中小高低上下不一二三四")
"""Values of one character that every Chinese sentence holds anyway."""
_WITHOUT = r"(?:\b(?:except|excluding|without|not|other than|besides|apart from|exclude|leav(?:e|ing) out|remove|ignor(?:e|ing)|drop)\b[^,.;]{0,20}|(?:除了?|除去|去掉|去除|扣除|不算|不含|不包括|排除|剔除|非))\s*"


_UNREAD_TIMES = re.compile(
    r"\bQ(?:[05-9]|\d\d)\b|第[五六七八九]季度|\bweek \d+|\b(?:first|second|third|fourth|last|\d(?:st|nd|rd|th)) week (?:of|in)\b|\bweekends?\b|\b(?:early|mid|late)[- ](?=[A-Z\d])"
    r"|\b(?:spring|summer|autumn|winter|fiscal year)\b|\b(?:beginning|end) of\b|周末|第\d+周|[上中下]旬|月[初底末]|年[初底末]|[春夏秋冬]季|财年",
    re.IGNORECASE,
)
"""Times that no rule reads; an answer without them would be one to another question."""
_QUARTERS = re.compile(
    r"\b(?:Q|quarter )[1-4]\b|\b(?:first|second|third|fourth|last) quarter\b|第?[一二三四1-4]季度", re.IGNORECASE
)


def with_values(wish: Wish, named: Mapping[str, Sequence[str]]) -> tuple[Wish, tuple[str, ...]]:
    """The wish with the values that it names, and the names that were found nowhere."""
    mine = {
        column: [value for value in values if value not in _PARTICLES and _in(value, wish.seek)]
        for column, values in named.items()
    }
    found = [value for values in mine.values() for value in values]
    found += [word for value in found for word in wish.loose.split() if begins(value, word)]
    for name, values in mine.items():
        column = wish.source.column(name)
        if not values or column is None:
            continue
        without = [value for value in values if re.search(_WITHOUT + re.escape(value), wish.text, re.IGNORECASE)]
        kept = tuple(value for value in values if value not in without)
        if without:
            wish = replace(wish, conditions=(*wish.conditions, Condition(name, "is not", tuple(without))))
        if kept:
            wish = _with_kept(wish, name, kept)
    vague = (wish.aggregates == ("count",) or wish.share) and wish.kind == "aggregate"
    measured = any(column.role == "measure" for column in wish.measures)
    strict = vague and not (measured or ((wish.conditions or wish.groups or wish.period) and not wish.share))
    return wish, tuple(unresolved(wish.loose, wish.text, found, strict=strict))


def unread_times(wish: Wish) -> tuple[str, ...]:
    """The times in a wish's words that no rule reads, or that the table has no column for."""
    patterns = [_UNREAD_TIMES] if wish.source.of_role("time") else []
    columns = wish.source.columns
    found: list[str] = []
    if not any(column.grain == "date" for column in columns):
        if not any(condition.op in ("quarter", "month") for condition in (*wish.conditions, *wish.sides)):
            patterns.append(_QUARTERS)
        steps = (
            step
            for step in ("month", "quarter", "week", "weekday", "day", "hour")
            if not any(_holds(c, step) for c in columns)
        )
        found = [word[0] for step in steps if (word := PERIODS[step].search(wish.text))]
    found += [match[0] for pattern in patterns for match in pattern.finditer(wish.text)]
    return tuple(words for words in dict.fromkeys(found) if wish.source.column(words) is None)


def _holds(column: Column, step: str) -> bool:
    return (
        part_of(column.name) == step or step in column.name.lower() or (column.grain == "part" and not column.name.isascii())
    )


def begins(value: str, word: str) -> bool:
    """Whether a word is the start of a value, as `engineers` is of `Engineering`."""
    word = stem(word)
    return len(word) >= 5 and word.isascii() and " " not in value and value.lower().startswith(word)


def _in(value: str, words: str) -> bool:
    if not value.isascii() and len(value) > 2 and value.rstrip("市省区县店部") in words:
        return True
    return value.lower() in words.lower() or any(begins(value, word) for word in words.split())


def _with_kept(wish: Wish, name: str, kept: tuple[str, ...]) -> Wish:
    column = wish.source.column(name)
    if column is None:
        return wish
    if wish.kind == "rate":
        groups = wish.groups if len(kept) < 2 or column in wish.groups else (*wish.groups, column)
        return replace(wish, conditions=(*wish.conditions, Condition(name, "is", kept)), groups=groups)
    if wish.share and wish.groups and len(kept) > 1 and column not in wish.groups:
        return replace(wish, groups=(*wish.groups, column), conditions=(*wish.conditions, Condition(name, "is", kept)))
    others = tuple(group for group in wish.groups if group != column)
    several = len({value.casefold() for value in kept}) > 1
    joined = not several or re.search(r"\bor\b|或", wish.text)
    if wish.share and joined and not any(c.role == "measure" for c in wish.measures) and not wish.period:
        return replace(wish, kind="rate", hit=Condition(name, "is", kept), groups=others, measures=(), notes=())
    free = not wish.groups and not wish.period
    if wish.share and free and not several:
        return replace(wish, groups=(column,), kind="aggregate", focus=kept[0])
    if wish.kind == "compare" and others and not wish.sides and several:
        ordered = sorted(kept, key=lambda value: wish.text.lower().find(value.lower()))
        return replace(wish, groups=others, sides=tuple(Condition(name, "is", (value,)) for value in ordered))
    wish = replace(wish, conditions=(*wish.conditions, Condition(name, "is", kept)))
    if not several and column in wish.groups:
        guessed = wish.kind == "aggregate" and any(key == "measure" for key, _ in wish.notes)
        if guessed and others == () and not any(has(aggregate, wish.text) for aggregate in AGGREGATES):
            return replace(wish, kind="list", groups=(), measures=(), aggregates=(), notes=())
        return replace(wish, groups=others)
    if not several or column in wish.groups:
        return wish
    if wish.kind == "trend":
        return replace(wish, kind="growth", groups=(column,))
    if wish.kind in ("aggregate", "compare", "top", "distribution") and free:
        aggregates = wish.aggregates or (("mean",) if wish.measures and wish.measures[0].averaged else ("sum",))
        kind = "compare" if wish.kind == "top" else wish.kind
        return replace(wish, kind=kind, groups=(column,), aggregates=aggregates if kind != "distribution" else ())
    return wish
