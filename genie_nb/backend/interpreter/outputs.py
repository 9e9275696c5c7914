"""Messages of the Jupyter protocol into parts, within bounds: output can neither fill memory nor name the machine.

Above: `runner`. Below: `frames`, `tracebacks`, `parts`.
"""

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec

from genie_nb.backend.interpreter.base import Output, ResultForModel
from genie_nb.backend.interpreter.frames import Bars, Display, Frame
from genie_nb.backend.interpreter.kernel import Message
from genie_nb.backend.interpreter.tracebacks import clean_error, clean_paths, clean_repr
from genie_nb.parts import RESULT_TYPE, DocumentPart, ErrorPart, ImagePart, Part, StreamPart, TablePart

__all__ = ("CellOutput",)

_TABLE = "application/vnd.genie.table+json"
_UNSHOWN = "application/vnd.genie.unshown+json"
_MAX_UNSHOWN = 100
_MAX_CHARACTERS = 200_000
_MAX_MEDIA = 20
_MAX_MEDIA_BYTES = 5_000_000
_MAX_DISPLAYS = 100
_MAX_ROWS = 30


class _Printed(msgspec.Struct):
    name: Literal["stdout", "stderr"]
    text: str


class _Shown(msgspec.Struct):
    data: dict[str, Any]
    transient: dict[str, Any] = {}


class _Cleared(msgspec.Struct):
    wait: bool = False


class _Unshown(msgspec.Struct):
    characters: str


class _Raised(msgspec.Struct):
    ename: str
    evalue: str
    traceback: list[str]


class CellOutput:
    """What one cell shows: parts as they come, and at the end what was held back or cut.

    Attributes:
        error: What the cell raised.
        unshown: Characters that no font of the machine had.
    """

    def __init__(self, folder: Path) -> None:
        """Output of a cell that runs in `folder`, whose path is left out of what is shown."""
        self._folder = folder
        self._left = _MAX_CHARACTERS
        self._hidden = 0
        self._media = 0
        self._hidden_media = 0
        self._bars = Bars()
        self._displays: dict[str, Display] = {}
        self._frame = Frame()
        self.error: ErrorPart | None = None
        self.unshown = ""

    def take(self, message: Message) -> Iterator[Output]:
        """The parts of one message; the code that runs could forge messages, so their form is checked."""
        try:
            for output in self._take(message["msg_type"], message["content"]):
                yield from self._frame.add(output)
        except msgspec.ValidationError:
            yield StreamPart(text="\n... a malformed output is not shown\n", stream="stderr")

    def _take(self, kind: str, content: Mapping[str, Any]) -> Iterator[Output]:
        match kind:
            case "stream":
                printed = msgspec.convert(content, _Printed)
                text = printed.text if printed.name == "stdout" else clean_paths(printed.text, self._folder)
                yield from self._print(printed.name, _unicode(text))
            case "display_data" | "execute_result":
                shown = msgspec.convert(content, _Shown)
                if _UNSHOWN in shown.data:
                    unshown = _unicode(msgspec.convert(shown.data[_UNSHOWN], _Unshown).characters)
                    self.unshown = f"{self.unshown}{unshown}"[:_MAX_UNSHOWN]
                yield from self._show_as(shown)
            case "update_display_data":
                update = msgspec.convert(content, _Shown)
                display = self._displays.get(str(update.transient.get("display_id")))
                if display is None:
                    yield from self._show_as(update)
                else:
                    yield from display.update(update.data, live=self._frame.has_room)
            case "clear_output":
                self._frame.clear(wait=msgspec.convert(content, _Cleared).wait)
                self._left, self._hidden, self._media, self._hidden_media = _MAX_CHARACTERS, 0, 0, 0
                self._displays.clear()
                self._bars = Bars()
            case "error":
                error = msgspec.convert(content, _Raised)
                frames = [_unicode(frame) for frame in error.traceback]
                self.error = clean_error(error.ename, _unicode(error.evalue), frames, self._folder)
                yield self.error

    def rest(self) -> Iterator[Output]:
        """What is to be shown once the cell ended."""
        for output in self._rest():
            yield from self._frame.add(output)
        yield from self._frame.rest()

    def _rest(self) -> Iterator[Output]:
        for display in self._displays.values():
            yield from display.rest()
        yield from self._bars.rest()
        if self._hidden:
            yield StreamPart(text=f"\n... {self._hidden} more characters not shown\n", stream="stderr")
        if self._hidden_media:
            limit = f"a cell shows {_MAX_MEDIA}, of at most {_MAX_MEDIA_BYTES // 1_000_000} MB each"
            text = f"\n... {self._hidden_media} more images or pages not shown ({limit})\n"
            yield StreamPart(text=text, stream="stderr")

    def _print(self, stream: Literal["stdout", "stderr"], text: str) -> Iterator[Output]:
        drawn = self._bars.take(stream, text)
        if drawn is not None:
            yield from drawn
        elif shown := self._cut(text):
            yield StreamPart(text=shown, stream=stream)

    def _cut(self, text: str) -> str:
        shown = text[: self._left]
        self._left -= len(shown)
        self._hidden += len(text) - len(shown)
        return shown

    def _show_as(self, shown: _Shown) -> Iterator[Output]:
        """Show a bundle, under its name where it has one."""
        name = shown.transient.get("display_id")
        if name is None or len(self._displays) >= _MAX_DISPLAYS:
            yield from self._show(shown.data)
            return
        spent = _Spent()
        display = Display(f"d{len(self._displays) + 1}", lambda bundle: self._show_anew(bundle, spent))
        self._displays[str(name)] = display
        yield from display.update(shown.data)

    def _show_anew(self, bundle: Mapping[str, Any], spent: "_Spent") -> Iterator[Part | ResultForModel]:
        """Show a bundle in the place of what has spent so much."""
        self._left, self._media = self._left + spent.characters, self._media - spent.media
        left, media = self._left, self._media
        yield from self._show(bundle)
        spent.characters, spent.media = left - self._left, self._media - media

    def _show(self, bundle: Mapping[str, Any]) -> Iterator[Part | ResultForModel]:
        if isinstance(result := bundle.get(RESULT_TYPE), str):
            line = " ".join(_unicode(result).splitlines())
            if shown := self._cut(line):
                yield ResultForModel(shown)
            return
        part = _table(bundle) or _image(bundle) or _document(bundle)
        match part:
            case TablePart():
                text = sum(len(cell) for row in (part.columns, *part.rows) for cell in row)
                if text <= self._left:
                    self._left -= text
                    yield part
                else:
                    self._hidden += text
            case ImagePart() | DocumentPart(media_type="text/html"):
                size = len(part.content if isinstance(part, ImagePart) else part.text)
                if self._media < _MAX_MEDIA and size <= _MAX_MEDIA_BYTES:
                    self._media += 1
                    yield part
                else:
                    self._hidden_media += 1
            case DocumentPart():
                if shown := self._cut(part.text):
                    yield part if shown == part.text else DocumentPart(text=shown)


