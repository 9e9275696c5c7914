import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genie_nb import events as ev
from genie_nb.backend.link import LINK
from genie_nb.backend.wire.frames import FrameDecoder
from genie_nb.widgets.link_log import MOVES, ROWS, TAPE_BYTES, TEXT, FrameTap, LinkLog, LinkTape, SeenFrame

STREAM = (
    b'retry: 1000\nid: r.e.1\nevent: run_started\ndata: {"a":1}\n\n'
    b": hb\n"
    b'id: r.e.2\nevent: text_delta\ndata: {"text":"\xe5\x9b\x9b"}\n\n'
    b'id: r.e.5\r\nevent: joined\r\ndata: {"events":[]}\r\n\r\n'
)


def frame(seq: int, at: float = 1.0, *, log: str = "r.e", event: str = "text_delta", size: int = 100) -> SeenFrame:
    return SeenFrame(at, size, event, f"{log}.{seq}", "{}")


def opened(at: float = 0.5, attempt: int = 1, after: str = "") -> ev.LinkOpened:
    return ev.LinkOpened(at=at, url="http://127.0.0.1", attempt=attempt, resumed_after=after)


def folded(*items: ev.Event | SeenFrame) -> LinkLog:
    log = LinkLog()
    for item in items:
        log.take(item)
    return log


def states(log: LinkLog) -> list[str]:
    return [state for _, state in log.moves]


def test_the_states_and_moves_are_the_client_s() -> None:
    assert MOVES == LINK


def test_a_link_goes_the_client_s_way_through_its_states() -> None:
    log = LinkLog()
    log.begin(0.1)
    lost = ev.LinkLost(at=2.0, reason="cut", retry_in_s=1.0)
    for item in (opened(), frame(1), lost):
        log.take(item)
    assert (log.state, log.retry_at) == ("lost", 3.0)
    log.advance(2.9)
    assert log.state == "lost"
    log.advance(3.1)
    assert log.state == "opening"
    for item in (opened(3.2, 2, "r.e.1"), frame(2, 3.3), ev.LinkClosed(at=3.4)):
        log.take(item)

    assert states(log) == ["opening", "open", "lost", "opening", "open", "closed"]
    assert (log.opened, log.reconnects, log.lost, list(log.resumes)) == (2, 1, 1, ["r.e.1"])
    assert [row.event for row in log.rows] == ["open", "text_delta", "lost", "open", "text_delta", "closed"]


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([ev.LinkLost(at=1.0, reason="refused", retry_in_s=1.0)] * 2, ["opening", "lost", "opening", "lost"]),
        ([ev.LinkLost(at=1.0, reason="refused", retry_in_s=None)], ["opening", "lost", "closed"]),
        (
            [opened(), ev.LinkLost(at=2.0, reason="x", retry_in_s=0.0), opened(3.0, 2)],
            ["opening", "open", "lost", "opening", "open"],
        ),
        ([opened(), opened(1.0, 2)], ["opening", "open"]),
        ([ev.LinkClosed(at=1.0)], []),
    ],
    ids=["refused twice", "given up", "lost and found", "a loss that was not told", "nothing was left"],
)
def test_what_is_not_told_between_two_states_is_gone_through(items: list[ev.Event], expected: list[str]) -> None:
    assert states(folded(*items)) == expected


def test_events_joined_in_a_frame_are_counted() -> None:
    log = folded(opened(), frame(3), frame(4), frame(9, event="joined"))

    assert [row.pieces for row in log.rows if row.kind == "frame"] == [3, 1, 5]
    assert (log.events, log.joined, log.frames, log.bytes) == (9, 6, 3, 300)
    assert [(chunk.pieces, chunk.size) for chunk in log.chunks()] == [(3, 100), (1, 100), (5, 100)]


def test_a_log_that_begins_late_does_not_count_what_it_has_not_seen() -> None:
    log = folded(frame(37), frame(38))
    assert (log.events, log.joined) == (2, 0)


def test_what_came_before_is_marked_and_not_counted_again() -> None:
    log = folded(opened(), frame(1), frame(2), opened(2.0, 2, "r.e.1"), frame(2), frame(3))

    assert [row.again for row in log.rows if row.kind == "frame"] == [False, False, True, False]
    assert (log.events, log.joined, log.last_id) == (3, 0, "r.e.3")
    assert len(log.chunks()) == 3


@pytest.mark.parametrize("anew", [frame(50, event="snapshot"), frame(50, log="r.other")], ids=["snapshot", "another log"])
def test_a_log_that_begins_anew_joins_nothing(anew: SeenFrame) -> None:
    assert folded(opened(), frame(1), anew, frame(51, log=anew.id.rpartition(".")[0])).joined == 0


def test_a_heartbeat_that_the_wire_and_the_client_tell_counts_once() -> None:
    wire, told = SeenFrame(2.0, 5, "", text=": hb"), ev.Heartbeat(at=2.0)
    assert folded(opened(), wire, told).heartbeats == 1
    assert folded(opened(), told).heartbeats == 1
    assert folded(opened(), wire, told, wire, told).heartbeats == 2
    assert folded(opened(), wire, frame(1), told).heartbeats == 2


