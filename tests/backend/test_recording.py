"""Recordings: what was recorded is what is replayed, and a broken one says where."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genie_nb.backend.recording import FLUSH_BYTES, record, replay
from genie_nb.errors import WireError
from genie_nb.events import NoteAdded, RunEvent, RunFinished, encode_event
from tests.event_strategies import EVENT_CLASSES, events_of_class
from tests.fakes import collect, run

END = RunFinished(seq=2, run_id="r", at=1.0, output="done")
NOTE = NoteAdded(seq=1, run_id="r", at=0.5, text="多\n\u2028行")


async def source(events: Iterable[RunEvent]) -> AsyncIterator[RunEvent]:
    for event in events:
        yield event


def test_a_recording_is_one_json_object_a_line(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"

    assert run(record(source([NOTE, END]), path)) == 2

    assert path.read_bytes() == encode_event(NOTE) + b"\n" + encode_event(END) + b"\n"


@given(events=st.lists(st.sampled_from(EVENT_CLASSES).flatmap(events_of_class), max_size=5))
def test_what_was_recorded_is_what_is_replayed(tmp_path_factory: pytest.TempPathFactory, events: list[RunEvent]) -> None:
    path = tmp_path_factory.mktemp("recording") / "run.jsonl"

    async def scene() -> list[RunEvent]:
        await record(source([*events, END]), path)
        return await collect(replay(str(path)))

    assert run(scene()) == [*events, END]


def test_an_older_recording_at_the_same_place_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_bytes(b"something else\n" * 9)

    run(record(source([END]), path))

    assert run(collect(replay(path))) == [END]


def test_a_long_recording_does_not_wait_for_the_end_to_be_written(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    big = NoteAdded(text="x" * FLUSH_BYTES)
    sizes: list[int] = []

    async def looking() -> AsyncIterator[RunEvent]:
        yield big
        sizes.append(path.stat().st_size)
        yield END

    run(record(looking(), path))

    assert sizes == [len(encode_event(big)) + 1]


BROKEN = {
    "an unknown event": (encode_event(NOTE) + b'\n{"kind":"telepathy"}\n', r"Line 2 of run\.jsonl: .*no event"),
    "half a line": (encode_event(NOTE) + b"\n" + encode_event(END)[:-5], r"Line 2 of run\.jsonl"),
    "no end": (encode_event(NOTE) + b"\n", r"run\.jsonl ends before its run does"),
    "nothing": (b"", r"run\.jsonl ends before its run does"),
}


@pytest.mark.parametrize(("content", "told"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_recording_says_where_it_is_broken(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "run.jsonl"
    path.write_bytes(content)

    with pytest.raises(WireError, match=told):
        run(collect(replay(path)))


def test_the_whole_lines_of_a_cut_recording_are_replayed_before_the_error(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_bytes(encode_event(NOTE) + b"\n")
    seen: list[RunEvent] = []

    async def scene() -> None:
        async for event in replay(path):
            seen.append(event)  # noqa: PERF401  # to have what came before the error

    with pytest.raises(WireError):
        asyncio.run(scene())
    assert seen == [NOTE]


def test_a_place_that_cannot_be_written_or_read_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        run(record(source([END]), tmp_path / "nowhere" / "run.jsonl"))
    with pytest.raises(FileNotFoundError):
        run(collect(replay(tmp_path / "nothing.jsonl")))
