"""The store on disk: what is read is what was appended, whatever happens to the process."""

import os
import signal
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genie_nb.backend.channel import EventChannel
from genie_nb.backend.log.base import StoredRun
from genie_nb.backend.log.entry import Entry
from genie_nb.backend.log.sqlite import SqliteStore
from genie_nb.errors import SettingsError
from genie_nb.events import NoteAdded, RunEvent, RunFinished
from tests.event_strategies import deltas_of_run
from tests.processes import Program


def stored(run_id: str = "r1", created: float = 1.0) -> StoredRun:
    return StoredRun(run_id, "e1", "q1", "owner", created, "/tmp/r1", "多少？")


def logged(events: list[RunEvent], run_id: str = "r1") -> list[Entry]:
    channel = EventChannel(run_id)
    for event in events:
        channel.append(event)
    return channel.after(0)


def events_of(entries: list[Entry]) -> list[RunEvent]:
    return [entry.event for entry in entries]


@given(deltas_of_run(), st.lists(st.integers(0, 40), max_size=6))
def test_what_is_read_is_what_was_appended_in_any_batches_with_repeats(
    tmp_path_factory: pytest.TempPathFactory, events: list[RunEvent], cuts: list[int]
) -> None:
    entries = logged(events)
    store = SqliteStore(tmp_path_factory.mktemp("s") / "runs.sqlite")
    store.create(stored())
    before = 0
    for cut in [*sorted(cuts), len(entries)]:
        store.append("r1", entries[max(0, before - 2) : cut])
        before = cut
    assert events_of(store.read("r1")) == events_of(entries)
    store.close()


def test_runs_are_listed_newest_first_and_forgotten_whole(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "runs.sqlite")
    for number in range(3):
        store.create(stored(f"r{number}", float(number)))
    store.append("r1", logged([RunFinished(output="x")]))
    assert [run.run_id for run in store.runs()] == ["r2", "r1", "r0"]
    assert store.runs()[1] == stored("r1", 1.0)
    store.delete("r1")
    assert store.read("r1") == []
    assert [run.run_id for run in store.runs()] == ["r2", "r0"]
    store.close()
    store.close()


def test_a_second_process_opens_the_file_at_the_same_time(tmp_path: Path) -> None:
    one, two = (SqliteStore(tmp_path / "a" / "runs.sqlite") for _ in range(2))
    one.create(stored())
    one.append("r1", logged([NoteAdded(text="n")]))
    assert len(two.read("r1")) == 1
    assert (tmp_path / "a" / "runs.sqlite").stat().st_mode & 0o777 == 0o600
    one.close()
    two.close()


CHILD = """
import sys
from dataclasses import replace
from pathlib import Path
from genie_nb.backend.channel import EventChannel
from genie_nb.backend.log.sqlite import SqliteStore
from genie_nb.events import NoteAdded
sys.path.insert(0, sys.argv[2])
from tests.backend.log.test_sqlite import stored
store, channel = SqliteStore(Path(sys.argv[1])), EventChannel("r1")
store.create(stored())
while True:
    for _ in range(10):
        channel.append(NoteAdded(text="x" * 500))
    store.append("r1", channel.after(len(channel) - 10))
    print(len(channel), flush=True)
"""


def test_a_killed_process_leaves_a_readable_beginning(tmp_path: Path) -> None:
    root = str(Path(__file__).parents[3])
    child = Program([sys.executable, "-c", CHILD, str(tmp_path / "r.sqlite"), root], stdout=subprocess.PIPE, text=True)
    with child:
        said = 0
        while said < 300:
            said = int(child.stdout.readline())
        os.kill(child.pid, signal.SIGKILL)
    store = SqliteStore(tmp_path / "r.sqlite")
    got = events_of(store.read("r1"))
    assert [event.seq for event in got] == list(range(1, len(got) + 1))
    assert len(got) >= said
    store.close()


def test_an_event_of_a_newer_version_becomes_a_note_in_its_place(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "runs.sqlite")
    store.create(stored())
    store.append(
        "r1", [Entry(NoteAdded(seq=1, text="a")), Entry(NoteAdded(seq=2, text=""), b'{"kind":"beamed_up","seq":2,"at":7.5}')]
    )
    one, two = events_of(store.read("r1"))
    assert (one.text, two.seq, two.at, two.level) == ("a", 2, 7.5, "warning")
    assert "beamed_up" in two.text
    store.close()


def _newer(path: Path) -> None:
    with sqlite3.connect(path) as file:
        file.execute("PRAGMA user_version = 99")
    file.close()


def _somebody_elses(path: Path) -> None:
    with sqlite3.connect(path) as file:
        file.execute("CREATE TABLE cats (name)")
    file.close()


@pytest.mark.parametrize(
    "spoil",
    [_newer, _somebody_elses, lambda path: path.write_bytes(b"SQLite format 3\0" + b"x" * 5000), Path.mkdir],
    ids=["newer", "somebody-elses", "damaged", "a-folder"],
)
def test_a_file_that_cannot_be_used_is_said_in_a_sentence(spoil, tmp_path: Path) -> None:  # noqa: ANN001
    spoil(tmp_path / "runs.sqlite")
    with pytest.raises(SettingsError, match=r"runs\.sqlite.* Choose another"):
        SqliteStore(tmp_path / "runs.sqlite")


def test_a_closed_store_is_an_os_error(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "runs.sqlite")
    store.close()
    with pytest.raises(OSError, match="cannot be read"):
        store.runs()
    with pytest.raises(OSError, match="cannot be written"):
        store.delete("r1")


def test_what_cannot_be_encoded_spoils_nothing_that_comes_after_it(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "runs.sqlite")
    with pytest.raises(OSError, match=r"runs\.sqlite cannot be written"):
        store.create(replace(stored(), query="\ud800"))
    store.create(stored())
    with pytest.raises(OSError, match=r"runs\.sqlite cannot be written"):
        store.append("r1", [*logged([NoteAdded(text="n")]), Entry(NoteAdded(text="\ud800", seq=2))])
    store.append("r1", logged([NoteAdded(text="again")]))
    assert [event.text for event in events_of(store.read("r1")) if isinstance(event, NoteAdded)] == ["again"]
    store.close()


def test_an_interrupted_writing_leaves_no_transaction_open(tmp_path: Path) -> None:
    class Interrupted:
        seq = 1

        @property
        def encoded(self) -> bytes:
            raise KeyboardInterrupt

    store = SqliteStore(tmp_path / "runs.sqlite")
    store.create(stored())
    with pytest.raises(KeyboardInterrupt):
        store.append("r1", [Interrupted()])  # type: ignore[list-item]
    store.append("r1", logged([NoteAdded(text="n")]))
    assert len(store.read("r1")) == 1
    store.close()
