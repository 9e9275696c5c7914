"""The files that a request to the tool service names: on the shelf, or at an address that the server may go to.

A name that is none is no reason to refuse a request: a model gave it, and JDGenie's backend makes no further call after a
refusal. What is meant by it is found where there is one such file; else the work goes on without it, and the answer says so.

Above: `tool_routes`. Below: `file_shelf`, `file_fetching`, `file_names`.
"""

import asyncio
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from genie_nb.backend.context import language_of
from genie_nb.backend.file_names import closest_name
from genie_nb.backend.server.file_fetching import fetch_file
from genie_nb.backend.server.file_shelf import FileShelf, Shelved
from genie_nb.backend.server.guard import LOOPBACK
from genie_nb.backend.settings import ServerSettings
from genie_nb.backend.wire.genie_requests import CodeRequest
from genie_nb.errors import RequestError
from genie_nb.parts import readable

__all__ = ("NamedFiles", "find_named")

MISSING = {
    "en": "There is no file {name!r} for this request id, so the work goes on without it.",
    "zh": "此 requestId 没有名为 {name!r} 的文件，因此在没有它的情况下继续。",
}
TAKEN = {
    "en": "There is no file {name!r} for this request id; {other!r} was taken for it.",
    "zh": "此 requestId 没有名为 {name!r} 的文件，改用 {other!r}。",
}
ELSEWHERE = {"en": "{reason} The work goes on without it.", "zh": "因此在没有这个文件的情况下继续：{reason}"}


@dataclass(frozen=True)
class NamedFiles:
    """What was found.

    Attributes:
        paths: Where the files lie, each once.
        notes: What the reader must know of names that were none, one sentence each.
    """

    paths: tuple[Path, ...]
    notes: tuple[str, ...]


async def find_named(asked: CodeRequest, shelf: FileShelf, settings: ServerSettings, base_url: str) -> NamedFiles:
    """The files that a request names.

    Raises:
        AdmissionRefused: There is no room for a file from elsewhere.
    """
    found, notes = dict[Path, None](), list[str]()
    language = language_of(asked.task)
    for name in asked.file_names:
        place = (asked.request_id, name)
        if "://" in name:
            own = _own_place(base_url, name)
            if own is None:
                try:
                    found[(await fetch_file(name, shelf, settings)).path] = None
                except RequestError as error:
                    notes.append(ELSEWHERE[language].format(reason=error))
                continue
            place = own
        await shelf.settled(place[0])
        file = await asyncio.to_thread(shelf.find, *place)
        if file is None:
            file = await asyncio.to_thread(_meant, shelf, *place)
            words = MISSING if file is None else TAKEN
            notes.append(words[language].format(name=readable(place[1][:100]), other=file.name if file else ""))
        if file is not None:
            found[file.path] = None
    return NamedFiles(tuple(found), tuple(notes))


def _meant(shelf: FileShelf, request_id: str, name: str) -> Shelved | None:
    """The file that is meant by a name that is none."""
    there = {file.name: file for file in shelf.listed(request_id)}
    meant = closest_name(name, there)
    return None if meant is None else there[meant]


def _own_place(base_url: str, url: str) -> tuple[str, str] | None:
    """The request id and the name in an address of a file of this server; None for any other address."""
    try:
        parts, own = urlsplit(url), urlsplit(base_url)
        same = parts.netloc == own.netloc or (
            {parts.hostname, own.hostname} <= LOOPBACK and (parts.port, parts.scheme) == (own.port, own.scheme)
        )
    except ValueError:  # a port that is none
        return None
    place = re.fullmatch(r"/v1/file_tool/(?:preview|download)/([^/]+)/(.+)", parts.path) if same else None
    return (unquote(place[1]), unquote(place[2])) if place else None
