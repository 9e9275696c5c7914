"""A result beside its wish: the rows, names, signs and words that every sentence of an answer is made of.

Above: `wording`, `wording_more`. Below: `numbers`, `labels`, `wish`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from genie_nb.backend.models.analyst.columns import Column
from genie_nb.backend.models.analyst.labels import label, measured, where_text
from genie_nb.backend.models.analyst.numbers import Sign, figure, table
from genie_nb.backend.models.analyst.wish import Wish

__all__ = ("Facts", "Told", "lower", "upper")

Facts = Mapping[str, Any]
TABLE_ROWS = 12


@dataclass(frozen=True)
class Told:
    """One wish with its result and the person's language."""

    wish: Wish
    facts: Facts
    chinese: bool

    @property
    def rows(self) -> list[list[Any]]:
        """The result's table, as far as it was printed."""
        columns = [self.wish.source.column(head) for head in self.heads]
        names = [column is not None and column.role in ("id", "time") for column in columns]
        table = self.facts.get("table") or []
        return [[_plain(value) if name else value for name, value in zip(names, row, strict=True)] for row in table]

    @property
    def heads(self) -> list[str]:
        """The headers of the table."""
        return [str(name) for name in self.facts.get("columns") or []]

    def say(self, english: str, chinese: str) -> str:
        """The sentence in the person's language."""
        return chinese if self.chinese else english

    def aside(self, words: str) -> str:
        """Words in brackets behind others."""
        return f"（{words}）" if self.chinese else f" ({words})"

    def sign(self, head: str = "") -> Sign:
        """What stands before and after the numbers of a column of the result."""
        if head.endswith(" %"):
            return ("", " %")
        if head in (label("count", None, "en"), label("count", None, "zh")) or "different" in head or "不同" in head:
            return ("", "")
        sides = self.facts.get("whole") or {}
        for column in self.wish.measures:
            if head in sides or head == self.facts.get("gap"):
                return column.sign
            if not head or column.name in head:
                return column.sign
        return ("", "")

    def key(self, row: list[Any]) -> str:
        """The name of a row: all that stands before its first number of interest."""
        width = max(1, len(self.wish.groups) + (1 if self.wish.period and self.wish.kind != "growth" else 0))
        if self.wish.time in self.wish.groups:
            width = len(self.wish.groups)
        columns = [self.wish.source.column(head) for head in self.heads[:width]]
        return " / ".join(
            f"{column.name} {_name(value, chinese=self.chinese)}"
            if column and _is_bare(column, value)
            else _name(value, chinese=self.chinese)
            for column, value in zip(columns, row[:width], strict=True)
        )

    def number(self, row: list[Any]) -> Any:
        """The first number of interest of a row."""
        return row[self._at(row)]

    def shown(self, row: list[Any]) -> str:
        """The same as a person reads it."""
        at = self._at(row)
        return figure(row[at], self.sign(self.heads[at]))

    def _at(self, row: list[Any]) -> int:
        keys = len(self.wish.groups) + (1 if self.wish.period and self.wish.time not in self.wish.groups else 0)
        return min(keys or bool(self.wish.sides), len(row) - 1)

    def where(self) -> str:
        """The conditions, as the end of a sentence."""
        words = where_text(self.wish.conditions, "zh" if self.chinese else "en")
        return f"（{words}）" if words and self.chinese else f" ({words})" if words else ""

    def where_else(self) -> str:
        """The conditions besides those that name the groups."""
        names = {column.name for column in self.wish.groups} | (
            {self.wish.time.name} if self.wish.time and self.wish.period else set()
        )
        kept = tuple(condition for condition in self.wish.conditions if condition.column not in names)
        words = where_text(kept, "zh" if self.chinese else "en")
        return f"（{words}）" if words and self.chinese else f" ({words})" if words else ""

    def measured(self) -> str:
        """What was measured, as the table calls it."""
        if self.wish.per:
            return measured(self.wish, "zh" if self.chinese else "en")
        measure = self.wish.measures[0] if self.wish.measures else None
        aggregate = self.wish.aggregates[0] if self.wish.aggregates else ""
        if not aggregate:
            return measure.name if measure else ""
        counted = aggregate == "count" and (measure is None or measure.role == "measure")
        return label(aggregate, None if counted else measure, "zh" if self.chinese else "en")

    def grid(self) -> str:
        """The table in Markdown, its first rows if it is long."""
        rows = self.rows[:TABLE_ROWS]
        text = table(self.heads, rows, [self.sign(head) for head in self.heads])
        count = self.facts.get("count", len(rows))
        if count > len(rows):
            text += "\n\n" + self.say(
                f"The first {len(rows)} of {count:,} rows.", f"共 {count:,} 行，这里是前 {len(rows)} 行。"
            )
        return text


def _is_bare(column: Column, value: Any) -> bool:
    """Whether a value is a number that says nothing without its column's name: a quarter, a size, no year."""
    named = column.role == "measure" or column.grain == "part"
    return named and re.fullmatch(r"-?\d+(?:\.\d+)?", str(value)) is not None


def _plain(value: Any) -> Any:
    """A year or an id: a number that is a name takes no separator."""
    return f"{value:.0f}" if isinstance(value, int | float) and not isinstance(value, bool) else value


def _name(value: Any, *, chinese: bool) -> str:
    if value is None:
        return "（空）" if chinese else "(empty)"
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return figure(value)


def upper(text: str) -> str:
    """The text with a capital letter at its start."""
    return text[:1].upper() + text[1:]


def lower(text: str) -> str:
    """The text with a small letter at its start."""
    return text[:1].lower() + text[1:]
