"""The names that results carry: of an aggregate, of a step of time, of a wish; in the person's language.

Above: `cells`, `wording`, `planner`. Below: `question`.
"""
# ruff: noqa: E501 - a rule, a sentence or a line of written code stands on one line

import re
from calendar import month_name
from collections.abc import Callable
from itertools import pairwise

from genie_nb.backend.models.analyst.columns import Column, part_of
from genie_nb.backend.models.analyst.conditions import Condition
from genie_nb.backend.models.analyst.wish import Wish

__all__ = ("condition_text", "file_name", "hit_text", "label", "measured", "spaced", "step_name", "title_of", "where_text")

_AGGREGATES = {
    "sum": ("total {}", "{}合计"),
    "mean": ("average {}", "平均{}"),
    "median": ("median {}", "{}中位数"),
    "min": ("lowest {}", "最小{}"),
    "max": ("highest {}", "最大{}"),
    "std": ("standard deviation of {}", "{}标准差"),
    "count": ("number of different {}", "不同{}的个数"),
}
_STEPS = {
    "year": ("year", "年份"), "quarter": ("quarter", "季度"), "month": ("month", "月份"), "week": ("week", "周"), "day": ("day", "日期"),
    "weekday": ("weekday", "星期"), "hour": ("hour", "小时"), "decade": ("decade", "年代"), "auto": ("period", "时期"), "part": ("period", "时期"),
}  # fmt: skip
_OPS = {"is": ("", ""), "is not": ("not ", "非")}


def label(aggregate: str, column: Column | None, language: str) -> str:
    """What an aggregate of a column is called; without a column, the count of rows."""
    if column is None:
        return "行数" if language == "zh" else "number of rows"
    if aggregate == "sum" and re.match(r"total\b|sum\b|总", column.name, re.IGNORECASE):
        return column.name
    if aggregate == "mean" and re.match(r"(?:average|avg|mean)\b|平均", column.name, re.IGNORECASE):
        return column.name
    if aggregate in ("max", "min") and re.match(r"high|low|最高|最低", column.name, re.IGNORECASE):
        return column.name
    return _AGGREGATES[aggregate][language == "zh"].format(column.name)


def step_name(period: str, language: str) -> str:
    """What a step of time is called."""
    return _STEPS[period][language == "zh"]


def where_text(conditions: tuple[Condition, ...], language: str) -> str:
    """The conditions in words, e.g. `North, 2023`."""
    joint = "、" if language == "zh" else ", "
    words: list[str] = []
    dated = any(condition.op in ("year", "in", "from", "until", "recent", "latest") for condition in conditions)
    for at, condition in enumerate(conditions):
        after = conditions[at + 1] if at + 1 < len(conditions) else None
        if condition.op == "from" and after and after.op == "until" and after.column == condition.column:
            words.append(_time(f"{condition.values[0]}..{after.values[0]}", chinese=language == "zh"))
        elif not (condition.op == "until" and at and conditions[at - 1].op == "from"):
            words.append(condition_text(condition, language))
        if condition.op in ("month", "quarter") and not dated and not part_of(condition.column):
            words[-1] = f"各年{words[-1]}" if language == "zh" else f"{words[-1]} of any year"
    return joint.join(words)


def _time(value: str, *, chinese: bool) -> str:
    """`2024-03` as a person writes it, or a range `2024-03..2024-05`."""
    low, dots, high = value.partition("..")
    if dots and low and high and low != high:
        return f"{_time(low, chinese=chinese)}{'至' if chinese else ' to '}{_time(high, chinese=chinese)}"
    if "Q" in low:
        return f"{low[:4]}年第{low[-1]}季度" if chinese else f"Q{low[-1]} {low[:4]}"
    parts = [int(part) for part in low.split("-")]
    if chinese:
        units = ("月", "日") if len(low) == 5 else ("年", "月", "日")
        return "".join(f"{part}{unit}" for part, unit in zip(parts, units, strict=False))
    if len(low) == 7:
        return f"{month_name[parts[1]]} {parts[0]}"
    return f"{month_name[parts[0]]} {parts[1]}" if len(low) == 5 else low


