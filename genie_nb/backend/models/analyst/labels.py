"""The names that results carry: of an aggregate, of a step of time, of a wish; in the person's language.

Above: `cells`, `wording`, `planner`. Below: `question`.
"""
# ruff: noqa: E501 - a rule, a sentence or a line of written code stands on one line

import re
from calendar import month_name

from genie_nb.backend.models.analyst.columns import Column
from genie_nb.backend.models.analyst.conditions import Condition
from genie_nb.backend.models.analyst.wish import Wish

__all__ = ("file_name", "hit_text", "label", "spaced", "step_name", "title_of", "where_text")

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
_OPS = {"is": ("", ""), "is not": ("not ", "非"), "from": ("since ", "自"), "until": ("until ", "至")}


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
    return joint.join(_condition(condition, language) for condition in conditions)


def _condition(condition: Condition, language: str) -> str:
    chinese = language == "zh"
    values = ("、" if chinese else " or ").join(condition.values)
    match condition.op:
        case "month":
            return f"{values}月" if chinese else " or ".join(month_name[int(value)] for value in condition.values)
        case "quarter":
            return f"第{values}季度" if chinese else f"Q{values}"
        case "year":
            return f"{values}年" if chinese else values
        case "recent":
            return _recent(condition.values, chinese=chinese)
        case "days":
            return ("至" if chinese else " to ").join(dict.fromkeys(condition.values))
        case "spent":
            return "支出" if chinese else "spent"
        case "latest":
            return "最新一期" if chinese else "latest"
        case "yes":
            return f"{condition.column}{'为是' if chinese else ': yes'}"
        case ">" | ">=" | "<" | "<=":
            return f"{condition.column} {condition.op} {values.strip('[]')}"
        case _:
            return _OPS[condition.op][chinese] + values + ("年" if chinese and condition.op in ("from", "until") else "")


def _recent(values: tuple[str, ...], *, chinese: bool) -> str:
    unit, skip, count = values
    english, words = {
        "D": ("day", "天"),
        "W": ("week", "周"),
        "M": ("month", "个月"),
        "Q": ("quarter", "个季度"),
        "Y": ("year", "年"),
    }[unit]
    if skip == "1":
        return f"表中最后一{words}的前一{words}" if chinese else f"the {english} before the last in the table"
    if count == "1":
        return f"表中最后一{words}" if chinese else f"the last {english} in the table"
    return f"表中最后{count}{words}" if chinese else f"the last {count} {english}s in the table"


def title_of(wish: Wish, language: str) -> str:
    """A wish in a few words, fit for a step, a chart and a file name."""
    where = where_text(wish.conditions, language)
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
    measured = _measured(wish, "en")
    match wish.kind:
        case "top":
            side = "Lowest" if wish.ascending else "Highest"
            return f"{side} {measured}" + (f" by {by}" if by else "") + (f", {wish.n} of them" if wish.n > 1 else "")
        case "trend":
            return f"{_upper(measured)} over time"
        case "growth":
            return f"Growth of {measured} by {' and '.join(c.name for c in wish.groups)}"
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
            return f"Comparison of {measured}" + (f" by {by}" if by else "")
        case _:
            return _upper(measured) + (f" by {by}" if by else "")


def _chinese(wish: Wish) -> str:
    names = "与".join(column.name for column in (*wish.measures, *(wish.groups if not wish.measures else ())))
    by = "和".join(
        [*(c.name for c in wish.groups), *([step_name(wish.period, "zh")] if wish.period and wish.period != "part" else [])]
    )
    measured = _measured(wish, "zh")
    match wish.kind:
        case "top":
            return (
                (f"各{by}中" if by else "")
                + f"{measured}{'最低' if wish.ascending else '最高'}"
                + (f"的{wish.n}个" if wish.n > 1 else "")
            )
        case "trend":
            return f"{measured}的变化趋势"
        case "growth":
            return f"各{'和'.join(c.name for c in wish.groups)}的{measured}的增长"
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
            return (f"按{by}" if by else "") + f"对比{measured}"
        case _:
            return (f"按{by}统计" if by else "") + measured


def hit_text(wish: Wish, language: str) -> str:
    """What a rate is the rate of, e.g. `Returned` or `math >= 60`."""
    return _condition(wish.hit, language) if wish.hit else ""


def _measured(wish: Wish, language: str) -> str:
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
