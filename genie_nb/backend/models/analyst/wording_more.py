"""What correlations, quality checks, distributions, lists and profiles say.

Above: `wording`. Below: `telling`, `numbers`.
"""
# ruff: noqa: E501 - a rule, a sentence or a line of written code stands on one line

import re

from genie_nb.backend.models.analyst.labels import hit_text, step_name
from genie_nb.backend.models.analyst.numbers import coefficient, figure, percent
from genie_nb.backend.models.analyst.telling import Told

__all__ = (
    "correlation_text",
    "distinct_text",
    "distribution_text",
    "limited_text",
    "list_text",
    "profile_text",
    "quality_text",
    "rate_text",
)


def correlation_text(told: Told) -> str:
    """How strongly the first pair goes together."""
    one, other, r, count = told.rows[0]
    if r is None:
        return told.say(f"No correlation can be computed for {one} and {other}.", f"无法计算 {one} 与 {other} 的相关系数。")
    size = abs(r)
    strength = (
        ("strong", "强")
        if size >= 0.7
        else ("moderate", "中等")
        if size >= 0.4
        else ("weak", "弱")
        if size >= 0.1
        else ("no clear", "")
    )
    way = ("", "") if size < 0.1 else ("positive ", "正") if r > 0 else ("negative ", "负")
    first = told.say(
        f"{one} and {other} show {'' if size < 0.1 else 'a '}{strength[0]} {way[0]}correlation{told.where()}: r = {coefficient(r)} (Pearson, {count:,} rows).",
        f"{one}与{other}{'几乎没有' if size < 0.1 else '呈' + strength[1] + way[1]}相关{told.where()}：r = {coefficient(r)}（皮尔逊，{count:,} 行）。",
    )
    rest = "" if len(told.rows) == 1 else "\n\n" + told.grid()
    return (
        first
        + _without_odd(told)
        + rest
        + "\n\n"
        + told.say("A correlation alone says nothing of cause.", "相关并不等于因果。")
    )


def _without_odd(told: Told) -> str:
    """What the coefficients are without values that are far from all others, where that makes a difference."""
    text = ""
    for pair, found in (told.facts.get("without") or {}).items():
        listed = told.say(", ", "、").join(
            f"{name} {', '.join(figure(value) for value in values[:5])}" for name, values in found["odd"].items() if values
        )
        one, other = pair.split("|", 1)
        whose = "" if len(told.rows) == 1 else told.say(f" for {one} and {other}", f"{one}与{other}")
        text += told.say(
            f" Beware: some values are so far from all others that they look wrong ({listed}). Without them r = {coefficient(found['r'])}{whose} ({found['rows']:,} rows).",
            f"注意：有些值与其他值相差极大，很可能有误（{listed}）。去掉它们后{whose} r = {coefficient(found['r'])}（{found['rows']:,} 行）。",
        )
    return text


def quality_text(told: Told) -> str:
    """Missing, doubled and odd values; what was asked for comes first."""
    rows, joint = told.rows, told.say(", ", "、")
    missing = [
        f"{name} {gone:,}" + told.aside(percent(share))
        for name, gone, share, *_ in sorted(rows, key=lambda row: -row[1])
        if gone
    ]
    total = sum(row[1] for row in rows)
    counts = {at: joint.join(f"{row[0]} {row[at]:,}" for row in rows if row[at]) for at in (3, 4, 5)}
    doubled = told.facts.get("duplicates", 0)
    chosen = bool(told.wish.measures or told.wish.groups) and not told.wish.conditions  # it may be asked of fewer rows
    whole = told.say(f"In all {told.facts['all_rows']:,} rows, ", f"全部 {told.facts['all_rows']:,} 行中") if chosen else ""
    lines = {
        "missing": told.say(
            f"{whole}{total:,} value{'s are' if total > 1 else ' is'} missing: {joint.join(missing)}."
            if missing
            else "No values are missing.",
            f"{whole}共缺失 {total:,} 个值：{joint.join(missing)}。" if missing else "没有缺失值。",
        ),
        "odd": _outliers(told),
        "doubled": told.say(
            f"{doubled:,} row{'s are duplicates' if doubled > 1 else ' is a duplicate'}."
            if doubled
            else "No row is a duplicate.",
            f"有 {doubled:,} 行重复。" if doubled else "没有重复行。",
        ),
        "negative": told.say(f"Negative values: {counts[4] or 'none'}.", f"负值：{counts[4] or '无'}。"),
    }
    if spelled := _spelled(told):
        lines["spelled"] = spelled
    if counts[5]:
        lines["unread"] = told.say(
            f"Values that are no number or date: {counts[5]}.", f"无法解析为数字或日期的值：{counts[5]}。"
        )
    first = next((name for name, words in _FOCUS.items() if re.search(words, told.wish.text, re.IGNORECASE)), "missing")
    rest = [line for name, line in lines.items() if name != first]
    return lines[first] + "\n\n" + "\n".join(f"- {line}" for line in rest)


