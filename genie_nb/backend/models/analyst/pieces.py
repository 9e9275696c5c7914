"""Pieces of pandas code that every cell begins and ends with: reading, cleaning, keeping the rows that count, the result line.

The code is text; it runs in the interpreter's kernel and not here.

Above: `cells`, `charts`, `executor`. Below: `question`, `columns`.
"""
# ruff: noqa: E501 - a rule, a sentence or a line of written code stands on one line

import re
from calendar import month_name
from collections.abc import Sequence

from genie_nb.backend.models.analyst.columns import Column, Source
from genie_nb.backend.models.analyst.conditions import Condition
from genie_nb.backend.models.analyst.wish import Wish
from genie_nb.parts import RESULT_TYPE

__all__ = ("RESULT_LINES", "indent_list", "load_lines", "text_of", "where_lines", "where_test")

RESULT_LINES = (
    'facts = pd.Series(facts, dtype=object).to_json(date_format="iso", double_precision=12, default_handler=str)',
    f'display({{"{RESULT_TYPE}": facts}}, raw=True)  # for the analyst alone',
)
"""The last lines of a cell: its facts as JSON, handed back to the analyst and shown to nobody."""

_TO_NUMBER = '''\
def to_number(column):
    """Numbers written as text: with currency, percent or thousands signs, decimal comma, 万 and 亿."""
    if pd.api.types.is_numeric_dtype(column):
        return column
    text = column.astype("string").str.strip()
    parts = text.str.extract(r"^([^\\d]{0,6}?)(\\d[\\d.,'\\s\\u00a0]*(?:[eE][-+]?\\d+)?)\\s*([^\\d]*)$")
    digits = parts[1].str.replace(r"['\\s\\u00a0]", "", regex=True).str.rstrip(".,")
    by_comma = digits.str.contains(r"\\.\\d{3}.*,|^\\d+,\\d{1,2}$|,\\d{4}", na=False).any()
    if by_comma and not digits.str.contains(r",\\d{3}\\.", na=False).any():
        digits = digits.str.replace(".", "", regex=False).str.replace(",", ".", regex=False)
    else:
        digits = digits.str.replace(",", "", regex=False)
    minus = parts[0].str.contains(r"[-−(]", na=False)
    scale = parts[2].str.strip().str[:1].map({"万": 1e4, "亿": 1e8}).fillna(1.0)
    many = parts[2].str.strip().isin(["k", "K", "M"]) & (parts[2].str.strip().nunique() > 1)
    scale = scale.mask(many, parts[2].str.strip().map({"k": 1e3, "K": 1e3, "M": 1e6}))
    numbers = pd.to_numeric(digits, errors="coerce").astype("float64") * scale.astype("float64")
    numbers = numbers.mask(minus, -numbers)
    unread[column.name] = int((text.notna() & (text != "") & numbers.isna()).sum())
    return numbers
'''

_TO_DATE = '''\
def to_date(column):
    """Dates in the format that reads the most of them."""
    if pd.api.types.is_datetime64_any_dtype(column):
        return column
    text = column.astype("string").str.strip().str.replace(r"\\.0$", "", regex=True)
    if pd.api.types.is_numeric_dtype(column) and text.str.len().max() > 6:
        text = text.str.zfill(8)
    text = text.str.replace(r"\\s*[年月]\\s*(?=\\d)", "-", regex=True).str.replace(r"[年月日号]+$", "", regex=True)
    quarter = text.str.extract(r"^(?P<y>\\d{4})\\D*?[Qq第]\\s*(?P<q>[1-4一二三四])|^[Qq](?P<q2>[1-4])\\D*(?P<y2>\\d{4})$")
    number = quarter["q"].fillna(quarter["q2"]).replace({"一": "1", "二": "2", "三": "3", "四": "4"})
    start = quarter["y"].fillna(quarter["y2"]) + "-" + (pd.to_numeric(number) * 3 - 2).astype("Int64").astype("string")
    text = start.fillna(text)
    formats = ["%Y-%m-%d", "ISO8601", "%Y-%m", "%Y/%m/%d", "%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y", "%Y%m%d", "%d%m%Y", "%Y%m",
               "%Y.%m.%d", "%Y/%m", "%b %Y", "%B %Y", "%d %b %Y", "%d-%b-%Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%b-%y",
               "%m/%d/%y", "%d/%m/%y", "%m/%d/%Y %H:%M", "%d/%m/%Y %H:%M", "%Y/%m/%d %H:%M", "%Y/%m/%d %H:%M:%S", "mixed"]
    tries = ((form, pd.to_datetime(text, format=form, errors="coerce", utc=True)) for form in formats)
    form, dates = max(tries, key=lambda found: found[1].notna().sum())
    dates = dates.dt.tz_localize(None)
    if form[:5] in ("%m/%d", "%d/%m") and dates.notna().any():  # which of the two numbers is the month was chosen
        swapped = pd.to_datetime(text, format="%d/%m" * (form[1] == "m") + "%m/%d" * (form[1] == "d") + form[5:], errors="coerce")
        first = dates.first_valid_index()
        order[column.name] = [text[first], str(dates[first]), bool(swapped.notna().sum() == dates.notna().sum())]
    dates = dates.where(dates.dt.year.between(1700, 2200))
    unread[column.name] = int((text.notna() & (text != "") & dates.isna()).sum())
    return dates
'''


