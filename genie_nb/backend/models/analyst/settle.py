"""The open choices of a wish, made: what is counted, which measure, which aggregate, which step of time.

Above: `question`. Below: `wish`, `intents`, `matching`.
"""

import re
from collections.abc import Iterator
from dataclasses import replace

from genie_nb.backend.models.analyst.conditions import Condition
from genie_nb.backend.models.analyst.intents import AGGREGATES, has
from genie_nb.backend.models.analyst.labels import measured
from genie_nb.backend.models.analyst.matching import find_mentions
from genie_nb.backend.models.analyst.wish import Wish

__all__ = ("settle",)

# `the most movies` counts, `the most expensive` does not.
_MOST = re.compile(
    r"\b(?:most|fewest) (?!expensive|popular|valuable|profitable|productive|efficient|active)\w+s\b", re.IGNORECASE
)
_POPULAR = re.compile(r"\bpopular|受欢迎|热门|畅销", re.IGNORECASE)
_PERFORMED = re.compile(r"perform|表现", re.IGNORECASE)
_MEAN_OF_TOTALS = re.compile(
    r"\b(?:average|mean) (?:daily|weekly|monthly|quarterly|yearly|annual)\b|[日周月年]均", re.IGNORECASE
)
_FELL = re.compile(r"declin|fell|fall|drop|decreas|shr[aiu]nk|lost|slowest|least|下降|下跌|减少|降幅|跌|最慢", re.IGNORECASE)


def settle(wish: Wish, text: str) -> Wish:
    """The wish with every open choice made, and said in its notes."""
    wish = _rate(_listed(_counted(_totalled(wish))))
    if wish.having:
        return wish
    if wish.kind in ("rate", "list"):
        return replace(wish, notes=tuple(note for note in wish.notes if note[0] != "id"))
    wish, aggregates = _counting(wish, tuple(name for name in AGGREGATES if has(name, text)))
    if wish.per:
        wish = replace(wish, kind=wish.kind if wish.kind in ("top", "trend") else "aggregate")
        aggregates, note = ("sum",), ("ratio", measured(wish, "en"))
        wish = replace(wish, notes=(*wish.notes, note))
    if _by_totals(wish, aggregates, text):
        return replace(wish, aggregates=("sum",), focus="mean")
    if "mean" in aggregates and not re.search(r"total|sum|overall|总|合计|一共", text, re.IGNORECASE):
        aggregates = tuple(name for name in aggregates if name != "sum")  # `how much on average` wants one number
    if not aggregates and _things_only(wish):
        aggregates = ("count",)
    counts = "count" in aggregates and not _measured(wish)
    wish = _sided(wish)
    by_number = len(wish.groups) == 1 and wish.groups[0].role == "measure"
    if wish.chart == "auto" and not aggregates and wish.measures and by_number:
        return replace(wish, kind="correlation", measures=(wish.groups[0], wish.measures[0]), groups=())
    if wish.kind == "chart":
        wish = replace(wish, kind=_chart_kind(wish) if not counts or wish.groups else "trend", chart=wish.chart or "auto")
    if wish.kind in ("aggregate", "top", "trend", "growth", "compare"):
        wish = wish if wish.measures or counts else _default_measure(wish)
        wish = _with_aggregates(wish, ("count",) if counts else aggregates)
    if wish.kind == "correlation" and len(wish.measures) == 1 and wish.groups:
        wish = replace(wish, kind="aggregate", aggregates=("mean",), chart=wish.chart)
    return _snapshot(_followed(wish, text))


_ASKED = re.compile(r"(?:\b(?:which|what)(?: of the)?|哪些|哪几个?|哪个)\s*$", re.IGNORECASE)
_ASKED_TIMES = re.compile(
    r"\b(?:which|what) (?:month|quarter|year|week|day)s?\b|哪[些几]个?(?:月|季度|年|周|天)", re.IGNORECASE
)


def _totalled(wish: Wish) -> Wish:
    """A limit set to each group's number, as in `which regions sold more than 1300`, where groups are asked for."""
    limits = [c for c in wish.conditions if c.op in (">", ">=", "<", "<=") and not c.values[0].startswith("[")]
    limits = [limit for limit in limits if not limit.column] or limits  # of several, the one of a number of rows
    if len(limits) != 1 or wish.kind not in ("aggregate", "distinct", "list", "") or wish.share:
        return wish
    (limit,) = limits
    column = wish.source.column(limit.column)
    kept = tuple(condition for condition in wish.conditions if condition != limit)
    named = next((name for name in ("sum", "mean", "median") if has(name, wish.text)), "")
    how = named or ("count" if column is None else "sum")
    if column is not None and not named and (column.averaged or column.snapshot):
        return wish
    if column is None and not wish.groups:  # how many regions have more than 50 orders
        wish = replace(wish, groups=tuple(c for c in wish.measures if c.role != "measure"), measures=())
    asked = column is None or _groups_asked(wish) or (named and _LIMITED.search(wish.text))
    if not asked or not (wish.groups or wish.period):
        return wish
    if any(measure != column and measure.role == "measure" for measure in wish.measures):
        return wish
    return replace(
        wish,
        kind="aggregate",
        measures=(column,) if column else (),
        aggregates=(how,),
        conditions=kept,
        having=limit,
        ascending=limit.op.startswith("<"),
        notes=tuple(note for note in wish.notes if note[0] != "id"),
    )


