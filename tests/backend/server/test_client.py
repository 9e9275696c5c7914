"""The client at a server: silence with heartbeats, and servers that are broken or hostile."""

import asyncio
import gzip
import itertools
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

import httpx
import pytest

import genie_nb as gn
from genie_nb import events as ev
from genie_nb.backend.client import Client
from genie_nb.backend.link import LinkPatience
from genie_nb.backend.loop import BackendLoop
from genie_nb.backend.remote import RemoteRun
from genie_nb.backend.server.serving import Server
from genie_nb.errors import LinkError
from genie_nb.events import encode_event
from genie_nb.parts import Plan
from tests.backend.server.test_serving import gated
from tests.fakes import collect, run
from tests.hosting import run_events

Serve = Callable[..., Server]


class Pieces(httpx.AsyncByteStream):
    """A body that comes in pieces, and is counted."""

    def __init__(self, pieces: AsyncIterator[bytes]) -> None:
        self.pieces, self.sent, self.closed = pieces, 0, False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self.pieces:
            self.sent += len(piece)
            yield piece

    async def aclose(self) -> None:
        self.closed = True


async def once(body: bytes) -> AsyncIterator[bytes]:
    yield body


async def forever(piece: bytes) -> AsyncIterator[bytes]:
    while True:
        yield piece


async def nothing_more() -> AsyncIterator[bytes]:
    await asyncio.Event().wait()
    yield b""


def a_client(answer: Callable[[httpx.Request], Any], **patience: Any) -> Client:
    """A client of a server that answers like this, which never really waits between two tries."""

    async def no_wait(_seconds: float) -> None:
        return None

    quick = LinkPatience(**{"sleep": no_wait, "chance": lambda: 1.0, "tries": 3, **patience})
    return Client("http://server.example", patience=quick, transport=httpx.MockTransport(answer))


def stream(*frames: str, heartbeat: str = "10", more: AsyncIterator[bytes] | None = None) -> httpx.Response:
    """An event stream with these frames, and then its end, or more."""

    async def pieces() -> AsyncIterator[bytes]:
        yield "".join(frames).encode()
        if more is not None:
            async for piece in more:
                yield piece

    headers = {"content-type": "text/event-stream", "x-genie-heartbeat": heartbeat}
    return httpx.Response(200, headers=headers, stream=Pieces(pieces()))


def test_a_silent_run_loses_no_link_however_many_heartbeats_it_is_silent_for(serve: Serve) -> None:
    """What a connection may take to stand is no longer than a heartbeat, as by default, and says nothing of silence."""
    tools, open_gate = gated()
    server = serve(gn.ScriptedModel([gn.Say("I wait.", [("wait", {})]), gn.Say("done")]), tools=tools, heartbeat_s=0.5)

    async def main() -> list[ev.Event]:
        client = Client(server.url, patience=LinkPatience(connect_s=0.3, silent_heartbeats=20))
        run_id = await client.ask("?", request_id="r1")
        got: list[ev.Event] = []
        async for event in client.events(run_id):
            got += [event] if got or isinstance(event, ev.LinkOpened) else []  # a slow machine may open it twice
            if sum(isinstance(event, ev.Heartbeat) for event in got) == 6:
                open_gate()
        await client.close()
        return got

    got = run(main())
    assert sum(isinstance(event, ev.Heartbeat) for event in got) >= 6
    assert [event for event in got if isinstance(event, ev.LinkLost)] == []
    assert isinstance(got[-2], ev.RunFinished)


@pytest.mark.parametrize(
    ("said", "silent_heartbeats", "silence"), [("0.000001", 1, "0.1"), ("999999", 0.0001, "0.03")], ids=["short", "long"]
)
def test_a_server_cannot_call_any_time_a_heartbeat(said: str, silent_heartbeats: float, silence: str) -> None:
    """The shortest is 0.1 s, the longest 300 s."""

    async def main() -> ev.LinkLost:
        client = a_client(
            lambda request: stream(": hb\n", heartbeat=said, more=nothing_more()), silent_heartbeats=silent_heartbeats
        )
        async with aclosing(client.events("run1")) as events:
            return await anext(event async for event in events if isinstance(event, ev.LinkLost))

    assert run(main()).reason == f"nothing came for {silence} s, not even a heartbeat"


