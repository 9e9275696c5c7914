"""The WHATWG cases in every way of cutting, and the limits of our own."""

import base64
import json
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genie_nb.backend.wire.frames import Frame, FrameDecoder
from genie_nb.errors import WireError

CASES = json.loads((Path(__file__).parents[2] / "data" / "whatwg_eventsource.json").read_text("utf-8"))
FEEDS = [pytest.param(case, feed, id=f"whatwg-{case['name']}-{feed['label']}") for case in CASES for feed in case["feeds"]]


def cut(stream: bytes, feed: dict) -> list[bytes]:
    size = feed.get("chunk_size")
    cuts = [*range(size, len(stream), size)] if size else feed["cuts"]
    edges = [0, *cuts, len(stream)]
    return [stream[a:b] for a, b in pairwise(edges)]


def decode(decoder: FrameDecoder, pieces: list[bytes]) -> list[Frame]:
    return [frame for piece in pieces for frame in decoder.feed(piece)]


@pytest.mark.parametrize(("case", "feed"), FEEDS)
def test_a_stream_is_read_as_the_standard_says_however_it_is_cut(case: dict, feed: dict) -> None:
    decoder = FrameDecoder(last_event_id=case["initial_last_event_id"])
    frames = decode(decoder, cut(base64.b64decode(case["stream_bytes_base64"]), feed))
    assert [{"type": f.event, "data": f.data, "lastEventId": f.id} for f in frames] == case["expected_events"]
    assert decoder.retry_ms == case["expected_retry"]
    assert decoder.last_event_id == case["expected_last_event_id"]


LINES = st.lists(
    st.sampled_from([b"data: x", b"data:\xe2\x80\xa6", b"\xff\xe2", b"data", b"", b":c", b"id: 1", b"event: e", b"retry: 5"])
)


@given(LINES, st.lists(st.sampled_from([b"\n", b"\r", b"\r\n"]), min_size=1), st.lists(st.integers(0, 80)))
def test_where_the_bytes_are_cut_changes_nothing(lines: list[bytes], ends: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(line + ends[i % len(ends)] for i, line in enumerate(lines))
    edges = [0, *sorted(min(c, len(stream)) for c in cuts), len(stream)]
    pieces = [stream[a:b] for a, b in pairwise(edges)]
    assert decode(FrameDecoder(), pieces) == decode(FrameDecoder(), [stream])


@pytest.mark.parametrize("size", [1, 3, 100])
def test_an_invalid_byte_becomes_a_replacement_character(size: int) -> None:
    stream = b"data: a\xff\xe2\x80\ndata: \xf0\x9f\x8c\x9f\n\n"
    frames = decode(FrameDecoder(), cut(stream, {"chunk_size": size}))
    assert [f.data for f in frames] == ["a\ufffd\ufffd\n🌟"]


def test_comments_are_counted_and_give_no_frame() -> None:
    decoder = FrameDecoder()
    assert decoder.feed(b": ping\n\n:\n\nid: 7\n\n: ping\n\n") == []
    assert decoder.comments == 3
    assert decoder.last_event_id == "7"


def test_a_frame_carries_the_reconnection_time_in_force() -> None:
    frames = FrameDecoder().feed(b"retry: 250\ndata: a\n\ndata: b\n\n")
    assert [f.retry_ms for f in frames] == [250, 250]


@pytest.mark.parametrize("value", ["9" * 5000, "-5", "1.5", "٣"], ids=["5000-digits", "negative", "float", "arabic"])
def test_a_retry_that_is_no_plain_number_is_ignored(value: str) -> None:
    decoder = FrameDecoder()
    decoder.feed(f"retry: {value}\n\n".encode())
    assert decoder.retry_ms is None


@pytest.mark.parametrize("stream", [b"data: last", b"data: last\n", b"data: last\r"], ids=["open", "lf", "cr"])
def test_the_last_event_can_be_had_without_its_blank_line(stream: bytes) -> None:
    decoder = FrameDecoder()
    assert decoder.feed(stream) == []
    assert decoder.end() == Frame("message", "last")
    assert decoder.end() is None


@pytest.mark.parametrize(
    "stream",
    [b"data: " + b"x" * 100, b"data: x\n" * 20, b":" + b"x" * 100],
    ids=["one-long-line", "many-lines", "endless-comment"],
)
@pytest.mark.parametrize("size", [1, 1000])
def test_an_event_over_the_limit_is_refused_with_the_limit_named(stream: bytes, size: int) -> None:
    decoder = FrameDecoder(max_event_bytes=64)
    with pytest.raises(WireError, match="larger than 64 bytes"):
        decode(decoder, cut(stream, {"chunk_size": size}))


def test_many_small_events_never_meet_the_limit() -> None:
    decoder = FrameDecoder(max_event_bytes=64)
    assert len(decode(decoder, [b"data: 12345\n\n"] * 100)) == 100


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    "line", [b"data: retry", b"data: " + b"retry: 1 " * 100, b": retry"], ids=["data", "wide", "comment"]
)
@pytest.mark.parametrize("end", [b"\n", b""], ids=["many-lines", "one-line"])
def test_each_byte_of_a_large_event_is_looked_at_once_however_small_the_pieces(line: bytes, end: bytes) -> None:
    """4 MiB in pieces of 32 bytes take about a second; looking at all of them again for each piece takes minutes."""
    stream = (line + end) * (2**22 // len(line + end))
    decoder = FrameDecoder()
    assert decode(decoder, cut(stream, {"chunk_size": 32})) == []
    assert decoder.retry_ms is None


def test_a_reconnection_time_counts_from_its_line_on_and_the_last_one_stands() -> None:
    decoder, seen = FrameDecoder(), []
    for byte in b"data: a\nretry: 20\nretry: x\ndata: b\nretry: 30\n":
        decoder.feed(bytes([byte]))
        seen.append(decoder.retry_ms)
    assert seen.count(None) == len("data: a\nretry: 20")
    assert list(dict.fromkeys(seen)) == [None, 20, 30]
    assert decode(decoder, [b"retry: 40\n: retry: 50\n\ndata: c\n\n"]) == [
        Frame("message", "a\nb", retry_ms=40),
        Frame("message", "c", retry_ms=40),
    ]
