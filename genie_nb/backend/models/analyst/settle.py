"""The open choices of a wish, made: what is counted, which measure, which aggregate, which step of time.

Above: `question`. Below: `wish`, `intents`.
"""

import re
from dataclasses import replace

from genie_nb.backend.models.analyst.intents import AGGREGATES, has
from genie_nb.backend.models.analyst.wish import Wish

__all__ = ("settle",)

# `the most movies` counts, `the most expensive` does not.
_MOST = re.compile(
    r"\b(?:most|fewest) (?!expensive|popular|valuable|profitable|productive|efficient|active)\w+s\b", re.IGNORECASE
)
_FELL = re.compile(r"declin|fell|fall|drop|decreas|shr[aiu]nk|lost|slowest|least|下降|下跌|减少|降幅|跌|最慢", re.IGNORECASE)


def settle(wish: Wish, text: str) -> Wish:
    """The wish with every open choice made, and said in its notes."""
    wish, aggregates = _counting(wish, tuple(name for name in AGGREGATES if has(name, text)))
    counts = "count" in aggregates and not _measured(wish)
    if wish.kind == "chart":
        wish = replace(wish, kind=_chart_kind(wish), chart=wish.chart or "auto")
    if wish.kind in ("aggregate", "top", "trend", "growth", "compare") and not wish.measures and not counts:
        wish = _default_measure(wish)
    if wish.kind in ("aggregate", "top", "trend", "growth", "compare"):
        wish = _with_aggregates(wish, ("count",) if counts else aggregates)
    if wish.kind in ("trend", "growth"):
        wish = replace(_with_time(wish), ascending=_FELL.search(text) is not None)
    if wish.kind == "compare" and not wish.period and not wish.groups:
        spans = [
            condition.op
            for condition in wish.conditions
            if len(condition.values) > 1 and condition.op in ("year", "month", "quarter")
        ]
        wish = replace(wish, period=spans[0] if spans else "")
    if wish.kind == "correlation" and len(wish.measures) == 1 and wish.groups:
        wish = replace(wish, kind="aggregate", aggregates=("mean",), chart=wish.chart)
    return wish


def _measured(wish: Wish) -> bool:
    return any(column.role == "measure" for column in wish.measures)


def _counting(wish: Wish, aggregates: tuple[str, ...]) -> tuple[Wish, tuple[str, ...]]:
    """The aggregates that are meant, with everything that can only be counted turned into a count."""
    if wish.kind in ("top", "growth", "trend", "compare", "chart", "correlation"):
        aggregates = tuple(name for name in aggregates if name in ("sum", "mean", "median", "count")) or wish.aggregates
    limited = any(condition.op in (">", ">=", "<", "<=") for condition in wish.conditions)
    if limited and wish.kind in ("aggregate", "distinct", "") and not _measured(wish) and not aggregates:
        wish, aggregates = replace(wish, kind="aggregate", measures=()), ("count",)
    if wish.share and not wish.measures and not aggregates and wish.kind == "aggregate":
        aggregates = ("count",)
    if wish.kind == "top" and not wish.measures and not aggregates and _MOST.search(wish.text):
        aggregates = ("count",)
    ids = [column for column in wish.source.of_role("id") if ("id", column.name) in wish.notes]
    if ids and wish.kind == "distinct" and not wish.groups and not wish.measures:
        wish = replace(wish, groups=(ids[0],))
    if ids and not wish.measures and wish.kind == "aggregate" and aggregates and "count" not in aggregates:
        return replace(wish, measures=(ids[0],)), ("count",)
    wish = replace(wish, notes=tuple(note for note in wish.notes if note[0] != "id"))
    if "count" in aggregates and _measured(wish):
        aggregates = tuple(name for name in aggregates if name != "count") or ("count",)
    return wish, aggregates


def _chart_kind(wish: Wish) -> str:
    if wish.chart == "scatter" or (len(wish.measures) == 2 and not wish.groups and not wish.period and wish.time is None):
        return "correlation"
    if wish.chart in ("hist", "box"):
        return "distribution"
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
    elif wish.kind == "growth" and not wish.groups:
        wish = replace(wish, kind="trend")
    return replace(wish, period=wish.period or ("year" if wish.time and wish.time.grain == "year" else "auto"))
