"""SIGTERM with 1,000 open streams: how long until every reader was told where to resume and the process is gone."""

import asyncio
import time

from benchmarks.peers.links import open_link, served
from benchmarks.report import report

__all__ = ("main",)

LINKS = 1_000


async def measure() -> tuple[float, float, int]:
    """Seconds until the last reader's end and until the process's; how many readers were told."""
    async with served(5, ended=False) as server:
        links = [await open_link(server.port) for _ in range(LINKS)]
        await asyncio.gather(*(reader.readuntil(b"m1") for reader, _ in links))
        began = time.monotonic()
        server.process.terminate()
        rest = await asyncio.gather(*(reader.read() for reader, _ in links))
        told_s = time.monotonic() - began
        await server.process.wait()
        gone_s = time.monotonic() - began
        for _, writer in links:
            writer.close()
    return told_s, gone_s, sum(b"server_shutdown" in words for words in rest)


def main() -> None:
    told_s, gone_s, told = asyncio.run(measure())
    assert told == LINKS
    rows = [{"streams told": float(told), "all told after s": told_s, "target": 1.0, "process gone after s": gone_s}]
    report("drain", f"SIGTERM with {LINKS} open streams", rows)


if __name__ == "__main__":
    main()
