"""Does the backend keep its time while a cell computes? Ours on a thread of its own, the peer on the cell's own loop.

A ticker is due every 50 ms on the backend's loop while the main thread sleeps or computes for three seconds.

And a server, on that loop and in a process of its own, while the main thread sleeps, computes, or is in one call of C code
that never lets go of the interpreter's lock: another process asks for `/health` all the time and listens for heartbeats.
"""

import asyncio
import itertools
import json
import subprocess
import sys
import time
from collections.abc import Callable

from benchmarks.report import report
from genie_nb import ScriptedModel, serve
from genie_nb.backend.loop import backend_loop
from genie_nb.backend.models.scripted import Say

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


def c_cell() -> None:
    sum(range(240_000_000))


HEARTBEAT_S = 0.2
OBSERVER = """
import json, sys, threading, time, httpx
address, token = sys.argv[1:]
bearer = {"Authorization": f"Bearer {token}"}
asked, beats = [], []

def listen():
    with httpx.stream("POST", f"{address}/v1/runs", json={"query": "?"}, headers=bearer, timeout=60) as answer:
        for piece in answer.iter_raw():
            beats.append(time.monotonic())

threading.Thread(target=listen, daemon=True).start()
with httpx.Client(timeout=60) as http:
    http.get(f"{address}/health")
    print("ready", flush=True)
    until = time.monotonic() + float(sys.stdin.readline())
    while time.monotonic() < until:
        began = time.monotonic()
        http.get(f"{address}/health")
        asked.append((began, time.monotonic() - began))
        time.sleep(0.02)
print(json.dumps({"asked": asked, "beats": beats}))
"""


def seen_from_outside(cell: Callable[[], None], *, process: bool) -> tuple[float, float]:
    """The longest that `/health` took while the cell ran, and the longest silence of a stream that beats."""
    model = ScriptedModel([Say(["silent ", "."], pace_s=60.0)])
    with serve(process=process, model=model, settings={"agent": "react"}, heartbeat_s=HEARTBEAT_S) as server:
        command = [sys.executable, "-c", OBSERVER, server.address, server.token]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as observer:
            observer.stdout.readline()
            time.sleep(1.0)
            observer.stdin.write(f"{CELL_S + 4}\n")
            observer.stdin.flush()
            time.sleep(0.5)
            began = time.monotonic()
            cell()
            ended = time.monotonic()
            seen = json.loads(observer.stdout.readline())
    asked = [took for at, took in seen["asked"] if at + took > began and at < ended]
    beats = [beat for beat in seen["beats"] if began - 1 < beat < ended + 2]
    return max(asked), max(after - before for before, after in itertools.pairwise(beats))


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
    rows = []
    for name, cell in (("time.sleep(3)", sleep_cell), ("pure Python, 3 s", busy_cell), ("sum(range(240_000_000))", c_cell)):
        (here, silent_here), (there, silent_there) = (seen_from_outside(cell, process=process) for process in (False, True))
        rows.append(
            {
                "cell": name,
                "/health here, longest s": here,
                "own process, s": there,
                "silence here, longest s": silent_here,
                "own process, s ": silent_there,
            }
        )
    claim = f"A server in a process of its own keeps its time whatever a cell does (heartbeat due every {HEARTBEAT_S} s)"
    report("server_gap", claim, rows)


if __name__ == "__main__":
    main()
