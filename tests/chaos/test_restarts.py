"""Links that break, readers that stall, and servers that die while a run is at work and come back with the same file.

A round is one run with two readers. `CHAOS_ROUNDS=10000` makes so many; each of them can be had again by its number.
"""

import asyncio
import os
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from genie_nb import events as ev
from genie_nb.backend.channel import Retention
from genie_nb.backend.client import Client
from genie_nb.backend.log.sqlite import SqliteStore
from genie_nb.backend.server import archive
from genie_nb.backend.server.guard import owner_of
from genie_nb.backend.stream_modes import StreamMode
from genie_nb.transcript import Transcript
from tests.asgi_bridge import AsgiBridge
from tests.fakes import collect, fold
from tests.hosting import Fed, Hosting, run_events
from tests.virtual_time import run_virtual

ROUNDS, PARTS = int(os.environ.get("CHAOS_ROUNDS", "60")), 4
ROUND_S = 60
QUERY = "多少？"
CUTS = 12
"""So many links of a reader may break by themselves; the rest are left alone, so that a round ends."""


class Working(Fed):
    """A fed run as a server takes it in."""

    folder = Path()

    def start(self) -> None:
        """Nothing: a test says its events."""

    def warn(self, text: str) -> None:
        raise AssertionError(text)


class World:
    """One run, a file, and the servers that come and go over it."""

    def __init__(self, folder: Path, chance: random.Random) -> None:
        self.folder, self.chance = folder, chance
        self.bridge = AsgiBridge(None)
        self.bridge.room, self.bridge.pause, self.bridge.cut_after = chance.choice((0, 1, 3)), self._pause, self._cut_after
        self.broken = Counter[str]()
        bounds = Retention(max_events=chance.choice((8, 200_000)))
        self.run = Working(retention=bounds, run_id="run1")

    async def _pause(self) -> None:
        if self.chance.random() < 0.02:
            self.broken["stalled readers"] += 1
            await asyncio.sleep(0.05)  # longer than the server's patience
        for _ in range(self.chance.randrange(3)):
            await asyncio.sleep(0)

    def _cut_after(self) -> int | None:
        if self.broken["cuts"] >= CUTS or self.chance.random() < 0.3:
            return None
        self.broken["cuts"] += 1
        return self.chance.randrange(1, 2000)

    async def start(self) -> None:
        self.store = await asyncio.to_thread(SqliteStore, self.folder / "runs.sqlite")
        self.hosting = Hosting(self.folder, store=self.store, heartbeat_s=0.02, stall_s=0.03)
        self.hosting.host.links.abort = self.bridge.abort
        await self.hosting.host.archive.open()
        self.bridge.app = self.hosting.app

    async def begin(self) -> None:
        await self.start()
        await self.hosting.host.archive.begin(lambda: self.run, owner=owner_of("secret"))  # type: ignore[arg-type, return-value]
        while not await asyncio.to_thread(self.store.runs):  # what is in no file is gone with its server
            await asyncio.sleep(0)

    async def stored(self) -> None:
        """Wait until what the run has said is in the file."""
        while len(await asyncio.to_thread(self.store.read, "run1")) < len(self.run.channel):
            await asyncio.sleep(0)

    async def kill(self) -> None:
        """The server dies between two steps: nothing is said to anybody, nothing more is stored."""
        self.broken["kills"] += 1
        storing = tuple(self.hosting.host.archive._storing.values())
        for task in storing:
            task.cancel()
        await self.bridge.lose_server()
        await asyncio.gather(*storing, return_exceptions=True)
        self.hosting.host.wheel.close()
        await asyncio.to_thread(self.store.close)

    async def close(self) -> None:
        """The server closes in good order, after its run has ended."""
        self.broken["closings"] += 1
        await self.hosting.host.drain()
        await self.hosting.host.links.emptied(patience_s=1)
        await self.bridge.lose_server()
        await self.hosting.host.close()

    def client(self) -> Client:
        async def wait(_seconds: float) -> None:
            await asyncio.sleep(0.001)

        self.hosting.bridge = self.bridge
        return self.hosting.client(tries=100_000, sleep=wait)


