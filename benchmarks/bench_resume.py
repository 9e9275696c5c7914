"""Resuming a run of 10,000 events: after the first, after the middle, and near the end; beside reading it whole."""

import asyncio
import time

from benchmarks.peers.links import open_link, served
from benchmarks.report import report

__all__ = ("main",)

EVENTS = 10_000


async def measure() -> list[dict[str, str | float]]:
    """Seconds and megabytes from the request to the run's end, for places in the log."""
    rows: list[dict[str, str | float]] = []
    async with served(EVENTS, ended=True) as server:
        for name, after in (
            ("whole", 0),
            ("after the first", 1),
            ("after the middle", EVENTS // 2),
            ("near the end", EVENTS - 10),
        ):
            began = time.monotonic()
            reader, writer = await open_link(server.port, after=after)
            size = 0
            while piece := await reader.read(1 << 20):
                size += len(piece)
                if piece.endswith(b"0\r\n\r\n"):
                    break
            writer.close()
            rows.append({"resumed": name, "seconds": time.monotonic() - began, "MB": size / 1e6})
    return rows


def main() -> None:
    rows = asyncio.run(measure())
    whole = float(rows[0]["seconds"])
    report("resume", f"A run of {EVENTS:,} events", [row | {"× whole": float(row["seconds"]) / whole} for row in rows])


if __name__ == "__main__":
    main()
