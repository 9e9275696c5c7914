"""A server that is asked for a long time: `python -m tests.soak 30` for 30 minutes.

A server in a process of its own works on questions with real kernels, a few at once, over links some of which are given up
half way. Every answer must be right, and the server's memory and open files must have stopped growing: the last third of the
time is compared with the third before it.
"""

import asyncio
import itertools
import random
import secrets
import statistics
import sys
import tempfile
import time
from contextlib import aclosing
from pathlib import Path

import psutil

import genie_nb as gn
from genie_nb.backend.client import Client
from genie_nb.events import RunFinished, ToolStarted

__all__ = ("main",)

AT_ONCE, GIVEN_UP, KEPT = 3, 0.3, 20
GROWTH_MIB, GROWTH_FILES = 24, 8
"""More than this between the two thirds is a leak."""


async def ask(client: Client, number: int, *, gives_up: bool) -> None:
    """One question and its answer; where the link is given up half way, another one tells all of it."""
    run_id = await client.ask(f"the sum of the squares of 1 to {number}", request_id=secrets.token_hex(8))
    if gives_up:
        async with aclosing(client.events(run_id)) as events:
            async for event in events:
                if isinstance(event, ToolStarted):
                    break
    answer = ""
    async for event in client.events(run_id):
        if isinstance(event, RunFinished):
            answer = event.output
    expected = sum(value * value for value in range(1, number + 1))
    assert str(expected) in answer.replace(",", ""), f"1 to {number}: {answer!r}, not {expected}"


async def soak(url: str, seconds: float, process: psutil.Process) -> list[tuple[int, int]]:
    """Ask until the time is over; MiB and open files of the server, looked at each second."""
    numbers, looks, until = itertools.count(), list[tuple[int, int]](), time.monotonic() + seconds

    async def person() -> None:
        client = Client(url)
        while time.monotonic() < until:
            await ask(client, next(numbers) % 400 + 5, gives_up=random.random() < GIVEN_UP)
        await client.close()

    async def watch() -> None:
        while time.monotonic() < until:
            looks.append((process.memory_info().rss >> 20, process.num_fds()))
            await asyncio.sleep(1)

    await asyncio.gather(watch(), *(person() for _ in range(AT_ONCE)))
    print(f"{next(numbers):,} questions in {seconds / 60:g} min, all answered rightly")
    return looks


def middle(looks: list[tuple[int, int]]) -> tuple[float, float]:
    """The medians of memory and open files."""
    memory, opened = zip(*looks, strict=True)
    return statistics.median(memory), statistics.median(opened)


def main() -> int:
    """Run it; 0 where nothing leaked."""
    seconds = 60 * float(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        settings = {"runs_folder": str(Path(folder, "runs"))}
        server = gn.serve(process=True, model="offline", settings=settings, keep_runs=KEPT)
        try:
            process = psutil.Process(server.pid)
            looks = asyncio.run(soak(server.url, seconds, process))
        finally:
            server.close()
    third = len(looks) // 3
    before, last = middle(looks[third : 2 * third]), middle(looks[2 * third :])
    print(f"memory {before[0]:.0f} → {last[0]:.0f} MiB, open files {before[1]:.0f} → {last[1]:.0f}")
    return int(last[0] - before[0] > GROWTH_MIB or last[1] - before[1] > GROWTH_FILES)


if __name__ == "__main__":
    sys.exit(main())
