"""Before a run begins: its inputs are checked, its folder is made, its tables are written, all is described.

Above: `runs`. Below: `inputs`, `workspace`.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genie_nb.backend.inputs import check_inputs, profile_file, profile_table
from genie_nb.backend.workspace import INPUTS, Workspace, file_ref
from genie_nb.errors import GenieError
from genie_nb.parts import FileRef

__all__ = ("Prepared", "preamble_of", "prepare", "table_file")


@dataclass(frozen=True)
class Prepared:
    """A run's folder with everything in it.

    Attributes:
        inputs: The files and tables, one JSON object a line.
        preamble: Python that makes the tables variables of the code interpreter.
    """

    workspace: Workspace
    files: tuple[FileRef, ...]
    inputs: str
    preamble: str


def table_file(name: str) -> str:
    """The file in a run's folder that holds the table of this name."""
    return f"{INPUTS}/{name}.arrow"


def preamble_of(tables: Iterable[str]) -> str:
    """Python that makes the tables of these names variables, from the files in a run's folder; it needs only pandas."""
    reading = [f"{name} = pd.read_feather('{table_file(name)}')" for name in tables]
    return "\n".join(["import pandas as pd", *reading] if reading else [])


async def prepare(files: Iterable[str | Path], tables: Mapping[str, Any], folder: Path) -> Prepared:
    """Make a run's folder with its inputs.

    Args:
        files: Paths of files to copy into it.
        tables: Arrow tables by variable name, or the error that kept one from being made.
        folder: Where; it must not exist yet.

    Raises:
        RequestError: An input cannot be used, or the folder cannot be made.
    """
    return await asyncio.to_thread(_prepare, tuple(files), tables, folder)


def _prepare(files: tuple[str | Path, ...], tables: Mapping[str, Any], folder: Path) -> Prepared:
    for table in tables.values():
        if isinstance(table, GenieError):
            raise table
    sources = check_inputs(files)
    profiles = [profile_file(path, name) for name, path in sources.items()]
    workspace = Workspace.create(folder, sources)
    for name, table in tables.items():
        _write_table(workspace.folder / table_file(name), table)
        profiles.append(profile_table(name, table))
    return Prepared(
        workspace,
        tuple(file_ref(name, workspace.folder / name) for name in sources),
        "\n".join(profile.line() for profile in profiles),
        preamble_of(tables),
    )


def _write_table(path: Path, table: Any) -> None:
    from pyarrow import feather

    path.parent.mkdir(exist_ok=True)
    feather.write_feather(table, path)
