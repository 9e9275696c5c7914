"""Numbers and small tables as a person reads them.

Above: `wording`. Below: nothing.
"""

import math
import re
from collections.abc import Sequence
from typing import Any

__all__ = ("Sign", "bare", "coefficient", "figure", "percent", "table")

Sign = tuple[str, str]


def figure(value: Any, sign: Sign = ("", "")) -> str:
    """A number with thousands separators, rounded sensibly, with its sign; anything else as text."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return re.sub(
            r"^(\d{4}-\d\d-\d\d)(?:[T ]00:00:00(?:\.000)?Z?|[T ](\d\d:\d\d)(?::00(?:\.000)?Z?))$", _moment, str(value)
        )
    size = abs(value)
    text = _plain(size)
    minus = "−" if value < 0 and float(text.replace(",", "")) != 0 else ""
    return f"{minus}{sign[0]}{text}{sign[1]}"


def _moment(match: re.Match[str]) -> str:
    return f"{match[1]} {match[2]}" if match[2] else match[1]


def _plain(size: float) -> str:
    if size == int(size) and size < 1e15:
        return f"{int(size):,}"
    if size >= 1e15:
        return f"{size:.6g}"
    if size >= 1:
        return f"{size:,.2f}".rstrip("0").rstrip(".")
    return f"{float(f'{size:.4g}'):.10f}".rstrip("0").rstrip(".")


def percent(value: float, *, signed: bool = False, exact: bool = False) -> str:
    """A percentage with one decimal, e.g. `+12.5 %`, or with two if `exact` and that is all of it."""
    if value is None:
        return "–"
    two = exact and abs(value * 100 - round(value * 100)) < 1e-9 and round(value * 100) % 10
    text = f"{abs(value):,.2f}" if two else f"{abs(value):,.1f}".removesuffix(".0")
    minus = "−" if value < 0 else "+" if signed else ""
    return f"{minus}{text} %"


def coefficient(r: float) -> str:
    """A correlation with two decimals, more where it would be rounded to 1."""
    text = next(text for digits in (2, 3, 4, 5) if digits == 5 or abs(float(text := f"{r:.{digits}f}")) < 1 or abs(r) == 1)
    return text.replace("-", "−")


def bare(name: str) -> str:
    """A name that cannot break a Markdown table or turn into a mark of emphasis."""
    return re.sub(r"\s+", " ", name).replace("|", "\\|").replace("*", "\\*")


def table(heads: Sequence[str], rows: Sequence[Sequence[Any]], signs: Sequence[Sign]) -> str:
    """A Markdown table; columns of numbers stand right."""
    numeric = [any(isinstance(row[at], int | float) for row in rows) for at in range(len(heads))]
    lines = ["| " + " | ".join(bare(head) for head in heads) + " |"]
    lines.append("|" + "|".join(" ---: " if right else " --- " for right in numeric) + "|")
    for row in rows:
        cells = [_cell(head, value, sign) for head, value, sign in zip(heads, row, signs, strict=True)]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(head: str, value: Any, sign: Sign) -> str:
    if isinstance(value, int) and 1500 <= value <= 2199 and re.search(r"year|年", head, re.IGNORECASE):
        return str(value)  # a year is a name and takes no separator
    return bare(figure(value, sign))
