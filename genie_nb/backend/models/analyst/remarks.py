"""What an answer must not hide: choices that were made for the person, values left out, words not understood.

Above: `wording`. Below: `question`.
"""
# ruff: noqa: E501 - a rule, a sentence or a line of written code stands on one line

from collections.abc import Mapping
from typing import Any

from genie_nb.backend.models.analyst.wish import Wish

__all__ = ("remarks",)

_STEPS = {"Y": ("year", "年"), "M": ("month", "月"), "D": ("day", "日"), "h": ("hour", "小时")}


def remarks(wish: Wish, facts: Mapping[str, Any], *, chinese: bool, missed: tuple[str, ...]) -> list[str]:
    """The remarks, each one sentence."""
    pairs = [*([_measures(wish)] if missed else []), *_readings(wish), *_left_out(wish, facts), *_cleaned(wish, facts)]
    return [pair[chinese] for pair in dict.fromkeys(pairs)]


def _measures(wish: Wish) -> tuple[str, str]:
    names = [column.name for column in wish.source.of_role("measure")[:8]]
    return (f"The number columns are: {', '.join(names) or 'none'}.", f"数值列有：{'、'.join(names) or '无'}。")


def _readings(wish: Wish) -> list[tuple[str, str]]:
    found = []
    for key, words in wish.notes:
        match key:
            case "measure":
                found.append((f"No measure was named; I took “{words}”.", f"问题没有指明指标，这里用的是“{words}”。"))
            case "ambiguous":
                word, taken, *others = words.split("|")
                other, other_zh = ", ".join(others), "、".join(others)
                found.append(
                    (
                        f"I read “{word}” as the column “{taken}” (it could also be {other}).",
                        f"“{word}”按“{taken}”列理解（也可能指{other_zh}）。",
                    )
                )
            case "id":
                found.append(
                    (
                        f"{words} names things and is no quantity, so it was counted.",
                        f"{words} 是标识而不是数量，因此改为计数。",
                    )
                )
            case "latest":
                found.append(
                    (
                        f"{words} is a state and is not added up over time: the latest one is taken.",
                        f"{words} 是存量，不跨时间相加，这里取最新一期。",
                    )
                )
            case "pass":
                found.append((f"A mark of {words} or more counts as a pass.", f"以 {words} 分及以上为及格。"))
            case "no time":
                found.append(("There is no date column to follow over time.", "没有日期列，无法按时间分析。"))
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
    for name, count in (facts.get("missing") or {}).items():
        gone = count - unread.get(name, 0)
        if gone > 0:
            found.append(
                (
                    f"{gone:,} of {facts['used']:,} rows have no {name} and were left out.",
                    f"{facts['used']:,} 行中有 {gone:,} 行没有{name}，已排除。",
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
