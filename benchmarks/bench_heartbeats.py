"""Do heartbeats keep their time while everything is busy? Lateness as a share of the interval, ours and a peer's.

Our server's process computes on its main thread, every worker thread of its loop is taken, an interpreter computes, and a
model streams. The peer sends at a fixed rate from the loop that runs the agent's code. Each in a process of its own.
"""

import asyncio
import statistics
import sys
import time
from urllib.parse import urlsplit

from benchmarks.report import Row, report

__all__ = ("main",)

HEARTBEAT_S, SECONDS, LINKS = 1.0, 20, 10


async def late(make: str) -> list[float]:
    """How late each heartbeat came after the last byte before it, as a share of the interval."""
    command = (sys.executable, "-m", "benchmarks.peers.beating", make, str(HEARTBEAT_S))
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        async with asyncio.timeout(60):
            url = (await process.stdout.readline()).decode().strip()
        links = await asyncio.gather(*(_listen(url) for _ in range(LINKS)))
    finally:
        if process.returncode is None:
            process.terminate()
        try:
            async with asyncio.timeout(20):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
    return [share for link in links for share in link]


async def _listen(url: str) -> list[float]:
    parts, shares, last = urlsplit(url), list[float](), 0.0
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    writer.write(f"GET {parts.path}?{parts.query} HTTP/1.1\r\nhost: {parts.hostname}\r\n\r\n".encode())
    try:
        async with asyncio.timeout(SECONDS):
            while piece := await reader.read(65536):
                now = time.perf_counter()
                if last and (b"\n: hb" in piece or b"\n: ping" in piece):
                    shares.append((now - last - HEARTBEAT_S) / HEARTBEAT_S)
                last = now
    except TimeoutError:
        return shares
    finally:
        writer.close()
    return shares


def main() -> None:
    rows: list[Row] = []
    for make, name in (("ours", "ours"), ("busy_loop", "on one loop")):
        shares = asyncio.run(late(make))
        off = sorted(abs(share) for share in shares)
        rows.append(
            {
                "server": name,
                "heartbeats": float(len(shares)),
                "expected": float(LINKS * (SECONDS // HEARTBEAT_S - 1)),
                "median %": statistics.median(off) * 100 if off else float("nan"),
                "99th of 100 %": off[int(len(off) * 0.99)] * 100 if off else float("nan"),
                "worst %": off[-1] * 100 if off else float("nan"),
                "target %": 10.0,
            }
        )
    report(
        "heartbeats",
        f"Heartbeats due each {HEARTBEAT_S:g} s while everything is busy: how far off, as a share of that",
        rows,
    )


if __name__ == "__main__":
    main()
