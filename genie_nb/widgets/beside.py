"""The folder beside a notebook: copies of a run's files, for its code to find.

A notebook `x.ipynb` has its files in `x_files`: inputs at the top, because the code reads them by name, and what the run
made in a folder of its own, so that the code finds there what it found in the run. The folder is ours if a marker in it says
so; of what lies in it, only files that the marker names are ever replaced or removed.

Above: `takeaway`. Below: `notebook`, `transcript`, `parts`.
"""

import hashlib
import json
import os
import secrets
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from genie_nb.errors import RequestError
from genie_nb.parts import FileRef
from genie_nb.transcript import Transcript
from genie_nb.widgets.labels import labels_for
from genie_nb.widgets.notebook import Beside, files_named_in
from genie_nb.widgets.parcels import stays_inside
from genie_nb.widgets.previews import readable_size
from genie_nb.widgets.record import answer_text

__all__ = ("COPIED_BYTES", "Copies", "lay_beside", "replace_file")

COPIED_BYTES = 256_000_000
"""Larger files are named in the notebook, but not copied."""
MADE = "delivered"
"""The folder for what the run made, within the notebook's."""
MARKER = ".genie_nb.json"


class Copies(Protocol):
    """A run that gives copies of its files."""

    @property
    def tables(self) -> Mapping[str, str]:
        """The DataFrames that were handed over: variable → the run's file."""

    @property
    def preamble(self) -> str:
        """Python that makes them."""

    def copy_file(self, name: str, target: Path, most_bytes: int) -> None:
        """Copy a file, or raise a `RequestError` with the reason."""


def replace_file(target: Path, write: Callable[[Path], object]) -> None:
    """Write a file whole or not at all; what `write` raises passes through.

    Raises:
        OSError: The file cannot be put in its place.
    """
    part = target.with_name(f".{secrets.token_hex(6)}.part")
    try:
        write(part)
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)


def lay_beside(run: Copies, transcript: Transcript, folder: Path, *, runs: bool) -> Beside:
    """Copy what a notebook needs into its folder; no folder is made where it needs none.

    Args:
        run: Gives the copies.
        transcript: Names the files.
        folder: Where; anything but a folder of ours is left as it is.
        runs: Whether the notebook has code, which needs the inputs.

    Raises:
        RequestError: The folder cannot be made, or is somebody else's.
    """
    inputs = {file.name: file for file in transcript.inputs} if runs else {}
    tables = dict(run.tables) if runs else {}
    made = {file.name: file for file in _made(transcript) if file.name not in inputs}
    if not (inputs or tables or made or (runs and transcript.files)):
        return Beside()
    shelf = MADE
    while shelf in inputs:
        shelf = f"_{shelf}"
    planned = {name: name for name in inputs if stays_inside(name)}
    planned |= {f"{shelf}/{name}": name for name in made if stays_inside(name)}
    before = _claim(folder, (*planned, *tables.values()), transcript.run_id)
    too_large = labels_for(transcript.query)["nb_too_large"].format(size=readable_size(COPIED_BYTES))
    laid = _Laid(run, folder, too_large, before)
    laid_inputs = laid.copy({place: inputs[name] for place, name in planned.items() if place in inputs})
    laid_made = laid.copy({place: made[name] for place, name in planned.items() if place not in inputs})
    laid_tables = laid.copy({place: FileRef(name=place, size=0, media_type="", sha256="") for place in tables.values()})
    return Beside(
        folder=folder.name,
        inputs=laid_inputs | {name: laid_tables[place] for name, place in tables.items() if place in laid_tables},
        made=laid_made,
        absent=laid.absent
        | {name: laid.absent[place] for name, place in tables.items() if place in laid.absent}
        | {name: f"{name!r} leads out of the folder." for name in inputs if not stays_inside(name)},
        changed=frozenset(laid.changed & set(inputs)),
        tables=tuple(tables),
        preamble=run.preamble if tables else "",
    )


def _made(t: Transcript) -> list[FileRef]:
    """What a finished run delivered and what its answer names; of any other run all that it has made."""
    if t.status != "finished":
        return list(t.files.values())
    named = files_named_in(answer_text(t))
    return list({file.name: file for file in (*t.deliverables, *(f for f in t.files.values() if f.name in named))}.values())


@dataclass
class _Laid:
    """The copies that were made, and what became of the others."""

    run: Copies
    folder: Path
    too_large: str
    before: frozenset[str]
    absent: dict[str, str] = field(default_factory=dict)
    changed: set[str] = field(default_factory=set)

    def copy(self, planned: Mapping[str, FileRef]) -> dict[str, str]:
        """Copy each file to its place in the folder; returns those that are there, by name, as seen from the notebook."""
        found: dict[str, str] = {}
        for place, file in planned.items():
            why = self.too_large if file.size > COPIED_BYTES else self._copy(place, file)
            if why:
                self.absent[file.name] = why
            else:
                found[file.name] = f"{self.folder.name}/{place}"
        return found

    def _copy(self, place: str, file: FileRef) -> str:
        """Copy one file; returns why it could not be copied, or nothing."""
        target = self.folder / place
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            if not target.parent.resolve().is_relative_to(self.folder.resolve()):
                return f"{place!r} leads out of the folder."
            try:
                replace_file(target, lambda part: self.run.copy_file(file.name, part, COPIED_BYTES))
            except RequestError:
                if place not in self.before or not target.is_file():  # the copy of a former export is as good
                    raise
            if file.sha256 and _digest(target) != file.sha256:
                self.changed.add(file.name)
        except RequestError as error:
            return str(error)
        except OSError as error:
            return f"It cannot be written: {error.strerror or error}."
        return ""


def _digest(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _claim(folder: Path, planned: Iterable[str], run_id: str) -> frozenset[str]:
    """Make the folder, or take the one of a former export; returns the files in it that are still this run's.

    The other files that came with the former export are removed.
    """
    files, kept = list(planned), frozenset[str]()
    marker = folder / MARKER
    try:
        if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
            raise RequestError(_not_ours(folder))
        folder.mkdir(exist_ok=True)
        if not marker.is_symlink() and marker.is_file():
            former_run, former = _told_by(marker, folder)
            kept = frozenset(former).intersection(files) if former_run == run_id else kept
            for name in set(former) - kept:
                _remove(folder, name)
        elif any(folder.iterdir()):
            raise RequestError(_not_ours(folder))
        told = json.dumps({"made by": "genie_nb", "run": run_id, "files": files}, ensure_ascii=False, indent=1)
        replace_file(marker, lambda part: part.write_text(told, "utf-8"))
    except OSError as error:
        raise RequestError(f"The folder {folder.name!r} cannot be made: {error.strerror or error}.") from error
    return kept


def _told_by(marker: Path, folder: Path) -> tuple[str, list[str]]:
    try:
        told = json.loads(marker.read_text("utf-8"))
        return str(told["run"]), [name for name in told["files"] if isinstance(name, str)]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise RequestError(_not_ours(folder)) from error


def _remove(folder: Path, name: str) -> None:
    """Remove a file of a former export; one that lies elsewhere is none of ours."""
    path = folder / name
    with suppress(ValueError):  # a NUL in its name
        if path.parent.resolve().is_relative_to(folder.resolve()) and (path.is_file() or path.is_symlink()):
            path.unlink()


def _not_ours(folder: Path) -> str:
    return (
        f"There is something else where the notebook's files would go: {folder.name!r} was not made by genie_nb. "
        "Move it away, or give the notebook another name."
    )
