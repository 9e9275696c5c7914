"""The cells' lines for correlations, checks, distributions, rates, lists and profiles.

Above: `cells`. Below: `steps`, `pieces`, `wish`.
"""
# ruff: noqa: E501 - a rule, a sentence or a line of written code stands on one line

from genie_nb.backend.models.analyst.pieces import indent_list, text_of, where_test
from genie_nb.backend.models.analyst.steps import SPAN, Names, period_lines
from genie_nb.backend.models.analyst.wish import Wish

__all__ = (
    "correlation_lines",
    "distinct_lines",
    "distribution_lines",
    "list_lines",
    "profile_lines",
    "quality_lines",
    "rate_lines",
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
        "pairs = []",
        "for one, other in combinations(numbers.columns, 2):",
        "    both = numbers[[one, other]].dropna()",
        "    varied = len(both) > 2 and both.nunique().min() > 1",
        "    pairs.append([one, other, both[one].corr(both[other]) if varied else None, len(both)])",
        f"{answer} = pd.DataFrame(pairs, columns={indent_list(words)})",
        f"{answer}[{text_of(words[2])}] = {answer}[{text_of(words[2])}].astype(float).round(4)",
        *(
            [f"{answer} = {answer}[({answer}.iloc[:, :2] == {text_of(wish.measures[0].name)}).any(axis=1)]"]
            if len(wish.measures) == 1
            else []
        ),
        f"{answer} = {answer}.sort_values({text_of(words[2])}, key=abs, ascending=False, ignore_index=True)",
        "facts = {}",
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
    ids = indent_list([c.name for c in wish.source.columns if c.role in ("id", "time")])
    return [
        "found, odd = [], {}",
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
        f'facts = {{"duplicates": int({rows}.duplicated().sum()), "odd": odd}}',
    ]


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
    lines, period = period_lines(wish, names, SPAN)
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


def profile_lines(names: Names) -> list[str]:
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
        f'        kind, says = "{kinds[1]}", f"{{cells.min():.15g}} – {{cells.max():.15g}}" if cells.notna().any() else ""',
        "    else:",
        f'        kind, says = "{kinds[2]}", ", ".join(cells.dropna().astype(str).value_counts().index[:4])',
        "    described.append([str(name), kind, int(cells.isna().sum()), int(cells.astype(str)[cells.notna()].nunique()), says])",
        f"{answer} = pd.DataFrame(described, columns={indent_list(heads)})",
        f'facts = {{"duplicates": int({rows}.duplicated().sum())}}',
    ]
