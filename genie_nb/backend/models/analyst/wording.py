"""What a result says, as short Markdown in English or Chinese: a first sentence, a small table, and what must be told.

Above: `executor`. Below: `telling`, `remarks`, `numbers`, `labels`, `question`.
"""
# ruff: noqa: E501 - a rule, a sentence or a line of written code stands on one line

from typing import Any

from genie_nb.backend.models.analyst.labels import spaced, step_name, title_of, where_text
from genie_nb.backend.models.analyst.numbers import figure, percent
from genie_nb.backend.models.analyst.remarks import remarks
from genie_nb.backend.models.analyst.telling import Facts, Told, lower, upper
from genie_nb.backend.models.analyst.wish import Wish
from genie_nb.backend.models.analyst.wording_more import (
    correlation_text,
    distinct_text,
    distribution_text,
    limited_text,
    list_text,
    profile_text,
    quality_text,
    rate_text,
)

__all__ = ("answer_text", "no_rows_text")


def answer_text(wish: Wish, facts: Facts, language: str, missed: tuple[str, ...] = ()) -> str:
    """The answer that a result gives to a wish."""
    told = Told(wish, facts, language == "zh")
    if facts.get("all_rows") == 0:
        return told.say(
            f"{wish.source.name} has no rows, only a header ({', '.join(c.name for c in wish.source.columns)}), so there is nothing to compute. Give a file that has rows.",
            f"{wish.source.name} 只有表头（{'、'.join(c.name for c in wish.source.columns)}），没有数据行，因此无法计算。请提供含有数据行的文件。",
        )
    if not facts.get("used") and wish.kind not in ("quality", "profile"):
        return _with_remarks(told, no_rows_text(told), ())
    if wish.having:
        return _with_remarks(told, limited_text(told), missed)
    if not told.rows:
        return told.say(f"{title_of(wish, 'en')}: no values to compute from.", f"{title_of(wish, 'zh')}：没有可计算的数值。")
    body = "" if wish.only_chart else _BODIES.get(wish.kind, _aggregate)(told)
    if chart := facts.get("chart"):
        body += ("\n\n" if body else "") + told.say(
            f"The chart `{chart}` shows {lower(title_of(wish, 'en').removeprefix('Chart of '))}.",
            f"图表 `{chart}` 展示了{title_of(wish, 'zh').removeprefix('画图：')}。",
        )
    return _with_remarks(told, body, missed)


def _with_remarks(told: Told, body: str, missed: tuple[str, ...]) -> str:
    """The body, after the words that were not understood, and before what must be told besides."""
    wish, facts = told.wish, told.facts
    if missed:
        listed = told.say(", ", "、").join(f"“{word}”" for word in missed)
        are = "are neither columns nor values" if len(missed) > 1 else "is neither a column nor a value"
        body = (
            told.say(
                f"{listed} {are} in {wish.source.name}. Without it: ",
                f"{listed}在 {wish.source.name} 中既不是列名也不是取值。不考虑它：",
            )
            + body
        )
    told_remarks = remarks(wish, facts, chinese=told.chinese, missed=missed) if not wish.only_chart else []
    text = body + ("\n\n" + "\n".join(f"- {remark}" for remark in told_remarks) if told_remarks else "")
    if not told.chinese:
        return text
    return "\n".join(line if line.startswith("|") or "`" in line else spaced(line) for line in text.split("\n"))


def no_rows_text(told: Told) -> str:
    """What is said when the conditions leave nothing."""
    where = where_text(told.wish.conditions, "zh" if told.chinese else "en")
    return told.say(
        f"No rows are left: nothing in {told.wish.source.name} fits “{where}”.",
        f"没有符合条件的行：{told.wish.source.name} 中没有“{where}”。",
    )


