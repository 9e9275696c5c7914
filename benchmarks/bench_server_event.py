"""What one paced event costs a server, from the log to the socket: ours beside raw ASGI, sse-starlette and FastAPI's own.

One reader, one event each millisecond. Ours has ids, heartbeats, metrics and a log; raw ASGI has nothing but a queue. The
streams are `EventStream` and its peers under uvicorn with httptools, in a process of their own.
"""

from benchmarks.peers.readers import cpu_us_per_delivered
from benchmarks.report import report

__all__ = ("main",)


def main() -> None:
    used = {
        make: cpu_us_per_delivered(make, readers=1, bursts=2_000, burst=1, pause_s=0.001)
        for make in ("raw", "ours", "sse_starlette", "fastapi")
    }
    rows = [{"server": make, "CPU µs an event": us, "× raw ASGI": us / used["raw"]} for make, us in used.items()]
    report("server_event", "CPU for one paced event of 369 bytes; the target for ours is at most 1.5 × raw ASGI", rows)


if __name__ == "__main__":
    main()