def test_the_interval_of_heartbeats_is_seen_at_the_first_one_unless_it_is_known() -> None:
    beats = [ev.Heartbeat(at=2.5), ev.Heartbeat(at=3.0)]
    assert folded(opened(0.5), *beats).heartbeat_s == 2.0
    log = LinkLog(heartbeat_s=7.0)
    log.take(opened(0.5))
    log.take(beats[0])
    assert log.heartbeat_s == 7.0
    assert log.silent_s(4.0) == 1.5
    assert LinkLog().silent_s(4.0) == 0.0


def test_events_without_their_bytes_are_rows_too() -> None:
    first = ev.TextDelta(seq=1, at=1.0, message_id="m", text="a")
    log = folded(opened(), first, first, ev.TextDelta(seq=4, at=1.2, message_id="m", text="bcd"), ev.LogRestarted(at=2.0))

    assert [(row.event, row.seq, row.pieces) for row in log.rows if row.kind == "frame"] == [
        ("text_delta", 1, 1),
        ("text_delta", 4, 3),
    ]
    assert folded(opened(), frame(1), first).count == 2


def test_a_long_text_keeps_its_head_and_its_tail_and_no_control_character() -> None:
    text = "head\x1b[31m\x00\u2028" + "x" * 10_000 + "tail"
    (row,) = folded(SeenFrame(1.0, 9, "e" * 500, "i" * 500, text)).rows
    assert len(row.text) == TEXT + 3
    assert row.text.startswith("head\ufffd[31m\ufffd\ufffdx")
    assert row.text.endswith("xtail")
    assert (len(row.event), len(row.id)) == (40, 120)


@pytest.mark.parametrize("strange", ["", "no number", "r.e.", "r.e.²", "r.e.99999999999999999999", "...", "r.e.-1"])
def test_a_strange_id_is_a_row_without_a_number(strange: str) -> None:
    log = folded(opened(), SeenFrame(1.0, 9, "text_delta", strange, "{}"))
    assert (log.rows[-1].seq, log.rows[-1].pieces, log.events) == (0, 1, 0)


def test_memory_is_bounded() -> None:
    log = folded(opened(), *(frame(seq) for seq in range(1, 3 * ROWS)))
    assert len(log.rows) == ROWS
    assert (log.count, log.events) == (3 * ROWS, 3 * ROWS - 1)
    tape = LinkTape(FrameDecoder)
    for _ in range(100):
        tape.take(b"x" * (TAPE_BYTES // 10))
    assert tape._bytes <= TAPE_BYTES


@given(st.lists(st.integers(1, len(STREAM) - 1), max_size=12))
def test_bytes_cut_anywhere_give_the_same_frames_with_their_sizes(cuts: list[int]) -> None:
    whole = FrameTap(FrameDecoder).feed(STREAM, 1.0)
    tap, seen = FrameTap(FrameDecoder), []
    edges = [0, *sorted(set(cuts)), len(STREAM)]
    for start, end in itertools.pairwise(edges):
        seen += tap.feed(STREAM[start:end], 1.0)

    assert [(one.event, one.id, one.text) for one in whole] == [
        ("run_started", "r.e.1", '{"a":1}'),
        ("", "", ": hb"),
        ("text_delta", "r.e.2", '{"text":"四"}'),
        ("joined", "r.e.5", '{"events":[]}'),
    ]
    assert sum(one.size for one in whole) == len(STREAM)
    assert [(one.event, one.id) for one in seen] == [(one.event, one.id) for one in whole]


def test_what_a_cut_left_over_is_forgotten() -> None:
    tap = FrameTap(FrameDecoder)
    assert tap.feed(STREAM[:40], 1.0) == []
    tap.cut()
    assert [one.event for one in tap.feed(STREAM, 2.0)] == ["run_started", "", "text_delta", "joined"]


def test_a_frame_beyond_all_bounds_is_passed_over() -> None:
    tap = FrameTap(lambda: FrameDecoder(max_event_bytes=100))
    assert tap.feed(b"data: " + b"x" * 1000 + b"\n\n", 1.0) == []
    assert [one.event for one in tap.feed(STREAM, 2.0)] == ["run_started", "", "text_delta", "joined"]


def test_a_tape_tells_what_was_and_what_comes_to_everybody() -> None:
    clock = iter(range(1, 100))
    tape = LinkTape(FrameDecoder, clock=lambda: float(next(clock)))
    seen: list[SeenFrame | ev.LinkEvent] = []
    tape.take(opened())
    tape.take(STREAM[:70])
    tape.follow(seen.append)
    tape.take(STREAM[70:])
    tape.take(ev.LinkLost(at=4.0, reason="cut", retry_in_s=1.0))

    log = tape.log()
    assert [getattr(one, "event", "link") for one in seen] == ["link", "run_started", "", "text_delta", "joined", "link"]
    assert (log.events, log.bytes, log.state) == (5, len(STREAM), "lost")
    assert [row.at for row in log.rows if row.kind == "frame"] == [1.5, 2.5, 2.5]


def test_a_log_of_a_tape_speaks_the_language_of_the_question_and_english_without_one() -> None:
    tape = LinkTape(FrameDecoder, clock=lambda: 1.0)
    tape.take(ev.LinkLost(at=1.0, reason="refused", retry_in_s=None))
    assert [log.rows[0].text for log in (tape.log("为什么？"), tape.log())] == ["已放弃：refused。", "Given up: refused."]