def _aggregate(told: Told) -> str:
    rows, heads, wish = told.rows, told.heads, told.wish
    if not wish.groups and not wish.period:
        return _single(told)
    if wish.period and wish.time not in wish.groups:
        return _by_period(told)
    if wish.groups and wish.groups[0].role in ("measure", "time"):
        title = told.say(f"{title_of(wish, 'en')}:", f"{title_of(wish, 'zh')}:")
        return f"{title}\n\n{told.grid()}"
    total = told.facts.get("overall") or {}
    whole = next(iter(total.values()), None)
    known = [row for row in rows if told.number(row) is not None] or rows
    top, low = known[0], known[-1]
    share = _share(told, top)
    name = " / ".join(column.name for column in wish.groups)
    if len(rows) == 1:
        return told.say(
            f"{upper(told.measured())}{told.where()} for {told.key(top)}: {told.shown(top)}.",
            f"{told.key(top)}的{told.measured()}{told.where()}为 {told.shown(top)}。",
        )
    asked = next((row for row in rows if told.key(row) == wish.focus), None)
    if asked is not None and told.heads[-1].endswith(" %") and whole is not None:
        part = told.say(
            f"{wish.focus} accounts for {percent(asked[-1])} of {told.measured()}{told.where()}: {told.shown(asked)} of {figure(whole, told.sign(heads[1]))}.",
            f"{wish.focus}占{told.measured()}{told.where()}的 {percent(asked[-1])}：{figure(whole, told.sign(heads[1]))} 中的 {told.shown(asked)}。",
        )
        return f"{part}\n\n{told.grid()}"
    if told.number(top) == told.number(low) and told.facts.get("count", 0) == len(known):
        same = told.say(
            f"{upper(told.measured())}{told.where()} is the same for every {name}: {told.shown(top)}.",
            f"各{name}的{told.measured()}{told.where()}相同，均为 {told.shown(top)}。",
        )
        return f"{same}\n\n{told.grid()}"
    lowest = (
        ""
        if told.facts.get("count", 0) > len(rows)
        else told.say(f"; {told.key(low)} has the lowest ({told.shown(low)})", f"，{told.key(low)}最低（{told.shown(low)}）")
    )
    overall = figure(whole, told.sign(heads[len(wish.groups)])) if whole is not None else ""
    first = told.say(
        f"By {name}, {told.key(top)} has the highest {told.measured()}{told.where()}: {told.shown(top)}{share}{lowest}. Overall: {overall}.",
        f"按{name}看，{told.key(top)}的{told.measured()}{told.where()}最高，为 {told.shown(top)}{share}{lowest}。总体为 {overall}。",
    )
    return f"{first}\n\n{told.grid()}"


def _by_period(told: Told) -> str:
    rows, wish = told.rows, told.wish
    best = max((row for row in rows if told.number(row) is not None), key=told.number, default=rows[0])
    if (typical := told.facts.get("typical")) is not None:
        shown = figure(typical, told.sign())
        first = told.say(
            f"On average {told.measured()}{told.where()} is {shown} a {step_name(wish.period, 'en')}; it is highest in {told.key(best)} ({told.shown(best)}).",
            f"{told.measured()}{told.where()}平均每{step_name(wish.period, 'zh').removesuffix('份')}为 {shown}，最高的是 {told.key(best)}（{told.shown(best)}）。",
        )
        return f"{first}\n\n{told.grid()}"
    first = told.say(
        f"{upper(told.measured())}{told.where()} is highest in {told.key(best)}: {told.shown(best)}.",
        f"{told.measured()}{told.where()}最高的是 {told.key(best)}：{told.shown(best)}。",
    )
    return f"{first}\n\n{told.grid()}"


def _share(told: Told, row: list[Any]) -> str:
    if told.heads[-1].endswith("%") and row[-1] is not None:
        return told.say(f" ({percent(row[-1])} of the total)", f"（占 {percent(row[-1])}）")
    return ""


