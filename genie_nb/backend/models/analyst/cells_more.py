"""The cells' lines for correlations, checks, distributions, rates, lists and profiles.

Above: `cells`. Below: `steps`, `pieces`, `labels`, `wish`.
"""
# ruff: noqa: E501 - a rule, a sentence or a line of written code stands on one line

from genie_nb.backend.models.analyst.labels import condition_text, label, where_text
from genie_nb.backend.models.analyst.pieces import indent_list, text_of, where_test
from genie_nb.backend.models.analyst.steps import Names, period_lines
from genie_nb.backend.models.analyst.wish import Wish

__all__ = (
    "correlation_lines",
    "distinct_lines",
    "distribution_lines",
    "list_lines",
    "profile_lines",
    "quality_lines",
    "rate_lines",
    "sides_lines",
)


def correlation_lines(wish: Wish, names: Names) -> list[str]:
    """Lines of the cell for a correlation."""
    measures = wish.measures if len(wish.measures) > 1 else tuple(wish.source.of_role("measure"))
    if len(wish.measures) == 1:
        measures = tuple(dict.fromkeys((*wish.measures, *measures)))
    rows, answer = names.rows, names.answer
    words = ("列甲", "列乙", "相关系数 r", "行数") if names.language == "zh" else ("column", "other column", "r", "rows")
    return [
        "from itertools import combinations",
        "",
        f"numbers = {rows}[{indent_list([c.name for c in measures])}].astype(float)",
        "low, high = numbers.quantile(0.25), numbers.quantile(0.75)",
        "far = (numbers < low - 3 * (high - low)) | (numbers > high + 3 * (high - low))  # far from the middle half",
        "pairs, without = [], {}",
        "for one, other in combinations(numbers.columns, 2):",
        "    both = numbers[[one, other]].dropna()",
        "    near = both[~far.loc[both.index, [one, other]].any(axis=1)]",
        "    r, r_near = (part[one].corr(part[other]) if len(part) > 2 and part.nunique().min() > 1 else None for part in (both, near))",
        "    pairs.append([one, other, r, len(both)])",
        "    if r is not None and r_near is not None and abs(r - r_near) >= 0.05:",
        "        odd = {name: both.loc[far.loc[both.index, name], name].tolist() for name in (one, other)}",
        '        without[f"{one}|{other}"] = {"r": float(r_near), "rows": len(near), "odd": odd}',
        f"{answer} = pd.DataFrame(pairs, columns={indent_list(words)})",
        f"{answer}[{text_of(words[2])}] = {answer}[{text_of(words[2])}].astype(float).round(4)",
        *(
            [f"{answer} = {answer}[({answer}.iloc[:, :2] == {text_of(wish.measures[0].name)}).any(axis=1)]"]
            if len(wish.measures) == 1
            else []
        ),
        f"{answer} = {answer}.sort_values({text_of(words[2])}, key=abs, ascending=False, ignore_index=True)",
        'facts = {"without": without}',
    ]


def quality_lines(wish: Wish, names: Names) -> list[str]:
    """Lines of the cell for a quality."""
    rows, answer = names.rows, names.answer
    chinese = names.language == "zh"
    words = (
        ("列", "缺失", "缺失 %", "离群值", "负值", "无法解析")
        if chinese
        else ("column", "missing", "missing %", "outliers", "negative", "unreadable")
    )
    chosen = [c.name for c in (*wish.measures, *wish.groups)]
    texts = [c.name for c in wish.source.of_role("category") if not c.flag and (c.name in chosen or not chosen)]
    ids = indent_list([c.name for c in wish.source.columns if c.role in ("id", "time")])
    return [
        "found, odd = [], {}",
        *[f"spelled[{text_of(name)}] = spellings({rows}[{text_of(name)}])" for name in texts],
        f"for name in {indent_list(chosen) if chosen else f'{rows}.columns'}:",
        f"    cells = {rows}[name]",
        "    high = negative = 0",
        f"    if pd.api.types.is_numeric_dtype(cells) and not pd.api.types.is_bool_dtype(cells) and name not in {ids}:",
        "        q1, q3 = cells.quantile([0.25, 0.75])",
        "        outside = cells[(cells < q1 - 1.5 * (q3 - q1)) | (cells > q3 + 1.5 * (q3 - q1))]",
        "        odd[str(name)], high = outside.head(5).tolist(), len(outside)",
        "        negative = int((cells < 0).sum())",
        '    blank = cells.isna() | (cells.astype("string").str.strip() == "").fillna(False)',
        "    gone = int(blank.sum()) - unread.get(name, 0)",
        "    found.append([name, gone, round(100 * gone / max(len(cells), 1), 1), high, negative, unread.get(name, 0)])",
        f"{answer} = pd.DataFrame(found, columns={indent_list(words)})",
        f'facts = {{"duplicates": int({_comparable(wish, rows)}.duplicated().sum()), "odd": odd}}',
    ]


