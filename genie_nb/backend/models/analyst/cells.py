"""The cell of pandas code that fulfils a wish; it shows its table and hands its facts back to the analyst.

Above: `executor`. Below: `pieces`, `charts`, `question`.
"""
# ruff: noqa: E501 - a rule, a sentence or a line of written code stands on one line

import re
from collections.abc import Sequence
from dataclasses import replace

from genie_nb.backend.models.analyst.cells_more import (
    correlation_lines,
    distinct_lines,
    distribution_lines,
    list_lines,
    profile_lines,
    quality_lines,
    rate_lines,
    sides_lines,
)
from genie_nb.backend.models.analyst.charts import chart_lines
from genie_nb.backend.models.analyst.columns import Column
from genie_nb.backend.models.analyst.labels import label, measured, title_of
from genie_nb.backend.models.analyst.pieces import RESULT_LINES, indent_list, load_lines, text_of, where_lines
from genie_nb.backend.models.analyst.steps import Names, period_lines
from genie_nb.backend.models.analyst.wish import Wish

__all__ = ("cell_for", "look_cell")

_ORDER = '''\
def in_order(name):
    """Months and weekdays in the order of the year, numbers by their size."""
    text = str(name).lower()
    names = "jan feb mar apr may jun jul aug sep oct nov dec mon tue wed thu fri sat sun".split()
    digits = "".join(letter for letter in text if letter.isdigit())
    return names.index(text[:3]) if text[:3] in names else int(digits or "一二三四五六日".find(text[-1]))
'''


def cell_for(wish: Wish, suffix: str, language: str, *, careful: bool = False) -> str:
    """The code for a wish; `careful` cleans every column it uses and expects nothing of their types."""
    names = Names(f"rows{suffix}", f"answer{suffix}", language)
    careful = careful or wish.kind in ("quality", "profile")  # they look for what is wrong with the values
    if wish.kind in ("quality", "profile") and not wish.measures and not wish.groups:
        wish = replace(wish, source=wish.source.wide or wish.source)
    lines = load_lines(wish.source, _used(wish), names.rows, careful=careful)
    lines += [*where_lines(wish, names.rows), ""]
    lines += _body(wish, names)
    lines.append(f"shown = {names.answer}.head(30)")
    if wish.chart:
        lines += chart_lines(wish, names.rows, names.answer, title_of(wish, language), language)
    else:
        lines.append("display(shown)")
    lines += [
        "facts |= {",
        f'    "kind": "{wish.kind}", "used": len({names.rows}), "all_rows": all_rows, "count": len({names.answer}),',
        '    "columns": list(map(str, shown.columns)), "table": shown.astype(object).where(shown.notna(), None).values.tolist(),',
        *(
            f'    "{name}": {name},'
            for name in ("unread", "order", "spelled")
            if any(re.match(rf"(?:unread, )?{name}(?:, order)? = ", line) for line in lines)
        ),
        "}",
        *RESULT_LINES,
    ]
    return "\n".join(lines) + "\n"


def _body(wish: Wish, names: Names) -> list[str]:
    if wish.sides or wish.side:
        return sides_lines(wish, names)
    if wish.kind in ("aggregate", "top", "compare"):
        return _group_lines(wish, names) if wish.aggregates else _row_lines(wish, names)
    if wish.kind == "growth" and wish.groups:
        return _growth_lines(wish, names)
    return _BODIES.get(wish.kind, profile_lines)(wish, names)


def look_cell(wish: Wish, suffix: str, loose: str) -> str:
    """Code that looks at a table: its columns, what is missing, and which of the loose words are values in it."""
    rows = f"rows{suffix}"
    source = wish.source.wide or wish.source
    first = indent_list([column.name for column in wish.groups])
    lines = load_lines(source, (), rows, careful=not source.columns or not source.tidy)
    lines += _named_lines(rows, loose, first) if loose else []
    named = "named" if loose else "{}"
    lines += [
        f"display({rows}.head())",
        'kinds = {"b": "bool", "M": "date", "i": "number", "u": "number", "f": "number"}',
        "look = [",
        "    {",
        '        "name": str(column), "kind": kinds.get(cells.dtype.kind, "text"),',
        '        "missing": int(cells.isna().sum()), "distinct": int(cells.astype(str).nunique()),',
        '        "examples": cells.dropna().astype(str).head(5).tolist(),',
        "    }",
        f"    for column, cells in {rows}.items()",
        "]",
        f'facts = {{"kind": "look", "all_rows": len({rows}), "named": {named}, "look": look, "cut": {rows}.attrs}}',
        *RESULT_LINES,
    ]
    return "\n".join(lines) + "\n"


