"""Our whole server in a process of its own: `python -m benchmarks.peers.served EVENTS ENDED HEARTBEAT_S`.

It serves one run, `run1`, with so many events, ended or not; prints its address, and at a line `held` on its input what it
holds: resident bytes and CPU seconds so far. `say` adds an event, `end` the last.
SIGTERM ends it like `genie-nb serve`.
"""

import json
import resource
import signal
import sys
import threading

import psutil  # type: ignore[import-untyped]

from genie_nb.backend.channel import EventChannel
from genie_nb.backend.log.base import StoredRun
from genie_nb.backend.loop import backend_loop
from genie_nb.backend.run_handle import RunHandle
from genie_nb.backend.runs import Run
from genie_nb.backend.server.guard import owner_of
from genie_nb.backend.server.host import Ask, Host
from genie_nb.backend.server.serving import Server
from genie_nb.backend.settings import Settings
from genie_nb.events import RunFinished, RunStarted, TextDelta, TextStarted

__all__ = ("TOKEN",)

TOKEN = "bench"


def _no_run(ask: Ask) -> Run:
    raise AssertionError("no run is made here")


def _run(events: int, *, ended: bool) -> RunHandle:
    run = RunHandle(EventChannel("run1"), "q")
    run.channel.append(RunStarted(query="q", agent="react", model="m", badge="b"))
    run.channel.append(TextStarted(message_id="m1", channel="answer", assignee="writer"))
    for _ in range(events - 2 - ended):
        run.channel.append(TextDelta(message_id="m1", text="x" * 200))
    if ended:
        run.channel.append(RunFinished(output="x"))
    return run


def main() -> None:
    events, ended, heartbeat_s = int(sys.argv[1]), sys.argv[2] == "1", float(sys.argv[3])
    settings = Settings.load().with_server(token=TOKEN, max_links=5_000, heartbeat_s=heartbeat_s)
    host = Host(_no_run, settings)
    run = _run(events, ended=ended)
    server = Server(host, backend_loop())
    host.archive._keep(run, StoredRun("run1", run.channel.epoch, "", owner_of(TOKEN), 0.0, "", "q"))
    print(server.address, flush=True)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    threading.Thread(target=_answer, args=(host,), daemon=True).start()
    while not stop.wait(0.05):
        continue
    server.close()


def _answer(host: Host) -> None:
    for line in sys.stdin:
        if line.startswith("say"):
            host.archive._kept["run1"].run.channel.append(TextDelta(message_id="m1", text="x" * 200))
            continue
        if line.startswith("end"):
            host.archive._kept["run1"].run.channel.append(RunFinished(output="x"))
            continue
        used = resource.getrusage(resource.RUSAGE_SELF)
        held = {"rss": psutil.Process().memory_info().rss, "cpu_s": used.ru_utime + used.ru_stime}
        print(json.dumps(held | {"behind": host.links.faults.behind()}), flush=True)


if __name__ == "__main__":
    main()