def _single(told: Told) -> str:
    row, used = told.rows[0], told.facts["used"]
    used -= max((told.facts.get("missing") or {}).values(), default=0) if len(told.wish.measures) == 1 else 0
    joint = told.say("; ", "；")
    parts = [
        f"{head}{told.say(' is ', '为 ')}{figure(value, told.sign(head))}"
        for head, value in zip(told.heads, row, strict=True)
    ]
    if told.wish.aggregates == ("count",) and not told.wish.measures:
        whole = told.facts.get("all_rows", used)
        share = percent(100 * used / whole) if whole else ""
        rest = (
            told.say(f" of {whole:,} rows ({share})", f"，占全部 {whole:,} 行的 {share}")
            if whole != used
            else told.say(" rows", " 行")
        )
        return told.say(
            f"{used:,}{rest}{told.where() and ': ' + told.where().strip(' ()')}.",
            f"{told.where() and f'“{told.where()[1:-1]}”'}共 {used:,} 行{rest if whole != used else ''}。",
        )
    if len(parts) > 1 and told.wish.aggregates in (("mean",), ("median",)):
        pairs = sorted(zip(row, told.heads, strict=True), key=lambda pair: -(pair[0] or 0))
        head = told.say(
            f"{upper(pairs[0][1])} is the highest: {figure(pairs[0][0])}; {pairs[-1][1]} is the lowest: {figure(pairs[-1][0])}{told.where()}.",
            f"{pairs[0][1]}最高，为 {figure(pairs[0][0])}；{pairs[-1][1]}最低，为 {figure(pairs[-1][0])}{told.where()}。",
        )
        return (
            head
            + "\n\n"
            + "\n".join(f"- {name}{told.say(': ', '：')}{figure(value, told.sign(name))}" for value, name in pairs)
        )
    text = joint.join(parts)
    if len(parts) > 4:
        head = told.say(
            f"{title_of(told.wish, 'en')}, over {used:,} row{'s' * (used != 1)}:",
            f"{title_of(told.wish, 'zh')}，共 {used:,} 行：",
        )
        colon = told.say(": ", "：")
        lines = "\n".join(
            f"- {name}{colon}{figure(value, told.sign(name))}" for name, value in zip(told.heads, row, strict=True)
        )
        return f"{head}\n\n{lines}"
    return told.say(
        f"{upper(text)}{told.where()}, over {used:,} row{'s' * (used != 1)}.",
        f"{told.where().strip('（）')}{'的' if told.where() else ''}{text}，共 {used:,} 行。",
    )


def _top(told: Told) -> str:
    rows, wish = told.rows, told.wish
    if not wish.aggregates:
        return _top_rows(told)
    if not wish.groups and not wish.period:
        return _single(told)
    side = told.say("lowest" if wish.ascending else "highest", "最低" if wish.ascending else "最高")
    name = wish.groups[0].name if wish.groups else ""
    if wish.within and len(wish.groups) + bool(wish.period) == 2:
        listed = told.say("; ", "；").join(f"{told.key(row)}{told.aside(told.shown(row))}" for row in rows[:10])
        first = told.say(
            f"The {f'{wish.n} ' if wish.n > 1 else ''}{side} {told.measured()}{told.where()} in each {wish.within.name}: {listed}.",
            f"各{wish.within.name}中{told.measured()}{told.where()}{side}的：{listed}。",
        )
        return f"{first}\n\n{told.grid()}"
    if wish.n > 1:
        chosen = rows[: wish.n]
        listed = told.say(", ", "、").join(told.key(row) + told.aside(told.shown(row)) for row in chosen[:10])
        first = told.say(
            f"The {len(chosen)} {side} by {told.measured()}{told.where()}: {listed}.",
            f"{told.measured()}{told.where()}{side}的 {len(chosen)} 个{name or '时期'}：{listed}。",
        )
        return f"{first}\n\n{told.grid()}" if len(chosen) > 1 else first
    best = rows[0]
    named = wish.groups and told.key(best).startswith(f"{wish.groups[0].name} ")
    tied = [told.key(row) for row in rows[1:] if told.number(row) == told.number(best)]
    first = told.say(
        f"{upper(told.key(best)) if named else told.key(best)} has the {side} {told.measured()}{told.where()}: {told.shown(best)}",
        f"{told.key(best)}的{told.measured()}{told.where()}{side}，为 {told.shown(best)}",
    )
    if tied:
        first += told.say(f", tied with {', '.join(tied)}", f"，与{'、'.join(tied)}并列")
    elif len(rows) > 1:
        first += told.say(
            f"; next is {told.key(rows[1])} with {told.shown(rows[1])}",
            f"，其次是{told.key(rows[1])}（{told.shown(rows[1])}）",
        )
    return f"{first}{told.say('.', '。')}" + (f"\n\n{told.grid()}" if len(rows) > 2 else "")


