"""What an answer must not hide: choices that were made for the person, values left out, words not understood.

Above: `wording`. Below: `question`.
"""
# ruff: noqa: E501 - a rule, a sentence or a line of written code stands on one line

import re
from collections.abc import Mapping
from typing import Any

from genie_nb.backend.models.analyst.wish import Wish

__all__ = ("remarks",)

_STEPS = {"Y": ("year", "年"), "M": ("month", "月"), "D": ("day", "日"), "h": ("hour", "小时")}


def remarks(wish: Wish, facts: Mapping[str, Any], *, chinese: bool, missed: tuple[str, ...]) -> list[str]:
    """The remarks, each one sentence."""
    pairs = [
        *([_measures(wish)] if missed else []),
        *_headless(wish),
        *_dotted(wish),
        *_readings(wish),
        *_left_out(wish, facts),
        *_cleaned(wish, facts),
        *_spelled(wish, facts),
    ]
    return [pair[chinese] for pair in dict.fromkeys(pairs)]


def _headless(wish: Wish) -> list[tuple[str, str]]:
    """That a file's first line, taken as its header, reads like values."""
    names = [column.name for column in wish.source.columns]
    if (
        not names
        or wish.source.kind != "csv"
        or not all(re.fullmatch(r"[-+]?[\d.,/:\s-]*\d[\d.,/:\s%-]*", name) for name in names)
    ):
        return []
    shown = ", ".join(names[:4])
    return [
        (
            f"The first line of {wish.source.name} ({shown}) was taken as its header, yet reads like values. Give it a line of names.",
            f"{wish.source.name} 的第一行（{shown}）被当作表头，但看起来像数据。请加上一行列名。",
        )
    ]


def _dotted(wish: Wish) -> list[tuple[str, str]]:
    """That 1.000 was read as one, in a file whose semicolons come from where a point separates thousands."""
    if "sep=';'" not in wish.source.read or "thousands=" in wish.source.read:
        return []
    return [
        (
            f"{column.name}: the point was read as a decimal point (1.000 is 1). If it separates thousands, save the file without it.",
            f"{column.name}：小数点按小数理解（1.000 即 1）。如果它是千位分隔符，请去掉后重新保存。",
        )
        for column in wish.measures
        if column.dotted
    ]


def _measures(wish: Wish) -> tuple[str, str]:
    names = [column.name for column in wish.source.of_role("measure")[:8]]
    return (f"The number columns are: {', '.join(names) or 'none'}.", f"数值列有：{'、'.join(names) or '无'}。")


_SAID = {
    "table": ("The question fits other tables at hand as well; I took {}.", "问题同样适用于其他表，这里用的是 {}。"),
    "measure": ("No measure was named; I took “{}”.", "问题没有指明指标，这里用的是“{}”。"),
    "limit": ("The limit names no column; I set it to “{}”.", "条件没有指明列，这里用在“{}”上。"),
    "id": ("{} names things and is no quantity, so it was counted.", "{} 是标识而不是数量，因此改为计数。"),
    "latest": ("{} is a state and is not added up over time: the latest one is taken.", "{} 是存量，不跨时间相加，这里取最新一期。"),
    "ratio": ("{}: a total divided by a total.", "{}：合计除以合计。"),
    "uncounted": ("I could not tell which groups should have {} rows; this limit was not kept.", "无法判断哪些分组应满足“{} 行”，这个条件没有使用。"),
    "pass": ("A mark of {} or more counts as a pass.", "以 {} 分及以上为及格。"),
    "no time": ("There is no date column to follow over time.", "没有日期列，无法按时间分析。"),
}  # fmt: skip
"""What is said of a note of a wish; a column of text for each language."""


def _readings(wish: Wish) -> list[tuple[str, str]]:
    found = []
    for key, words in wish.notes:
        if key in _SAID:
            found.append((_SAID[key][0].format(words), _SAID[key][1].format(words)))
        elif key == "ambiguous":
            word, taken, *others = words.split("|")
            found.append(
                (
                    f"I read “{word}” as the column “{taken}” (it could also be {', '.join(others)}).",
                    f"“{word}”按“{taken}”列理解（也可能指{'、'.join(others)}）。",
                )
            )
        elif key == "popular":
            found.append(
                (
                    f"How popular a thing is, is not in the table; I took {f'the sum of “{words}”' if words else 'the number of rows'}.",
                    f"表中没有“受欢迎程度”，这里按{f'“{words}”合计' if words else '行数'}计算。",
                )
            )
    return found