@dataclass
class _Spent:
    """How much of a cell's limits a display has used."""

    characters: int = 0
    media: int = 0


def _unicode(text: str) -> str:
    """The text without half characters, which no JSON can carry."""
    return text.encode(errors="replace").decode()


def _table(bundle: Mapping[str, Any]) -> TablePart | None:
    if _TABLE not in bundle:
        return None
    try:
        table = msgspec.convert(bundle[_TABLE], TablePart)
    except msgspec.ValidationError:
        return None
    return msgspec.structs.replace(table, rows=table.rows[:_MAX_ROWS])


def _image(bundle: Mapping[str, Any]) -> ImagePart | None:
    alt = clean_repr(_unicode(str(bundle.get("text/plain", ""))))
    if isinstance(svg := bundle.get("image/svg+xml"), str):
        return ImagePart(content=svg.encode(errors="replace"), media_type="image/svg+xml", alt=alt)
    for media_type in ("image/png", "image/jpeg"):
        if media_type in bundle:
            try:
                return ImagePart(content=base64.b64decode(bundle[media_type]), media_type=media_type, alt=alt)
            except (binascii.Error, TypeError, ValueError):
                return None
    return None


def _document(bundle: Mapping[str, Any]) -> DocumentPart | None:
    for media_type in ("text/html", "application/json", "text/markdown", "text/plain"):
        if media_type in bundle:
            value = bundle[media_type]
            text = _unicode(
                value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
            )
            return DocumentPart(text=clean_repr(text) if media_type == "text/plain" else text, media_type=media_type)
    return None
