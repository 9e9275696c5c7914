"""What a client pays to parse a stream: our decoder beside httpx-sse's and the openai SDK's, on the same bytes.

5,000 events of the native dialect in pieces of 4 KiB, as they come from a socket; decoding to frames only.
"""

import statistics
import time
from collections.abc import Callable

import httpx
import httpx_sse
from openai._streaming import SSEDecoder

from benchmarks.report import report
from genie_nb.backend.channel import EventChannel
from genie_nb.backend.wire.frames import FrameDecoder
from genie_nb.backend.wire.native import NativeCoat
from genie_nb.events import TextDelta, TextStarted

__all__ = ("main",)

EVENTS, PIECE = 5_000, 4_096


def stream() -> list[bytes]:
    channel = EventChannel("f" * 32)
    channel.append(TextStarted(message_id="m1", channel="answer", assignee="writer"))
    for _ in range(EVENTS - 1):
        channel.append(TextDelta(message_id="m1", text="x" * 220))
    coat = NativeCoat(channel)
    body = b"".join(coat.write([entry]) for entry in channel.after(0))
    return [body[at : at + PIECE] for at in range(0, len(body), PIECE)]


def ours(pieces: list[bytes]) -> int:
    decoder = FrameDecoder()
    return sum(len(decoder.feed(piece)) for piece in pieces)


class _Pieces(httpx.SyncByteStream):
    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = pieces

    def __iter__(self):  # noqa: ANN204
        return iter(self._pieces)


def by_httpx_sse(pieces: list[bytes]) -> int:
    answer = httpx.Response(200, headers={"content-type": "text/event-stream"}, stream=_Pieces(pieces))
    return sum(1 for _ in httpx_sse.EventSource(answer).iter_sse())


def by_openai(pieces: list[bytes]) -> int:
    return sum(1 for _ in SSEDecoder().iter_bytes(iter(pieces)))


def us_per_event(read: Callable[[list[bytes]], int], pieces: list[bytes]) -> float:
    took = []
    for _ in range(5):
        before = time.process_time()
        assert read(pieces) == EVENTS
        took.append((time.process_time() - before) / EVENTS * 1e6)
    return statistics.median(took)


def main() -> None:
    pieces = stream()
    used = {"genie_nb": ours, "httpx-sse": by_httpx_sse, "openai SDK": by_openai}
    costs = {name: us_per_event(read, pieces) for name, read in used.items()}
    rows = [{"decoder": name, "µs an event": us, "× httpx-sse": us / costs["httpx-sse"]} for name, us in costs.items()]
    report("parse", "CPU to parse one event; the target for ours is at most 0.55 × httpx-sse", rows)


if __name__ == "__main__":
    main()
