"""Streams whose pieces come from elsewhere: counted, visited by the wheel, cut when their reader takes nothing."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from genie_nb.backend.server.metrics import Metrics
from genie_nb.backend.server.passing import PassedOn
from genie_nb.backend.server.stream import LinkLimits, Links
from genie_nb.backend.server.wheel import HeartbeatWheel
from tests.fakes import run


@pytest.mark.parametrize("cut_before", [False, True])
def test_a_reader_that_takes_nothing_is_cut_when_patience_ends_and_everything_is_closed(cut_before: bool) -> None:
    """It is counted, if it was not cut, and counted, before."""

    async def main() -> None:
        now, left, sent, closed = [0.0], asyncio.Event(), asyncio.Event(), []
        links = Links(HeartbeatWheel(lambda: now[0]), Metrics())

        def abort(scope: object) -> bool:
            left.set()
            return not cut_before

        links.abort = abort

        async def pieces() -> AsyncGenerator[bytes, None]:
            try:
                yield b"data:1\n\n"
            finally:
                closed.append(True)

        async def receive() -> dict[str, Any]:
            await left.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            if message.get("body"):
                sent.set()
                await left.wait()

        limits = LinkLimits(heartbeat_s=10, deadline_s=3600, stall_s=30)
        stream = PassedOn(pieces(), links, limits=limits, last_words=lambda reason: b"")
        answering = asyncio.create_task(stream({"type": "http"}, receive, send))
        await sent.wait()
        assert links.open == {stream}
        assert stream.stalled
        now[0] = 29.0
        assert stream.visit(29.0) == 30.0
        assert not left.is_set()
        assert stream.visit(30.0) is None
        assert left.is_set()
        await answering
        assert (links.open, closed, stream.visit(31.0)) == (set(), [True], None)
        assert links.metrics.registry.get_sample_value("genie_evicted_links_total") == (0 if cut_before else 1)
        links.wheel.close()

    run(main())
