"""Links that break: at every byte, at random, with stalls and restarts. Nothing is lost, nothing doubled."""

import asyncio
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from genie_nb.backend.channel import Retention
from genie_nb.backend.client import Client
from genie_nb.backend.stream_modes import StreamMode
from genie_nb.events import Event, LinkLost, LogRestarted, NoteAdded, RunEvent, RunFinished, TextDelta, ToolArguments
from tests.fakes import collect, fold
from tests.hosting import Fed, Hosting, run_events
from tests.virtual_time import run_virtual
from tests.widgets.sample_runs import sample_run


async def followed(client: Client, mode: StreamMode | None = None) -> list[Event]:
    async with asyncio.timeout(120):
        return await collect(client.events("run1", mode=mode))


def recorded() -> list[RunEvent]:
    short = [event for event in sample_run() if not isinstance(event, ToolArguments)]
    return short if len(short) < 60 else [*short[:40], RunFinished(output="done")]


def small_run() -> list[RunEvent]:
    from genie_nb import events as ev

    return [
        ev.RunStarted(query="多少？", agent="react", model="m", badge="b"),
        ev.TextStarted(message_id="m1", channel="answer", assignee="a"),
        *(ev.TextDelta(message_id="m1", text=text) for text in ("四十", "-", "\u2028", "two 🎉", "")),
        NoteAdded(text="n\r\n\ny"),
        ev.TextFinished(message_id="m1", channel="answer", text="四十-\u2028two 🎉"),
        RunFinished(output="四十-\u2028two 🎉"),
    ]


@pytest.mark.parametrize("mode", [None, StreamMode(mode="token", token=2)], ids=["general", "token"])
def test_a_link_that_is_cut_at_any_byte_ends_with_exactly_the_events_of_an_unbroken_run(
    mode: StreamMode | None, tmp_path: Path
) -> None:
    async def main() -> None:
        hosting = Hosting(tmp_path)
        hosting.keep(Fed(small_run()))
        whole = run_events(await followed(hosting.client(), mode))
        size = await _size(hosting)
        assert size > 1000
        for cut in range(size + 1):
            cuts = iter([cut])
            hosting.bridge.cut_after = lambda cuts=cuts: next(cuts, None)
            got = await followed(hosting.client(), mode)
            assert run_events(got) == whole, f"cut at byte {cut}"
        await hosting.close()

    async def _size(hosting: Hosting) -> int:
        seen = 0

        def count(piece: bytes) -> None:
            nonlocal seen
            seen += len(piece)

        client = hosting.client()
        client._on_bytes = count
        await followed(client, mode)
        return seen

    run_virtual(main())


def test_a_link_that_is_cut_twice_in_every_frame_still_comes_to_the_end(tmp_path: Path) -> None:
    async def main() -> None:
        hosting = Hosting(tmp_path)
        hosting.keep(Fed(small_run()))
        whole = run_events(await followed(hosting.client()))
        cuts: Iterator[int] = iter(range(200, 10_000, 7))
        hosting.bridge.cut_after = lambda: next(cuts)
        got = await followed(hosting.client(tries=50))
        assert run_events(got) == whole
        assert sum(isinstance(event, LinkLost) for event in got) > 3
        await hosting.close()

    run_virtual(main())


ROUNDS, LINKS = 250, 40


@pytest.mark.parametrize("seed", range(4))
def test_ten_thousand_random_cuts_and_slow_readers_lose_and_double_nothing(seed: int, tmp_path: Path) -> None:
    """Each round is a run that is written while it is read over links that break at random: 4 × 250 × at least 10 cuts."""
    chance = random.Random(seed)
    cut = 0

    async def one_round(hosting: Hosting, number: int) -> None:
        nonlocal cut
        retention = Retention(max_events=chance.choice((8, 200_000)))
        fed = Fed(retention=retention, run_id=f"run{number}")
        hosting.keep(fed)
        budget = iter(range(LINKS))

        def cut_after() -> int | None:
            nonlocal cut
            if next(budget, None) is None:
                return None
            cut += 1
            return chance.randrange(1, 700)

        hosting.bridge.cut_after = cut_after
        token = StreamMode(mode="token", token=chance.randrange(1, 6))
        mode = chance.choice((None, token, StreamMode(mode="time", time=0.001)))
        client = hosting.client(tries=LINKS + 5)
        reading = asyncio.create_task(collect(client.events(fed.run_id, mode=mode)))
        for event in small_run() if chance.random() < 0.5 else _talk(chance):
            fed.say(event)
            for _ in range(chance.randrange(4)):
                await asyncio.sleep(0)
        got = run_events(await asyncio.wait_for(reading, 60))
        last = max((n for n, event in enumerate(got) if isinstance(event, LogRestarted)), default=-1)
        seqs = [event.seq for event in got[last + 1 :]]
        assert seqs == sorted(set(seqs)), "doubled, or out of order"
        assert fold(got) == fold(await collect(fed.channel.read()))
        await client.close()

    async def main() -> None:
        hosting = Hosting(tmp_path)
        for number in range(ROUNDS):
            await one_round(hosting, number)
        await hosting.close()

    run_virtual(main())
    assert cut >= 2_500


def _talk(chance: random.Random) -> Iterator[RunEvent]:
    from genie_nb import events as ev

    yield ev.RunStarted(query="q", agent="react", model="m", badge="b")
    for name in "ab":
        yield ev.TextStarted(message_id=name, channel="answer", assignee="a")
    words = {"a": "", "b": ""}
    for _ in range(30):
        name = chance.choice("ab")
        words[name] += "wort "
        yield TextDelta(message_id=name, text="wort ")
    for name, text in words.items():
        yield ev.TextFinished(message_id=name, channel="answer", text=text)
    yield RunFinished(output="done")


def test_the_recorded_run_of_the_views_comes_through_whole(tmp_path: Path) -> None:
    async def main() -> None:
        hosting = Hosting(tmp_path)
        fed = Fed(sample_run())
        hosting.keep(fed)
        got = run_events(await followed(hosting.client()))
        assert got == [event async for event in fed.channel.read()]
        await hosting.close()

    run_virtual(main())
