"""Pieces of pandas code that every cell begins and ends with: reading, cleaning, keeping the rows that count, the result line.

The code is text; it runs in the interpreter's kernel and not here.

Above: `cells`, `charts`, `executor`. Below: `question`, `columns`.
"""
# ruff: noqa: E501 - a rule, a sentence or a line of written code stands on one line

import re
from collections.abc import Sequence

from genie_nb.backend.models.analyst.columns import Column, Source
from genie_nb.backend.models.analyst.conditions import Condition
from genie_nb.backend.models.analyst.wish import Wish

__all__ = ("RESULT_LINES", "indent_list", "load_lines", "text_of", "where_lines", "where_test")

RESULT_LINES = (
    "# the same on one line, for whoever reads on",
    "facts = pd.Series(facts, dtype=object)",
    'print("RESULT " + facts.to_json(force_ascii=False, date_format="iso", double_precision=12, default_handler=str))',
)
"""The last lines of a cell: its facts as one line `RESULT {…}`."""

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
    tries = (pd.to_datetime(text, format=form, errors="coerce", utc=True) for form in formats)
    dates = max(tries, key=lambda found: found.notna().sum()).dt.tz_localize(None)
    dates = dates.where(dates.dt.year.between(1700, 2200))
    unread[column.name] = int((text.notna() & (text != "") & dates.isna()).sum())
    return dates
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
        lines.append("unread = {}")
    lines += [f"{rows} = {source.read}" + (".copy()" if source.read.isidentifier() else "")]
    if careful or not source.tidy:
        lines.append(f'{rows}.columns = {rows}.columns.astype(str).str.strip("\\ufeff \\t\\r\\n")')
    for column in dict.fromkeys(columns):
        cell = f"{rows}[{text_of(column.name)}]"
        if column in written:
            lines.append(f"{cell} = to_number({cell})")
        elif column in numbers:
            lines.append(f"{cell} = pd.to_numeric({cell})")
        elif column in dates:
            lines.append(f"{cell} = to_date({cell})")
        elif column.grain == "date":
            lines.append(f"{cell} = pd.to_datetime({cell})")
        elif column.grain == "year" and (careful or not column.clean):
            lines.append(f'{cell} = pd.to_numeric({cell}.astype("string").str[:4], errors="coerce").astype("Int64")')
        elif column.role == "category" and (source.kind in ("csv", "excel")):
            lines.append(f'{cell} = {cell}.astype("string").str.strip()')
    return lines


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
        case "yes":
            return f'{cell}.astype("string").str.strip().str.lower().isin(["yes", "true", "1", "y", "是"])'
        case "days":
            return f'{cell}.dt.strftime("%Y-%m-%d").between("{first}", "{condition.values[-1]}")'
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
        case "year" | "from" | "until":
            year = f"{cell}.dt.year" if column.grain == "date" else cell
            if condition.op == "year":
                return f"{year}.isin([{', '.join(condition.values)}])"
            return f"{year} {'>=' if condition.op == 'from' else '<='} {first}"
        case "month" | "quarter":
            return f"{cell}.dt.{condition.op}.isin([{', '.join(condition.values)}])"
        case _ if first.startswith("["):
            return f"{cell} {condition.op} {rows}[{text_of(first[1:-1])}]"
        case _:
            return f"{cell} {condition.op} {re.sub(r'^0+(?=[0-9])', '', first)}"
