"""What an open stream costs while nothing is said: memory of the whole server for each, and CPU for each heartbeat."""

import asyncio

from benchmarks.peers.links import open_link, served
from benchmarks.report import report

__all__ = ("main",)

LINKS, HEARTBEAT_S, SECONDS = 1_000, 1.0, 8


async def measure() -> tuple[float, float]:
    """KiB for each idle stream, and CPU microseconds for each heartbeat."""
    async with served(5, ended=False, heartbeat_s=HEARTBEAT_S) as server:
        first = [await open_link(server.port) for _ in range(20)]  # what is loaded once is no link's cost
        await asyncio.gather(*(reader.readuntil(b"\r\n\r\n") for reader, _ in first))
        before = await server.held()
        links = []
        for _ in range(LINKS):  # one after another: a rush would show what requests cost, not what streams do
            links.append(await open_link(server.port))
            await links[-1][0].readuntil(b"m1")
        opened = await server.held()
        beats = await asyncio.gather(*(_beats(reader) for reader, _ in (*first, *links)))
        after = await server.held()
        for _, writer in (*first, *links):
            writer.close()
    kib = (opened["rss"] - before["rss"]) / LINKS / 1024
    return kib, (after["cpu_s"] - opened["cpu_s"]) / sum(beats) * 1e6


async def _beats(reader: asyncio.StreamReader) -> int:
    count = 0
    try:
        async with asyncio.timeout(SECONDS):
            while piece := await reader.read(65536):
                count += piece.count(b": hb\n")
    except TimeoutError:
        return count
    return count


def main() -> None:
    kib, us = asyncio.run(measure())
    rows = [{"KiB a stream": kib, "target ": 14.0, "CPU µs a heartbeat": us, "target": 25.0}]
    report("idle_links", f"{LINKS} idle streams of the whole server, a heartbeat each second", rows)


if __name__ == "__main__":
    main()
