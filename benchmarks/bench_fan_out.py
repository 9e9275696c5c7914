"""What it costs to deliver one run to 500 readers, in bursts: log and cursors beside a queue for each reader.

`EventStream` and its peers under uvicorn with httptools, in a process of their own.
"""

from benchmarks.peers.readers import cpu_us_per_delivered
from benchmarks.report import report

__all__ = ("main",)

READERS, BURSTS, BURST = 500, 10, 50


def main() -> None:
    used = {
        make: cpu_us_per_delivered(
            make, readers=READERS, bursts=BURSTS, burst=BURST, pause_s=0.1, rounds=1 + (make == "ours")
        )
        for make in ("ours", "raw", "sse_starlette", "fastapi")
    }
    rows = [{"server": make, "CPU µs a delivered event": us, "ours is 1 /": us / used["ours"]} for make, us in used.items()]
    report("fan_out", f"Bursts of {BURST} events to {READERS} readers; the target is 1/15 of sse-starlette", rows)


if __name__ == "__main__":
    main()
