"""Take it away: a run's notebook with its files, its page, its text, its JSON and its files, on disk.

A file is written whole or not at all. What is written is the run as it stands now, ended or not.

Above: `session`, `chat`. Below: `beside`, `notebook`, `record`.
"""

import json
import os
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Protocol

import msgspec
import nbformat

from genie_nb.errors import RequestError
from genie_nb.events import RunEvent, encode_event
from genie_nb.transcript import Transcript, apply
from genie_nb.widgets.beside import Copies, lay_beside, replace_file
from genie_nb.widgets.labels import labels_for
from genie_nb.widgets.notebook import run_notebook, runs_code
from genie_nb.widgets.notebook_order import read_events
from genie_nb.widgets.parcels import write_zip
from genie_nb.widgets.record import files_of, record_html, record_markdown

__all__ = ("Source", "run_json", "to_html", "to_json", "to_markdown", "to_notebook", "to_zip")


class Source(Copies, Protocol):
    """A run, as far as it is needed here."""

    query: str

    def events_so_far(self) -> list[RunEvent]:
        """Every event up to now."""

    def read_file(self, name: str, most_bytes: int | None = None) -> bytes:
        """The first bytes of a file."""


def to_notebook(source: Source, path: str | os.PathLike[str], *, thoughts: bool = False, failed: bool = True) -> Path:
    """Write a run's notebook, and beside it the folder with the files that it needs; see `session.Viewed.to_notebook`."""
    target = _target(path)
    if target.suffix != ".ipynb":
        target = _target(target.with_name(f"{target.name}.ipynb"))
    transcript, content = read_events(source.events_so_far(), source.query)
    beside = lay_beside(source, transcript, target.with_name(f"{target.stem}_files"), runs=runs_code(content))
    notebook = run_notebook(transcript, content, beside, thoughts=thoughts, failed=failed)
    _keep(target, nbformat.writes(notebook) + "\n")
    return target


def to_html(sources: Sequence[Source], path: str | os.PathLike[str] | None = None) -> str:
    """Runs as one page that needs nothing else; see `session.Viewed.to_html`."""
    records = [record_html(_folded(source), read_file=source.read_file) for source in sources]
    first = sources[0].query if sources else ""
    title = escape(" ".join(first.split())[:120])
    return _kept(path, _PAGE.format(lang=labels_for(first)["lang"], title=title, record="\n".join(records)))


def to_markdown(sources: Sequence[Source], path: str | os.PathLike[str] | None = None) -> str:
    """Runs as Markdown; see `session.Viewed.to_markdown`."""
    return _kept(path, "\n\n---\n\n".join(record_markdown(_folded(source)) for source in sources))


def to_json(sources: Sequence[Source], path: str | os.PathLike[str] | None = None) -> str:
    """Runs as JSON, a list of those that `session.Viewed.to_json` gives."""
    return _kept(path, "[\n" + ",\n".join(map(run_json, sources)) + "]\n")


def run_json(source: Source, path: str | os.PathLike[str] | None = None) -> str:
    """A run as JSON, an event a line; see `session.Viewed.to_json`."""
    events = source.events_so_far()
    t = _folded(source)
    summary = {
        "query": t.query,
        "status": t.status,
        "answer": t.answer,
        "error": {"code": t.error_code, "message": t.error} if t.error_code else None,
        "usage": msgspec.to_builtins(t.usage),
    }
    head = json.dumps(summary, ensure_ascii=False, indent=2)[:-2]
    lines = ",\n".join(encode_event(event).decode() for event in events)
    return _kept(path, f'{head},\n  "events": [\n{lines}\n]}}\n')


def to_zip(source: Source, path: str | os.PathLike[str]) -> Path:
    """Write the files that a run made as a zip archive; see `session.Viewed.to_zip`."""
    target = _target(path)
    if target.suffix.lower() != ".zip":
        target = _target(target.with_name(f"{target.name}.zip"))
    files = files_of(_folded(source))
    if not files:
        raise RequestError("The run has made no files, so there is nothing to put into an archive.")

    def write(part: Path) -> None:
        with part.open("wb") as archive:
            if not write_zip(archive, source.copy_file, files):
                raise RequestError("None of the files that the run made is there any more.")

    try:
        replace_file(target, write)
    except OSError as error:
        raise _unwritten(target, error) from error
    return target


_PAGE = """<!doctype html>
<html lang="{lang}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>{title}</title>
<style>
body {{ margin: 0; padding: 24px 16px; background: Canvas; }}
.gnb.gnb {{ margin: 0 auto; }}
@media print {{ body {{ padding: 0; }} details::details-content {{ content-visibility: visible; block-size: auto; }} }}
</style>
</head>
<body>
{record}
</body>
</html>
"""


def _folded(source: Source) -> Transcript:
    """The run as a transcript of its own, which does not go on while it is written."""
    transcript = Transcript(query=source.query)
    for event in source.events_so_far():
        apply(transcript, event)
    return transcript


def _target(path: str | os.PathLike[str]) -> Path:
    target = Path(path).expanduser()
    if not target.name or target.is_dir():
        raise RequestError(f"{os.fspath(path)!r} is a folder. Give the name of a file in it.")
    if not target.parent.is_dir():
        raise RequestError(f"The folder {os.fspath(target.parent)!r} does not exist. Make it, or give another path.")
    return target


def _kept(path: str | os.PathLike[str] | None, text: str) -> str:
    if path is not None:
        _keep(_target(path), text)
    return text


def _keep(target: Path, text: str) -> None:
    try:
        replace_file(target, lambda part: part.write_text(text, "utf-8"))
    except OSError as error:
        raise _unwritten(target, error) from error


def _unwritten(target: Path, error: OSError) -> RequestError:
    return RequestError(f"The file {target.name!r} cannot be written: {error.strerror or error}.")