_FOCUS = {
    "missing": "missing|null|nan|empty|blank|缺失|空",
    "doubled": "duplicat|重复",
    "negative": "negative|负",
    "odd": "outlier|odd|anomal|unusual|strange|异常|离群",
}


def _outliers(told: Told) -> str:
    odd = told.facts.get("odd") or {}
    found = []
    for row in told.rows:
        if row[3]:
            values = [figure(value) for value in odd.get(str(row[0]), [])] + ["…"] * (row[3] > 5)
            found.append(f"{row[0]} {row[3]:,}" + told.aside(told.say(", ", "、").join(values)))
    if not found:
        return told.say("No outliers by the 1.5 × IQR rule.", "按 1.5 倍四分位距规则没有离群值。")
    return told.say(
        f"Outliers by the 1.5 × IQR rule: {', '.join(found)}.", f"离群值（1.5 倍四分位距）：{'、'.join(found)}。"
    )


def _spelled(told: Told) -> str:
    joint = told.say(", ", "、")
    found = [
        f"{name} " + told.say(" and ", "与").join(f"“{value}”{told.aside(f'{count:,}')}" for value, count in same.items())
        for name, sets in (told.facts.get("spelled") or {}).items()
        for same in sets
    ]
    return (
        told.say(
            f"The same but for capital letters or blanks: {joint.join(found)}.",
            f"仅大小写或空格不同的取值：{joint.join(found)}。",
        )
        if found
        else ""
    )


def distribution_text(told: Told) -> str:
    """How values spread."""
    if told.facts.get("of") == "category":
        top = told.rows[0]
        named = " / ".join("–" if value is None else figure(value) for value in top[:-2])
        column = " / ".join(told.heads[:-2])
        first = told.say(
            f"The most common {column}{told.where()} is {named}: {top[-2]:,} of {told.facts['used']:,} rows ({percent(top[-1])}).",
            f"{column}{told.where()}中最多的是{named}：{told.facts['used']:,} 行中有 {top[-2]:,} 行（{percent(top[-1])}）。",
        )
        return f"{first}\n\n{told.grid()}"
    name, count, mean, _, low, q1, median, q3, high = told.rows[0]
    sign = told.sign()
    if told.wish.groups:
        first = told.say(
            f"The distribution of {told.wish.measures[0].name} by {told.wish.groups[0].name}:",
            f"各{told.wish.groups[0].name}的{told.wish.measures[0].name}分布：",
        )
        return f"{first}\n\n{told.grid()}"
    low, q1, median, q3, high, mean = (figure(value, sign) for value in (low, q1, median, q3, high, mean))
    first = told.say(
        f"{name}{told.where()} has a median of {median} and a mean of {mean}; the middle half lies between {q1} and {q3}, all {int(count):,} values between {low} and {high}.",
        f"{name}{told.where()}的中位数为 {median}，平均为 {mean}；中间一半的值在 {q1} 到 {q3} 之间，全部 {int(count):,} 个值在 {low} 到 {high} 之间。",
    )
    return f"{first}\n\n{told.grid()}"


