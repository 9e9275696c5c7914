"""What the cells of pandas code share: their variables, and the column that holds the step of time.

Above: `cells`, `cells_more`. Below: `pieces`, `labels`, `wish`.
"""

from calendar import day_name
from dataclasses import dataclass

from genie_nb.backend.models.analyst.labels import step_name
from genie_nb.backend.models.analyst.pieces import text_of
from genie_nb.backend.models.analyst.wish import Wish

__all__ = ("Names", "period_lines")

_STEPS = {"year": "Y", "quarter": "Q", "month": "M", "week": "W", "day": "D"}


@dataclass(frozen=True)
class Names:
    """The variables of one cell, and the language of its labels."""

    rows: str
    answer: str
    language: str


def period_lines(wish: Wish, names: Names) -> tuple[list[str], str]:
    """Lines that add the period as a column of its own, and that column's name."""
    rows, time = names.rows, wish.time
    if time is None or not wish.period:
        return ["facts = {}"], ""
    cell = f"{rows}[{text_of(time.name)}]"
    lines = [f"{rows} = {rows}[{cell}.notna()].copy()", "facts = {}"]
    if time.grain != "date" and wish.period != "decade":
        return lines, time.name
    period = step_name(wish.period, names.language)
    if period != time.name and any(column.name == period for column in wish.source.columns):
        period += f" ({time.name})"
    new = f"{rows}[{text_of(period)}]"
    match wish.period:
        case "weekday":
            lines.append(f"{new} = {cell}.dt.day_name()")
            if names.language == "zh":
                days = dict(zip(day_name, (f"星期{day}" for day in "一二三四五六日"), strict=True))
                lines.append(f"{new} = {new}.map({days})")
        case "hour":
            lines.append(f'{new} = {cell}.dt.strftime("%H:00")')
        case "decade":
            year = f"{cell}.dt.year" if time.grain == "date" else cell
            lines.append(f'{new} = ({year} // 10 * 10).astype(str) + "s"')
        case "auto":
            lines += (_WHOLE_YEARS if wish.kind == "growth" else _SPAN).replace("CELL", cell).splitlines()
            lines += ['facts["step"] = step', f"{new} = {cell}.dt.to_period(step).astype(str)"]
        case _:
            lines.append(f'{new} = {cell}.dt.to_period("{_STEPS[wish.period]}").astype(str)')
    return lines, period


_SPAN = """\
days = (CELL.max() - CELL.min()).total_seconds() / 86400
step = "Y" if days > 5 * 366 else "M" if days > 62 else "D" if days > 3 else "h\""""
_WHOLE_YEARS = """\
months = CELL.dt.to_period("M").drop_duplicates()
by_year = months.dt.year.value_counts()
step = "Y" if len(by_year) > 1 and by_year.nunique() == 1 else "M" if len(months) > 1 else "D\""""