def _left_out(wish: Wish, facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    unread = {name: count for name, count in (facts.get("unread") or {}).items() if count}
    found = [
        (
            f"{count:,} value{'s' if count > 1 else ''} of {name} could not be read as a number or date and {'were' if count > 1 else 'was'} left out.",
            f"{name} 中有 {count:,} 个值无法解析为数字或日期，已排除。",
        )
        for name, count in unread.items()
    ]
    if wish.per and (halved := facts.get("halved")) and halved[0]:
        one, other = wish.measures[0].name, wish.per.name
        gone = f"{halved[0]:,} of {halved[1]:,} rows {'lack' if halved[0] > 1 else 'lacks'}"
        found.append(
            (
                f"{gone} {one} or {other} and {'were' if halved[0] > 1 else 'was'} left out.",
                f"{halved[1]:,} 行中有 {halved[0]:,} 行缺少{one}或{other}，已排除。",
            )
        )
    for name, count in (facts.get("missing") or {}).items():
        gone = count - unread.get(name, 0)
        if gone > 0:
            found.append(
                (
                    f"{gone:,} of {facts['used']:,} rows {'have' if gone > 1 else 'has'} no {name} and {'were' if gone > 1 else 'was'} left out.",
                    f"{facts['used']:,} 行中有 {gone:,} 行没有{name}，已排除。",
                )
            )
    for name, (text, date, other) in (facts.get("order") or {}).items():
        first = ("day", "日") if text[:2] == date[8:10] else ("month", "月")
        more = (
            (", though every date could be read the other way round", "，但所有日期也都可以反过来理解")
            if other
            else ("", "")
        )
        found.append(
            (
                f"{name}: {text} was read as {date[:10]}, the {first[0]} first{more[0]}.",
                f"{name}：{text} 按{first[1]}在前理解为 {date[:10]}{more[1]}。",
            )
        )
    if step := _STEPS.get(str(facts.get("step", ""))):
        found.append((f"Periods are {step[0]}s.", f"按{step[1]}划分时期。"))
    return found


def _cleaned(wish: Wish, facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    read = facts.get("unread") or {}  # the columns that had to be read from text, also those without a fault
    names = [column.name for column in wish.measures if column.role == "measure" and column.name in read]
    if not names:
        return []
    return [
        (
            f"{', '.join(names)}: numbers written as text were turned into numbers.",
            f"{'、'.join(names)}：以文本书写的数字已转换为数值。",
        )
    ]


def _spelled(wish: Wish, facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Values that differ only in capital letters or blanks: which were taken, and which stand apart."""
    conditions = (*wish.conditions, *wish.sides, *([wish.hit] if wish.hit else []))
    groups = {column.name for column in (*wish.groups, *([wish.side] if wish.side else []))}
    found = []
    for column, sets in (facts.get("spelled") or {}).items() if wish.kind != "quality" else ():
        chosen = {value for c in conditions if c.column == column and c.op in ("is", "is not") for value in c.values}
        for same in sets:
            taken, left = (
                [f"“{value}” ({count})" for value, count in same.items() if (value.strip() in chosen) == wanted]
                for wanted in (True, False)
            )
            listed, listed_zh = " and ".join([*taken, *left]), "与".join([*taken, *left])
            if taken and left:
                found.append(
                    (
                        f"{', '.join(taken)} was taken as it is written; {', '.join(left)}, the same but for capital letters or blanks, was left out.",
                        f"按原样取{'、'.join(taken)}；仅大小写或空格不同的{'、'.join(left)}未计入。",
                    )
                )
            elif taken or (column in groups and not chosen and len({value.strip() for value in same}) == 1):
                found.append(
                    (
                        f"{listed} differ only in capital letters or blanks and were taken together.",
                        f"{listed_zh}仅大小写或空格不同，已合并。",
                    )
                )
            elif column in groups and not chosen:
                found.append(
                    (
                        f"{listed} differ only in capital letters or blanks, yet stand as groups of their own.",
                        f"{listed_zh}仅大小写或空格不同，但分开统计。",
                    )
                )
    return found