def _comparable(wish: Wish, rows: str) -> str:
    """The rows as what can be compared: JSON may hold lists in its cells."""
    return f"{rows}.astype(str)" if wish.source.kind == "json" else rows


def distribution_lines(wish: Wish, names: Names) -> list[str]:
    """Lines of the cell for a distribution."""
    rows, answer = names.rows, names.answer
    chinese = names.language == "zh"
    measures = [c.name for c in wish.measures if c.role == "measure"]
    groups = [c.name for c in (*wish.groups, *(c for c in wish.measures if c.role != "measure"))]
    if groups and not measures:
        count, share = ("行数", "占比 %") if chinese else ("rows", "share %")
        return [
            f"{answer} = {rows}.groupby({indent_list(groups)}, dropna=False).size().reset_index(name={text_of(count)})",
            f"{answer} = {answer}.sort_values({text_of(count)}, ascending=False, ignore_index=True)",
            f"{answer}[{text_of(share)}] = ({answer}[{text_of(count)}] / len({rows}) * 100).round(2)",
            'facts = {"of": "category"}',
        ]
    measures = measures or [c.name for c in wish.source.of_role("measure")]
    statistics = '["count", "mean", "std", "min", "25%", "50%", "75%", "max"]'
    heads = (
        ["列", "个数", "平均", "标准差", "最小", "25%", "中位数", "75%", "最大"]
        if chinese
        else ["column", "count", "mean", "std", "min", "25%", "median", "75%", "max"]
    )
    if groups:
        heads[0] = groups[0]
        table = f"{rows}.groupby({text_of(groups[0])}, dropna=False)[{text_of(measures[0])}].describe()[{statistics}].reset_index()"
    else:
        table = f"{rows}[{indent_list(measures)}].astype(float).describe().T[{statistics}].reset_index()"
    return [
        f"{answer} = {table}",
        f"{answer}.columns = {indent_list(heads)}",
        f'facts = {{"of": "measure", "missing": {{name: int({rows}[name].isna().sum()) for name in {indent_list(measures)}}}}}',
    ]


def distinct_lines(wish: Wish, names: Names) -> list[str]:
    """Lines of the cell for a distinct."""
    column = (*wish.groups, *wish.measures, *([wish.time] if wish.time else []))[0].name
    count = "行数" if names.language == "zh" else "rows"
    return [
        f"{names.answer} = {names.rows}[{text_of(column)}].value_counts().rename_axis({text_of(column)}).reset_index(name={text_of(count)})",
        f'facts = {{"column": {text_of(column)}}}',
    ]


def rate_lines(wish: Wish, names: Names) -> list[str]:
    """The share of the rows that are hit, whole and by group."""
    rows, answer = names.rows, names.answer
    column = wish.source.column(wish.hit.column) if wish.hit else None
    if wish.hit is None or column is None:
        raise ValueError("a rate needs the rows whose share is wanted")
    lines, period = period_lines(wish, names)
    keys = [*(c.name for c in wish.groups), *([period] if period else [])]
    hits, count, share = ("符合行数", "总行数", "占比 %") if names.language == "zh" else ("matching rows", "rows", "share %")
    how = f"{{{text_of(hits)}: ('_hit', 'sum'), {text_of(count)}: ('_hit', 'size')}}"
    grouped = f"{rows}.groupby({indent_list(keys)}, dropna=False)" if keys else f'{rows}.assign(_all=1).groupby("_all")'
    return [
        *lines,
        f'facts["blank"] = int({rows}[{text_of(column.name)}].isna().sum())',
        f"{rows} = {rows}[{rows}[{text_of(column.name)}].notna()]  # of what is missing nothing is known",
        f"{rows} = {rows}.assign(_hit=({where_test(wish.hit, column, rows)}).astype(int))",
        f"{answer} = {grouped}.agg(**{how}).reset_index({'drop=True' if not keys else ''})",
        f"{answer}[{text_of(share)}] = ({answer}[{text_of(hits)}] / {answer}[{text_of(count)}] * 100).round(2)",
        *(
            []
            if period or not keys
            else [f"{answer} = {answer}.sort_values({text_of(share)}, ascending={wish.ascending}, ignore_index=True)"]
        ),
        f'facts["hits"] = int({rows}["_hit"].sum())',
    ]