def test_a_server_that_takes_the_question_and_says_nothing_is_given_up() -> None:
    async def silent(request: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    with pytest.raises(LinkError, match=r"the server did not answer within 0\.01 s"):
        run(collect(a_client(silent, connect_s=0.01).events("run1")))


def asks(answer: Callable[[httpx.Request], Any], what: str) -> Any:
    """What a server that answers like this makes of a question, a look, a file."""

    async def main() -> Any:
        client = a_client(answer)
        match what:
            case "ask":
                return await client.ask("?", request_id="r1")
            case "look":
                return await client.look("run1")
            case "file":
                return await client.read_file("run1", "a.txt", 10)
            case _:
                return await collect(client.events("run1"))

    return run(main())


@pytest.mark.parametrize("what", ["ask", "look", "file", "events"])
@pytest.mark.parametrize("status", [200, 404, 500])
def test_of_an_endless_answer_no_more_is_read_than_makes_sense(what: str, status: int) -> None:
    bodies: list[Pieces] = []

    def answer(request: httpx.Request) -> httpx.Response:
        bodies.append(Pieces(forever(b"x" * 65536)))
        headers = {"content-type": "text/event-stream" if status == 200 and what == "events" else "application/json"}
        return httpx.Response(status, headers=headers, stream=bodies[-1])

    if (what, status) == ("file", 200):
        assert asks(answer, what) == b"x" * 10
    else:
        with pytest.raises(LinkError):
            asks(answer, what)
    most = {"events": 17 * 2**20, "file": 65536}.get(what, 2**21) if status == 200 else 65536
    assert all(body.closed and body.sent <= most for body in bodies)


@pytest.mark.parametrize("kind", ["gzip", "deflate"])
def test_a_few_bytes_that_unpack_to_very_many_are_not_unpacked(kind: str) -> None:
    packed = {"gzip": gzip.compress, "deflate": zlib.compress}[kind](b'{"run_id": "r"}' + b" " * 2**26)

    def answer(request: httpx.Request) -> httpx.Response:
        assert request.headers["accept-encoding"] == "identity"
        return httpx.Response(200, headers={"content-encoding": kind}, stream=Pieces(once(packed)))

    with pytest.raises(LinkError, match=f"something else than genie_nb .*{len(packed):,} bytes"):
        asks(answer, "look")


@pytest.mark.parametrize(
    "body",
    [b"<html>Sign in</html>", b"", b"null", b"[1]", b"\xff{", b"[" * 100_000, b'{"run_id": null}', b"{}"],
    ids=["html", "empty", "null", "list", "no-text", "deep", "no-run", "no-word"],
)
def test_an_answer_that_is_none_of_ours_is_told_in_words_and_not_asked_for_again(body: bytes) -> None:
    asked = 0

    def answer(request: httpx.Request) -> httpx.Response:
        nonlocal asked
        asked += 1
        return httpx.Response(200, headers={"content-type": "text/html"}, stream=Pieces(once(body)))

    with pytest.raises(LinkError, match=r"(?s)something else than genie_nb \(text/html|lacks 'run_id'"):
        asks(answer, "ask")
    assert asked == 1


@pytest.mark.parametrize("status", [200, 500])
def test_an_answer_that_never_ends_is_given_up(status: int) -> None:
    client = a_client(lambda request: httpx.Response(status, stream=Pieces(nothing_more())), answer_s=0.01)

    with pytest.raises(LinkError, match=r"did not answer within 0\.01 s"):
        run(client.look("run1"))


def framed(seq: int, *events: ev.RunEvent, kind: str = "", run_id: str = "run1", epoch: str = "e") -> str:
    """A frame of the native dialect."""
    told = [encode_event(event).decode() for event in events]
    if not kind and len(told) == 1:
        return f"id: {run_id}.{epoch}.{seq}\nevent: {events[0].__struct_config__.tag}\ndata: {told[0]}\n\n"
    return f'id: {run_id}.{epoch}.{seq}\nevent: {kind or "joined"}\ndata: {{"events": [{",".join(told)}]}}\n\n'


def note(seq: int) -> ev.NoteAdded:
    return ev.NoteAdded(seq=seq, run_id="run1", text=f"note {seq}")


END = ev.RunFinished(seq=5, run_id="run1", output="done")
WHOLE = [*(framed(seq, note(seq)) for seq in range(1, 5)), framed(5, END)]
MISPLACED = {
    "jump": (framed(4, note(4)), "the events from 3 to 3 are missing"),
    "jump-to-the-end": (framed(5, END), "the events from 3 to 4 are missing"),
    "jump-of-what-is-joined": (framed(5, note(4), END), "the events from 3 to 3 are missing"),
    "jump-without-events": (framed(4, kind="joined"), "the events from 3 to 3 are missing"),
    "jump-to-what-is-unknown": ('id: run1.e.4\nevent: new\ndata: {"kind": "new"}\n\n', "the events from 3 to 3 are missing"),
    "another-run": (framed(3, note(3), run_id="run2"), "it sent an event of another run"),
    "another-log": (framed(3, note(3), epoch="f"), "it went on in another log"),
}


@pytest.mark.parametrize(("frame", "reason"), MISPLACED.values(), ids=MISPLACED)
@pytest.mark.parametrize("known", [2, 0], ids=["later", "at-once"])
def test_what_cannot_come_next_breaks_the_link_and_nothing_is_lost(frame: str, reason: str, known: int) -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers.get("last-event-id", ""))
        return stream(*WHOLE[:known], frame) if len(asked) == 1 else stream(*WHOLE[known:])

    got = run(collect(a_client(answer).events("run1")))
    if known:
        assert asked == ["", "run1.e.2"]
        assert [event.reason for event in got if isinstance(event, ev.LinkLost)] == [reason]
    assert [event.seq for event in run_events(got)] == [1, 2, 3, 4, 5]