def _named_lines(rows: str, loose: str, first: str) -> list[str]:
    """Lines that find which of the loose words of a question are values in a table's text columns."""
    return [
        "import re",
        "",
        f"words = {text_of(loose)}  # what the question says besides columns and verbs",
        "named, left = {}, words",
        f"for column in sorted({rows}.columns, key=lambda name: name not in {first}):",
        f"    if pd.api.types.is_numeric_dtype({rows}[column]) or pd.api.types.is_datetime64_any_dtype({rows}[column]):",
        "        continue",
        f"    texts = {rows}[column].dropna().astype(str).str.strip().unique()",
        "    for value in sorted(texts, key=lambda text: (-len(text), text not in words)):",
        '        edges = ("(?<![A-Za-z0-9])", "(?:s|es)?(?![A-Za-z0-9])") if value.isascii() else ("", "")',
        '        short = value if value.isascii() or len(value) < 3 else value.rstrip("市省区县店部")',
        "        found = value and re.search(edges[0] + re.escape(short) + edges[1], left, 0 if len(value) < 3 else re.I)",
        "        if not found and value.isascii() and value.isalpha():  # engineers, Engineering",
        '            starts = [word for word in re.findall("[A-Za-z]{5,}", left) if value.lower().startswith(word.lower().rstrip("s")) and len(word) > 5]',
        "            found = re.search(starts[0], left) if starts else None",
        "        if found:",
        "            same = [text for text in texts if text.casefold() == value.casefold()]",
        "            named.setdefault(str(column), []).extend([value] if found[0] == value else same)",
        '            left = left[: found.start()] + " " * len(found[0]) + left[found.end() :]',
    ]


def _used(wish: Wish) -> list[Column]:
    named = wish.measures or (wish.groups and wish.kind == "quality")
    if wish.kind == "profile" or (wish.kind in ("quality", "correlation", "distribution") and not named):
        return [c for c in wish.source.columns if c.role in ("measure", "time")]
    conditions = [wish.source.column(condition.column) for condition in wish.conditions]
    conditions += [wish.source.column(c.values[0][1:-1]) for c in wish.conditions if c.values[0].startswith("[")]
    shown = wish.source.of_role("time") if wish.kind == "top" and not wish.aggregates else []
    time = [wish.time] if wish.time and (wish.period or wish.kind in ("trend", "growth")) else []
    conditions += [wish.source.column(condition.column) for condition in (*wish.sides, *([wish.hit] if wish.hit else []))]
    every = [
        *wish.measures,
        *([wish.per] if wish.per else []),
        *([wish.side] if wish.side else []),
        *wish.groups,
        *time,
        *(c for c in conditions if c),
        *shown,
    ]
    return list(dict.fromkeys(every))


def _aggregation(wish: Wish, names: Names) -> tuple[str, list[str]]:
    """The named aggregations of `agg`, and their labels."""
    parts, labels = [], []
    measures: Sequence[Column | None] = wish.measures or (None,)
    aggregates = wish.aggregates
    if wish.kind == "compare" and "count" not in aggregates:
        extra = ("mean",) if "sum" in aggregates else ("median",)
        aggregates = tuple(dict.fromkeys((*aggregates, *extra, "count")))
    for measure in measures:
        for aggregate in aggregates:
            counted = aggregate == "count" and (measure is None or measure.role == "measure")
            name = label(aggregate, None if counted else measure, names.language)
            if name not in labels:
                labels.append(name)
                column = "_row" if counted or measure is None else measure.name
                how = "nunique" if aggregate == "count" and not counted else "size" if counted else aggregate
                parts.append(f"{text_of(name)}: ({text_of(column)}, {text_of(how)})")
    if wish.per is None:
        return "agg(**{" + ", ".join(parts) + "})", labels
    totals = [label("sum", column, names.language) for column in (wish.measures[0], wish.per)]
    parts = [
        f"{text_of(name)}: ({text_of(column.name)}, 'sum')"
        for name, column in zip(totals, (wish.measures[0], wish.per), strict=True)
    ]
    ratio = measured(wish, names.language)
    divided = f"lambda table: table[{text_of(totals[0])}] / table[{text_of(totals[1])}]"
    chain = f"agg(**{{{', '.join(parts)}}}).assign(**{{{text_of(ratio)}: {divided}}})[{indent_list([ratio, *totals])}]"
    return chain, [ratio, *totals]


