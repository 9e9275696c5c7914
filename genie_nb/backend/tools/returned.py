"""What a person's function returned: the parts to show, and the text that the model is told.

Below: `parts`, `errors`. pandas and matplotlib are looked at only if the function's own process has loaded them.
"""

import io
import sys
from typing import Any

import msgspec

from genie_nb.backend.models.sections import cut_middle
from genie_nb.errors import ToolFailed
from genie_nb.parts import DocumentPart, ImagePart, Part, TablePart, readable

__all__ = ("shown_and_told", "table_text")

SHOWN_ROWS = 30
SHOWN_COLUMNS = 60
CELL_CHARACTERS = 120
TOLD_CHARACTERS = 12_000


def shown_and_told(tool: str, value: Any) -> tuple[list[Part], str]:
    """The parts that show a returned value, and the text that the model is told.

    Raises:
        ToolFailed: The value has no form that anybody can read.
    """
    pandas, figures = sys.modules.get("pandas"), sys.modules.get("matplotlib.figure")
    if value is None:
        return [], "Done; it returned nothing."
    if isinstance(value, str):
        value = readable(value)
        return [DocumentPart(text=value)], cut_middle(value, TOLD_CHARACTERS)
    if pandas is not None and isinstance(value, pandas.Series):
        value = value.to_frame()
    if pandas is not None and isinstance(value, pandas.DataFrame):
        table = _table(value)
        return [table], cut_middle(table_text(table), TOLD_CHARACTERS)
    if figures is not None and isinstance(value, figures.Figure):
        content = io.BytesIO()
        value.savefig(content, format="png", bbox_inches="tight")
        return [ImagePart(content=content.getvalue(), alt="chart")], "[image: a chart, shown to the person]"
    try:
        text = msgspec.json.encode(_plain(value)).decode()
    except (TypeError, ValueError, RecursionError) as error:
        raise ToolFailed(
            f"The tool {tool} returned a {type(value).__name__}, which has no readable form. "
            "It should return text, numbers, lists, dicts, a DataFrame or a figure."
        ) from error
    return [DocumentPart(text=text, media_type="application/json")], cut_middle(text, TOLD_CHARACTERS)


def table_text(table: TablePart) -> str:
    """A table as text for a model: a Markdown table of its first rows, and its full size."""
    lines = [" | ".join(row) for row in (table.columns, *table.rows)]
    lines.insert(1, " | ".join("---" for _ in table.columns))
    return "\n".join([*lines, f"({table.total_rows} rows × {table.total_columns} columns in all)"])


def _cell(value: Any) -> str:
    text = readable(str(value))
    return text if len(text) <= CELL_CHARACTERS else text[: CELL_CHARACTERS - 1] + "…"


def _table(frame: Any) -> TablePart:
    head = frame.iloc[:SHOWN_ROWS, :SHOWN_COLUMNS]
    keys = [key if frame.index.nlevels > 1 else (key,) for key in head.index]
    levels = ["" if name is None else name for name in frame.index.names]
    return TablePart(
        columns=tuple(map(_cell, (*levels, *head.columns))),
        rows=tuple(
            tuple(map(_cell, (*key, *row))) for key, row in zip(keys, head.itertuples(index=False, name=None), strict=True)
        ),
        dtypes=("",) * len(levels) + tuple(map(str, head.dtypes)),
        total_rows=len(frame),
        total_columns=len(frame.columns),
    )


def _plain(value: Any) -> Any:
    """What numpy holds as Python's own values: numbers and arrays, also inside lists and dicts."""
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(inner) for inner in value]
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, numpy.generic | numpy.ndarray):
        return value.tolist()
    return value