def _counted(wish: Wish) -> Wish:
    """Without limits of a number of rows, where there are no groups to count: that is said."""
    limits = [condition for condition in wish.conditions if not condition.column]
    if not limits:
        return wish
    kept = tuple(condition for condition in wish.conditions if condition.column)
    notes = tuple(("uncounted", f"{limit.op} {limit.values[0]}") for limit in limits)
    return replace(wish, conditions=kept, notes=(*wish.notes, *notes))


# The total, or the average, of something, and its limit: `regions with total sales over 1300`.
_LIMITED = re.compile(
    r"\b(?:with|whose|where|have|has|having|had)\s+(?:a|an|the)?\s*(?:totals?|sum|average|mean|median)\s+(?:\w+\s+){1,3}?"
    r"(?:is\s+|of\s+)?(?:over|above|below|under|at least|at most|(?:more|less|higher|lower|greater) than|[<>≥≤])"
    r"|(?:平均|总|合计)[^，,的]{1,10}?(?:超过|[大高小低少多]于|不到|不足|至少|不低于)",
    re.IGNORECASE,
)


def _groups_asked(wish: Wish) -> bool:
    found = find_mentions(wish.text, wish.groups)
    return any(_ASKED.search(wish.text[: m.start]) for m in found) or _ASKED_TIMES.search(wish.text) is not None


_GAP = re.compile(r"\bgap\b|差距|差异", re.IGNORECASE)


def _sided(wish: Wish) -> Wish:
    """A comparison with what is set against each other: two times, or the values of a column, as in `gender pay gap`."""
    gap = _GAP.search(wish.text)
    if gap and wish.kind in ("top", "compare", "aggregate") and len(wish.groups) == 2:
        before = find_mentions(wish.text[: gap.start()], wish.groups)
        if before:
            side = before[-1].column
            return replace(wish, kind="compare", side=side, groups=tuple(g for g in wish.groups if g != side))
    if wish.kind not in ("compare", "growth") or wish.period:
        return wish
    listed = [c for c in wish.conditions if c.op in ("year", "month", "quarter", "in") and len(c.values) > 1]
    if wish.kind == "growth" and not listed:
        steps = {4: "year", 6: "quarter", 7: "month", 10: "day"}
        ends = [c for c in wish.conditions if c.op in ("from", "until")]
        return replace(wish, period=steps.get(len(ends[0].values[0]), "")) if len(ends) == 2 else wish
    if len(listed) != 1:
        return wish
    values = sorted(listed[0].values, key=lambda value: (len(value), value))
    sides = tuple(replace(listed[0], values=(value,)) for value in values)
    return replace(wish, kind="compare", sides=sides, conditions=tuple(c for c in wish.conditions if c != listed[0]))


def _by_totals(wish: Wish, aggregates: tuple[str, ...], text: str) -> bool:
    """Whether a mean of totals is wanted: the monthly average of sales is no mean over the orders."""
    additive = bool(wish.measures) and not any(column.averaged or column.snapshot for column in wish.measures)
    wanted = aggregates == ("mean",) and wish.kind == "aggregate" and bool(wish.period) and wish.time is not None
    return wanted and additive and _MEAN_OF_TOTALS.search(text) is not None


def _followed(wish: Wish, text: str) -> Wish:
    """A trend or growth with its time and direction; the best share is the one that rose most."""
    shares = bool(wish.groups) and wish.time is not None and all("close" in column.meanings for column in wish.measures)
    if wish.kind == "top" and shares and _PERFORMED.search(text):
        wish = replace(wish, kind="growth")
    if wish.kind == "growth" and (wish.groups or not wish.period):
        wish = replace(wish, conditions=tuple(_with_year_before(wish)))
    if wish.kind in ("trend", "growth"):
        wish = replace(_with_time(wish), ascending=_FELL.search(text) is not None)
    return wish


def _with_year_before(wish: Wish) -> Iterator[Condition]:
    for condition in wish.conditions:
        if condition.op == "year" and len(condition.values) == 1:
            yield Condition(condition.column, "from", (str(int(condition.values[0]) - 1),))
            yield Condition(condition.column, "until", condition.values)
        else:
            yield condition


