"""Readers that cost as little as they can, and a server in a process of its own for them to read from."""

import asyncio
import json
import statistics
import sys

__all__ = ("cpu_us_per_delivered",)

REQUEST = b"GET /stream HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"


async def _read(port: int) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(REQUEST)
    events = 0
    while piece := await reader.read(1 << 20):
        events += piece.count(b"event: text_delta")
        if piece.endswith(b"0\r\n\r\n"):
            break
    writer.close()
    return events


async def _once(make: str, readers: int, bursts: int, burst: int, pause_s: float) -> float:
    command = (sys.executable, "-m", "benchmarks.peers.servers", make, *map(str, (readers, bursts, burst, pause_s)))
    server = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert server.stdout is not None
    port = int(await server.stdout.readline())
    got = await asyncio.gather(*(_read(port) for _ in range(readers)))
    assert min(got) == max(got) or make == "ours", f"{make} lost events"
    cpu_s = float(json.loads(await server.stdout.readline())["cpu_s"])
    await server.wait()
    return cpu_s / (readers * bursts * burst) * 1e6


def cpu_us_per_delivered(make: str, *, readers: int, bursts: int, burst: int, pause_s: float, rounds: int = 3) -> float:
    """CPU microseconds of the server for one event delivered to one reader, the median of some rounds."""
    return statistics.median(asyncio.run(_once(make, readers, bursts, burst, pause_s)) for _ in range(rounds))
