"""matplotlib code for a wish's chart: drawn from the answer's table, saved as PNG and shown.

Above: `cells`. Below: `pieces`, `labels`, `question`.
"""
# ruff: noqa: E501 - a rule, a sentence or a line of written code stands on one line

from genie_nb.backend.models.analyst.labels import file_name
from genie_nb.backend.models.analyst.pieces import indent_list, text_of
from genie_nb.backend.models.analyst.wish import Wish

__all__ = ("chart_lines",)


def chart_lines(wish: Wish, rows: str, answer: str, title: str, language: str) -> list[str]:
    """Lines that draw, save and show; `facts["chart"]` is the file's name."""
    shown = title.removeprefix("Chart of ").removeprefix("画图：")
    shown = shown[:1].upper() + shown[1:]
    name = file_name(shown)
    lines = ["", "import matplotlib.pyplot as plt", "", "figure, axes = plt.subplots(figsize=(8, 4.5))"]
    lines += _drawing(wish, rows, answer, language)
    lines += [
        f"axes.set_title({text_of(shown)})",
        'axes.spines[["top", "right"]].set_visible(False)',
        "figure.tight_layout()",
        f"figure.savefig({text_of(name)}, dpi=120)",
        "plt.show()",
        f'facts["chart"] = {text_of(name)}',
    ]
    return lines


def _drawing(wish: Wish, rows: str, answer: str, language: str) -> list[str]:
    count = "行数" if language == "zh" else "number of rows"
    match wish.kind:
        case "trend" | "growth" if not wish.groups:
            return _series(answer, bars=wish.chart == "bar")
        case "growth":
            if wish.chart == "bar":
                return _bars(f"{answer}.head(20)", f"{answer}.columns[0]", f"{answer}.columns[-1]")
            return _lines_by_group()
        case "correlation":
            return _scatter(wish, rows, answer)
        case "distribution" if not _of_category(wish):
            return _spread(wish, rows, count)
        case "quality":
            return _bars(answer, f"{answer}.columns[0]", f"{answer}.columns[1]")
        case "profile":
            return _bars(answer, f"{answer}.columns[0]", f"{answer}.columns[3]")
    return _groups(wish, answer)


def _groups(wish: Wish, answer: str) -> list[str]:
    """The drawing of a table of groups: bars, a pie, lines, or bars side by side."""
    if wish.kind == "top" and not wish.aggregates:
        return [
            f"labels = {answer}.iloc[:, 1].astype(str)",
            f"axes.barh(labels[::-1], {answer}.iloc[::-1, 0])",
            f"axes.set_xlabel({answer}.columns[0])",
        ]
    if (wish.sides or wish.side) and wish.groups:
        return [
            f'{answer}.set_index({answer}.columns[:{len(wish.groups)}].tolist())[list(sides)].head(20).plot(kind="bar", ax=axes)',
            'axes.tick_params(axis="x", rotation=0)',
        ]
    if not wish.groups and not wish.period and not wish.sides and not _of_category(wish):
        return [f"axes.bar({answer}.columns, {answer}.iloc[0])"]
    if len(wish.groups) + bool(wish.period) == 2:
        return _clustered(wish, answer)
    if wish.chart == "pie":
        return _pie(answer)
    if (wish.period or wish.chart == "line") and wish.kind != "top":
        return _series(answer, bars=wish.chart == "bar" or wish.period == "weekday")
    return _bars(f"{answer}.head(20)", f"{answer}.columns[0]", f"{answer}.columns[1]")


def _of_category(wish: Wish) -> bool:
    return wish.kind in ("distinct",) or (
        wish.kind == "distribution"
        and bool(wish.groups or wish.measures)
        and not any(c.role == "measure" for c in wish.measures)
    )


def _bars(table: str, labels: str, values: str) -> list[str]:
    return [
        f"shown = {table}",
        f'labels = shown[{labels}].astype("string").fillna("–")',
        f"numbers = shown[{values}].astype(float)",
        "if len(shown) > 8 or labels.str.len().max() > 12:",
        "    axes.barh(labels[::-1], numbers[::-1])",
        f"    axes.set_xlabel({values})",
        f"    axes.set_ylabel({labels})",
        "else:",
        "    axes.bar(labels, numbers)",
        f"    axes.set_ylabel({values})",
        f"    axes.set_xlabel({labels})",
    ]


