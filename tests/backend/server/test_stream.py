"""One stream and the wheel that visits it, with a server of the test's own and a clock that it turns."""

import asyncio
from collections.abc import Callable, MutableMapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest

from genie_nb import events as ev
from genie_nb.backend.channel import EventChannel
from genie_nb.backend.server import wheel as wheels
from genie_nb.backend.server.metrics import Metrics
from genie_nb.backend.server.stream import SEND_BYTES, EventStream, HandOver, LinkLimits, Links, StreamAnswer
from genie_nb.backend.server.wheel import HeartbeatWheel
from genie_nb.backend.wire.native import NativeCoat
from tests.fakes import run
from tests.hosting import Fed, Hosting

Message = MutableMapping[str, Any]
HEARTBEAT = b": hb\n"


class FakeServer:
    """What lies under a stream: takes messages, or lets the sender wait; `now` is the wheel's clock."""

    def __init__(self, *, fails: type[OSError] | None = None, now: float = 0.0, **limits: float) -> None:
        self.now = now
        self.bodies: list[bytes] = []
        self.full, self.fails, self.waiting, self.aborted = False, fails, 0, 0
        self._took, self._left = asyncio.Event(), asyncio.Event()
        self.channel = EventChannel("run1")
        self.links = Links(HeartbeatWheel(lambda: self.now), Metrics())
        self.links.abort = self._abort
        bounds = LinkLimits(**{"heartbeat_s": 10, "deadline_s": 3600, "stall_s": 30, **limits})
        self.closed = 0
        self.stream = EventStream(
            self.channel.cursor(), NativeCoat(self.channel), self.links, limits=bounds, on_close=self._count_close
        )
        self._serving: asyncio.Task[None] | None = None

    def _count_close(self) -> None:
        self.closed += 1

    def _abort(self, scope: object) -> bool:
        self.aborted += 1
        self.take_again()
        self._left.set()
        return self.aborted == 1

    async def receive(self) -> Message:
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if self.fails and self.bodies:
            raise self.fails
        while self.full:
            self.waiting += 1
            await self._took.wait()
        self.bodies.append(message.get("body", b""))

    def take_again(self) -> None:
        self.full = False
        self._took.set()

    async def serve(self, method: str = "GET") -> None:
        scope = {"type": "http", "method": method}
        self._serving = asyncio.create_task(HandOver(StreamAnswer(self.stream))(scope, self.receive, self.send))
        await self.settle()

    async def settle(self) -> None:
        for _ in range(10):
            await asyncio.sleep(0)

    def visit(self, now: float) -> float | None:
        self.now = now
        return self.stream.visit(now)

    async def end(self) -> None:
        self._left.set()
        self.links.wheel.close()
        assert self._serving is not None
        await self._serving

    def counted(self, name: str) -> float:
        value = self.links.metrics.registry.get_sample_value(f"genie_{name}", {"dialect": "native"})
        return value or 0.0


def test_a_stream_that_rests_gets_its_heartbeat_in_the_wheels_turn() -> None:
    async def main() -> None:
        server = FakeServer()
        await server.serve()
        assert server.visit(9.9) == 10.0
        assert server.bodies == [b""]
        assert server.visit(10.0) == 20.0
        assert server.bodies == [b"", HEARTBEAT]  # nothing else has run yet
        await server.settle()
        assert server.bodies == [b"", HEARTBEAT]
        server.stream.count()
        assert server.counted("heartbeats_total") == 1
        assert server.counted("sent_bytes_total") == len(HEARTBEAT)
        await server.end()
        assert server.closed == 1

    run(main())


def test_a_stream_that_has_sent_is_only_put_back() -> None:
    async def main() -> None:
        server = FakeServer()
        await server.serve()
        server.now = 6.0
        server.channel.append(ev.NoteAdded(text="n"))
        await server.settle()
        assert server.visit(10.0) == 16.0
        assert HEARTBEAT not in server.bodies
        await server.end()

    run(main())


def test_a_heartbeat_that_must_wait_for_its_reader_waits_with_the_stream_and_goes_out_once() -> None:
    async def main() -> None:
        server = FakeServer()
        await server.serve()
        server.full = True
        server.visit(10.0)
        await server.settle()
        assert server.stream.stalled
        assert server.visit(20.0) == 40.0
        server.channel.append(ev.NoteAdded(text="n"))
        server.take_again()
        await server.settle()
        assert not server.stream.stalled
        assert [body.partition(b"\n")[0] for body in server.bodies] == [b"", b": hb", b"retry: 1000"]
        await server.end()

    run(main())


def test_a_reader_that_takes_not_even_a_heartbeat_is_cut_when_patience_ends() -> None:
    async def main() -> None:
        server = FakeServer()
        await server.serve()
        server.full = True
        server.visit(10.0)
        await server.settle()
        assert server.visit(39.9) == 40.0
        assert server.visit(40.0) is None
        await server.end()
        assert (server.aborted, server.closed, server.links.open) == (1, 1, set())
        assert server.links.metrics.registry.get_sample_value("genie_evicted_links_total") == 1

    run(main())


@pytest.mark.parametrize("limit", ["deadline_s", "stall_s"])
def test_a_limit_is_over_at_the_very_time_that_was_named_for_it(limit: str) -> None:
    """1000.05 - 1000 is less than 0.05: whoever looked again at once would look for ever."""

    async def main() -> None:
        server = FakeServer(now=1000.0, **{limit: 0.05})
        await server.serve()
        server.full = limit == "stall_s"
        server.channel.append(ev.NoteAdded(text="n"))
        await server.settle()
        again = server.visit(1000.0 + 0.05)
        assert again is None or again > 1000.05
        server.take_again()
        await server.settle()
        assert (server.aborted, server.closed) == ((1, 1) if limit == "stall_s" else (0, 1))
        await server.end()

    run(main())