_BELOW_TITLES = '''\
def below_titles(path, **options):
    """A CSV file without the lines above its header and without a last line of totals."""
    import csv
    with open(path, encoding=options.get("encoding", "utf-8-sig"), newline="") as file:
        widths = [len(row) for row in csv.reader(file, delimiter=options.get("sep", ","))]
    above = widths.index(max((width for width in widths if width), key=widths.count))
    table = pd.read_csv(path, skiprows=above, skip_blank_lines=False, **options).dropna(how="all")
    totals = table.iloc[-1:, 0].astype("string").str.strip().str.lower().isin(["total", "grand total", "sum", "totals", "合计", "总计"])
    table = table[: len(table) - int(totals.sum())]
    table.attrs = {"above": above, "totals": int(totals.sum())}
    return table
'''

_SPELLINGS = '''\
def spellings(column):
    """Values that are the same but for capital letters or blanks around them."""
    counts = column.astype("string").value_counts()
    same = counts.groupby(counts.index.str.strip().str.casefold())
    return [part.astype(object).to_dict() for _, part in same if len(part) > 1]
'''


def text_of(value: str) -> str:
    """A Python string literal in double quotes."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def indent_list(names: Sequence[str]) -> str:
    """A Python list of strings."""
    return "[" + ", ".join(text_of(name) for name in names) + "]"


def load_lines(source: Source, columns: Sequence[Column], rows: str, *, careful: bool) -> list[str]:
    """Read the table into `rows` and make these columns what they mean."""
    foreign = source.kind in ("csv", "excel", "json")
    numbers = [c for c in columns if c.role == "measure" and (careful or foreign)]
    written = [c for c in numbers if careful or not c.clean]
    dates = [c for c in columns if c.grain == "date" and (careful or not c.clean)]
    lines = ["import pandas as pd", ""]
    if written:
        lines.append(_TO_NUMBER)
    if dates:
        lines.append(_TO_DATE)
    if careful or written or dates:
        lines.append("unread, order = {}, {}" if dates else "unread = {}")
    if "below_titles(" in source.read:
        lines.append(_BELOW_TITLES)
    texts = [c for c in columns if c.role == "category" and not c.flag]
    if texts or careful:
        lines += [_SPELLINGS, "spelled = {}"]
    lines += [f"{rows} = {source.read}" + (".copy()" if source.read.isidentifier() else "")]
    if careful or not source.tidy:
        lines.append(f'{rows}.columns = {rows}.columns.astype(str).str.strip("\\ufeff \\t\\r\\n")')
    for column in dict.fromkeys(columns):
        cell = f"{rows}[{text_of(column.name)}]"
        if column in texts:
            lines.append(f"spelled[{text_of(column.name)}] = spellings({cell})")
        if column in written:
            lines.append(f"{cell} = to_number({cell})")
        elif column in dates:
            lines.append(f"{cell} = to_date({cell})")
        elif cleaned := _cleaned(column, cell, source, careful=careful):
            lines.append(f"{cell} = {cleaned}")
    return lines


def _cleaned(column: Column, cell: str, source: Source, *, careful: bool) -> str:
    """What makes of a column's values what they mean, or nothing where they are that already."""
    foreign = source.kind in ("csv", "excel", "json")
    if column.role == "measure" and foreign:
        return f"pd.to_numeric({cell})"
    if column.grain == "date":
        return f"pd.to_datetime({cell})"
    if column.grain == "year" and (careful or not column.clean):
        return f'pd.to_numeric({cell}.astype("string").str[:4], errors="coerce").astype("Int64")'
    if column.role == "category" and source.kind in ("csv", "excel"):
        return f'{cell}.astype("string").str.strip()'
    return ""