def _group_lines(wish: Wish, names: Names) -> list[str]:
    rows, answer = names.rows, names.answer
    lines, period = period_lines(wish, names)
    keys = [*(column.name for column in wish.groups), *([period] if period else [])]
    keys = list(dict.fromkeys(keys))
    how, labels = _aggregation(wish, names)
    if '"_row"' in how:
        lines.append(f"{rows} = {rows}.assign(_row=1)")
    if wish.per:
        both = indent_list([wish.measures[0].name, wish.per.name])
        lines += [
            f"whole = {rows}.dropna(subset={both})  # a row that has one of the two only would tell half",
            f'facts["halved"] = [len({rows}) - len(whole), len({rows})]',
            f"{rows} = whole",
        ]
    lines.append(
        f'facts["missing"] = {{name: int({rows}[name].isna().sum()) for name in {indent_list([c.name for c in wish.measures])}}}'
    )
    whole = f'{rows}.assign(_all=1).groupby("_all").{how}'
    if not keys:
        lines.append(f"{answer} = {whole}.reset_index(drop=True)")
        return [*lines, *_no_sums_of_nothing(wish, names, f'{rows}.assign(_all=1).groupby("_all")')]
    grouped = f"{rows}.groupby({indent_list(keys)}, dropna=False)"
    lines.append(f"{answer} = {grouped}.{how}.reset_index()")
    lines += _no_sums_of_nothing(wish, names, grouped)
    ordered = wish.kind != "top" and bool(period)
    if ordered or (wish.kind != "top" and len(keys) == 1 and wish.groups and wish.groups[0].role in ("measure", "time")):
        lines += _sorted_by_time(wish, names, keys)
    else:
        lines.append(f"{answer} = {answer}.sort_values({text_of(labels[0])}, ascending={wish.ascending}, ignore_index=True)")
    lines.append(f'facts["overall"] = {whole}.iloc[0].to_dict() if len({rows}) else {{}}')
    lines += _limit_or_share(wish, names, keys, labels, ordered=ordered)
    if wish.focus == "mean":
        lines.append(f'facts["typical"] = float({answer}[{text_of(labels[0])}].mean())')
    if wish.within and len(keys) == 2:
        inner = f"{answer}.groupby({text_of(wish.within.name)}, dropna=False)"
        lines.append(
            f'{answer} = {inner}.head({max(wish.n, 1)}).sort_values({text_of(wish.within.name)}, kind="stable", ignore_index=True)'
        )
    elif wish.kind == "top":
        lines += ['facts["groups"] = len(' + answer + ")", f"{answer} = {answer}.head({wish.n if wish.n > 1 else 5})"]
    return lines


def _limit_or_share(wish: Wish, names: Names, keys: list[str], labels: list[str], *, ordered: bool) -> list[str]:
    """Lines that keep the groups within a limit, or add each group's share."""
    answer = names.answer
    if wish.having:
        limit = f"{wish.having.op} {wish.having.values[0]}"
        return [f'facts["groups"] = len({answer})', f"{answer} = {answer}[{answer}[{text_of(labels[0])}] {limit}]"]
    if wish.share or (
        wish.per is None
        and wish.aggregates[0] in ("sum", "count")
        and len(keys) == 1
        and not ordered
        and wish.kind == "aggregate"
    ):
        share = "占比 %" if names.language == "zh" else "share %"
        first = f"{answer}[{text_of(labels[0])}]"
        whole = (
            f"{first}.sum()"
            if len(keys) == 1
            else f'{answer}.groupby({text_of(keys[0])})[{text_of(labels[0])}].transform("sum")'
        )
        return [f"{answer}[{text_of(share)}] = ({first} / {whole} * 100).round(2)"]
    return []


def _no_sums_of_nothing(wish: Wish, names: Names, grouped: str) -> list[str]:
    """Lines that leave the total of a group without any value empty, where pandas says 0."""
    if "sum" not in wish.aggregates or wish.per:
        return []
    cells = ((f"{names.answer}[{text_of(label('sum', column, names.language))}]", column.name) for column in wish.measures)
    return [f"{cell} = {cell}.mask(({grouped}[{text_of(name)}].count() == 0).to_numpy())" for cell, name in cells]


