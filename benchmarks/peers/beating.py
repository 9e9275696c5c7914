"""A server that is as busy as can be and has silent streams: `python -m benchmarks.peers.beating MAKE HEARTBEAT_S`.

`ours`: the whole server in a process whose main thread computes, as a notebook's cell does. Every worker thread of its loop
is taken, a run's interpreter computes, and the model of another run streams. `busy_loop`: heartbeats of sse-starlette at a
fixed rate, where the agent's code runs on the loop itself for two seconds and a half at a time (# T1).

Prints the address of a silent stream; SIGTERM ends it.
"""

import asyncio
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import uvicorn
from sse_starlette import EventSourceResponse

import genie_nb as gn
from genie_nb import events as ev
from genie_nb.backend.loop import backend_loop

__all__ = ("MAKES",)

WORKERS = 64
"""More than an executor has threads on any machine of up to sixty processors; the rest wait in its queue."""
HELD_S = 2.5
CODE = "while True: sum(range(10_000))"


def ours(heartbeat_s: float, stop: threading.Event) -> None:
    """Serve, and compute on the main thread until the end."""

    def script(messages: Any, tools: Any) -> gn.Say:
        if "talk" in str(messages):
            return gn.Say(["word "] * 100_000, pace_s=0.02)
        return gn.Say("", calls=[("code_interpreter", {"code": CODE})])

    with tempfile.TemporaryDirectory() as folder:
        settings = {"agent": "react", "runs_folder": folder, "code_timeout_s": 600}
        with (
            gn.serve(model=gn.ScriptedModel(script), settings=settings, heartbeat_s=heartbeat_s) as server,
            gn.connect(server.url) as genie,
        ):
            computing, talking = genie.ask("compute", show=False), genie.ask("talk", show=False)
            asyncio.run(_until(computing, ev.ToolStarted))
            asyncio.run(_until(talking, ev.TextDelta))
            backend_loop().call(_take_every_worker, stop)
            print(f"{server.address}/v1/runs/{computing.run_id}/events?token={server.host.token}", flush=True)
            while not stop.is_set():
                sum(range(10_000))
            computing.cancel()
            talking.cancel()


async def _until(run: Any, kind: type) -> None:
    async for event in run.events():
        if isinstance(event, kind):
            return


def _take_every_worker(stop: threading.Event) -> None:
    for _ in range(WORKERS):
        asyncio.get_running_loop().run_in_executor(None, stop.wait)


def busy_loop(heartbeat_s: float, stop: threading.Event) -> None:
    """Serve from a loop that the agent's code takes for itself."""
    working: set[asyncio.Task[None]] = set()

    async def work() -> None:
        while not stop.is_set():
            until = time.monotonic() + HELD_S
            while time.monotonic() < until and not stop.is_set():
                sum(range(10_000))
            await asyncio.sleep(0.1)

    async def nothing_to_say() -> AsyncIterator[dict[str, str]]:
        if not working:
            working.add(asyncio.create_task(work()))
        await asyncio.Event().wait()
        yield {}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await EventSourceResponse(nothing_to_say(), ping=heartbeat_s)(scope, receive, send)

    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, http="httptools", ws="none", lifespan="off", log_config=None, access_log=False)
    config.timeout_graceful_shutdown = 1
    print(f"http://127.0.0.1:{listening.getsockname()[1]}/", flush=True)
    uvicorn.Server(config).run([listening])


MAKES: dict[str, Callable[[float, threading.Event], None]] = {"ours": ours, "busy_loop": busy_loop}


def main() -> None:
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    MAKES[sys.argv[1]](float(sys.argv[2]), stop)


if __name__ == "__main__":
    main()
