"""Does the backend keep its time while a cell computes? Ours on a thread of its own, the peer on the cell's own loop.

A ticker is due every 50 ms on the backend's loop while the main thread sleeps or computes for three seconds.
"""

import asyncio
import time

from benchmarks.report import report
from genie_nb.backend.loop import backend_loop

TICK_S = 0.05
CELL_S = 3.0


async def tick(gaps: list[float], stop: asyncio.Event) -> None:
    last = time.perf_counter()
    while not stop.is_set():
        await asyncio.sleep(TICK_S)
        now = time.perf_counter()
        gaps.append(now - last)
        last = now


def sleep_cell() -> None:
    time.sleep(CELL_S)


def busy_cell() -> None:
    until = time.perf_counter() + CELL_S
    total = 0
    while time.perf_counter() < until:
        total += sum(n * n for n in range(1_000))


def own_thread(cell) -> float:  # noqa: ANN001
    backend, gaps = backend_loop(), []
    stop = asyncio.Event()
    ticking = backend.submit(tick(gaps, stop))
    cell()
    backend.call(stop.set)
    ticking.result()
    return max(gaps)


def same_loop(cell) -> float:  # noqa: ANN001
    async def main() -> float:
        gaps: list[float] = []
        stop = asyncio.Event()
        ticking = asyncio.create_task(tick(gaps, stop))
        await asyncio.sleep(2 * TICK_S)
        cell()
        stop.set()
        await ticking
        return max(gaps)

    return asyncio.run(main())


def main() -> None:
    rows = []
    for name, cell in (("time.sleep(3)", sleep_cell), ("pure Python, 3 s", busy_cell)):
        ours, theirs = own_thread(cell), same_loop(cell)
        rows.append({"cell": name, "own thread, longest gap s": ours, "same loop, s": theirs, "ratio": theirs / ours})
    report("loop_gap", "The backend's loop keeps its time while a cell computes (tick due every 0.05 s)", rows)


if __name__ == "__main__":
    main()
