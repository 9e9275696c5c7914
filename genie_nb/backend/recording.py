"""Recordings: a run as JSON lines on disk, and back. A recording is a source of events like a live run.

Below: `events`.
"""

import asyncio
import os
from collections.abc import AsyncIterable, AsyncIterator
from pathlib import Path

from genie_nb.errors import WireError
from genie_nb.events import RunEvent, decode_event, encode_event, is_terminal

__all__ = ("record", "replay")

FLUSH_BYTES = 64 * 1024
"""So much of a recording at most waits in memory."""


async def record(events: AsyncIterable[RunEvent], path: str | os.PathLike[str]) -> int:
    """Write events to a file, one JSON object a line, until their end; returns how many.

    Raises:
        OSError: The file cannot be written.
    """
    count, lines = 0, bytearray()
    target = Path(path)
    await asyncio.to_thread(target.write_bytes, b"")
    async for event in events:
        lines += encode_event(event) + b"\n"
        count += 1
        if len(lines) >= FLUSH_BYTES or is_terminal(event):
            await asyncio.to_thread(_append, target, bytes(lines))
            lines.clear()
    await asyncio.to_thread(_append, target, bytes(lines))
    return count


def _append(target: Path, lines: bytes) -> None:
    with target.open("ab") as file:
        file.write(lines)


async def replay(path: str | os.PathLike[str]) -> AsyncIterator[RunEvent]:
    """Read a recording.

    Yields:
        Its events in order.

    Raises:
        OSError: The file cannot be read.
        WireError: A line is no event, or the recording ends before its run does.
    """
    last: RunEvent | None = None
    recorded = await asyncio.to_thread(Path(path).read_bytes)
    for number, line in enumerate(recorded.splitlines(), 1):
        try:
            last = decode_event(line)
        except WireError as error:
            raise WireError(f"Line {number} of {Path(path).name}: {error}") from error
        yield last
    if last is None or not is_terminal(last):
        raise WireError(f"The recording {Path(path).name} ends before its run does: it was cut short.")