def _numbered(values: tuple[str, ...], name: Callable[[int], str], *, chinese: bool) -> str:
    """Months or quarters by name; three and more in a row as a range."""
    numbers = [int(value) for value in values]
    if len(numbers) > 2 and all(after - before in (1, -11) for before, after in pairwise(numbers)):
        return f"{name(numbers[0])}{'至' if chinese else ' to '}{name(numbers[-1])}"
    return ("、" if chinese else " or ").join(map(name, numbers))


def condition_text(condition: Condition, language: str) -> str:
    """One condition in words."""
    chinese = language == "zh"
    values = ("、" if chinese else " or ").join(condition.values)
    match condition.op:
        case "month":
            return _numbered(condition.values, lambda at: f"{at}月" if chinese else month_name[at], chinese=chinese)
        case "quarter":
            return _numbered(condition.values, lambda at: f"第{at}季度" if chinese else f"Q{at}", chinese=chinese)
        case "year":
            return ("、" if chinese else " or ").join(f"{value}年" if chinese else value for value in condition.values)
        case "in":
            return ("、" if chinese else " or ").join(_time(value, chinese=chinese) for value in condition.values)
        case "from":
            return f"{_time(values, chinese=True)}起" if chinese else f"since {_time(values, chinese=False)}"
        case "until":
            return f"截至{_time(values, chinese=True)}" if chinese else f"until {_time(values, chinese=False)}"
        case "recent":
            return _recent(condition.values, chinese=chinese)
        case "spent":
            return "支出" if chinese else "spent"
        case "latest":
            return "最新一期" if chinese else "latest"
        case "yes" | "no":
            yes = condition.op == "yes"
            return f"{condition.column}{('为是' if yes else '为否') if chinese else f': {condition.op}'}"
        case ">" | ">=" | "<" | "<=":
            return f"{condition.column} {condition.op} {values.strip('[]')}"
        case _:
            return _OPS[condition.op][chinese] + values


def _recent(values: tuple[str, ...], *, chinese: bool) -> str:
    unit, skip, count = values
    english, words = {
        "D": ("day", "天"),
        "W": ("week", "周"),
        "M": ("month", "个月"),
        "Q": ("quarter", "个季度"),
        "Y": ("year", "年"),
    }[unit]
    if skip in ("1", "2"):
        return (
            f"表中最后一{words}的前{'一二'[int(skip) - 1]}{words}"
            if chinese
            else f"the {english} before the last in the table"
        )
    if count == "1":
        return f"表中最后一{words}" if chinese else f"the last {english} in the table"
    return f"表中最后{count}{words}" if chinese else f"the last {count} {english}s in the table"


def title_of(wish: Wish, language: str) -> str:
    """A wish in a few words, fit for a step, a chart and a file name."""
    where = where_text((*wish.conditions, *([wish.having] if wish.having and wish.having.column else [])), language)
    text = _chinese(wish) if language == "zh" else _english(wish)
    if wish.only_chart:
        text = f"画图：{text}" if language == "zh" else f"Chart of {text[:1].lower() + text[1:]}"
    if language == "zh":
        return spaced(f"{text}（{where}）" if where else text)
    return f"{text} ({where})" if where else text


def spaced(text: str) -> str:
    """Chinese text with a blank between a Chinese character and a Latin word."""
    text = re.sub(r"([\u4e00-\u9fff])([A-Za-z])", r"\1 \2", text)
    return re.sub(r"([A-Za-z])([\u4e00-\u9fff])", r"\1 \2", text)