def _sorted_by_time(wish: Wish, names: Names, keys: list[str]) -> list[str]:
    answer = names.answer
    if wish.period == "part" or wish.period == "weekday" or any(c.grain == "part" for c in wish.groups):
        return [
            _ORDER,
            f"{answer} = {answer}.sort_values({text_of(keys[-1])}, key=lambda cells: cells.map(in_order), ignore_index=True)",
        ]
    return [f"{answer} = {answer}.sort_values({indent_list(keys[::-1])}, ignore_index=True)"]


def _row_lines(wish: Wish, names: Names) -> list[str]:
    measure = wish.measures[0].name
    shown = [c.name for c in wish.source.columns if c.role != "measure"][:6]
    columns = list(dict.fromkeys([measure, *shown, *(c.name for c in wish.measures)]))
    way = "nsmallest" if wish.ascending else "nlargest"
    return [
        f'facts = {{"missing": {{{text_of(measure)}: int({names.rows}[{text_of(measure)}].isna().sum())}}}}',
        f"{names.answer} = {names.rows}.{way}({wish.n or 3}, {text_of(measure)})[{indent_list(columns)}]",
    ]


def _trend_lines(wish: Wish, names: Names) -> list[str]:
    rows, answer = names.rows, names.answer
    lines, period = period_lines(wish, names)
    how, labels = _aggregation(wish, names)
    if '"_row"' in how:
        lines.append(f"{rows} = {rows}.assign(_row=1)")
    change = "环比变化 %" if names.language == "zh" else "change %"
    first = f"{answer}[{text_of(labels[0])}]"
    lines.append(f"{answer} = {rows}.groupby({text_of(period)}).{how}.reset_index()")
    lines += _no_sums_of_nothing(wish, names, f"{rows}.groupby({text_of(period)})")
    lines += _sorted_by_time(wish, names, [period])
    lines += [
        f"{answer}[{text_of(change)}] = ({first} / {first}.shift().where(lambda before: before > 0) * 100 - 100).round(2)",
        f'facts["missing"] = {{name: int({rows}[name].isna().sum()) for name in {indent_list([c.name for c in wish.measures])}}}',
        f"known = {answer}[{first}.notna()]",
        'for name, part in {"first": known.head(1), "last": known.tail(1), '
        f'"peak": known.nlargest(1, {text_of(labels[0])}), "low": known.nsmallest(1, {text_of(labels[0])})}}.items():',
        "    facts[name] = part.astype(object).values.tolist()",
    ]
    return lines


def _growth_lines(wish: Wish, names: Names) -> list[str]:
    rows, answer = names.rows, names.answer
    lines, period = period_lines(wish, names)
    keys = indent_list([*(column.name for column in wish.groups), period])
    how, labels = _aggregation(wish, names)
    if '"_row"' in how:
        lines.append(f"{rows} = {rows}.assign(_row=1)")
    growth = "增长 %" if names.language == "zh" else "growth %"
    by_period = f"{rows}.groupby({keys}, dropna=False).{how}[{text_of(labels[0])}].unstack()"
    lines.append(f"by_period = {by_period}")
    if wish.period == "part":
        lines += [_ORDER, "by_period = by_period[sorted(by_period.columns, key=in_order)]"]
    lines += [
        f"{answer} = by_period.iloc[:, [0, -1]].copy()",
        f"{answer}.columns = {answer}.columns.astype(str)",
        f'facts["span"] = list({answer}.columns)',
        f"before, after = {answer}.iloc[:, 0], {answer}.iloc[:, -1]",
        f"{answer}[{text_of(growth)}] = ((after / before.where(before > 0) - 1) * 100).astype(float).round(2)",
        f"{answer} = {answer}.sort_values({text_of(growth)}, ascending={wish.ascending}).reset_index()",
        f'facts["missing"] = {{name: int({rows}[name].isna().sum()) for name in {indent_list([c.name for c in wish.measures])}}}',
        f'facts["mean"] = {text_of(labels[0])}',
    ]
    return lines


_BODIES = {
    "trend": _trend_lines,
    "growth": _trend_lines,
    "correlation": correlation_lines,
    "quality": quality_lines,
    "distribution": distribution_lines,
    "rate": rate_lines,
    "list": list_lines,
    "distinct": distinct_lines,
}
