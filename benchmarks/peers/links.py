"""Many plain connections to our server, each as cheap as a socket, and the server that they lead to."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from benchmarks.peers.served import TOKEN

__all__ = ("Served", "open_link", "served")


@dataclass
class Served:
    """A server in a process of its own."""

    process: asyncio.subprocess.Process
    port: int

    async def held(self) -> dict[str, float]:
        """What it holds now: `rss` in bytes, `cpu_s`, `behind`."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(b"held\n")
        return dict(json.loads(await self.process.stdout.readline()))

    def tell(self, word: str) -> None:
        """Let the run `say` one more event, or `end`."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{word}\n".encode())


@asynccontextmanager
async def served(events: int, *, ended: bool, heartbeat_s: float = 10.0) -> AsyncIterator[Served]:
    """Start a server with a run of so many events."""
    command = (sys.executable, "-m", "benchmarks.peers.served", str(events), str(int(ended)), str(heartbeat_s))
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
    assert process.stdout is not None
    address = (await process.stdout.readline()).decode().strip()
    try:
        yield Served(process, int(address.rsplit(":", 1)[1]))
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def open_link(port: int, *, after: int = 0) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Ask for the run's events; the answer's head is still to be read."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 24)
    head = f"GET /v1/runs/run1/events?after={after} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {TOKEN}\r\n\r\n"
    writer.write(head.encode())
    return reader, writer
