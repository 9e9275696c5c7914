"""Before a run begins: its inputs are checked, its folder is made, its tables are written, all is described.

Above: `runs`. Below: `inputs`, `workspace`.
"""

import asyncio
import json
import shutil
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from genie_nb.backend.inputs import check_inputs, profile_file, profile_table
from genie_nb.backend.profiles import InputProfile
from genie_nb.backend.workspace import INPUTS, Workspace
from genie_nb.errors import GenieError, RequestError
from genie_nb.parts import FileRef

__all__ = ("Prepared", "add_inputs", "preamble_of", "prepare", "reopened", "table_file")

ARROW = "application/vnd.apache.arrow.file"
T = TypeVar("T")
Wanted = Callable[[], bool]


@dataclass(frozen=True)
class Prepared:
    """A run's folder with everything in it.

    Attributes:
        files: The files that this run brings, and what each holds.
        inputs: The files and tables at hand, one JSON object a line.
        preamble: Python that makes the tables variables of the code interpreter.
        tables: The tables that this run brings; their names are those of the variables.
    """

    workspace: Workspace
    files: tuple[FileRef, ...]
    inputs: str
    preamble: str
    tables: tuple[FileRef, ...] = ()


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
    return await _in_thread(lambda wanted: _prepare(tuple(files), tables, folder, wanted))


async def _in_thread(work: Callable[[Wanted], T]) -> T:
    """Do the work in a thread; it is told when nobody waits for it any more."""
    given_up = threading.Event()
    try:
        return await asyncio.to_thread(work, lambda: not given_up.is_set())
    except asyncio.CancelledError:
        given_up.set()
        raise


def _prepare(files: tuple[str | Path, ...], tables: Mapping[str, Any], folder: Path, wanted: Wanted) -> Prepared:
    sources, profiles = _checked(files, tables)
    workspace = Workspace.create(folder)
    try:
        return _brought(workspace, sources, profiles, tables, wanted)
    except GenieError:
        shutil.rmtree(folder, ignore_errors=True)
        raise


async def add_inputs(before: Prepared, files: Iterable[str | Path], tables: Mapping[str, Any]) -> Prepared:
    """Bring more inputs into a folder that there is; one of a known name takes the place of the other.

    Raises:
        RequestError: An input cannot be used, or the disk has no room for it.
    """
    return await _in_thread(lambda wanted: _add_inputs(before, tuple(files), tables, wanted))


def _add_inputs(before: Prepared, files: tuple[str | Path, ...], tables: Mapping[str, Any], wanted: Wanted) -> Prepared:
    sources, profiles = _checked(files, tables)
    new = _brought(before.workspace, sources, profiles, tables, wanted)
    lines = {json.loads(line)["name"]: line for line in (*before.inputs.splitlines(), *new.inputs.splitlines())}
    known = "\n".join(filter(None, (before.preamble, new.preamble)))
    return replace(new, inputs="\n".join(lines.values()), preamble=known)


def reopened(folder: Path, inputs: Iterable[str]) -> Prepared:
    """A run's folder as an earlier process left it, with its tables and those of these inputs that are still there."""
    workspace = Workspace(folder.resolve())
    workspace.changed()
    files = {name: path for name in inputs if (path := _found(workspace, name))}
    profiles = [profile_file(path, name) for name, path in files.items()]
    stored = (path.relative_to(folder).as_posix() for path in sorted((folder / INPUTS).glob("*.arrow")))
    tables = {path.stem: _read_table(path) for name in stored if (path := _found(workspace, name))}
    profiles += [profile_table(name, table) for name, table in tables.items()]
    return Prepared(workspace, (), "\n".join(profile.line() for profile in profiles), preamble_of(tables))


def _found(workspace: Workspace, name: str) -> Path | None:
    """Where a file of the folder lies; none for one that is gone, or that would lead out of the folder."""
    try:
        return workspace.resolve(name)
    except RequestError:
        return None


def _checked(files: tuple[str | Path, ...], tables: Mapping[str, Any]) -> tuple[dict[str, Path], list[InputProfile]]:
    """Where each file lies, and what it holds; nothing is written before all of them are known to be good."""
    for table in tables.values():
        if isinstance(table, GenieError):
            raise table
    sources = check_inputs(files)
    return sources, [profile_file(path, name) for name, path in sources.items()]


def _brought(
    workspace: Workspace,
    sources: Mapping[str, Path],
    profiles: Iterable[InputProfile],
    tables: Mapping[str, Any],
    wanted: Wanted,
) -> Prepared:
    files = workspace.bring(sources, wanted)
    handed_over = [profile_table(name, table) for name, table in tables.items()]
    for name, table in tables.items():
        _write_table(workspace.folder / table_file(name), table)
    return Prepared(
        workspace,
        tuple(msgspec.structs.replace(files[profile.name], about=profile.about) for profile in profiles),
        "\n".join(profile.line() for profile in (*profiles, *handed_over)),
        preamble_of(tables),
        tuple(_table_ref(profile) for profile in handed_over),
    )


def _table_ref(profile: InputProfile) -> FileRef:
    return FileRef(name=profile.name, size=profile.size, media_type=ARROW, sha256="", about=profile.about)


def _read_table(path: Path) -> Any:
    from pyarrow import feather

    return feather.read_table(path, memory_map=True)


def _write_table(path: Path, table: Any) -> None:
    from pyarrow import feather

    path.parent.mkdir(exist_ok=True)
    feather.write_feather(table, path)