# Things whose rows are counted when a question names no quantity; what is spent or sold is one.
_THINGS = (
    r"orders|transactions|visits|admissions|employees|hires|hired|people|customers|students|patients|users|movies|films|games|matches|products|items"
    r"|records|cases|accidents|incidents|tickets|events|respondents|responses"
)
_THINGS_ZH = "订单|员工|客户|学生|病人|患者|记录|交易|电影|比赛|用户|入职|离职|退货|人"
_COUNTS = re.compile(rf"\b(?:{_THINGS})\b|(?:{_THINGS_ZH})(?!口|均|民|额|金)", re.IGNORECASE)
_MOST_ZH = re.compile(rf"(?:{_THINGS_ZH})(?:数量?)?最[多少]")
_QUANTITY = re.compile(
    r"sales|revenue|money|value|amount|spen[dt]|worth|profit|best|performance|钱|金额|额|花|消费|业绩|表现|卖", re.IGNORECASE
)


def _things_only(wish: Wish) -> bool:
    if wish.measures or _QUANTITY.search(wish.text):
        return False
    if wish.kind == "top":
        return _MOST_ZH.search(wish.text) is not None
    return bool(wish.groups or wish.period or wish.kind == "trend") and _COUNTS.search(wish.text) is not None


def _snapshot(wish: Wish) -> Wish:
    """States such as a population: of the last time in the table, and never added up over time."""
    if (
        not wish.measures
        or wish.sides
        or wish.time is None
        or wish.time.origin
        or not all(column.snapshot for column in wish.measures)
    ):
        return wish
    if wish.kind in ("trend", "growth") or wish.period:
        by_mean = wish.time.grain == "date" and wish.aggregates == ("sum",)
        return replace(wish, aggregates=("mean",)) if by_mean else wish
    one_year = any(c.op in ("year", "latest") and len(c.values) == 1 for c in wish.conditions)
    if (
        wish.kind not in ("aggregate", "top", "compare")
        or wish.aggregates not in (("sum",), ())
        or (one_year and wish.time.grain == "year")
    ):
        return wish
    latest = Condition(wish.time.name, "latest", ("",))
    return replace(wish, conditions=(*wish.conditions, latest), notes=(*wish.notes, ("latest", wish.measures[0].name)))


def _listed(wish: Wish) -> Wish:
    """Conditions and nothing else: the rows themselves are wanted, or the value where there is only one a row."""
    bare = not wish.groups and not wish.measures and not wish.period and not wish.share and bool(wish.conditions)
    if not bare or wish.kind not in ("", "distinct"):
        return wish
    if any(column.yearly for column in wish.source.columns):
        return replace(wish, kind="aggregate")
    return replace(wish, kind="list") if not any(has(name, wish.text) for name in AGGREGATES) else wish


def _rate(wish: Wish) -> Wish:
    """A rate whose rows are known without the values: of a yes/no column, of a limit, of a pass mark."""
    if (
        not wish.share
        and any(column.flag for column in wish.groups)
        and wish.kind in ("compare", "top")
        and not _measured(wish)
    ):
        if re.search(r"\bmost\b|最多", wish.text) and len(wish.groups) > 1:
            asked = next(column for column in wish.groups if column.flag)
            groups = tuple(group for group in wish.groups if group != asked)
            return replace(
                wish,
                groups=groups,
                conditions=(*wish.conditions, Condition(asked.name, "yes", ("yes",))),
                aggregates=("count",),
            )
        wish = replace(wish, share=True)
    if not wish.share or wish.kind not in ("aggregate", "distinct", "compare", "top", ""):
        return wish
    flag = next((column for column in wish.groups if column.flag), None)
    limit = next((c for c in wish.conditions if c.op in (">", ">=", "<", "<=")), None)
    marks = [column for column in wish.measures if column.averaged]
    if flag is not None and not _measured(wish):
        hit = Condition(flag.name, "yes", ("yes",))
        return replace(wish, kind="rate", hit=hit, groups=tuple(g for g in wish.groups if g != flag), measures=())
    if limit is not None:
        kept = tuple(c for c in wish.conditions if c != limit)
        return replace(wish, kind="rate", hit=limit, conditions=kept, measures=())
    if len(marks) == 1 and re.search(r"\bpass|及格|合格", wish.text, re.IGNORECASE):
        return replace(wish, kind="rate", hit=Condition(marks[0].name, ">=", ("60",)), measures=(), notes=(("pass", "60"),))
    return wish


def _measured(wish: Wish) -> bool:
    return any(column.role == "measure" for column in wish.measures)