def test_a_snapshot_may_stand_in_any_place_and_pieces_of_texts_for_those_before_them() -> None:
    begun = ev.TextStarted(seq=1, run_id="run1", message_id="m", channel="answer", assignee="a")
    piece = ev.TextDelta(seq=4, run_id="run1", message_id="m", text="a whole line")
    frames = [framed(1, begun), framed(4, piece), framed(9, note(8), note(9), kind="snapshot", epoch="f")]
    end = framed(10, ev.RunFinished(seq=10, run_id="run1", output="done"), epoch="f")

    got = run_events(asks(lambda request: stream(*frames, end), "events"))

    assert [event.seq for event in got] == [1, 4, 0, 8, 9, 10]
    assert isinstance(got[2], ev.LogRestarted)


def test_the_terminal_event_is_the_last_whatever_the_server_joins_to_it() -> None:
    end = ev.RunFinished(seq=1, run_id="run1", output="done")

    got = asks(lambda request: stream(framed(2, end, note(2)), more=nothing_more()), "events")

    assert [type(event) for event in got] == [ev.LinkOpened, ev.RunFinished, ev.LinkClosed]


@pytest.mark.parametrize("asked_s", ["999999", "9" * 15, "2", "x"])
def test_no_server_makes_its_reader_wait_for_longer_than_its_patience(asked_s: str) -> None:
    waits: list[float] = []

    async def wait(seconds: float) -> None:
        waits.append(seconds)

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(503, headers={"retry-after": asked_s}, stream=Pieces(once(b"busy")))

    async def main(what: str) -> None:
        client = a_client(answer, sleep=wait, tries=3, longest_s=30.0)
        await (client.ask("?", request_id="r1") if what == "ask" else collect(client.events("run1")))

    for what in ("ask", "events"):
        with pytest.raises(LinkError, match="503"):
            run(main(what))
    least_s = {"2": 2.0, "x": 0.0}.get(asked_s, 30.0)
    assert waits == [min(least_s + 0.5, 30.0), min(least_s + 1.0, 30.0)] * 2


@pytest.mark.parametrize("name", ["a#b?c.txt", "100%.txt", "%41.txt", "多 少/+&=;.txt"])
def test_a_file_is_had_whatever_its_name(name: str, serve: Serve, connect: Callable[[str], Any]) -> None:
    code = (
        f"import os\nname = {name!r}\nos.makedirs(os.path.dirname(name) or '.', exist_ok=True)\nopen(name, 'w').write(name)"
    )
    server = serve(gn.ScriptedModel([gn.Say("", [("code_interpreter", {"code": code})]), gn.Say("done")]))

    ended = connect(server.url).ask("?", show=False).result(timeout_s=120)

    assert [file.name for file in ended.files] == [name]
    assert ended.read_file(name).decode() == name
    assert ended.read_file(name, 2) == name.encode()[:2]


@pytest.mark.parametrize("name", ["..", "../../metrics", "a/./b"])
def test_no_name_of_a_file_leads_elsewhere_on_the_server(name: str) -> None:
    async def main() -> None:
        await a_client(lambda request: httpx.Response(200, stream=Pieces(once(b"secret")))).read_file("run1", name)

    with pytest.raises(LinkError, match="is no name of a file"):
        run(main())


def test_a_remote_runs_log_is_kept_within_bounds() -> None:
    """300 events of 256 KiB are more than the 64 MiB that a log is kept event by event."""
    client = a_client(lambda request: httpx.Response(500))
    remote = RemoteRun(client, BackendLoop(), "?")
    for number in range(300):
        remote.channel.append(ev.PlanUpdated(plan=Plan(title=f"{number}" + "x" * 2**18, steps=())))

    assert remote.channel.dropped > 0
    assert len(remote.channel.short) == 1
    remote._backend.close()


def test_a_server_that_never_ends_a_run_cannot_fill_its_client(backend: BackendLoop) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for seq in itertools.count(1):
            yield framed(seq, note(seq)).encode()

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            return httpx.Response(202, stream=Pieces(once(b'{"run_id": "run1"}')))
        return stream(more=endless())

    ended = RemoteRun(a_client(answer), backend, "?", most_bytes=2**16).start().result(timeout_s=120)

    assert ended.status == "failed"
    assert "more than 65,536 bytes of the run" in str(ended.error)
