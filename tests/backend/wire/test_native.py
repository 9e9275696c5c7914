"""The native dialect: lossless, resumable, and harmless to every client that we know of."""

import io
from collections.abc import Callable, Iterable

import httpx
import httpx2
import httpx_sse
import msgspec
import pytest
import sseclient
from hypothesis import given
from ld_eventsource.actions import Event as LdEvent
from ld_eventsource.reader import _BufferedLineReader, _SSEReader
from openai._streaming import SSEDecoder

from genie_nb import events as ev
from genie_nb.backend.channel import EventChannel
from genie_nb.backend.stream_modes import StreamMode
from genie_nb.backend.wire.frames import Frame, FrameDecoder
from genie_nb.backend.wire.native import HEARTBEAT, FrameId, NativeCoat, read_frame
from genie_nb.errors import WireError
from tests.event_strategies import deltas_of_run
from tests.fakes import fold
from tests.widgets.sample_runs import sample_run


def channel_of(events: Iterable[ev.RunEvent]) -> EventChannel:
    channel = EventChannel("run1", clock=lambda: 1.0, epoch="e0")
    for event in events:
        channel.append(event)
    return channel


def decoded(stream: bytes) -> list[Frame]:
    decoder = FrameDecoder()
    return decoder.feed(stream)


def written(channel: EventChannel, mode: StreamMode | None = None) -> bytes:
    coat = NativeCoat(channel, mode=mode or StreamMode())
    return b"".join(coat.write([entry]) for entry in channel.after(0)) + coat.last_words(None)


@given(deltas_of_run())
def test_every_event_comes_back_equal_with_its_id_and_its_kind(events: list[ev.RunEvent]) -> None:
    channel = channel_of(events)
    frames = decoded(written(channel))
    assert [read_frame(frame).events[0] for frame in frames] == [entry.event for entry in channel.after(0)]
    assert [frame.id for frame in frames] == [f"run1.e0.{seq}" for seq in range(1, len(events) + 1)]
    assert [frame.event for frame in frames] == [type(event).__struct_config__.tag for event in events]
    assert frames[0].retry_ms == 1000


@given(deltas_of_run())
def test_a_mode_joins_pieces_and_changes_nothing_that_is_shown(events: list[ev.RunEvent]) -> None:
    channel = channel_of(events)
    frames = decoded(written(channel, StreamMode(mode="token", token=3)))
    got = [event for frame in frames for event in read_frame(frame).events]
    assert fold(got) == fold(entry.event for entry in channel.after(0))
    seqs = [FrameId.parse(frame.id).seq for frame in frames]
    assert seqs == sorted(set(seqs))


@given(deltas_of_run())
def test_a_reader_that_lags_gets_neighbouring_pieces_as_one(events: list[ev.RunEvent]) -> None:
    long = [msgspec.structs.replace(e, text=e.text + "x" * 9_000) if isinstance(e, ev.TextDelta) else e for e in events]
    channel = channel_of(long)
    coat = NativeCoat(channel)
    frames = decoded(coat.write(channel.after(0)))
    assert fold(event for frame in frames for event in read_frame(frame).events) == fold(
        entry.event for entry in channel.after(0)
    )
    assert len(long) - sum(len(read_frame(frame).events) for frame in frames) == coat.joined


def test_line_ends_that_json_lets_stand_are_escaped() -> None:
    channel = channel_of([ev.NoteAdded(text="a\u2028b\u2029c\u0085d\r\ne")])
    frame = written(channel)
    assert frame.count(b"\n") == 5
    assert b"\xe2\x80\xa8" not in frame
    assert read_frame(decoded(frame)[0]).events[0].text == "a\u2028b\u2029c\u0085d\r\ne"


def test_last_words_before_the_end_carry_no_id() -> None:
    channel = channel_of([ev.NoteAdded(text="n")])
    coat = NativeCoat(channel)
    stream = coat.write(channel.after(0)) + coat.last_words("server_shutdown")
    assert stream.endswith(b'\n\nevent: link_closing\ndata: {"kind":"link_closing","reason":"server_shutdown"}\n\n')
    received = read_frame(decoded(stream)[-1])
    assert (received.id, received.closing) == (None, "server_shutdown")


@pytest.mark.parametrize(
    "frame",
    [
        Frame("text_delta", "{}", ""),
        Frame("text_delta", "{}", "run1.e0.1"),
        Frame("text_delta", "[1", "run1.e0.1"),
        Frame("joined", '{"events":[{"kind":"x"}]}', "run1.e0.1"),
        Frame("joined", "{}", "run1.e0.1"),
        Frame("link_closing", "{", ""),
        Frame("note_added", '{"kind":"note_added","text":"a"}', "run1.e0.-1"),
        Frame("note_added", '{"kind":"note_added","text":"a"}', "run1..1"),
        Frame("note_added", '{"kind":"note_added","text":"a"}', "run1.e0." + "9" * 30),
    ],
    ids=lambda frame: f"{frame.event}-{frame.id}-{frame.data[:8]}",
)
def test_what_is_no_frame_of_ours_is_a_wire_error(frame: Frame) -> None:
    with pytest.raises(WireError):
        read_frame(frame)


def with_heartbeats() -> tuple[bytes, int]:
    """A whole run with a heartbeat before, between and after all frames, as the wheel sends them."""
    channel = channel_of(sample_run())
    coat = NativeCoat(channel)
    frames = [coat.write([entry]) for entry in channel.after(0)]
    stream = HEARTBEAT + b"".join(frame + HEARTBEAT * 2 for frame in frames)
    return stream, len(frames)


def by_httpx_sse(pieces: list[bytes]) -> list[str]:
    response = httpx.Response(200, headers={"content-type": "text/event-stream"}, stream=_Pieces(pieces))
    return [event.data for event in httpx_sse.EventSource(response).iter_sse()]


def by_httpx2(pieces: list[bytes]) -> list[str]:
    request = httpx2.Request("GET", "http://127.0.0.1")
    response = httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=b"".join(pieces), request=request)
    return [event.data for event in httpx2.EventSource(response)]


def by_openai(pieces: list[bytes]) -> list[str]:
    return [event.data for event in SSEDecoder().iter_bytes(iter(pieces))]


def by_sseclient(pieces: list[bytes]) -> list[str]:
    source = io.BytesIO(b"".join(pieces))
    return [event.data for event in sseclient.SSEClient(source).events()]


def by_launchdarkly(pieces: list[bytes]) -> list[str]:
    lines = _BufferedLineReader.lines_from(iter(pieces))
    return [event.data for event in _SSEReader(lines).events_and_comments() if isinstance(event, LdEvent)]


class _Pieces(httpx.SyncByteStream):
    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = pieces

    def __iter__(self) -> Iterable[bytes]:
        return iter(self._pieces)


@pytest.mark.parametrize("size", [None, 1000, 7], ids=["whole", "by1000", "by7"])
@pytest.mark.parametrize("read", [by_httpx_sse, by_httpx2, by_openai, by_sseclient, by_launchdarkly])
def test_other_clients_see_every_event_and_no_phantom(read: Callable[[list[bytes]], list[str]], size: int | None) -> None:
    stream, count = with_heartbeats()
    pieces = [stream] if size is None else [stream[at : at + size] for at in range(0, len(stream), size)]
    got = read(pieces)
    assert len(got) == count
    assert [msgspec.json.decode(payload)["seq"] for payload in got] == list(range(1, count + 1))
