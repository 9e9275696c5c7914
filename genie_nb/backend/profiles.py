"""The profile of one thing that a person brings: what a model is told of it, and in few words what a person is.

Above: `inputs`, `documents`. Below: nothing.
"""

import json
from dataclasses import asdict, dataclass, field
from typing import Any

__all__ = ("InputProfile", "size_of_table")

TOLD_COLUMNS = 500
"""So many columns of a table are described to a model; of the others it is told how many there are."""


@dataclass(frozen=True)
class InputProfile:
    """One thing at hand.

    Attributes:
        kind: What it is to a model, e.g. `csv`.
        read: The Python expression that gives its content.
        size: Bytes.
        rows: How many rows it has; None when unknown.
        columns: Each with its name, kind and a few examples.
        about: What it is to a person, e.g. `CSV, 1,204 rows × 7 columns, GBK`.
        more: What else is known of its kind: sheets, pages, pixels, an estimate of its rows.
    """

    name: str
    kind: str
    read: str
    size: int = 0
    rows: int | None = None
    columns: list[dict[str, Any]] = field(default_factory=list)
    about: str = ""
    more: dict[str, Any] = field(default_factory=dict)

    def line(self) -> str:
        """The profile as one line of JSON for a model."""
        told = {name: value for name, value in asdict(self).items() if name != "about" and (name != "more" or value)}
        if len(self.columns) > TOLD_COLUMNS:
            told["columns"] = told["columns"][:TOLD_COLUMNS]
            told["more"] = self.more | {"columns_in_all": len(self.columns)}
        return json.dumps(told, ensure_ascii=False)


def size_of_table(rows: int | None, columns: int, *, nearly: int = 0) -> str:
    """How large a table is, in words; `nearly` is an estimate of rows that nobody counted."""
    wide = f"{columns:,} column{'s' * (columns != 1)}"
    if rows is not None:
        return f"{rows:,} row{'s' * (rows != 1)} × {wide}"
    return f"about {nearly:,} rows × {wide}" if nearly else wide
