"""The channel: one log, any number of readers, anywhere, at any time."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genie_nb.backend.channel import EventChannel, Retention
from genie_nb.events import LogRestarted, NoteAdded, RunCancelled, RunEvent, RunFailed, RunFinished
from tests.fakes import BOUND_S, Clock, collect, fold, run

END = RunFinished(output="done")


def note(number: int) -> NoteAdded:
    return NoteAdded(text=str(number))


def filled(count: int, *, ended: bool = True) -> EventChannel:
    """A channel with so many events, the last of which is terminal."""
    channel = EventChannel("run", clock=Clock())
    for number in range(count - ended):
        channel.append(note(number))
    if ended:
        channel.append(END)
    return channel


def texts(events: list[RunEvent]) -> list[str]:
    return [event.text if isinstance(event, NoteAdded) else "end" for event in events]


@contextmanager
def reading_elsewhere(channel: EventChannel, after: int = 0) -> Iterator[list[RunEvent]]:
    """A reader on a loop of a thread of its own; on leaving, it has read to the end."""
    seen: list[RunEvent] = []
    thread = threading.Thread(target=lambda: seen.extend(run(collect(channel.read(after=after)))), daemon=True)
    thread.start()
    yield seen
    thread.join(BOUND_S)
    assert not thread.is_alive(), "the reader never came to the end"


def test_events_are_numbered_from_one_stamped_and_given_back_as_logged() -> None:
    channel = EventChannel("r7", clock=Clock())

    logged = [channel.append(event) for event in (note(1), note(2), END)]

    assert [(event.seq, event.run_id, event.at) for event in logged] == [
        (1, "r7", 1001.0),
        (2, "r7", 1002.0),
        (3, "r7", 1003.0),
    ]
    assert run(collect(channel.read())) == logged
    assert len(channel) == 3


@pytest.mark.parametrize(
    "end", [END, RunFailed(code="c", message="m"), RunCancelled(reason="r")], ids=lambda end: type(end).__name__
)
def test_a_channel_has_ended_after_a_terminal_event_and_not_before(end: RunEvent) -> None:
    channel = EventChannel("r")
    assert not channel.ended
    channel.append(note(1))
    assert not channel.ended

    channel.append(end)

    assert channel.ended


@pytest.mark.parametrize("after", range(6))
def test_a_reader_that_comes_after_the_end_sees_exactly_the_rest(after: int) -> None:
    assert [event.seq for event in run(collect(filled(5).read(after=after)))] == list(range(after + 1, 6))


@pytest.mark.parametrize("after", range(5))
def test_a_reader_that_comes_in_the_middle_sees_the_rest_and_what_follows(after: int) -> None:
    channel = filled(3, ended=False)

    async def scene() -> list[RunEvent]:
        reading = asyncio.create_task(collect(channel.read(after=after)))
        for number in (3, 4):
            await asyncio.sleep(0)
            channel.append(note(number))
        channel.append(END)
        return await reading

    assert [event.seq for event in run(scene())] == list(range(after + 1, 7))


@given(st.lists(st.integers(0, 3), max_size=12), st.integers(0, 6))
def test_whatever_the_turns_of_writer_and_reader_nothing_is_missed_or_doubled(turns: list[int], after: int) -> None:
    async def scene() -> list[int]:
        channel = EventChannel("r")
        reading = asyncio.create_task(collect(channel.read(after=min(after, len(turns)))))
        for number, yields in enumerate(turns):
            for _ in range(yields):
                await asyncio.sleep(0)
            channel.append(note(number))
        channel.append(END)
        return [event.seq for event in await reading]

    assert run(scene()) == list(range(min(after, len(turns)) + 1, len(turns) + 2))


def test_readers_on_loops_of_other_threads_all_see_everything_live() -> None:
    channel = EventChannel("r")
    with reading_elsewhere(channel) as one, reading_elsewhere(channel) as two, reading_elsewhere(channel, after=10) as late:
        for number in range(500):
            channel.append(note(number))
        channel.append(END)

    assert [event.seq for event in one] == list(range(1, 502))
    assert two == one
    assert late == one[10:]


def test_a_hundred_readers_of_one_loop_see_the_same() -> None:
    channel = EventChannel("r")

    async def scene() -> list[list[RunEvent]]:
        readers = [asyncio.create_task(collect(channel.read())) for _ in range(100)]
        for number in range(20):
            channel.append(note(number))
            await asyncio.sleep(0)
        channel.append(END)
        return await asyncio.gather(*readers)

    seen = run(scene())

    assert all(events == seen[0] for events in seen)
    assert len(seen[0]) == 21


def test_the_writer_does_not_wait_for_a_reader_that_stands_still() -> None:
    channel = EventChannel("r")

    async def scene() -> list[RunEvent]:
        reader = channel.read()
        channel.append(note(0))
        first = await anext(reader)
        for number in range(1, 10_000):  # no await in between: whoever stands still stays where it is
            channel.append(note(number))
        channel.append(END)
        return [first, *await collect(reader)]

    assert [event.seq for event in run(scene())] == list(range(1, 10_002))


def test_a_reader_that_the_head_outgrows_is_told_to_begin_anew() -> None:
    channel = EventChannel("r", retention=Retention(max_events=10))

    async def scene() -> list[RunEvent]:
        reader = channel.read()
        channel.append(note(0))
        first = await anext(reader)
        for number in range(1, 100):
            channel.append(note(number))
        channel.append(END)
        return [first, *await collect(reader)]

    got = run(scene())
    assert [type(event) for event in got[:2]] == [NoteAdded, LogRestarted]
    assert [event.seq for event in got[2:]] == list(range(1, 102))
    assert fold(got) == fold(run(collect(channel.read())))


def test_a_cancelled_reader_leaves_nothing_behind_and_others_go_on() -> None:
    channel = EventChannel("r")

    async def scene() -> list[RunEvent]:
        leaving, staying = (asyncio.create_task(collect(channel.read())) for _ in range(2))
        await asyncio.sleep(0)
        assert sum(map(len, channel._waiting.values())) == 2
        leaving.cancel()
        await asyncio.wait({leaving})
        assert sum(map(len, channel._waiting.values())) == 1
        channel.append(END)
        return await staying

    assert texts(run(scene())) == ["end"]
    assert not channel._waiting


def test_a_reader_whose_loop_was_closed_under_it_does_not_stop_the_writer() -> None:
    channel = EventChannel("r")
    loop = asyncio.new_event_loop()
    reader = channel.read()
    waiting = loop.create_task(_next(reader))
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()

    channel.append(END)

    assert channel.ended
    waiting._log_destroy_pending = False  # that it never ended is the point


def test_a_reader_that_stops_early_can_be_followed_by_one_that_goes_on() -> None:
    channel = filled(5)

    async def scene() -> list[int]:
        first = channel.read()
        seen = [await anext(first), await anext(first)]
        return [event.seq for event in (*seen, *await collect(channel.read(after=seen[-1].seq)))]

    assert run(scene()) == [1, 2, 3, 4, 5]


async def _next(reader: AsyncIterator[RunEvent]) -> RunEvent:
    return await anext(reader)


def test_what_cannot_be_encoded_is_logged_nowhere_and_the_next_event_takes_its_number() -> None:
    channel, heard = EventChannel("run", retention=Retention()), list[RunEvent]()
    with pytest.raises(UnicodeEncodeError):
        channel.append(NoteAdded(text="\ud800"), first=heard.append)
    channel.append(END, first=heard.append)
    assert [(entry.seq, type(entry.event)) for entry in channel.after(0)] == [(1, RunFinished)]
    assert [event.seq for event in heard] == [1]


def test_every_reader_hears_how_long_ago_the_last_event_came_whoever_dated_it() -> None:
    now = [100.0]
    channel = EventChannel("r", clock=lambda: now[0])
    assert channel.silent_s() == 0.0
    channel.append(NoteAdded(text="dated by a server whose clock is behind", at=3.0))
    now[0] = 107.5
    assert channel.silent_s() == 7.5
    now[0] = 90.0  # the clock was set back
    assert channel.silent_s() == 0.0
