"""Stream modes: general, token, time: three ways to join the pieces of texts on a reader's way out of a log. Pure.

Nothing but pieces of texts is ever held, everything keeps its order, and each piece leaves exactly once: at the latest when
its deadline passes, however silent the model is (# T3, T12).

Above: `wire`. Below: `log.entry`.
"""

import time
from collections.abc import Callable, Sequence
from typing import Literal

import msgspec

from genie_nb.backend.log.entry import Entry
from genie_nb.errors import WireError

__all__ = ("Group", "Mode", "StreamMode", "TextJoiner")

Mode = Literal["general", "token", "time"]
Group = list[Entry]
"""Entries that leave together: one essential entry, or pieces of texts without anything else between them."""


class StreamMode(msgspec.Struct, frozen=True, kw_only=True):
    """How pieces of texts are joined for one reader.

    Attributes:
        mode: `general`: each piece at once; `token`: so many pieces together; `time`: what came within so many seconds.
        token: How many pieces, in the mode `token`; a piece is what the model sent at once.
        time: Seconds that a piece is held at most, in the modes `token` and `time`.
    """

    mode: Mode = "general"
    token: int = 5
    time: float = 5.0

    @classmethod
    def checked(cls, mode: str = "general", token: int = 5, time: float = 5.0) -> "StreamMode":
        """The mode that a reader asks for.

        Raises:
            WireError: There is no such mode, or a number is out of its range.
        """
        try:
            asked = msgspec.convert({"mode": mode, "token": token, "time": time}, cls, strict=False)
        except msgspec.ValidationError as error:
            raise WireError(f"There is no such stream mode: {error}. Choose general, token or time.") from error
        if asked.token < 1 or not 0 < asked.time <= 3600:
            raise WireError("A stream mode joins at least 1 token, or what came within 0 to 3600 seconds.")
        return asked


class TextJoiner:
    """Holds the pieces of texts of one reader until its mode lets them go.

    Attributes:
        due: When what is held must leave, on the clock; None while nothing is held.
    """

    def __init__(self, mode: StreamMode, clock: Callable[[], float] = time.monotonic) -> None:
        self._mode = mode
        self._clock = clock
        self._held: Group = []
        self.due: float | None = None

    @property
    def pending(self) -> int:
        """How many pieces are held."""
        return len(self._held)

    def take(self, entries: Sequence[Entry]) -> list[Group]:
        """What leaves now that these entries have come."""
        if self._mode.mode == "general":
            return [[entry] for entry in entries]
        groups: list[Group] = []
        for entry in entries:
            if entry.joins:
                self._hold(entry)
                if self._mode.mode == "token" and len(self._held) >= self._mode.token:
                    groups += self.flush()
            else:
                groups += self.flush()
                groups.append([entry])
        if self.due is not None and self._clock() >= self.due:
            groups += self.flush()
        return groups

    def flush(self) -> list[Group]:
        """What is held leaves."""
        held, self._held, self.due = self._held, [], None
        return [held] if held else []

    def _hold(self, entry: Entry) -> None:
        if self.due is None:
            self.due = self._clock() + self._mode.time
        self._held.append(entry)
