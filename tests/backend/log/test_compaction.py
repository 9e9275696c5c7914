"""Compaction: fewer events, the same story."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from genie_nb import events as ev
from genie_nb.backend.channel import EventChannel, Retention
from genie_nb.backend.log.compaction import compact
from tests.event_strategies import deltas_of_run
from tests.fakes import collect, fold, run


def numbered(events: list[ev.RunEvent]) -> list[ev.RunEvent]:
    return [msgspec.structs.replace(event, seq=seq, run_id="r", at=float(seq)) for seq, event in enumerate(events, 1)]


@given(deltas_of_run(), st.data())
def test_the_fold_of_a_compacted_head_and_the_tail_is_the_fold_of_all(events: list[ev.RunEvent], data) -> None:  # noqa: ANN001
    everything = numbered(events)
    cut = data.draw(st.integers(0, len(everything)))
    short = compact(everything[:cut])
    assert fold([*short, *everything[cut:]]) == fold(everything)
    assert [event.seq for event in short] == sorted(event.seq for event in short)
    assert compact(short) == short


@given(deltas_of_run(), deltas_of_run())
def test_of_what_was_told_before_a_log_began_anew_only_the_question_stays(
    old: list[ev.RunEvent], new: list[ev.RunEvent]
) -> None:
    everything = numbered([*old, ev.LogRestarted(), *new])
    short = compact(everything)
    assert fold(short) == fold(everything)
    assert [type(event) for event in short[:2]] == [ev.RunStarted, ev.LogRestarted]
    assert short[2:] == compact(everything[len(old) + 1 :])
    assert compact(short) == short


def test_a_finished_text_is_told_once() -> None:
    text = [ev.TextStarted(message_id="m", channel="answer", assignee="a")]
    text += [ev.TextDelta(message_id="m", text="x") for _ in range(1000)]
    text += [ev.TextFinished(message_id="m", channel="answer", text="x" * 1000)]
    assert [type(event) for event in compact(numbered(text))] == [ev.TextStarted, ev.TextFinished]


@given(deltas_of_run(), st.integers(2, 12), st.integers(0, 40))
def test_a_bounded_log_loses_nothing_that_is_shown(events: list[ev.RunEvent], most: int, after: int) -> None:
    channel = EventChannel("r", clock=lambda: 1.0, retention=Retention(max_events=most))
    whole = EventChannel("r", clock=lambda: 1.0)
    for event in events:
        channel.append(event)
        whole.append(event)
    assert len(channel.after(channel.dropped)) <= most
    assert len(channel) == len(events)
    assert fold(run(collect(channel.read()))) == fold(run(collect(whole.read())))
    if after >= channel.dropped:
        assert run(collect(channel.read(after=after))) == run(collect(whole.read(after=after)))
