"""What a cell draws again and again: displays that are updated, and frames that clear each other; shown at a pace for eyes.

Above: `outputs`. Below: `base`, `parts`.
"""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Literal

from genie_nb.backend.interpreter.base import Output, Redrawn, ResultForModel
from genie_nb.parts import DocumentPart, ImagePart, Part, StreamPart
from genie_nb.printed import append

__all__ = ("Bars", "Display", "Frame")

FRAME_S = 0.5
"""Seconds between two states of a display, or between two frames, that are shown while a cell runs."""
MAX_BYTES = 20_000_000
"""So much may be shown and cleared again; of more only what stands at the end is shown."""
MAX_BARS = 50
"""Of more, what is drawn over goes on in the text."""
LONGEST_BAR = 10_000
MAX_BAR_CHARACTERS = 2_000_000
"""So much of all states of bars is shown while a cell runs; of more the last state."""
_MOVES = re.compile(r"\x08|\r(?!\n)|\x1b\[[0-?]*[A-L]")
Stream = Literal["stdout", "stderr"]
_Show = Callable[[Mapping[str, Any]], Iterator[Part | ResultForModel]]


class Bars:
    """Lines that a program draws anew: each stands in one place until its line ends, whatever else is printed meanwhile."""

    def __init__(self) -> None:
        """No bar yet."""
        self._open: dict[Stream, Redrawn] = {}
        self._late: set[Stream] = set()
        self._unfinished: dict[Stream, bool] = {}
        self._count = 0
        self._left = MAX_BAR_CHARACTERS

    def take(self, stream: Stream, text: str) -> list[Output] | None:
        """What is shown of printed text that draws a bar, or goes on with one; None where it is plain."""
        bar = self._open.pop(stream, None)
        if bar is None:
            is_bar = len(text) <= LONGEST_BAR and _MOVES.search(text) and not self._unfinished.get(stream)
            if not is_bar or self._count >= MAX_BARS:
                self._unfinished[stream] = not text.endswith("\n")
                return None
            self._count += 1
            bar = Redrawn(StreamPart(text="", stream=stream), f"b{self._count}")
        assert isinstance(bar.part, StreamPart)
        drawn = append(bar.part.text, text)
        bar = Redrawn(StreamPart(text=drawn, stream=stream), bar.display)
        ended = drawn.endswith("\n") or len(drawn) > LONGEST_BAR
        self._unfinished[stream] = ended and not drawn.endswith("\n")
        if not ended:
            self._open[stream] = bar
            if len(drawn) > self._left:
                self._late.add(stream)
                return []
        self._late.discard(stream)
        self._left -= len(drawn)
        return [bar]

    def rest(self) -> Iterator[Output]:
        """The bars that were drawn too often to be shown each time, as they stand."""
        yield from (self._open[stream] for stream in self._late)


class Display:
    """What stands under one name: shown anew now and then while the cell runs, and as it stands at its end."""

    def __init__(self, name: str, show: _Show) -> None:
        """A display of that name; `show` gives the parts of a state."""
        self.name, self._show = name, show
        self._due = 0.0
        self._latest: Mapping[str, Any] | None = None

    def update(self, bundle: Mapping[str, Any], *, live: bool = True) -> Iterator[Output]:
        """Take its next state, and show it if it is time."""
        self._latest = bundle
        if live and time.monotonic() >= self._due:
            self._due = time.monotonic() + FRAME_S
            yield from self.rest()

    def rest(self) -> Iterator[Output]:
        """Its latest state, if it was not shown."""
        if self._latest is not None:
            for part in self._show(self._latest):
                yield part if isinstance(part, ResultForModel) else Redrawn(part, self.name)
            self._latest = None


class Frame:
    """What stands between two clearings. It is shown as it comes, unless frames come too fast or are too much in all."""

    def __init__(self) -> None:
        """The first frame."""
        self._clears = self._at_end = False
        self._held: list[Output] | None = None
        self._due = 0.0
        self._left = MAX_BYTES
        self._shown_any = False

    @property
    def has_room(self) -> bool:
        """Whether what will be replaced may still be shown while the cell runs."""
        return self._left > 0

    def clear(self, *, wait: bool) -> None:
        """Clear what is shown with the next output; if none comes, at the end, unless it is to wait for one."""
        self._clears, self._at_end = True, not wait
        self._held = None

    def add(self, output: Output) -> Iterator[Output]:
        """Show an output, or keep it for the end."""
        if isinstance(output, ResultForModel):
            yield output
            return
        if self._clears:
            self._clears = self._at_end = False
            placed = output if isinstance(output, Redrawn) else Redrawn(output)
            output = replace(placed, clears=True)
            if time.monotonic() < self._due or self._left <= 0:
                self._held = []
            else:
                self._due = time.monotonic() + FRAME_S
        if self._held is not None:
            self._held.append(output)
            return
        self._left -= _size(output)
        self._shown_any = True
        yield output

    def rest(self) -> Iterator[Output]:
        """What is left to be shown once the cell ended."""
        yield from self._held or ()
        if self._clears and self._at_end and self._shown_any:
            yield Redrawn(StreamPart(text=""), clears=True)


def _size(output: Part | Redrawn) -> int:
    part = output.part if isinstance(output, Redrawn) else output
    match part:
        case ImagePart():
            return len(part.content)
        case DocumentPart() | StreamPart():
            return len(part.text)
        case _:
            return 1_000