def sides_lines(wish: Wish, names: Names) -> list[str]:
    """What is set against each other, side by side, whole or by group."""
    rows, answer = names.rows, names.answer
    how = wish.aggregates[0]
    measures = [column.name for column in wish.measures] if how != "count" else []
    lines = [
        *_parts(wish, names),
        f'facts = {{"missing": {{name: int({rows}[name].isna().sum()) for name in {indent_list(measures)}}}}}',
    ]
    if not wish.groups:
        heads = [label(how, column, names.language) for column in wish.measures if measures]
        heads = ["对比" if names.language == "zh" else "side", *heads, label("count", None, names.language)]
        cells = "".join(f", part[{text_of(name)}].{how}()" for name in measures)
        made = f"pd.DataFrame([[name{cells}, len(part)] for name, part in sides.items()], columns={indent_list(heads)})"
        return [*lines, f"{answer} = {made}"]
    number, size = (f"[{text_of(measures[0])}].{how}()", "") if measures else ("", ".size()")
    grouped = f"part.groupby({indent_list([c.name for c in wish.groups])}, dropna=False){number}{size}"
    timed = bool(wish.sides) and wish.sides[0].op != "is"
    change = text_of("变化 %" if names.language == "zh" else "change %")
    lines += [
        f"{answer} = pd.DataFrame({{name: {grouped} for name, part in sides.items()}})",
        f'facts["whole"] = {{name: {f"part{number}" if measures else "len(part)"} for name, part in sides.items()}}',
        "if len(sides) == 2:",
        f"    one, other = {'reversed(sides)' if wish.sides and not timed else 'sides'}",
        '    gap = facts["gap"] = f"{other} \u2212 {one}"',
        f"    {answer}[gap] = {answer}[other] - {answer}[one]",
    ]
    if timed:
        before = f"{answer}[one].where({answer}[one] > 0)"
        lines.append(f"    {answer}[{change}] = ({answer}[gap] / {before} * 100).astype(float).round(2)")
    return [
        *lines,
        f"    {answer} = {answer}.sort_values(gap, key=abs, ascending={wish.ascending})",
        f"{answer} = {answer}.reset_index()",
    ]


def _parts(wish: Wish, names: Names) -> list[str]:
    """Lines that make `sides`: the rows of each side by its name."""
    rows = names.rows
    if wish.side:
        return [f"sides = {{str(name): part for name, part in {rows}.groupby({text_of(wish.side.name)})}}"]
    dated = any(condition.op in ("year", "recent", "from", "until") for condition in wish.conditions)
    lines = ["sides = {"]
    for side in wish.sides:
        name = condition_text(side, names.language) if dated else where_text((side,), names.language)
        if column := wish.source.column(side.column):
            lines.append(f"    {text_of(name)}: {rows}[{where_test(side, column, rows)}],")
    return [*lines, "}", f"{rows} = {rows}.loc[sorted(set().union(*(part.index for part in sides.values())))]"]


def list_lines(wish: Wish, names: Names) -> list[str]:
    """Lines of the cell for a list."""
    limits = [condition for condition in wish.conditions if condition.op in (">", ">=", "<", "<=")]
    limited = [name for c in limits for name in (c.column, *(value[1:-1] for value in c.values if value.startswith("[")))]
    columns = wish.source.columns
    shown = [c.name for c in columns if c.role != "measure"][:5] + [c.name for c in columns if c.role == "measure"][:2]
    lines = ["facts = {}", f"{names.answer} = {names.rows}[{indent_list(list(dict.fromkeys([*shown, *limited])))}]"]
    if limits:
        lines.append(
            f"{names.answer} = {names.answer}.sort_values({text_of(limited[0])}, ascending={limits[0].op.startswith('<')})"
        )
    return lines


def profile_lines(wish: Wish, names: Names) -> list[str]:
    """Lines of the cell for a profile."""
    rows, answer = names.rows, names.answer
    heads = (
        ["列", "类型", "缺失", "不同值", "示例或范围"]
        if names.language == "zh"
        else ["column", "type", "missing", "distinct", "range or examples"]
    )
    kinds = ["日期", "数值", "文本"] if names.language == "zh" else ["date", "number", "text"]
    return [
        "described = []",
        f"for name, cells in {rows}.items():",
        "    if pd.api.types.is_datetime64_any_dtype(cells):",
        f'        kind, says = "{kinds[0]}", '
        'f"{cells.min():%Y-%m-%d} – {cells.max():%Y-%m-%d}" if cells.notna().any() else ""',
        "    elif pd.api.types.is_numeric_dtype(cells) and not pd.api.types.is_bool_dtype(cells):",
        f'        kind, says = "{kinds[1]}", " – ".join(f"{{end:.2f}}".rstrip("0").rstrip(".") if abs(end) >= 1 else f"{{end:.4g}}" for end in (cells.min(), cells.max())) if cells.notna().any() else ""',
        "    else:",
        f'        kind, says = "{kinds[2]}", ", ".join(cells.dropna().astype(str).value_counts().index[:4])',
        "    described.append([str(name), kind, int(cells.isna().sum()) - unread.get(name, 0), int(cells.astype(str)[cells.notna()].nunique()), says])",
        f"{answer} = pd.DataFrame(described, columns={indent_list(heads)})",
        f'facts = {{"duplicates": int({_comparable(wish, rows)}.duplicated().sum())}}',
    ]