def _top_rows(told: Told) -> str:
    measure = told.wish.measures[0]
    side = told.say("lowest" if told.wish.ascending else "highest", "最低" if told.wish.ascending else "最高")
    best = told.rows[0]
    if told.wish.n > 1:
        at = next(
            (
                at
                for at, head in enumerate(told.heads)
                if at and (c := told.wish.source.column(head)) and c.role == "category"
            ),
            None,
        )
        listed = told.say(", ", "、").join(
            figure(row[0], measure.sign) + (told.aside(figure(row[at])) if at else "") for row in told.rows[:10]
        )
        first = told.say(
            f"The {len(told.rows)} {side} values of {measure.name}{told.where()}: {listed}.",
            f"{measure.name}{told.where()}{side}的 {len(told.rows)} 个值：{listed}。",
        )
        return f"{first}\n\n{told.grid()}"
    whose = told.say(", ", "，").join(
        f"{head} {figure(value)}" if not isinstance(value, int) else f"{head} {value}"
        for head, value in zip(told.heads[1:4], best[1:4], strict=False)
        if value is not None
    )
    first = told.say(
        f"The {side} {measure.name}{told.where()} is {figure(best[0], measure.sign)}" + (f" ({whose})" if whose else ""),
        f"{side}的{measure.name}{told.where()}为 {figure(best[0], measure.sign)}" + (f"（{whose}）" if whose else ""),
    )
    return f"{first}{told.say('.', '。')}\n\n{told.grid()}"


def _trend(told: Told) -> str:
    first, last = (told.facts.get("first") or [[]])[0], (told.facts.get("last") or [[]])[0]
    peak, low = (told.facts.get("peak") or [[]])[0], (told.facts.get("low") or [[]])[0]
    if not first or not last:
        return told.say("There are no values to draw a trend from.", "没有可用于分析趋势的数值。")
    shown = {
        name: figure(row[1], told.sign(told.heads[1]))
        for name, row in (("first", first), ("last", last), ("peak", peak), ("low", low))
    }
    if first[0] == last[0]:
        return told.say(
            f"All rows fall into one period ({first[0]}): {told.measured()} {shown['first']}.",
            f"所有行都在同一时期（{first[0]}）：{told.measured()}为 {shown['first']}。",
        )
    change = (last[1] / first[1] - 1) * 100 if first[1] > 0 else None
    by = told.aside(percent(change, signed=True)) if change is not None else ""
    way = (
        ("rose", "上升到")
        if last[1] > first[1]
        else ("fell", "下降到")
        if last[1] < first[1]
        else ("stayed the same", "持平，为")
    )
    verb = (
        f"{way[0]} from {shown['first']} in {first[0]} to {shown['last']} in {last[0]}"
        if way[0] != "stayed the same"
        else f"was the same in {first[0]} and in {last[0]}: {shown['last']}"
    )
    ends = told.say(
        f"; it was highest in {peak[0]} ({shown['peak']}) and lowest in {low[0]} ({shown['low']})",
        f"，最高在 {peak[0]}（{shown['peak']}），最低在 {low[0]}（{shown['low']}）",
    )
    if told.facts["count"] == 2:
        ends = ""
    sentence = told.say(
        f"{upper(told.measured())}{told.where()} {verb}{by}{ends}.",
        f"{told.measured()}{told.where()}从 {first[0]} 的 {shown['first']} {way[1]} {last[0]} 的 {shown['last']}{by}{ends}。",
    )
    return f"{sentence}\n\n{told.grid()}"