def _english(wish: Wish) -> str:
    names = " and ".join(column.name for column in (*wish.measures, *(wish.groups if not wish.measures else ())))
    by = " and ".join(
        [*(c.name for c in wish.groups), *([step_name(wish.period, "en")] if wish.period and wish.period != "part" else [])]
    )
    shown = measured(wish, "en")
    match wish.kind:
        case "top":
            side = "Lowest" if wish.ascending else "Highest"
            return f"{side} {shown}" + (f" by {by}" if by else "") + (f", {wish.n} of them" if wish.n > 1 else "")
        case "trend":
            return f"{_upper(shown)} over time"
        case "growth":
            return f"Growth of {shown}" + (f" by {' and '.join(c.name for c in wish.groups)}" if wish.groups else "")
        case "correlation":
            return f"Correlation of {names}" if wish.measures else "Correlation of the number columns"
        case "rate":
            return f"Share of {hit_text(wish, 'en')}" + (f" by {by}" if by else "")
        case "list":
            return "Rows that fit"
        case "quality":
            return f"Missing and odd values in {names}" if names else "Missing and odd values"
        case "distribution":
            return f"Distribution of {names or 'the number columns'}" + (f" by {by}" if by and wish.measures else "")
        case "distinct":
            return f"Values of {names or (wish.time.name if wish.time else '')}"
        case "profile":
            return f"Profile of {wish.source.name}"
        case "compare":
            return f"Comparison of {shown}" + (f" by {by}" if by else "") + _sides(wish, "en")
        case _:
            return _upper(shown) + (f" by {by}" if by else "")


def _chinese(wish: Wish) -> str:
    names = "与".join(column.name for column in (*wish.measures, *(wish.groups if not wish.measures else ())))
    by = "和".join(
        [*(c.name for c in wish.groups), *([step_name(wish.period, "zh")] if wish.period and wish.period != "part" else [])]
    )
    shown = measured(wish, "zh")
    match wish.kind:
        case "top":
            return (
                (f"各{by}中" if by else "")
                + f"{shown}{'最低' if wish.ascending else '最高'}"
                + (f"的{wish.n}个" if wish.n > 1 else "")
            )
        case "trend":
            return f"{shown}的变化趋势"
        case "growth":
            return (f"各{'和'.join(c.name for c in wish.groups)}的" if wish.groups else "") + f"{shown}的增长"
        case "correlation":
            return f"{names or '数值列'}的相关性"
        case "rate":
            return (f"按{by}统计" if by else "") + f"{hit_text(wish, 'zh')}的占比"
        case "list":
            return "符合条件的行"
        case "quality":
            return f"{names or ''}缺失与异常值检查"
        case "distribution":
            return (f"各{by}" if by and wish.measures else "") + f"{names or '数值列'}的分布"
        case "distinct":
            return f"{names or (wish.time.name if wish.time else '')}的取值"
        case "profile":
            return f"{wish.source.name} 概况"
        case "compare":
            return (f"按{by}" if by else "") + f"对比{shown}" + _sides(wish, "zh")
        case _:
            return (f"按{by}统计" if by else "") + shown


def _sides(wish: Wish, language: str) -> str:
    """What is set against what."""
    if wish.side:
        return f"，{wish.side.name}之间" if language == "zh" else f" between the values of {wish.side.name}"
    listed = (" 与 " if language == "zh" else " against ").join(condition_text(side, language) for side in wish.sides)
    return (f"：{listed}" if language == "zh" else f": {listed}") if listed else ""


def hit_text(wish: Wish, language: str) -> str:
    """What a rate is the rate of, e.g. `Returned` or `math >= 60`."""
    return condition_text(wish.hit, language) if wish.hit else ""


def measured(wish: Wish, language: str) -> str:
    """What is measured, as the table calls it."""
    if wish.per:
        return (
            f"{wish.measures[0].name} / {wish.per.name}"
            if language == "zh"
            else f"{wish.measures[0].name} per {wish.per.name}"
        )
    joint = "、" if language == "zh" else ", "
    if not wish.aggregates:
        return joint.join(column.name for column in wish.measures)
    names = [
        label(aggregate, None if aggregate == "count" and (column is None or column.role == "measure") else column, language)
        for column in (wish.measures or (None,))
        for aggregate in wish.aggregates
    ]
    return joint.join(dict.fromkeys(names))


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def file_name(title: str) -> str:
    """A file name for a chart, without signs that a shell or a disk dislikes."""
    words = re.findall(r"[A-Za-z0-9\u00c0-\u024f\u4e00-\u9fff]+", title)
    return ("-".join(words).lower()[:60].rstrip("-") or "chart") + ".png"