def test_a_reader_that_was_cut_already_is_not_counted_again() -> None:
    """The connection, which watches over its reader too, cut it just before."""

    async def main() -> None:
        server = FakeServer()
        await server.serve()
        server.full = True
        server.visit(10.0)
        await server.settle()
        server.links.abort(server.stream.scope)
        assert server.visit(40.0) is None
        await server.end()
        assert (server.aborted, server.closed) == (2, 1)
        assert server.links.metrics.registry.get_sample_value("genie_evicted_links_total") == 0

    run(main())


@pytest.mark.parametrize(("events", "size"), [(64, 2**15), (1, 2**21)], ids=["many-events", "one-large-event"])
def test_the_pieces_of_a_long_drain_let_others_run_in_between(events: int, size: int) -> None:
    """The server takes each piece at once, so nothing else would let the loop go on."""

    async def main() -> None:
        server, turns = FakeServer(), list[int]()
        for _ in range(events):
            server.channel.append(ev.NoteAdded(text="x" * size))

        async def other() -> None:
            while True:
                turns.append(len(server.bodies))
                await asyncio.sleep(0)

        others = asyncio.create_task(other())
        await server.serve()
        while sum(map(len, server.bodies)) < 2**21:
            await asyncio.sleep(0)
        others.cancel()
        await server.end()
        ahead = [after - before for before, after in pairwise(turns)]
        assert max(ahead) <= 2, "pieces that went out without a turn of somebody else"
        assert max(map(len, server.bodies)) <= SEND_BYTES

    run(main())


def test_a_fault_that_holds_sends_up_holds_heartbeats_too() -> None:
    async def main() -> None:
        server = FakeServer()
        await server.serve()
        server.links.faults.stall = True
        server.visit(10.0)
        await server.settle()
        assert server.bodies == [b""]
        server.links.faults.lift()
        await server.settle()
        assert server.bodies == [b"", HEARTBEAT]
        await server.end()

    run(main())


def test_a_server_that_raises_for_a_reader_who_left_does_not_stop_the_wheel() -> None:
    async def main() -> None:
        server = FakeServer(fails=BrokenPipeError)
        await server.serve()
        assert server.visit(10.0) == 20.0
        with pytest.raises(BrokenPipeError):
            await server.end()
        assert (server.closed, server.links.open) == (1, set())
        assert server.visit(20.0) is None

    run(main())


def test_a_request_for_the_head_alone_leaves_nothing_counted(tmp_path: Path) -> None:
    async def main() -> None:
        server = FakeServer()
        await server.serve("HEAD")
        assert (server.bodies, server.closed, server.links.open) == ([b"", b""], 1, set())
        hosting = Hosting(tmp_path)
        kept = hosting.keep(Fed([ev.NoteAdded(text="n")]))
        async with httpx.AsyncClient(transport=hosting.bridge, base_url="http://127.0.0.1") as http:
            answer = await http.head("/v1/runs/run1/events", headers={"authorization": "Bearer secret"})
        assert (answer.status_code, kept.listeners) == (200, 0)
        await hosting.close()

    run(main())


class Noted:
    """Something on the wheel: notes its visits, and says when to come again."""

    def __init__(self, name: str, visits: list[str], *again: float | None, fails: bool = False) -> None:
        self._name, self._visits, self._again, self._fails = name, visits, list(again), fails
        self.turn = 0.0

    def visit(self, now: float) -> float | None:
        self._visits.append(self._name)
        self.turn = now
        if self._fails:
            raise ValueError(self._name)
        return now + again if (again := self._again.pop(0) if self._again else None) is not None else None


async def turned(wheel: HeartbeatWheel, done: Callable[[], bool]) -> None:
    async with asyncio.timeout(120):
        while not done():
            await asyncio.sleep(0.001)
    wheel.close()


def test_the_wheel_visits_in_the_order_of_times_and_comes_again_as_long_as_it_is_told() -> None:
    async def main() -> None:
        wheel, visits = HeartbeatWheel(), list[str]()
        now = wheel.clock()
        wheel.add(Noted("b", visits, 0.03, None), now + 0.002)
        wheel.add(Noted("a", visits), now + 0.001)
        wheel.add(Noted("c", visits), now + 0.003)
        await turned(wheel, lambda: len(visits) == 4)
        assert visits == ["a", "b", "c", "b"]

    run(main())


def test_what_is_due_at_about_the_same_time_is_visited_in_one_turn() -> None:
    async def main() -> None:
        wheel, visits = HeartbeatWheel(), list[str]()
        now = wheel.clock()
        many = [Noted(str(number), visits) for number in range(100)]
        for number, one in enumerate(many):
            wheel.add(one, now + wheels.GATHER_S * number / 100)
        await turned(wheel, lambda: len(visits) == 100)
        assert visits == list(map(str, range(100)))
        assert len({one.turn for one in many}) <= 2

    run(main())


def test_a_visit_that_fails_is_reported_and_the_others_are_made() -> None:
    async def main() -> None:
        reported: list[str] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(str(context["exception"])))
        wheel, visits = HeartbeatWheel(), list[str]()
        now = wheel.clock()
        wheel.add(Noted("broken", visits, fails=True), now)
        wheel.add(Noted("well", visits), now)
        await turned(wheel, lambda: len(visits) == 2)
        assert (visits, reported) == (["broken", "well"], ["broken"])

    run(main())