def _counting(wish: Wish, aggregates: tuple[str, ...]) -> tuple[Wish, tuple[str, ...]]:
    """The aggregates that are meant, with everything that can only be counted turned into a count."""
    if wish.kind in ("top", "growth", "trend", "compare", "chart", "correlation"):
        aggregates = tuple(name for name in aggregates if name in ("sum", "mean", "median", "count")) or wish.aggregates
    limited = any(condition.op in (">", ">=", "<", "<=") for condition in wish.conditions)
    if limited and wish.kind in ("distinct", "") and not (_measured(wish) or aggregates or wish.share or wish.period):
        wish = replace(wish, kind="list", measures=(), groups=(), notes=())
    if wish.share and not wish.measures and not aggregates and wish.kind == "aggregate":
        aggregates = ("count",)
    if wish.kind == "top" and not wish.measures and not aggregates and _MOST.search(wish.text):
        aggregates = ("count",)
    if _POPULAR.search(wish.text) and wish.kind == "top" and not wish.measures:
        amounts = [c for c in wish.source.of_role("measure") if c.meanings & {"quantity", "sales"} and not c.averaged]
        if amounts:
            measure = min(amounts, key=lambda column: "quantity" not in column.meanings)
            return replace(wish, measures=(measure,), notes=(*wish.notes, ("popular", measure.name))), ("sum",)
        wish = replace(wish, notes=(*wish.notes, ("popular", "")))
    ids = [column for column in wish.source.of_role("id") if ("id", column.name) in wish.notes]
    if ids and wish.kind == "distinct" and not wish.groups and not wish.measures:
        wish = replace(wish, groups=(ids[0],))
    if ids and not wish.measures and wish.kind == "aggregate" and aggregates and "count" not in aggregates:
        return replace(wish, measures=(ids[0],)), ("count",)
    wish = replace(wish, notes=tuple(note for note in wish.notes if note[0] != "id"))
    if "count" in aggregates and _measured(wish):
        aggregates = tuple(name for name in aggregates if name != "count")
    return wish, aggregates


def _chart_kind(wish: Wish) -> str:
    if wish.chart == "scatter" or (len(wish.measures) == 2 and not wish.groups and not wish.period and wish.time is None):
        return "correlation"
    if wish.chart in ("hist", "box"):
        return "distribution"
    if wish.groups and wish.time and any(column.yearly for column in wish.source.columns):
        return "trend"
    if wish.groups and not wish.measures and not wish.period:
        return "distribution"
    if wish.groups or wish.period:
        return "trend" if wish.period and not wish.groups else "aggregate"
    if wish.measures:
        return "trend" if wish.time is not None else "distribution"
    if wish.time is not None and wish.source.of_role("measure"):
        return "trend"
    return "aggregate" if wish.source.of_role("category") and wish.source.of_role("measure") else "distribution"


def _default_measure(wish: Wish) -> Wish:
    found = sorted(wish.source.of_role("measure"), key=lambda column: column.weight)
    found = [column for column in found if column not in wish.groups]
    if not found:
        return replace(wish, aggregates=("count",))
    notes = (("measure", found[0].name),) if len(found) > 1 else ()
    groups = wish.groups
    if wish.chart and not groups and not wish.period and wish.kind == "aggregate":
        groups = tuple(wish.source.of_role("category")[:1])
    return replace(wish, measures=(found[0],), groups=groups, notes=(*wish.notes, *notes))


def _with_aggregates(wish: Wish, aggregates: tuple[str, ...]) -> Wish:
    if aggregates:
        return replace(wish, aggregates=aggregates)
    if wish.aggregates:
        return wish
    if wish.measures and not wish.groups and not wish.period and wish.kind == "aggregate":
        for word, how in (("最高|high", "max"), ("最低|low", "min")):
            if re.search(word, wish.measures[0].name, re.IGNORECASE):
                return replace(wish, aggregates=(how,))  # the high price of a stock is its highest
    row_by_row = wish.kind == "top" and not wish.groups and not wish.period
    if row_by_row:
        return wish
    return replace(
        wish, aggregates=("mean" if wish.measures and all(column.averaged for column in wish.measures) else "sum",)
    )


def _with_time(wish: Wish) -> Wish:
    if wish.time is None:
        parts = [column for column in (*wish.groups, *wish.source.of_role("time")) if column.grain == "part"]
        if not parts:
            return replace(wish, kind="aggregate", notes=(*wish.notes, ("no time", "")))
        groups = tuple(column for column in wish.groups if column != parts[0])
        wish = replace(wish, time=parts[0], groups=groups, period="part")
    if wish.kind == "trend" and wish.groups:
        wish = replace(wish, kind="growth")
    return replace(wish, period=wish.period or ("year" if wish.time and wish.time.grain == "year" else "auto"))
