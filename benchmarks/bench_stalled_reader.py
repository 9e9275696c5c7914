"""A reader that takes nothing: how many events the system's buffers hide, and what its neighbour and the producer notice."""

import asyncio
import socket
import time

from benchmarks.peers.links import open_link, served
from benchmarks.report import report

__all__ = ("main",)

EVENTS = 6_000


async def measure() -> tuple[float, float]:
    """Events that were sent to the stalled reader though it took none, and seconds until its neighbour had all."""
    async with served(3, ended=False) as server:
        stalled, writer = await open_link(server.port)
        raw: socket.socket = writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        await stalled.readuntil(b"m1")
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        neighbour, other = await open_link(server.port)
        began = time.monotonic()
        for sent in range(EVENTS):
            server.tell("say")
            if sent % 20 == 0:
                await asyncio.sleep(0.001)
        server.tell("end")
        await neighbour.readuntil(b"event: run_finished")
        took_s = time.monotonic() - began
        behind = (await server.held())["behind"]
        writer.close()
        other.close()
    return EVENTS - behind, took_s


def main() -> None:
    hidden, took_s = asyncio.run(measure())
    rows = [{"events hidden by the system": hidden, "target": 900.0, "neighbour had all after s": took_s}]
    report("stalled_reader", f"{EVENTS} events while one of two readers takes nothing", rows)


if __name__ == "__main__":
    main()
