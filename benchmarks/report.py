"""How a benchmark reports: a table on the screen, and JSON beside it in `results/`."""

import json
from pathlib import Path

from rich.console import Console
from rich.table import Table

__all__ = ("report",)

Row = dict[str, str | float]


def report(name: str, claim: str, rows: list[Row]) -> None:
    """Print the rows under the claim that they are about, and write them to `results/NAME.json`."""
    table = Table(title=claim, title_justify="left", box=None)
    for column in rows[0]:
        table.add_column(column, justify="left" if isinstance(rows[0][column], str) else "right")
    for row in rows:
        table.add_row(*(value if isinstance(value, str) else f"{value:,.4g}" for value in row.values()))
    Console().print(table)
    folder = Path(__file__).parent / "results"
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps({"claim": claim, "rows": rows}, indent=1) + "\n", encoding="utf-8")
