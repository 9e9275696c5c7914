"""Stream modes: every piece leaves once, in order, and in time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genie_nb.backend.log.entry import Entry
from genie_nb.backend.stream_modes import Group, StreamMode, TextJoiner
from genie_nb.errors import WireError
from genie_nb.events import NoteAdded, RunEvent, TextDelta, ToolArguments


class Watch:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def entries(*events: RunEvent) -> list[Entry]:
    return [Entry(event) for event in events]


def delta(text: str, message: str = "m1") -> TextDelta:
    return TextDelta(message_id=message, text=text)


def texts(groups: list[Group]) -> list[list[str]]:
    return [[getattr(entry.event, "text", "") for entry in group] for group in groups]


def test_general_lets_every_piece_go_at_once() -> None:
    joiner = TextJoiner(StreamMode())
    assert texts(joiner.take(entries(delta("a"), delta("b")))) == [["a"], ["b"]]
    assert joiner.due is None


def test_token_joins_so_many_pieces_and_never_repeats_one() -> None:
    joiner = TextJoiner(StreamMode(mode="token", token=2), Watch())
    left = [texts(joiner.take(entries(delta(letter)))) for letter in "abcde"]
    assert left == [[], [["a", "b"]], [], [["c", "d"]], []]
    assert texts(joiner.flush()) == [["e"]]
    assert joiner.flush() == []


def test_time_holds_pieces_until_the_first_ones_deadline_even_if_nothing_more_comes() -> None:
    watch = Watch()
    joiner = TextJoiner(StreamMode(mode="time", time=1.0), watch)
    assert joiner.take(entries(delta("a"))) == []
    assert joiner.due == 1.0
    watch.now = 0.6
    assert joiner.take(entries(delta("b"))) == []
    assert joiner.due == 1.0
    watch.now = 1.0
    assert texts(joiner.take([])) == [["a", "b"]]
    assert joiner.due is None


@pytest.mark.parametrize("mode", ["token", "time"])
def test_whatever_is_no_piece_of_a_text_takes_what_is_held_along(mode: str) -> None:
    joiner = TextJoiner(StreamMode(mode=mode, token=9, time=9.0), Watch())
    groups = joiner.take(entries(delta("a"), delta("b", "m2"), NoteAdded(text="n"), delta("c")))
    assert texts(groups) == [["a", "b"], ["n"]]
    assert joiner.pending == 1


pieces = st.one_of(
    st.builds(TextDelta, message_id=st.sampled_from("ab"), text=st.text(max_size=3)),
    st.builds(ToolArguments, call_id=st.sampled_from("cd"), fragment=st.text(max_size=3)),
    st.builds(NoteAdded, text=st.just("n")),
)
modes = st.builds(
    StreamMode, mode=st.sampled_from(("general", "token", "time")), token=st.integers(1, 5), time=st.sampled_from((0.5, 3.0))
)


@given(st.lists(st.tuples(st.lists(pieces, max_size=4), st.sampled_from((0.0, 0.4, 1.0)))), modes)
def test_every_event_leaves_once_in_order_and_none_is_held_past_its_deadline(
    batches: list[tuple[list[RunEvent], float]], mode: StreamMode
) -> None:
    watch = Watch()
    joiner = TextJoiner(mode, watch)
    came: list[Entry] = []
    left: list[Entry] = []
    for events, passes_s in batches:
        batch = entries(*events)
        came += batch
        for group in joiner.take(batch):
            assert len(group) == 1 or all(entry.joins for entry in group)
            left += group
        watch.now += passes_s
        if joiner.due is not None and watch.now >= joiner.due:
            left += [entry for group in joiner.take([]) for entry in group]
            assert joiner.pending == 0
    left += [entry for group in joiner.flush() for entry in group]
    assert left == came


@pytest.mark.parametrize(
    "asked", [{"mode": "all"}, {"mode": "token", "token": 0}, {"mode": "time", "time": 0}, {"time": 1e9}, {"token": "x"}]
)
def test_a_mode_that_is_none_is_refused_in_words(asked: dict) -> None:
    with pytest.raises(WireError, match="stream mode"):
        StreamMode.checked(**asked)
