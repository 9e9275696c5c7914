"""Text files as bytes: unpacked where they are gzip archives, and counted without being loaded.

Above: `inputs`. Below: `errors`.
"""

import csv
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from genie_nb.errors import RequestError

__all__ = ("HEAD_BYTES", "UNPACKED_BYTES", "TextFile", "is_packed", "unpacked")

HEAD_BYTES = 256 * 1024
"""How much of a file is looked at."""
UNPACKED_BYTES = 2**31
"""A gzip archive may unpack to so many bytes."""
COUNT_BYTES = 2**32
"""Up to this size the lines of a file are counted; beyond, their number is estimated."""
PARSED_BYTES = 64 * 2**20
"""Up to this size the rows of a file are counted where they are not its lines."""
PIECE_BYTES = 2**20


@dataclass(frozen=True)
class TextFile:
    """A file that holds text.

    Attributes:
        head: Its first text, up to the end of a line.
        length: Bytes of the text, unpacked.
    """

    path: Path
    name: str
    head: str
    encoding: str
    length: int
    packed: bool = False

    @property
    def whole(self) -> bool:
        """Whether the head is all of it."""
        return self.length <= HEAD_BYTES

    @contextmanager
    def opened(self) -> Iterator[BinaryIO]:
        """Its bytes, unpacked."""
        with gzip.open(self.path) if self.packed else self.path.open("rb") as content:
            yield cast("BinaryIO", content)

    def lines(self) -> int | None:
        """How many lines it has, the last one with or without its end; None where that would take long."""
        if self.length > COUNT_BYTES or self.encoding in ("utf-16", "utf-32"):
            return None
        lines, last = 0, b"\n"
        with self.opened() as content:
            while piece := content.read(PIECE_BYTES):
                lines += piece.count(b"\n")
                last = piece[-1:]
        return lines + (last != b"\n")

    def rows(self, separator: str) -> int | None:
        """How many rows of a table it has, the header too; None where that would take long, or cannot be told."""
        if '"' not in self.head and (lines := self.lines()) is not None:
            return lines
        if self.length > PARSED_BYTES:
            return None
        with self.opened() as content:
            text = io.TextIOWrapper(content, self.encoding, errors="replace", newline="")
            with suppress(csv.Error):  # a cell of more than 128 KiB
                return sum(1 for row in csv.reader(text, delimiter=separator) if row)
        return None

    def estimate(self, rows: int) -> int:
        """About how many rows it has, if its head has so many: two figures, and zeros."""
        head = max(len(self.head.encode(self.encoding, "replace")), 1)
        guess = rows * self.length // head
        zeros = max(len(str(guess)) - 2, 0)
        return int(str(guess)[:2] + "0" * zeros)


def is_packed(path: Path, head: bytes) -> bool:
    """Whether a file is a gzip archive, by its name and its content."""
    return path.suffix.lower() == ".gz" and head.startswith(b"\x1f\x8b")


def unpacked(path: Path, name: str) -> tuple[bytes, int]:
    """The first bytes that a gzip archive holds, and how many it holds in all.

    Raises:
        RequestError: It is broken, or holds more than anybody wants.
    """
    try:
        with gzip.open(path) as content:
            head = content.read(HEAD_BYTES)
            length = len(head)
            while piece := content.read(PIECE_BYTES):
                length += len(piece)
                if length > UNPACKED_BYTES:
                    raise RequestError(
                        f"{name} unpacks to more than the {UNPACKED_BYTES / 1e9:.1f} GB that are opened. "
                        "Unpack it yourself, or give a part of it."
                    )
    except (EOFError, OSError, zlib.error) as error:
        raise RequestError(f"{name} is not a whole gzip archive. Pack it again, or give it unpacked.") from error
    return head, length