def rate_text(told: Told) -> str:
    """What share of the rows is hit, whole and by group."""
    hit, facts = hit_text(told.wish, "zh" if told.chinese else "en"), told.facts
    hits, used = facts["hits"], facts["used"]
    whole = percent(100 * hits / used, exact=True)
    first = told.say(
        f"{whole} of the rows{told.where()} are “{hit}”: {hits:,} of {used:,}.",
        f"{told.where()}“{hit}”占 {whole}：{used:,} 行中有 {hits:,} 行。",
    )
    if blank := facts.get("blank"):
        name = told.wish.hit.column if told.wish.hit else ""
        first += told.say(f" {blank:,} rows without {name} are left out.", f"{blank:,} 行没有{name}，未计入。")
    if not (told.wish.groups or told.wish.period):
        return first
    best = max(told.rows, key=lambda row: row[-1])
    low = min(told.rows, key=lambda row: row[-1])
    then = told.say(
        f"It is highest for {told.key(best)} ({percent(best[-1])}) and lowest for {told.key(low)} ({percent(low[-1])}).",
        f"{told.key(best)}最高（{percent(best[-1])}），{told.key(low)}最低（{percent(low[-1])}）。",
    )
    return f"{first} {then}\n\n{told.grid()}" if not told.chinese else f"{first}{then}\n\n{told.grid()}"


def list_text(told: Told) -> str:
    """The rows that fit the conditions, counted and shown."""
    used, whole, where = told.facts["used"], told.facts["all_rows"], told.where().strip(" ()（）")
    first = told.say(
        f"{used:,} of {whole:,} rows ({percent(100 * used / whole)}) fit: {where}.",
        f"“{where}”共 {used:,} 行，占全部 {whole:,} 行的 {percent(100 * used / whole)}。",
    )
    return f"{first}\n\n{told.grid()}"


def limited_text(told: Told) -> str:
    """The groups whose number keeps a limit."""
    wish, rows, limit = told.wish, told.rows, told.wish.having
    assert limit is not None
    name = " / ".join([*(column.name for column in wish.groups), *([step_name(wish.period, "zh" if told.chinese else "en")] if wish.period else [])])  # fmt: skip
    what = f"{told.measured()} {limit.op} {limit.values[0]}"
    if not rows:
        return told.say(f"No {name} has {what}{told.where()}.", f"没有{name}的{what}{told.where()}。")
    count, groups = told.facts["count"], told.facts["groups"]
    listed = told.say(", ", "、").join(told.key(row) + told.aside(told.shown(row)) for row in rows[:10])
    first = told.say(
        f"{count:,} of {groups:,} groups by {name} {'has' if count == 1 else 'have'} {what}{told.where()}: {listed}.",
        f"按{name}分的 {groups:,} 组中有 {count:,} 组的{what}{told.where()}：{listed}。",
    )
    return f"{first}\n\n{told.grid()}" if count > 1 else first


def distinct_text(told: Told) -> str:
    """Which values a column has."""
    column, count = told.facts["column"], told.facts["count"]
    shown = told.say(", ", "、").join(
        figure(row[0]) if not isinstance(row[0], int) else str(row[0]) for row in told.rows[:12]
    )
    more = told.say(f" and {count - 12:,} more", "等") if count > 12 else ""
    return told.say(
        f"{column} has {count:,} different values{told.where()}: {shown}{more}.",
        f"{column}{told.where()}共有 {count:,} 个不同的值：{shown}{more}。",
    )


def profile_text(told: Told) -> str:
    """What a table holds."""
    rows, facts = told.rows, told.facts
    gone = sum(row[2] for row in rows)
    names = told.say(", ", "、").join(str(row[0]) for row in rows[:12])
    first = told.say(
        f"{told.wish.source.name} has {facts['all_rows']:,} rows and {facts['count']:,} columns: {names}.",
        f"{told.wish.source.name} 有 {facts['all_rows']:,} 行、{facts['count']:,} 列：{names}。",
    )
    doubled = facts.get("duplicates", 0)
    state = told.say(
        (f"{gone:,} value{'s are' if gone > 1 else ' is'} missing" if gone else "No values are missing")
        + (
            f"; {doubled:,} row{'s are duplicates' if doubled > 1 else ' is a duplicate'}."
            if doubled
            else "; no row is a duplicate."
        ),
        (f"缺失 {gone:,} 个值" if gone else "没有缺失值") + (f"；有 {doubled:,} 行重复。" if doubled else "；没有重复行。"),
    )
    return f"{first}\n\n{told.grid()}\n\n{state}"
