"""What an answer must not hide: choices that were made for the person, values left out, words not understood.

Above: `wording`. Below: `question`.
"""

from collections.abc import Mapping
from typing import Any

from genie_nb.backend.models.analyst.question import Wish

__all__ = ("remarks",)

_AGGREGATES = {"sum": ("added up", "求和"), "mean": ("averaged", "求平均")}
_STEPS = {"Y": ("year", "年"), "M": ("month", "月"), "D": ("day", "日"), "h": ("hour", "小时")}


def remarks(wish: Wish, facts: Mapping[str, Any], *, chinese: bool, missed: tuple[str, ...]) -> list[str]:
    """The remarks, each one sentence."""
    pairs = [*(_missed(word, wish) for word in missed), *_readings(wish), *_left_out(wish, facts), *_cleaned(wish)]
    return [pair[chinese] for pair in dict.fromkeys(pairs)]


def _missed(word: str, wish: Wish) -> tuple[str, str]:
    measures = ", ".join(column.name for column in wish.source.of_role("measure")[:8])
    name = wish.source.name
    return (
        f"“{word}” is neither a column nor a value in {name} and was left out of account. Its number columns: {measures or 'none'}.",
        f"“{word}”在 {name} 中既不是列名也不是取值,未予考虑。数值列有:{measures or '无'}。",
    )


def _readings(wish: Wish) -> list[tuple[str, str]]:
    found = []
    for key, words in wish.notes:
        match key:
            case "measure":
                found.append((f"No measure was named; I took “{words}”.", f"问题没有指明指标,这里用的是“{words}”。"))
            case "ambiguous":
                word, taken, *others = words.split("|")
                other, other_zh = ", ".join(others), "、".join(others)
                found.append((f"I read “{word}” as the column “{taken}” (it could also be {other}).", f"“{word}”按“{taken}”列理解(也可能指{other_zh})。"))
            case "aggregate" if wish.measures:
                name = "/".join(column.name for column in wish.measures)
                how = _AGGREGATES[words]
                found.append((f"No way to combine rows was named; {name} was {how[0]}.", f"问题没有指明汇总方式,{name} 按{how[1]}处理。"))
            case "no time":
                found.append(("There is no date column to follow over time.", "没有日期列,无法按时间分析。"))
    return found


def _left_out(wish: Wish, facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    unread = {name: count for name, count in (facts.get("unread") or {}).items() if count}
    found = [
        (f"{count:,} value{'s' if count > 1 else ''} of {name} could not be read as a number or date and {'were' if count > 1 else 'was'} left out.", f"{name} 中有 {count:,} 个值无法解析为数字或日期,已排除。")
        for name, count in unread.items()
    ]
    for name, count in (facts.get("missing") or {}).items():
        gone = count - unread.get(name, 0)
        if gone > 0:
            found.append((f"{gone:,} of {facts['used']:,} rows have no {name} and were left out.", f"{facts['used']:,} 行中有 {gone:,} 行没有{name},已排除。"))
    if step := _STEPS.get(str(facts.get("step", ""))):
        found.append((f"Periods are {step[0]}s.", f"按{step[1]}划分时期。"))
    return found


def _cleaned(wish: Wish) -> list[tuple[str, str]]:
    names = [column.name for column in wish.measures if column.role == "measure" and not column.clean]
    if not names:
        return []
    return [(f"{', '.join(names)}: numbers written as text were turned into numbers.", f"{'、'.join(names)}:以文本书写的数字已转换为数值。")]