def talk(chance: random.Random) -> Iterator[ev.RunEvent]:
    """A run of two texts, notes, and a tool's call."""
    yield ev.RunStarted(query=QUERY, agent="react", model="m", badge="b")
    for name in "ab":
        yield ev.TextStarted(message_id=name, channel="answer", assignee="a")
    words = {"a": "", "b": ""}
    for _ in range(chance.randrange(5, 50)):
        name, word = chance.choice("ab"), chance.choice(("wort ", "四十", "\u2028", "🎉", ""))
        words[name] += word
        yield ev.NoteAdded(text=word) if chance.random() < 0.1 else ev.TextDelta(message_id=name, text=word)
    for name, text in words.items():
        yield ev.TextFinished(message_id=name, channel="answer", text=text)
    yield ev.RunFinished(output="done")


async def told(world: World) -> bool:
    """Let the run speak, while the server suffers; whether it came to its end before its server died."""
    chance, kill_at = world.chance, world.chance.choice((None, world.chance.randrange(1, 50)))
    for number, event in enumerate(talk(chance)):
        if number == kill_at:
            if chance.random() < 0.5:
                await world.stored()
            await world.kill()
            return False
        world.run.say(event)
        faults = world.hosting.host.faults
        if chance.random() < 0.05:
            world.broken["silences"] += 1
            faults.stall = True
            await asyncio.sleep(chance.choice((0, 0.06)))  # longer than a reader believes in the link
        faults.stall = False
        for _ in range(chance.randrange(4)):
            await asyncio.sleep(0)
    return True


async def one_round(folder: Path, chance: random.Random) -> Counter[str]:
    world = World(folder, chance)
    await world.begin()
    token = StreamMode(mode="token", token=chance.randrange(1, 6))
    modes = chance.choices((None, token, StreamMode(mode="time", time=0.001)), k=2)
    clients = [world.client() for _ in modes]
    reading = [
        asyncio.create_task(collect(client.events("run1", mode=mode))) for client, mode in zip(clients, modes, strict=True)
    ]
    came_to_its_end = await told(world)
    if came_to_its_end and chance.random() < 0.5:
        await world.close()
        await world.start()
    elif came_to_its_end:
        if chance.random() < 0.5:
            await world.stored()
        await world.kill()
    if world.bridge.app is None:
        await world.start()
    for _ in range(chance.choice((0, 0, 1, 2))):
        for _ in range(chance.randrange(30)):
            await asyncio.sleep(0)
        await world.kill()
        await world.start()
    got = [run_events(events) for events in await asyncio.wait_for(asyncio.gather(*reading), ROUND_S)]
    log = [entry.event for entry in await asyncio.to_thread(world.store.read, "run1")]
    for client in clients:
        await client.close()
    await world.hosting.host.close()
    for events, mode in zip(got, modes, strict=True):
        check(events, await collect(world.run.channel.read()) if world.run.channel.ended else [], log, mode)
    return world.broken


def check(got: list[ev.RunEvent], said: list[ev.RunEvent], log: list[ev.RunEvent], mode: StreamMode | None) -> None:
    """A reader has one whole log: the run's own, or the one that is in the file, and that the run was interrupted."""
    begins = [number for number, event in enumerate(got) if isinstance(event, ev.LogRestarted)]
    seqs = [event.seq for event in got[begins[-1] + 1 if begins else 0 :]]
    assert seqs == sorted(set(seqs)), "doubled, or out of order"
    if mode is None and not begins:
        assert seqs == list(range(1, len(seqs) + 1)), "lost"
    interrupted = isinstance(got[-1], ev.RunFailed) and got[-1].code == "interrupted"
    own = [*log, got[-1]] if interrupted else said
    assert seen(got) == seen(own)
    assert ev.is_terminal(got[-1])


def seen(events: list[ev.RunEvent]) -> Transcript:
    """The fold of events for whoever asked; a text without an end is the same in however many pieces it came."""
    transcript = fold(events)
    transcript.query = transcript.query or QUERY
    for message in transcript.messages.values():
        message.chunks = [message.text]
    return transcript


@pytest.mark.timeout(max(600, 10 * ROUNDS))
@pytest.mark.parametrize("part", range(PARTS))
def test_cuts_stalls_and_restarts_lose_and_double_nothing(
    part: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "GATHER_S", 0)
    broken = Counter[str]()

    async def main() -> None:
        for number in range(part, ROUNDS, PARTS):
            folder = tmp_path / str(number)
            try:
                broken.update(await one_round(folder, random.Random(number)))
            except BaseException as error:
                error.add_note(f"in round {number}")
                raise
            await asyncio.to_thread(_remove, folder)

    run_virtual(main())
    print(ROUNDS // PARTS, "rounds:", dict(broken))
    assert broken["cuts"] > ROUNDS // PARTS
    assert broken["kills"] >= ROUNDS // PARTS // 2


def _remove(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