def _series(answer: str, *, bars: bool) -> list[str]:
    draw = "axes.bar(times, numbers)" if bars else 'axes.plot(times, numbers, marker="o" if len(times) < 60 else None)'
    return [
        f"times = {answer}.iloc[:, 0].astype(str)",
        f"numbers = {answer}.iloc[:, 1].astype(float)",
        draw,
        "axes.set_xticks(range(0, len(times), max(1, len(times) // 12)))",
        'axes.tick_params(axis="x", rotation=45)',
        f"axes.set_xlabel({answer}.columns[0])",
        f"axes.set_ylabel({answer}.columns[1])",
    ]


def _lines_by_group() -> list[str]:
    return [
        "for group, line in by_period.head(12).iterrows():",
        '    axes.plot(by_period.columns.astype(str), line.astype(float), marker="o" if by_period.shape[1] < 40 else None,',
        '              label=str(group) if not isinstance(group, tuple) else " / ".join(map(str, group)))',
        "axes.set_xticks(range(0, by_period.shape[1], max(1, by_period.shape[1] // 12)))",
        'axes.tick_params(axis="x", rotation=45)',
        "axes.set_xlabel(by_period.columns.name)",
        'axes.set_ylabel(facts["mean"])',
        "axes.legend(fontsize=8)",
    ]


def _clustered(wish: Wish, answer: str) -> list[str]:
    across, split = ("1", "0") if wish.period else ("0", "1")
    return [
        f'wide = {answer}.pivot_table(index={answer}.columns[{across}], columns={answer}.columns[{split}], values={answer}.columns[2], aggfunc="sum")',
        f'wide.iloc[:40, :12].plot(kind="{"line" if wish.period else "bar"}", ax=axes)',
        f"axes.set_ylabel({answer}.columns[2])",
        "axes.legend(fontsize=8)",
    ]


def _pie(answer: str) -> list[str]:
    return [
        f"parts = {answer}.set_index({answer}.columns[0])[{answer}.columns[1]].astype(float).dropna()",
        "if len(parts) > 8:",
        '    parts = pd.concat([parts.head(7), pd.Series({"…": parts.iloc[7:].sum()})])',
        'axes.pie(parts.clip(lower=0), labels=parts.index.astype(str), autopct="%.1f%%", startangle=90, counterclock=False)',
    ]


def _scatter(wish: Wish, rows: str, answer: str) -> list[str]:
    return [
        f"one, other = {answer}.iloc[0, 0], {answer}.iloc[0, 1]",
        f"points = {rows}[[one, other]].astype(float).dropna()",
        "axes.scatter(points[one], points[other], s=18, alpha=0.6)",
        "if points[one].nunique() > 1:",
        "    slope = points.cov().loc[one, other] / points[one].var()",
        "    ends = pd.Series([points[one].min(), points[one].max()])",
        '    axes.plot(ends, points[other].mean() + slope * (ends - points[one].mean()), color="C1")',
        "axes.set_xlabel(one)",
        "axes.set_ylabel(other)",
    ]


def _spread(wish: Wish, rows: str, count: str) -> list[str]:
    measures = [c.name for c in wish.measures if c.role == "measure"] or [c.name for c in wish.source.of_role("measure")][:1]
    first = text_of(measures[0])
    if wish.groups:
        return [
            f"boxes = {{str(name): cells.dropna().astype(float) for name, cells in {rows}.groupby({text_of(wish.groups[0].name)})[{first}]}}",
            "axes.boxplot(list(boxes.values())[:20], tick_labels=list(boxes)[:20])",
            f"axes.set_xlabel({text_of(wish.groups[0].name)})",
            f"axes.set_ylabel({first})",
        ]
    if wish.chart == "box":
        return [
            f"axes.boxplot([{rows}[name].dropna().astype(float) for name in {indent_list(measures)}], tick_labels={indent_list(measures)})"
        ]
    return [
        f'axes.hist({rows}[{first}].dropna().astype(float), bins=min(30, max(5, int(len({rows}) ** 0.5))), edgecolor="white")',
        f"axes.set_xlabel({first})",
        f"axes.set_ylabel({text_of(count)})",
    ]
