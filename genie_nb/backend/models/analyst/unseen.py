"""Tables whose columns are known only once they are read: looked at first, each sheet of a workbook below its titles.

Above: `jobs`. Below: `cells`, `scripts`, `columns`.
"""
# ruff: noqa: E501 - a rule, a sentence or a line of written code stands on one line

import re
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from genie_nb.backend.models.analyst.cells import look_cell
from genie_nb.backend.models.analyst.columns import Source, columns_from, stacked
from genie_nb.backend.models.analyst.conversation import Call, read_result
from genie_nb.backend.models.analyst.phrases import say
from genie_nb.backend.models.analyst.pieces import RESULT_LINES, text_of
from genie_nb.backend.models.analyst.scripts import code_call, failure
from genie_nb.backend.models.analyst.wish import Wish

__all__ = ("Seen", "learned", "unseen")

_OUTLINE = '''\
def outline(path, name, cells):
    """A sheet's table: how many rows stand above its header, whether it ends in totals, and what its columns hold."""
    filled = cells.notna().sum(axis=1)
    usual = filled[filled > 0].median()
    above = int((filled >= max(min(2, usual), usual - 1)).idxmax())
    table = pd.read_excel(path, sheet_name=name, skiprows=above)
    totals = table.iloc[-1:, 0].astype("string").str.strip().str.lower().isin(["total", "grand total", "sum", "totals", "合计", "总计"])
    table = table[: len(table) - int(totals.sum())]
    kinds = {"b": "bool", "M": "date", "i": "number", "u": "number", "f": "number"}
    look = [
        {"name": str(column), "kind": kinds.get(cells.dtype.kind, "text"), "examples": cells.dropna().astype(str).head(5).tolist()}
        for column, cells in table.items()
        if cells.notna().any() or not str(column).startswith("Unnamed: ")
    ]
    tidy = all(isinstance(column, str) and column == column.strip() for column in table.columns)
    return {"sheet": name, "above": above, "totals": int(totals.sum()), "rows": len(table), "tidy": tidy, "look": look}
'''


@dataclass(frozen=True)
class Seen:
    """A table with its columns, and what is said of how it was read."""

    source: Source
    remark: str


def learned(source: Source, suffix: str, words: str, language: str) -> Generator[Call, str, list[Seen] | str]:
    """The table, or the tables of a workbook's sheets, as a cell finds them; or why there are none."""
    cell = _workbook_cell(source) if source.kind == "excel" else look_cell(Wish("look", source), suffix, words)
    thought = say(f"I look at what {source.name} holds.", f"先查看 {source.name} 的内容。", language)
    output = yield code_call(cell, thought)
    facts = read_result(output)
    if facts is None:
        return failure(output, language)
    if source.kind == "excel":
        sheets = [entry for entry in facts["sheets"] if entry["look"]]
        return [_sheet(source, entry, len(sheets), language) for entry in sheets]
    tidy = all(entry["name"] == entry["name"].strip() for entry in facts["look"])
    known = replace(source, columns=columns_from(facts["look"]), tidy=tidy, rows=facts["all_rows"])
    cut = facts.get("cut") or {}
    remark = _cut_text(source.name, cut.get("above", 0), "line", totals=bool(cut.get("totals")), language=language)
    if listed := re.search(r"\['([^']+)'\]\)$", source.read) if source.kind == "json" else None:
        remark = say(
            f"The table is the list “{listed[1]}” in {source.name}.",
            f"表格取自 {source.name} 中的列表“{listed[1]}”。",
            language,
        )
    return [Seen(known, remark)]


def _workbook_cell(source: Source) -> str:
    path = text_of(source.name)
    lines = [
        "import pandas as pd",
        "",
        _OUTLINE,
        f"sheets = pd.read_excel({path}, sheet_name=None, header=None)",
        f'facts = {{"kind": "look", "sheets": [outline({path}, name, cells) for name, cells in sheets.items() if cells.notna().any(axis=None)]}}',
        "for sheet in facts['sheets']:",
        "    print(sheet['sheet'], sheet['rows'], 'rows:', ', '.join(column['name'] for column in sheet['look']))",
        *RESULT_LINES,
    ]
    return "\n".join(lines) + "\n"


def _sheet(source: Source, entry: Mapping[str, Any], count: int, language: str) -> Seen:
    sheet, above, totals = str(entry["sheet"]), int(entry["above"]), bool(entry["totals"])
    options = f", sheet_name={sheet!r}" if count > 1 else ""
    options += f", skiprows={above}" if above else ""
    options += ", skipfooter=1" if totals else ""
    known = replace(
        source,
        name=f"{source.name} ({sheet})" if count > 1 else source.name,
        sheet=sheet if count > 1 else "",
        read=f"pd.read_excel({source.name!r}{options})",
        rows=int(entry["rows"]),
        columns=columns_from(entry["look"]),
        tidy=bool(entry["tidy"]),
    )
    remark = _cut_text(known.name, above, "row", totals=totals, language=language)
    if count > 1:
        one = say(
            f"This is of the sheet “{sheet}”, one of {count}.", f"以上取自工作表“{sheet}”（共 {count} 个工作表）。", language
        )
        remark = f"{one}{say(' ', '', language) if remark else ''}{remark}"
    return Seen(stacked(known), remark)


def _cut_text(name: str, above: int, unit: str, *, totals: bool, language: str) -> str:
    last = say(f"its last {unit}, which holds totals, is left out", "最后一行是合计，未计入", language) if totals else ""
    if not above:
        return say(f"Of {name}, {last}.", f"{name} 的{last}。", language) if totals else ""
    are = f"{unit}s, which are" if above > 1 else f"{unit}, which is"
    return say(
        f"The header of {name} stands below {above} other {are} skipped{', and ' + last if last else ''}.",
        f"{name} 的表头上方有 {above} 行其他内容，已跳过{'；' + last if last else ''}。",
        language,
    )


def unseen(sources: Sequence[Source]) -> list[Source]:
    """The tables whose columns nobody knows yet."""
    return [source for source in sources if source.tabular and not source.columns]