def where_lines(wish: Wish, rows: str) -> list[str]:
    """Keep the rows that the wish's conditions want."""
    lines = [f"all_rows = len({rows})"]
    for condition in wish.conditions:
        column = wish.source.column(condition.column)
        if column is not None:
            lines.append(f"{rows} = {rows}[{where_test(condition, column, rows)}]")
            if condition.op == "spent":
                cell = f"{rows}[{text_of(column.name)}]"
                lines.append(
                    f"{rows} = {rows}.assign(**{{{text_of(column.name)}: -{cell}}})  # what was spent, as a positive number"
                )
    return lines


def where_test(condition: Condition, column: Column, rows: str) -> str:
    """The expression that is true for the rows that a condition wants."""
    cell = f"{rows}[{text_of(column.name)}]"
    first = condition.values[0]
    match condition.op:
        case "is" | "is not":
            test = f'{cell}.astype("string").str.strip().isin({indent_list(condition.values)})'
            return test if condition.op == "is" else f"~{test}"
        case "yes" | "no":
            words = '"yes", "true", "1", "y", "是"' if condition.op == "yes" else '"no", "false", "0", "n", "否"'
            return f'{cell}.astype("string").str.strip().str.lower().isin([{words}])'
        case "spent":
            return f"{cell} < 0"
        case "latest":
            return f"{cell} == {cell}.max()"
        case "recent":
            unit, skip, count = condition.values
            back = f'({cell}.dt.to_period("{unit}") - {cell}.max().to_period("{unit}")).map(lambda step: step.n, na_action="ignore")'
            if column.grain == "year":
                back = f"({cell} - {cell}.max())"
            return f"{back}.between({1 - int(skip) - int(count)}, {-int(skip)})"
        case "year" | "in" | "from" | "until":
            ends = [value.partition("..") for value in condition.values]
            if condition.op in ("from", "until"):
                ends = [(first, "..", "") if condition.op == "from" else ("", "..", first)]
            within = _year_test if column.grain == "year" else _time_test
            tests = [within(cell, low, high if dots else low) for low, dots, high in ends]
            return tests[0] if len(tests) == 1 else " | ".join(f"({one})" for one in tests)
        case "month" | "quarter" if column.grain == "part":
            return _part_test(condition, cell)
        case "month" | "quarter":
            return f"{cell}.dt.{condition.op}.isin([{', '.join(condition.values)}])"
        case _ if first.startswith("["):
            return f"{cell} {condition.op} {rows}[{text_of(first[1:-1])}]"
        case _:
            return f"{cell} {condition.op} {re.sub(r'^0+(?=[0-9])', '', first)}"


def _part_test(condition: Condition, cell: str) -> str:
    """Whether a value such as `1`, `Q1`, `第一季度`, `3月` or `March` is one of the quarters or months."""
    numbers = [int(value) for value in condition.values]
    if condition.op == "quarter":
        written = [text for number in numbers for text in (str(number), "一二三四"[number - 1])]
        return f'{cell}.astype("string").str.extract(r"([1-4一二三四])", expand=False).isin({indent_list(written)})'
    names = [month_name[number][:3].lower() for number in numbers]
    written = [
        text for number, name in zip(numbers, names, strict=True) for text in (str(number), _ZH_MONTHS[number - 1], name)
    ]
    form = r"^0?(\d+|[a-z]{3}|[一二三四五六七八九十]+)"
    return (
        f'{cell}.astype("string").str.strip().str.lower().str.extract(r"{form}", expand=False).isin({indent_list(written)})'
    )


_ZH_MONTHS = ("一", "二", "三", "四", "五", "六", "七", "八", "九", "十", "十一", "十二")


def _time_test(cell: str, low: str, high: str) -> str:
    """Whether a date is within a time such as `2024-03`, or in a range, one end of which may be open."""

    def written(value: str, quarter_month: int) -> tuple[str, str]:
        if "Q" in value:
            year, number = value.split("Q")
            value = f"{year}-{3 * int(number) - 2 + quarter_month:02d}"
        form = {4: "%Y", 7: "%Y-%m", 10: "%Y-%m-%d", 5: "%m-%d"}[len(value)]
        return f'{cell}.dt.strftime("{form}")', f'"{value}"'

    ends = [(*written(value, at), sign) for value, at, sign in ((low, 0, ">="), (high, 2, "<=")) if value]
    if low == high and "Q" not in low:
        return f"{ends[0][0]} == {ends[0][1]}"
    return " & ".join(f"({text} {sign} {value})" for text, value, sign in ends)


def _year_test(cell: str, low: str, high: str) -> str:
    if low == high:
        return f"{cell} == {low}"
    return " & ".join(f"({cell} {sign} {value})" for value, sign in ((low, ">="), (high, "<=")) if value)
