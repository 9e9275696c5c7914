"""Before a run begins: its inputs are checked, its folder is made, its tables are written, all is described.

Above: `runs`. Below: `inputs`, `workspace`.
"""

import asyncio
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from genie_nb.backend.inputs import check_inputs, profile_file, profile_table
from genie_nb.backend.workspace import INPUTS, Workspace, file_ref
from genie_nb.errors import GenieError
from genie_nb.parts import FileRef

__all__ = ("Prepared", "add_inputs", "preamble_of", "prepare", "reopened", "table_file")


@dataclass(frozen=True)
class Prepared:
    """A run's folder with everything in it.

    Attributes:
        files: The files that this run brings.
        inputs: The files and tables at hand, one JSON object a line.
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
    sources = _checked(files, tables)
    return _described(Workspace.create(folder, sources), sources, tables)


async def add_inputs(before: Prepared, files: Iterable[str | Path], tables: Mapping[str, Any]) -> Prepared:
    """Bring more inputs into a folder that there is; one of a known name takes the place of the other.

    Raises:
        RequestError: An input cannot be used, or the disk has no room for it.
    """
    return await asyncio.to_thread(_add_inputs, before, tuple(files), tables)


def _add_inputs(before: Prepared, files: tuple[str | Path, ...], tables: Mapping[str, Any]) -> Prepared:
    sources = _checked(files, tables)
    before.workspace.bring(sources)
    new = _described(before.workspace, sources, tables)
    lines = {json.loads(line)["name"]: line for line in (*before.inputs.splitlines(), *new.inputs.splitlines())}
    known = "\n".join(filter(None, (before.preamble, new.preamble)))
    return replace(new, inputs="\n".join(lines.values()), preamble=known)


def reopened(folder: Path, inputs: Iterable[str]) -> Prepared:
    """A run's folder as an earlier process left it, with its tables and those of these inputs that are still there."""
    workspace = Workspace(folder.resolve())
    workspace.changed()
    files = {name: folder / name for name in inputs if (folder / name).is_file()}
    profiles = [profile_file(path, name) for name, path in files.items()]
    tables = {path.stem: _read_table(path) for path in sorted((folder / INPUTS).glob("*.arrow"))}
    profiles += [profile_table(name, table) for name, table in tables.items()]
    return Prepared(workspace, (), "\n".join(profile.line() for profile in profiles), preamble_of(tables))


def _checked(files: tuple[str | Path, ...], tables: Mapping[str, Any]) -> dict[str, Path]:
    for table in tables.values():
        if isinstance(table, GenieError):
            raise table
    return check_inputs(files)


def _described(workspace: Workspace, sources: Mapping[str, Path], tables: Mapping[str, Any]) -> Prepared:
    profiles = [profile_file(path, name) for name, path in sources.items()]
    for name, table in tables.items():
        _write_table(workspace.folder / table_file(name), table)
        profiles.append(profile_table(name, table))
    return Prepared(
        workspace,
        tuple(file_ref(name, workspace.folder / name) for name in sources),
        "\n".join(profile.line() for profile in profiles),
        preamble_of(tables),
    )


def _read_table(path: Path) -> Any:
    from pyarrow import feather

    return feather.read_table(path, memory_map=True)


def _write_table(path: Path, table: Any) -> None:
    from pyarrow import feather

    path.parent.mkdir(exist_ok=True)
    feather.write_feather(table, path)
