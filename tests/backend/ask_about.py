"""Run as a process of its own: asks a question about a file, and prints what it cost this process, as JSON."""

import asyncio
import json
import resource
import sys
import threading
import time
from pathlib import Path

import pyarrow.parquet  # noqa: F401 - what profiling loads is no part of what a file costs

import genie_nb as gn
from genie_nb.backend.loop import backend_loop
from genie_nb.events import RunEvent, RunStarted
from tests.backend.test_large_files import CODE


def peak() -> int:
    """The most memory that this process has held, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


async def ticks(stop: threading.Event) -> int:
    """How often the backend's loop comes around until then."""
    count = 0
    while not stop.is_set():
        count += 1
        await asyncio.sleep(0.01)
    return count


def main(path: Path, folder: Path) -> None:
    """Ask, wait, print."""
    model = gn.ScriptedModel([gn.Say(calls=[("code_interpreter", {"code": CODE})]), gn.Say("Done.")])
    genie = gn.Genie(model=model, agent="react", runs_folder=folder, deadline_s=300)
    genie.ask("Warm up.", show=False).result()
    model.replies, model.asked = [], []
    model._left = iter([gn.Say(calls=[("code_interpreter", {"code": CODE})]), gn.Say("Done.")])
    stop, before, began = threading.Event(), peak(), time.monotonic()
    counting = backend_loop().submit(ticks(stop))
    run = genie.ask("How many rows?", files=[path], show=False)
    started: list[float] = []

    async def look() -> list[RunEvent]:
        events = []
        async for event in run.events():
            events.append(event)
            if isinstance(event, RunStarted):
                started.append(time.monotonic() - began)
                stop.set()
        return events

    events = backend_loop().submit(look()).result(300)
    first = next(event for event in events if isinstance(event, RunStarted))
    print(
        json.dumps(
            {
                "grown": peak() - before,
                "started_s": round(started[0], 2),
                "ticks": counting.result(120),
                "about": first.files[0].about,
                "told": sum(len(message.content) for message in model.asked[0]),
                "status": run.status,
                "printed": run.transcript.calls[next(iter(run.transcript.calls))].output,
            }
        )
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