def _growth(told: Told) -> str:
    known = [row for row in told.rows if row[-1] is not None]
    span = told.facts.get("span") or ["", ""]
    start, end = span[0], span[-1]
    how = told.say(
        f"Growth is the {told.measured()} of {end} against that of {start}, in percent.",
        f"增长按 {end} 的{told.measured()}与 {start} 相比的百分比计算。",
    )
    if start == end or not known:
        return (
            told.say(
                f"Growth cannot be computed: there is only one period ({start}).", f"无法计算增长：只有一个时期（{start}）。"
            )
            if start == end
            else how
        )
    best, width = known[0], len(told.wish.groups)
    sign = told.sign(told.measured())
    word = ("lowest growth", "增长最慢") if told.wish.ascending else ("highest growth", "增长最快")
    first = told.say(
        f"{told.key(best)} has the {word[0]} of {told.measured()}{told.where()}: {percent(best[-1], signed=True)}, from {figure(best[width], sign)} in {start} to {figure(best[width + 1], sign)} in {end}.",
        f"{told.key(best)}的{told.measured()}{told.where()}{word[1]}：{percent(best[-1], signed=True)}，从 {start} 的 {figure(best[width], sign)} 到 {end} 的 {figure(best[width + 1], sign)}。",
    )
    return f"{first}\n\n{told.grid()}\n\n{how}"


def _compare(told: Told) -> str:
    rows = [row for row in told.rows if told.number(row) is not None]
    if "whole" in told.facts:
        return _sides(told)
    if told.wish.sides and len(rows) > 2:
        return _by_period(told)
    if len(rows) != 2 or not (told.wish.groups or told.wish.period or told.wish.sides):
        return _aggregate(told)
    high, low = sorted(rows, key=told.number, reverse=True)
    gap = told.number(high) - told.number(low)
    times = gap / told.number(low) * 100 if told.number(low) > 0 else None
    by = told.aside(percent(times)) if times is not None else ""
    first = told.say(
        f"{told.key(high)} has the higher {told.measured()}{told.where_else()}: {told.shown(high)} against {told.shown(low)} for {told.key(low)}, a difference of {figure(gap, told.sign(told.measured()))}{by}.",
        f"{told.key(high)}更高：{told.measured()}{told.where_else()}为 {told.shown(high)}，{told.key(low)}为 {told.shown(low)}，相差 {figure(gap, told.sign(told.measured()))}{by}。",
    )
    return f"{first}\n\n{told.grid()}"


def _sides(told: Told) -> str:
    """Groups in rows, what is set against each other in columns."""
    whole, width = told.facts["whole"], len(told.wish.groups)
    sign = told.wish.measures[0].sign if told.wish.measures else ("", "")
    name = " / ".join(column.name for column in told.wish.groups)
    listed = told.say(", ", "、").join(f"{side} {figure(value, sign)}" for side, value in whole.items())
    gap = str(told.facts.get("gap") or "")
    rows = [row for row in told.rows if row[told.heads.index(gap)] is not None] if gap else []
    overall = told.say(f"Over all: {listed}.", f"总体：{listed}。")
    if not rows:
        first = told.say(
            f"{upper(told.measured())}{told.where()} by {name}: {', '.join(whole)}.",
            f"按{name}对比{told.measured()}{told.where()}：{'、'.join(whole)}。",
        )
        return f"{first}{told.say(' ', '')}{overall}\n\n{told.grid()}"
    best = rows[0]
    one, other = (figure(best[width + at], sign) for at in (0, 1))
    size = told.say("smallest" if told.wish.ascending else "largest", "最小" if told.wish.ascending else "最大")
    difference = figure(best[told.heads.index(gap)], sign)
    first = told.say(
        f"{told.key(best)} has the {size} difference in {told.measured()}{told.where()}, {gap}: {difference} ({told.heads[width]} {one}, {told.heads[width + 1]} {other}).",
        f"{told.key(best)}的{told.measured()}{told.where()}差异{size}：{gap} = {difference}（{told.heads[width]} {one}，{told.heads[width + 1]} {other}）。",
    )
    return f"{first}{told.say(' ', '')}{overall}\n\n{told.grid()}"


_BODIES = {
    "aggregate": _aggregate,
    "top": _top,
    "trend": _trend,
    "growth": lambda told: _growth(told) if told.wish.groups else _trend(told),
    "compare": _compare,
    "correlation": correlation_text,
    "quality": quality_text,
    "distribution": distribution_text,
    "distinct": distinct_text,
    "profile": profile_text,
    "rate": rate_text,
    "list": list_text,
}
