"""The archive: what is kept of runs, for how long, and what becomes of a store that is damaged."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

import genie_nb as gn
from genie_nb import events as ev
from genie_nb.backend.log.base import StoredRun
from genie_nb.backend.log.entry import Entry
from genie_nb.backend.log.sqlite import SqliteStore
from genie_nb.backend.server.archive import Archive, Kept
from genie_nb.backend.server.host import Ask
from genie_nb.errors import RequestConflict, RequestError, SettingsError
from tests.fakes import run
from tests.hosting import Fed, Hosting

END = ev.RunFinished(output="done")
BEGIN = ev.RunStarted(query="How many?", agent="react", model="m", badge="")


class Made(Fed):
    """A run that is begun like one of ours, and says what a test says."""

    folder = Path("nowhere")

    def start(self) -> None:
        self.say(BEGIN)

    def warn(self, text: str) -> None:
        raise AssertionError(text)


def archived(test: Callable[[Archive, SqliteStore], Awaitable[None]], folder: Path, **server: Any) -> None:
    async def main() -> None:
        store = SqliteStore(folder / "runs.sqlite")
        hosting = Hosting(folder, store=store, **server)
        await hosting.host.archive.open()
        await test(hosting.host.archive, store)
        await hosting.close()

    run(main())


async def begun(archive: Archive, run_id: str, *, asked: str = "q", **named: str) -> Kept:
    kept, _ = await archive.begin(lambda: Made(run_id=run_id), request_id=run_id, asked=asked, **named)  # type: ignore[arg-type,return-value]
    return kept


async def settled(archive: Archive) -> None:
    while archive._storing or archive._deleting:
        await asyncio.gather(*archive._storing.values(), *archive._deleting)
        await asyncio.sleep(0)


def test_a_run_that_is_forgotten_leaves_nothing_in_memory_or_in_the_store(tmp_path: Path) -> None:
    async def test(archive: Archive, store: SqliteStore) -> None:
        for number in range(5):
            (await begun(archive, f"r{number}")).run.say(END)
            await settled(archive)
        assert [stored.run_id for stored in store.runs()] == ["r4", "r3", "r2"]
        with pytest.raises(RequestError):
            await archive.find("r0")
        await settled(archive)
        assert [stored.run_id for stored in store.runs()] == ["r4", "r3"]
        assert set(archive._kept) == {"r3", "r4"}
        assert set(archive._requests.values()) == {"r3", "r4"}
        assert store.read("r0") == []

    archived(test, tmp_path, keep_runs=2)


def test_a_run_that_ended_long_ago_is_forgotten_but_not_one_that_somebody_reads(tmp_path: Path) -> None:
    async def test(archive: Archive, store: SqliteStore) -> None:
        old, read = await begun(archive, "old"), await begun(archive, "read")
        leave = archive.listens(read)
        for kept in (old, read):
            kept.run.say(END)
            kept.ended_at -= 700
        assert await archive.find("read")
        await settled(archive)
        assert [stored.run_id for stored in store.runs()] == ["read"]
        leave()
        with pytest.raises(RequestError):
            await archive.find("read")
        await settled(archive)
        assert store.runs() == []

    archived(test, tmp_path, keep_s=600)


def test_what_a_store_holds_at_the_start_is_bounded_too(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "runs.sqlite")
    for number in range(5):
        store.create(StoredRun(f"r{number}", "e", "", "", float(number), "", "?"))
    store.close()

    async def test(archive: Archive, store: SqliteStore) -> None:
        await settled(archive)
        assert [stored.run_id for stored in store.runs()] == ["r4", "r3"]
        assert archive._requests == {}

    archived(test, tmp_path, keep_runs=2)


def test_a_request_id_stands_for_one_question_also_after_a_restart(tmp_path: Path) -> None:
    async def first(archive: Archive, store: SqliteStore) -> None:
        (await begun(archive, "r", asked="one")).run.say(END)

    async def then(archive: Archive, store: SqliteStore) -> None:
        again, new = await archive.begin(lambda: pytest.fail("a new run"), request_id="r", asked="one")
        assert (again.run.run_id, new) == ("r", False)
        with pytest.raises(RequestConflict, match="'r' belongs to another question"):
            await archive.begin(lambda: pytest.fail("a new run"), request_id="r", asked="two")

    archived(first, tmp_path)
    archived(then, tmp_path)


def test_the_list_of_runs_holds_those_of_an_earlier_process_too(tmp_path: Path) -> None:
    async def first(archive: Archive, store: SqliteStore) -> None:
        for name in ("a", "b"):
            (await begun(archive, name)).run.say(END)
            await settled(archive)

    async def then(archive: Archive, store: SqliteStore) -> None:
        await begun(archive, "c")
        assert [(kept.run.run_id, kept.run.status) for kept in await archive.every("")] == [
            ("c", "pending"),
            ("b", "finished"),
            ("a", "finished"),
        ]
        assert await archive.every("somebody else") == []

    archived(first, tmp_path)
    archived(then, tmp_path)


@pytest.mark.parametrize(
    "other", [Ask("!"), Ask("?", session_id="s"), Ask("?", options={"agent": "react"}), Ask("?", (Path("id/a.csv"),))]
)
def test_another_question_is_one_with_other_words_another_agent_or_other_files(other: Ask) -> None:
    assert Ask("?", options={"agent": None, "deadline_s": 5.0}).digest() == Ask("?").digest()
    assert other.digest() != Ask("?").digest()


UNKNOWN_CALL = ev.ToolFinished(call_id="c9", status="ok", output="", seconds=0.0)
DAMAGED = {
    "an event that does not fold": ([BEGIN, UNKNOWN_CALL, END], [1, 2, 3], 2),
    "an event is missing": ([BEGIN, END], [1, 3], 2),
    "the first is missing": ([END], [2], 1),
}


@pytest.mark.parametrize(("events", "numbers", "bad"), DAMAGED.values(), ids=DAMAGED)
def test_a_run_that_is_damaged_is_read_up_to_there_and_says_so(
    events: list[Any], numbers: list[int], bad: int, tmp_path: Path
) -> None:
    store = SqliteStore(tmp_path / "runs.sqlite")
    store.create(StoredRun("r", "e", "", "", 1.0, "", "How many?"))
    entries = zip(events, numbers, strict=True)
    store.append("r", [Entry(type(event)(**_fields(event) | {"seq": seq, "run_id": "r"})) for event, seq in entries])
    store.close()

    async def test(archive: Archive, store: SqliteStore) -> None:
        found = (await archive.find("r")).run
        assert (found.status, found.transcript.error_code) == ("failed", "interrupted")
        assert f"damaged from event {bad} on" in found.transcript.error
        assert [entry.seq for entry in found.channel.after(0)] == list(range(1, bad + 1))
        assert found.channel.epoch != "e"

    archived(test, tmp_path)


def _fields(event: Any) -> dict[str, Any]:
    return {name: getattr(event, name) for name in event.__struct_fields__}


def test_an_interrupted_run_is_told_in_a_log_of_its_own_each_time(tmp_path: Path) -> None:
    """A reader may have seen an event that was never stored: its number must not mean the sentence that is told now."""
    store = SqliteStore(tmp_path / "runs.sqlite")
    store.create(StoredRun("r", "e", "", "", 1.0, "", "How many?"))
    store.append("r", [Entry(ev.RunStarted(query="?", agent="react", model="m", badge="", seq=1, run_id="r", at=5.0))])
    store.close()
    epochs = []

    async def test(archive: Archive, store: SqliteStore) -> None:
        found = (await archive.find("r")).run
        assert found.transcript.error_code == "interrupted"
        assert found.seconds == 0.0
        epochs.append(found.channel.epoch)

    archived(test, tmp_path)
    archived(test, tmp_path)
    assert len({"e", *epochs}) == 3


def test_a_file_of_runs_that_is_damaged_is_one_sentence_at_the_start(tmp_path: Path) -> None:
    path = tmp_path / "runs.sqlite"
    store = SqliteStore(path)
    for number in range(200):
        store.create(StoredRun(f"r{number}", "e", "", "", 1.0, "x" * 200, "?"))
    store.close()
    content = bytearray(path.read_bytes())
    content[5 * 4096 :] = b"\xff" * (len(content) - 5 * 4096)
    path.write_bytes(content)
    with pytest.raises(SettingsError, match=r"runs\.sqlite cannot be read: .*Move the file away") as caught:
        gn.serve(model=gn.ScriptedModel([]), log=path, settings={"runs_folder": tmp_path})
    assert "\n" not in str(caught.value)


def test_a_file_of_the_version_before_is_still_read(tmp_path: Path) -> None:
    path = tmp_path / "runs.sqlite"
    SqliteStore(path).close()
    with sqlite3.connect(path) as file:
        file.executescript("ALTER TABLE runs DROP COLUMN asked; PRAGMA user_version = 1;")
        file.execute("INSERT INTO runs VALUES ('r', 'e', 'q', 'o', 1.0, '', '?')")
    file.close()
    store = SqliteStore(path)
    assert store.runs() == [StoredRun("r", "e", "q", "o", 1.0, "", "?")]
    store.close()
