"""The archive over a file: what is stored, and what a server finds there that comes after one that died."""

import asyncio
from pathlib import Path

import pytest

from genie_nb import events as ev
from genie_nb.backend.channel import Retention
from genie_nb.backend.log.base import StoredRun
from genie_nb.backend.log.sqlite import SqliteStore
from genie_nb.backend.server import archive
from genie_nb.backend.server.guard import owner_of
from genie_nb.events import RunEvent
from tests.fakes import collect, run
from tests.hosting import Fed, Hosting, run_events

BEGUN: list[RunEvent] = [
    ev.RunStarted(query="q", agent="react", model="m", badge="b"),
    ev.NoteAdded(text="one"),
    ev.NoteAdded(text="two"),
]


def kept_by_one_that_died(folder: Path, events: list[RunEvent], stored: int) -> Fed:
    """A run of which so many events came into the file."""
    fed, store = Fed(events), SqliteStore(folder / "runs.sqlite")
    store.create(StoredRun("run1", fed.channel.epoch, "", owner_of("secret"), 1.0, "", "q"))
    store.append("run1", fed.channel.after(0)[:stored])
    store.close()
    return fed


async def reopened(folder: Path) -> Hosting:
    hosting = Hosting(folder, store=await asyncio.to_thread(SqliteStore, folder / "runs.sqlite"))
    await hosting.host.archive.open()
    return hosting


def test_a_reader_that_had_more_than_was_stored_begins_anew_after_any_number_of_restarts(tmp_path: Path) -> None:
    async def main() -> None:
        fed = kept_by_one_that_died(tmp_path, BEGUN, stored=2)
        for _ in range(3):
            hosting = await reopened(tmp_path)
            got = run_events(await collect(hosting.client().events("run1", after=f"run1.{fed.channel.epoch}.3")))
            assert [type(event) for event in got] == [ev.LogRestarted, ev.RunStarted, ev.NoteAdded, ev.RunFailed]
            await hosting.close()

    run(main())


def test_a_reader_of_a_run_that_ended_goes_on_where_it_was_after_a_restart(tmp_path: Path) -> None:
    async def main() -> None:
        fed = kept_by_one_that_died(tmp_path, [*BEGUN, ev.RunFinished(output="done")], stored=4)
        hosting = await reopened(tmp_path)
        got = run_events(await collect(hosting.client().events("run1", after=f"run1.{fed.channel.epoch}.2")))
        assert [event.seq for event in got] == [3, 4]
        await hosting.close()

    run(main())


def test_readers_that_come_at_once_after_a_restart_read_one_log(tmp_path: Path) -> None:
    async def main() -> None:
        kept_by_one_that_died(tmp_path, BEGUN, stored=2)
        hosting = await reopened(tmp_path)
        kept = await asyncio.gather(*(hosting.host.archive.find("run1", owner_of("secret")) for _ in range(5)))
        assert len({id(one) for one in kept}) == 1
        assert isinstance((await collect(kept[0].run.channel.read()))[-1], ev.RunFailed)
        await hosting.close()

    run(main())


def test_a_log_beyond_its_bounds_is_stored_event_by_event(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "GATHER_S", 0)

    class Begun(Fed):
        folder = tmp_path

        def start(self) -> None:
            """Nothing: its events are said by the test."""

    async def main() -> None:
        hosting = await reopened(tmp_path)
        fed = Begun(retention=Retention(max_events=4))
        await hosting.host.archive.begin(lambda: fed)  # type: ignore[arg-type, return-value]
        fed.say(*BEGUN, *(ev.NoteAdded(text=str(number)) for number in range(20)))
        assert fed.channel.dropped == 0
        while fed.channel.stored != len(fed.channel):
            await asyncio.sleep(0)
        fed.say(ev.NoteAdded(text="one more"))
        assert fed.channel.dropped
        fed.say(ev.RunFinished(output="done"))
        await hosting.close()
        stored = await asyncio.to_thread(SqliteStore, tmp_path / "runs.sqlite")
        assert [entry.seq for entry in stored.read("run1")] == list(range(1, len(fed.channel) + 1))
        stored.close()

    run(main())
